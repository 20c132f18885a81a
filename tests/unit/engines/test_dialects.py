from __future__ import annotations

import duckdb
import pytest

from lakeworks.engines.dialects import translate
from lakeworks.engines.errors import DialectError


def test_the_engines_own_dialect_is_left_as_it_is() -> None:
    sql = "select  a  from t -- as written"
    assert translate(sql, dialect="DuckDB") == sql


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        ("athena", "select date_format(timestamp '2026-01-02 00:00:00', '%Y')", "2026"),
        ("spark", "select date_format(timestamp '2026-01-02 00:00:00', 'yyyy')", "2026"),
        ("redshift", "select nvl(null, 'x')", "x"),
        ("bigquery", "select format_date('%Y', date '2026-01-02')", "2026"),
    ],
)
def test_translated_sql_gives_the_same(dialect: str, sql: str, expected: str) -> None:
    with duckdb.connect() as con:
        row = con.execute(translate(sql, dialect=dialect)).fetchone()
    assert row == (expected,)


def test_sql_that_does_not_parse_says_where() -> None:
    with pytest.raises(DialectError, match="line 2") as caught:
        translate("select a\nfrom (", dialect="athena")
    assert "dialect: athena" in caught.value.hint


def test_an_unknown_dialect_names_the_nearest() -> None:
    with pytest.raises(DialectError, match="did you mean athena"):
        translate("select 1", dialect="athenna")


def test_more_than_one_statement_is_refused() -> None:
    with pytest.raises(DialectError, match="2 statements"):
        translate("select 1; select 2", dialect="trino")
