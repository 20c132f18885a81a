"""Judge quarantined rows again, after a rule, a model's header or a source was mended.

A model's rows are read back from their JSON and enter the table by its own load if they pass
now. A source's rows are not rows yet: the landed files that hold them are read again whole.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core import clock, events
from lakeworks.engines.protocol import AuditColumns, StageRequest
from lakeworks.pipeline import rules
from lakeworks.pipeline.errors import ReplayError
from lakeworks.pipeline.publication import Change, commit, heal
from lakeworks.pipeline.report import RunReport, StepReport
from lakeworks.pipeline.source_step import SourceStep
from lakeworks.pipeline.state import State, iso

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session, Staged
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model
    from lakeworks.storage.log import TableVersion

_REJECTS = "quarantine.rejects"


def replay(services: Services, table: TableName, *, wait_s: float | None = None) -> RunReport:
    """Replay the quarantine of one table, publish the result, and report it.

    Raises:
        ReplayError: the project has no such table, or nothing of it is in quarantine.
    """
    begin, run_id = time.monotonic(), clock.new_run_id()
    with services.catalog.locks.hold(
        [table],
        holder=run_id,
        wait_s=wait_s,
        on_wait=lambda holder: events.emit("run.waiting", holder=str(holder)),
    ) as lease:
        state = State.read(services, [table])
        heal(table, state)
        rejects = state.heads.get(table.quarantine)
        if rejects is None or not rejects.rows:
            raise ReplayError.nothing(table)
        services.catalog.begin_run(run_id)
        try:
            step = _step(services, table, state, run_id)
            lease.check()
            snapshot = services.catalog.publish(run_id, state.unpublished([table]))
        except BaseException:
            services.catalog.end_run(run_id, "failed", {"steps": []})
            raise
        finally:
            services.storage.clear_staging(run_id)
        report = RunReport(run_id, "succeeded", snapshot.id, time.monotonic() - begin, (step,))
        services.catalog.end_run(run_id, report.status, report.as_json())
    return report


def _step(services: Services, table: TableName, state: State, run_id: str) -> StepReport:
    source = services.project.sources.get(table)
    if source is not None:
        return SourceStep(source, state, run_id, reread="rejected").run()
    model = services.project.models.get(table)
    if model is None:
        raise ReplayError.nothing(table)
    return _ModelReplay(model, state, run_id).run()


@dataclass(frozen=True)
class _ModelReplay:
    model: Model
    state: State
    run_id: str

    def run(self) -> StepReport:
        """Stage the rejected rows as the model's load would, and commit what passes."""
        table, services = self.model.table, self.state.services
        if table not in self.state.heads:
            raise ReplayError.nothing(table)
        rejects = self._version(table.quarantine)
        with services.engine.session() as session:
            rejects_root = services.storage.table_root(table.quarantine)
            session.bind(_REJECTS, rejects.source(rejects_root))
            staged = self._staged(session, rejects_root)
        version = commit(
            table,
            Change(
                schema=staged.schema,
                added=staged.added,
                removed=staged.removed,
                rejected=staged.rejected,
                bookmarks={},
                operation="REPLAY",
                info={
                    "run_id": self.run_id,
                    "fingerprint": self.state.heads[table].fingerprint,
                },
                partition_columns=self.model.partition_by,
                quarantine_removed=rejects.files,
            ),
            self.state,
        )
        return StepReport(
            table,
            "succeeded",
            rows_read=staged.read,
            rows_written=staged.written,
            rows_quarantined=staged.quarantined,
            rows_superseded=staged.superseded,
            version=version,
            reason=f"{staged.read:,} quarantined rows judged again",
        )

    def _staged(self, session: Session, rejects_root: str) -> Staged:
        model, moment = self.model, iso(clock.now())
        root = self.state.services.storage.table_root(model.table)
        current = self._version(model.table)
        columns = rules.query_columns(model, current.schema)
        ruleset = rules.compiled(model, columns, session, self.state)
        return session.stage(
            StageRequest(
                sql=session.json_rows(_REJECTS, "row", columns),
                table=str(model.table),
                root=root,
                rejects_root=rejects_root,
                load=model.load if model.load in {"merge", "scd2"} else "append",
                run_id=self.run_id,
                target=current.source(root),
                key=model.key,
                latest_by=model.latest_by,
                partition_by=model.partition_by,
                checks=ruleset.row_checks if ruleset else (),
                audit=AuditColumns(moment, self.run_id) if model.audit else None,
                moment=moment,
            )
        )

    def _version(self, table: TableName) -> TableVersion:
        return self.state.services.storage.table(table).version(self.state.heads[table].version)
