"""Joins of the lake's tables with another system's give what they give where all rows are at hand.

The keys of the lake's side are asked of the other system, where that cannot change the answer. The
reference is an engine that holds the rows which the caller may see.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = tuple[int | None, str | None, str | None, int | None]
KEYS = [1, 2, 2, 3, None, 5, 7, 7]
TEXTS = ["a", "A", "b ", None, "", "ä", "b", "a"]
SMALL: list[Row] = [
    (k, t, None if k == 2 else f"2026-01-0{at + 1}", at % 3 if at != 4 else None)
    for at, (k, t) in enumerate(zip(KEYS, TEXTS, strict=True))
]
BIG: list[Row] = [
    (k % 9 if k % 7 else None, TEXTS[k % 8], f"2026-01-0{k % 9 + 1}", k % 4) for k in range(40)
]
POLICIES = """
grants:
  - {to: user:ana, permissions: SELECT, on: silver.s, rows: x > 0}
  - {to: user:ana, permissions: SELECT, on: [silver.r, crm.b]}
policies:
  hidden: {on: silver.s, columns: [t], mask: "null", to: everyone}
  days: {on: crm.b, columns: [d], mask: "null", to: everyone}
"""


def _values(rows: list[Row]) -> str:
    def told(value: object) -> str:
        return "NULL" if value is None else repr(value)

    return ", ".join(f"({', '.join(map(told, row))})" for row in rows)


def _model(rows: list[Row]) -> str:
    return (
        "/*\nload: replace\n*/\nselect k::int as k, t::varchar as t, d::date as d, x::int as x "
        f"from (values {_values(rows)}) v(k, t, d, x)\n"
    )


def _reference(small: list[Row], big: list[Row], others: list[Row]) -> Any:
    con = duckdb.connect()
    for schema, name, rows in (
        ("silver", "s", small), ("silver", "r", others), ("crm", "b", big),
    ):  # fmt: skip
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        con.execute(f"CREATE TABLE {schema}.{name} (k BIGINT, t VARCHAR, d DATE, x BIGINT)")
        if rows:
            con.execute(f"INSERT INTO {schema}.{name} VALUES {_values(rows)}")
    return con


OTHERS = SMALL[3:6]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("joined")
    for folder in ("catalogs", "policies", "models/silver"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text("name: joined\n")
    (root / "policies" / "all.yml").write_text(POLICIES)
    (root / "catalogs" / "crm.yml").write_text(
        "type: sqlite\npath: crm.db\ndatabases: {crm: main}\n"
    )
    (root / "models/silver/s.sql").write_text(_model(SMALL))
    (root / "models/silver/r.sql").write_text(_model(OTHERS))
    with sqlite3.connect(root / "crm.db") as con:
        con.execute("CREATE TABLE b (k INTEGER, t TEXT COLLATE NOCASE, d DATE, x INTEGER)")
        con.executemany("INSERT INTO b VALUES (?, ?, ?, ?)", BIG)
    con.close()
    with Lake.open(root) as found:
        assert found.pipeline.run().status == "succeeded"
        yield found


NAMES = st.sampled_from(["s", "b"])
COLUMNS = st.sampled_from(["k", "t", "d", "x"])
EQUAL = st.one_of(
    COLUMNS.map(lambda c: f"s.{c} = b.{c}"),
    COLUMNS.map(lambda c: f"b.{c} = s.{c}"),
    st.sampled_from(["s.k = b.x", "b.k = s.x", "s.k = b.k + 1", "s.k <= b.k", "o.k = b.k",
                     "s.k IS NOT DISTINCT FROM b.k", "s.t = b.k", "s.k = b.k OR s.x = b.x"]),
)  # fmt: skip
OTHER = st.builds(
    "{}.{}".format,
    NAMES,
    st.sampled_from(["x > 0", "x = 1", "k IS NULL", "k IN (2, 3, 5)", "t = 'a'", "x IS NULL",
                     "d > DATE '2026-01-04'", "t LIKE 'b%'", "k <> 2"]),
).filter(bool)  # fmt: skip
COMPUTED = st.sampled_from(["coalesce(s.x, 0) = 0", "s.x + 1 = 2", "random() < 2", "s.x > 9"])
PARTS = st.lists(st.one_of(EQUAL, EQUAL, OTHER, COMPUTED), min_size=1, max_size=3)
CONDITION = PARTS.map(lambda parts: " AND ".join(f"({one})" for one in parts))
KIND = st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN"])
SIDES = st.permutations(["silver.s AS s", "crm.b AS b"])


def _two(sides: list[str], kind: str, on: str, where: str | None) -> str:
    on = on.replace("o.k", "s.k")
    left, right = sides
    shown = "s.k, s.t, b.k, b.x" if kind != "SEMI JOIN" else f"{left[-1]}.k, {left[-1]}.x"
    if kind == "SEMI JOIN":
        where = None
    text = f"SELECT {shown} FROM {left} {kind} {right} ON {on}"
    return text if where is None else f"{text} WHERE {where.replace('o.k', 's.k')}"


def _three(sides: list[str], kinds: tuple[str, str], on: tuple[str, str], where: str) -> str:
    first, second = (one if one != "SEMI JOIN" else "JOIN" for one in kinds)
    left, right = sides
    on_first = on[0].replace("o.k", "s.k")
    return (
        f"SELECT s.k, b.k, o.x FROM {left} {first} {right} ON {on_first} "
        f"{second} silver.r AS o ON {on[1]} WHERE {where}"
    )


def _nested(sides: list[str], kinds: tuple[str, str], on: tuple[str, str], where: str) -> str:
    first, second = (one if one != "SEMI JOIN" else "LEFT JOIN" for one in kinds)
    left, right = sides
    on_first = on[0].replace("o.k", "s.k")
    return (
        f"SELECT s.k, b.k, o.x FROM silver.r AS o {second} ({left} {first} {right} "
        f"ON {on_first}) ON {on[1]} WHERE {where}"
    )


QUERIES = st.one_of(
    st.builds(_two, SIDES, KIND, CONDITION, st.one_of(st.none(), CONDITION)),
    st.builds(_three, SIDES, st.tuples(KIND, KIND), st.tuples(CONDITION, CONDITION), CONDITION),
    st.builds(_nested, SIDES, st.tuples(KIND, KIND), st.tuples(CONDITION, CONDITION),
              st.one_of(st.just("true"), CONDITION)),
    st.builds("SELECT count(*), sum(b.x) FROM silver.s, crm.b WHERE {}".format, CONDITION.map(
        lambda one: one.replace("o.k", "s.k"))),
    st.builds("SELECT k, s.x, b.x FROM silver.s {} crm.b USING (k{})".format,
              st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]),
              st.sampled_from(["", ", t", ", d"])),
    st.builds("SELECT x FROM crm.b WHERE k IN (SELECT s.k FROM silver.s WHERE {})".format,
              st.sampled_from(["s.x > 0", "s.k = b.k", "s.k <> b.k", "s.x = b.x"])),
    st.builds("SELECT u.k, s.k FROM (SELECT b.k, b.x FROM crm.b JOIN silver.r ON r.k = b.k) u "
              "{} silver.s ON {}".format, st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN"]),
              st.sampled_from(["s.k = u.k", "s.x = u.x AND s.k > 1"])),
    st.builds("SELECT 1 FROM silver.s s {0} crm.b b ON s.k = b.k UNION ALL SELECT b.x FROM crm.b "
              "JOIN silver.s ON {1}".format, KIND, st.sampled_from(["s.x = b.x", "s.t = b.t"])),
    st.builds("WITH s AS (SELECT 2 AS k, 'a' AS t, 1 AS x) SELECT s.k, b.x FROM s JOIN crm.b "
              "ON {}".format, st.sampled_from(["s.k = b.k", "s.t = b.t"])),
    st.builds("SELECT s.k, b.k FROM silver.s s JOIN silver.s o ON s.x = o.k {} crm.b b ON {}"
              .format, st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN"]), EQUAL),
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=QUERIES, caller=st.sampled_from([None, "ana"]))
def test_a_join_gives_what_it_gives_where_all_rows_are_at_hand(
    lake: Lake, sql: str, caller: str | None
) -> None:
    if caller is None:
        held = _reference(SMALL, BIG, OTHERS)
    else:
        seen = [(k, None, d, x) for k, _, d, x in SMALL if x is not None and x > 0]
        held = _reference(seen, [(k, t, None, x) for k, t, _, x in BIG], OTHERS)
    try:
        expected = Counter(held.execute(sql).fetchall())
    except duckdb.Error:
        return  # such as a text that is no number
    finally:
        held.close()
    with lake.query.sql(sql, caller=caller) as result:
        found = Counter(tuple(row.values()) for row in result.to_arrow().to_pylist())
    assert found == expected


@pytest.mark.parametrize("caller", [None, "ana"])
@pytest.mark.parametrize(
    ("sql", "share"),
    [
        ("SELECT b.x FROM silver.s JOIN crm.b ON s.k = b.k AND s.x = 1", 0.5),
        ("SELECT b.x FROM silver.s LEFT JOIN crm.b USING (k) WHERE s.x + 1 = 2", 0.5),
        ("SELECT b.x FROM crm.b, silver.s WHERE s.d = b.d", 1.0),
        ("SELECT b.x FROM crm.b, silver.s WHERE s.k = b.k AND s.x > 99", 0.0),
    ],
)
def test_no_more_rows_are_read_elsewhere_than_a_join_needs(
    lake: Lake, sql: str, caller: str | None, share: float
) -> None:
    with lake.query.sql("SELECT x, k, d FROM crm.b", caller=caller) as whole:
        whole.to_arrow()
        most = whole.scanned_bytes
    with lake.query.sql("SELECT x, k, d FROM silver.s", caller=caller) as own:
        own.to_arrow()
        beside = own.scanned_bytes
    with lake.query.sql(sql, caller=caller) as result:
        result.to_arrow()
        assert (result.scanned_bytes - beside) / most <= share


def test_keys_are_days_and_texts_too(lake: Lake) -> None:
    sql = "SELECT b.x FROM silver.r JOIN crm.b ON r.t = b.t AND r.d = b.d WHERE r.k = 3"
    with lake.query.sql(sql) as result:
        assert all(isinstance(row["x"], int) for row in result.to_arrow().to_pylist())
    assert date(2026, 1, 4).isoformat() == OTHERS[0][2]
