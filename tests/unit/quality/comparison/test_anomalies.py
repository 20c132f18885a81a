"""What counts as an anomaly: short and long histories, trends, weeks, and bad runs in the past."""

from __future__ import annotations

import random

import pytest

from lakeworks.quality.comparison.anomalies import forecast, judge

WEEK = [100.0, 104.0, 98.0, 101.0, 103.0, 40.0, 35.0]


def series(count: int, *, trend: float = 0.0, week: bool = False, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    level = WEEK if week else [100.0] * 7
    return [level[at % 7] + trend * at + chance.gauss(0, 2) for at in range(count)]


def anomalous(value: float | None, past: list[float], *, counts: bool = False) -> bool:
    return judge("m", value, past, counts=counts).anomalous


@pytest.mark.parametrize("past", [[], [100.0], [100.0, 101.0]])
def test_fewer_than_three_values_are_too_few(past: list[float]) -> None:
    assert not anomalous(5.0, past)


def test_three_values_tell_only_what_is_far_off() -> None:
    assert not anomalous(95.0, [99, 101, 100])
    assert anomalous(10.0, [99, 101, 100])


def test_a_steady_metric_has_bounds_of_some_width() -> None:
    assert not anomalous(101.0, [100.0] * 10)
    assert anomalous(90.0, [100.0] * 10)
    assert anomalous(0.9, [1.0] * 10)
    assert not anomalous(0.99, [1.0] * 10)


def test_a_metric_that_was_always_zero_is_expected_to_stay_so() -> None:
    assert not anomalous(0.0, [0.0] * 5)
    assert anomalous(1.0, [0.0] * 5)


def test_no_rows_after_many_are_anomalous() -> None:
    assert anomalous(0.0, [10, 12, 14], counts=True)


def test_counts_are_never_expected_below_zero() -> None:
    assert forecast([0.0, 1.0, 0.0, 5.0], counts=True).lower == 0


@pytest.mark.parametrize("counts", [True, False])
def test_one_bad_run_in_the_past_does_not_hide_the_next(counts: bool) -> None:
    past = series(30)
    past[12] = 5000.0
    assert anomalous(60.0, past, counts=counts)
    assert not anomalous(101.0, past, counts=counts)


def test_a_trend_is_followed() -> None:
    past = series(20, trend=5)
    found = forecast(past)
    assert found.parts == ("trend",)
    assert found.expected == pytest.approx(200, abs=5)
    assert not anomalous(203.0, past)
    assert anomalous(100.0, past)


def test_a_quiet_day_of_the_week_is_expected_after_three_weeks() -> None:
    past = series(26, week=True)
    assert forecast(past).parts == ("week",)
    assert not anomalous(40.0 - 2, past)
    assert anomalous(100.0, past)


def test_a_week_and_a_trend_are_told_apart() -> None:
    past = series(40, week=True, trend=2)
    assert forecast(past).parts == ("trend", "week")
    assert not anomalous(WEEK[40 % 7] + 80, past)


def test_before_three_weeks_a_value_as_seven_runs_ago_passes() -> None:
    past = series(12, week=True)
    assert not anomalous(40.0, past)
    assert anomalous(1.0, past)


@pytest.mark.parametrize("count", [3, 5, 8, 12, 21, 56])
@pytest.mark.parametrize("counts", [True, False])
def test_ordinary_values_are_seldom_called_anomalous(count: int, counts: bool) -> None:
    alarms = 0
    for seed in range(200):
        made = series(count + 1, seed=seed)
        alarms += anomalous(made[-1], made[:-1], counts=counts)
    assert alarms <= 6


@pytest.mark.parametrize("noise", [0.02, 0.1])
@pytest.mark.parametrize("count", [8, 14, 21, 24, 26, 28, 56])
def test_a_weekly_figure_is_seldom_called_anomalous_on_any_day(
    count: int, noise: float
) -> None:
    """At most 2 of 40 on each day of the week, and 1 in 100 over all: as the documentation says."""
    alarms = [
        sum(weekly_alarm(count, day, noise, seed, factor=1.0) for seed in range(40))
        for day in range(7)
    ]
    assert max(alarms) <= 2, alarms
    assert sum(alarms) <= 2.8


@pytest.mark.parametrize(("count", "least"), [(24, 240), (28, 275), (56, 275)])
def test_half_of_what_is_usual_on_that_day_is_told(count: int, least: int) -> None:
    """Of 280, with a noise of 5 %: 85 in 100 with 24 earlier values, nearly all from 28 on."""
    told = sum(
        weekly_alarm(count, day, 0.05, seed, factor=0.5)
        for day in range(7)
        for seed in range(40)
    )
    assert told >= least


def weekly_alarm(count: int, day: int, noise: float, seed: int, *, factor: float) -> bool:
    """Whether the value after `count` others that begin on a day of the week is anomalous."""
    chance = random.Random(seed * 7 + day)
    made = [WEEK[(at + day) % 7] * (1 + chance.gauss(0, noise)) for at in range(count + 1)]
    return anomalous(made[-1] * factor, made[:-1], counts=True)


def test_a_value_that_is_missing_is_anomalous_once_there_were_some() -> None:
    assert anomalous(None, [1, 2, 3])
    assert anomalous(float("nan"), [1, 2, 3])
    assert not anomalous(None, [1, 2])


def test_the_reason_says_what_was_expected_and_by_how_much_it_was_missed() -> None:
    verdict = judge("Dataset.*.RowCount", 10, [100, 98, 102, 101, 99, 100, 97, 103])
    assert verdict.reason.startswith("Dataset.*.RowCount is 10, ")
    assert "deviations below: 100 was expected, between 8" in verdict.reason
    assert verdict.reason.endswith("after 8 runs, the latest 101, 99, 100, 97, 103")
    assert verdict.forecast is not None


def test_only_the_latest_eight_weeks_count() -> None:
    old = [1000.0] * 200
    assert not anomalous(100.0, [*old, *series(56)])


def test_huge_and_tiny_values_do_not_overflow() -> None:
    assert not anomalous(1e300, [1e300, 1.1e300, 0.9e300])
    assert not anomalous(1e-300, [1e-300] * 8, counts=True)
