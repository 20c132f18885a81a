"""Table care: finding what is due, what recording queries costs, what compaction and z-order gain.

Budgets on two cores: `lake maintain --dry-run` over 1,000 tables 5 s; recording adds at most 1 ms
to a query, also while somebody else writes the catalog; after maintenance a query for one
customer scans at most a fifth of the bytes, in at most half of the time.

    python benchmarks/bench_care.py [--tables 1000] [--queries 400] [--rows 8000000] [--files 160]

A size of 0 leaves a part out. The last one lets raw DuckDB answer the same query from the same files,
before and after, and from the same rows as DuckDB sorts and writes them itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lakeworks.catalog.upkeep import _head
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.lake import Lake
from lakeworks.query.recording import Recording
from lakeworks.query.service import QueryService
from lakeworks.storage.files import DataFile
from lakeworks.storage.log import Commit
from lakeworks.storage.parquet import footer_stats

if TYPE_CHECKING:
    from collections.abc import Callable


EVENTS = TableName("silver", "events")
SMALL = Schema((Field("id", Scalar("bigint")), Field("city", Scalar("string"))))
COLUMNS: dict[str, str] = {
    "customer_id": "bigint", "at": "timestamp_ntz", "amount": "double", "note": "string",
}  # fmt: skip
SCHEMA = Schema(tuple(Field(name, Scalar(kind)) for name, kind in COLUMNS.items()))
KINDS = 4
LAKE_YML = "name: bench\nmaintenance: {zorder: advised}\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tables", type=int, default=1_000)
    arguments.add_argument("--queries", type=int, default=400)
    arguments.add_argument("--rows", type=int, default=8_000_000)
    arguments.add_argument("--files", type=int, default=160)
    given = arguments.parse_args()
    parts = (
        (given.tables, lambda root: many_tables(root, given.tables)),
        (given.queries, lambda root: recording(root, given.queries)),
        (given.rows, lambda root: one_customer(root, given.rows, given.files)),
    )
    for part in [work for size, work in parts if size]:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            root = Path(folder)
            (root / "lake.yml").write_text(LAKE_YML)
            part(root)


def many_tables(root: Path, count: int) -> None:
    """Plan for many tables of ten commits; half of them are in need of something."""
    with Lake.open(root) as lake:
        changes: dict[TableName, int | None] = {}
        for number in range(count):
            table = TableName("silver", f"t{number:05}")
            if number < KINDS:
                write_table(lake, table, number)
            else:  # a log names no place, so a copy of a table is a table
                like = lake.storage.table_root(TableName("silver", f"t{number % KINDS:05}"))
                shutil.copytree(like, lake.storage.table_root(table))
            log = lake.storage.table(table)
            lake.catalog.set_head(_head(table, log.version(9)))
            changes[table] = 9
            age(Path(lake.storage.table_root(table)))
        lake.catalog.publish("bench", changes)
    for turn in ("first", "second"):
        with Lake.open(root) as lake:
            begin = time.perf_counter()
            planned = lake.care.maintain(dry_run=True)
            took = time.perf_counter() - begin
        kinds = sorted({one.kind for one in planned.planned})
        print(f"dry run over {count:,} tables, {turn}: {took:.2f} s, "
              f"{len(planned.planned):,} chores ({', '.join(kinds)})")  # fmt: skip


def age(folder: Path) -> None:
    """Let files be as old as those of a lake that has been there for a while."""
    moment = time.time() - 20 * 86_400
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


def write_table(lake: Lake, table: TableName, number: int) -> None:
    log = lake.storage.table(table)
    for version in range(10):
        files = [small_file(log, version, at) for at in range(1 + number % 2 * 3)]
        log.commit(
            Commit(
                version,
                "WRITE",
                added=tuple(files),
                removed=log.version().files if version and number == 1 else (),
                schema=SMALL if version == 0 else None,
            )
        )


def small_file(log: Any, version: int, at: int) -> DataFile:
    name = f"part-{version}-{at}.parquet"
    log.store.put(name, b"x" * 64)
    stats = {
        "numRecords": 1, "minValues": {"id": at, "city": "a"}, "maxValues": {"id": at, "city": "z"},
    }  # fmt: skip
    return DataFile(name, 64, 1, {}, stats)


def recording(root: Path, queries: int) -> None:
    """Ask the same small query with and without recording, in turn."""
    with Lake.open(root) as lake:
        write_events(lake, rows=10_000, files=4)
        loud = QueryService(lake.catalog, lake.storage, lake.engine)
        quiet = QueryService(lake.catalog, lake.storage, lake.engine, recorded=False)
        sql = "select count(*) from silver.events where customer_id = 7"

        def ask(service: QueryService) -> float:
            begin = time.perf_counter()
            service.sql(sql).rows()
            return time.perf_counter() - begin

        def compare(what: str) -> None:
            with_, without = [], []
            for turn in range(queries):
                first, second = (loud, quiet) if turn % 2 else (quiet, loud)
                times = {first: ask(first), second: ask(second)}
                with_.append(times[loud])
                without.append(times[quiet])
            gain = [a - b for a, b in zip(with_, without, strict=True)]
            print(f"{what}: {1e3 * statistics.median(without):.2f} ms without, "
                  f"{1e3 * statistics.median(with_):.2f} ms with recording; "
                  f"median difference {1e3 * statistics.median(gain):.3f} ms, "
                  f"95th percentiles {1e3 * quantile(without):.2f} and "
                  f"{1e3 * quantile(with_):.2f} ms")  # fmt: skip

        ask(loud), ask(quiet)
        noted = own_cost(lake)
        print(f"what a query does for it itself: {1e6 * noted:.0f} microseconds")
        compare("a query, catalog at rest")
        with lake.catalog._database.writing():
            compare("a query, catalog being written")
        begin = time.perf_counter()
        lake.catalog.query_history.flush(60)
        kept = lake.catalog.query_history.count()
        print(
            f"written at the end: {kept:,} records, waited {time.perf_counter() - begin:.3f} s"
        )


def own_cost(lake: Lake) -> float:
    """Return how long the thread of a query is kept, without the query."""
    snapshot = lake.catalog.current_snapshot()
    version = lake.storage.table(EVENTS).version()
    sources = {str(EVENTS): version.source("/")}

    def note() -> None:
        recording = Recording(lake.catalog.query_history, "select 1")
        recording.reads(sources, {}, snapshot)
        recording.begun()(1, 0.0, None)

    times = [timed(note) for _ in range(500)]
    lake.catalog.query_history.flush(60)
    return statistics.median(times)


def one_customer(root: Path, rows: int, files: int) -> None:
    """Ask for one customer before and after maintenance, of the lake and of raw DuckDB."""
    with Lake.open(root) as lake:
        write_events(lake, rows=rows, files=files)
        sql = "select count(*), sum(amount) from silver.events where customer_id = 4711"
        for _ in range(40):
            lake.query.sql(sql).rows()
        before = measure(lake, sql, "before")
        begin = time.perf_counter()
        done = lake.care.maintain(budget_s=3_600)
        took = time.perf_counter() - begin
        told = [f"{one.chore} ({one.seconds:.1f} s): {one.what}" for one in done.done]
        print(f"maintenance took {took:.1f} s: {'; '.join(told)}")
        after = measure(lake, sql, "after")
        assert before == after, (before, after)
        sorted_by_duckdb(lake, root)


def measure(lake: Lake, sql: str, when: str) -> Any:
    seconds = [timed(lambda: lake.query.sql(sql).rows()) for _ in range(9)]
    assert lake.catalog.query_history.flush(30)
    lake.care.health([EVENTS])
    read = lake.catalog.query_history.recent(1)[0]
    version = lake.storage.table(EVENTS).version()
    root = lake.storage.table_root(EVENTS)
    raw = raw_duckdb([f"{root}/{one.path}" for one in version.files])
    print(f"{when}: {len(version.files):,} files, {version.size_bytes:,} bytes, of which the filter "
          f"leaves {read.bytes_scanned:,} ({(read.bytes_scanned or 0) / version.size_bytes:.1%}); "
          f"lake {1e3 * statistics.median(seconds):.1f} ms, raw DuckDB {1e3 * raw:.1f} ms")  # fmt: skip
    return lake.query.sql(sql).rows()[0]["count_star()"]


def raw_duckdb(paths: list[str]) -> float:
    con = duckdb.connect()
    con.execute("SET threads = 2")
    sql = f"select count(*), sum(amount) from read_parquet({paths}) where customer_id = 4711"

    def ask() -> object:
        return con.execute(sql).fetchall()

    ask()
    return statistics.median(timed(ask) for _ in range(9))


def sorted_by_duckdb(lake: Lake, root: Path) -> None:
    version = lake.storage.table(EVENTS).version()
    paths = [f"{lake.storage.table_root(EVENTS)}/{one.path}" for one in version.files]
    con = duckdb.connect()
    con.execute("SET threads = 2")
    begin = time.perf_counter()
    con.execute(
        f"copy (select * from read_parquet({paths}) order by customer_id) to '{root}/sorted' "
        "(format parquet, compression zstd, per_thread_output, file_size_bytes '32MB')"
    )
    took = time.perf_counter() - begin
    made = [str(path) for path in (root / "sorted").iterdir()]
    print(f"reference: raw DuckDB sorts and writes in {took:.1f} s, {len(made)} files, "
          f"and answers in {1e3 * raw_duckdb(made):.1f} ms")  # fmt: skip


def write_events(lake: Lake, *, rows: int, files: int) -> None:
    """Write events in order of their time, so that every file holds every customer."""
    log = lake.storage.table(EVENTS)
    root = Path(lake.storage.table_root(EVENTS))
    root.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    import pyarrow.parquet as pq

    made = []
    each = rows // files
    for number in range(files):
        path = root / f"part-{number}.parquet"
        con.execute(
            f"""copy (select (hash(i * 31 + 7) % 100000)::bigint as customer_id,
                timestamp '2026-01-01' + to_seconds(i) as at,
                (hash(i) % 100000) / 100.0 as amount, md5(i::varchar) as note
                from range({number * each}, {(number + 1) * each}) t(i))
                to '{path}' (format parquet, compression zstd)"""
        )
        stats = footer_stats(pq.read_metadata(path), SCHEMA)
        made.append(DataFile(path.name, path.stat().st_size, each, {}, stats))
    version = log.commit(Commit(0, "WRITE", added=tuple(made), schema=SCHEMA))
    lake.catalog.set_head(_head(EVENTS, log.version(version)))
    lake.catalog.publish("bench", {EVENTS: version})


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def quantile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
