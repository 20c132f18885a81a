from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.errors import (
    TableLockedError,
    UnknownSnapshotError,
    UnknownTableError,
    UnpublishedVersionsError,
    VersionTextError,
)
from lakeworks.catalog.quality_results import QualityResult
from lakeworks.catalog.tables import Tables
from lakeworks.catalog.upkeep import _head, guarding
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.storage.errors import StorageError, VersionNotFoundError
from lakeworks.storage.files import DataFile
from lakeworks.storage.layout import Storage
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS = TableName("silver", "orders")
SCHEMA = Schema(
    (Field("id", Scalar("bigint"), comment="key"), Field("month", Scalar("string")))
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class World:
    """A lake whose tables are written without a pipeline."""

    def __init__(self, root: Path) -> None:
        self.catalog = Catalog.open(f"sqlite:///{root}/catalog.db")
        self.storage = Storage.open(str(root))
        self.tables = Tables(self.catalog, self.storage, {ORDERS: "One row per order."})
        self.written = 0

    def file(self, table: TableName, ids: list[int], month: str | None) -> DataFile:
        self.written += 1
        name = f"{self.written}.parquet"
        store = self.storage.table(table).store
        store.put(name, b"")
        path = store.local_path(name)
        rows = {"id": ids, "month": pa.array([month] * len(ids), pa.string())}
        pq.write_table(pa.table(rows), path)
        return DataFile(name, path.stat().st_size, len(ids), {"month": month}, {})

    def commit(
        self,
        table: TableName,
        *files: DataFile,
        replace: bool = False,
        publish: str | None = None,
    ) -> int:
        log = self.storage.table(table)
        latest = log.latest_version()
        version = log.commit(
            Commit(
                expected=0 if latest is None else latest + 1,
                operation="APPEND",
                added=files,
                removed=log.version().files if replace else (),
                schema=SCHEMA if latest is None else None,
                partition_columns=("month",) if latest is None else None,
                transactions={"lakeworks/bronze.orders": 4},
                info={"run_id": publish or "r0", "fingerprint": "ff"},
            )
        )
        self.catalog.set_head(_head(table, log.version(version)))
        if publish:
            self.catalog.publish(publish, {table: version})
        return version

    def data_files(self, table: TableName) -> set[str]:
        paths = (entry.path for entry in self.storage.table(table).store.list())
        return {path for path in paths if path.endswith(".parquet")}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def orders(world: World) -> World:
    """Two published versions of `silver.orders`; of `gold.daily` one, and one unpublished."""
    world.commit(ORDERS, world.file(ORDERS, [1, 2], "01"), publish="r1")
    files = [world.file(ORDERS, [3], "02"), world.file(ORDERS, [4], None)]
    world.commit(ORDERS, *files, publish="r2")
    daily = TableName("gold", "daily")
    world.commit(daily, world.file(daily, [1], "01"), publish="r3")
    world.commit(daily, world.file(daily, [2], "01"))
    return world


def test_the_list_names_every_table_with_what_readers_see(orders: World) -> None:
    daily, silver = orders.tables.list()
    assert (str(silver.name), silver.layer, silver.rows) == ("silver.orders", "silver", 4)
    assert (silver.version, silver.published) == (1, 1)
    assert silver.description == "One row per order."
    assert (str(daily.name), daily.version, daily.published) == ("gold.daily", 1, 0)


def test_show_tells_the_published_version_whole(orders: World) -> None:
    judged = QualityResult(ORDERS, "r2", NOON, committed=True, version=1, score=0.5)
    orders.catalog.quality_results.record(judged)
    shown = orders.tables.show("silver.orders")
    assert (shown.version, shown.newest, shown.published, shown.kept) == (1, 1, 1, (0, 1))
    assert (shown.rows, shown.files, shown.schema) == (4, 3, SCHEMA)
    assert [(p.values, p.rows, p.files) for p in shown.partitions] == [
        ({"month": None}, 1, 1), ({"month": "01"}, 2, 1), ({"month": "02"}, 1, 1),
    ]  # fmt: skip
    assert sum(p.size_bytes for p in shown.partitions) == shown.size_bytes
    assert shown.location.endswith("/tables/silver/orders")
    assert shown.bookmarks == {"lakeworks/bronze.orders": 4}
    assert shown.score == 0.5
    assert 0 <= shown.freshness_s < 60


def test_show_tells_an_earlier_version_by_number_or_moment(world: World) -> None:
    for hour in range(3):
        with clock.fixed(NOON + timedelta(hours=hour)):
            world.commit(ORDERS, world.file(ORDERS, [hour], "01"), publish=f"r{hour}")
    assert world.tables.show("silver.orders@v0").rows == 1
    assert world.tables.show("silver.orders@2").rows == 3
    assert world.tables.show("silver.orders", at=NOON + timedelta(minutes=90)).rows == 2
    with pytest.raises(UnknownSnapshotError):
        world.tables.show("silver.orders", at=NOON - timedelta(days=1))


def test_a_table_that_readers_did_not_see_then_is_refused(world: World) -> None:
    other = TableName("gold", "daily")
    with clock.fixed(NOON):
        world.commit(other, world.file(other, [1], "01"), publish="r1")
    world.commit(ORDERS, world.file(ORDERS, [1], "01"), publish="r2")
    with pytest.raises(UnknownTableError, match=r"did not see silver\.orders") as told:
        world.tables.show("silver.orders", at=NOON)
    assert told.value.hint == "they saw gold.daily"


def test_an_unpublished_table_shows_its_newest_version(world: World) -> None:
    world.commit(ORDERS, world.file(ORDERS, [1], "01"))
    shown = world.tables.show("silver.orders")
    assert (shown.version, shown.published) == (0, None)


def test_a_table_that_the_catalog_forgot_is_found_in_storage(orders: World) -> None:
    orders.catalog.drop_head(ORDERS)
    assert orders.tables.show(ORDERS).rows == 4


@pytest.mark.parametrize("method", ["show", "history", "optimize", "vacuum"])
def test_a_misspelt_table_is_answered_with_the_nearest(orders: World, method: str) -> None:
    with pytest.raises(UnknownTableError, match=r"did you mean silver\.orders\?"):
        getattr(orders.tables, method)("silver.ordres")


def test_versions_are_refused_where_they_make_no_sense(orders: World) -> None:
    with pytest.raises(VersionTextError, match="names one version"):
        orders.tables.history("silver.orders@v1")
    with pytest.raises(VersionTextError, match="names no version"):
        orders.tables.show("silver.orders@last")


def test_history_joins_commits_with_the_snapshots_that_showed_them(orders: World) -> None:
    newest, oldest = orders.tables.history("silver.orders")
    assert (newest.version, newest.run_id, newest.snapshot, newest.rows_added) == (
        1,
        "r2",
        2,
        2,
    )
    assert (oldest.version, oldest.run_id, oldest.snapshot) == (0, "r1", 1)
    assert [change.snapshot for change in orders.tables.history("gold.daily")] == [None, 3]
    assert len(orders.tables.history("silver.orders", limit=1)) == 1


def test_optimize_merges_files_and_publishes_the_same_rows(world: World) -> None:
    for number in range(4):
        world.commit(ORDERS, world.file(ORDERS, [number], "01"), publish=f"r{number}")
    done = world.tables.optimize("silver.orders")
    assert (done.files_before, done.files_after) == (4, 1)
    snapshot = world.catalog.current_snapshot()
    assert (snapshot.kind, snapshot.tables) == ("maintenance", {ORDERS: done.version})
    head = world.catalog.head(ORDERS)
    assert head is not None
    assert (head.version, head.rows, head.fingerprint) == (done.version, 4, "ff")
    assert head.transactions == {"lakeworks/bronze.orders": 4}
    assert world.tables.history(ORDERS)[0].data_change is False
    assert world.catalog.locks.holders() == []
    # Nothing to do the second time, and then nothing is published either.
    assert world.tables.optimize("silver.orders").version is None
    assert world.catalog.current_snapshot() == snapshot


def test_optimize_refuses_a_table_whose_newest_version_nobody_sees(orders: World) -> None:
    with pytest.raises(
        UnpublishedVersionsError, match="at version 1, but version 0 is"
    ) as told:
        orders.tables.optimize("gold.daily")
    assert "lake run --select gold.daily" in told.value.hint


def test_optimize_does_not_disturb_a_run(orders: World) -> None:
    with (
        orders.catalog.locks.hold([ORDERS], holder="run"),
        pytest.raises(TableLockedError, match="held by run run"),
    ):
        orders.tables.optimize("silver.orders", wait_s=0)


def test_a_quarantine_is_guarded_by_the_locks_of_every_table_it_may_belong_to() -> None:
    guarded = guarding(TableName("quarantine", "silver_web_events"))
    assert TableName("silver", "web_events") in guarded
    assert TableName("silver_web", "events") in guarded
    assert guarding(ORDERS) == [ORDERS]
    assert guarding(TableName("quarantine", "odd_")) == [TableName("quarantine", "odd_")]


def three_replacements(world: World) -> list[datetime]:
    """Replace all rows three times, an hour apart, long ago; return the moments."""
    now = clock.now()
    moments = [now - timedelta(days=30) + timedelta(hours=hour) for hour in range(3)]
    for number, moment in enumerate(moments):
        with clock.fixed(moment):
            file = world.file(ORDERS, [number], "01")
            world.commit(ORDERS, file, replace=number > 0, publish=f"r{number}")
            path = world.storage.table(ORDERS).store.local_path(file.path)
            assert path is not None
            _age(path, moment)
    return moments


def _age(path: Path, moment: datetime) -> None:
    import os

    os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_vacuum_deletes_what_no_kept_snapshot_needs(world: World) -> None:
    three_replacements(world)
    assert len(world.data_files(ORDERS)) == 3
    (planned,) = world.tables.vacuum(dry_run=True)
    assert (len(planned.paths), planned.dry_run) == (2, True)
    assert len(world.data_files(ORDERS)) == 3
    assert len(world.catalog.snapshots()) == 3
    (done,) = world.tables.vacuum()
    assert done.paths == planned.paths
    assert done.size_bytes > 0
    assert world.data_files(ORDERS) == {"3.parquet"}
    assert [snapshot.tables for snapshot in world.catalog.snapshots()] == [{ORDERS: 2}]


def test_vacuum_keeps_what_readers_saw_within_the_retention(world: World) -> None:
    moments = three_replacements(world)
    # At the edge of the retention readers saw the second version.
    retention = clock.now() - moments[1] - timedelta(minutes=30)
    world.tables.vacuum("silver.orders", retention=retention)
    assert world.data_files(ORDERS) == {"2.parquet", "3.parquet"}
    assert [snapshot.tables[ORDERS] for snapshot in world.catalog.snapshots()] == [2, 1]
    assert world.tables.show("silver.orders", at=moments[1] + timedelta(minutes=30)).rows == 1


def test_vacuum_leaves_out_tables_with_unpublished_versions_and_says_so(orders: World) -> None:
    daily, silver = orders.tables.vacuum()
    assert "gold.daily is at version 1" in daily.skipped
    assert silver.skipped == ""
    with pytest.raises(UnpublishedVersionsError):
        orders.tables.vacuum("gold.daily")


def test_a_refused_vacuum_forgets_nothing(orders: World) -> None:
    with pytest.raises(UnpublishedVersionsError):
        orders.tables.vacuum("gold.daily", retention=timedelta(0))
    assert len(orders.catalog.snapshots()) == 3


def many_commits(world: World, count: int, *, publish: set[int]) -> None:
    for number in range(count):
        run = f"r{number}" if number in publish else None
        world.commit(ORDERS, world.file(ORDERS, [number], "01"), publish=run)


def test_vacuum_cuts_old_logs(world: World) -> None:
    many_commits(world, 46, publish={0, 45})
    with clock.fixed(clock.now() + timedelta(days=31)):
        (planned,) = world.tables.vacuum(dry_run=True)
        (done,) = world.tables.vacuum()
    assert len(done.log_paths) == 41
    assert planned.log_paths == done.log_paths
    assert world.tables.show("silver.orders").rows == 46
    with pytest.raises(VersionNotFoundError, match="oldest version left is 40"):
        world.tables.show("silver.orders@v3")


def test_vacuum_leaves_the_log_that_kept_snapshots_and_bookmarks_need(world: World) -> None:
    many_commits(world, 46, publish={0, 25, 45})
    daily = TableName("gold", "daily")
    later = clock.now() + timedelta(days=31)
    with clock.fixed(later):
        # Readers saw version 25 until a moment ago: it can be rolled back to.
        world.catalog.publish("back", {ORDERS: 25}, kind="rollback")
        world.catalog.publish("again", {ORDERS: 45})
        (done,) = world.tables.vacuum()
        assert max(done.log_paths) == f"_delta_log/{19:020}.json"
    log = world.storage.table(daily)
    log.commit(Commit(0, "APPEND", schema=SCHEMA, transactions={"lakeworks/silver.orders": 30}))
    world.catalog.set_head(_head(daily, log.version(0)))
    world.catalog.publish("daily", {daily: 0})
    with clock.fixed(later + timedelta(days=31)):
        _, orders = world.tables.vacuum()
    assert orders.log_paths == ()
    assert len(world.storage.table(ORDERS).changes(30, 45).added) == 15


def test_vacuum_forgets_old_runs_but_none_of_a_kept_snapshot(world: World) -> None:
    many_commits(world, 2, publish={0, 1})
    for number in range(150):
        world.catalog.begin_run(f"r{number}")
        world.catalog.end_run(f"r{number}", "succeeded", {})
    with clock.fixed(clock.now() + timedelta(days=80)):
        world.tables.vacuum()
    assert len(world.catalog.runs(1000)) == 150
    with clock.fixed(clock.now() + timedelta(days=91)):
        world.tables.vacuum(dry_run=True)
        assert len(world.catalog.runs(1000)) == 150
        world.tables.vacuum()
    left = {run.run_id for run in world.catalog.runs(1000)}
    assert left == {"r1", *(f"r{number}" for number in range(50, 150))}


def test_a_version_that_was_vacuumed_is_not_offered_for_rollback(world: World) -> None:
    three_replacements(world)
    current = world.catalog.current_snapshot()
    world.tables.vacuum()
    assert world.catalog.snapshot_before(current) is None


def test_optimize_by_an_unknown_column_says_which_there_are(orders: World) -> None:
    with pytest.raises(StorageError, match="id"):
        orders.tables.optimize("silver.orders", zorder=["idd"])
