"""The data catalog at 10,000 tables and 1,000,000 partitions, on SQLite and on PostgreSQL.

Budgets, medians on one core: a page of tables 20 ms, one table 5 ms, search 30 ms, the
partitions of one day out of 100,000 5 ms.

Of what works inside the process that is processor time, which a busy machine disturbs less; of
PostgreSQL it is the time until the answer is there.

Beside it, for what it is worth: the same questions to SQLite by hand (plain columns, an index made
for them, rows and no entries), and to moto's Glue, at a hundredth of the size.

    python benchmarks/bench_catalog.py [--tables 10000] [--partitions 1000000] [--rounds 30]
        [--postgresql URL] [--no-moto]

PostgreSQL is measured where the address of an empty database is given.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    Column,
    DataCatalog,
    PartitionEntry,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.expression import parsed
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUBJECTS = ("customer", "order", "invoice", "payment", "product", "visit", "ticket", "shipment",
            "campaign", "sensor", "contract", "employee", "supplier", "stock", "session")  # fmt: skip
THINGS = ("id", "email", "name", "address", "amount", "status", "created_at", "country", "phone",
          "price", "quantity", "currency", "comment", "source", "hash", "score", "device")  # fmt: skip
KEYS = (Column("year", "int"), Column("month", "int"), Column("day", "int"),
        Column("region", "string"))  # fmt: skip
REGIONS = ("eu", "us", "ap")
DAY = "year = 2024 and month = 5 and day = 7"
TABLES_A_DATABASE = 200


def name(number: int) -> TableName:
    subject = SUBJECTS[number % len(SUBJECTS)]
    return TableName(f"db{number // TABLES_A_DATABASE:03}", f"{subject}_{number:05}")


def table(number: int) -> TableEntry:
    draw = random.Random(number)
    subject = SUBJECTS[number % len(SUBJECTS)]
    columns = tuple(
        Column(f"{draw.choice(SUBJECTS)}_{thing}", "string", f"The {thing} as it was told")
        for thing in draw.sample(THINGS, 12)
    )
    names = {one.name: one for one in columns}
    return TableEntry(
        name(number),
        description=f"Each {subject} of system {number % 97}",
        owner=f"team {number % 53}",
        storage=StorageDescriptor(
            columns=tuple(names.values()),
            location=f"s3://lake/{name(number).database}/{name(number).table}",
        ),
        partition_keys=KEYS,
        parameters={"classification": "parquet"},
    )


def values() -> Iterator[tuple[int, int, int, str]]:
    for year in range(2024, 3000):
        for month in range(1, 13):
            for day in range(1, 29):
                for region in REGIONS:
                    yield year, month, day, region


def sizes(tables: int, partitions: int) -> list[int]:
    """One table has a tenth of all partitions; the others share the rest."""
    rest = (partitions - partitions // 10) // (tables - 1)
    return [partitions // 10, *([rest] * (tables - 1))]


def partitions_of(number: int, count: int) -> list[PartitionEntry]:
    root = f"s3://lake/{name(number).database}/{name(number).table}"
    drawn = values()
    return [
        PartitionEntry(
            (str(year), str(month), str(day), region),
            StorageDescriptor(location=f"{root}/year={year}/month={month}/day={day}/{region}"),
        )
        for year, month, day, region in (next(drawn) for _ in range(count))
    ]


def median_ms(
    work: Callable[[], object], rounds: int, clock: Callable[[], float] = time.process_time
) -> float:
    took = []
    for _ in range(rounds):
        began = clock()
        work()
        took.append((clock() - began) * 1000)
    return statistics.median(took)


def load(
    data: DataCatalog, tables: int, partitions: int, clock: Callable[[], float]
) -> tuple[float, float]:
    began = clock()
    for start in range(0, tables, 1000):
        data.put_tables(table(n) for n in range(start, min(tables, start + 1000)))
    made = clock()
    counts = sizes(tables, partitions)
    for start in range(0, tables, 1000):
        data.put_partitions_of(
            {
                name(n): partitions_of(n, counts[n])
                for n in range(start, min(tables, start + 1000))
            }
        )
    return made - began, clock() - made


def measured(url: str, label: str, asked: argparse.Namespace) -> dict[str, float]:
    tables, rounds = asked.tables, asked.rounds
    draw = random.Random(7)
    found: dict[str, float] = {}
    clock = time.process_time if url.startswith("sqlite") else time.perf_counter
    with Catalog.open(url) as catalog:
        data = catalog.data_catalog
        for_tables, for_partitions = load(data, asked.tables, asked.partitions, clock)
        print(f"{label}: loaded {asked.tables:,} tables in {for_tables:.1f} s, "
              f"{asked.partitions:,} partitions in {for_partitions:.1f} s", flush=True)  # fmt: skip

        def some() -> TableName:
            return name(draw.randrange(1, tables))

        def pruned(which: Callable[[], TableName], text: str, expected: int | None) -> None:
            kept = data.partitions(which(), where=parsed(text))
            assert expected is None or len(kept) == expected, len(kept)

        work: dict[str, Callable[[], object]] = {
            "a page of 100 tables": lambda: data.list_tables(some().database, limit=100),
            "get a table": lambda: data.get_table(some()),
            "search 'customer email'": lambda: data.search("customer email"),
            "search a rare word": lambda: data.search(f"{draw.randrange(tables):05}"),
            "search 'quantity of shipments'": lambda: data.search("quantity shipments"),
            "a day of a common table": lambda: pruned(
                some, "year = 2024 and month = 1 and day = 2", 3
            ),
            "a day of 100,000 partitions": lambda: pruned(lambda: name(0), DAY, 3),
            "its last key: region = 'eu' and day = 7": lambda: pruned(
                lambda: name(0), "region = 'eu' and day = 7 and year < 2030", None
            ),
            "one partition": lambda: data.partition(name(0), ("2024", "5", "7", "eu")),
        }
        for what, call in work.items():
            call()
            found[what] = median_ms(call, rounds, clock)
    return found


def by_hand(folder: Path, asked: argparse.Namespace) -> dict[str, float]:
    """The same rows in plain columns, asked by SQL that was written for the question."""
    draw = random.Random(7)
    made = sqlite3.connect(folder / "hand.db")
    made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, db TEXT, name TEXT, told TEXT)")
    made.execute("CREATE TABLE p (t INT, year INT, month INT, day INT, region TEXT, at TEXT)")
    counts = sizes(asked.tables, asked.partitions)
    for number, count in enumerate(counts):
        entry = table(number)
        row = (number, entry.name.database, entry.name.table, repr(entry.storage.columns))
        made.execute("INSERT INTO t VALUES (?, ?, ?, ?)", row)
        made.executemany(
            "INSERT INTO p VALUES (?, ?, ?, ?, ?, ?)",
            ((number, *one.values, one.location) for one in partitions_of(number, count)),
        )
    made.execute("CREATE UNIQUE INDEX tn ON t (db, name)")
    made.execute("CREATE INDEX pk ON p (t, year, month, day, region)")
    made.commit()

    def ask(sql: str, *given: Any) -> None:
        made.execute(sql, given).fetchall()

    def some() -> int:
        return draw.randrange(1, asked.tables)

    day = "SELECT * FROM p WHERE t = ? AND year = 2024 AND month = ? AND day = ?"
    work: dict[str, Callable[[], object]] = {
        "a page of 100 tables": lambda: ask(
            "SELECT * FROM t WHERE db = ? ORDER BY name LIMIT 100", name(some()).database
        ),
        "get a table": lambda: ask(
            "SELECT * FROM t WHERE db = ? AND name = ?",
            *astuple(name(some())),
        ),
        "a day of a common table": lambda: ask(day, some(), 1, 2),
        "a day of 100,000 partitions": lambda: ask(day, 0, 5, 7),
        "its last key: region = 'eu' and day = 7": lambda: ask(
            "SELECT * FROM p WHERE t = 0 AND region = 'eu' AND day = 7 AND year < 2030"
        ),
    }
    return {what: median_ms(call, asked.rounds) for what, call in work.items()}


def by_moto(asked: argparse.Namespace) -> dict[str, float]:
    """Moto's Glue in memory, through boto3, at a hundredth of the size."""
    import boto3
    from moto import mock_aws

    draw = random.Random(7)
    tables, partitions = asked.tables // 100, asked.partitions // 100
    with mock_aws():
        glue = boto3.client("glue", region_name="us-east-1", aws_access_key_id="x",
                            aws_secret_access_key="x")  # fmt: skip
        glue.create_database(DatabaseInput={"Name": "db000"})
        from lakeworks.catalog.data_catalog.glue_json import partition_input, table_input

        counts = sizes(tables, partitions)
        for number, count in enumerate(counts):
            glue.create_table(DatabaseName="db000", TableInput=table_input(table(number)))
            listed = [partition_input(one) for one in partitions_of(number, count)]
            for start in range(0, count, 100):
                glue.batch_create_partition(
                    DatabaseName="db000",
                    TableName=name(number).table,
                    PartitionInputList=listed[start : start + 100],
                )

        def pruned(number: int, month: int, day: int) -> None:
            told = glue.get_partitions(
                DatabaseName="db000",
                TableName=name(number).table,
                Expression=f"year = 2024 and month = {month} and day = {day}",
            )
            assert len(told["Partitions"]) == 3

        work: dict[str, Callable[[], object]] = {
            "a page of 100 tables": lambda: glue.get_tables(
                DatabaseName="db000", MaxResults=100
            ),
            "get a table": lambda: glue.get_table(
                DatabaseName="db000", Name=name(draw.randrange(1, tables)).table
            ),
            "a day of a common table": lambda: pruned(draw.randrange(1, tables), 1, 2),
            "a day of 100,000 partitions": lambda: pruned(0, 1, 2),
        }
        return {what: median_ms(call, asked.rounds) for what, call in work.items()}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tables", type=int, default=10_000)
    arguments.add_argument("--partitions", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=30)
    arguments.add_argument("--postgresql", default="")
    arguments.add_argument("--no-moto", action="store_true")
    asked = arguments.parse_args()
    columns: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        columns["SQLite"] = measured(f"sqlite:///{folder}/catalog.db", "SQLite", asked)
        size = Path(folder, "catalog.db").stat().st_size
        print(f"SQLite: {size / 1e6:,.0f} MB on disk", flush=True)
        if asked.postgresql:
            columns["PostgreSQL"] = measured(asked.postgresql, "PostgreSQL", asked)
        columns["by hand"] = by_hand(Path(folder), asked)
        if not asked.no_moto:
            columns["moto, 1/100"] = by_moto(asked)
    print(f"{'median ms':<42}" + "".join(f"{column:>14}" for column in columns))
    for what in columns["SQLite"]:
        cells = (
            f"{columns[c][what]:>14.2f}" if what in columns[c] else f"{'-':>14}"
            for c in columns
        )
        print(f"{what:<42}" + "".join(cells))
    budgets = {"a page of 100 tables": 20, "get a table": 5, "search 'customer email'": 30,
               "search 'quantity of shipments'": 30, "a day of a common table": 5,
               "a day of 100,000 partitions": 5}  # fmt: skip
    late = [
        f"{column}, {what}: {columns[column][what]:.1f} ms, budget {most}"
        for column in ("SQLite", "PostgreSQL")
        if column in columns
        for what, most in budgets.items()
        if columns[column][what] > most
    ]
    for one in late:
        print(f"OVER BUDGET: {one}")
    raise SystemExit(1 if late else 0)


if __name__ == "__main__":
    main()
