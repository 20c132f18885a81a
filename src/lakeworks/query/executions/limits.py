"""Who may use a workgroup, what it has used, and whether it takes one more query."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock, events
from lakeworks.query.executions import accounts
from lakeworks.query.executions.errors import UnknownWorkgroupError, WorkgroupRefusesError
from lakeworks.query.executions.metrics import prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.catalog.query_executions import ExecutionRecords
    from lakeworks.catalog.query_usage import QueryUsage
    from lakeworks.project.workgroups import Period, Workgroup
    from lakeworks.query.executions.records import QueryExecution

logger = logging.getLogger(__name__)

_PERIODS: tuple[Period, ...] = ("hour", "day", "month")
LATELY = timedelta(hours=24)


class Limits:
    """The workgroups of a lake and their accounts. Safe to use from several threads.

    Args:
        workgroups: Those that there are, `primary` among them.
        usage, records: The catalog's.
        identities: Gives the names that a principal acts under, as `Workgroup.principals`
            spells them.
        waiting: How many queries of a workgroup wait in this process.
    """

    def __init__(
        self,
        workgroups: Mapping[str, Workgroup],
        *,
        usage: QueryUsage,
        records: ExecutionRecords,
        identities: Callable[[str], frozenset[str]] = lambda principal: frozenset((principal,)),
        waiting: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self.workgroups = workgroups
        self._usage = usage
        self._records = records
        self._identities = identities
        self._waiting = waiting
        self._raised: set[tuple[str, object, float]] = set()

    def group(self, name: str, principal: str | None = None) -> Workgroup:
        """Return a workgroup that a principal may use; None for whatever there is.

        Raises:
            UnknownWorkgroupError: no such workgroup, or the principal may not use it.
        """
        found = self.workgroups.get(name)
        if found is None or (principal and not self.may_use(found, principal)):
            known = (
                one.name
                for one in self.workgroups.values()
                if not principal or self.may_use(one, principal)
            )
            raise UnknownWorkgroupError.named(name, known)
        return found

    def may_use(self, group: Workgroup, principal: str) -> bool:
        """Whether a principal may use a workgroup; one without principals is everyone's."""
        return not group.principals or not self._identities(principal).isdisjoint(
            group.principals
        )

    def bytes_left(self, group: Workgroup) -> int | None:
        """Return how many bytes one more query may scan; None for any number.

        Raises:
            WorkgroupRefusesError: no more query may be asked.
        """
        if not group.enabled:
            raise WorkgroupRefusesError.disabled(group.name)
        waiting = self._waiting(group.name)
        if waiting >= group.queued:
            raise WorkgroupRefusesError.full(group.name, waiting)
        if not group.bytes_per and group.budget_usd is None:
            return group.bytes_limit
        used = self._used(group.name)
        left = accounts.left_bytes(
            group.bytes_per, {period: one["scanned_bytes"] for period, one in used.items()}
        )
        if left is not None and left[1] <= 0:
            raise WorkgroupRefusesError.used_up(group.name, left[0], group.bytes_per[left[0]])
        state, _ = accounts.budget_state(group, used["month"]["cost_usd"])
        if group.budget_usd is not None and state == "spent":
            raise WorkgroupRefusesError.spent(group.name, group.budget_usd)
        limits = (group.bytes_limit, left[1] if left else None)
        return min((one for one in limits if one is not None), default=None)

    def account(self, name: str, principal: str | None = None) -> dict[str, Any]:
        """Return what a workgroup used, how its budget stands, and how long queries took lately.

        Raises:
            UnknownWorkgroupError: no such workgroup, or the principal may not use it.
        """
        group = self.group(name, principal)
        used = self._used(name)
        spent = used["month"]["cost_usd"]
        state, share = accounts.budget_state(group, spent)
        times = self._records.times(name, since=clock.now() - LATELY)
        alarms = [asdict(one) for one in self._usage.alarms(name)]
        return {
            "workgroup": group.name,
            "description": group.description,
            "enabled": group.enabled,
            "scanned_bytes": {period: one["scanned_bytes"] for period, one in used.items()},
            "limits_bytes": dict(group.bytes_per),
            "cost_usd": spent,
            "used": used,
            "budget": {"usd": group.budget_usd, "state": state, "share": share},
            "alarms": alarms,
            "waiting": self._waiting(name),
            "lately": {
                "queries": len(times),
                "queued_s_sum": sum(queued for queued, _ in times),
                "seconds_sum": sum(ran for _, ran in times),
                "queued_s": accounts.percentiles([queued for queued, _ in times]),
                "seconds": accounts.percentiles([ran for _, ran in times]),
            },
        }

    def accounts(self, principal: str = "") -> list[dict[str, Any]]:
        """Return the accounts of every workgroup that a principal may use."""
        return [
            self.account(name)
            for name, group in sorted(self.workgroups.items())
            if not principal or self.may_use(group, principal)
        ]

    def metrics(self) -> str:
        """Return what all workgroups did, as Prometheus reads it."""
        return prometheus(self.accounts(), self._usage.totals())

    def tell_budget(self, seen: QueryExecution) -> None:
        """Raise each alarm that an execution's cost brought about: once a month, by one process."""
        group = self.workgroups.get(seen.workgroup)
        if group is None or group.budget_usd is None or not seen.cost_usd:
            return
        month = accounts.begin_of("month", clock.now())
        spent = self._usage.since(group.name, [month])[0].cost_usd
        state, share = accounts.budget_state(group, spent)
        for alarm in sorted({*group.alarms, 1.0}):
            if share < alarm or (group.name, month, alarm) in self._raised:
                continue
            self._raised.add((group.name, month, alarm))
            new = self._usage.raise_alarm(
                group.name, month, alarm, spent_usd=spent, budget_usd=group.budget_usd
            )
            if new:
                events.emit(
                    "workgroup.budget", workgroup=group.name, state=state, share=share,
                    alarm=alarm, spent_usd=spent, budget_usd=group.budget_usd,
                )  # fmt: skip
                logger.warning(
                    "the workgroup %s has spent %.0f %% of its %.2f US dollars of this month",
                    group.name, 100 * share, group.budget_usd,
                )  # fmt: skip

    def _used(self, name: str) -> dict[Period, dict[str, Any]]:
        now = clock.now()
        moments = [accounts.begin_of(period, now) for period in _PERIODS]
        sums = self._usage.since(name, moments)
        return {period: asdict(one) for period, one in zip(_PERIODS, sums, strict=True)}
