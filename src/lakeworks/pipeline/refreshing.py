"""REFRESH MATERIALIZED VIEW: one view is computed anew, from what readers see now.

A run of one step, as `lake run --select` is, but that it reads published versions only, and
publishes nothing else: who may refresh a view may not publish what a failed run left behind.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lakeworks.catalog.heads import Head
from lakeworks.core import clock, events
from lakeworks.core.errors import LakeError
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.errors import NotFilledError
from lakeworks.pipeline.model_step import ModelStep
from lakeworks.pipeline.publication import restore
from lakeworks.pipeline.report import RunReport, StepReport
from lakeworks.pipeline.state import State

if TYPE_CHECKING:
    from lakeworks.catalog.locks import Lease
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.report import RunStatus
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model


def refresh(services: Services, view: TableName, *, wait_s: float | None = None) -> RunReport:
    """Compute a materialised view anew where what it reads has changed, and publish it.

    Args:
        services: The lake's parts.
        view: Its name; the catalog has its text.
        wait_s: How long to wait for a run that holds it; None as long as it takes.

    Raises:
        LakeError: its text fails, or its definer may not read what it reads.
        TableLockedError: `wait_s` passed.
    """
    services = services.with_views()
    model = services.project.models[view]
    run_id = clock.new_run_id()
    services.engine.check_ready()
    with services.catalog.locks.hold([view], holder=run_id, wait_s=wait_s) as lease:
        state = State.read(services, [view])
        _pin(state, model)
        services.catalog.begin_run(run_id)
        events.emit(
            "run.started",
            run_id=run_id,
            steps=1,
            project=str(services.project.root),
            environment=services.project.environment.name,
        )
        begin_s = time.monotonic()
        step = StepReport(view, "failed")
        try:
            events.emit("step.started", table=str(view), run_id=run_id)
            step = ModelStep(model, state, run_id).run()
            _publish(services, state, run_id, view, lease)
        except BaseException as error:
            told = f"[{error.code}] {error}" if isinstance(error, LakeError) else repr(error)
            step = StepReport(view, "failed", error=told, seconds=time.monotonic() - begin_s)
            raise
        finally:
            services.storage.clear_staging(run_id)
            report = _report(state, run_id, step, begin_s)
            services.catalog.end_run(run_id, report.status, report.as_json())
            events.emit("step.ended", **step.as_json(), run_id=run_id)
            events.emit(
                "run.ended", run_id=run_id, status=report.status, seconds=report.seconds
            )
    return report


def take_away(services: Services, view: TableName, *, wait_s: float | None = None) -> None:
    """Let readers see a materialised view no more; its versions stay until maintenance.

    Raises:
        TableLockedError: `wait_s` passed.
    """
    run_id = clock.new_run_id()
    with services.catalog.locks.hold([view], holder=run_id, wait_s=wait_s) as lease:
        state = State.read(services, [view])
        if view in state.heads and state.heads[view].fingerprint:
            restore(view, None, state)
        if state.snapshot is not None and view in state.snapshot.tables:
            lease.check()
            services.catalog.publish(run_id, {view: None})
            note_publication(services, {view: None}, state.heads, f"dropped by {run_id}")


def _pin(state: State, model: Model) -> None:
    """Let the step read what readers see, not what a run has committed and not published.

    Raises:
        NotFilledError: readers see nothing yet of a table that it reads.
    """
    published = state.snapshot.tables if state.snapshot else {}
    outside = state.services.project.tables
    for table in model.inputs:
        if table in outside:
            continue
        number = published.get(table)
        if number is None:
            raise NotFilledError.reads(model.table, table)
        head = state.heads.get(table)
        if head is None or head.version != number:
            state.heads[table] = _head_at(state, table, number)


def _head_at(state: State, table: TableName, number: int) -> Head:
    version = state.services.storage.table(table).version(number)
    return Head(
        table=table,
        version=number,
        transactions=dict(version.transactions),
        fingerprint=str(version.info.get("fingerprint", "")),
        rows=sum(file.rows for file in version.files),
        size_bytes=sum(file.size_bytes for file in version.files),
        schema=version.schema,
        updated_at=clock.now(),
    )


def _publish(
    services: Services, state: State, run_id: str, view: TableName, lease: Lease
) -> None:
    lease.check()
    ahead = state.unpublished([view])
    if ahead:
        state.snapshot = services.catalog.publish(run_id, ahead)
        note_publication(services, ahead, state.heads, f"refreshed by {run_id}")


def _report(state: State, run_id: str, step: StepReport, begin_s: float) -> RunReport:
    status: RunStatus = "nothing to do" if step.status == "up to date" else (
        "succeeded" if step.status == "succeeded" else "failed")  # fmt: skip
    snapshot = state.snapshot.id if state.snapshot else 0
    return RunReport(run_id, status, snapshot, time.monotonic() - begin_s, (step,))
