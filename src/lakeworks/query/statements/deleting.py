"""DELETE FROM: rows leave a table that a statement made.

Which rows is decided where queries run, over what the caller sees: rows and columns that it may not
see take no part, and masked values are compared as masked. Each row that it sees has an identifier
there, made with a secret of this statement; those that the condition names are all that comes out.
Where some rows are hidden, it tells nothing of a row's place: that would tell of those before it.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.engines.secured import SecuredColumn
from lakeworks.pipeline.errors import RowsLostError
from lakeworks.pipeline.statement_tables import GIVEN
from lakeworks.query.errors import BytesLimitError, NotAllowedError
from lakeworks.query.results import QueryResult
from lakeworks.query.statements.errors import WriteRefusedError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Incoming, Writing
from lakeworks.query.views import define
from lakeworks.storage.files import FILE_MARK, ROW_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.statement_tables import TableChange
    from lakeworks.query.asked import Asked
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import DataFile, TableSource


def read(text: str) -> DeleteFrom:
    """Return the statement that begins with DELETE.

    Raises:
        StatementSyntaxError: it does not read as one.
    """
    words = Words(text)
    words.expect("DELETE", "FROM")
    table = words.table()
    words.drop_end(";")
    where = words.condition() if words.take("WHERE") else ""
    words.end()
    return DeleteFrom(table, where)


@dataclass(frozen=True, slots=True)
class DeleteFrom:
    """One of them.

    Attributes:
        where: The caller's condition; empty for every row that it sees.
    """

    table: TableName
    where: str

    @property
    def query(self) -> str:
        """The rows that go, by their identifiers."""
        where = f" WHERE (\n{self.where}\n)" if self.where else ""
        return f"SELECT {quote_identifier(ROW_ID)} FROM {self.table}{where}"

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        return self._writing(asking, reader).question(self.query)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Delete the rows."""
        writing = self._writing(asking, reader)
        with writing.changing(self.table) as change:
            self._check(writing)
            if not change.making:
                raise WriteRefusedError.undeclared(str(self.table))
            self._delete(writing, change)
        return writing.done(change.rows)

    def _writing(self, asking: Asking, reader: Reader) -> Writing:
        writing = Writing(asking, reader, "DELETE FROM", str(self.table))
        writing.check_now()
        self._check(writing)
        return writing

    def _check(self, writing: Writing) -> None:
        writing.check_target(self.table, "DELETE")
        viewer = writing.asking.viewer
        if viewer is not None and not viewer.may_read(self.table):
            # Rows are chosen by what is seen of them.
            raise NotAllowedError.to(f"delete from {self.table}", "SELECT", str(self.table))

    def _delete(self, writing: Writing, change: TableChange) -> None:
        table = change.source()
        sees_all = self._sees_all_rows(writing, table)
        if not self.where and sees_all:
            self._empty(writing, change, table)
            return
        goes = _Going(table.with_row_ids(secrets.token_hex(16), places=sees_all))
        with self._chosen(writing, goes.source) as given:
            change.reads = given.reads()
            with given.own_failures():
                staged = change.staged(
                    given.reader(),
                    sql=goes.rest(self.table),
                    partition_by=table.partition_columns,
                    prepare=lambda session: goes.prepare(session, self.table),
                )
        change.rows = given.rows
        if not given.rows:
            change.unchanged()
            return
        left = sum(file.rows for file in goes.files) - given.rows
        if staged.written != left:
            raise RowsLostError.counted(self.table, given=left, written=staged.written)
        note = writing.note(change, "delete", change.making)
        change.commit(
            note,
            table.schema,
            staged.added,
            tuple(goes.files),
            partition_columns=table.partition_columns,
        )

    def _sees_all_rows(self, writing: Writing, table: TableSource) -> bool:
        viewer = writing.asking.viewer
        if viewer is None:
            return True
        shown = viewer.shown(self.table, table.schema)
        return shown is not None and shown.row_filter is None

    def _empty(self, writing: Writing, change: TableChange, table: TableSource) -> None:
        """Take all files out: nobody needs to look at them for that."""
        change.rows = table.rows
        if not table.files:
            change.unchanged()
            return
        note, columns = writing.note(change, "delete", change.making), table.partition_columns
        change.commit(note, table.schema, (), table.files, partition_columns=columns)

    @contextmanager
    def _chosen(self, writing: Writing, target: TableSource) -> Iterator[Incoming]:
        """Give the identifiers of the rows that go."""
        asking, reader = writing.asking, writing.reader
        asked = reader.asked(self.query, None, asking.viewer)
        sources = {**reader.sources(asked)}
        written = next(name for name, found in asked.tables.items() if found[0] == self.table)
        asking.recording.reads(sources, asked.marks, asked.snapshot)
        scanned_bytes = sum(source.size_bytes for source in sources.values())
        limit_bytes = asking.who.bytes_limit
        if limit_bytes is not None and scanned_bytes > limit_bytes:
            raise BytesLimitError.over(scanned_bytes, limit_bytes)
        writing.scanned_bytes = scanned_bytes
        session = self._session(writing, asked, sources, (written, target))
        told = None if asking.viewer is None else asking.viewer.told
        try:
            rows = session.query(asked.sql, timeout_s=asking.timeout_s)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        with QueryResult(rows, session, told=told) as result:
            yield Incoming(asked, result, sources)

    def _session(
        self,
        writing: Writing,
        asked: Asked,
        sources: dict[str, AnySource],
        target: tuple[str, TableSource],
    ) -> Session:
        """Open a session in which the table's rows have identifiers."""
        engine, viewer = writing.reader.parts.engine, asked.viewer
        written, with_ids = target
        if viewer is None or asked.gated is None:
            writing.asking.audit.reads_whole(sources, asked.tables, asked.words)
            session = engine.query_session({**sources, written: with_ids})
        else:
            secured = {
                name: viewer.secured(asked.tables[name][0], source)
                for name, source in sources.items()
            }
            writing.asking.audit.reads(
                secured, asked.tables, viewer.policy_version, asked.words
            )
            shown = secured[written]
            row = SecuredColumn(ROW_ID, quote_identifier(ROW_ID))
            secured[written] = replace(shown, source=with_ids, columns=(*shown.columns, row))
            session = engine.governed_session(secured, asked.gated)
        try:
            define(session, asked.views, viewer, asked.gated)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        return session


@dataclass
class _Going:
    """The files that hold rows that go.

    Attributes:
        source: The whole table, with identifiers.
    """

    source: TableSource
    files: list[DataFile] = field(default_factory=list)

    def prepare(self, session: Session, table: TableName) -> None:
        """Find the files, and let SQL read these alone as the table."""
        found = session.query(
            f"SELECT DISTINCT substr({quote_identifier(ROW_ID)}, 1, {FILE_MARK}) AS mark "
            f"FROM {GIVEN}"
        ).read_all()
        marks = set(found.column("mark").to_pylist())
        self.files = [f for f in self.source.files if self.source.file_mark(f) in marks]
        session.bind(str(table), replace(self.source, files=tuple(self.files)))

    def rest(self, table: TableName) -> str:
        """Return the SELECT of the rows of these files that stay."""
        own = quote_identifier(ROW_ID)
        columns = ", ".join(f"t.{quote_identifier(f.name)}" for f in self.source.own_schema)
        name = f"{quote_identifier(table.database)}.{quote_identifier(table.table)}"
        return (
            f"SELECT {columns} FROM {name} AS t LEFT JOIN {GIVEN} AS g ON t.{own} = g.{own} "
            f"WHERE g.{own} IS NULL"
        )
