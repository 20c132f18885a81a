"""Erasing one person, against copying every table without the person by hand.

Budget: finding and deleting rows takes no longer than the copy, and all of `lake erase`, with the
landed files, the search of everything afterwards and the report, at most three times as long.

    python benchmarks/bench_erase.py [--rows 2000000] [--files 20] [--persons 100000]

The lake has a bronze table read from packed JSON, two silver tables and one of totals. By hand: raw
DuckDB copies the current files of every table, one by one, with `where person <> …`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import duckdb

from lakeworks.core import events
from lakeworks.lake import Lake

LAKE_YML = "name: bench\n"
SOURCE = "table: bronze.visits\nfrom: files\npath: arrivals\nformat: json\n"
MODELS = {
    "silver/visits.sql": "/*\nload: append\n*/\nselect visit, person, lower(email) as email, note, n "
    "from bronze.visits\n",
    "silver/persons.sql": "/*\nload: replace\n*/\nselect person, count(*) as visits from "
    "bronze.visits group by person\n",
    "gold/total.sql": "/*\nload: replace\n*/\nselect sum(n) as n from silver.visits\n",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--files", type=int, default=20)
    arguments.add_argument("--persons", type=int, default=100_000)
    given = arguments.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-erase-"))
    try:
        make(root, given.rows, given.files, given.persons)
        measure(root, f"P{given.persons // 2:07}")
    finally:
        shutil.rmtree(root)


def make(root: Path, rows: int, files: int, persons: int) -> None:
    """Write the project, let its files arrive one run each, so that tables have many files."""
    (root / "lake.yml").write_text(LAKE_YML)
    (root / "sources").mkdir()
    (root / "sources/visits.yml").write_text(SOURCE)
    for name, text in MODELS.items():
        path = root / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "arrivals").mkdir()
    each = rows // files
    with duckdb.connect() as con, Lake.open(root) as lake:
        for number in range(files):
            con.execute(
                f"copy (select i as visit, printf('P%07d', (hash(i) % {persons})::bigint) as person, "
                f"printf('p%d@example.org', (hash(i) % {persons})::bigint) as email, "
                "md5(i::varchar) || ' ' || md5((i + 1)::varchar) as note, i % 97 as n "
                f"from range({number * each}, {(number + 1) * each}) t(i)) "
                f"to '{root}/arrivals/{number}.json.gz' (format json, compression gzip)"
            )
            lake.pipeline.run()


def measure(root: Path, person: str) -> None:
    """Print how long each way takes."""
    marks: dict[str, float] = {}

    def note(event: events.Event) -> None:
        marks[event.name] = time.monotonic()

    with Lake.open(root) as lake:
        current = {
            str(table): [
                f"{lake.storage.table_root(table)}/{file.path}"
                for file in lake.storage.table(table).version(version).files
            ]
            for table, version in lake.catalog.current_snapshot().tables.items()
        }
        by_hand = copied(root / "by-hand", current, person)
        begin = time.monotonic()
        dry = lake.privacy.erase(f"person={person}", dry_run=True)
        dry_s = time.monotonic() - begin
        begin = time.monotonic()
        with events.listening(note):
            report = lake.privacy.erase(f"person={person}")
        whole = time.monotonic() - begin
        tables = marks["table.past_forgotten"] - begin
    found = sum(place.found for place in dry.places)
    files = sum(len(paths) for paths in current.values())
    print(f"{files} files, {found} rows and records of the person, state {report.state}")
    print(f"by hand, a copy of every table:   {by_hand:7.2f} s")
    print(f"look everywhere (--dry-run):      {dry_s:7.2f} s   {dry_s / by_hand:5.2f} times")
    print(f"tables found, deleted, vacuumed:  {tables:7.2f} s   {tables / by_hand:5.2f} times")
    print(f"lake erase with landing and proof:{whole:7.2f} s   {whole / by_hand:5.2f} times")


def copied(out: Path, current: dict[str, list[str]], person: str) -> float:
    """Copy every table without a person, as a script would; return the seconds."""
    out.mkdir()
    begin = time.monotonic()
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        for table, paths in current.items():
            source = f"read_parquet({paths})"
            names = [
                row[0] for row in con.execute(f"describe select * from {source}").fetchall()
            ]
            where = f"where person <> '{person}'" if "person" in names else ""
            con.execute(
                f"copy (select * from {source} {where}) to '{out}/{table}.parquet' "
                "(format parquet, compression zstd)"
            )
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
