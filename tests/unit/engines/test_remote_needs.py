"""What a query needs of tables elsewhere, found in its parse tree."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from lakeworks.engines.duckdb.remote_needs import remote_needs
from lakeworks.engines.remote_conditions import (
    ColumnTest,
    Either,
    Every,
    RemoteColumns,
    RemoteNeeds,
    kept,
    plain_tests,
)

if TYPE_CHECKING:
    from lakeworks.engines.remote_conditions import Condition, Operator, Value

COLUMNS = RemoteColumns(
    (
        ("id", "bigint"), ("name", "string"), ("paid", "decimal(10,2)"), ("day", "date"),
        ("seen", "timestamp"), ("ok", "boolean"), ("x", "double"), ("f", "float"),
    ),
    frozenset({"ssn"}),
)  # fmt: skip
CON = duckdb.connect()


def needs(sql: str) -> RemoteNeeds:
    return remote_needs(CON, sql, {"crm.c": COLUMNS})["crm.c"]


def of(column: str, operator: Operator, *values: Value) -> ColumnTest:
    return ColumnTest(column, operator, values)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("id = 5", of("id", "=", 5)),
        ("5 < id", of("id", ">", 5)),
        ("id = '5'", of("id", "=", 5)),
        ("id = -3", of("id", "=", -3)),
        ("id IN (1, 2)", of("id", "in", 1, 2)),
        ("name LIKE 'ab%c_'", of("name", "prefix", "ab")),
        ("name ^@ 'z'", of("name", "prefix", "z")),
        ("paid > 1.5", of("paid", ">", Decimal("1.5"))),
        ("x <= 1e3", of("x", "<=", 1000.0)),
        ("ok", of("ok", "=", True)),
        ("NOT ok", of("ok", "=", False)),
        ("ok = true", of("ok", "=", True)),
        ("day = DATE '2026-01-02'", of("day", "=", date(2026, 1, 2))),
        ("day >= '2026-01-02'", of("day", ">=", date(2026, 1, 2))),
        ("seen < TIMESTAMP '2026-01-02 03:04:05.5'",
         of("seen", "<", datetime(2026, 1, 2, 3, 4, 5, 500_000, UTC))),
        ("NOT (id = 1)", of("id", "<>", 1)),
        ("name IS NULL", of("name", "is null")),
        ("name IS NOT NULL", of("name", "is not null")),
        ("id = 1 OR name = 'a'", Either((of("id", "=", 1), of("name", "=", "a")))),
    ],
)  # fmt: skip
def test_a_plain_condition_counts(condition: str, expected: Condition) -> None:
    assert needs(f"SELECT 1 FROM crm.c WHERE {condition}").condition == expected


@pytest.mark.parametrize(
    "condition",
    [
        "ssn = 'x'",  # not seen as it is
        "lower(name) = 'a'", "id + 1 = 2", "name = day", "name LIKE '%a'", "name ILIKE 'a%'",
        "id = 1 OR ssn = 'x'", "f = 0.5", "id = 1.5e0", "name = 5", "day = 'soon'",
        "seen = '2026-01-02 03:04:05+02'", "id = 99999999999999999999",
        "name = NULL", "id IN (1, NULL)",
        "id IN (SELECT 1)", "name = 'a\\0'::varchar || 'b'",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_lake(condition: str) -> None:
    assert needs(f"SELECT 1 FROM crm.c WHERE {condition}").condition is None


def test_parts_of_an_and_may_be_left_out() -> None:
    found = needs("SELECT 1 FROM crm.c WHERE id = 1 AND ssn = 'x' AND lower(name) = 'y'")
    assert found.condition == of("id", "=", 1)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM crm.c a JOIN t ON a.id = 1", of("id", "=", 1)),
        ("SELECT 1 FROM t LEFT JOIN crm.c a ON a.id = 1", of("id", "=", 1)),
        ("SELECT 1 FROM crm.c a LEFT JOIN t ON a.id = 1", None),
        ("SELECT 1 FROM t LEFT JOIN crm.c a ON true WHERE a.name IS NULL", None),
        ("SELECT 1 FROM t LEFT JOIN crm.c a ON true WHERE a.id = 1", of("id", "=", 1)),
        ("SELECT 1 FROM t FULL JOIN crm.c a ON a.id = 1", None),
        ("SELECT 1 FROM t ANTI JOIN crm.c a ON a.id = 1 WHERE t.id = 1", None),
        ("SELECT 1 FROM crm.c a, t WHERE id = 1", None),  # whose id is it?
        ("SELECT 1 FROM (SELECT * FROM crm.c WHERE id = 1) a WHERE name = 'x'",
         of("id", "=", 1)),
        ("SELECT 1 FROM crm.c WHERE id = 1 UNION SELECT 1 FROM crm.c", None),
        ("SELECT 1 FROM crm.c WHERE id = 1 UNION SELECT 1 FROM crm.c WHERE id = 2",
         Either((of("id", "=", 2), of("id", "=", 1)))),
        ("SELECT 1 FROM crm.c AS a(x, y) WHERE id = 1", None),
        ("SELECT 1 FROM crm.c TABLESAMPLE 50% WHERE id = 1", None),
    ],
)  # fmt: skip
def test_a_condition_counts_where_rows_that_fail_it_cannot_matter(
    sql: str, expected: Condition | None
) -> None:
    assert needs(sql).condition == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM crm.c", "FROM crm.c", "SELECT c FROM crm.c", "SELECT a FROM crm.c a",
        "SELECT crm.c FROM crm.c", "SELECT 1 FROM crm.c NATURAL JOIN t", "SELECT #1 FROM crm.c",
        "SELECT COLUMNS('i.*') FROM crm.c", "SUMMARIZE crm.c", "SELECT a FROM crm.c AS t(a)",
        "WITH k AS (SELECT * FROM crm.c) SELECT id FROM k", "SELECT count(c) FROM crm.c",
        "PIVOT crm.c ON name IN ('a') USING sum(id)",
    ],
)  # fmt: skip
def test_whole_rows_are_read_where_a_query_may_need_them(sql: str) -> None:
    assert needs(sql).columns is None


def test_columns_that_a_query_does_not_name_are_not_read() -> None:
    found = needs("SELECT max(ID) FROM crm.c a JOIN t USING (day) ORDER BY a.name").columns
    assert found is not None
    assert {"id", "day", "name"} <= found
    assert not {"paid", "ok", "ssn"} & found


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT * FROM crm.c LIMIT 5", 5), ("SELECT id, name FROM crm.c LIMIT 5 OFFSET 2", 7),
        ("SELECT * FROM crm.c WHERE id = 1 LIMIT 5", None),
        ("SELECT count(*) FROM crm.c LIMIT 5", None),
        ("SELECT * FROM crm.c ORDER BY id LIMIT 5", None),
        ("SELECT DISTINCT id FROM crm.c LIMIT 5", None),
        ("SELECT id FROM crm.c GROUP BY id LIMIT 5", None),
        ("SELECT unnest([1]) FROM crm.c LIMIT 5", None),
        ("SELECT * FROM crm.c, crm.c b LIMIT 5", None), ("SELECT * FROM crm.c LIMIT 10%", None),
        ("(SELECT * FROM crm.c LIMIT 5) UNION ALL SELECT * FROM crm.c", None),
        ("SELECT * FROM crm.c QUALIFY row_number() OVER () = 1 LIMIT 5", None),
    ],
)  # fmt: skip
def test_a_limit_counts_where_nothing_else_is_done(sql: str, limit: int | None) -> None:
    assert needs(sql).limit == limit


def test_what_describes_and_explains_reads_no_rows() -> None:
    assert not needs("DESCRIBE crm.c").needs_rows
    assert not needs("EXPLAIN SELECT * FROM crm.c").needs_rows
    assert needs("EXPLAIN ANALYZE SELECT * FROM crm.c").needs_rows
    assert needs("SUMMARIZE crm.c").needs_rows


def test_an_or_is_given_up_with_any_of_its_parts() -> None:
    tree = Every((
        Either((of("a", "=", 1), of("b", "=", 1))), of("a", ">", 0),
    ))  # fmt: skip
    assert kept(tree, lambda test: test.column == "a") == of("a", ">", 0)
    assert plain_tests(tree) == (of("a", ">", 0),)


PARTNERS = {
    "silver.s": RemoteColumns(
        (("k", "int"), ("name", "string"), ("x", "bigint"), ("day", "date"), ("m", "double")),
        frozenset({"secret"}),
    )
}


def joins(sql: str) -> list[tuple[str, str, str]]:
    found = remote_needs(CON, sql, {"crm.c": COLUMNS}, PARTNERS)["crm.c"]
    assert all(one.table == "silver.s" for one in found.joins)
    return [(one.column, one.other, one.condition) for one in found.joins]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("silver.s JOIN crm.c ON s.k = c.id", [("id", "k", "")]),
        ("silver.s JOIN crm.c ON k = id", [("id", "k", "")]),
        ("crm.c b JOIN silver.s a ON b.name = a.name", [("name", "name", "")]),
        ("crm.c JOIN silver.s USING (name)", [("name", "name", "")]),
        ("crm.c, silver.s s WHERE c.id = s.k AND s.x > 5", [("id", "k", "(x > 5)")]),
        ("silver.s JOIN crm.c ON s.k = c.id AND s.x + 1 = 2", [("id", "k", "((x + 1) = 2)")]),
        ("silver.s LEFT JOIN crm.c ON s.k = c.id AND s.x = 1", [("id", "k", "")]),
        ("silver.s JOIN crm.c ON s.k = c.id WHERE s.x > random()", [("id", "k", "")]),
        # Rows of the other side that fail WHERE keep nulls from being supplied.
        ("crm.c JOIN silver.s ON s.k = c.id RIGHT JOIN silver.s o ON true WHERE s.x IS NULL",
         [("id", "k", "")]),
        ("silver.s RIGHT JOIN crm.c ON s.k = c.id", []),
        ("silver.s FULL JOIN crm.c ON s.k = c.id", []),
        ("silver.s SEMI JOIN crm.c ON s.k = c.id", []),
        ("silver.s JOIN crm.c ON s.k = c.id OR s.x = 1", []),
        ("silver.s JOIN crm.c ON s.k + 1 = c.id", []),
        ("silver.s JOIN crm.c ON s.k <= c.id", []),
        ("silver.s JOIN crm.c ON s.k = c.name", []),  # of another kind
        ("silver.s JOIN crm.c ON s.m = c.x", []),  # a double is no key
        ("silver.s JOIN crm.c ON s.secret = c.name", []),  # masked
        ("silver.s JOIN crm.c ON s.name = c.ssn", []),  # masked
        ("silver.s JOIN crm.c ON s.k = c.id, crm.c d", []),
        ("silver.s JOIN silver.s c ON true JOIN crm.c ON s.k = c.id", []),
        ("(SELECT 1 AS k) s JOIN crm.c ON s.k = c.id", []),
        ("silver.s AS s(name, k) JOIN crm.c ON s.k = c.id", []),
        ("silver.s TABLESAMPLE 10% JOIN crm.c ON s.k = c.id", []),
    ],
)  # fmt: skip
def test_a_join_tells_whose_keys_are_needed(
    rest: str, expected: list[tuple[str, str, str]]
) -> None:
    assert joins(f"SELECT 1 FROM {rest}") == expected
