"""How long statements that write take, against DuckDB writing the same rows by hand.

Budgets on two cores: CREATE TABLE AS of 5 million rows 1.6 times one COPY TO Parquet of the same query
(processor time), with a Delta commit, a snapshot, lineage and a run's record; a small INSERT 150 ms;
DELETE of a tenth of all rows twice that CREATE TABLE AS (processor time).

    python benchmarks/bench_writing.py [--rows 5000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = """
select range as id, range % 1000 as customer, (range * 7) % 100000 / 100 as amount,
'status ' || (range % 5) as status, date '2026-01-01' + cast(range % 365 as int) as day
from range({})
"""
WANTED = "select * from {} where amount >= 0"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "lake.yml").write_text(
            "name: writing\nenvironments:\n  dev: {storage: .lake, threads: 2}\n"
        )
        with Lake.open(root) as lake:
            measure(lake, root, given.rows, given.rounds)


def measure(lake: Lake, root: Path, rows: int, rounds: int) -> None:
    """Print how long each statement takes, and the ratio to writing by hand."""

    def ask(sql: str) -> int:
        return int(lake.query.sql(sql).rows()[0]["rows"])

    assert ask(f"create table gold.base as {ROWS.format(rows)}") == rows
    files = [str(path) for path in (root / ".lake/tables/gold/base").glob("*.parquet")]
    wanted = WANTED.format("gold.base")
    statement, by_hand = [], []
    for n in range(rounds):
        statement.append(timed(partial(ask, f"create table gold.t{n} as {wanted}")))
        by_hand.append(timed(partial(copied, files, root / f"copy{n}.parquet")))
    both = [statistics.median(one[at] for one in part) for part in (statement, by_hand)
            for at in (0, 1)]  # fmt: skip
    print(f"CREATE TABLE AS of {rows:,} rows: {both[0]:.2f} s, {both[1]:.2f} s of processor")
    print(f"COPY TO by hand:                 {both[2]:.2f} s, {both[3]:.2f} s of processor")
    print(
        f"ratio: {both[0] / both[2]:.2f} wall, {both[1] / both[3]:.2f} processor (budget 1.6)"
    )
    small = [timed(lambda: ask("insert into gold.t0 values (1, 1, 1, 'x', null)"))[0]
             for _ in range(10)]  # fmt: skip
    print(f"INSERT of one row: {statistics.median(small) * 1000:.0f} ms (budget 150)")
    gone = timed(lambda: ask("delete from gold.t0 where id % 10 = 0"))
    print(f"DELETE of a tenth of all rows: {gone[0]:.2f} s, {gone[1]:.2f} s of processor")
    print(f"ratio to CREATE TABLE AS: {gone[1] / both[1]:.2f} processor (budget 2)")
    seconds = timed(lambda: ask(f"unload ({wanted}) to '{root}/unloaded'"))
    print(f"UNLOAD as Parquet: {seconds[0]:.2f} s, {seconds[1]:.2f} s of processor")


def copied(files: list[str], to: Path) -> None:
    """Write the same rows with DuckDB alone."""
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as con:
        rows = WANTED.format(f"read_parquet({files})")
        con.execute(f"copy ({rows}) to '{to}' (format parquet, compression zstd)")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that something takes: by the clock, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
