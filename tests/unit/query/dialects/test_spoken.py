"""Which part of a statement is a query, and is translated; the rest stays as it was written."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lakeworks.engines.errors import SqlError
from lakeworks.project.athena.errors import (
    AthenaSyntaxError,
    AthenaUnsupportedError,
    UnknownDialectError,
)
from lakeworks.query.asking import Asking
from lakeworks.query.dialects.spoken import dialect_of, in_lake_sql, unplaced
from lakeworks.query.questions import Caller


class Nothing:
    """Knows no table."""

    def snapshot(self, _: object) -> None:
        raise SqlError("nothing is known")


def said(text: str, dialect: str = "athena") -> str:
    nothing = cast("Any", None)
    asking = Asking(text, Caller(), None, nothing, nothing, dialect=dialect)
    return in_lake_sql(text, asking, cast("Any", Nothing()))


@pytest.mark.parametrize(
    ("text", "lake"),
    [
        ("SELECT 1 AS a", 'SELECT 1 AS "a"'),
        ("/* c */ -- d\n SELECT 1 AS a;", 'SELECT 1 AS "a"'),
        ("(SELECT 1 AS a)", '(SELECT 1 AS "a")'),
        ("EXPLAIN SELECT 1 AS a", 'EXPLAIN SELECT 1 AS "a"'),
        ("DESC SELECT 1 AS a", 'DESCRIBE SELECT 1 AS "a"'),
        ("CREATE VIEW a.b AS SELECT 1 AS c", 'CREATE VIEW a.b AS SELECT 1 AS "c"'),
        (
            "CREATE OR REPLACE VIEW a.b (x) AS WITH q AS (SELECT 1 AS c) SELECT c FROM q",
            'CREATE OR REPLACE VIEW a.b (x) AS WITH "q" AS (SELECT 1 AS "c") SELECT "c" FROM "q"',
        ),
        (
            "CREATE TABLE a.b WITH (format = 'PARQUET') AS SELECT 1 AS c WITH NO DATA",
            "CREATE TABLE a.b WITH (format = 'PARQUET') AS SELECT 1 AS \"c\" WITH NO DATA",
        ),
        ("CREATE TABLE a.b AS (SELECT 1 AS c)", 'CREATE TABLE a.b AS (SELECT 1 AS "c")'),
        ("INSERT INTO a.b (c) SELECT 1 AS d;", 'INSERT INTO a.b (c) SELECT 1 AS "d";'),
        ("INSERT INTO a.b VALUES (7 / 2)", "INSERT INTO a.b VALUES (((7) // 2))"),
        (
            "UNLOAD (SELECT 1 AS c) TO '/x' WITH (format = 'CSV')",
            "UNLOAD (SELECT 1 AS \"c\") TO '/x' WITH (format = 'CSV')",
        ),
        ("DELETE FROM a.b WHERE c = 7 / 2", 'DELETE FROM a.b WHERE "c" = ((7) // 2)'),
        ("DELETE FROM a.b", "DELETE FROM a.b"),
        ("DROP TABLE a.b", "DROP TABLE a.b"),
        ("SHOW TABLES IN a LIKE 'b*'", "SHOW TABLES IN a LIKE 'b*'"),
        ("GRANT SELECT ON a.b TO c", "GRANT SELECT ON a.b TO c"),
        ("CREATE EXTERNAL TABLE a.b (c int) LOCATION '/x'",
         "CREATE EXTERNAL TABLE a.b (c int) LOCATION '/x'"),
        ("PREPARE p FROM SELECT 7 / ?", "PREPARE p FROM SELECT 7 / ?"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_query_in_a_statement_is_translated(text: str, lake: str) -> None:
    assert said(text) == lake


def test_the_lakes_own_sql_stays_as_it_is() -> None:
    assert said("select 7/2 -- c", dialect="duckdb") == "select 7/2 -- c"


def test_places_are_those_of_the_whole_statement() -> None:
    with pytest.raises(AthenaUnsupportedError, match=r"line 2, column 10: .*soundex"):
        said("CREATE VIEW a.b AS\n  SELECT soundex(c) FROM d.e")
    with pytest.raises(AthenaSyntaxError):
        said("CREATE TABLE a.b AS SELECT FROM WHERE")


def test_dialects_have_names() -> None:
    assert [dialect_of(name) for name in ("", "duckdb", "Athena", "trino")] == [
        "duckdb", "duckdb", "athena", "athena",
    ]  # fmt: skip
    with pytest.raises(UnknownDialectError, match="oracle"):
        dialect_of("oracle")


def test_errors_of_translated_sql_have_no_place_that_the_caller_did_not_write() -> None:
    wrong = SqlError.at("no column x", line=1, column=7, hint="did you mean y?")
    with pytest.raises(SqlError) as caught, unplaced("athena"):
        raise wrong
    assert (caught.value.problem, caught.value.hint, caught.value.line) == (
        "no column x", "did you mean y?", None,
    )  # fmt: skip
    with pytest.raises(SqlError, match="line 1, column 7"), unplaced("duckdb"):
        raise wrong
