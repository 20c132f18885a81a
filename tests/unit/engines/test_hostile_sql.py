"""SQL that would take its reader for days, or all memory: it is read, or refused, at once."""

from __future__ import annotations

import duckdb
import pytest

from lakeworks.engines.duckdb.caller_sql import gate, names_read
from lakeworks.engines.errors import SqlError
from lakeworks.project.athena.errors import AthenaSyntaxError
from lakeworks.project.athena.translation import translate
from lakeworks.query.errors import StatementSyntaxError
from lakeworks.query.statements.words import Words
from lakeworks.query.versions import without_versions

MANY = 50_000


@pytest.mark.parametrize(
    "sql",
    [
        "explain (" + "format aanalyze" * 60 + "!",
        "explain (" + "format analyze" * 60 + "!",
        "select 1 " + "/*" * MANY + "*/" * MANY,
        "select 1 " + "/**/" * MANY,
        "select 1 " + "/*/" * MANY,
        "select " + "(" * MANY + "1" + ")" * MANY,
        "select " + "not " * MANY + "true",
        "select " + "[" * MANY + "1" + "]" * MANY,
        "select 1" + "+1" * MANY,
        "select " + "(select " * MANY + "1" + ")" * MANY,
        "select null::" + "struct(a " * MANY + "int" + ")" * MANY,
        "with " + "c as (with " * MANY + "select 1",
    ],
    ids=lambda sql: sql[:18],
)
def test_the_gate_refuses_what_has_no_bound(sql: str) -> None:
    con = duckdb.connect()
    for read in (gate, names_read):
        with pytest.raises(SqlError):
            read(con, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 /" + "*" * 500 + " a heading " + "*" * 500 + "/",
        "select 1 " + "/* */" * MANY,
        "select 1 -" + "-" * MANY,
        "select '" + "/**/" * 40 + "'",
    ],
    ids=lambda sql: sql[:18],
)
def test_comments_as_people_write_them_are_read(sql: str) -> None:
    assert gate(duckdb.connect(), sql).tables == frozenset()


@pytest.mark.parametrize(
    "call",
    [
        "row(",
        "date(",
        "map(array[1], array[",
        "greatest(1, ",
        "least(1, ",
    ],
)
def test_calls_within_calls_of_athenas_dialect_end(call: str) -> None:
    closing = "])" if call.endswith("[") else ")"
    with pytest.raises(AthenaSyntaxError, match="nested too deep"):
        translate("select " + call * 60 + "1" + closing * 60)
    assert translate("select " + call * 5 + "1" + closing * 5)


def test_many_calls_side_by_side_are_read() -> None:
    row = "row(date('2026-01-01'), row(1, cast(2 as decimal(5, 2))), greatest(1, 2))"
    assert translate("select " + ", ".join([row] * 300)).count("greatest") >= 300


def test_quotes_that_never_close_are_not_looked_for_again() -> None:
    sql = "@ " + " ".join(f"$a{number}$" for number in range(MANY))
    assert without_versions(sql).sql == sql


@pytest.mark.parametrize("text", ["[" * 5_000 + "1", "9" * 5_000])
def test_constants_of_statements_have_bounds(text: str) -> None:
    with pytest.raises(StatementSyntaxError):
        Words(text).literal()
