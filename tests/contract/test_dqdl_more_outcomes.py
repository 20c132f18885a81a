"""What AWS states of rules that look beyond one scan, as tests over tables of our own.

From AWS's pages on DQDL (https://docs.aws.amazon.com/glue/latest/dg/dqdl.html and the pages of
the rule types), and where they are silent from the tests of awslabs/deequ (`DataFreshnessSpec`,
`CustomSqlRowLevelSpec`, `EvaluateDataQualitySpec`, `ReferentialIntegrityTest`,
`DataSynchronizationTest`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lakeworks.quality import evaluate

if TYPE_CHECKING:
    from lakeworks.quality import Evaluation, RuleOutcome

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def table(**columns: list[Any]) -> pa.Table:
    return pa.table(columns)


def judged(data: object, rule: str, **more: Any) -> RuleOutcome:
    (outcome,) = evaluate(data, f"Rules = [ {rule} ]", now=NOW, **more).outcomes
    return outcome


def results(found: Evaluation) -> list[str]:
    return list(found.rows().column("DataQualityEvaluationResult").to_pylist())


PEOPLE = table(id=["1", "2", "3"], name=["Alice", None, "Charlie"])
ROWS = table(id=[1, 2, 3, 4, 5])
HISTORY = {"Dataset.*.RowCount": [3, 6, 4]}


# -- dynamic rules ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("RowCount > last()", "Passed"),  # more than in the latest run, which had 4
        ("RowCount > last(1)", "Passed"),
        ("RowCount > avg(last(5))", "Passed"),  # 13 / 3: fewer than five are all there are
        ("RowCount > max(last(10))", "Failed"),
        ("RowCount between min(last(10))-1 and max(last(10))+1", "Passed"),
        ("RowCount = index(last(3), 0) + 1", "Passed"),  # the latest
        ("RowCount = index(last(3), 1) - 1", "Passed"),
        ("RowCount > median(last(3))", "Passed"),
        ("RowCount < sum(last(3))", "Passed"),
        ("RowCount > std(last(3))", "Passed"),
        ("RowCount >= abs(-5)", "Passed"),
    ],
)
def test_dynamic_rules_compare_with_earlier_runs(rule: str, outcome: str) -> None:
    assert judged(ROWS, rule, history=HISTORY).outcome == outcome


@pytest.mark.parametrize("rule", ["RowCount > last(5)", "RowCount > index(last(3), 3)"])
def test_a_list_or_an_index_out_of_it_is_an_error(rule: str) -> None:
    found = judged(ROWS, rule, history=HISTORY)
    assert found.outcome == "Error"
    assert "last(" in found.failure_reason


def test_without_data_points_last_is_zero() -> None:
    assert judged(ROWS, "RowCount > last()").outcome == "Passed"
    assert judged(ROWS, "RowCount = last()").outcome == "Failed"


def test_each_rule_looks_at_the_history_of_its_own_metric() -> None:
    history = {"Column.id.Mean": [10.0], "Column.id.Completeness": [0.5]}
    assert judged(ROWS, 'Mean "id" < last()', history=history).outcome == "Passed"
    assert judged(ROWS, 'Completeness "id" > last()', history=history).outcome == "Passed"


# -- DetectAnomalies -------------------------------------------------------------------------


def test_anomalies_are_judged_from_three_values_on() -> None:
    rule = 'DetectAnomalies "RowCount"'
    for past in ([], [5000], [5000, 5100]):
        assert judged(ROWS, rule, history={"Dataset.*.RowCount": past}).outcome == "Passed"
    found = judged(ROWS, rule, history={"Dataset.*.RowCount": [5000, 5100, 4900]})
    assert found.outcome == "Failed"
    assert found.evaluated_metrics == {"Dataset.*.RowCount": 5}
    assert "was expected, between" in found.failure_reason


@pytest.mark.parametrize(
    ("rule", "metrics"),
    [
        ('DetectAnomalies "RowCount"', {"Dataset.*.RowCount"}),
        ('DetectAnomalies "Completeness" "name"', {"Column.name.Completeness"}),
        (
            'DetectAnomalies "ColumnLength" "name"',
            {"Column.name.MinimumLength", "Column.name.MaximumLength"},
        ),
        ("DetectAnomalies of RowCount", {"Dataset.*.RowCount"}),
    ],
)
def test_the_values_of_the_rule_that_is_watched_are_kept(rule: str, metrics: set[str]) -> None:
    assert metrics <= set(judged(PEOPLE, rule).evaluated_metrics)


# -- CustomSql -------------------------------------------------------------------------------


def test_a_statement_that_gives_a_number_is_compared() -> None:
    found = judged(ROWS, 'CustomSql "select count(*) from primary" between 4 and 6')
    assert found.outcome == "Passed"
    assert found.evaluated_metrics == {"Dataset.*.CustomSQL": 5}
    # Both ends are excluded.
    assert judged(ROWS, 'CustomSql "select count(*) from primary" between 5 and 9').outcome == (
        "Failed"
    )


@pytest.mark.parametrize(
    ("threshold", "outcome"),
    [("", "Failed"), (" with threshold > 0.5", "Passed"), (" with threshold > 0.9", "Failed")],
)
def test_rows_that_a_statement_returns_are_good(threshold: str, outcome: str) -> None:
    rule = f'CustomSql "SELECT id, name FROM primary WHERE name IS NOT NULL"{threshold}'
    found = evaluate(PEOPLE, f"Rules = [ {rule} ]")
    assert found.outcomes[0].outcome == outcome
    assert found.metrics["Dataset.*.CustomSQL.Compliance"] == pytest.approx(2 / 3)
    assert results(found) == ["Passed", "Failed", "Passed"]


def test_null_equals_null_when_returned_rows_are_found_again() -> None:
    found = evaluate(PEOPLE, 'Rules = [ CustomSql "SELECT id, name FROM primary" ]')
    assert found.outcomes[0].outcome == "Passed"
    assert results(found) == ["Passed"] * 3


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nonexistent FROM primary", "nonexistent"),
        ("SELECT id, amount FROM other", "not found: amount"),
        ("SELECT other.amount FROM primary JOIN other ON primary.id = other.id", "amount"),
        ("SELECT count(*) FROM primary", "at least one column of the data"),
    ],
)
def test_a_statement_whose_columns_are_not_the_datas_fails(sql: str, reason: str) -> None:
    other = table(id=["1", "2"], amount=[100, 200])
    found = judged(PEOPLE, f'CustomSql "{sql}"', reference={"other": other})
    assert found.outcome == "Failed"
    assert reason in found.failure_reason


def test_a_statement_may_join_references() -> None:
    other = table(id=["1", "2", "3"], code=["X", "Y", "Z"])
    sql = "SELECT primary.id FROM primary JOIN other ON primary.id = other.id"
    assert judged(PEOPLE, f'CustomSql "{sql}"', reference={"other": other}).outcome == "Passed"


def test_rows_are_found_again_by_columns_that_are_no_key() -> None:
    data = table(id=[1, 2, 3, 4], name=["Alice", "Alice", "Bob", "Bob"])
    rule = "CustomSql \"SELECT name FROM primary WHERE name = 'Alice'\""
    found = evaluate(data, f"Rules = [ {rule} ]")
    assert found.metrics["Dataset.*.CustomSQL.Compliance"] == 0.5
    assert results(found) == ["Passed", "Passed", "Failed", "Failed"]


def test_without_rows_no_statement_tells_rows() -> None:
    found = judged(PEOPLE.slice(0, 0), 'CustomSql "SELECT id, name FROM primary"')
    assert found.outcome == "Failed"


# -- references ------------------------------------------------------------------------------

ZIPS = table(zipcode=["10001", "94105", None, "99999"], city=["NY", "SF", "LA", "X"])
KNOWN = table(zip=["10001", "94105", "30301"], town=["NY", "SF", "AT"])


@pytest.mark.parametrize(
    ("rule", "outcome", "share"),
    [
        ('ReferentialIntegrity "zipcode" "reference.zip" = 1.0', "Failed", 0.5),
        ('ReferentialIntegrity "zipcode" "reference.zip" >= 0.5', "Passed", 0.5),
        ('ReferentialIntegrity "zipcode" "reference.{zip}" > 0.4', "Passed", 0.5),
        ('ReferentialIntegrity "zipcode,city" "reference.{zip,town}" = 0.5', "Passed", 0.5),
        ('ReferentialIntegrity "city" "reference.town" between 0.4 and 0.6', "Passed", 0.5),
    ],
)
def test_referential_integrity_is_the_share_of_rows_with_a_partner(
    rule: str, outcome: str, share: float
) -> None:
    found = judged(ZIPS, rule, reference={"reference": KNOWN})
    assert found.outcome == outcome
    assert found.evaluated_metrics == {"Column.reference.ReferentialIntegrity": share}


def test_rows_without_a_partner_are_told() -> None:
    rule = 'Rules = [ ReferentialIntegrity "zipcode" "reference.zip" = 1.0 ]'
    found = evaluate(ZIPS, rule, reference={"reference": KNOWN})
    assert results(found) == ["Passed", "Passed", "Failed", "Failed"]


@pytest.mark.parametrize(
    "rule",
    [
        'ReferentialIntegrity "zipcode" "missing.zip" = 1.0',
        'ReferentialIntegrity "zipcode" "reference.nope" = 1.0',
        'ReferentialIntegrity "nope" "reference.zip" = 1.0',
        'ReferentialIntegrity "zipcode,city" "reference.zip" = 1.0',
        'RowCountMatch "missing" = 1.0',
        'SchemaMatch "missing" = 1.0',
        'DatasetMatch "missing" "zipcode" = 1.0',
        'AggregateMatch "sum(zipcode)" "sum(missing.zip)" = 1.0',
    ],
)
def test_what_is_missing_fails_the_rule_and_is_named(rule: str) -> None:
    found = judged(ZIPS, rule, reference={"reference": KNOWN})
    assert found.outcome == "Failed"
    assert any(word in found.failure_reason for word in ("missing", "nope", "do not pair"))


def test_referential_integrity_without_rows_fails() -> None:
    rule = 'ReferentialIntegrity "zipcode" "reference.zip" = 1.0'
    found = judged(ZIPS.slice(0, 0), rule, reference={"reference": KNOWN})
    assert found.outcome == "Failed"


def test_row_counts_are_compared_as_a_share_of_the_references() -> None:
    found = judged(ZIPS, 'RowCountMatch "reference" >= 0.9', reference={"reference": KNOWN})
    assert found.outcome == "Passed"
    assert found.evaluated_metrics == {"Dataset.reference.RowCountMatch": pytest.approx(4 / 3)}


def test_schemas_match_by_name_and_type_in_any_order() -> None:
    data = table(a=[1], b=["x"], c=[1.0])
    for other, share in (
        (table(c=[2.0], a=[5], b=["y"]), 1.0),
        (table(a=["1"], b=["x"], c=[1.0]), 2 / 3),
        (table(a=[1], b=["x"], d=[1.0]), 2 / 3),
        (table(a=[1], b=["x"]), 0.0),
    ):
        found = judged(data, 'SchemaMatch "reference" = 1.0', reference={"reference": other})
        assert found.outcome == ("Passed" if share == 1 else "Failed")
        metric = found.evaluated_metrics["Dataset.reference.SchemaMatch"]
        assert metric == pytest.approx(share)


def test_aggregates_are_compared_as_a_share() -> None:
    data, other = table(rating=[4.0, 5.0, None], a=[1, 2, 3]), table(rating=[5.0, 5.0])
    reference = {"reference": other}
    found = judged(data, 'AggregateMatch "avg(rating)" "avg(reference.rating)" >= 0.9',
                   reference=reference)  # fmt: skip
    assert found.outcome == "Passed"
    assert found.evaluated_metrics == {"Column.rating.AggregateMatch": 0.9}
    found = judged(data, 'AggregateMatch "sum(a)" "sum(reference.rating)" > 0.6',
                   reference=reference)  # fmt: skip
    assert found.outcome == "Failed"
    assert found.evaluated_metrics == {"Column.a,rating.AggregateMatch": 0.6}


@pytest.mark.parametrize(
    ("ours", "theirs", "ratio"), [([0], [0], 1.0), ([5], [0], 0.0), ([0], [5], 0.0)]
)
def test_a_sum_of_zero_is_no_divisor(ours: list[int], theirs: list[int], ratio: float) -> None:
    found = judged(table(a=ours), 'AggregateMatch "sum(a)" "sum(ref.a)" = 1.0',
                   reference={"ref": table(a=theirs)})  # fmt: skip
    assert found.evaluated_metrics == {"Column.a.AggregateMatch": ratio}


CITIES = table(ID=[1, 2, 3], City=["New York", "Chicago", "Boston"], State=["NY", "IL", "MA"])
OTHER_CITIES = table(
    CityID=[1, 2, 3],
    City=["New York", "Chicago", "Boston"],
    State=["New York", "Illinois", "MA"],
)


@pytest.mark.parametrize(
    ("rule", "outcome", "share"),
    [
        ('DatasetMatch "reference" "ID->CityID" "City" >= 0.9', "Passed", 1.0),
        ('DatasetMatch "reference" "ID->CityID" "State->State" >= 0.9', "Failed", 1 / 3),
        ('DatasetMatch "reference" "ID->CityID" > 0.3', "Passed", 1 / 3),
        ('DatasetMatch "reference" "ID->CityID,City->City" "State" > 0.3', "Passed", 1 / 3),
        ('DatasetMatch "reference" "ID->CityID" "City->State" = 0', "Failed", 1 / 3),
    ],
)
def test_datasets_match_by_key_in_the_columns_asked_for(
    rule: str, outcome: str, share: float
) -> None:
    found = judged(CITIES, rule, reference={"reference": OTHER_CITIES})
    assert found.outcome == outcome
    assert found.evaluated_metrics == {"Dataset.reference.DatasetMatch": pytest.approx(share)}


def test_keys_that_repeat_are_told() -> None:
    twice = table(CityID=[1, 1, 3], City=["a", "b", "c"], State=["a", "b", "c"])
    found = judged(CITIES, 'DatasetMatch "reference" "ID->CityID" > 0',
                   reference={"reference": twice})  # fmt: skip
    assert found.outcome == "Failed"
    assert "not unique" in found.failure_reason


def test_null_equals_null_in_compared_columns_and_has_no_partner_as_a_key() -> None:
    data = table(id=[1, 2, None], v=["x", None, "z"])
    found = evaluate(
        data, 'Rules = [ DatasetMatch "ref" "id" >= 0.9 ]', reference={"ref": data}
    )
    assert found.metrics == {"Dataset.ref.DatasetMatch": pytest.approx(2 / 3)}
    assert results(found) == ["Passed", "Passed", "Failed"]


# -- DataFreshness ---------------------------------------------------------------------------

AGES = [1, 2, 3, 5]  # days
DATED = table(
    id=[1, 2, 3, 4],
    at=[NOW - timedelta(days=days) for days in AGES],
    text=[(NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S") for days in AGES],
    day=[(NOW - timedelta(days=days)).date() for days in AGES],
)


@pytest.mark.parametrize("column", ["at", "text"])
@pytest.mark.parametrize(
    ("asked", "share"),
    [
        ("between 12 hours and 60 hours", 0.5),
        ("not between 50 hours and 90 hours", 0.75),
        (">= 50 hours", 0.5),
        ("> 100 hours", 0.25),
        ("> 4319 minutes", 0.5),
        ("<= 30 hours", 0.25),
        ("< 20 hours", 0.0),
        ("= 24 hours", 0.25),
        ("!= 72 hours", 0.75),
        ("not in [24 hours, 48 hours]", 0.5),
        ("< 200 hours", 1.0),
        ("between 2 days and 5 days", 0.25),
    ],
)
def test_ages_are_compared_in_hours(column: str, asked: str, share: float) -> None:
    found = judged(DATED, f'DataFreshness "{column}" {asked}')
    assert found.outcome == ("Passed" if share == 1 else "Failed")
    assert found.evaluated_metrics == {f"Column.{column}.DataFreshness.Compliance": share}


def test_a_date_begins_at_midnight() -> None:
    assert judged(DATED, 'DataFreshness "day" < 133 hours').outcome == "Passed"
    assert judged(DATED, 'DataFreshness "day" < 132 hours').outcome == "Failed"


def test_null_is_not_fresh_unless_it_is_allowed() -> None:
    data = table(Order_Date=[NOW, NOW, NOW, NOW, None])
    found = judged(data, 'DataFreshness "Order_Date" <= 24 hours')
    assert found.outcome == "Failed"
    assert found.evaluated_metrics == {"Column.Order_Date.DataFreshness.Compliance": 0.8}
    either = '(DataFreshness "Order_Date" <= 24 hours) OR (ColumnValues "Order_Date" = NULL)'
    options = {"compositeRuleEvaluation.method": "ROW"}
    assert judged(data, either, options=options).outcome == "Passed"


@pytest.mark.parametrize(
    ("where", "outcome", "metrics"),
    [
        ("id > 2", "Failed", {"Column.at.DataFreshness.Compliance": 0.5}),
        ("id > 4", "Passed", {}),
    ],
)
def test_freshness_looks_at_rows_of_the_filter_only(
    where: str, outcome: str, metrics: dict[str, float]
) -> None:
    found = judged(DATED, f'DataFreshness "at" < 100 hours where "{where}"')
    assert (found.outcome, dict(found.evaluated_metrics)) == (outcome, metrics)


def test_freshness_of_no_rows_passes() -> None:
    assert judged(DATED.slice(0, 0), 'DataFreshness "at" < 200 hours').outcome == "Passed"


# -- AllStatistics ---------------------------------------------------------------------------


def test_all_statistics_gathers_the_metrics_of_a_column() -> None:
    data = table(s=["a", "abc", None], n=[1, 5, 5])
    found = evaluate(data, 'Analyzers = [ AllStatistics "s", AllStatistics "n" ]')
    assert found.metrics == {
        "Dataset.*.RowCount": 3,
        "Column.s.Completeness": pytest.approx(2 / 3),
        "Column.s.Uniqueness": 1,
        "Column.s.MinimumLength": 0,
        "Column.s.MaximumLength": 3,
        "Column.n.Completeness": 1,
        "Column.n.Uniqueness": pytest.approx(1 / 3),
        "Column.n.Minimum": 1,
        "Column.n.Maximum": 5,
    }
