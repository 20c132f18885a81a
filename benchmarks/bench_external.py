"""External tables: a Parquet scan against raw DuckDB over the same files, and pruning's time.

Budgets: the scan takes at most 1.1 times what raw DuckDB takes over exactly the pruned files (seconds
of the processor, which other work on the machine disturbs less; opening a session of its own for
a caller's query comes to that once); one partition of 100,000 is found in 50 ms, from the catalog
and by projection.

    python benchmarks/bench_external.py [--rows 20000000] [--partitions 100000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    Column,
    PartitionEntry,
    SerDe,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.formats import PARQUET_SERDE
from lakeworks.core.names import TableName
from lakeworks.engines.registry import open_engine
from lakeworks.ingest.external_tables import ExternalTables
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.protocol import Engine

YEARS = tuple(range(2015, 2025))
SQL = {
    "aggregate": "select region, count(*), sum(amount) from {} where year >= 2018 group by region",
    "range": "select count(*) from {} where year = 2020 and id % 1000 = 7 and amount > 500",
    "text": "select count(distinct name) from {} where year in (2016, 2017)",
}


def median_s(work: Callable[[], object], rounds: int) -> float:
    work()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def write_rows(folder: Path, rows: int) -> None:
    import duckdb

    each = rows // len(YEARS)
    for year in YEARS:
        place = folder / f"year={year}"
        place.mkdir(parents=True)
        duckdb.sql(
            f"copy (select i as id, (i * 7919 % 100000) / 100 as amount, 'n' || (i % 50000) as name,"
            f" ['eu', 'us', 'ap'][i % 3 + 1] as region from range({each}) t(i)) "
            f"to '{place}/part-0.parquet'"
        )


def table(name: TableName, location: str, **parameters: str) -> TableEntry:
    columns = (Column("id", "bigint"), Column("amount", "double"), Column("name", "string"),
               Column("region", "string"))  # fmt: skip
    storage = StorageDescriptor(columns, location, serde=SerDe(library=PARQUET_SERDE))
    return TableEntry(
        name, storage=storage, partition_keys=(Column("year", "int"),), parameters=parameters
    )


def least_cpu_s(work: Callable[[], object], rounds: int) -> float:
    work()
    taken = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def scans(tables: ExternalTables, engine: Engine, rounds: int) -> None:
    import duckdb

    entry = tables.find(TableName("raw", "facts"))
    assert entry is not None
    con = duckdb.connect()
    for kind, sql in SQL.items():
        ours = sql.format("raw.facts")
        found = tables.needed(ours, {"raw.facts": entry})
        listed = [file.uri for file in found["raw.facts"].files]
        theirs = sql.format(f"read_parquet({listed}, hive_partitioning = true)")
        with engine.query_session(found) as session:
            a = least_cpu_s(lambda: session.query(ours).read_all(), rounds)  # noqa: B023
            b = least_cpu_s(lambda: con.execute(theirs).fetchall(), rounds)  # noqa: B023
        opened = median_s(
            lambda found=found: engine.query_session(found).__exit__(None, None, None),  # type: ignore[misc]
            rounds,
        )
        print(f"{kind:10} {len(listed)} of {len(YEARS)} files  ours {1000 * a:7.1f} ms  "
              f"raw {1000 * b:7.1f} ms  ratio {a / b:.2f}  session {1000 * opened:.1f} ms")  # fmt: skip


def pruning(tables: ExternalTables, partitions: int, rounds: int) -> None:
    where = f"year = {partitions // 2}"
    for name in ("registered", "projected"):
        entry = tables.find(TableName("raw", name))
        assert entry is not None
        for said in (
            where,
            f"year between {partitions - 3} and {partitions}",
            "year % 50000 = 3",
        ):
            sql = f"select * from raw.{name} where {said}"

            def prune(sql: str = sql, name: str = name, entry: TableEntry = entry) -> object:
                return tables.needed(sql, {f"raw.{name}": entry})

            print(f"{name:10} {partitions:,} partitions  {said:30} "
                  f"{1000 * median_s(prune, rounds):8.1f} ms")  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--partitions", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        write_rows(folder / "facts", given.rows)
        catalog = Catalog.open(f"sqlite:///{folder}/catalog.db")
        engine = open_engine("duckdb", temp_directory=str(folder / "spill"))
        data = catalog.data_catalog
        facts, registered = TableName("raw", "facts"), TableName("raw", "registered")
        data.put_table(table(facts, str(folder / "facts")))
        data.put_partitions(
            facts,
            [
                PartitionEntry(
                    (str(y),), StorageDescriptor(location=f"{folder}/facts/year={y}")
                )
                for y in YEARS
            ],
        )
        data.put_table(table(registered, str(folder / "none")))
        data.put_partitions(
            registered,
            [
                PartitionEntry((str(n),), StorageDescriptor(location=f"{folder}/none/year={n}"))
                for n in range(given.partitions)
            ],
        )
        projection = {"projection.enabled": "true", "projection.year.type": "integer",
                      "projection.year.range": f"0,{given.partitions}"}  # fmt: skip
        data.put_table(table(TableName("raw", "projected"), str(folder / "none"), **projection))
        tables = ExternalTables(data, ObjectStore.open, lambda: engine.external)
        scans(tables, engine, given.rounds)
        pruning(tables, given.partitions, given.rounds)
        engine.close()
        catalog.close()


if __name__ == "__main__":
    main()
