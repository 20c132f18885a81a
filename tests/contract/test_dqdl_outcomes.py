"""What AWS's documentation and its open executor say of rules, as facts over tables of ours.

Every engine gives the same outcomes, figures and row-level lists. The sources are the pages
https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html and the tests of
awslabs/deequ (`com.amazon.deequ.dqdl`).
"""

from __future__ import annotations

import functools
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lakeworks.quality import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.quality import Evaluation, RuleOutcome

ENGINES = ("duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow]))
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
STATES = ["CA", "NY", "CA", None, "TX", "NY"]
TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5, 6], pa.int64()),
        "state": STATES,
        "qty": pa.array([5, 7, None, 5, 0, 12], pa.int32()),
        "price": pa.array(
            [Decimal(text) if text else None for text in ("1.50", "2.00", "", "0.25", "10.00", "3.75")],
            pa.decimal128(10, 2),
        ),
        "rate": pa.array([0.5, 0.25, 0.75, None, 1.0, 0.5], pa.float64()),
        "note": ["fast", "", " ", None, "fast-7", "SLOW"],
        "day": pa.array(
            [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22), None,
             date(2026, 1, 1), date(2026, 11, 22)], pa.date32(),
        ),
        "at": pa.array(
            [datetime(2026, 11, 22, 12, 0, tzinfo=UTC), datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
             datetime(2026, 11, 19, 9, 0, tzinfo=UTC), None,
             datetime(2026, 11, 22, 12, 29, tzinfo=UTC), datetime(2026, 11, 22, 12, 30, tzinfo=UTC)],
            pa.timestamp("us", "UTC"),
        ),
        "ok": pa.array([True, False, True, None, True, True]),
    }
)  # fmt: skip


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "spark":
        request.getfixturevalue("spark_engine")  # skips where Spark cannot start
    return str(request.param)


def judged(engine: str, rules: str, data: Any = TABLE, **more: Any) -> Evaluation:
    return evaluate(data, f"Rules = [ {rules} ]", engine=engine, now=NOW, **more)


def outcome(engine: str, rule: str, data: Any = TABLE, **more: Any) -> RuleOutcome:
    return judged(engine, rule, data, **more).outcomes[0]


def all_of(engine: str, facts: Sequence[tuple[Any, ...]], rule: str) -> tuple[str, ...]:
    """Return the rules to judge at once, the given one among them.

    Spark judges all rules of a list in one ruleset, as each ruleset takes seconds; a rule that
    disturbs another one shows there, too.
    """
    return tuple(fact[0] for fact in facts) if engine == "spark" else (rule,)


@functools.lru_cache(maxsize=4)
def outcomes_of(engine: str, rules: tuple[str, ...]) -> dict[str, RuleOutcome]:
    found = judged(engine, ", ".join(rules)).outcomes
    return dict(zip(rules, found, strict=True))


@functools.lru_cache(maxsize=4)
def rows_of(engine: str, rules: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = judged(engine, ", ".join(rules)).rows().to_pylist()
    return sorted(rows, key=lambda row: row["id"])


NAMES = "Column.{}."
FACTS: list[tuple[str, str, dict[str, float]]] = [
    # -- the table as a whole
    ("RowCount = 6", "Passed", {"Dataset.*.RowCount": 6}),
    ("RowCount > 6", "Failed", {"Dataset.*.RowCount": 6}),
    ("RowCount between 5 and 7", "Passed", {"Dataset.*.RowCount": 6}),
    ("RowCount between 6 and 7", "Failed", {"Dataset.*.RowCount": 6}),
    ("RowCount not between 6 and 7", "Passed", {"Dataset.*.RowCount": 6}),
    ("RowCount in [5, 6]", "Passed", {"Dataset.*.RowCount": 6}),
    ("RowCount not in [5, 6]", "Failed", {"Dataset.*.RowCount": 6}),
    ("RowCount != 6", "Failed", {"Dataset.*.RowCount": 6}),
    ("RowCount = 2 where \"state = 'CA'\"", "Passed", {"Dataset.*.RowCount": 2}),
    ('RowCount = 0 where "id > 100"', "Passed", {"Dataset.*.RowCount": 0}),
    ("RowCount > 2 * 2 + 1", "Passed", {"Dataset.*.RowCount": 6}),
    ("ColumnCount = 9", "Passed", {"Dataset.*.ColumnCount": 9}),
    ("ColumnCount = 9.0", "Passed", {"Dataset.*.ColumnCount": 9}),
    ("ColumnCount > -1", "Passed", {"Dataset.*.ColumnCount": 9}),
    ("ColumnCount between 8.9 and 9.1", "Passed", {"Dataset.*.ColumnCount": 9}),
    ("ColumnCount not in [1, 9]", "Failed", {"Dataset.*.ColumnCount": 9}),
    ('ColumnExists "qty"', "Passed", {"Dataset.qty.ColumnExists": 1}),
    ('ColumnExists "quantity"', "Failed", {"Dataset.quantity.ColumnExists": 0}),
    ('ColumnNamesMatchPattern "[a-z]+"', "Passed", {"Dataset.*.ColumnNamesPatternMatchRatio": 1}),
    ('ColumnNamesMatchPattern "^.t"', "Failed", {"Dataset.*.ColumnNamesPatternMatchRatio": 3 / 9}),
    # -- columns as wholes
    ('IsComplete "id"', "Passed", {"Column.id.Completeness": 1}),
    ('IsComplete "state"', "Failed", {"Column.state.Completeness": 5 / 6}),
    ('IsComplete "state" where "id <> 4"', "Passed", {"Column.state.Completeness": 1}),
    ('IsComplete "state" where "id > 100"', "Passed", {}),
    ('Completeness "state" > 0.8', "Passed", {"Column.state.Completeness": 5 / 6}),
    ('Completeness "state" between 0.1 and 0.8', "Failed", {"Column.state.Completeness": 5 / 6}),
    ('IsUnique "id"', "Passed", {"Column.id.Uniqueness": 1}),
    ('IsUnique "state"', "Failed", {"Column.state.Uniqueness": 1 / 5}),
    ('IsUnique "state" "qty"', "Passed", {"Multicolumn.state,qty.Uniqueness": 1}),
    ('IsUnique "state" where "id > 2"', "Passed", {"Column.state.Uniqueness": 1}),
    ('Uniqueness "qty" = 0.6', "Passed", {"Column.qty.Uniqueness": 0.6}),
    ('Uniqueness "qty" > 0.6', "Failed", {"Column.qty.Uniqueness": 0.6}),
    ('IsPrimaryKey "id"', "Passed", {"Column.id.Completeness": 1, "Column.id.Uniqueness": 1}),
    (
        'IsPrimaryKey "state"',
        "Failed",
        {"Column.state.Completeness": 5 / 6, "Column.state.Uniqueness": 1 / 5},
    ),
    (
        'IsPrimaryKey "id" "state"',
        "Failed",
        {
            "Column.id.Completeness": 1,
            "Column.state.Completeness": 5 / 6,
            "Multicolumn.id,state.Uniqueness": 1,
        },
    ),
    ('UniqueValueRatio "qty" = 0.75', "Passed", {"Column.qty.UniqueValueRatio": 0.75}),
    ('UniqueValueRatio "state" > 0.5', "Failed", {"Column.state.UniqueValueRatio": 1 / 3}),
    ('DistinctValuesCount "id" = 6', "Passed", {"Column.id.DistinctValuesCount": 6}),
    ('DistinctValuesCount "state" = 4', "Passed", {"Column.state.DistinctValuesCount": 4}),
    (
        'DistinctValuesCount "state" < 3 where "id < 4"',
        "Passed",
        {"Column.state.DistinctValuesCount": 2},
    ),
    (
        'Entropy "state" between 1.05 and 1.06',
        "Passed",
        {"Column.state.Entropy": -(0.4 * math.log(0.4) * 2 + 0.2 * math.log(0.2))},
    ),
    ('Entropy "id" > 2', "Failed", {"Column.id.Entropy": math.log(6)}),
    # -- statistics
    ('Mean "qty" = 5.8', "Passed", {"Column.qty.Mean": 5.8}),
    ('Mean "qty" > 5.8', "Failed", {"Column.qty.Mean": 5.8}),
    ('Mean "qty" = 6 where "id < 3"', "Passed", {"Column.qty.Mean": 6}),
    ('Mean "qty" > 6 where "id > 100"', "Passed", {}),
    ('Mean "qty" > 6 where "id = 3"', "Failed", {}),
    ('Mean "price" = 3.5', "Passed", {"Column.price.Mean": 3.5}),
    ('Sum "qty" = 29', "Passed", {"Column.qty.Sum": 29}),
    ('Sum "price" = 17.5', "Passed", {"Column.price.Sum": 17.5}),
    ('StandardDeviation "id" < 1.71', "Passed", {"Column.id.StandardDeviation": 35**0.5 / 12**0.5}),
    ('Variance "id" < 2.95', "Passed", {"Column.id.Variance": 35 / 12}),
    ('Variance "rate" = 0.0625', "Failed", {"Column.rate.Variance": 0.065}),
    (
        'ColumnCorrelation "id" "qty" > 0.18',
        "Passed",
        {"Multicolumn.id,qty.ColumnCorrelation": 0.1840047},
    ),
    # -- single values
    (
        'ColumnValues "id" > 0',
        "Passed",
        {"Column.id.Minimum": 1, "Column.id.ColumnValues.Compliance": 1},
    ),
    (
        'ColumnValues "qty" >= 5',
        "Failed",
        {"Column.qty.Minimum": 0, "Column.qty.ColumnValues.Compliance": 4 / 6},
    ),
    (
        'ColumnValues "qty" >= 5 with threshold > 0.6',
        "Passed",
        {"Column.qty.Minimum": 0, "Column.qty.ColumnValues.Compliance": 4 / 6},
    ),
    (
        'ColumnValues "state" in ["CA", "NY", "TX"] with threshold >= 0.83',
        "Passed",
        {"Column.state.ColumnValues.Compliance": 5 / 6},
    ),
    (
        'ColumnLength "note" > 0',
        "Failed",
        {"Column.note.MinimumLength": 0, "Column.note.LengthCompliance": 4 / 6},
    ),
    (
        'ColumnLength "note" <= 6',
        "Passed",
        {"Column.note.MaximumLength": 6, "Column.note.LengthCompliance": 1},
    ),
    ('ColumnLength "note" in [0, 1, 4, 6]', "Passed", {"Column.note.LengthCompliance": 1}),
    ('ColumnLength "note" not in [4]', "Failed", {"Column.note.LengthCompliance": 4 / 6}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected", "metrics"), FACTS, ids=[fact[0] for fact in FACTS]
)
def test_a_rule_has_its_outcome_and_its_figures(
    engine: str, rule: str, expected: str, metrics: dict[str, float]
) -> None:
    found = outcomes_of(engine, all_of(engine, FACTS, rule))[rule]
    assert found.outcome == expected, found.failure_reason
    assert found.evaluated_metrics == pytest.approx(metrics)
    assert bool(found.failure_reason) == (expected != "Passed")
    assert found.rule == rule


ALL = (1, 2, 3, 4, 5, 6)
PASSING: list[tuple[str, tuple[int, ...]]] = [
    ('IsComplete "state"', (1, 2, 3, 5, 6)),
    ('IsComplete "state" where "id < 4"', ALL),
    ('Completeness "state" > 0.5', (1, 2, 3, 5, 6)),
    ('IsUnique "state"', (4, 5)),
    ('IsUnique "state" where "id > 2"', ALL),
    ('IsUnique "state" "qty"', ALL),
    ('Uniqueness "qty" > 0.1', (2, 3, 5, 6)),
    ('UniqueValueRatio "qty" > 0.1', (2, 3, 5, 6)),
    ('IsPrimaryKey "state"', (5,)),
    ('ColumnValues "qty" = 5', (1, 4)),
    ('ColumnValues "qty" != 5', (2, 3, 5, 6)),
    ('ColumnValues "qty" not in [5, NULL]', (2, 5, 6)),
    ('ColumnValues "qty" between 0 and 7', (1, 4)),
    ('ColumnValues "qty" not between 0 and 7', (2, 5, 6)),
    ('ColumnValues "qty" = NULL', (3,)),
    ('ColumnValues "qty" != NULL', (1, 2, 4, 5, 6)),
    ('ColumnValues "qty" in [5, 6, 7, NULL]', (1, 2, 3, 4)),
    ('ColumnValues "price" > 1.99', (2, 5, 6)),
    ('ColumnValues "price" in [1.5, 2]', (1, 2)),
    ('ColumnValues "rate" >= 0.5 with threshold > 0.1', (1, 3, 5, 6)),
    ('ColumnValues "state" = "CA"', (1, 3)),
    ('ColumnValues "state" != "CA"', (2, 4, 5, 6)),
    ('ColumnValues "note" in [EMPTY, WHITESPACES_ONLY]', (2, 3)),
    ('ColumnValues "note" not in [NULL, EMPTY, WHITESPACES_ONLY]', (1, 5, 6)),
    ('ColumnValues "note" matches "[a-z]+"', (1,)),
    ('ColumnValues "note" matches "[a-z]+.*"', (1, 5)),
    ('ColumnValues "note" not matches "[a-z]+"', (2, 3, 5, 6)),
    ('ColumnValues "day" = "2026-11-22"', (3, 6)),
    ('ColumnValues "day" > "2026-11-20"', (2, 3, 6)),
    ('ColumnValues "day" between "2026-01-01" and "2026-11-22"', (1, 2)),
    ('ColumnValues "day" in ["2026-11-20", NULL]', (1, 4)),
    ('ColumnValues "day" != "2026-11-22"', (1, 2, 4, 5)),
    ('ColumnValues "at" > (now() - 3 hours)', (1, 5, 6)),
    ('ColumnValues "at" between (now() - 3 days) and now()', (1, 2, 5)),
    ('ColumnValues "at" <= (now() - 1 minutes)', (1, 2, 3, 5)),
    ('ColumnValues "at" >= "2026-11-22"', (1, 2, 5, 6)),
    ('ColumnValues "ok" = "true"', (1, 3, 5, 6)),
    ('ColumnLength "note" = 4', (1, 6)),
    ('ColumnLength "note" between 0 and 6', (1, 3, 6)),
    ('ColumnLength "note" != 0', (1, 3, 5, 6)),
    ('ColumnDataType "note" = "INTEGER"', ()),
    ('ColumnDataType "id" = "INTEGER"', ALL),
    ('ColumnDataType "qty" != "LONG"', (3,)),
    ('(IsComplete "state") and (ColumnValues "qty" > 0)', (1, 2, 6)),
    ('(IsComplete "state") or (ColumnValues "qty" > 0)', ALL),
    ('(IsUnique "state") or (ColumnValues "qty" > 6)', (2, 4, 5, 6)),
]


@pytest.mark.parametrize(("rule", "passing"), PASSING, ids=[fact[0] for fact in PASSING])
def test_a_rule_passes_exactly_these_rows(
    engine: str, rule: str, passing: tuple[int, ...]
) -> None:
    rules = all_of(engine, PASSING, rule)
    rows = rows_of(engine, rules)
    assert [row["id"] for row in rows] == list(ALL)
    for row in rows:
        passed, failed = row["DataQualityRulesPass"], row["DataQualityRulesFail"]
        good = row["id"] in passing
        assert (rule in passed, rule in failed) == (good, not good)
        assert len(passed + failed) == len(rules)
        assert row["DataQualityRulesSkip"] == []
        assert row["DataQualityEvaluationResult"] == ("Failed" if failed else "Passed")


TYPES: list[tuple[str, list[str | None], list[bool]]] = [
    ('"DATE"', ["2023-01-01", "2023-02-30", "not-a-date", "01-01-2023", None],
     [True, False, False, False, False]),
    ('"date"', ["2023-01-01", "2023-1-5", "2023-01", "2023", "2023-01-01 10:00:00"], [True] * 5),
    ('"DATE" with format = "dd-MM-yyyy"', ["15-02-2023", "2023-02-15", "31-02-2023"],
     [True, False, False]),
    ('"DATE" with format = "MM-dd-yyyy"', ["02-15-2023", "15-02-2023"], [True, False]),
    ('"DATE" with format = "MM/yyyy"', ["01/2023", "13/2023"], [True, False]),
    ('"DATE" with format = "yyyy-MM"', ["2023-01", "2023-1"], [True, False]),
    ('"DATE" with format = "dd-MM"', ["15-02", "29-02", "30-02"], [True, True, False]),
    ('"DATE" with format = "dd/MM/yyyy"', ["15/02/2023", "15-02-2023"], [True, False]),
    ('"TIMESTAMP"', ["2023-01-01 10:00:00", "2023-01-01", "2023-01-01T25:00:00", "x"],
     [True, True, False, False]),
    ('"INTEGER"', ["100", "-7", " 5 ", "1e3", "2147483648", "12.5", "x", ""],
     [True, True, True, False, False, True, False, False]),
    ('"LONG"', ["9999999999", "9223372036854775808"], [True, False]),
    ('"DOUBLE"', ["11.5", "12", "1e3", "not_a_number", "NaN"], [True, True, True, False, True]),
    ('"FLOAT"', ["1.5", ".5", "5.", "."], [True, True, True, False]),
    ('"BOOLEAN"', ["true", "FALSE", "1", "maybe"], [True, True, True, False]),
    ('"DECIMAL(4,2)"', ["7.5", "56.78", "123.4", "x"], [True, True, False, False]),
    ('"DECIMAL(4, 2)"', ["7.5", "11.1"], [True, True]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "texts", "good"), TYPES, ids=[fact[0] for fact in TYPES])
def test_texts_could_be_of_a_type_as_spark_casts_them(
    engine: str, kind: str, texts: list[str | None], good: list[bool]
) -> None:
    data = pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})
    found = judged(engine, f'ColumnDataType "text" = {kind}', data)
    rows = sorted(found.rows().to_pylist(), key=lambda row: row["id"])
    assert [row["DataQualityEvaluationResult"] == "Passed" for row in rows] == good
    share = sum(good) / len(good)
    assert found.metrics == {"Column.text.ColumnDataType.Compliance": pytest.approx(share)}
    assert (found.score == 1) == all(good)


@pytest.mark.parametrize(
    ("rule", "expected", "said"),
    [
        ('IsComplete "nope"', "Failed", "'nope' is no column"),
        ('IsUnique "id" "nope"', "Failed", "'nope' is no column"),
        ('ColumnDataType "state" = "UNKNOWN_TYPE"', "Failed", "Unrecognized data type"),
        ('ColumnDataType "state" = "DATE" with format = "invalid-format"', "Failed", "format"),
        ('Mean "state" > 1', "Error", "only numbers"),
        ('ColumnLength "id" > 1', "Error", "only text has a length"),
        ('ColumnValues "qty" > "abc"', "Error", "does not compare"),
        ('IsComplete "id" where "nope = 1"', "Failed", "where clause is invalid"),
        ('IsComplete "id" where "invalid%%clause"', "Failed", "where clause is invalid"),
        (
            'IsComplete "id" where "id in (select id from read_csv(\'/etc/passwd\'))"',
            "Failed",
            "where clause is invalid",
        ),
        # Of several bad values, engines name whichever they come upon first.
        (
            'IsComplete "id" where "case when id = 5 then cast(state as int) end > 1"',
            "Error",
            "TX",
        ),
    ],
)
def test_a_rule_that_cannot_be_judged_spoils_no_other(
    engine: str, rule: str, expected: str, said: str
) -> None:
    found = judged(engine, f'IsComplete "id", {rule}, RowCount = 6')
    assert [o.outcome for o in found.outcomes] == ["Passed", expected, "Passed"]
    assert said in found.outcomes[1].failure_reason
    for row in found.rows().to_pylist():
        assert row["DataQualityRulesPass"] == ['IsComplete "id"']
        assert row["DataQualityRulesSkip"] == [found.outcomes[1].rule, "RowCount = 6"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('(IsComplete "id") and (RowCount = 6)', "Passed"),
        ('(IsComplete "state") and (RowCount = 6)', "Failed"),
        ('(IsComplete "state") or (RowCount = 6)', "Passed"),
        ('(IsComplete "state") or (IsComplete "qty")', "Failed"),
        ('(RowCount = 5) or ((IsComplete "id") and (IsUnique "id"))', "Passed"),
    ],
)
def test_composites_join_outcomes(engine: str, rule: str, expected: str) -> None:
    assert outcome(engine, rule).outcome == expected


@pytest.mark.parametrize(
    ("rule", "by_dataset", "by_row"),
    [
        ('(ColumnValues "one" > 1) or (ColumnValues "two" > 2)', "Failed", "Passed"),
        ('(ColumnValues "one" > 1) and (ColumnValues "two" > 2)', "Failed", "Failed"),
        ('(IsUnique "one") or (ColumnValues "two" > 2)', "Passed", "Passed"),
        ('(ColumnValues "one" > 1) or (RowCount = 2)', "Passed", "Passed"),
    ],
)
def test_composites_are_judged_by_dataset_or_by_row(
    engine: str, rule: str, by_dataset: str, by_row: str
) -> None:
    data = pa.table({"one": [2, 0], "two": [1, 3]})
    assert outcome(engine, rule, data).outcome == by_dataset
    options = {"compositeRuleEvaluation.method": "ROW"}
    assert outcome(engine, rule, data, options=options).outcome == by_row


def test_rows_that_where_leaves_out_pass_or_are_skipped_as_asked(engine: str) -> None:
    rule = 'IsComplete "state" where "id < 4"'
    rows = judged(engine, rule).rows().to_pylist()
    assert all(row["DataQualityRulesPass"] == [rule] for row in rows)
    options = {"rowLevelConfiguration.filteredRowLabel": "SKIPPED"}
    skipped = judged(engine, rule, options=options).rows().to_pylist()
    by_id = {row["id"]: row["DataQualityRulesSkip"] for row in skipped}
    assert by_id == {i: [] if i < 4 else [rule] for i in ALL}
    assert all(row["DataQualityEvaluationResult"] == "Passed" for row in skipped)


def test_analyzers_give_figures_without_rules(engine: str) -> None:
    ruleset = (
        'Rules = [ IsComplete "id" ] '
        'Analyzers = [ Completeness "state", Mean "qty", RowCount, ColumnLength "note" ]'
    )
    found = evaluate(TABLE, ruleset, engine=engine)
    assert len(found.outcomes) == 1
    assert found.score == 1
    assert found.metrics["Column.state.Completeness"] == pytest.approx(5 / 6)
    assert found.metrics["Column.qty.Mean"] == pytest.approx(5.8)
    assert found.metrics["Dataset.*.RowCount"] == 6
    assert found.metrics["Column.note.MaximumLength"] == 6


def test_no_rows_pass_what_is_asked_of_rows(engine: str) -> None:
    found = judged(engine, 'IsComplete "id", IsUnique "id", RowCount = 0', TABLE.slice(0, 0))
    assert found.score == 1
    assert found.rows().num_rows == 0


def test_infinite_values_have_no_deviation(engine: str) -> None:
    data = pa.table({"x": [1.0, math.inf, 3.0]})
    assert outcome(engine, 'StandardDeviation "x" < 10', data).outcome == "Failed"
