"""Carry out a plan: lock, make each table after what it reads, publish, report.

Independent tables are made side by side. A failed step blocks only what is made from it. What
was committed stays committed whatever happens later; readers see it once a run is published.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Literal

from lakeworks.catalog.statement_writes import making_of
from lakeworks.core import clock, events, time_zones
from lakeworks.core.errors import LakeError
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.errors import RulesFailedError, StatementTableError
from lakeworks.pipeline.graph import graph_of, select, upstream
from lakeworks.pipeline.model_queries import note_queries
from lakeworks.pipeline.planner import make_plan
from lakeworks.pipeline.report import RunReport, RunStatus, StepReport
from lakeworks.pipeline.rules import outcomes_of
from lakeworks.pipeline.state import State
from lakeworks.project.catalog_declaration import lies_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.core.names import TableName
    from lakeworks.pipeline.graph import Graph
    from lakeworks.pipeline.plan import Plan
    from lakeworks.pipeline.state import Services

logger = logging.getLogger(__name__)
_PARALLEL_STEPS = 2


@dataclass(frozen=True)
class RunRequest:
    """What is asked of a run.

    Attributes:
        selection: `--select`, or None for every table.
        wait_s: How long to wait for tables that another run holds; None waits as long as it takes.
        keep_read: Whether rows that sources gave before they were changed count as read by what
            they are now.
    """

    selection: str | None = None
    full_refresh: bool = False
    wait_s: float | None = None
    keep_read: bool = False

    @property
    def reads_again(self) -> bool:
        """Whether sources are read anew: a full refresh without names makes only models anew."""
        return self.full_refresh and self.selection is not None


def run(services: Services, request: RunRequest) -> RunReport:
    """Bring the selected tables up to date and publish them.

    Raises:
        SelectionError: the selection names nothing.
        MissingExtraError: the engine is not installed.
        TableLockedError: another run holds a table and `wait_s` passed.
        KeyboardInterrupt: stopped cleanly; finished steps are committed, the rest untouched.
    """
    services = services.with_views()
    graph = graph_of(services.project)
    chosen = select(graph, request.selection)
    begin = time.monotonic()
    run_id = clock.new_run_id()
    if services.project.tables:
        services.external.settle_all()
    plan = make_plan(services, request, with_schemas=False, remember=True)
    if plan.is_empty:
        return _nothing_to_do(services, plan, graph, run_id, begin)
    services.engine.check_ready()  # told once, and not by every step
    with services.catalog.locks.hold(
        sorted(chosen), holder=run_id, wait_s=request.wait_s, on_wait=_tell_waiting
    ) as lease:
        state = State.read(services, upstream(graph, chosen))
        services.catalog.begin_run(run_id)
        work = _Work(services, state, request, run_id, graph, chosen, lease.check)
        report = work.carry_out(begin)
        services.catalog.end_run(run_id, report.status, report.as_json())
    events.emit("run.ended", run_id=run_id, status=report.status, seconds=report.seconds)
    return report


@dataclass
class _Work:
    """One run under way."""

    services: Services
    state: State
    request: RunRequest
    run_id: str
    graph: Graph
    chosen: set[TableName]
    check_lease: Callable[[], None]
    done: dict[TableName, StepReport] = field(default_factory=dict)

    def carry_out(self, begin: float) -> RunReport:
        """Make every table, publish, and return the report."""
        events.emit(
            "run.started",
            run_id=self.run_id,
            steps=len(self.chosen),
            project=str(self.services.project.root),
            environment=self.services.project.environment.name,
        )
        try:
            for table, step in self._steps():
                self.done[table] = step
                if self.services.project.publish == "table" and step.status != "failed":
                    self._publish({table})
        except BaseException as error:
            report = self._report("failed", begin)
            self.services.catalog.end_run(self.run_id, "failed", report.as_json())
            events.emit("run.failed", run_id=self.run_id, error=str(error))
            raise
        finally:
            self.services.storage.clear_staging(self.run_id)
        return self._report(self._finish(), begin)

    def _finish(self) -> RunStatus:
        if any(step.status == "failed" for step in self.done.values()):
            return "failed"
        published = self._publish(upstream(self.graph, self.chosen))
        worked = any(step.status == "succeeded" for step in self.done.values())
        return "succeeded" if worked or published else "nothing to do"

    def _publish(self, tables: set[TableName]) -> bool:
        self.check_lease()
        ahead = self.state.unpublished(tables)
        if ahead:
            self.state.snapshot = self.services.catalog.publish(self.run_id, ahead)
            note_publication(self.services, ahead, self.state.heads, f"run {self.run_id}")
            note_queries(self.services, self.state.heads, self.run_id)
        return bool(ahead)

    def _steps(self) -> Iterator[tuple[TableName, StepReport]]:
        """Run every chosen step after what it reads; yield each when it has ended."""
        sorter = TopologicalSorter({t: self.graph[t] & self.chosen for t in self.chosen})
        sorter.prepare()
        running: dict[Future[StepReport], TableName] = {}
        time_zones.settle()
        pool = ThreadPoolExecutor(_PARALLEL_STEPS, thread_name_prefix="lakeworks-step")
        try:
            while sorter.is_active():
                for table in sorted(sorter.get_ready()):
                    running[pool.submit(self._step, table)] = table
                ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in ended:
                    table = running.pop(future)
                    yield table, future.result()
                    sorter.done(table)
        except BaseException:
            for future in running:
                future.cancel()
            self.services.engine.interrupt()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _step(self, table: TableName) -> StepReport:
        blocker = self._blocker(table)
        if blocker is not None:
            return blocker
        begin = time.monotonic()
        events.emit("step.started", table=str(table), run_id=self.run_id)
        try:
            self.check_lease()
            report = self._make(table)
        except LakeError as error:
            report = StepReport(table, "failed", error=f"[{error.code}] {error}")
            if isinstance(error, RulesFailedError) and error.evaluation:
                outcomes = outcomes_of(error.evaluation)
                report = replace(report, score=error.evaluation.score, outcomes=outcomes)
        except Exception as error:
            # A step's own failure must not take its siblings down: it is reported, and logged whole.
            logger.exception("step %s failed", table)
            report = StepReport(table, "failed", error=f"{type(error).__name__}: {error}")
        report = replace(report, seconds=time.monotonic() - begin)
        events.emit("step.ended", **report.as_json(), run_id=self.run_id)
        return report

    def _make(self, table: TableName) -> StepReport:
        from lakeworks.pipeline.model_step import ModelStep
        from lakeworks.pipeline.source_step import SourceStep

        model = self.services.project.models.get(table)
        self._check_not_a_statements(table)
        if model is not None:
            return ModelStep(model, self.state, self.run_id, self.request.full_refresh).run()
        source = self.services.project.sources[table]
        how: Literal["", "all"] = "all" if self.request.reads_again else ""
        return SourceStep(source, self.state, self.run_id, how, self.request.keep_read).run()

    def _check_not_a_statements(self, table: TableName) -> None:
        """Keep the rows of a table that a statement made, and that a file declares now, too."""
        head = self.state.heads.get(table)
        shown = self.state.snapshot is not None and table in self.state.snapshot.tables
        project = self.services.project
        declared = project.models.get(table) or project.sources[table]
        if table in self.services.also_views:
            raise StatementTableError.view(table, str(declared.at.file))
        if shown and head is not None and making_of(head.fingerprint):
            raise StatementTableError.named(table, str(declared.at.file))

    def _blocker(self, table: TableName) -> StepReport | None:
        """Return the report of a step that cannot run because of what it reads, or None."""
        for name in sorted(self.graph[table]):
            before = self.done.get(name)
            if before is not None and before.status in {"failed", "blocked"} and before.error:
                return StepReport(table, "blocked", error=f"{name} {before.status}")
            outside = lies_outside(self.services.project, name)
            if name not in self.state.heads and not outside:
                return StepReport(table, "blocked", error=f"{name} has no data yet")
        return None

    def _report(self, status: RunStatus, begin: float) -> RunReport:
        order = [t for t in TopologicalSorter(self.graph).static_order() if t in self.done]
        return RunReport(
            self.run_id,
            status,
            self.state.snapshot.id if self.state.snapshot else 0,
            time.monotonic() - begin,
            tuple(self.done[table] for table in order),
        )


def _nothing_to_do(
    services: Services, plan: Plan, graph: Graph, run_id: str, begin: float
) -> RunReport:
    heads = services.catalog.heads()
    planned = {step.table: step for step in plan.steps}
    steps = tuple(
        StepReport(
            table,
            "up to date",
            version=heads[table].version,
            redeclared=planned[table].redeclared,
        )
        if table in heads
        else StepReport(table, "blocked", error="nothing has arrived for it yet")
        for table in TopologicalSorter(graph).static_order()
        if table in planned
    )
    snapshot = services.catalog.current_snapshot().id
    return RunReport(run_id, "nothing to do", snapshot, time.monotonic() - begin, steps)


def _tell_waiting(holder: object) -> None:
    events.emit("run.waiting", holder=str(holder))
