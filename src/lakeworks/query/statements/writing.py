"""What statements that write have in common: their checks, the caller's query, their result.

The caller's SQL runs where queries run, in a session that can write nothing; what it gives is a
stream of rows, and only that stream meets a session that writes.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import TableLockedError, UnknownTableError
from lakeworks.catalog.statement_writes import StatementWrite
from lakeworks.core import clock
from lakeworks.core.names import LAYERS
from lakeworks.engines.errors import QueryTimeoutError
from lakeworks.pipeline.report import Read
from lakeworks.pipeline.statement_tables import changing
from lakeworks.query.deriving import derived, onto
from lakeworks.query.errors import NameTakenError, NotAllowedError
from lakeworks.query.questions import Question
from lakeworks.query.results import of_table
from lakeworks.query.statements.errors import WriteLostError, WriteRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from lakeworks.catalog.statement_writes import ColumnTags, WriteKind
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.pipeline.statement_tables import TableChange
    from lakeworks.project.lineage_facts import QueryLineage
    from lakeworks.query.asked import Asked
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.storage.external import AnySource

WAIT_S = 60.0


@dataclass
class Writing:
    """One statement that writes, while it is carried out.

    Attributes:
        kind: What it does, as history and audit trail call it.
        target: The table or the location that it writes.
    """

    asking: Asking
    reader: Reader
    kind: str
    target: str
    scanned_bytes: int = 0
    began_s: float = field(default_factory=time.monotonic)

    @property
    def services(self) -> Services:
        """What it writes with.

        Raises:
            WriteRefusedError: there is nothing.
        """
        found = self.reader.parts.services
        if found is None:
            raise WriteRefusedError.no_writer()
        return found

    @property
    def principal(self) -> str:
        """Who asks; empty for the owner."""
        viewer = self.asking.viewer
        return "" if viewer is None else str(viewer.principal)

    def check_now(self) -> None:
        """Refuse to change what was.

        Raises:
            WriteRefusedError: the lake is asked for as of earlier.
        """
        if self.asking.at is not None:
            raise WriteRefusedError.in_the_past(self.kind)

    def check_layer(self, table: TableName) -> None:
        """Refuse tables outside the lake's layers.

        Raises:
            WriteRefusedError: no statement makes tables there.
        """
        if table.database not in LAYERS:
            raise WriteRefusedError.database(table.database, LAYERS)

    def check_may(self, what: str, permission: str, on: str) -> None:
        """Hold the caller to its permissions.

        Raises:
            NotAllowedError: it may not.
        """
        viewer = self.asking.viewer
        if viewer is not None and not viewer.may(permission, on):
            raise NotAllowedError.to(what, permission, on)

    def check_target(self, table: TableName, permission: str) -> None:
        """Hold the caller to what it may do with a table that exists.

        To whoever may not know of it, it is not there.

        Raises:
            UnknownTableError: there is no such table, as far as the caller knows.
            NotAllowedError: the caller may not do that with it.
            WriteRefusedError: no statement may.
        """
        viewer = self.asking.viewer
        tables = self.reader.parts.catalog.current_snapshot().tables
        view = self.reader.parts.catalog.data_catalog.find_view(table)
        if view is not None and (viewer is None or viewer.may("DESCRIBE", table)):
            raise UnknownTableError.is_view(str(table), materialized=view.materialized)
        if viewer is not None:
            if table not in tables or not viewer.may("DESCRIBE", table):
                raise viewer.unknown(table)
            self.check_may(f"{self.kind} {table}", permission, str(table))
        elif table not in tables:
            raise UnknownTableError.named(str(table), [str(name) for name in tables])
        self.check_undeclared(table)

    def check_undeclared(self, table: TableName) -> None:
        """Refuse a table that the project makes.

        Raises:
            WriteRefusedError: it does; the owner is told the file.
            NameTakenError: it does, and the caller may not know of it.
        """
        project = self.services.project
        one = project.models.get(table) or project.sources.get(table)
        if one is None:
            return
        viewer = self.asking.viewer
        if viewer is not None and not viewer.may("DESCRIBE", table):
            raise NameTakenError.by(str(table), "")
        kind = "model" if table in project.models else "source"
        file = str(one.at.file) if viewer is None else ""
        raise WriteRefusedError.declared(str(table), kind, file)

    @contextmanager
    def changing(self, table: TableName) -> Iterator[TableChange]:
        """Hold the table inside the block; what fails there is undone.

        Raises:
            WriteLostError: another holds it for too long.
        """
        wait_s = WAIT_S if self.asking.timeout_s is None else self.asking.timeout_s
        who = f" by {self.principal}" if self.principal else ""
        try:
            with changing(
                self.services,
                table,
                statement=f"{self.kind} {table}{who}",
                sql=self.asking.text,
                wait_s=wait_s,
            ) as change:
                change.announce = self.told
                yield change
        except TableLockedError:
            raise WriteLostError.busy(str(table)) from None

    @contextmanager
    def queried(self, text: str, *, limit: int | None = None) -> Iterator[Incoming]:
        """Run the caller's query inside the block, with its permissions and limits."""
        asked = self.reader.asked(text, self.asking.at, self.asking.viewer)
        sources: dict[str, AnySource] = {}
        result = self.reader.run(
            asked,
            replace(self.asking, limit=limit),
            on_source=sources.__setitem__,
            on_end=lambda *_: None,
        )
        self.scanned_bytes = result.scanned_bytes
        with result:
            yield Incoming(asked, result, sources)

    def note(self, change: TableChange, kind: WriteKind, making: str) -> StatementWrite:
        """Return the note of this statement, without what it derives from."""
        return StatementWrite(
            change.run_id,
            change.table,
            kind,
            making,
            self.principal,
            self.asking.text,
            clock.now(),
        )

    def tags(self, lineage: QueryLineage) -> tuple[QueryLineage, dict[str, ColumnTags]]:
        """Return a lineage with the gaps of its origins, and the tags that these have now."""
        governance = self.reader.parts.governance
        if governance is None:
            return lineage, {}
        return governance.inherited(lineage)

    def told(self, rows: int, *, export: bool = False) -> None:
        """Tell the audit trail of a statement whose result is about to be seen.

        Raises:
            CatalogError: it cannot be told: then nothing is to be seen.
        """
        self.check_time()
        audit = self.asking.audit
        audit.writes(self.kind, self.target, kind="export" if export else "query")
        audit.ended(rows, None)

    def check_time(self) -> None:
        """Hold the statement to its limit of time.

        Raises:
            QueryTimeoutError: it took longer.
        """
        limit_s = self.asking.timeout_s
        if limit_s is not None and time.monotonic() - self.began_s > limit_s:
            raise QueryTimeoutError.after(limit_s)

    def done(self, rows: int) -> QueryResult:
        """Note the statement in the history and return its result: how many rows it was about."""
        import pyarrow as pa

        self.asking.recording.ended(rows, time.monotonic() - self.began_s, None)
        result = of_table(pa.table({"rows": pa.array([rows], pa.int64())}))
        result.scanned_bytes = self.scanned_bytes
        return result

    def question(self, text: str = "") -> Question:
        """Say what the statement rests on; it is never answered from what was answered before."""
        if not text:
            return Question(repeatable=False)
        asked = self.reader.asked(text, self.asking.at, self.asking.viewer)
        return Question(
            tuple(sorted((str(name), number) for name, number in set(asked.tables.values()))),
            "" if asked.viewer is None else asked.viewer.policy_version,
            repeatable=False,
        )


@dataclass
class Incoming:
    """The rows of the caller's query, on their way to where they are written.

    Attributes:
        rows: How many were taken so far.
    """

    asked: Asked
    result: QueryResult
    sources: dict[str, AnySource]
    rows: int = 0
    failure: BaseException | None = None

    def reader(
        self,
        schema: pa.Schema | None = None,
        shaped: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None,
    ) -> pa.RecordBatchReader:
        """Return the rows as a stream that can be read once.

        Args:
            schema: Of the stream, if not of the result.
            shaped: Makes its batches of the result's.
        """
        import pyarrow as pa

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in self.result.batches():
                    self.rows += batch.num_rows
                    yield batch if shaped is None else shaped(batch)
            except BaseException as error:
                self.failure = error
                raise

        return pa.RecordBatchReader.from_batches(schema or self.result.schema, batches())

    @contextmanager
    def own_failures(self) -> Iterator[None]:
        """Raise what went wrong in the caller's query as it was, not as whoever read it says."""
        try:
            yield
        except Exception:
            if self.failure is not None:
                raise self.failure from None
            raise

    def reads(self) -> tuple[Read, ...]:
        """Return what the query reads, for the run's report."""
        return tuple(
            Read(str(name), version=number if number >= 0 else None)
            for name, number in sorted(set(self.asked.tables.values()))
        )

    def lineage(self, columns: Sequence[str]) -> QueryLineage:
        """Return what columns of these names derive from; they are the result's, in order."""
        return onto(derived(self.asked, self.sources, self.result.columns), columns)
