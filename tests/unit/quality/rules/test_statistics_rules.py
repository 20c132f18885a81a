"""Rules of the open executor on the spread and shape of numbers, and on rows that occur again."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from lakeworks.quality import evaluate

if TYPE_CHECKING:
    from lakeworks.quality import RuleOutcome

VALUES = [1.0, 2.0, 2.0, 3.0, 10.0, 0.0, None]
KNOWN = [value for value in VALUES if value is not None]
DATA = pa.table(
    {
        "x": VALUES,
        "same": [5] * 7,
        "none": pa.array([None] * 7, pa.int64()),
        "kind": ["a", "a", "a", "b", "b", None, None],
        "odd": [float("inf"), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
)
MEAN = statistics.mean(KNOWN)
SECOND, THIRD, FOURTH = (sum((x - MEAN) ** power for x in KNOWN) for power in (2, 3, 4))


def judged(rule: str) -> RuleOutcome:
    (outcome,) = evaluate(DATA, f"Rules = [ {rule} ]").outcomes
    return outcome


@pytest.mark.parametrize(
    ("rule", "metric", "value"),
    [
        ('Range "x"', "Column.x.Range", 10),
        ('Range "x" where "x < 10"', "Column.x.Range", 3),
        ('InterquartileRange "x"', "Column.x.InterquartileRange", 1.5),
        ('Skewness "x"', "Column.x.Skewness", 6**0.5 * THIRD / SECOND**1.5),
        ('Kurtosis "x"', "Column.x.Kurtosis", 6 * FOURTH / SECOND**2 - 3),
        ('Skewness "same"', "Column.same.Skewness", 0),
        ('Kurtosis "same"', "Column.same.Kurtosis", 0),
        ('ZerosCount "x"', "Column.x.ZerosCount", 1),
        ('ZerosCount "x" where "x > 0"', "Column.x.ZerosCount", 0),
        ('DuplicateRowCount "kind"', "Multicolumn.kind.DuplicateRowCount", 5),
        ('DuplicateRowCount "kind" "x"', "Multicolumn.kind,x.DuplicateRowCount", 2),
        ("DuplicateRowCount", "Dataset.*.DuplicateRowCount", 0),
    ],
)
def test_the_figure_is_that_of_the_definition(rule: str, metric: str, value: float) -> None:
    name, where, filtered = rule.partition(" where ")
    found = judged(f"{name} > 1000{where}{filtered}")
    assert found.outcome == "Failed"
    assert found.evaluated_metrics[metric] == pytest.approx(value)
    assert judged(f"{name} < 1000{where}{filtered}").outcome == "Passed"


@pytest.mark.parametrize("type_", ["Range", "InterquartileRange", "Skewness", "Kurtosis"])
def test_a_column_without_values_has_no_figure(type_: str) -> None:
    found = judged(f'{type_} "none" >= 0')
    assert found.outcome == "Failed"
    assert "has no value" in found.failure_reason
    assert judged(f'{type_} "x" >= 0 where "x > 99"').outcome == "Passed"


def test_what_is_no_number_is_told() -> None:
    assert judged('Kurtosis "kind" > 0').outcome == "Error"
    assert "infinite" in judged('Skewness "odd" > 0').failure_reason


def test_rows_that_occur_again_are_told_row_by_row() -> None:
    rows = evaluate(DATA, 'Rules = [ DuplicateRowCount "kind" < 9 ]').rows()
    assert (
        rows.column("DataQualityEvaluationResult").to_pylist()
        == ["Failed"] * 5 + ["Passed"] * 2
    )


@pytest.mark.parametrize("value", [0.1, 99999999.99, 1e-30, 1e300 / 3])
def test_equal_values_have_no_skewness_however_their_mean_is_rounded(value: float) -> None:
    table = pa.table({"x": [value] * 11})
    found = evaluate(table, 'Rules = [ Skewness "x" = 0, Kurtosis "x" = 0 ]')
    assert found.passed, found
