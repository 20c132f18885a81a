"""The calendar of the sample world."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.samples.calendar import HISTORY_DAYS, Calendar, day_date, weight


@given(st.integers(1, 10**9), st.integers(1, 400))
def test_days_divide_the_orders_without_gap(orders: int, days: int) -> None:
    calendar = Calendar(orders, days)
    assert calendar.first(0) == 0
    assert calendar.first(days) == orders
    assert sum(calendar.count(day) for day in range(days)) == orders


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_deliveries_of_the_history_cover_each_day_once(
    days: int, last_days: int, every_days: int
) -> None:
    calendar = Calendar(100, days)
    found = calendar.deliveries(day=1, every_days=every_days, last_days=last_days)
    covered = [day for one in found for day in range(one.first_day, one.end_day)]
    assert covered == list(range(max(0, days - last_days), days))


@pytest.mark.parametrize("day", [2, 3, 9])
def test_a_later_day_delivers_that_day_alone(day: int) -> None:
    (one,) = Calendar(100).deliveries(day=day, every_days=7)
    assert (one.first_day, one.end_day) == (HISTORY_DAYS + day - 2, HISTORY_DAYS + day - 1)


def test_saturdays_are_busier_than_tuesdays_and_black_friday_busier_than_all() -> None:
    weights = {day_date(day): weight(day) for day in range(HISTORY_DAYS)}
    july = [(on.weekday(), w) for on, w in weights.items() if on.month == 7]
    saturdays = [w for weekday, w in july if weekday == 5]
    tuesdays = [w for weekday, w in july if weekday == 1]
    assert min(saturdays) > max(tuesdays)
    assert max(weights, key=weights.__getitem__).isoformat().startswith("2025-11-2")
