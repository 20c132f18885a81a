"""Laws of care: what readers see, now and in any kept snapshot, is the same after it as before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from lakeworks.catalog.upkeep import _head
from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.lake import Lake
from lakeworks.storage.files import DataFile
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from lakeworks.catalog.care.maintain import Maintenance

A, B = TableName("silver", "a"), TableName("gold", "b")
SCHEMA = Schema((Field("id", Scalar("bigint")), Field("word", Scalar("string"))))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LAKE_YML = """name: tried
retention: {lake: 5 days, gold: 20 days}
maintenance: {zorder: advised}
query_history: {keep: 3 days}
"""

tables = st.sampled_from([A, B])
ids = st.lists(st.integers(0, 99), min_size=1, max_size=4)
steps = st.one_of(
    st.tuples(st.just("append"), tables, ids),
    st.tuples(st.just("burst"), tables, ids),
    st.tuples(st.just("replace"), tables, ids),
    st.tuples(st.just("wait"), tables, st.lists(st.integers(1, 9), min_size=1, max_size=1)),
    st.tuples(st.just("query"), tables, ids),
    st.tuples(st.just("orphan"), tables, ids),
    st.tuples(st.just("maintain"), tables, ids),
)


class World:
    """A lake whose tables are written without a pipeline, on a clock of its own."""

    def __init__(self, root: Path) -> None:
        (root / "lake.yml").write_text(LAKE_YML)
        self.lake = Lake.open(root)
        self.now = BEGIN
        self.written = 0

    def file(self, table: TableName, ids: list[int]) -> DataFile:
        self.written += 1
        store = self.lake.storage.table(table).store
        name = f"part-{self.written}.parquet"
        store.put(name, b"")
        path = store.local_path(name)
        assert path is not None
        pq.write_table(pa.table({"id": ids, "word": [f"w{i % 7}" for i in ids]}), path)
        stats = {
            "numRecords": len(ids), "minValues": {"id": min(ids)}, "maxValues": {"id": max(ids)},
        }  # fmt: skip
        return DataFile(name, path.stat().st_size, len(ids), {}, stats)

    def commit(self, table: TableName, ids: list[int], *, replace: bool) -> None:
        log = self.lake.storage.table(table)
        latest = log.latest_version()
        version = log.commit(
            Commit(
                expected=0 if latest is None else latest + 1,
                operation="WRITE",
                added=(self.file(table, ids),),
                removed=log.version().files if replace and latest is not None else (),
                schema=SCHEMA if latest is None else None,
            )
        )
        self.lake.catalog.set_head(_head(table, log.version(version)))
        self.lake.catalog.publish(f"run-{self.written}", {table: version})

    def carry_out(self, step: tuple[str, TableName, list[int]]) -> None:
        kind, table, ids = step
        if kind == "wait":
            self.now += timedelta(days=ids[0])
        elif kind == "orphan":
            self.file(table, ids)
        elif kind == "query" and table in self.lake.catalog.current_snapshot().tables:
            sql = f"select count(*) from {table} where id = 5 and word > 'w1'"
            self.lake.query.sql(sql).rows()
        elif kind == "maintain":
            self.maintained()
        elif kind == "burst":
            for at in range(6):
                self.commit(table, [one + at for one in ids], replace=False)
        elif kind in {"append", "replace"}:
            self.commit(table, ids, replace=kind == "replace")

    def maintained(self) -> Maintenance:
        """Maintain the lake; what it promises to keep must be as it was."""
        kept = self.seen(since=self.now - timedelta(days=5))
        versions = self.versions(B, since=self.now - timedelta(days=20))
        assert self.lake.catalog.query_history.flush(30)
        done = self.lake.care.maintain()
        assert done.failed == ()
        for one in done.done:
            event(one.chore.kind)
        after = self.seen(since=self.now - timedelta(days=5))
        assert {number: after[number] for number in kept} == kept
        assert self.versions(B, since=self.now - timedelta(days=20)).items() >= versions.items()
        # Whatever the catalog still offers can be read.
        self.seen(since=BEGIN)
        return done

    def rows(self, table: TableName, version: int) -> list[tuple[int, str]]:
        log = self.lake.storage.table(table)
        found: list[tuple[int, str]] = []
        for one in log.version(version).files:
            with log.store.open_read(one.path) as stream:
                data = pq.read_table(stream).to_pydict()
            found += zip(data["id"], data["word"], strict=True)
        return sorted(found)

    def seen(self, *, since: datetime) -> dict[int, dict[TableName, list[tuple[int, str]]]]:
        """The rows of every snapshot that readers saw since a moment."""
        snapshots = self.lake.catalog.snapshots(1_000)
        shown = [s for s in snapshots if s.created_at > since]
        before = [s for s in snapshots if s.created_at <= since]
        return {
            s.id: {table: self.rows(table, version) for table, version in s.tables.items()}
            for s in [*shown, *before[:1]]
        }

    def versions(
        self, table: TableName, *, since: datetime
    ) -> dict[int, list[tuple[int, str]]]:
        """The rows of every version that was the table's newest at some moment since."""
        log = self.lake.storage.table(table)
        if log.latest_version() is None:
            return {}
        found = {}
        for entry in log.history():
            try:
                found[entry.version] = self.rows(table, entry.version)
            except LakeError:  # older than what is kept: vacuum was here before
                break
            if entry.committed_at <= since:
                break
        return found


@settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(steps, min_size=3, max_size=25))
def test_care_never_changes_what_is_seen_nor_what_is_kept(
    life: list[tuple[str, TableName, list[int]]],
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Small files and work that costs nothing, so that there is much to do.
        for module in ("layout", "maintain"):
            patch.setattr(f"lakeworks.catalog.care.{module}.target_bytes", lambda _: 1_500)
        patch.setattr("lakeworks.catalog.care.advice.COMPUTE_USD_S", 1e-15)
        world = World(Path(folder))
        with world.lake:
            for step in life:
                world.now += timedelta(hours=1)
                with clock.fixed(world.now):
                    world.carry_out(step)
            # Every file is old now, by the clock of the disk as well.
            world.now = max(world.now, datetime.now(UTC)) + timedelta(days=400)
            with clock.fixed(world.now):
                first = world.maintained()
                assert [one for one in first.left if "budget" in one.why] == []
                # Twice is once: the second finds nothing, but what the first made due.
                world.maintained()
                third = world.lake.care.maintain(dry_run=True)
                assert {one.kind for one in third.planned} <= {"vacuum"}
