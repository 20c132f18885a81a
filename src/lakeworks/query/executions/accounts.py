"""What executions cost, and what a workgroup has used.

Pure. Athena bills the bytes that a query scans: 5 US dollars a terabyte, each query rounded up to
the next megabyte and counted as 10 megabytes at least; failed queries are free, cancelled ones pay
what they scanned (https://aws.amazon.com/athena/pricing/, us-east-1, SQL queries, November 2026).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.project.workgroups import Period, Workgroup

USD_PER_TB = 5.0
MEGABYTE = 1_000_000
TERABYTE = 1_000_000_000_000
LEAST_BYTES = 10 * MEGABYTE


def cost_usd(scanned_bytes: int, state: str) -> float:
    """Return what Athena would bill for a query that ended in this state."""
    if state == "failed" or scanned_bytes == 0:
        return 0.0
    billed = max(LEAST_BYTES, math.ceil(scanned_bytes / MEGABYTE) * MEGABYTE)
    return billed / TERABYTE * USD_PER_TB


def begin_of(period: Period, now: datetime) -> datetime:
    """Return when the hour, day or month began that a moment lies in (UTC)."""
    moment = now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)
    moment = moment.replace(minute=0, second=0, microsecond=0)
    if period == "hour":
        return moment
    moment = moment.replace(hour=0)
    return moment if period == "day" else moment.replace(day=1)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the middle, the 95th of a hundred and the greatest of some values; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0}

    def ranked(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return {"p50": ranked(0.5), "p95": ranked(0.95), "max": ordered[-1]}


BudgetState = Literal["none", "within", "alarm", "spent"]


def budget_state(workgroup: Workgroup, spent_usd: float) -> tuple[BudgetState, float]:
    """Return how a workgroup stands to its monthly budget, and the share that is spent."""
    budget = workgroup.budget_usd
    if budget is None:
        return "none", 0.0
    share = spent_usd / budget if budget else math.inf
    if share >= 1:
        return "spent", share
    reached = any(share >= alarm for alarm in workgroup.alarms)
    return ("alarm" if reached else "within"), share


def left_bytes(
    limits: Mapping[Period, int], used: Mapping[Period, int]
) -> tuple[Period, int] | None:
    """Return the period whose limit leaves the fewest bytes, and how many; None without limits."""
    left = {period: limit - used.get(period, 0) for period, limit in limits.items()}
    if not left:
        return None
    period = min(left, key=lambda one: left[one])
    return period, left[period]
