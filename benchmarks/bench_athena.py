"""Athena's dialect: how long a translation takes, and TPC-H's answers through it.

    python benchmarks/bench_athena.py --scale 0.1 --rounds 20

Budget: a translation takes at most twice what sqlglot's own does (median), and all 22 answers are
those of DuckDB over the same rows: averages and quotients of decimals to their scale.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from decimal import Decimal
from typing import Any

import duckdb
import sqlglot

from lakeworks.engines.duckdb.extensions import load_extension
from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.translation import translate

_KINDS = {
    "INTEGER": "int",
    "BIGINT": "int",
    "VARCHAR": "text",
    "DATE": "date",
    "DOUBLE": "double",
}


def columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Kind]]:
    """Return the columns of TPC-H's tables."""
    found: dict[str, dict[str, Kind]] = {}
    for table, name, kind in con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 's'"
    ).fetchall():
        told = Kind(_KINDS.get(kind, "unknown"))
        if kind.startswith("DECIMAL"):
            precision, scale = kind.removeprefix("DECIMAL(").removesuffix(")").split(",")
            told = Kind("decimal", digits=(int(precision), int(scale)))
        found.setdefault(f"s.{table}", {})[name] = told
    return found


def close(one: Any, other: Any) -> bool:
    """Whether two values are equal, to the scale of a decimal."""
    if isinstance(one, Decimal | float) and isinstance(other, Decimal | float):
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=0.01)
    return bool(one == other)


def millis(work: Any, rounds: int) -> float:
    """Return the median time of some work."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--scale", type=float, default=0.1)
    asked.add_argument("--rounds", type=int, default=20)
    told = asked.parse_args()
    con = duckdb.connect()
    load_extension(con, "tpch", purpose="this benchmark")
    con.execute("CREATE SCHEMA s")
    con.execute(f"CALL dbgen(sf = {told.scale}, schema = 's')")
    known = columns(con)
    ratios, wrong = [], []
    for number, text in con.execute("SELECT query_nr, query FROM tpch_queries()").fetchall():
        tree = sqlglot.parse_one(text, read="duckdb")
        for table in tree.find_all(sqlglot.exp.Table):
            if f"s.{table.name}" in known and not table.args.get("db"):
                table.set("db", sqlglot.exp.to_identifier("s"))
        sql = tree.sql("trino")
        lookup = lambda name: known.get(name, {})  # noqa: E731
        ours = millis(lambda: translate(sql, lookup), told.rounds)  # noqa: B023
        theirs = millis(
            lambda: sqlglot.transpile(sql, read="trino", write="duckdb"),  # noqa: B023
            told.rounds,
        )
        ratios.append(ours / theirs)
        con.execute("USE s")
        wanted = con.execute(text).fetchall()
        con.execute("USE memory.main")
        found = con.execute(translate(sql, lookup)).fetchall()
        same = len(found) == len(wanted) and all(
            close(one, other)
            for row, other_row in zip(found, wanted, strict=True)
            for one, other in zip(row, other_row, strict=True)
        )
        if not same:
            wrong.append(number)
        print(
            f"Q{number:<3} {ours:6.2f} ms, sqlglot {theirs:6.2f} ms, {ours / theirs:.2f} times"
        )
    print(f"median {statistics.median(ratios):.2f} times sqlglot's (budget 2)")
    print(f"{22 - len(wrong)} of 22 answers are right{f'; wrong: {wrong}' if wrong else ''}")


if __name__ == "__main__":
    main()
