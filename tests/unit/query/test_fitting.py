"""Rows enter a table by position or name, widened or narrowed without loss, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.query.fitting import fit
from lakeworks.query.statements.errors import MisfitError


def entered(values: list[Any], given: pa.DataType, wanted: str) -> list[Any]:
    """Return what becomes of values of one type in a column of another."""
    schema = Schema((Field("a", parse_type(wanted)),))
    batch = pa.record_batch({"x": pa.array(values, given)})
    into = fit("gold.t", schema, ["a"], [], batch.schema)
    done = into.rows(batch)
    assert done.schema == into.schema
    return list(done.column(0).to_pylist())


@pytest.mark.parametrize(
    ("values", "given", "wanted"),
    [
        ([1, None], pa.int8(), "bigint"),
        ([1, -3], pa.int64(), "tinyint"),
        ([1], pa.int64(), "double"),
        ([1], pa.int32(), "decimal(10,2)"),
        ([Decimal("1.50")], pa.decimal128(10, 2), "decimal(4,1)"),
        ([Decimal(2)], pa.decimal128(38, 0), "bigint"),
        ([0.5], pa.float64(), "float"),
        (["x"], pa.large_string(), "string"),
        (["x"], pa.dictionary(pa.int8(), pa.string()), "string"),
        ([None, None], pa.int32(), "array<struct<a:int>>"),
        ([None], pa.null(), "date"),
        ([[1, None]], pa.large_list(pa.int32()), "array<bigint>"),
        ([{"a": 1}], pa.struct([("a", pa.int32())]), "struct<a:int>"),
    ],
)
def test_what_fits_enters_unchanged(values: list[Any], given: pa.DataType, wanted: str) -> None:
    assert entered(values, given, wanted) == values


@pytest.mark.parametrize(
    ("values", "given", "wanted"),
    [
        ([128], pa.int64(), "tinyint"),
        ([2**53 + 1], pa.int64(), "double"),
        ([Decimal("1.55")], pa.decimal128(10, 2), "decimal(4,1)"),
        ([Decimal("1.5")], pa.decimal128(10, 1), "bigint"),
        ([0.1], pa.float64(), "float"),
        ([1.0], pa.float64(), "bigint"),
        ([0.5], pa.float64(), "decimal(10,2)"),
        (["1"], pa.string(), "bigint"),
        ([1], pa.int64(), "string"),
        ([1], pa.int32(), "string"),
        ([True], pa.bool_(), "int"),
        ([0], pa.timestamp("us"), "date"),
        ([0], pa.timestamp("us"), "timestamp"),
        ([{"b": 1}], pa.struct([("b", pa.int32())]), "struct<a:int>"),
    ],
)
def test_what_would_lose_something_does_not(
    values: list[Any], given: pa.DataType, wanted: str
) -> None:
    with pytest.raises(MisfitError):
        entered(values, given, wanted)


SCHEMA = Schema(tuple(Field(name, parse_type("int")) for name in ("a", "B", "hidden")))
TWO = pa.schema([("x", pa.int32()), ("y", pa.int32())])


def test_names_go_by_letters_of_any_case_and_the_others_stay_null() -> None:
    into = fit("t", SCHEMA, SCHEMA.names, ["b", "A"], TWO)
    batch = pa.record_batch([pa.array([1], pa.int32()), pa.array([2], pa.int32())], schema=TWO)
    assert into.rows(batch).to_pylist() == [{"a": 2, "B": 1, "hidden": None}]


@pytest.mark.parametrize(
    "named", [["a", "a"], ["a"], ["a", "c"], ["a", "hidden"], ["a", "b", "a"]]
)
def test_names_that_do_not_fit_are_refused(named: list[str]) -> None:
    with pytest.raises(MisfitError):
        fit("t", SCHEMA, ["a", "B"], named, TWO)


def test_without_names_all_known_columns_are_filled() -> None:
    assert fit("t", SCHEMA, ["a", "B"], [], TWO).places == (0, 1, None)
