"""Tables that statements make and change, by the same steps as a run makes its own.

One statement is one run of one step: it holds the table's lock, stages files, commits them, and
publishes one snapshot. Killed anywhere before that, readers see what they saw; the next statement
first makes the head equal what is published (`heal`). What a statement may do is decided above.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.catalog.statement_writes import making_of
from lakeworks.core import clock, events
from lakeworks.core.errors import LakeError
from lakeworks.engines.protocol import StageRequest
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.errors import RowsLostError
from lakeworks.pipeline.publication import Change, commit, restore
from lakeworks.pipeline.report import Read, RunReport, StepReport
from lakeworks.pipeline.state import State, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from lakeworks.catalog.heads import Head
    from lakeworks.catalog.locks import Lease, LockHolder
    from lakeworks.catalog.statement_writes import StatementWrite
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Session, Staged
    from lakeworks.pipeline.report import RunStatus
    from lakeworks.pipeline.state import Services
    from lakeworks.storage.files import DataFile, TableSource

logger = logging.getLogger(__name__)
GIVEN = "given_rows"


def _nobody(rows: int) -> None:
    """Tell nobody."""


_OPERATIONS = {"create": "CREATE TABLE AS SELECT", "insert": "INSERT", "delete": "DELETE"}


@dataclass
class TableChange:
    """One statement's change of one table, while it holds the table's lock.

    Attributes:
        run_id: Of the run that the statement is.
        statement: What is done, for people: the run's record says it.
        sql: The statement as it was written.
        published: The version that readers see, or None.
        reads: What the statement reads, for its report.
        rows: How many rows it wrote or deleted.
        announce: Told how many, just before readers see them; what it raises undoes all.
    """

    services: Services
    table: TableName
    run_id: str
    state: State
    lease: Lease
    statement: str = ""
    sql: str = ""
    reads: tuple[Read, ...] = ()
    rows: int = 0
    snapshot: int = 0
    announce: Callable[[int], object] = field(default=_nobody)
    _begun_s: float = field(default_factory=time.monotonic)
    _begun: bool = False
    _write: StatementWrite | None = None
    _staged: list[DataFile] = field(default_factory=list)
    _undo: list[Callable[[], object]] = field(default_factory=list)

    @property
    def published(self) -> int | None:
        """The version that readers see, or None."""
        return self.state.snapshot.tables.get(self.table) if self.state.snapshot else None

    @property
    def head(self) -> Head | None:
        """The table's newest version, or None where there never was a table."""
        return self.state.heads.get(self.table)

    @property
    def making(self) -> str:
        """The run that made the table by a statement; empty for another table, and for none."""
        return making_of(self.head.fingerprint) if self.head and self.is_published else ""

    @property
    def is_published(self) -> bool:
        """Whether readers see the table."""
        return self.published is not None

    def begin(self) -> None:
        """Note that a run began; called before anything is written."""
        if self._begun:
            return
        self._begun = True
        self.services.catalog.begin_run(self.run_id)
        events.emit("statement.started", **self._told())
        self._heal()

    def source(self) -> TableSource:
        """Return the table as readers see it."""
        storage = self.services.storage
        return storage.table(self.table).version(self.published).source(self._root)

    def staged(
        self,
        rows: pa.RecordBatchReader,
        *,
        sql: str = f"SELECT * FROM {GIVEN}",
        partition_by: Sequence[str] = (),
        prepare: Callable[[Session], None] | None = None,
    ) -> Staged:
        """Write rows as files of the table, which nobody reads yet.

        Args:
            rows: Read once, as they come.
            sql: Over `given_rows` and what `prepare` binds.
            partition_by: The columns by which files are divided.
            prepare: Looks at the rows, and binds more.
        """
        self.begin()
        with self.services.engine.session() as session:
            session.bind_arrow(GIVEN, rows, once=prepare is None)
            if prepare is not None:
                prepare(session)
            staged = session.stage(
                StageRequest(
                    sql=sql,
                    table=str(self.table),
                    root=self._root,
                    rejects_root=self.services.storage.table_root(self.table.quarantine),
                    load="append",
                    run_id=self.run_id,
                    partition_by=tuple(partition_by),
                    moment=iso(clock.now()),
                )
            )
        self._staged += staged.added
        return staged

    def commit(
        self,
        write: StatementWrite,
        schema: Schema,
        added: Sequence[DataFile],
        removed: Sequence[DataFile] = (),
        *,
        partition_columns: tuple[str, ...] = (),
    ) -> None:
        """Make staged files the table's next version, and let readers see it.

        What the statement derives from is noted first, so that the tags of what it copies are
        known before anybody can read the copy.
        """
        self.begin()
        self._write = write
        catalog = self.services.catalog
        catalog.statement_writes.add(write)
        self.undoes(lambda: catalog.statement_writes.forget(self.run_id))
        noted = self._undo[-1]
        change = Change(
            schema=schema,
            added=added,
            removed=removed,
            rejected=(),
            bookmarks={},
            operation=_OPERATIONS[write.kind],
            info={"run_id": self.run_id, "fingerprint": write.fingerprint},
            partition_columns=partition_columns,
        )
        self.lease.check()
        version = commit(self.table, change, self.state)
        self._staged = []
        # From here on a failure may be one of telling only: a note too many hides nothing.
        self._undo.remove(noted)
        self._publish(version)

    def unchanged(self) -> None:
        """Leave the table as it is: there was nothing to write."""
        self.announce(0)
        self._discard()

    def drop(self, write: StatementWrite) -> None:
        """Take the table away from readers; its versions stay until maintenance."""
        self.begin()
        self.services.catalog.statement_writes.add(write)
        self.lease.check()
        restore(self.table, None, self.state)
        self._publish(None)

    def undoes(self, undo: Callable[[], object]) -> None:
        """Have something undone should the statement fail before readers see its result."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take back what a failed statement did; what cannot be is healed by the next one."""
        for undo in [self._discard, *reversed(self._undo)]:
            try:
                undo()
            except LakeError:
                logger.warning("a failed statement left something behind", exc_info=True)

    def report(self, error: BaseException | None = None) -> RunReport:
        """Return what the statement came to, as a run of one step."""
        seconds = time.monotonic() - self._begun_s
        told = None
        if error is not None:
            told = f"[{error.code}] {error}" if isinstance(error, LakeError) else repr(error)
        status: RunStatus = "succeeded" if error is None else "failed"
        head = self.head
        step = StepReport(
            self.table,
            "succeeded" if error is None else "failed",
            rows_read=self.rows,
            rows_written=self.rows,
            version=head.version if head is not None else None,
            seconds=seconds,
            error=told,
            reason=self.statement,
            reads=self.reads,
        )
        return RunReport(self.run_id, status, self.snapshot, seconds, (step,))

    def end(self, error: BaseException | None = None) -> None:
        """Note how the run ended, if one was begun."""
        if self._begun:
            report = self.report(error)
            self.services.catalog.end_run(self.run_id, report.status, report.as_json())
            lineage = None if self._write is None else self._write.lineage.to_json()
            step = {**report.steps[0].as_json(), "lineage": lineage}
            events.emit("statement.ended", **{**step, **self._told()})

    def _told(self) -> dict[str, object]:
        project = self.services.project
        return {
            "run_id": self.run_id,
            "table": str(self.table),
            "sql": self.sql,
            "project": str(project.root),
            "environment": project.environment.name,
        }

    def _publish(self, version: int | None) -> None:
        self.announce(self.rows)
        self.lease.check()
        changes = {self.table: version}
        self.snapshot = self.services.catalog.publish(self.run_id, changes).id
        self._undo = []  # readers see it: there is no way back but a rollback
        reason = f"statement {self.run_id}"
        note_publication(self.services, changes, self.state.heads, reason)

    def _heal(self) -> None:
        """Make the head equal what readers see: a statement was killed before it published."""
        head, published = self.head, self.published
        if head is None or head.version == published:
            return
        if published is not None:
            version = restore(self.table, published, self.state)
            healed = self.services.catalog.publish(
                self.run_id, {self.table: version}, kind="maintenance"
            )
            self.state.snapshot = healed
        elif head.rows or head.fingerprint:
            restore(self.table, None, self.state)

    def _discard(self) -> None:
        self.services.storage.table(self.table).discard(tuple(self._staged))

    @property
    def _root(self) -> str:
        return self.services.storage.table_root(self.table)


@contextmanager
def changing(
    services: Services, table: TableName, *, statement: str, sql: str, wait_s: float | None
) -> Iterator[TableChange]:
    """Hold a table for one statement inside the block; what fails there is undone.

    Args:
        services: The lake's parts.
        table: The table, whether it exists or not.
        statement, sql: As for `TableChange`.
        wait_s: How long to wait for whoever writes the table now; None as long as it takes.

    Raises:
        TableLockedError: `wait_s` passed.
    """
    run_id = clock.new_run_id()

    def tell(holder: LockHolder) -> None:
        events.emit("run.waiting", holder=str(holder))

    with services.catalog.locks.hold(
        [table], holder=run_id, wait_s=wait_s, on_wait=tell
    ) as lease:
        change = TableChange(
            services, table, run_id, State.read(services, [table]), lease, statement, sql
        )
        try:
            yield change
        except BaseException as error:
            change.undo()
            change.end(error)
            raise
        finally:
            services.storage.clear_staging(run_id)
        change.end()


def check_none_lost(table: TableName, staged: Staged, given: int) -> None:
    """Hold what was staged to what was given.

    Raises:
        RowsLostError: they differ.
    """
    if staged.quarantined or not given == staged.read == staged.written:
        raise RowsLostError.counted(table, given=given, written=staged.written)
