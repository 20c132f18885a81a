"""What workgroups used: sums by the hour, kept as executions end, and alarms of their budgets.

A period is some hundred rows at most, however many queries it had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session

HOUR_US = 3_600_000_000
_SUMS = ("queries", "failed", "cancelled", "reused", "scanned_bytes", "cost_usd", "queued_s",
         "seconds")  # fmt: skip
_NAMES = ", ".join(_SUMS)


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over executions that ended.

    Attributes:
        queries: How many ended, however.
        reused: How many an earlier result answered.
        queued_s, seconds: How long they waited, and ran, together.
    """

    queries: int = 0
    failed: int = 0
    cancelled: int = 0
    reused: int = 0
    scanned_bytes: int = 0
    cost_usd: float = 0.0
    queued_s: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetAlarm:
    """That a workgroup's queries of a month came to a share of its budget.

    Attributes:
        share: The share at which to tell, 1 for all of it.
    """

    workgroup: str
    month: datetime
    share: float
    raised_at: datetime
    spent_usd: float
    budget_usd: float


class QueryUsage:
    """The ledger of a catalog. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, workgroup: str, moments: Sequence[datetime]) -> list[Usage]:
        """Return what a workgroup used since each of some moments, in one look."""
        with self._database.reading() as session:
            return [_sum(session, workgroup, moment) for moment in moments]

    def totals(self) -> dict[str, Usage]:
        """Return what each workgroup ever used."""
        sums = ", ".join(f"sum({name})" for name in _SUMS)
        with self._database.reading() as session:
            rows = session.all(f"SELECT workgroup, {sums} FROM query_usage GROUP BY workgroup")
        return {str(row[0]): _usage(row[1:]) for row in rows}

    def raise_alarm(
        self,
        workgroup: str,
        month: datetime,
        share: float,
        *,
        spent_usd: float,
        budget_usd: float,
    ) -> bool:
        """Keep an alarm; return whether it is new: each is raised once a month, by one process."""
        with self._database.noting() as session:
            return bool(
                session.run(
                    "INSERT INTO budget_alarms (workgroup, month_us, share, raised_us, spent_usd, "
                    "budget_usd) VALUES (:workgroup, :month, :share, :at, :spent, :budget) "
                    "ON CONFLICT (workgroup, month_us, share) DO NOTHING",
                    workgroup=workgroup,
                    month=microseconds(month),
                    share=share,
                    at=microseconds(clock.now()),
                    spent=spent_usd,
                    budget=budget_usd,
                )
            )

    def alarms(self, workgroup: str, *, limit: int = 50) -> list[BudgetAlarm]:
        """Return a workgroup's alarms, the newest first."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT workgroup, month_us, share, raised_us, spent_usd, budget_usd "
                "FROM budget_alarms WHERE workgroup = :workgroup "
                "ORDER BY month_us DESC, share DESC LIMIT :limit",
                workgroup=workgroup,
                limit=limit,
            )
        return [
            BudgetAlarm(
                str(row[0]), from_microseconds(row[1]), float(row[2]), from_microseconds(row[3]),
                float(row[4]), float(row[5]),
            )
            for row in rows
        ]  # fmt: skip


def add(session: Session, workgroup: str, at: datetime, used: Usage) -> None:
    """Add an execution that ended to the sums of its hour."""
    added = ", ".join(f"{name} = query_usage.{name} + excluded.{name}" for name in _SUMS)
    session.run(
        f"INSERT INTO query_usage (workgroup, hour_us, {_NAMES}) VALUES (:workgroup, :hour, "
        f"{', '.join(f':{name}' for name in _SUMS)}) "
        f"ON CONFLICT (workgroup, hour_us) DO UPDATE SET {added}",
        workgroup=workgroup,
        hour=microseconds(at) // HOUR_US * HOUR_US,
        **{name: getattr(used, name) for name in _SUMS},
    )


def _sum(session: Session, workgroup: str, moment: datetime) -> Usage:
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    row = session.first(
        f"SELECT {sums} FROM query_usage WHERE workgroup = :workgroup AND hour_us >= :since",
        workgroup=workgroup,
        since=microseconds(moment) // HOUR_US * HOUR_US,
    )
    return _usage(row or ())


def _usage(row: Sequence[object]) -> Usage:
    if not row or row[0] is None:
        return Usage()
    # PostgreSQL's sums of whole numbers are decimals.
    counts = [int(str(one)) for one in row[:5]]
    return Usage(*counts, *(float(str(one)) for one in row[5:]))
