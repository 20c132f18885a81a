"""Governed queries: TPC-H through the query service against raw DuckDB on the same files.

    python benchmarks/bench_queries.py --scale 1 --rounds 3

Budgets: all 22 answers right; at most 1.1 times raw DuckDB for a principal without row or column
policy, at most 2 times with one; a small governed query in 15 ms, the gate in 1 ms. The reference
is DuckDB over the very files of the lake's tables, with the same threads, in one connection.
The last lines ask the same through a query process, with its queue, limits and result file.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from lakeworks.engines.duckdb.extensions import load_extension
from lakeworks.lake import Lake
from lakeworks.query.executions.records import QueryRequest
from lakeworks.query.executions.service import QueryExecutions
from lakeworks.server.sql.serving import opened_executions

TABLES = (
    "customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier",
)  # fmt: skip
POLICIES = """
roles: {whole: [wendy], part: [paul]}
grants:
  - {to: role:whole, permissions: SELECT, on: bronze.*}
  - {to: role:part, permissions: SELECT, on: bronze.*}
policies:
  known_lines: {on: bronze.lineitem, rows: l_linenumber < 100, to: role:part}
  known_orders: {on: bronze.orders, rows: o_orderkey > 0, to: role:part}
  known_customers: {on: bronze.customer, rows: c_custkey > 0, to: role:part}
  masked_parts: {on: bronze.part, columns: [p_comment], mask: redact, to: role:part}
  masked_clerk: {on: bronze.orders, columns: [o_clerk], mask: last4, to: role:part}
"""


def made(root: Path, scale: float) -> Path:
    """Make a lake of TPC-H's tables, once."""
    if (root / "lake.yml").is_file():
        return root
    con = duckdb.connect()
    load_extension(con, "tpch", purpose="this benchmark")
    con.execute(f"CALL dbgen(sf = {scale})")
    for folder in ("sources", "policies", "landing"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "policies" / "roles.yml").write_text(POLICIES)
    for table in TABLES:
        (root / "landing" / table).mkdir(exist_ok=True)
        con.execute(f"COPY {table} TO '{root}/landing/{table}/all.parquet' (FORMAT parquet)")
        text = f"table: bronze.{table}\npath: landing/{table}\nformat: parquet\n"
        (root / "sources" / f"{table}.yml").write_text(text)
    (root / "lake.yml").write_text("name: tpch\nenvironments:\n  dev: {storage: .lake}\n")
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    return root


def questions() -> list[tuple[int, str, str]]:
    """Return number, text over bare names, and text over the lake's names of each query."""
    con = duckdb.connect()
    load_extension(con, "tpch", purpose="this benchmark")
    found = con.execute("SELECT query_nr, query FROM tpch_queries() ORDER BY 1").fetchall()
    return [(number, sql.rstrip(";\n "), _qualified(sql)) for number, sql in found]


def _qualified(sql: str) -> str:
    tree = sqlglot.parse_one(sql, read="duckdb")
    common = {one.alias for one in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name in TABLES and table.name not in common:
            table.set("db", exp.to_identifier("bronze"))
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    return tree.sql(dialect="duckdb")


def raw(lake: Lake, threads: int) -> duckdb.DuckDBPyConnection:
    """Return DuckDB over the files of the lake's tables."""
    con = duckdb.connect(config={"threads": threads})
    for table in TABLES:
        name = next(one for one in lake.catalog.heads() if one.table == table)
        log = lake.storage.table(name)
        source = log.version(lake.catalog.current_snapshot().tables[name])
        files = [f"{lake.storage.table_root(name)}/{file.path}" for file in source.files]
        con.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r})")
    return con


def seconds(work: Any, rounds: int) -> float:
    """Return the median of some rounds, after one that warms up."""
    work()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def check_answers(lake: Lake, scale: float, asked: list[tuple[int, str, str]]) -> int:
    """Return how many of the answers are TPC-H's own, by the service."""
    con = raw(lake, 2)
    right = 0
    for _, sql, qualified in asked:
        expected = con.sql(sql).fetchall()
        for principal in ("wendy", "paul"):
            rows = lake.query.sql(qualified, caller=principal).rows()
            found = [tuple(row.values()) for row in rows]
            assert [_near(one) for one in found] == [_near(one) for one in expected], sql
        right += 1
    return right


def _near(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(round(value, 2) if isinstance(value, float) else value for value in row)


def served(sql: str, executions: QueryExecutions) -> None:
    """Ask a query as a client of the service does, and read its result."""
    execution = executions.start(QueryRequest(sql, principal="wendy"))
    ended = executions.wait(execution)
    assert ended.state == "succeeded", ended
    executions.result(execution, principal="wendy").read_all()


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    root = given.data or Path(tempfile.gettempdir()) / f"lakeworks-bench/tpch-{given.scale:g}"
    asked = questions()
    with Lake.open(made(root, given.scale)) as lake:
        right = check_answers(lake, given.scale, asked)
        print(f"answers equal to raw DuckDB's: {right} of {len(asked)}, for both principals")
        con = raw(lake, lake.project.environment.threads or 2)
        totals = {"raw": 0.0, "wendy": 0.0, "paul": 0.0}
        for number, sql, qualified in asked:
            taken = {"raw": seconds(lambda s=sql: con.sql(s).to_arrow_table(), given.rounds)}
            for who in ("wendy", "paul"):
                taken[who] = seconds(
                    lambda s=qualified, w=who: lake.query.sql(s, caller=w).to_arrow(),
                    given.rounds,
                )
            for name, value in taken.items():
                totals[name] += value
            print(
                f"Q{number:<2} raw {taken['raw'] * 1e3:7.1f} ms   no policy "
                f"{taken['wendy'] / taken['raw']:5.2f}   policy {taken['paul'] / taken['raw']:5.2f}"
            )
        print(
            f"all: raw {totals['raw']:.2f} s; no policy {totals['wendy'] / totals['raw']:.2f} "
            f"(budget 1.1); with row filter and masks {totals['paul'] / totals['raw']:.2f} (2)"
        )
        small = "select n_name from bronze.nation where n_regionkey = 1"
        taken = seconds(lambda: lake.query.sql(small, caller="paul").rows(), 50)
        gate = seconds(lambda: lake.engine.gate(asked[7][2]), 50)
        print(f"a small governed query {taken * 1e3:.1f} ms (budget 15)")
        print(f"the gate, for Q8: {gate * 1e3:.2f} ms (budget 1)")
        with opened_executions(lake, processes=1) as executions:
            total = sum(
                seconds(lambda s=sql: served(s, executions), given.rounds)
                for _, _, sql in asked
            )
            taken = seconds(lambda: served(small, executions), 50)
        print(
            f"through a query process: all {total / totals['raw']:.2f} times raw (budget 1.1), "
            f"the small one {taken * 1e3:.1f} ms (15)"
        )


if __name__ == "__main__":
    main()
