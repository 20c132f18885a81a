"""INSERT INTO: the rows of a query enter a table that a statement made, all of them or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.pipeline.statement_tables import check_none_lost
from lakeworks.project.lineage_facts import DerivedColumn
from lakeworks.query.fitting import fit
from lakeworks.query.statements.errors import WriteRefusedError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.statement_tables import TableChange
    from lakeworks.project.lineage_facts import QueryLineage
    from lakeworks.query.asking import Asking
    from lakeworks.query.fitting import Fit
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.writing import Incoming

_QUERIES = ("SELECT", "WITH", "VALUES", "FROM", "TABLE", "(")


def read(text: str) -> InsertInto:
    """Return the statement that begins with INSERT.

    Raises:
        StatementSyntaxError: it does not read as one.
    """
    words = Words(text)
    words.expect("INSERT", "INTO")
    table = words.table()
    # A parenthesis holds either the columns or the query itself.
    queries = words.stands("(") and any(words.stands("(", one) for one in _QUERIES)
    columns = () if queries or not words.stands("(") else words.names()
    if not any(words.stands(one) for one in _QUERIES):
        raise words.wrong("a query or VALUES is expected")
    words.drop_end(";")
    values = words.stands("VALUES")
    query = words.rest()
    return InsertInto(
        table, columns, f"SELECT * FROM ({query}\n) AS given_values" if values else query
    )


@dataclass(frozen=True, slots=True)
class InsertInto:
    """One of them, as it was written.

    Attributes:
        columns: Those that are filled; empty for all that the caller knows of.
        query: The caller's SQL.
    """

    table: TableName
    columns: tuple[str, ...]
    query: str

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        return self._writing(asking, reader).question(self.query)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Insert the rows."""
        writing = self._writing(asking, reader)
        with writing.changing(self.table) as change:
            writing.check_target(self.table, "INSERT")
            if not change.making:
                raise WriteRefusedError.undeclared(str(self.table))
            with writing.queried(self.query) as given:
                self._insert(writing, change, given)
        return writing.done(change.rows)

    def _writing(self, asking: Asking, reader: Reader) -> Writing:
        writing = Writing(asking, reader, "INSERT INTO", str(self.table))
        writing.check_now()
        writing.check_target(self.table, "INSERT")
        return writing

    def _insert(self, writing: Writing, change: TableChange, given: Incoming) -> None:
        target = change.source()
        known: Sequence[str] = target.schema.names
        if writing.asking.viewer is not None:
            known = writing.asking.viewer.described(self.table, target.schema)
        into = fit(str(self.table), target.schema, known, self.columns, given.result.schema)
        lineage, tags = writing.tags(_onto(given, into, target.schema))
        note = writing.note(change, "insert", change.making)
        note = replace(note, lineage=lineage, tags=tags)
        change.reads = given.reads()
        with given.own_failures():
            staged = change.staged(
                given.reader(into.schema, into.rows), partition_by=target.partition_columns
            )
        check_none_lost(self.table, staged, given.rows)
        change.rows = given.rows
        if not given.rows:
            change.unchanged()
            return
        change.commit(
            note, target.schema, staged.added, partition_columns=target.partition_columns
        )


def _onto(given: Incoming, into: Fit, schema: Schema) -> QueryLineage:
    """Return what the table's columns derive from; those that stay null from nothing."""
    found = given.lineage(given.result.columns)
    return replace(
        found,
        columns=tuple(
            DerivedColumn(name) if at is None else replace(found.columns[at], name=name)
            for name, at in zip(schema.names, into.places, strict=True)
        ),
    )
