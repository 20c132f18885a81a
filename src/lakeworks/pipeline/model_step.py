"""Bring one model's table up to date: bind, stage, judge, commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from lakeworks.core import clock, events
from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.engines.protocol import AuditColumns, StageRequest
from lakeworks.pipeline import rules
from lakeworks.pipeline.decide import decide
from lakeworks.pipeline.errors import DefinerError, RulesFailedError, TooManyRejectedError
from lakeworks.pipeline.model_sql import select_of
from lakeworks.pipeline.publication import Change, commit, heal
from lakeworks.pipeline.report import Read, StepReport
from lakeworks.pipeline.state import bookmark_of, iso
from lakeworks.project.catalog_declaration import lies_outside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import RowCheck, Session, Staged
    from lakeworks.engines.secured import Securing
    from lakeworks.pipeline.decide import Decision
    from lakeworks.pipeline.definers import Definer
    from lakeworks.pipeline.state import State
    from lakeworks.project.declaration import Model
    from lakeworks.quality import Evaluation
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import DataFile, TableSource
    from lakeworks.storage.log import TableVersion


_MOST_REASONS = 3


@dataclass(frozen=True)
class ModelStep:
    """One model's part in one run."""

    model: Model
    state: State
    run_id: str
    full_refresh: bool = False

    def run(self) -> StepReport:
        """Do what `decide` says, and report it; raises what fails."""
        heal(self.model.table, self.state)
        decision = decide(self.model, self.state, full_refresh=self.full_refresh)
        if decision.mode == "none":
            head = self.state.heads[self.model.table]
            return StepReport(
                self.model.table, "up to date", version=head.version, reason=decision.reason
            )
        if decision.mode == "bookmark":
            return self._note_bookmarks(decision)
        events.emit(
            "step.decided",
            table=str(self.model.table),
            mode=decision.mode,
            reason=decision.reason,
        )
        with self.state.services.engine.session() as session:
            return self._load(session, decision)

    def _load(self, session: Session, decision: Decision) -> StepReport:
        project = self.state.services.project
        outside = [table for table in self.model.inputs if lies_outside(project, table)]
        own = [table for table in self.model.inputs if table not in outside]
        inputs = {table: self._version(table) for table in own}
        reads = tuple(self._read(table, inputs, decision) for table in own)
        if self._definer is not None:
            self._definer.check(self.state.services.engine)
        self._bind(session, inputs, decision)
        reads += tuple(self._bind_outside(session, table) for table in outside)
        self._define_views(session, reads)
        sql = select_of(self.model, session)
        touched: tuple[Mapping[str, str | None], ...] = ()
        if decision.mode == "partitions":
            touched = self._touched(session, sql, inputs, decision)
            sql = _within(sql, self.model.partition_by, touched)
        ruleset = rules.compiled(self.model, session.describe(sql), session, self.state)
        checks = ruleset.row_checks if ruleset else ()
        staged = session.stage(self._request(sql, decision, checks, touched))
        try:
            self._check_rejected(staged)
            verdict = ruleset.judge(session, staged, self._root) if ruleset else None
            version = self._commit(session, staged, decision, inputs, touched)
        except BaseException as error:
            self._discard(staged)
            if isinstance(error, RulesFailedError) and error.evaluation:
                self._record(error.evaluation, staged, None)
            raise
        if verdict:
            self._record(verdict, staged, version)
        return StepReport(
            self.model.table,
            "succeeded",
            rows_read=staged.read,
            rows_written=staged.written,
            rows_quarantined=staged.quarantined,
            rows_superseded=staged.superseded,
            version=version,
            score=verdict.score if verdict else None,
            outcomes=rules.outcomes_of(verdict),
            reason=decision.reason,
            reads=reads,
        )

    def _read(
        self, table: TableName, inputs: Mapping[TableName, TableVersion], decision: Decision
    ) -> Read:
        only_new = decision.mode == "new rows" and table == self.model.driving
        since = self.state.bookmark(self.model.table, table) if only_new else None
        return Read(str(table), inputs[table].version, since)

    def _record(self, verdict: Evaluation, staged: Staged, version: int | None) -> None:
        rules.record(
            verdict,
            self.model.table,
            self.state,
            run_id=self.run_id,
            staged=staged,
            version=version,
        )

    def _check_rejected(self, staged: Staged) -> None:
        limit = self.model.max_rejected
        if limit and limit.exceeded(rejected=staged.quarantined, read=staged.read):
            most = sorted(staged.rejected_by.items(), key=lambda one: -one[1])[:_MOST_REASONS]
            raise TooManyRejectedError.counted(
                self.model.table,
                limit,
                rejected=staged.quarantined,
                read=staged.read,
                reasons=[f"{count:,} fail {rule}" for rule, count in most],
            )

    @property
    def _root(self) -> str:
        return self.state.services.storage.table_root(self.model.table)

    def _version(self, table: TableName) -> TableVersion:
        return self.state.services.storage.table(table).version(self.state.heads[table].version)

    def _source(self, table: TableName, version: TableVersion) -> TableSource:
        return version.source(self.state.services.storage.table_root(table))

    def _bind(
        self, session: Session, inputs: Mapping[TableName, TableVersion], decision: Decision
    ) -> None:
        for table, version in inputs.items():
            source = self._source(table, version)
            if decision.mode == "new rows" and table == self.model.driving:
                source = replace(source, files=decision.gained)
            self._hold(session, table, source)

    def _hold(self, session: Session, table: TableName, source: AnySource) -> None:
        """Let the query read a table: all of it, or as the definer of a view sees it."""
        if self._definer is None:
            session.bind(str(table), source)
        else:
            self._definer.bind(cast("Securing", session), table, source)

    def _define_views(self, session: Session, reads: tuple[Read, ...]) -> None:
        """Let the text of a materialised view read the views that it names."""
        for name, by in self.model.strange:
            raise DefinerError.replaced(self.model.table, self.model.definer, name, by)
        for name, select in self.model.through:
            if self._definer is None:
                cast("Securing", session).secure(str(name), select)
            else:
                self._definer.define(cast("Securing", session), name, select)
        if self._definer is not None:
            self._definer.audit({one.name: one.version for one in reads})

    @cached_property
    def _definer(self) -> Definer | None:
        """As whom a materialised view is computed; None for all rows."""
        if not self.model.definer:
            return None
        from lakeworks.pipeline.definers import Definer

        return Definer(self.model, self.state.services.governance)

    def _bind_outside(self, session: Session, table: TableName) -> Read:
        """Bind what lies outside the lake whole: it has no versions to tell what is new."""
        source = self.state.services.outside(table)
        self._hold(session, table, source)
        return Read(str(table), files=len(source.files), size_bytes=source.size_bytes)

    def _touched(
        self,
        session: Session,
        sql: str,
        inputs: Mapping[TableName, TableVersion],
        decision: Decision,
    ) -> tuple[Mapping[str, str | None], ...]:
        """Return the partitions into which changed rows of the driving input fall."""
        driving = self.model.driving
        assert driving is not None  # noqa: S101 - decided so
        whole = self._source(driving, inputs[driving])
        session.bind(str(driving), replace(whole, files=(*decision.gained, *decision.lost)))
        if self.model.function:
            sql = select_of(self.model, session)
        columns = ", ".join(
            f"{_as_partition(name)} as {quote_identifier(name)}"
            for name in self.model.partition_by
        )
        found = session.query(f"select distinct {columns} from ({sql}) as changed").read_all()
        session.bind(str(driving), whole)
        return tuple(found.to_pylist())

    def _request(
        self,
        sql: str,
        decision: Decision,
        checks: tuple[RowCheck, ...],
        touched: tuple[Mapping[str, str | None], ...],
    ) -> StageRequest:
        model, moment = self.model, iso(clock.now())
        whole = decision.mode == "whole"
        target = None
        if not whole and model.table in self.state.heads:
            target = self._source(model.table, self._version(model.table))
        return StageRequest(
            sql=sql,
            table=str(model.table),
            root=self._root,
            rejects_root=self.state.services.storage.table_root(model.table.quarantine),
            load="append" if whole and model.load == "partitions" else model.load,
            run_id=self.run_id,
            target=target,
            key=model.key,
            latest_by=model.latest_by,
            partition_by=model.partition_by,
            checks=checks,
            audit=AuditColumns(moment, self.run_id) if model.audit else None,
            moment=moment,
            replaced_partitions=touched,
        )

    def _commit(
        self,
        session: Session,
        staged: Staged,
        decision: Decision,
        inputs: Mapping[TableName, TableVersion],
        touched: tuple[Mapping[str, str | None], ...],
    ) -> int:
        whole = decision.mode == "whole"
        removed: tuple[DataFile, ...] = staged.removed
        if whole and self.model.table in self.state.heads:
            removed = self._version(self.model.table).files
        gone, rewritten = self._stale_rejects(session, decision, touched)
        change = Change(
            schema=staged.schema,
            added=staged.added,
            removed=removed,
            rejected=(*staged.rejected, *rewritten),
            bookmarks={bookmark_of(t): v.version for t, v in inputs.items()},
            operation="WRITE" if whole else f"LOAD {self.model.load}".upper(),
            info={"run_id": self.run_id, "fingerprint": self.model.fingerprint},
            partition_columns=self.model.partition_by,
            quarantine_removed=gone,
        )
        return commit(self.model.table, change, self.state)

    def _stale_rejects(
        self,
        session: Session,
        decision: Decision,
        touched: tuple[Mapping[str, str | None], ...],
    ) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
        """Return quarantine files that go, and those that replace them.

        Rows that are recomputed are judged again, so what was rejected of them before goes.
        """
        name = self.model.table.quarantine
        if name not in self.state.heads or decision.mode == "new rows":
            return (), ()
        version = self._version(name)
        if decision.mode == "whole":
            return version.files, ()
        root = self.state.services.storage.table_root(name)
        where = " or ".join(_rejected_of(partition) for partition in touched) or "false"
        rewritten = session.delete(version.source(root), root, where)
        return rewritten.removed, rewritten.added

    def _note_bookmarks(self, decision: Decision) -> StepReport:
        head = self.state.heads[self.model.table]
        change = Change(
            schema=head.schema,
            added=(),
            removed=(),
            rejected=(),
            bookmarks={
                bookmark_of(table): self.state.heads[table].version
                for table in self.model.inputs
            },
            operation="BOOKMARK",
            info={"run_id": self.run_id, "fingerprint": self.model.fingerprint},
            partition_columns=self.model.partition_by,
        )
        version = commit(self.model.table, change, self.state)
        return StepReport(
            self.model.table, "up to date", version=version, reason=decision.reason
        )

    def _discard(self, staged: Staged) -> None:
        """Delete files that will not be committed; what stays behind is an orphan, no harm."""
        storage = self.state.services.storage
        storage.table(self.model.table).discard(staged.added)
        storage.table(self.model.table.quarantine).discard(staged.rejected)


def _within(
    sql: str, columns: tuple[str, ...], touched: tuple[Mapping[str, str | None], ...]
) -> str:
    """Return the SELECT restricted to the touched partitions."""
    wanted = " or ".join(
        "("
        + " and ".join(_equals(_as_partition(column), partition[column]) for column in columns)
        + ")"
        for partition in touched
    )
    return f"select * from ({sql}) as model where {wanted or 'false'}"


def _as_partition(column: str) -> str:
    """Return a column as Delta serialises it in a partition: an empty string is null."""
    return f"nullif(cast({quote_identifier(column)} as varchar), '')"


def _rejected_of(partition: Mapping[str, str | None]) -> str:
    parts = (
        _equals(f'json_extract_string("row", {quote_literal(_json_path(column))})', value)
        for column, value in partition.items()
    )
    return "(" + " and ".join(parts) + ")"


def _equals(expression: str, value: str | None) -> str:
    if value is None:
        return f"{expression} is null"
    return f"{expression} = {quote_literal(value)}"


def _json_path(column: str) -> str:
    return '$."' + column.replace('"', '\\"') + '"'
