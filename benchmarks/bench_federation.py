"""How long queries of a PostgreSQL table take, against raw DuckDB that attaches the same database.

Each answer is checked to be equal. Budgets on two cores, medians: a selective condition, a whole scan
at most twice the time of raw DuckDB and 15 ms more; for a principal with a row filter and a mask, of
raw DuckDB with the same filter and mask written by hand.

    python benchmarks/bench_federation.py [postgresql://user@/database?host=/run/postgresql]
        [--rows 1000000] [--rounds 5]

It makes a table `bench_federation` in that database, and drops it in the end. Without a URL it starts
a server of its own, of the programs of PostgreSQL on this machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

TABLE = "bench_federation"
# What `ana` sees, by hand.
SEEN = "(select * replace ('[redacted]' as name) from {t} where region < 25)"
MAKE = f"""create table {TABLE} as select i::bigint as id, 'customer ' || i as name,
  (i %% 50)::int as region, (i * 1.5)::numeric(12, 2) as amount,
  timestamptz '2026-01-01' + i * interval '1 second' as seen, md5(i::text) as note
  from generate_series(1, %s) i"""
QUERIES = {
    "one row by key": "select * from {t} where id = 4711",
    "one region of 50": "select count(*), sum(amount), max(note) from {t} where region = 7",
    "a prefix": "select count(*) from {t} where note like 'c4%'",
    "whole scan, 3 columns": "select region, sum(amount), max(note) from {t} group by 1 order by 1",
    "whole scan, all columns": "select count(*), max(hash(c)) from {t} c",
    "join with 100 keys": "select count(*), sum(c.amount), max(c.note) from {s} s "
    "join {t} c on c.id = s.id",
    "join with 100,000 keys": "select count(*), sum(c.amount), max(c.note) from {m} s "
    "join {t} c on c.id = s.id",
}
# Tables of the lake: their names here and there, how many keys, how far these lie apart.
KEYS = {"s": ("silver.small", 100, 997), "m": ("silver.many", 100_000, 7)}
POLICIES = f"""
roles: {{analyst: [ana]}}
grants:
  - {{to: role:analyst, permissions: SELECT, on: crm.{TABLE}, rows: "region < 25"}}
  - {{to: role:analyst, permissions: SELECT, on: "silver.*"}}
lf_tags: {{pii: [name]}}
tagged: {{crm.{TABLE}.name: {{pii: name}}}}
policies:
  named: {{columns: {{pii: name}}, mask: redact, to: everyone}}
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url", nargs="?")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    if given.url is not None:
        filled(given.url, given.rows, given.rounds)
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "contract"))
    from postgres_server import PostgresServer, programs

    found = programs()
    if found is None:
        sys.exit("there is no PostgreSQL on this machine: give the URL of a database")
    server = PostgresServer(found)
    try:
        filled(server.url(), given.rows, given.rounds)
    finally:
        server.remove()


def filled(url: str, count: int, rounds: int) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as con:
        con.execute(f"drop table if exists {TABLE}")
        con.execute(MAKE, (count,))
        con.execute(f"alter table {TABLE} add primary key (id)")
        con.execute(f"analyze {TABLE}")
        try:
            with tempfile.TemporaryDirectory() as folder:
                measure(Path(folder), url, rounds)
        finally:
            con.execute(f"drop table {TABLE}")


def measure(folder: Path, url: str, rounds: int) -> None:
    raw = attached(url)
    with lake_of(folder, url) as lake:
        print(f"{'query':28}{'raw':>9}{'lake':>9}{'ratio':>7}{'as ana':>9}{'ratio':>7}")
        for name, sql in QUERIES.items():
            own = sql.format(t=f"crm.{TABLE}", **{key: one[0] for key, one in KEYS.items()})
            plain = sql.format(t=f"pg.public.{TABLE}", s="s", m="m")
            hidden = sql.format(t=SEEN.format(t=f"pg.public.{TABLE}"), s="s", m="m")
            assert rows(lake, own) == bare(raw, plain), name
            assert rows(lake, own, "ana") == bare(raw, hidden), name
            times = [
                timed(lambda: bare(raw, plain), rounds),  # noqa: B023
                timed(lambda: rows(lake, own), rounds),  # noqa: B023
                timed(lambda: bare(raw, hidden), rounds),  # noqa: B023
                timed(lambda: rows(lake, own, "ana"), rounds),  # noqa: B023
            ]
            alone, owner, filtered, ana = (1_000 * one for one in times)
            print(
                f"{name:28}{alone:6.0f} ms{owner:6.0f} ms{owner / alone:7.2f}"
                f"{ana:6.0f} ms{ana / filtered:7.2f}"
            )


def rows(lake: Lake, sql: str, caller: str | None = None) -> list[tuple[Any, ...]]:
    with lake.query.sql(sql, caller=caller) as result:
        return [tuple(row.values()) for row in result.to_arrow().to_pylist()]


def bare(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in con.sql(sql).to_arrow_table().to_pylist()]


def timed(work: Callable[[], object], rounds: int) -> float:
    work()
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def attached(url: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    from lakeworks.engines.duckdb.extensions import load_extension

    con = duckdb.connect(config={"autoinstall_known_extensions": False})
    con.execute("SET TimeZone = 'UTC'")
    load_extension(con, "postgres_scanner", purpose="this benchmark")
    con.execute(f"ATTACH '{url}' AS pg (TYPE postgres, READ_ONLY)")
    for key, (_, count, apart) in KEYS.items():
        con.execute(f"CREATE TABLE {key} AS {keys(count, apart)}")
    return con


def keys(count: int, apart: int) -> str:
    return f"select (i * {apart})::bigint as id from range(1, {count + 1}) r(i)"


def lake_of(folder: Path, url: str) -> Lake:
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
    (folder / "catalogs").mkdir()
    (folder / "policies").mkdir()
    (folder / "lake.yml").write_text("name: bench\n")
    (folder / "policies" / "roles.yml").write_text(POLICIES)
    settings = {
        "type": "postgresql", "host": host, "port": parts.port, "database": parts.path[1:],
        "user": parts.username, "password": parts.password and unquote(parts.password), "tls": "off",
    }  # fmt: skip
    told = "".join(f"{key}: {value}\n" for key, value in settings.items() if value)
    (folder / "catalogs" / "crm.yml").write_text(f"{told}databases: {{crm: public}}\n")
    (folder / "models" / "silver").mkdir(parents=True)
    for name, count, apart in KEYS.values():
        path = folder / "models" / f"{name.replace('.', '/')}.sql"
        path.write_text(f"/*\nload: replace\n*/\n{keys(count, apart)}\n")
    lake = Lake.open(folder)
    lake.pipeline.run()
    return lake


if __name__ == "__main__":
    main()
