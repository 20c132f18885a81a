"""Expressions that the embedded engine computes for another, without that other."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakeworks.core.types import parse_type
from lakeworks.engines.duckdb.row_expressions import (
    GATHERED,
    ExpressionFailedError,
    RowExpression,
    computes_alone,
)
from lakeworks.engines.errors import ValueConversionError


def test_values_come_in_the_order_of_the_rows() -> None:
    batch = pa.StructArray.from_arrays([pa.array(["ab", None, "cd"])], ["__c0"])
    found = RowExpression('reverse("__c0")', (), parse_type("string")).over(batch)
    assert found.to_pylist() == ["ba", None, "dc"]
    assert RowExpression('"__c0"', (), parse_type("string")).over(batch[:0]).to_pylist() == []


def test_a_group_without_rows_has_a_value_in_its_place() -> None:
    rows = pa.array([[{"__c0": 2}, {"__c0": 1}], [], [{"__c0": None}]])
    batch = pa.StructArray.from_arrays([rows, pa.array([7, 8, 9])], [GATHERED, "__c1"])
    sql = 'count(*) * 100 + coalesce(sum("__c0"), any_value("__c1"), 0)'
    found = RowExpression(sql, ("__c0",), parse_type("bigint")).over(batch)
    assert found.to_pylist() == [203, 0, 109]


def test_what_a_value_meets_passes_through_another_engines_message() -> None:
    batch = pa.StructArray.from_arrays([pa.array(["x"])], ["__c0"])
    with pytest.raises(ExpressionFailedError) as failed:
        RowExpression('CAST("__c0" AS INTEGER)', (), parse_type("int")).over(batch)
    told = ExpressionFailedError.told(f"org.apache.Trouble: {failed.value}\n at Task.java:1")
    assert isinstance(told, ValueConversionError)
    assert "'x'" in told.problem
    assert ExpressionFailedError.told("org.apache.Trouble: another") is None


@pytest.mark.parametrize(
    ("expression", "alone"),
    [("reverse(a)", True), ("sum(a)", True), ("now()", False), ("hash(random())", False),
     ("current_setting('threads')", False), ("getvariable('a')", False), ("(select 1 from t)", False)],
)  # fmt: skip
def test_what_hangs_on_more_than_its_columns_is_known(expression: str, *, alone: bool) -> None:
    assert computes_alone(expression) is alone
