from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog import Catalog, Head, LedgerEntry
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines import registry
from lakeworks.pipeline.doctor import examine
from lakeworks.pipeline.state import FILES, Services
from lakeworks.project.declaration import Environment, Location, Model, Project, Source
from lakeworks.storage.files import DataFile
from lakeworks.storage.layout import Storage
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.engines.protocol import Engine
    from lakeworks.pipeline.findings import Finding

BRONZE, SILVER = TableName("bronze", "orders"), TableName("silver", "orders")
SCHEMA = Schema((Field("id", Scalar("bigint")),))
AT = Location("lake.yml", 1)


def _no_engine() -> Engine:
    pytest.fail("the doctor needs no engine")


class World:
    """A lake of one source and one model, both loaded and published."""

    def __init__(self, root: Path) -> None:
        self.root = root
        url = f"sqlite:///{root}/lake/catalog.db"
        environment = Environment("dev", str(root / "lake"), url, "duckdb")
        source = Source(BRONZE, AT, str(root / "in"), "in", format="json")
        model = Model(SILVER, AT, "append", (BRONZE,), BRONZE, "ff", sql="select 1")
        project = Project(
            root, "shop", environment, ("dev",), "run", {BRONZE: source}, {SILVER: model}
        )
        self.catalog = Catalog.open(url)
        self.storage = Storage.open(environment.storage)
        self.services = Services(project, self.catalog, self.storage, _no_engine)
        self.written = 0

    def load(self) -> None:
        self.storage.landing.put(f"{BRONZE}/2026-01-01/1/a.json", b"{}")
        uri = self.storage.landing.uri(f"{BRONZE}/2026-01-01/1/a.json")
        self.catalog.ledger.begin_batch(BRONZE, [LedgerEntry("a.json", 0, 2, 3, "", "", uri)])
        self.catalog.begin_run("r1")
        versions = {
            BRONZE: self.commit(BRONZE, {FILES: 1}),
            SILVER.quarantine: self.commit(SILVER.quarantine, {"lakeworks/silver.orders": 0}),
            SILVER: self.commit(SILVER, {"lakeworks/bronze.orders": 0}),
        }
        self.catalog.publish("r1", versions)
        self.catalog.end_run("r1", "succeeded", {})

    def staged(self, table: TableName) -> DataFile:
        self.written += 1
        name = f"{self.written}.parquet"
        store = self.storage.table(table).store
        store.put(name, b"")
        path = cast("Path", store.local_path(name))
        pq.write_table(pa.table({"id": [self.written]}), path)
        return DataFile(name, path.stat().st_size, 1)

    def commit(self, table: TableName, bookmarks: dict[str, int]) -> int:
        log = self.storage.table(table)
        latest = log.latest_version()
        version = log.commit(
            Commit(
                expected=0 if latest is None else latest + 1,
                operation="APPEND",
                added=(self.staged(table),),
                schema=SCHEMA if latest is None else None,
                transactions=bookmarks,
            )
        )
        found = log.version(version)
        head = Head(table, version, found.transactions, "", 1, 1, SCHEMA, clock.now())
        self.catalog.set_head(head)
        return version

    def path(self, table: TableName, name: str) -> Path:
        return cast("Path", self.storage.table(table).store.local_path(name))

    def found(self) -> list[Finding]:
        # A storage of its own, as another command has: nothing of a log is remembered.
        self.services.storage = Storage.open(str(self.root / "lake"))
        return examine(self.services)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.load()
    yield made
    made.catalog.close()


def only(findings: list[Finding]) -> Finding:
    """Return the one finding; every finding says what to do."""
    assert len(findings) == 1, [finding.what for finding in findings]
    assert findings[0].advice
    return findings[0]


def test_a_healthy_lake_has_no_findings(world: World) -> None:
    assert world.found() == []


def test_a_lake_in_which_nothing_has_run_has_no_findings(tmp_path: Path) -> None:
    made = World(tmp_path)
    assert made.found() == []
    made.catalog.close()


def test_what_a_living_run_has_not_finished_is_no_finding(world: World) -> None:
    world.catalog.begin_run("r2")
    with world.catalog.locks.hold([BRONZE, SILVER], holder="r2"):
        world.staged(SILVER)
        world.commit(SILVER.quarantine, {"lakeworks/silver.orders": 9})
        world.commit(BRONZE, {FILES: 1})
        world.storage.staging.put("r2/part.parquet", b"x")
        assert world.found() == []


def test_a_snapshot_rolled_back_is_no_finding(world: World) -> None:
    log = world.storage.table(SILVER)
    world.commit(SILVER, {})
    log.commit(log.restore_commit(0))
    world.catalog.publish("back", {SILVER: 2}, kind="rollback")
    assert world.found() == []


def test_an_orphan_file_is_named_with_its_table(world: World) -> None:
    world.staged(SILVER)
    finding = only(world.found())
    assert (finding.kind, finding.subject) == ("orphan files", "silver.orders")
    assert "1 data file " in finding.problem
    assert "lake vacuum silver.orders" in finding.advice
    assert not finding.serious


def test_files_of_a_first_step_that_was_killed_are_found(tmp_path: Path) -> None:
    made = World(tmp_path)
    made.staged(SILVER.quarantine)
    assert only(made.found()).kind == "orphan files"
    made.catalog.close()


def test_an_unpublished_version_is_found(world: World) -> None:
    world.commit(SILVER, {})
    finding = only(world.found())
    assert (finding.kind, finding.severity) == ("unpublished versions", "warning")
    assert "version 1; readers see version 0" in finding.problem


def test_a_quarantine_ahead_of_its_target_is_found(world: World) -> None:
    world.commit(SILVER.quarantine, {"lakeworks/silver.orders": 1})
    kinds = {finding.kind: finding for finding in world.found()}
    assert set(kinds) == {"quarantine ahead", "unpublished versions"}
    assert "silver.orders@v1" in kinds["quarantine ahead"].problem


def test_a_killed_run_and_its_stale_lock_are_found(world: World) -> None:
    code = (
        "import os, sys; from lakeworks.catalog import Catalog\n"
        "from lakeworks.core.names import TableName\n"
        "c = Catalog.open(sys.argv[1]); c.begin_run('dead')\n"
        "hold = c.locks.hold([TableName('silver', 'orders')], holder='dead')\n"
        "hold.__enter__()\n"
        "os._exit(9)"
    )
    url = world.services.project.environment.catalog
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 9
    world.storage.staging.put("dead/part.parquet", b"x")
    kinds = {finding.kind: finding for finding in world.found()}
    assert set(kinds) == {"killed run", "stale lock", "scratch files"}
    assert kinds["stale lock"].subject == "silver.orders"
    assert "run dead" in kinds["stale lock"].problem
    assert "staging/dead" in kinds["scratch files"].advice


def test_scratch_of_a_living_engine_is_no_finding(world: World) -> None:
    import os

    world.storage.staging.put(f"engine-{os.getpid()}/spill", b"x")
    assert world.found() == []
    world.storage.staging.put("engine-999999999/spill", b"x")
    assert only(world.found()).kind == "scratch files"


def _truncate(world: World) -> None:
    world.path(SILVER, "_delta_log/00000000000000000000.json").write_bytes(b'{"add": {"pa')


def _delete_data(world: World) -> None:
    log = world.storage.table(SILVER)
    world.path(SILVER, log.version().files[0].path).unlink()


def _delete_table(world: World) -> None:
    import shutil

    shutil.rmtree(world.path(SILVER, "_delta_log").parent)


def _go_back(world: World) -> None:
    world.commit(SILVER, {})
    world.catalog.publish("r2", {SILVER: 1})
    world.path(SILVER, "_delta_log/00000000000000000001.json").unlink()


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (_truncate, "unreadable log"),
        (_delete_data, "missing data files"),
        (_delete_table, "vanished table"),
        (_go_back, "log went back"),
    ],
)
def test_damage_to_a_table_is_serious_and_named(
    world: World, damage: Callable[[World], None], kind: str
) -> None:
    damage(world)
    finding = world.found()[0]
    assert (finding.kind, finding.serious) == (kind, True)
    assert finding.subject.startswith("silver.orders")
    assert finding.advice


def test_a_vanished_landing_file_is_found(world: World) -> None:
    world.storage.landing.delete([f"{BRONZE}/2026-01-01/1/a.json"])
    finding = only(world.found())
    assert (finding.kind, finding.subject) == ("vanished landing files", "bronze.orders")
    assert "2026-01-01/1/a.json" in finding.problem


def test_a_vanished_file_that_was_read_where_it_lies_is_found(
    world: World, tmp_path: Path
) -> None:
    stays, goes = tmp_path / "stays.json", tmp_path / "goes.json"
    stays.write_text("{}")
    entries = [LedgerEntry(p.name, 0, 2, 3, "", "", str(p)) for p in (stays, goes)]
    world.catalog.ledger.begin_batch(BRONZE, entries)
    assert world.found() == []  # the batch was begun, but never read
    world.catalog.publish("r2", {BRONZE: world.commit(BRONZE, {FILES: 2})})
    finding = only(world.found())
    assert "goes.json" in finding.problem
    assert "stays.json" not in finding.problem


def test_a_table_that_nothing_declares_is_found(world: World) -> None:
    old = TableName("gold", "old")
    world.catalog.publish("r0", {old: world.commit(old, {})})
    finding = only(world.found())
    assert (finding.kind, finding.subject) == ("undeclared table", "gold.old")


def test_a_missing_extra_is_found_with_the_command_that_installs_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = cast("dict[TableName, Source]", world.services.project.sources)
    sources[BRONZE] = Source(BRONZE, AT, "/in/*.avro", "in/*.avro", format="avro")
    extensions = "lakeworks.engines.duckdb.extensions.extension_path"
    monkeypatch.setattr(extensions, lambda _: world.root)
    assert world.found() == []
    monkeypatch.setattr(extensions, lambda _: None)
    finding = only(world.found())
    assert (finding.kind, finding.advice) == ("missing extra", "pip install 'lakeworks[avro]'")
    assert registry.missing_extras("duckdb", ["avro", "s3"]) == ["avro", "s3"]


def test_a_damaged_catalog_is_told_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "integrity", lambda _: ["row 1 missing from index heads"])
    world.staged(SILVER)
    finding = only(world.found())
    assert (finding.kind, finding.serious) == ("damaged catalog", True)


def test_the_worst_comes_first(world: World) -> None:
    world.staged(BRONZE)
    _delete_data(world)
    world.commit(SILVER, {})
    severities = [finding.severity for finding in world.found()]
    assert severities == ["error", "error", "warning", "note"]


def test_findings_are_plain_for_json(world: World) -> None:
    world.staged(SILVER)
    plain = only(world.found()).as_json()
    assert set(plain) == {"kind", "subject", "problem", "severity", "advice"}
