from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakeworks.project.workgroups import Workgroup
from lakeworks.query.executions.accounts import begin_of, budget_state, cost_usd, left_bytes


@pytest.mark.parametrize(
    ("scanned", "state", "usd"),
    [
        (0, "succeeded", 0.0),
        (1, "succeeded", 0.00005),  # 10 MB at least
        (10_000_001, "succeeded", 0.000055),  # to the next MB
        (3_000_000_000_000, "succeeded", 15.0),
        (3_000_000_000_000, "failed", 0.0),
        (3_000_000_000_000, "cancelled", 15.0),
    ],
)
def test_a_query_costs_what_athena_bills(scanned: int, state: str, usd: float) -> None:
    assert cost_usd(scanned, state) == pytest.approx(usd)


def test_periods_begin_in_utc() -> None:
    now = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert begin_of("hour", now) == datetime(2026, 4, 30, 23, tzinfo=UTC)
    assert begin_of("day", now) == datetime(2026, 4, 30, tzinfo=UTC)
    assert begin_of("month", now) == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_budget_alarms_before_it_is_spent() -> None:
    group = Workgroup("w", budget_usd=10, alarms=(0.5, 0.8))
    assert budget_state(group, 4.9) == ("within", pytest.approx(0.49))
    assert budget_state(group, 5.0)[0] == "alarm"
    assert budget_state(group, 10.0)[0] == "spent"
    assert budget_state(Workgroup("w"), 1e9) == ("none", 0.0)


def test_the_tightest_period_counts() -> None:
    assert left_bytes({"hour": 10, "day": 100}, {"hour": 4, "day": 99}) == ("day", 1)
    assert left_bytes({}, {}) is None
