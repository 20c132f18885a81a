"""Means and spreads of few numbers, against Python's own."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.quality.comparison.numbers import deviation, mean, median

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@given(NUMBERS)
def test_they_are_those_of_the_standard_library(values: list[float]) -> None:
    assert mean(values) == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert median(values) == pytest.approx(statistics.median(values), abs=1e-9)
    assert deviation(values) == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-6)
    sample = statistics.stdev(values)
    assert deviation(values, sample=True) == pytest.approx(sample, rel=1e-6, abs=1e-6)


def test_huge_numbers_do_not_overflow() -> None:
    assert deviation([1e300, -1e300]) == pytest.approx(1e300)
    assert median([1e308, 1.5e308]) == pytest.approx(1.25e308)


def test_one_number_and_zeros() -> None:
    assert (mean([3.0]), median([3.0]), deviation([0.0])) == (3, 3, 0)
