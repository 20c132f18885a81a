"""Do what is due for a lake's tables within a time, the most gain for the time first.

Every chore is whole in itself and safe beside runs and readers: it takes the table's lock without
waiting, and what a run holds is left. Killed anywhere, it leaves what a killed step leaves: files
that no version names, which the next pass deletes.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.catalog import upkeep
from lakeworks.catalog.care.chores import Chore, NotNow, Planner, statistics_are_due
from lakeworks.catalog.care.lifecycle import Lifecycle
from lakeworks.catalog.care.uses import examine_queries
from lakeworks.catalog.errors import TableLockedError
from lakeworks.core import clock, events
from lakeworks.core.errors import LakeError
from lakeworks.storage.errors import CommitConflictError
from lakeworks.storage.file_layout import target_bytes
from lakeworks.storage.log_checkpoint import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lakeworks.catalog.care.chores import ChoreKind
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project
    from lakeworks.storage.layout import Storage

_PATIENCE = 1.5
"""A chore is not begun when it is thought to take this many times the time that is left."""


@dataclass(frozen=True, slots=True)
class Done:
    """One chore that was carried out.

    Attributes:
        figures: What came of it, in plain numbers.
        seconds: How long it took.
    """

    chore: Chore
    what: str
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What a pass did, and what it left.

    Attributes:
        planned: Everything that was due, in its order.
        left: What is still to do, with the reason.
        failed: What went wrong; the rest went on.
        seconds: Of the whole pass; `plan_s` of them for finding out what is due.
    """

    planned: tuple[Chore, ...]
    done: tuple[Done, ...]
    left: tuple[NotNow, ...]
    failed: tuple[NotNow, ...]
    seconds: float
    plan_s: float
    dry_run: bool = False
    summary: dict[str, int] = field(default_factory=dict)


class Maintainer:
    """Looks after the tables of one lake."""

    def __init__(self, project: Project, catalog: Catalog, storage: Storage) -> None:
        self._project = project
        self._catalog = catalog
        self._storage = storage

    def run(
        self,
        tables: Iterable[TableName] | None = None,
        *,
        budget_s: float | None = None,
        dry_run: bool = False,
        kinds: Collection[ChoreKind] | None = None,
    ) -> Maintenance:
        """Do what is due.

        Args:
            tables: Only these; None for the whole lake.
            budget_s: How long; as the project says when left out.
            dry_run: Only say what would be done.
            kinds: Only chores of these kinds.
        """
        begin = time.monotonic()
        until = begin + (self._project.care.budget_s if budget_s is None else budget_s)
        examine_queries(self._catalog, self._storage)
        plan = Planner(self._project, self._catalog, self._storage).plan(tables)
        if kinds is not None:
            plan = replace(plan, chores=tuple(c for c in plan.chores if c.kind in kinds))
        plan_s = time.monotonic() - begin
        if dry_run:
            return Maintenance(plan.chores, (), plan.left, (), plan_s, plan_s, dry_run=True)
        done: list[Done] = []
        left: list[NotNow] = list(plan.left)
        failed: list[NotNow] = []
        for chore in plan.chores:
            remaining = until - time.monotonic()
            if remaining <= 0 or chore.seconds > remaining * _PATIENCE:
                left.append(NotNow(str(chore), _no_time(chore, remaining)))
                continue
            try:
                done.append(self._carry_out(chore, until))
            except (TableLockedError, CommitConflictError) as error:
                left.append(NotNow(str(chore), error.problem))
            except LakeError as error:
                failed.append(NotNow(str(chore), error.problem))
        seconds = time.monotonic() - begin
        told = Maintenance(
            plan.chores, tuple(done), tuple(left), tuple(failed), seconds, plan_s
        )
        return replace(told, summary=dict(Counter(one.chore.kind for one in done)))

    def _carry_out(self, chore: Chore, until: float) -> Done:
        begin = time.monotonic()
        with events.span("care.chore", chore=chore.kind, table=str(chore.table or "")):
            what, figures = self._work(chore, until)
        return Done(chore, what, time.monotonic() - begin, figures)

    def _work(self, chore: Chore, until: float) -> tuple[str, dict[str, Any]]:
        if chore.table is None:
            return self._prune_queries() if chore.kind == "history" else self._forget_runs()
        match chore.kind:
            case "compact" | "zorder":
                return self._rewrite(chore.table, chore.columns, until)
            case "vacuum":
                return self._vacuum(chore.table)
            case "checkpoint":
                return self._checkpoint(chore.table)
            case "statistics":
                return self._statistics(chore.table)
            case _:
                return self._lifecycle(chore.table, until)

    def _rewrite(
        self, table: TableName, columns: tuple[str, ...], until: float
    ) -> tuple[str, dict[str, Any]]:
        version = self._storage.table(table).version()
        done = upkeep.optimize(
            self._catalog,
            self._storage,
            table,
            zorder=columns,
            target_file_bytes=target_bytes(version.size_bytes),
            wait_s=0,
            until_s=until,
        )
        return f"{done.files_before:,} files are now {done.files_after:,}", {
            "files_before": done.files_before,
            "files_after": done.files_after,
            "bytes_before": done.bytes_before,
            "bytes_after": done.bytes_after,
            "version": done.version,
        }

    def _vacuum(self, table: TableName) -> tuple[str, dict[str, Any]]:
        (done,) = upkeep.vacuum(
            self._catalog,
            self._storage,
            table,
            retention=self._project.retention,
            dry_run=False,
            wait_s=0,
        )
        return f"{len(done.paths):,} files and {len(done.log_paths):,} of its log deleted", {
            "files": len(done.paths),
            "bytes": done.size_bytes,
            "log_files": len(done.log_paths),
        }

    def _checkpoint(self, table: TableName) -> tuple[str, dict[str, Any]]:
        log = self._storage.table(table)
        with upkeep.held(self._catalog, table, clock.new_run_id(), 0):
            write_checkpoint(log.store)
        return "a checkpoint was written", {"version": log.latest_version()}

    def _statistics(self, table: TableName) -> tuple[str, dict[str, Any]]:
        from lakeworks.catalog.data_catalog.column_statistics import of_files

        version = self._storage.table(table).version()
        found = of_files(version)
        if found and statistics_are_due(self._catalog, table, version):
            self._catalog.data_catalog.update_column_statistics(table, found)
        return f"statistics of {len(found):,} columns", {"columns": len(found)}

    def _lifecycle(self, table: TableName, until: float) -> tuple[str, dict[str, Any]]:
        lifecycle = Lifecycle(self._catalog, self._storage, self._project.care)
        moved = files = 0
        with upkeep.held(self._catalog, table, clock.new_run_id(), 0) as lease:
            lifecycle.archive.sweep(table)
            # What was found without the lock is looked at again under it.
            for action in lifecycle.due([table]):
                if action.kept_because:
                    continue
                lease.check()
                lifecycle.apply(action)
                moved += 1
                files += action.files
                if time.monotonic() > until:
                    break
        return f"{files:,} landed files moved", {"arrivals": moved, "files": files}

    def _prune_queries(self) -> tuple[str, dict[str, Any]]:
        settings = self._project.care.history
        before = clock.now() - timedelta(seconds=settings.keep_s)
        gone = self._catalog.query_history.prune(before=before, most=settings.most)
        return f"{gone:,} queries forgotten", {"queries": gone}

    def _forget_runs(self) -> tuple[str, dict[str, Any]]:
        kept = self._project.retention.of_snapshots
        snapshots = self._catalog.forget_snapshots(before=clock.now() - kept)
        runs = self._catalog.forget_runs(before=clock.now() - max(upkeep.RUN_RETENTION, kept))
        return f"{runs:,} runs forgotten", {"runs": runs, "snapshots": snapshots}


def _no_time(chore: Chore, remaining: float) -> str:
    needs = f"it takes about {max(chore.seconds, 0.1):,.1f} s"
    return f"{needs}, and {max(remaining, 0):,.1f} s are left of the budget"
