"""Clauses of Athena's SQL, what types decide, and what is refused by name."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from lakeworks.engines.duckdb.caller_sql import gate
from lakeworks.project.athena.errors import AthenaSyntaxError, AthenaUnsupportedError
from lakeworks.project.athena.kinds import Kind, array_of
from lakeworks.project.athena.translation import translate

T = "(VALUES (1, 'a', 10.5), (2, 'b', 20.5), (3, NULL, NULL)) AS t(id, name, amount)"


@cache
def _connection() -> Any:
    import duckdb

    found = duckdb.connect()
    found.execute("SET TimeZone = 'UTC'")
    found.execute("CREATE SCHEMA s")
    found.execute(
        "CREATE TABLE s.t AS SELECT 7 AS i, 2.0::DOUBLE AS d, 1.25::DECIMAL(5, 2) AS m, "
        "DATE '2026-01-31' AS day, [1, 2] AS xs, MAP {'a': 1} AS kv, "
        "[{'x': 1, 'y': 'p'}] AS rows, '2026-01-02 03:04:05'::TIMESTAMP AS ts"
    )
    return found


def answer(sql: str, columns: dict[str, Kind] | None = None) -> list[tuple[Any, ...]]:
    translated = translate(sql, lambda _: columns or {})
    gate(_connection().cursor(), translated)
    found = _connection().cursor().execute(translated).to_arrow_table()
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


CLAUSES = [
    ("SELECT id FROM {t} ORDER BY name DESC", [(2,), (1,), (3,)]),
    ("SELECT id FROM {t} ORDER BY name NULLS FIRST", [(3,), (1,), (2,)]),
    ("SELECT id FROM {t} ORDER BY id OFFSET 1 LIMIT 1", [(2,)]),
    ("SELECT id FROM {t} ORDER BY id OFFSET 1 ROW FETCH FIRST 1 ROW ONLY", [(2,)]),
    ("SELECT id FROM {t} ORDER BY id LIMIT ALL", [(1,), (2,), (3,)]),
    ("WITH a AS (SELECT id FROM {t}), b(n) AS (SELECT id + 1 FROM a) SELECT sum(n) FROM b", [(9,)]),
    (
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) "
        "SELECT max(n) FROM r"),
        [(4,)],
    ),
    ("SELECT a.id FROM {t} JOIN (VALUES 2) AS a(id) USING (id)", [(2,)]),
    (("SELECT t.id, u.n FROM {t} LEFT JOIN (VALUES (1, 5)) AS u(id, n) ON t.id = u.id "
     "ORDER BY 1 LIMIT 2"), [(1, 5), (2, None)]),
    ("SELECT count(*) FROM {t} NATURAL JOIN (VALUES 1, 9) AS u(id)", [(1,)]),
    ("SELECT count(*) FROM {t}, (VALUES 1, 2) AS u(n)", [(6,)]),
    ("SELECT id, x FROM {t} CROSS JOIN UNNEST(ARRAY[id, 10]) AS u(x) WHERE id = 2 ORDER BY x",
     [(2, 2), (2, 10)]),
    ("SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS u(x, n)",
     [("a", 1), ("b", 2)]),
    ("SELECT x, y FROM UNNEST(ARRAY[1, 2], ARRAY['p']) AS u(x, y)", [(1, "p"), (2, None)]),
    ("SELECT k, v FROM UNNEST(MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS u(k, v)",
     [("a", 1), ("b", 2)]),
    ("SELECT a, b FROM UNNEST(ARRAY[ROW(1, 'x'), ROW(2, 'y')]) AS u(a, b)",
     [(1, "x"), (2, "y")]),
    (("SELECT id, x FROM {t} LEFT JOIN UNNEST(IF(id = 1, ARRAY[7])) AS u(x) ON TRUE "
     "ORDER BY id LIMIT 2"), [(1, 7), (2, None)]),
    (("SELECT t.id, l.twice FROM {t} CROSS JOIN LATERAL (SELECT t.id * 2 AS twice) AS l "
     "ORDER BY 1 LIMIT 1"), [(1, 2)]),
    ("SELECT name, count(*) FROM {t} GROUP BY ROLLUP (name) ORDER BY 2 DESC LIMIT 1",
     [(None, 3)]),
    (("SELECT id, name, count(*) FROM {t} WHERE id = 1 GROUP BY CUBE (id, name) "
     "ORDER BY 1, 2"), [(1, "a", 1), (1, None, 1), (None, "a", 1), (None, None, 1)]),
    (("SELECT id, grouping(id) FROM {t} WHERE id < 2 GROUP BY GROUPING SETS ((id), ()) "
     "ORDER BY 2"), [(1, 0), (None, 1)]),
    ("SELECT id % 2, sum(id) FROM {t} GROUP BY 1 HAVING count(*) > 1", [(1, 4)]),
    ("SELECT id / 2, count(*) FROM {t} GROUP BY id / 2 ORDER BY 1", [(0, 1), (1, 2)]),
    (("SELECT upper(coalesce(name, 'z')), count(*) FROM {t} GROUP BY upper(coalesce(name, 'z')) "
     "ORDER BY 1 LIMIT 1"), [("A", 1)]),
    ("SELECT id FROM {t} UNION SELECT 9 EXCEPT SELECT 1 ORDER BY 1", [(2,), (3,), (9,)]),
    ("SELECT 1 INTERSECT SELECT 1", [(1,)]),
    (("SELECT id, row_number() OVER (ORDER BY id DESC), rank() OVER w, dense_rank() OVER w, "
     "ntile(2) OVER w, percent_rank() OVER w, cume_dist() OVER w FROM {t} "
     "WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 1"), [(1, 3, 1, 1, 1, 0.0, 1 / 3)]),
    (("SELECT lag(name) IGNORE NULLS OVER (ORDER BY id), lead(id, 1, 0) OVER (ORDER BY id) "
     "FROM {t} ORDER BY id DESC LIMIT 1"), [("b", 0)]),
    (("SELECT first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM {t} "
     "WINDOW w AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) "
     "LIMIT 1"), [(1, 3, 2)]),
    (("SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {t} "
     "ORDER BY 1"), [(1,), (3,), (5,)]),
    (("SELECT sum(id) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) "
     "FROM (VALUES (1, DATE '2026-01-01'), (2, DATE '2026-01-02')) AS v(id, d) ORDER BY 1"),
     [(1,), (3,)]),
    ("SELECT avg(amount) FILTER (WHERE id < 3), count_if(id > 1) FILTER (WHERE id < 3) FROM {t}",
     [(Decimal("15.5"), 1)]),
    ("VALUES (1, 'a'), (2, 'b')", [(1, "a"), (2, "b")]),
    ("SELECT DISTINCT id / 10 FROM {t}", [(0,)]),
    ("SELECT id FROM {t} WHERE (id, name) IN (SELECT 1, 'a')", [(1,)]),
    ("SELECT t.* FROM {t} WHERE id = 1", [(1, "a", Decimal("10.5"))]),
    ("SELECT i.d / i.c FROM (SELECT 7 AS d, 2 AS c) AS i", [(3,)]),
    ("SELECT (SELECT max(id) FROM {t}) / 2", [(1,)]),
    ("SELECT d / 2 FROM (SELECT sum(id) AS d FROM {t}) AS i", [(3,)]),
    ("SELECT id FROM {t} WHERE id = (SELECT max(u.id) FROM {u} WHERE u.id <= t.id) AND id = 2",
     [(2,)]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), CLAUSES, ids=[sql[:60] for sql, _ in CLAUSES])
def test_a_clause_gives_what_athena_gives(sql: str, rows: list[tuple[Any, ...]]) -> None:
    found = sql.replace("{t}", T).replace("{u}", T.replace("AS t(", "AS u("))
    assert answer(found) == rows


def test_columns_without_a_name_are_numbered_as_athena_does() -> None:
    translated = translate("SELECT 1, 2 AS b, 3")
    found = _connection().cursor().execute(translated)
    assert [one[0] for one in found.description] == ["_col0", "b", "_col2"]


KINDS = {
    "i": Kind("int"), "d": Kind("double"), "m": Kind("decimal", digits=(5, 2)),
    "day": Kind("date"), "xs": array_of(Kind("int")), "ts": Kind("timestamp"),
    "kv": Kind("map", (Kind("text"), Kind("int"))),
    "rows": array_of(Kind("row", (Kind("int"), Kind("text")), ("x", "y"))),
}  # fmt: skip
TYPED = [
    ("i / 2", "3"), ("i / d", "3.5"), ("m / 2", "0.63"), ("m / 0.5", "2.50"), ("i % 4", "3"),
    ("day + INTERVAL '1' MONTH", "2026-02-28"), ("date_add('day', 1, day)", "2026-02-01"),
    ("date_trunc('month', day)", "2026-01-01"), ("cardinality(xs)", "2"),
    ("cardinality(kv)", "1"), ("xs[2]", "2"), ("kv['a']", "1"), ("element_at(kv, 'z')", "None"),
    ("cast(ts AS varchar)", "2026-01-02 03:04:05.000"), ("cast(d AS varchar)", "2.0"),
    ("cast(d + 0.5 AS integer)", "3"), ("avg(m)", "1.25"), ("sum(i)", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted"), TYPED)
def test_the_type_of_a_column_decides(expression: str, wanted: str) -> None:
    assert str(answer(f"SELECT {expression} FROM s.t", KINDS)[0][0]) == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [one for one in TYPED if not one[0].startswith(("m /", "sum"))],
)
def test_without_the_type_it_is_told_apart_when_it_runs(expression: str, wanted: str) -> None:
    assert str(answer(f"SELECT {expression} FROM s.t")[0][0]) == wanted


@pytest.mark.parametrize(
    "expression", ["1 / 0", "i / (i - 7)", "i % 0", "m / 0", "xs[3]", "xs[0]", "kv['z']",
                   "cast('1.5' AS integer)", "cast(i * 1000000000000 AS integer)",
                   "split_part('a', ',', 0)"],
)  # fmt: skip
def test_what_fails_in_athena_fails(expression: str) -> None:
    import duckdb

    with pytest.raises(duckdb.Error):
        answer(f"SELECT {expression} FROM s.t", KINDS)


def test_decimals_whose_scale_is_unknown_are_not_divided() -> None:
    import duckdb

    with pytest.raises(duckdb.Error, match="the scale of a decimal"):
        answer("SELECT m / 2 FROM s.t")


def test_rows_become_columns_of_their_names() -> None:
    assert answer("SELECT x, y FROM s.t CROSS JOIN UNNEST(rows) AS u(x, y)", KINDS) == [
        (1, "p")
    ]


def test_a_version_is_written_as_the_lakes_own() -> None:
    assert translate("SELECT * FROM s.t FOR VERSION AS OF 3 AS x") == (
        'SELECT * FROM "s"."t"@v3 AS "x"'
    )


def test_the_data_catalog_is_the_lakes() -> None:
    assert (
        translate('SELECT 1 AS a FROM "AwsDataCatalog".s.t') == 'SELECT 1 AS "a" FROM "s"."t"'
    )


REFUSED = [
    ("SELECT soundex('a')", "soundex", "levenshtein_distance"),
    ("SELECT\n  strposs('a', 'b')", "line 2, column 3", "strpos"),
    ("SELECT ifnull(a, 1) FROM s.t", "ifnull", "coalesce"),
    ("SELECT pg_sleep(1)", "pg_sleep", ""),
    ("SELECT system.f(1)", "system.f", ""),
    ("SELECT round(1, 2, 3)", "3 arguments", ""),
    ("SELECT CAST(a AS char(3)) FROM s.t", "CHAR", "VARCHAR"),
    ("SELECT CAST(ARRAY[1] AS varchar)", "array to varchar", "json_format"),
    ("SELECT date_trunc(u, d) FROM s.t", "must be a constant", ""),
    ("SELECT date_parse('1', '%H')", "without a year", ""),
    ("SELECT date_format(d, '%x') FROM s.t", "%x", ""),
    ("SELECT regexp_like(a, '(?=x)') FROM s.t", "(?=", ""),
    ("SELECT regexp_replace(a, 'x', b) FROM s.t", "must be a constant", ""),
    ("SELECT json_extract(a, '$..b') FROM s.t", "path", ""),
    ("SELECT json_extract(a, '$[*]') FROM s.t", "path", ""),
    ("SELECT t AT TIME ZONE 'UTC' FROM s.t", "AT TIME ZONE", "hour("),
    ("SELECT 1 || 'a'", "|| of int", "CAST"),
    ("SELECT * FROM s.t FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01 00:00:00'",
     "FOR TIMESTAMP AS OF", "--at"),
    ("SELECT a FROM s.t FETCH FIRST 1 ROW WITH TIES", "WITH TIES", ""),
    ("SELECT DISTINCT ON (a) a FROM s.t", "DISTINCT ON", ""),
    ("SELECT a FROM s.t QUALIFY row_number() OVER () = 1", "does not parse", ""),
    ("SELECT * EXCLUDE (a) FROM s.t", "", ""),
    ("SELECT a FROM s.t GROUP BY ALL", "GROUP BY ALL", ""),
    ("SELECT * FROM read_csv('x')", "read_csv", ""),
    ("SELECT * FROM TABLE(system.query('x'))", "", ""),
    ("SELECT a FROM s.t SEMI JOIN s.u ON true", "SEMI", ""),
    ("SELECT ?", "parameter", ""),
    ("SELECT a -> 'b' FROM s.t", "", ""),
    ("SELECT a ILIKE 'b' FROM s.t", "ILIKE", ""),
    ("SELECT upper(a) OVER () FROM s.t", "no aggregate", ""),
    ("SELECT k FROM s.t CROSS JOIN UNNEST(unknown) AS u(k, v)", "type is not known", "map_keys"),
    ("SELECT INTERVAL '1-2' YEAR TO MONTH", "", ""),
    ("INSERT INTO s.t SELECT 1", "this statement", ""),
    ("DROP TABLE s.t", "this statement", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "told", "hint"), REFUSED, ids=[sql[:50] for sql, _, _ in REFUSED]
)
def test_what_does_not_work_is_refused_by_name(sql: str, told: str, hint: str) -> None:
    with pytest.raises((AthenaUnsupportedError, AthenaSyntaxError)) as caught:
        translate(sql)
    assert told in caught.value.problem
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "sql", ["", "SELECT", "SELECT 1; SELECT 2", "SELECT 'a", "SELEC 1", "SELECT (1",
            "SELECT " + "(" * 3000 + "1" + ")" * 3000, "/* nothing */"],
    ids=range(8),
)  # fmt: skip
def test_what_does_not_parse_is_an_error_of_its_own(sql: str) -> None:
    with pytest.raises((AthenaSyntaxError, AthenaUnsupportedError)):
        translate(sql)


def test_names_stay_names_and_texts_stay_texts() -> None:
    sql = """SELECT "a b" AS "c""d", 'it''s {0} "x" @v1 ; --' AS e FROM s."t" AS "select" """
    translated = translate(sql)
    assert "'it''s {0} \"x\" @v1 ; --'" in translated
    assert '"a b" AS "c""d"' in translated
    assert translated.endswith('FROM "s"."t" AS "select"')
