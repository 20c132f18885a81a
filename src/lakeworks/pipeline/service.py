"""`lake.pipeline`: what may be asked of a project's pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.pipeline.plan import Plan
    from lakeworks.pipeline.quarantine import Rejected
    from lakeworks.pipeline.report import RunReport
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Project


class Pipeline:
    """Check, plan, run, roll back and replay one project."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def check(self) -> Project:
        """Examine the whole project, rules and columns included, without touching data.

        Raises:
            ProjectError: every mistake found, each with file, line and the nearest right name.
        """
        from lakeworks.pipeline.check import check

        return check(self._services)

    def plan(self, select: str | None = None, *, full_refresh: bool = False) -> Plan:
        """Return what a run would do, why, and what it costs.

        Raises:
            SelectionError: `select` names no table.
        """
        from lakeworks.pipeline.planner import make_plan
        from lakeworks.pipeline.runner import RunRequest

        return make_plan(self._services, RunRequest(select, full_refresh))

    def run(
        self,
        select: str | None = None,
        *,
        full_refresh: bool = False,
        wait_s: float | None = None,
        keep_read: bool = False,
    ) -> RunReport:
        """Bring tables up to date and publish them as one snapshot; safe to repeat.

        Args:
            select: `silver.orders+`: tables, with `+` for what they are made from or into.
            full_refresh: Read every input whole and make the tables anew.
            wait_s: How long to wait for tables that another run holds; None waits.
            keep_read: Let rows count as read by what their source is now, though it was changed.

        Raises:
            SelectionError: `select` names no table.
            TableLockedError: `wait_s` passed while another run held a table.
        """
        from lakeworks.pipeline.runner import RunRequest, run

        return run(self._services, RunRequest(select, full_refresh, wait_s, keep_read))

    def rollback(self, run_id: str | None = None, *, wait_s: float | None = None) -> Snapshot:
        """Publish the snapshot of an earlier run again; the next run goes on from there.

        Raises:
            NoSnapshotError: there is nothing earlier.
            UnknownRunError: that run published nothing.
        """
        from lakeworks.pipeline.rollback import rollback

        return rollback(self._services, run_id, wait_s=wait_s)

    def replay(self, table: str) -> RunReport:
        """Judge a table's quarantined rows again; those that pass now enter the table.

        Raises:
            ReplayError: nothing of the table is in quarantine.
        """
        from lakeworks.core.names import TableName
        from lakeworks.pipeline.replay import replay

        return replay(self._services, TableName.parse(table))

    def quarantine(self) -> list[Rejected]:
        """Return what is in quarantine, by table and rule, most rows first."""
        from lakeworks.pipeline.quarantine import summary

        return summary(self._services)

    def quarantined_rows(self, table: str, *, limit: int | None = None) -> pa.Table:
        """Return rejected rows of one table with rule, reason and origin, the latest first.

        Raises:
            ReplayError: nothing of the table is in quarantine.
        """
        from lakeworks.core.names import TableName
        from lakeworks.pipeline.quarantine import rows

        return rows(self._services, TableName.parse(table), limit=limit)
