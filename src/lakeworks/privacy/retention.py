"""Apply retention rules: rows that are too old go, or their tagged columns are emptied.

A table is changed under its lock and those of its readers, so that no reader takes the change for
a reason to make itself anew from what is left. What a run holds, or a reader has not read yet, is
left for the next time. Old versions go with the vacuum, as `retention:` of lake.yml says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import TableLockedError
from lakeworks.catalog.upkeep import guarding, settled
from lakeworks.core import clock, events
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName, quote_identifier
from lakeworks.core.types import Scalar
from lakeworks.engines.protocol import StageRequest
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.graph import downstream, execution_order, graph_of
from lakeworks.pipeline.state import State, bookmark_of
from lakeworks.privacy.retention_rules import examine_rules, is_moment
from lakeworks.privacy.retention_tags import tags_of_columns, tags_of_tables
from lakeworks.storage.file_layout import bounds_of
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from lakeworks.core.types import Type
    from lakeworks.governance.service import Governance
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.retention_rules import RetentionRule
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableVersion

_QUARANTINED_AT = "quarantined_at"
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Retained:
    """What one rule did to one table, or would do.

    Attributes:
        rows: Deleted, or emptied in `columns`.
        left: Why nothing was done; empty when it was, or nothing was due.
    """

    rule: str
    table: str
    action: str
    rows: int
    before: str
    columns: tuple[str, ...] = ()
    left: str = ""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What all rules did, table by table."""

    done: tuple[Retained, ...] = ()
    dry_run: bool = False

    @property
    def rows(self) -> int:
        """How many rows were deleted or emptied."""
        return sum(one.rows for one in self.done)


@dataclass(frozen=True, slots=True)
class _Due:
    """One rule on one table."""

    rule: RetentionRule
    table: TableName
    by: str
    columns: tuple[str, ...]
    before: datetime


@dataclass
class Retainer:
    """Applies the rules of one lake."""

    services: Services
    lineage: Lineage
    governance: Governance
    done: list[Retained] = field(default_factory=list)

    def apply(self, *, dry_run: bool = False, wait_s: float | None = 0) -> RetentionReport:
        """Apply every rule to every table that it is about.

        Raises:
            ProjectError: the rules hold mistakes.
        """
        rules, mistakes = examine_rules(self.services.project)
        if mistakes:
            from lakeworks.project.errors import ProjectError

            raise ProjectError.of(mistakes)
        for due in self._due(rules):
            try:
                self.done.append(self._one(due, dry_run=dry_run, wait_s=wait_s))
            except (TableLockedError, LakeError) as error:
                self.done.append(_told(due, 0, left=error.problem))
        return RetentionReport(tuple(self.done), dry_run)

    def _due(self, rules: list[RetentionRule]) -> Iterator[_Due]:
        if not rules:
            return
        project = self.services.project
        tags, columns = tags_of_tables(project), tags_of_columns(project, self.lineage)
        published = self.services.catalog.current_snapshot().tables
        for rule in rules:
            before = clock.now() - timedelta(seconds=rule.keep_s)
            for table in sorted(published):
                if not rule.covers(table, tags, columns):
                    continue
                named = tuple(rule.columns_of(table, columns)) if rule.action == "null" else ()
                yield _Due(rule, table, rule.by, named, before)
                if rule.action == "delete" and table.quarantine in published:
                    yield _Due(rule, table.quarantine, _QUARANTINED_AT, (), before)

    def _one(self, due: _Due, *, dry_run: bool, wait_s: float | None) -> Retained:
        version = self.services.storage.table(due.table).version(
            self.services.catalog.current_snapshot().tables[due.table]
        )
        column = version.schema.get(due.by)
        if column is None or not is_moment(column.type):
            why = "has no such column" if column is None else f"{column.type} is not a date"
            return _told(due, 0, left=f"by: {due.by}: {why}")
        where = _condition(due, column.name, column.type, version)
        files = _candidates(version, column.name, due.before)
        rows = self._count(due.table, version, files, where)
        if dry_run or not rows:
            return _told(due, rows)
        return self._changed(due, column.name, wait_s)

    def _count(
        self, table: TableName, version: TableVersion, files: list[DataFile], where: str
    ) -> int:
        if not files:
            return 0
        root = self.services.storage.table_root(table)
        with self.services.engine.session() as session:
            session.bind(str(table), version.source(root, files))
            found = session.figures(f"select count(*) as due from {table} where {where}")
        return int(found["due"])

    def _changed(self, due: _Due, by: str, wait_s: float | None) -> Retained:
        run_id, catalog = clock.new_run_id(), self.services.catalog
        readers = self._readers(due.table)
        locked = sorted({*guarding(due.table), *readers})
        with catalog.locks.hold(locked, holder=run_id, wait_s=wait_s) as lease:
            version = settled(catalog, self.services.storage, due.table)
            state = State(self.services, catalog.heads(), catalog.current_snapshot())
            before = {table: head.version for table, head in state.heads.items()}
            late = self._late(due.table, state)
            if late:
                return _told(due, 0, left=f"{late} has not read it yet: lake run first")
            rows = self._committed(due, by, version, run_id)
            log = self.services.storage.table(due.table)
            state.moved(due.table, log.version(version.version + 1))
            changes: dict[TableName, int | None] = {due.table: version.version + 1}
            for reader in readers:
                self._note(reader, before, state, run_id, changes)
            lease.check()
            catalog.publish(run_id, changes, kind="erasure")
            note_publication(self.services, changes, state.heads, f"retention {due.rule.name}")
        done = _told(due, rows)
        self._audit(done)
        events.emit("table.retained", table=str(due.table), rule=due.rule.name, rows=rows)
        return done

    def _late(self, table: TableName, state: State) -> str:
        """Return a reader that has not read all of a table, or that is not published."""
        head = state.heads[table].version
        seen = state.snapshot.tables if state.snapshot else {}
        for model in self.services.project.models.values():
            if table not in model.inputs or model.table not in state.heads:
                continue
            own = state.heads[model.table]
            if (
                state.bookmark(model.table, table) != head
                or seen.get(model.table) != own.version
            ):
                return str(model.table)
        return ""

    def _committed(self, due: _Due, by: str, version: TableVersion, run_id: str) -> int:
        """Commit a table without the rows, or with the columns emptied; return how many rows."""
        log = self.services.storage.table(due.table)
        root = self.services.storage.table_root(due.table)
        column = version.schema.get(by)
        assert column is not None  # noqa: S101 - looked at before
        files = _candidates(version, by, due.before)
        where = _condition(due, by, column.type, version)
        with self.services.engine.session() as session:
            if due.columns:
                rows = self._count(due.table, version, files, where)
                session.bind(str(due.table), version.source(root, files))
                staged = session.stage(
                    StageRequest(
                        sql=_emptied(due, version, where),
                        table=str(due.table),
                        root=root,
                        rejects_root=root,
                        load="append",
                        run_id=run_id,
                        partition_by=version.partition_columns,
                    )
                )
                added, removed = staged.added, tuple(files)
            else:
                gone = session.delete(version.source(root, files), root, where)
                added, removed, rows = gone.added, gone.removed, gone.deleted_rows
        lasting = {key: value for key, value in version.info.items() if key != "restores"}
        log.commit(
            Commit(
                expected=version.version + 1,
                operation="RETAIN",
                added=added,
                removed=removed,
                info={**lasting, "run_id": run_id, "retention": due.rule.name},
            )
        )
        return rows

    def _readers(self, table: TableName) -> list[TableName]:
        """Return whatever is made from a table, near or far, each after what it reads."""
        graph = graph_of(self.services.project)
        wanted = downstream(graph, [table]) - {table}
        return [one for one in execution_order(graph) if one in wanted]

    def _note(
        self,
        reader: TableName,
        before: Mapping[TableName, int],
        state: State,
        run_id: str,
        changes: dict[TableName, int | None],
    ) -> None:
        """Let a reader count the change as read: it keeps what it made of the rows."""
        model = self.services.project.models[reader]
        seen = {
            bookmark_of(table): state.heads[table].version
            for table in model.inputs
            if table in changes and state.bookmark(reader, table) == before.get(table)
        }
        if reader not in state.heads or not seen:
            return
        log = self.services.storage.table(reader)
        now = log.version()
        lasting = {key: value for key, value in now.info.items() if key != "restores"}
        log.commit(
            Commit(
                expected=now.version + 1,
                operation="BOOKMARK",
                transactions=seen,
                info={**lasting, "run_id": run_id},
            )
        )
        state.moved(reader, log.version(now.version + 1))
        changes[reader] = now.version + 1

    def _audit(self, done: Retained) -> None:
        from lakeworks.governance.principals import Principal

        self.governance.audit(
            "retention",
            Principal.operator(),
            {"rule": done.rule, "table": done.table, "action": done.action, "rows": done.rows,
             "before": done.before, "columns": list(done.columns)},
        )  # fmt: skip


def _told(due: _Due, rows: int, *, left: str = "") -> Retained:
    action = due.rule.action if due.columns or due.rule.action == "delete" else "delete"
    return Retained(
        due.rule.name, str(due.table), action, rows, due.before.isoformat(), due.columns, left
    )


def _condition(due: _Due, by: str, kind: Type, version: TableVersion) -> str:
    name = {"date": "date", "timestamp_ntz": "timestamp"}.get(
        kind.name if isinstance(kind, Scalar) else "", "timestamp with time zone"
    )
    moment = due.before.date().isoformat() if name == "date" else due.before.isoformat(sep=" ")
    if name == "timestamp":
        moment = due.before.replace(tzinfo=None).isoformat(sep=" ")
    old = f"{quote_identifier(by)} < cast('{moment}' as {name})"
    filled = [
        f"{quote_identifier(field.name)} is not null"
        for field in version.schema
        if field.name in due.columns or field.name.lower() in due.columns
    ]
    return f"{old} and ({' or '.join(filled)})" if due.columns else old


def _emptied(due: _Due, version: TableVersion, where: str) -> str:
    wanted = {name.lower() for name in due.columns}
    parts = [
        f"case when {where} then null else {quote_identifier(f.name)} end as "
        f"{quote_identifier(f.name)}"
        if f.name.lower() in wanted
        else quote_identifier(f.name)
        for f in version.schema
    ]
    return f"select {', '.join(parts)} from {due.table}"


def _candidates(version: TableVersion, by: str, before: datetime) -> list[DataFile]:
    """Return the files whose bounds admit a moment before one."""
    from datetime import UTC
    from datetime import datetime as moment

    found = []
    for one in version.files:
        low, _ = bounds_of(one, by) or (None, None)
        try:
            least = moment.fromisoformat(str(low))
        except ValueError:
            found.append(one)
            continue
        least = least.replace(tzinfo=UTC) if least.tzinfo is None else least
        if least < before + _SLACK:
            found.append(one)
    return found
