"""The analyzer Distribution: bins of numbers, the most frequent of other values."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.quality import check, evaluate
from lakeworks.quality.outcomes.evaluation import Distribution


def told(values: Any, options: str = "", name: str = '"c"') -> dict[str, Distribution]:
    found = evaluate(pa.table({"c": values}), f"Analyzers = [ Distribution {name} {options} ]")
    return dict(found.distributions)


def test_numbers_are_counted_in_ranges_of_equal_width_of_which_the_last_holds_its_end() -> None:
    (found,) = told([0, 1, 2, 3, 4, 9, 10, None], "with bins = 5").values()
    assert found == Distribution(
        ("0.0", "2.0", "4.0", "6.0", "8.0", "10.0"), (2, 2, 1, 0, 2), "bigint"
    )


def test_there_are_twenty_bins_where_none_are_asked_for() -> None:
    found = told([float(n) for n in range(1001)])["Column.c.Distribution"]
    assert len(found.bin_edges) == 21
    assert found.count == (*[50] * 19, 51)


def test_equal_numbers_are_one_bin_and_those_that_are_none_are_left_out() -> None:
    found = told([7.5, math.nan, None, math.inf, 7.5])["Column.c.Distribution"]
    assert found == Distribution(("7.5", "7.5"), (2,), "double")


def test_numbers_too_far_apart_for_a_width_are_one_bin() -> None:
    found = told([-1.7e308, 0.0, 1.7e308])["Column.c.Distribution"]
    assert found.count == (3,)


def test_the_twenty_most_frequent_of_other_values_are_told() -> None:
    found = told([f"v{n:02}" for n in range(30) for _ in range(1 + (n == 9))])
    values = found["Column.c.Distribution"]
    assert values.bin_edges == ("v09", *(f"v{n:02}" for n in range(20) if n != 9))
    assert values.count == (2, *[1] * 19)


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([True, False, True], ("true", "false")),
        ([date(2026, 1, 2), None, date(2026, 1, 2)], ("2026-01-02",)),
    ],
)
def test_dates_and_truth_values_are_values(values: list[Any], edges: tuple[str, ...]) -> None:
    assert told(values)["Column.c.Distribution"].bin_edges == edges


@pytest.mark.parametrize("values", [pa.array([None], pa.int64()), pa.array([], pa.string())])
def test_a_column_without_values_has_no_distribution(values: pa.Array) -> None:
    assert told(values) == {}


def test_all_columns_are_told_save_nested_and_binary_ones() -> None:
    table = pa.table({"n": [1, 2], "s": ["a", "b"], "l": [[1], [2]], "b": [b"x", b"y"]})
    found = evaluate(table, "Analyzers = [ Distribution AllColumns ]")
    assert list(found.distributions) == ["Column.n.Distribution", "Column.s.Distribution"]
    stored = json.loads(found.to_json())["distributions"]["Column.s.Distribution"]
    assert stored == {"bin_edges": ["a", "b"], "count": [1, 1], "data_type": "string"}
    assert "distributions" not in json.loads(
        evaluate(table, "Rules = [ RowCount > 0 ]").to_json()
    )


def test_keeping_the_bins_of_earlier_runs_is_refused_by_name() -> None:
    (mistake,) = check('Analyzers = [ Distribution "c" with bins = 3 with rebin = "false" ]')
    assert "the option rebin of Distribution" in str(mistake)
