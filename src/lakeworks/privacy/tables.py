"""A person's rows in tables: found by bounds and columns, deleted by the engine, gone for good.

Every table that held the person gets one or two commits: the rows go, and a line says below which
version nothing can be read. All are published as one snapshot; then each table's past goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.core.names import QUARANTINE, TableName
from lakeworks.engines.protocol import Rewritten, StageRequest
from lakeworks.pipeline.state import bookmark_of
from lakeworks.privacy.erased_rows import condition, emptied
from lakeworks.privacy.errors import NotUpToDateError
from lakeworks.privacy.remaking import make_anew, ready_to_make
from lakeworks.storage.log_actions import Commit
from lakeworks.storage.log_state import ERASED_BELOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services, State
    from lakeworks.privacy.table_search import TableFound
    from lakeworks.privacy.trace import Trace
    from lakeworks.project.declaration import Model
    from lakeworks.storage.log import TableLog, TableVersion

_ENGINES = "LW4"


@dataclass
class Change:
    """What an erasure does to one table.

    Attributes:
        version: The table's newest version afterwards.
        deleted_rows: In the newest version before.
        rows_changed: Whether rows went, or it is only the past that goes.
        rewritten: Files that were written anew.
        paths: The columns by which the rows were the person's.
        hidden: Whether some were by what stands in a text, which nothing made of them need have.
        remade: Whether the table was made anew, since nobody can be told apart in it.
    """

    table: TableName
    version: int
    deleted_rows: int = 0
    rows_changed: bool = False
    rewritten: int = 0
    paths: frozenset[str] = frozenset()
    hidden: bool = False
    remade: bool = False


@dataclass
class TableErasure:
    """Deletes the person's rows of many tables; whoever calls holds all their locks.

    Attributes:
        resumed: Whether an earlier attempt may have deleted rows already.
        refused: Tables whose rows the engine could not delete, and why.
        not_remade: Tables that could not be made anew, and why.
    """

    services: Services
    state: State
    trace: Trace
    run_id: str
    erasure_id: str
    mentions_too: bool = False
    resumed: bool = False
    changes: dict[TableName, Change] = field(default_factory=dict)
    refused: dict[TableName, str] = field(default_factory=dict)
    not_remade: dict[TableName, str] = field(default_factory=dict)

    def check(self, found: Mapping[TableName, TableFound]) -> None:
        """See that no history is lost for want of a run.

        Raises:
            NotUpToDateError: a table keeps history and has not read all of an input.
        """
        for model in self.services.project.models.values():
            head = self.state.heads.get(model.table)
            if head is None or model.load != "scd2" or model.latest_by:
                continue
            for table in model.inputs:
                if found.get(table) and not self._has_read(model, table):
                    raise NotUpToDateError.history(str(model.table), str(table))

    def erase(self, found: Mapping[TableName, TableFound]) -> None:
        """Commit the deletion in every table that holds the person, inputs before outputs."""
        for table in self._in_order(found):
            one = found.get(table)
            model = ready_to_make(table, self.state) if self._is_to_be_made(table) else None
            if model is not None and one is None and self._remade(model):
                continue
            bookmarks = self._bookmarks(table)
            if one is not None:
                self.changes[table] = self._commit(one, bookmarks)
            elif bookmarks:
                self.changes[table] = self._note(table, bookmarks)

    def _in_order(self, found: Mapping[TableName, TableFound]) -> list[TableName]:
        from lakeworks.pipeline.graph import execution_order, graph_of

        ordered = list(execution_order(graph_of(self.services.project)))
        # What statements made, and rejected rows: they read nothing as runs do, and are read.
        others = [table for table in found if table not in set(ordered)]
        return [table for table in (*others, *ordered) if table in self.state.heads]

    def _is_to_be_made(self, table: TableName) -> bool:
        """Whether rows went from what a table has rows of, and nobody can be told apart in it."""
        model = self.services.project.models.get(table)
        if model is None or str(table) not in self.trace.singly:
            return False
        changed = (self.changes.get(source) for source in model.inputs)
        return any(change is not None and change.rows_changed for change in changed)

    def _remade(self, model: Model) -> bool:
        """Make a table anew, and end its past; return whether that was done."""
        table, log = model.table, self.services.storage.table(model.table)
        why = make_anew(model, self.state, self.run_id)
        if why:
            self.not_remade[table] = why
            return False
        now = log.version()
        below = now.version + 1
        log.commit(
            Commit(
                expected=below,
                operation="ERASE",
                info=self._info(now),
                properties={ERASED_BELOW: str(below)},
            )
        )
        self.state.moved(table, log.version(below))
        self.changes[table] = Change(table, below, rows_changed=True, remade=True)
        return True

    def _has_read(self, model: Model, table: TableName) -> bool:
        head, before = self.state.heads.get(model.table), self._before.get(table)
        seen = head.transactions.get(bookmark_of(table), -1) if head else -1
        if before is None or seen == before:
            return True
        if not 0 <= seen < before:
            return False
        since = self.services.storage.table(table).changes(seen, before)
        return since.complete and not since.added and not since.removed

    @property
    def _before(self) -> dict[TableName, int]:
        """The version that each table had before the erasure."""
        if not self._kept:
            self._kept.update({t: head.version for t, head in self.state.heads.items()})
        return self._kept

    _kept: dict[TableName, int] = field(default_factory=dict)

    def _bookmarks(self, table: TableName) -> dict[str, int]:
        """Return how far a table has read its inputs now, where it need not read them again."""
        model = self.services.project.models.get(table)
        if model is None:
            return {}
        moved: dict[str, int] = {}
        for source in model.inputs:
            change = self.changes.get(source)
            if change is None or change.remade or not self._has_read(model, source):
                continue
            if not change.rows_changed or self._follows(model, source):
                moved[bookmark_of(source)] = change.version
            elif source != model.driving and model.load != "replace" and model.driving:
                # What it took over from a joined table is only renewed by making it anew.
                moved[bookmark_of(model.driving)] = -1
        return moved

    def _follows(self, model: Model, source: TableName) -> bool:
        """Whether deleting the person's own rows is all that a new build would change."""
        if model.load == "replace":
            return False
        if model.load == "scd2":
            return True
        change = self.changes[source]
        carries = all(
            self.trace.carries(str(model.table), str(source), path) for path in change.paths
        )
        return carries and not change.hidden and model.row_wise and source == model.driving

    def _commit(self, one: TableFound, bookmarks: dict[str, int]) -> Change:
        log = self.services.storage.table(one.table)
        now = log.version()
        # What an earlier attempt deleted, and by which columns, is not known any more.
        change = Change(
            one.table, now.version + 1, rows_changed=self.resumed, hidden=self.resumed
        )
        info = self._info(now)
        if one.files and (one.found.rows or self.mentions_too):
            self._delete(log, now, one, change, info)
        below = change.version
        log.commit(
            Commit(
                expected=below,
                operation="ERASE",
                transactions=bookmarks,
                info=info,
                properties={ERASED_BELOW: str(below)},
            )
        )
        self.state.moved(one.table, log.version(below))
        return change

    def _delete(
        self,
        log: TableLog,
        now: TableVersion,
        one: TableFound,
        change: Change,
        info: dict[str, Any],
    ) -> None:
        root = self.services.storage.table_root(one.table)
        where = condition(one, now.schema, mentions=self.mentions_too)
        try:
            with self.services.engine.session() as session:
                if one.found.parts:
                    done = self._rewritten(session, now, one, where)
                else:
                    done = session.delete(now.source(root, one.files), root, where)
        except LakeError as error:
            if not error.code.startswith(_ENGINES):
                raise
            self.refused[one.table] = error.problem  # what is left is found and named
            return
        if not done.removed:
            return
        log.commit(
            Commit(
                expected=change.version,
                operation="ERASE",
                added=done.added,
                removed=done.removed,
                info=info,
                # Who reads the table is told by its bookmark, or by the end of the log. Were rows
                # seen to go, a run between a kill and its repetition would make histories anew.
                data_change=False,
            )
        )
        change.paths = frozenset(one.found.paths)
        # What is made of others' rows is made anew where elements of these went.
        change.hidden = bool(one.found.cells or one.found.parts) or self.mentions_too
        change.deleted_rows = done.deleted_rows
        change.rows_changed = True
        change.rewritten = len(done.removed)
        change.version += 1

    def _rewritten(
        self, session: Session, now: TableVersion, one: TableFound, where: str
    ) -> Rewritten:
        """Write files anew without the person's rows, and without the elements in others'."""
        root = self.services.storage.table_root(one.table)
        session.bind(str(one.table), now.source(root, one.files))
        staged = session.stage(
            StageRequest(
                sql=emptied(one, now.schema, where),
                table=str(one.table),
                root=root,
                rejects_root=root,
                load="append",
                run_id=self.run_id,
                partition_by=now.partition_columns,
            )
        )
        before = sum(file.rows for file in one.files)
        gone = before - sum(file.rows for file in staged.added)
        return Rewritten(staged.added, tuple(one.files), gone + one.found.parts)

    def _note(self, table: TableName, bookmarks: dict[str, int]) -> Change:
        log = self.services.storage.table(table)
        now = log.version()
        log.commit(
            Commit(
                expected=now.version + 1,
                operation="BOOKMARK",
                transactions=bookmarks,
                info=self._info(now),
            )
        )
        self.state.moved(table, log.version(now.version + 1))
        return Change(table, now.version + 1)

    def _info(self, now: TableVersion) -> dict[str, Any]:
        lasting = {key: value for key, value in now.info.items() if key != "restores"}
        return {**lasting, "run_id": self.run_id, "erasure": self.erasure_id}


def is_quarantine(table: TableName) -> bool:
    """Whether a table holds rejected rows."""
    return table.database == QUARANTINE
