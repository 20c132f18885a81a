"""Rulesets judged on real rows, by DuckDB, in both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.quality import DqdlError, compile_ruleset, parse
from lakeworks.quality.evaluation.compile import CompiledRuleset
from lakeworks.quality.outcomes.metrics import Aggregate, query
from lakeworks.quality.severity import blocking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.quality.outcomes.evaluation import Evaluation, RuleOutcome

MOMENT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
COLUMNS = {
    "id": "bigint",
    "name": "string",
    "amount": "decimal(10,2)",
    "share": "double",
    "small": "float",
    "day": "date",
    "at": "timestamp",
    "read_at": "timestamp_ntz",
    "ok": "boolean",
    "raw": "binary",
    "tags": "array<string>",
}
SCHEMA = Schema(tuple(Field(name, parse_type(text)) for name, text in COLUMNS.items()))
ROWS = """
    (1, 'ann', 10.50, 0.5, 0.1, '2026-11-20', '2026-11-20 10:00:00+00', '2026-11-20 10:00:00',
     true, null, ['x']),
    (2, 'Bob', 20.00, 'nan', 0.2, '2026-11-21', '2026-11-21 23:59:59+00', '2026-11-21 23:59:59',
     false, null, null),
    (3, '', 30.00, 0.7, null, '2026-11-22', '2026-11-22 12:29:59+00', '2026-11-22 12:29:59',
     null, null, []),
    (4, '  ', null, null, 0.4, null, null, null,
     true, 'abc', null),
    (4, null, 0.00, -1.5, 0.5, '2026-11-22', '2026-11-22 12:31:00+00', '2026-11-22 12:31:00',
     true, null, null)
"""
TYPES = {"string": "varchar", "timestamp": "timestamptz", "timestamp_ntz": "timestamp",
         "binary": "blob", "array<string>": "varchar[]"}  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    columns = ", ".join(f'"{name}" {TYPES.get(text, text)}' for name, text in COLUMNS.items())
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"create table seen ({columns}); insert into seen values {ROWS}")
    yield connection
    connection.close()


def compiled(text: str) -> CompiledRuleset:
    return compile_ruleset(parse(f"Rules = [ {text} ]"), SCHEMA, moment=MOMENT)


def figures(
    con: duckdb.DuckDBPyConnection, ruleset: CompiledRuleset, relation: str = "seen"
) -> dict[str, Any]:
    sql = query(ruleset.wanted().items(), relation)
    if not sql:
        return {}
    cursor = con.execute(sql)
    (row,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def outcome(con: duckdb.DuckDBPyConnection, text: str) -> RuleOutcome:
    ruleset = compiled(text)
    return ruleset.judge(figures(con, ruleset)).outcomes[0]


def passing_ids(con: duckdb.DuckDBPyConnection, text: str) -> list[int]:
    (check,) = compiled(text).row_checks
    return [i for (i,) in con.sql(f"select rowid from seen where {check.condition}").fetchall()]


@pytest.mark.parametrize(
    ("rule", "passing"),
    [
        ('IsComplete "name"', [0, 1, 2, 3]),
        ('IsComplete "amount" where "id < 4"', [0, 1, 2, 3, 4]),
        ('ColumnValues "id" = 4', [3, 4]),
        ('ColumnValues "id" > 2', [2, 3, 4]),
        ('ColumnValues "id" >= 2.5', [2, 3, 4]),
        ('ColumnValues "id" between 1 and 4', [1, 2]),
        ('ColumnValues "id" not between 1 and 4', [0, 3, 4]),
        ('ColumnValues "id" in ["1", "2"]', [0, 1]),
        ('ColumnValues "id" < 99999999999999999999999999999999', [0, 1, 2, 3, 4]),
        ('ColumnValues "id" > 0.00000000000000000000000000000000000001', [0, 1, 2, 3, 4]),
        ('ColumnValues "amount" = 10.5', [0]),
        ('ColumnValues "amount" != 10.5', [1, 2, 3, 4]),
        ('ColumnValues "amount" > 0.12345678901234567890123456789012345678', [0, 1, 2]),
        ('ColumnValues "amount" not in [0, 20, NULL]', [0, 2]),
        ('ColumnValues "amount" != NULL', [0, 1, 2, 4]),
        ('ColumnValues "amount" = NULL', [3]),
        ('ColumnValues "amount" in [EMPTY, 20]', [1]),
        ('ColumnValues "amount" != EMPTY', [0, 1, 2, 3, 4]),
        ('ColumnValues "share" < 0.6', [0, 4]),
        ('ColumnValues "small" = 0.1', [0]),
        ('ColumnValues "small" in [0.2, 0.4]', [1, 3]),
        ('ColumnValues "small" < 1' + "0" * 200, [0, 1, 3, 4]),
        ('ColumnValues "name" = "ann"', [0]),
        ('ColumnValues "name" != "ann"', [1, 2, 3, 4]),
        ('ColumnValues "name" != 3', [0, 1, 2, 3, 4]),
        ('ColumnValues "name" > 3', []),
        ('ColumnValues "name" in ["Bob", EMPTY]', [1, 2]),
        ('ColumnValues "name" in [WHITESPACES_ONLY, NULL]', [3, 4]),
        ('ColumnValues "name" not in [NULL, EMPTY, WHITESPACES_ONLY]', [0, 1]),
        ('ColumnValues "name" != WHITESPACES_ONLY', [0, 1, 2, 4]),
        ('ColumnValues "name" matches "[a-z]+"', [0]),
        ('ColumnValues "name" matches "n|ann"', [0]),
        ('ColumnValues "name" matches "^ann$"', [0]),
        ('ColumnValues "name" matches "an"', []),
        ('ColumnValues "name" not matches "[a-z]+"', [1, 2, 3]),
        (r'ColumnValues "id" matches "\d"', [0, 1, 2, 3, 4]),
        ('ColumnValues "day" = "2026-11-22"', [2, 4]),
        ('ColumnValues "day" > (now() - 1 days)', [2, 4]),
        ('ColumnValues "day" = now()', [2, 4]),
        ('ColumnValues "at" = "2026-11-20"', [0]),
        ('ColumnValues "at" > "2026-11-21"', [2, 4]),
        ('ColumnValues "at" between "2026-11-20" and "2026-11-22"', [1]),
        ('ColumnValues "at" <= now()', [0, 1, 2]),
        ('ColumnValues "at" between (now() - 1 hours) and now()', [2]),
        ('ColumnValues "at" = "2026-11-21T23:59:59Z"', [1]),
        ('ColumnValues "at" = "2026-11-22 00:59:59+01:00"', [1]),
        ('ColumnValues "read_at" > (now() + 0 minutes)', [4]),
        ('ColumnValues "read_at" not in ["2026-11-22"]', [0, 1, 3]),
        ('ColumnValues "ok" = "true"', [0, 3, 4]),
        ('ColumnValues "ok" in [0]', [1]),
        ('ColumnValues "raw" = NULL', [0, 1, 2, 4]),
        ('ColumnValues "tags" != NULL', [0, 2]),
        ('ColumnLength "name" > 0', [0, 1, 3]),
        ('ColumnLength "name" = 0', [2, 4]),
        ('ColumnLength "name" between 2 and 4', [0, 1]),
        ('ColumnLength "name" not in [2, 3]', [2, 4]),
        ('ColumnValues "NAME" = "ann" where "id < 3"', [0, 2, 3, 4]),
    ],
)  # fmt: skip
def test_a_row_check_holds_for_exactly_the_rows_that_satisfy_its_rule(
    con: duckdb.DuckDBPyConnection, rule: str, passing: list[int]
) -> None:
    assert passing_ids(con, rule) == passing
    assert (outcome(con, rule).outcome == "Passed") == (len(passing) == 5)


@pytest.mark.parametrize(
    ("rule", "expected", "metrics"),
    [
        ('Completeness "name" >= 0.8', "Passed", {"Column.name.Completeness": 0.8}),
        ('Completeness "name" > 0.8', "Failed", {"Column.name.Completeness": 0.8}),
        ('Uniqueness "id" = 0.6', "Passed", {"Column.id.Uniqueness": 0.6}),
        ('Uniqueness "day" > 0.6', "Failed", {"Column.day.Uniqueness": 0.5}),
        ('IsUnique "id"', "Failed", {"Column.id.Uniqueness": 0.6}),
        ('IsUnique "name"', "Passed", {"Column.name.Uniqueness": 1.0}),
        ('IsUnique "id" "name"', "Passed", {"Multicolumn.id,name.Uniqueness": 1.0}),
        ('IsUnique "id" where "id < 4"', "Passed", {"Column.id.Uniqueness": 1.0}),
        ("RowCount = 5", "Passed", {"Dataset.*.RowCount": 5}),
        ("RowCount between 1 and 5", "Failed", {"Dataset.*.RowCount": 5}),
        ('RowCount in [2] where "id = 4"', "Passed", {"Dataset.*.RowCount": 2}),
        ("ColumnCount = 11", "Passed", {"Dataset.*.ColumnCount": 11}),
        ("ColumnCount != 11", "Failed", {"Dataset.*.ColumnCount": 11}),
        ('ColumnExists "ID"', "Passed", {"Dataset.ID.ColumnExists": 1}),
        ('ColumnExists "idd"', "Failed", {"Dataset.idd.ColumnExists": 0}),
        (
            'ColumnValues "amount" > 5 with threshold >= 0.6',
            "Passed",
            {"Column.amount.ColumnValues.Compliance": 0.6, "Column.amount.Minimum": 0},
        ),
        (
            'ColumnValues "amount" < 25 with threshold between 0.6 and 0.7',
            "Failed",
            {"Column.amount.ColumnValues.Compliance": 0.6, "Column.amount.Maximum": 30},
        ),
        ('IsComplete "name" where "id > 100"', "Passed", {}),
    ],
)
def test_a_rule_on_the_whole_table_is_judged_by_its_figure(
    con: duckdb.DuckDBPyConnection, rule: str, expected: str, metrics: dict[str, float]
) -> None:
    found = outcome(con, rule)
    assert (found.outcome, found.evaluated_metrics) == (expected, metrics)
    assert bool(found.failure_reason) == (expected == "Failed")


def test_a_primary_key_is_complete_and_unique(con: duckdb.DuckDBPyConnection) -> None:
    found = outcome(con, 'IsPrimaryKey "id" "name"')
    assert found.outcome == "Failed"
    assert found.failure_reason == "Completeness is 0.8: 1 of 5 rows are null"
    assert found.evaluated_metrics == {
        "Column.id.Completeness": 1.0,
        "Column.name.Completeness": 0.8,
        "Multicolumn.id,name.Uniqueness": 1.0,
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('(IsComplete "id") and (IsUnique "name")', "Passed"),
        ('(IsComplete "id") and (IsUnique "id")', "Failed"),
        ('(IsComplete "name") or (IsComplete "id")', "Passed"),
        ('(IsComplete "name") or (RowCount = 1) or (IsUnique "id")', "Failed"),
        ('(RowCount = 5) and ((IsUnique "id") or (IsComplete "id"))', "Passed"),
    ],
)
def test_composite_rules_join_the_outcomes_of_their_parts(
    con: duckdb.DuckDBPyConnection, rule: str, expected: str
) -> None:
    assert outcome(con, rule).outcome == expected
    assert compiled(rule).row_checks == ()


def test_a_missing_column_fails_its_rule_and_the_others_are_judged(
    con: duckdb.DuckDBPyConnection,
) -> None:
    ruleset = compiled('IsComplete "nam", IsComplete "id"')
    found = ruleset.judge(figures(con, ruleset))
    assert [o.outcome for o in found.outcomes] == ["Failed", "Passed"]
    assert (
        "'nam' is no column of the table; did you mean name?"
        in found.outcomes[0].failure_reason
    )
    assert found.score == 0.5


@pytest.mark.parametrize(
    "rule",
    [
        'ColumnValues "id" = "abc"',
        'ColumnValues "day" > 5',
        'ColumnValues "at" in ["yesterday"]',
        'ColumnValues "name" > "abc"',
        'ColumnValues "ok" > 1',
        'ColumnValues "tags" = "x"',
        'ColumnValues "share" matches "1.*"',
        'ColumnLength "id" > 3',
        'ColumnValues "id" = now()',
    ],
)
def test_a_rule_that_makes_no_sense_for_its_column_is_an_error_with_a_reason(
    con: duckdb.DuckDBPyConnection, rule: str
) -> None:
    found = outcome(con, rule)
    assert found.outcome == "Error"
    assert found.failure_reason


def test_ill_formed_rules_are_refused_before_any_sql() -> None:
    with pytest.raises(DqdlError):
        compiled('Mean "id"')


def quarantined(rejected: dict[str, int]) -> Evaluation:
    ruleset = compiled('IsComplete "name", ColumnValues "id" > 0, RowCount > 10')
    count = next(n for n, metric in ruleset.metrics.items() if metric == Aggregate("count(*)"))
    return ruleset.judge({count: 5}, rejected_by=rejected, rows_read=10)


def test_a_rule_that_rejected_rows_fails_in_the_score_but_blocks_nothing() -> None:
    found = quarantined({'IsComplete "name"': 4})
    assert [o.outcome for o in found.outcomes] == ["Failed", "Passed", "Failed"]
    assert found.outcomes[0].failure_reason == "4 of 10 rows were rejected"
    assert found.outcomes[0].evaluated_metrics == {"Column.name.Completeness": 0.6}
    assert found.score == pytest.approx(1 / 3)
    for severity, count in (("quarantine", 1), ("fail", 2), ("warn", 0)):
        assert len(blocking(found, {o.rule: severity for o in found.outcomes})) == count


def test_the_dataset_scope_asks_only_for_what_rows_cannot_tell() -> None:
    ruleset = compiled('IsComplete "name", IsUnique "id", Completeness "day" > 0.5')
    whole, dataset = (
        query(ruleset.wanted().items(), "t"),
        query(ruleset.wanted("dataset").items(), "t"),
    )
    assert "group by" in whole
    assert "group by" not in dataset
    assert '"day"' in dataset
    assert [check.rule for check in ruleset.row_checks] == [
        'IsComplete "name"',
        'IsUnique "id"',
    ]
    assert ruleset.row_checks[1].unique == ("id",)


def test_no_figure_needs_no_query() -> None:
    assert query(compiled('ColumnExists "id"').wanted().items(), "seen") == ""


def test_equal_figures_are_asked_for_once() -> None:
    ruleset = compiled('IsComplete "id", Completeness "id" > 0.1, IsPrimaryKey "id"')
    sql = query(ruleset.wanted().items(), "t")
    assert sql.count('count("id")') == 1
    assert sql.count("group by") == 1


def test_a_select_may_stand_for_the_table(con: duckdb.DuckDBPyConnection) -> None:
    ruleset = compiled('IsUnique "id", RowCount = 2')
    found = ruleset.judge(figures(con, ruleset, "(select * from seen where id < 3)"))
    assert found.score == 1


def test_a_uniqueness_rule_with_a_filter_is_judged_by_the_whole_table() -> None:
    assert compiled('IsUnique "id" where "id > 1"').row_checks == ()


def test_an_empty_table_passes_what_asks_about_its_rows(con: duckdb.DuckDBPyConnection) -> None:
    ruleset = compiled('IsPrimaryKey "id", Completeness "id" > 0.5, RowCount = 0')
    found = ruleset.judge(figures(con, ruleset, "(select * from seen where false)"))
    assert found.score == 1


def test_the_sql_says_the_same_in_spark() -> None:
    import sqlglot

    ruleset = compiled(
        'ColumnValues "at" > now(), ColumnValues "small" = 0.1, ColumnValues "name" > 1, '
        'IsUnique "id"'
    )
    spark = sqlglot.transpile(
        query(ruleset.wanted().items(), '"db"."t"'),
        read="duckdb",
        write="spark",
        unsupported_level=sqlglot.ErrorLevel.RAISE,
    )[0]
    assert "CAST('2026-11-22 12:30:00.000000+00:00' AS TIMESTAMP)" in spark
    assert "TRY_CAST(`name` AS DOUBLE)" in spark
