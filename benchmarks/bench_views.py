"""A query through three nested views against raw DuckDB views over the same files.

Budgets: the large aggregate at most 1.1 times raw DuckDB, as the owner and as a principal; for one with
a row filter, of raw DuckDB with the same filter by hand and the columns of the rows that it drops
blanked, since something in the query can fail; a small query through three views 30 ms (processor
time); a run that has nothing to do, with 1,000 views and 10,000 tables in the catalog, 20 ms more
than without.

    python benchmarks/bench_views.py [--rows 5000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lakeworks.catalog.data_catalog import TableEntry
from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

POLICIES = """
roles: {analyst: [ana], seeing: [sid]}
grants:
  - {to: role:seeing, permissions: SELECT, on: [silver.*, gold.*]}
  - {to: role:analyst, permissions: SELECT, on: silver.facts, rows: "grp <> 3"}
  - {to: role:analyst, permissions: SELECT, on: [gold.*, silver.small]}
policies:
  masked: {on: silver.facts, columns: [word], mask: last4, to: role:analyst}
"""
VIEWS = {
    "gold.one": "select id, grp, amount, word from {facts} where amount > 10",
    "gold.two": "select id, grp, amount * 2 as twice, word from gold.one where id % 2 = 0",
    "gold.three": "select grp, twice, word, twice + 1 as more from gold.two",
}
# What `ana` sees, by hand.
SEEN = "(grp <> 3)"
GUARDED = "select {} from {{}} where {}".format(
    ", ".join(
        f"case when {SEEN} then {name} end as {name}"
        for name in ("id", "grp", "amount", "word")
    ),
    SEEN,
)
LARGE = (
    "select grp, sum(twice) as s, max(more) as m, count(*) as n from gold.three group by grp"
)
SMALL = "select count(*) as n from gold.few"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, made(Path(folder), given.rows) as lake:
        answers(lake, given.rounds)
        idle(lake, given.rounds)


def made(root: Path, rows: int) -> Lake:
    """Make a lake of one large table, and the views."""
    files = {
        "lake.yml": "name: views\nenvironments:\n  dev: {storage: .lake, threads: 2}\n",
        "models/silver/facts.sql": (
            f"select i as id, i % 7 as grp, (i * 37) % 1000 as amount, 'w' || (i % 5000) as word "
            f"from range({rows}) r(i)"
        ),
        "models/silver/small.sql": "select i as id from range(10) r(i)",
        "policies/roles.yml": POLICIES,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    lake = Lake.open(root)
    assert lake.pipeline.run().status == "succeeded"
    for name, text in VIEWS.items():
        lake.query.sql(f"create view {name} as {text.format(facts='silver.facts')}").close()
    for name, below in (("a", "silver.small"), ("b", "gold.a"), ("few", "gold.b")):
        lake.query.sql(f"create view gold.{name} as select id from {below}").close()
    return lake


def answers(lake: Lake, rounds: int) -> None:
    """Compare queries through views, by processor time."""
    root = lake.storage.table_root(TableName.parse("silver.facts"))
    facts = f"read_parquet('{root}/*.parquet')"
    raw, wanted = by_hand("raw DuckDB", facts, rounds)
    by_hand("raw DuckDB, filtered", f"(from {facts} where {SEEN})", rounds)
    guarded = by_hand("raw DuckDB, guarded", f"({GUARDED.format(facts)})", rounds)
    for who, (ms, rows) in {"": (raw, wanted), "sid": (raw, wanted), "ana": guarded}.items():
        ask = partial(lake.query.sql, LARGE, caller=who or None)
        assert sorted(tuple(row.values()) for row in ask().rows()) == rows
        own = told(f"as {who or 'the owner'}", lambda ask=ask: ask().to_arrow(), rounds)  # type: ignore[misc]
        print(f"{'':24}{own / ms:10.2f} times raw")
    for who in ("", "ana"):
        told(f"small, as {who or 'the owner'}",
             lambda who=who: lake.query.sql(SMALL, caller=who or None).rows(), 20)  # type: ignore[misc]  # fmt: skip
    told("small, without a view", lambda: lake.query.sql(
        "select count(*) as n from silver.small").rows(), 20)  # fmt: skip


def by_hand(what: str, facts: str, rounds: int) -> tuple[float, list[Any]]:
    """Ask raw DuckDB through views of its own; return milliseconds and rows."""
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("create schema gold")
        for name, text in VIEWS.items():
            con.execute(f"create view {name} as {text.format(facts=facts)}")
        ms = told(what, lambda: con.sql(LARGE).to_arrow_table(), rounds)
        return ms, sorted(con.sql(LARGE).fetchall())


def idle(lake: Lake, rounds: int) -> None:
    """Show what many tables and views in the catalog cost a run with nothing to do."""
    told("run, 6 views", lake.pipeline.run, rounds)
    data = lake.catalog.data_catalog
    data.put_tables(TableEntry(TableName("raw", f"t{i}")) for i in range(10_000))
    told("run, 10,000 tables", lake.pipeline.run, rounds)
    view = data.find_view(TableName.parse("gold.few"))
    assert view is not None
    for number in range(1_000):
        data.put_view(replace(view, name=TableName("marts", f"v{number}"), version=-1))
    told("run, 1,000 views too", lake.pipeline.run, rounds)


def told(what: str, work: Callable[[], object], rounds: int) -> float:
    """Print the median of processor time over some rounds, in milliseconds; return it."""
    work()
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - begin))
    found = statistics.median(spent)
    print(f"{what:24}{found:10.1f} ms")
    return found


if __name__ == "__main__":
    main()
