"""Tables by our own log, on a folder and on S3: nothing lost, and everyone else reads them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core import clock
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.storage import maintenance
from lakeworks.storage.errors import (
    CommitConflictError,
    CommitRefusedError,
    FilesLostError,
    MaintenanceRefusedError,
    SchemaRefusedError,
    TableNotFoundError,
    VersionNotFoundError,
)
from lakeworks.storage.files import DataFile
from lakeworks.storage.layout import Storage
from lakeworks.storage.log import Commit, TableLog
from lakeworks.storage.log_cleanup import clean_log

if TYPE_CHECKING:
    from lakeworks.storage.objects import ObjectStore

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ID = Schema((Field("id", parse_type("bigint")),))


@pytest.fixture
def log(store: ObjectStore) -> TableLog:
    return TableLog(store.child("tables/silver/orders"))


def write(
    log: TableLog, table: Any, partition: dict[str, str | None] | None = None
) -> DataFile:
    """Write one data file, uncommitted."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    path = f"{uuid.uuid4()}.parquet"
    if partition:
        path = "/".join(f"{k}={v}" for k, v in partition.items()) + "/" + path
    log.store.put(path, buffer.getvalue())
    return DataFile(path, len(buffer.getvalue()), table.num_rows, partition or {})


def ids(log: TableLog, *values: int) -> DataFile:
    return write(log, pa.table({"id": pa.array(values, pa.int64())}))


def create(log: TableLog, *values: int, **more: Any) -> DataFile:
    found = ids(log, *values)
    log.commit(Commit(0, "create", (found,), schema=ID, **more))
    return found


def by_deltalake(log: TableLog, version: int | None = None) -> Any:
    from deltalake import DeltaTable

    table = DeltaTable(log.root, version=version, storage_options=log.store.storage_options())
    return table.to_pyarrow_table()


def by_polars(log: TableLog) -> Any:
    import polars as pl

    options = log.store.storage_options() or None
    return pl.scan_delta(log.root, storage_options=options).collect()


def numbers(log: TableLog, version: int | None = None) -> list[int]:
    return sorted(by_deltalake(log, version)["id"].to_pylist())


def test_a_table_that_is_not_there_says_so(log: TableLog) -> None:
    assert not log.exists()
    assert log.latest_version() is None
    with pytest.raises(TableNotFoundError, match="silver/orders"):
        log.version()


def test_a_commit_carries_rows_bookmarks_and_its_own_information(log: TableLog) -> None:
    first = create(
        log, 1, 2, transactions={"lakeworks/bronze.orders": 7}, info={"run_id": "r1"}
    )
    second = ids(log, 3)
    assert log.commit(Commit(1, "append", (second,), info={"run_id": "r2", "n": [1]})) == 1

    fresh = TableLog(log.store)
    now = fresh.version()
    assert [f.path for f in now.files] == [first.path, second.path]
    assert (now.version, now.rows, now.operation) == (1, 3, "append")
    assert now.transactions == {"lakeworks/bronze.orders": 7}
    assert now.info == {"run_id": "r2", "n": [1]}
    assert fresh.version(0).info == {"run_id": "r1"}
    assert not now.evolved
    assert numbers(log) == [1, 2, 3]
    assert by_polars(log)["id"].sort().to_list() == [1, 2, 3]
    assert numbers(log, version=0) == [1, 2]


def test_the_latest_version_is_found_from_any_earlier_one(log: TableLog) -> None:
    create(log, 0)
    for version in range(1, 25):
        log.commit(Commit(version, "append"))
    assert log.latest_version() == 24
    assert [log.latest_version(at_least=n) for n in (0, 3, 8, 23, 24)] == [24] * 5
    assert TableLog(log.store).version(5).version == 5


def test_a_version_taken_by_another_writer_is_a_conflict_and_keeps_nothing(
    log: TableLog,
) -> None:
    create(log, 1)
    other = TableLog(log.store)
    log.commit(Commit(1, "append", (ids(log, 2),)))
    with pytest.raises(CommitConflictError, match="version 1") as caught:
        other.commit(Commit(1, "append", (ids(log, 3),)))
    assert caught.value.retryable
    assert numbers(log) == [1, 2]
    with pytest.raises(VersionNotFoundError):
        log.commit(Commit(9, "append", (ids(log, 4),)))


WRITER = """
    import io, json, sys, uuid
    import pyarrow as pa, pyarrow.parquet as pq
    from lakeworks.storage.errors import CommitConflictError
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import Commit, TableLog
    from lakeworks.storage.objects import ObjectStore

    url, options, writer, count = json.loads(sys.argv[1])
    log = TableLog(ObjectStore.open(url, options))
    for number in range(count):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"id": [writer * 1000 + number]}), buffer)
        path = f"{uuid.uuid4()}.parquet"
        log.store.put(path, buffer.getvalue())
        added = (DataFile(path, len(buffer.getvalue()), 1),)
        while True:
            try:
                log.commit(Commit(log.latest_version() + 1, "append", added))
                break
            except CommitConflictError:
                continue
"""


def run_python(code: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *arguments],
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        **more,
    )


@pytest.mark.slow
def test_four_processes_racing_for_fifty_commits_each_lose_nothing(
    place: tuple[str, dict[str, str]], store: ObjectStore
) -> None:
    import json

    url, options = place
    log = TableLog(store.child("race"))
    create(log)
    writers = [
        run_python(WRITER, json.dumps([f"{url}/race", options, writer, 50]))
        for writer in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0, errors
    expected = sorted(w * 1000 + n for w in range(4) for n in range(50))
    assert numbers(log) == expected
    now = TableLog(store.child("race")).version()
    assert now.version == 200
    assert now.rows == 200
    moments = [entry.committed_at for entry in log.history()]
    assert moments == sorted(moments, reverse=True)


def test_a_commit_that_would_break_the_table_is_refused(log: TableLog) -> None:
    there = create(log, 1)
    ghost = DataFile("ghost.parquet", 10, 1)
    wrong_size = DataFile(there.path.replace(".parquet", "2.parquet"), 1, 1)
    log.store.put(wrong_size.path, b"more than one byte")
    refused = [
        (Commit(1, "x", (ghost,)), "ghost.parquet is not there"),
        (Commit(1, "x", (wrong_size,)), "18 bytes, not 1"),
        (Commit(1, "x", (there,)), "twice"),
        (Commit(1, "x", removed=(ghost,)), "not in it"),
        (Commit(1, "x", partition_columns=("id",)), "partition columns change"),
        (Commit(1, "x", (DataFile("a", 1, 1, {"id": "1"}),)), "has partition"),
    ]
    for commit, reason in refused:
        with pytest.raises(CommitRefusedError, match=reason):
            log.commit(commit)
    assert log.latest_version() == 0
    with pytest.raises(CommitRefusedError, match="no columns"):
        TableLog(log.store.child("new")).commit(Commit(0, "create"))


def test_a_narrower_schema_is_refused_while_old_rows_stay_and_taken_when_none_does(
    log: TableLog,
) -> None:
    old = create(log, 1)
    narrow = Schema((Field("id", parse_type("int")),))
    other = Schema((Field("name", parse_type("string")),))
    with pytest.raises(SchemaRefusedError, match=r"'id'.*bigint.*int"):
        log.commit(Commit(1, "append", schema=narrow))
    with pytest.raises(SchemaRefusedError, match="missing from the new schema"):
        log.commit(Commit(1, "append", schema=other))
    new = write(log, pa.table({"name": ["a"]}))
    log.commit(Commit(1, "replace", (new,), (old,), schema=other))
    assert by_deltalake(log).to_pydict() == {"name": ["a"]}
    assert not log.version().evolved


def test_added_and_widened_columns_read_the_same_everywhere(log: TableLog) -> None:
    first = Schema((Field("id", parse_type("int")), Field("s", parse_type("struct<a:int>"))))
    second = Schema((
        Field("id", parse_type("bigint")),
        Field("s", parse_type("struct<a:int,b:string>")),
        Field("new", parse_type("decimal(10,2)"), comment="said later"),
    ))  # fmt: skip
    old = pa.table(
        {
            "id": pa.array([1], pa.int32()),
            "s": pa.array([{"a": 1}], pa.struct([("a", pa.int32())])),
        }
    )
    new = pa.table(
        {
            "id": pa.array([2**40], pa.int64()),
            "s": pa.array(
                [{"a": 2, "b": "x"}], pa.struct([("a", pa.int32()), ("b", pa.string())])
            ),
            "new": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        }
    )
    log.commit(Commit(0, "create", (write(log, old),), schema=first))
    log.commit(Commit(1, "append", (write(log, new),), schema=second))
    expected = [
        {"id": 1, "s": {"a": 1, "b": None}, "new": None},
        {"id": 2**40, "s": {"a": 2, "b": "x"}, "new": Decimal("1.50")},
    ]
    assert by_deltalake(log).sort_by("id").to_pylist() == expected
    assert by_polars(log).sort("id").to_dicts() == expected
    fresh = TableLog(log.store).version()
    assert fresh.evolved
    assert fresh.schema == second
    # A later replacement makes all files alike again.
    log.commit(Commit(2, "replace", (write(log, new),), fresh.files))
    assert not TableLog(log.store).version().evolved


def test_widening_that_others_cannot_cast_is_written_anew_by_conform(log: TableLog) -> None:
    def schema(*types: str) -> Schema:
        names = ("id", "amount", "day")
        return Schema(tuple(Field(n, parse_type(t)) for n, t in zip(names, types, strict=True)))

    old = pa.table(
        {
            "id": pa.array([1], pa.int64()),
            "amount": pa.array([Decimal("1.25")], pa.decimal128(10, 2)),
            "day": pa.array([date(2024, 1, 2)]),
        }
    )
    new = pa.table(
        {
            "id": pa.array([2.5]),
            "amount": pa.array([Decimal("1.125")], pa.decimal128(12, 3)),
            "day": pa.array([datetime(2024, 1, 2, 3)], pa.timestamp("us")),  # noqa: DTZ001
        }
    )
    log.commit(
        Commit(0, "c", (write(log, old),), schema=schema("bigint", "decimal(10,2)", "date"))
    )
    wide = schema("double", "decimal(12,3)", "timestamp_ntz")
    log.commit(Commit(1, "append", (write(log, new),), schema=wide))
    done = maintenance.conform(log)
    assert (done.version, done.files_after) == (2, 2)
    assert maintenance.conform(log).version is None
    rows = by_polars(log).sort("id").to_dicts()
    assert rows == by_deltalake(log).sort_by("id").to_pylist()
    assert [str(row["amount"]) for row in rows] == ["1.250", "1.125"]
    assert log.changes(1, 2).added == ()


# --- time travel, restore, changes ---------------------------------------------------------


def test_time_travel_by_moment_finds_the_version_that_held_then(log: TableLog) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for version in range(6):
        with clock.fixed(start + timedelta(hours=version)):
            files = (ids(log, version),)
            log.commit(Commit(version, "append", files, schema=ID if version == 0 else None))
    for version in range(6):
        assert log.version_at(start + timedelta(hours=version)) == version
        assert log.version_at(start + timedelta(hours=version, minutes=59)) == version
    assert log.version_at(start + timedelta(days=9)) == 5
    with pytest.raises(VersionNotFoundError, match="did not exist"):
        log.version_at(start - timedelta(seconds=1))
    assert [v.rows for v in map(log.version, range(6))] == [1, 2, 3, 4, 5, 6]
    assert [entry.version for entry in log.history(2)] == [5, 4]


def test_restore_brings_back_rows_schema_and_bookmarks(log: TableLog) -> None:
    first = create(log, 1, transactions={"a": 1}, info={"fingerprint": "f"})
    wide = Schema((*ID.fields, Field("x", parse_type("string"))))
    second = write(log, pa.table({"id": [2], "x": ["y"]}))
    log.commit(
        Commit(1, "merge", (second,), (first,), schema=wide, transactions={"a": 2, "b": 5})
    )
    log.commit(Commit(2, "append", (write(log, pa.table({"id": [3], "x": ["z"]})),)))
    assert log.commit(log.restore_commit(0)) == 3
    fresh = TableLog(log.store).version()
    assert fresh.transactions == {"a": 1}
    assert fresh.schema == ID
    assert [f.path for f in fresh.files] == [first.path]
    assert fresh.info == {"fingerprint": "f", "restores": 0}
    assert not fresh.evolved
    assert by_deltalake(log).to_pydict() == {"id": [1]}
    assert by_polars(log).to_dict(as_series=False) == {"id": [1]}
    log.commit(log.restore_commit(2))
    assert numbers(log) == [2, 3]
    assert log.version().transactions == {"a": 2, "b": 5}
    with pytest.raises(VersionNotFoundError):
        log.restore_commit(77)


def test_restore_of_a_version_whose_files_are_gone_is_refused(log: TableLog) -> None:
    first = create(log, 1)
    log.commit(Commit(1, "replace", (ids(log, 2),), (first,)))
    log.store.delete([first.path])
    with pytest.raises(FilesLostError, match=first.path):
        log.commit(log.restore_commit(0))
    assert numbers(log) == [2]


def test_changes_are_the_net_of_what_came_and_went(log: TableLog) -> None:
    base = create(log, 1)
    second, third = ids(log, 2), ids(log, 3)
    log.commit(Commit(1, "append", (second,)))
    log.commit(Commit(2, "append", (third,)))
    again = ids(log, 2, 20)
    log.commit(Commit(3, "merge", (again,), (second,)))

    def paths(since: int, until: int) -> tuple[list[str], list[str], bool]:
        found = log.changes(since, until)
        return [f.path for f in found.added], [f.path for f in found.removed], found.complete

    assert paths(0, 2) == ([second.path, third.path], [], True)
    assert paths(0, 3) == ([third.path, again.path], [], True)
    assert paths(1, 3) == ([third.path, again.path], [second.path], True)
    assert paths(3, 3) == ([], [], True)
    assert [f.rows for f in log.changes(0, 3).added] == [1, 2]
    log.commit(Commit(4, "replace", (), (base,)))
    assert paths(0, 4)[1] == [base.path]
    log.commit(log.restore_commit(3))
    assert paths(3, 5) == ([], [], True)


def test_changes_see_through_compaction_while_the_first_files_exist(log: TableLog) -> None:
    create(log, 1)
    fresh = [ids(log, n) for n in (2, 3)]
    for version, added in enumerate(fresh, start=1):
        log.commit(Commit(version, "append", (added,)))
    done = maintenance.compact(log)
    assert (done.files_before, done.files_after) == (3, 1)
    seen = log.changes(0, 3)
    assert seen.complete
    assert [f.path for f in seen.added] == [f.path for f in fresh]
    assert seen.removed == ()
    assert log.changes(2, 3).added == ()
    log.store.delete([fresh[0].path])
    assert not log.changes(0, 3).complete


def test_changes_give_up_when_rearranged_rows_go(log: TableLog) -> None:
    create(log, 1)
    log.commit(Commit(1, "append", (ids(log, 2),)))
    maintenance.compact(log)
    log.commit(Commit(3, "merge", (ids(log, 5),), log.version().files))
    assert not log.changes(0, 3).complete
    assert log.changes(2, 3).complete
    assert len(log.changes(2, 3).removed) == 1
    log.store.delete(["_delta_log/00000000000000000003.json"])
    assert not log.changes(2, 3).complete


# --- what other engines read ---------------------------------------------------------------

VALUES = ["x y", "a/b", "100%", "ü é 日本", "q'\"\\", None, "a=b&c#d?e:f+g", "%20", "{}[]*"]
ALL_TYPES = Schema(
    tuple(
        Field(name, parse_type(kind))
        for name, kind in {
            "id": "bigint", "part": "string", "truth": "boolean", "tiny": "tinyint",
            "small": "smallint", "whole": "int", "real": "float", "precise": "double",
            "money": "decimal(12,3)", "text with space": "string", "bytes": "binary",
            "ünïcödé": "date", "quote\"'`": "timestamp", "wall": "timestamp_ntz",
            "list": "array<string>", "pairs": "map<string,bigint>",
            "nested": "struct<a:int,b:array<struct<c:string,d:decimal(5,1)>>>",
        }.items()
    )
)  # fmt: skip
ALL_COLUMNS = """
    select i::bigint as id, {part} as part, i % 2 = 0 as truth, i::tinyint as tiny,
        i::smallint as small, i::integer as whole, i::float / 2 as real,
        i / 3.0::double as precise,
        (i * 1.125)::decimal(12, 3) as money, 'text ' || i as "text with space",
        ('b' || i)::blob as bytes, date '2024-02-28' + i::integer as "ünïcödé",
        timestamptz '2024-01-01 00:00:00.123456+00' + i * interval 1 hour as "quote""'`",
        timestamp '2024-01-01 00:00:00.654321' + i * interval 1 hour as wall,
        case when i % 3 = 0 then null else ['a', null, 'c' || i] end as list,
        map {{'k': i::bigint}} as pairs,
        {{'a': i::integer, 'b': [{{'c': 'x' || i, 'd': 1.5::decimal(5, 1)}}]}} as nested
    from range(45) r(i)
"""


def stage_by_duckdb(
    log: TableLog, tmp_path: Path, *, partitioned: bool
) -> tuple[DataFile, ...]:
    """Write all types as the embedded engine does: partition columns inside the files too."""
    import duckdb

    listed = ", ".join(
        "null" if v is None else "'" + v.replace("'", "''") + "'" for v in VALUES
    )
    part = f"[{listed}][1 + i % {len(VALUES)}]"
    scratch = tmp_path / "scratch"
    tmp_path.mkdir(exist_ok=True)
    how = (
        "partition_by (part), write_partition_columns true, filename_pattern '{uuid}', "
        if partitioned
        else ""
    )
    where = scratch if partitioned else tmp_path / "one.parquet"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        written = connection.execute(
            f"copy ({ALL_COLUMNS.format(part=part)}) to '{where}' "
            f"(format parquet, {how} return_stats)"
        ).fetchall()
    files = []
    for name, rows, size, _, _, values in written:
        base = scratch if partitioned else tmp_path
        path = os.path.relpath(name, base)
        log.store.put(path, Path(name).read_bytes())
        partition = {"part": values["part"]} if partitioned else {}
        files.append(DataFile(path, size, rows, partition))
    return tuple(files)


@pytest.mark.parametrize("partitioned", [False, True])
def test_all_types_and_odd_names_read_equal_by_everyone_before_and_after_a_checkpoint(
    log: TableLog, tmp_path: Path, partitioned: bool
) -> None:
    files = stage_by_duckdb(log, tmp_path, partitioned=partitioned)
    columns = ("part",) if partitioned else ()
    log.commit(Commit(0, "create", files, schema=ALL_TYPES, partition_columns=columns))
    if partitioned:
        assert {f.partition["part"] for f in log.version().files} == set(VALUES)

    first = rows_by_everyone(log)
    assert [row["part"] for row in first] == [VALUES[i % len(VALUES)] for i in range(45)]
    assert first[4]["nested"] == {"a": 4, "b": [{"c": "x4", "d": Decimal("1.5")}]}
    assert first[4]["wall"] == datetime(2024, 1, 1, 4, 0, 0, 654321)  # noqa: DTZ001
    assert first[4]["quote\"'`"] == datetime(2024, 1, 1, 4, 0, 0, 123456, tzinfo=UTC)
    assert first[3]["list"] is None

    from lakeworks.storage.log_checkpoint import write_checkpoint

    write_checkpoint(log.store)
    assert log.store.exists("_delta_log/00000000000000000000.checkpoint.parquet")
    log.commit(Commit(1, "touch"))
    assert rows_by_everyone(log) == first
    ours = TableLog(log.store).version()
    assert sorted(ours.files, key=lambda f: f.path) == sorted(
        log.version(0).files, key=lambda f: f.path
    )
    assert ours.schema == ALL_TYPES


def rows_by_everyone(log: TableLog) -> list[dict[str, Any]]:
    """Return the rows, sorted by id, after making sure that deltalake and Polars agree."""
    rows: list[dict[str, Any]] = by_deltalake(log).sort_by("id").to_pylist()
    polars = by_polars(log).sort("id").to_dicts()
    for row in rows:
        row["pairs"] = dict(row["pairs"])
    for row in polars:
        row["pairs"] = dict(row["pairs"])
    assert polars == rows
    return rows


def test_merged_and_sorted_files_hold_the_same_rows_of_all_types(
    log: TableLog, tmp_path: Path
) -> None:
    files = stage_by_duckdb(log, tmp_path, partitioned=True)
    log.commit(Commit(0, "create", files, schema=ALL_TYPES, partition_columns=("part",)))
    more = stage_by_duckdb(log, tmp_path / "more", partitioned=True)
    log.commit(Commit(1, "append", more))
    before = rows_by_everyone(log)
    done = maintenance.compact(log, info={"run_id": "r"})
    assert (done.version, done.files_before, done.files_after) == (2, 18, 9)
    assert sorted(rows_by_everyone(log), key=repr) == sorted(before, key=repr)
    order = ("whole", "money", "wall", "text with space")
    maintenance.compact(log, zorder=order)
    assert sorted(rows_by_everyone(log), key=repr) == sorted(before, key=repr)
    now = TableLog(log.store).version()
    assert now.info["zorder"] == list(order)
    assert log.version(2).info["run_id"] == "r"
    for found in now.files:
        with log.store.open_read(found.path) as file:
            assert pq.read_schema(file).names == list(ALL_TYPES.names)
    with pytest.raises(MaintenanceRefusedError, match="nested"):
        maintenance.compact(log, zorder=["nested"])


def test_zorder_puts_rows_near_in_all_columns_near_in_the_files(log: TableLog) -> None:
    schema = Schema((Field("id", parse_type("bigint")), Field("y", parse_type("bigint"))))
    count = 64
    table = pa.table(
        {
            "id": [i for i in range(count) for _ in range(count)],
            "y": [i for _ in range(count) for i in range(count)],
        }
    )
    log.commit(Commit(0, "create", (write(log, table),), schema=schema))
    size = log.version().size_bytes
    maintenance.compact(log, zorder=["id", "y"], target_file_bytes=size // 16 + 1)
    files = log.version().files
    assert len(files) == 16
    for name in ("id", "y"):
        hit = [
            f for f in files if f.stats["minValues"][name] <= 7 <= f.stats["maxValues"][name]
        ]
        assert len(hit) == 4, f"a search by {name} reads 4 of 16 files"


def test_tables_written_by_deltalake_are_read_here(log: TableLog) -> None:
    from deltalake import DeltaTable, write_deltalake

    options = log.store.storage_options()
    rows = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "part": ["x y/%", None, "ü"],
            "wall": pa.array([datetime(2024, 1, 1)] * 3, pa.timestamp("us")),  # noqa: DTZ001
        }
    )
    write_deltalake(log.root, rows, partition_by=["part"], storage_options=options)
    extra = rows.append_column("more", pa.array(["a", "b", "c"]))
    write_deltalake(
        log.root, extra, mode="append", schema_mode="merge", storage_options=options
    )
    now = log.version()
    assert {f.partition["part"] for f in now.files} == {"x y/%", None, "ü"}
    assert now.rows == 6
    assert {f.name: str(f.type) for f in now.schema} == {
        "id": "bigint", "part": "string", "wall": "timestamp_ntz", "more": "string",
    }  # fmt: skip
    assert now.evolved
    for found in now.files:
        assert log.store.exists(found.path)
    DeltaTable(log.root, storage_options=options).create_checkpoint()
    again = TableLog(log.store).version()
    assert sorted(f.path for f in again.files) == sorted(f.path for f in now.files)
    assert again.rows == 6
    log.commit(Commit(2, "delete", removed=now.files[:1]))
    assert by_deltalake(log).num_rows == 5


def test_a_long_log_is_read_from_its_checkpoint(log: TableLog) -> None:
    create(log, 0, transactions={"lakeworks/files": 0})
    for version in range(1, 46):
        log.commit(
            Commit(
                version,
                "append",
                (ids(log, version),),
                transactions={"lakeworks/files": version},
            )
        )
    log.store.delete([f"_delta_log/{version:020}.json" for version in range(20)])
    fresh = TableLog(log.store)
    assert fresh.version().rows == 46
    assert fresh.version().transactions == {"lakeworks/files": 45}
    assert fresh.version(40).info == {}
    assert fresh.version(30).rows == 31
    with pytest.raises(VersionNotFoundError, match="oldest version left is 20"):
        fresh.version(7)
    assert numbers(log) == list(range(46))


def long_log(log: TableLog, commits: int, **more: Any) -> None:
    """A table to which each commit adds the row of its own number; a checkpoint every 20."""
    create(log, 0, **more)
    for version in range(1, commits):
        log.commit(Commit(version, "append", (ids(log, version),)))


def logged(log: TableLog) -> list[str]:
    return [entry.path.removeprefix("_delta_log/") for entry in log.store.list("_delta_log")]


def test_an_old_log_is_cut_at_a_checkpoint_and_everyone_reads_the_rest(log: TableLog) -> None:
    long_log(log, 46)
    assert clean_log(log, needed=lambda: {45}) == ()
    with clock.fixed(clock.now() + timedelta(days=31)):
        planned = clean_log(log, needed=lambda: {45}, dry_run=True)
        assert len(logged(log)) == 46 + 2 + 1
        assert clean_log(log, needed=lambda: {45}) == planned
        assert clean_log(log, needed=lambda: {45}) == ()
    assert len(planned) == 40 + 1
    assert "00000000000000000039.json" not in logged(log)
    assert "00000000000000000040.json" in logged(log)

    fresh = TableLog(log.store)
    assert fresh.version().rows == 46
    assert numbers(log) == list(range(46))
    assert numbers(log, 42) == list(range(43))
    assert sorted(by_polars(log)["id"].to_list()) == list(range(46))
    with pytest.raises(VersionNotFoundError, match="oldest version left is 40"):
        fresh.version(39)
    fresh.commit(Commit(46, "append", (ids(log, 46),)))
    assert numbers(log) == list(range(47))
    assert not fresh.changes(7, 46).complete
    assert len(fresh.changes(40, 46).added) == 6


def test_the_log_from_the_oldest_needed_version_on_stays(log: TableLog) -> None:
    long_log(log, 46)
    with clock.fixed(clock.now() + timedelta(days=31)):
        assert clean_log(log, needed=lambda: {45, 19}) == ()
        cleaned = clean_log(log, needed=lambda: {45, 39})
    assert max(cleaned) == f"_delta_log/{19:020}.json"
    assert TableLog(log.store).version(39).rows == 40
    assert len(TableLog(log.store).changes(20, 45).added) == 25


def test_what_the_table_had_within_the_retention_can_be_travelled_to(log: TableLog) -> None:
    """The newest version at the edge counts, however old it is."""
    long_log(log, 25)
    later = clock.now() + timedelta(days=31)
    with clock.fixed(later):
        assert clean_log(log, needed=lambda: (), at_least=timedelta(days=32)) == ()
        cleaned = clean_log(log, needed=set)
    assert f"_delta_log/{20:020}.json" not in cleaned
    assert numbers(log, 24) == list(range(25))


@pytest.mark.parametrize(
    ("properties", "days", "cleans"),
    [
        ({"delta.logRetentionDuration": "interval 2 days"}, 3, True),
        ({"delta.logRetentionDuration": "interval 1 week"}, 3, False),
        ({"delta.logRetentionDuration": "for ever"}, 3, False),
    ],
)
def test_the_table_says_how_long_its_log_is_kept(
    log: TableLog, properties: dict[str, str], days: int, cleans: bool
) -> None:
    long_log(log, 22, properties=properties)
    with clock.fixed(clock.now() + timedelta(days=days)):
        assert bool(clean_log(log, needed=set)) is cleans


def test_no_log_is_cut_at_a_checkpoint_that_cannot_be_read(log: TableLog) -> None:
    long_log(log, 22)
    log.store.put(f"_delta_log/{20:020}.checkpoint.parquet", b"PAR1 torn")
    with clock.fixed(clock.now() + timedelta(days=31)):
        assert clean_log(log, needed=set) == ()
    assert TableLog(log.store).version().rows == 22


# --- vacuum and crashes --------------------------------------------------------------------


def test_vacuum_deletes_only_what_no_kept_version_and_no_recent_one_needs(
    log: TableLog,
) -> None:
    first = create(log, 1)
    second, third = ids(log, 2), ids(log, 3)
    log.commit(Commit(1, "replace", (second,), (first,)))
    log.commit(Commit(2, "replace", (third,), (second,)))
    orphan = ids(log, 99)
    assert [o.path for o in maintenance.orphans(log)] == [orphan.path]

    none = maintenance.vacuum(log, keep_versions={0})
    assert none.deleted == ()
    later = clock.now() + timedelta(days=8)
    with clock.fixed(later):
        planned = maintenance.vacuum(log, keep_versions={0}, dry_run=True)
        assert set(planned.deleted) == {second.path, orphan.path}
        assert log.store.exists(second.path)
        done = maintenance.vacuum(log, keep_versions={0})
    assert set(done.deleted) == {second.path, orphan.path}
    assert done.deleted_bytes == second.size_bytes + orphan.size_bytes
    assert numbers(log) == [3]
    assert numbers(log, version=0) == [1]
    assert maintenance.orphans(log) == []
    with pytest.raises(MaintenanceRefusedError, match="version 9"):
        maintenance.vacuum(log, keep_versions={9})


def test_files_given_up_are_deleted_unless_they_were_committed(log: TableLog) -> None:
    staged = ids(log, 1)
    log.discard([staged])
    assert not log.store.exists(staged.path)
    kept = create(log, 1)
    log.discard([kept])
    assert log.store.exists(kept.path)


KILLED = """
    import os, signal, sys
    from lakeworks.storage.log import Commit, TableLog
    from lakeworks.storage.objects import ObjectStore

    moment, root = sys.argv[1:]
    kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    log = TableLog(ObjectStore.open(root))
    log.version()
    if moment == "before the link":
        os.link = kill
    elif moment == "before the flush":
        os.fsync = kill
    else:
        real = os.link
        os.link = lambda *a: (real(*a), kill())
    log.commit(Commit(1, "append", transactions={"app": 1}))
"""


@pytest.mark.parametrize(
    ("moment", "version"),
    [("before the flush", 0), ("before the link", 0), ("after the link", 1)],
)
def test_a_kill_during_a_commit_leaves_the_version_before_or_after_whole(
    tmp_path: Path, moment: str, version: int
) -> None:
    root = str(tmp_path / "table")
    log = Storage.open(str(tmp_path)).store.child("table")
    table = TableLog(log)
    create(table, 1)
    process = run_python(KILLED, moment, root)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    left = [f.name for f in (tmp_path / "table/_delta_log").glob(".tmp-*")]
    assert len(left) == 1, "the kill struck in the middle of a commit"
    fresh = TableLog(log)
    assert fresh.latest_version() == version
    assert fresh.version().transactions == ({"app": 1} if version else {})
    assert numbers(fresh) == [1]
    fresh.commit(Commit(version + 1, "append", (ids(fresh, 2),)))
    assert numbers(fresh) == [1, 2]
    assert by_polars(fresh)["id"].sort().to_list() == [1, 2]
    with clock.fixed(clock.now() + timedelta(days=8)):
        swept = maintenance.vacuum(fresh, keep_versions=set())
    assert swept.deleted == (f"_delta_log/{left[0]}",)


def test_a_storage_lists_its_tables(place: tuple[str, dict[str, str]]) -> None:
    from lakeworks.core.names import TableName

    storage = Storage.open(*place)
    assert storage.tables() == []
    for name in ("silver.orders", "quarantine.silver_orders"):
        create(storage.table(TableName.parse(name)), 1)
    storage.store.put("tables/silver/unfinished/a.parquet", b"x")
    storage.store.put("tables/Not Ours/x/a", b"x")
    assert [str(name) for name in storage.tables()] == [
        "quarantine.silver_orders",
        "silver.orders",
    ]
    table = TableName.parse("silver.orders")
    assert storage.table_root(table) == storage.table(table).root
    assert storage.table(table) is storage.table(table)
    storage.staging_of("run").put("a/b", b"x")
    storage.clear_staging("run")
    assert list(storage.staging.list()) == []
    storage.landing.put("bronze.orders/x", b"y")
    assert storage.store.get("landing/bronze.orders/x") == b"y"
