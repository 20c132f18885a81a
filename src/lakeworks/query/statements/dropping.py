"""DROP TABLE: readers no longer see a table that a statement made.

Its versions stay until maintenance deletes them, so `lake rollback` brings it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.query.statements.errors import WriteRefusedError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Writing

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.statement_tables import TableChange
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult


def read(text: str) -> DropTable | None:
    """Return the statement that drops a table; None for others.

    Raises:
        StatementSyntaxError: it begins as one and does not read as one.
    """
    words = Words(text)
    if not words.take("DROP", "TABLE"):
        return None
    quietly = words.take("IF", "EXISTS")
    table = words.table()
    words.end()
    return DropTable(table, quietly=quietly)


@dataclass(frozen=True, slots=True)
class DropTable:
    """One of them.

    Attributes:
        quietly: Whether a table that is not there is no error.
    """

    table: TableName
    quietly: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        writing = Writing(asking, reader, "DROP TABLE", str(self.table))
        self._is_gone(writing)
        return writing.question()

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Drop the table."""
        writing = Writing(asking, reader, "DROP TABLE", str(self.table))
        if self._is_gone(writing):
            return writing.done(0)
        with writing.changing(self.table) as change:
            if self._is_gone(writing):
                return writing.done(0)
            if not change.making:
                raise WriteRefusedError.undeclared(str(self.table))
            change.rows = change.head.rows if change.head is not None else 0
            self._drop(writing, change)
        return writing.done(change.rows)

    def _drop(self, writing: Writing, change: TableChange) -> None:
        """Drop it; what was granted on it waits for its return, whatever takes its name."""
        governance, making = writing.reader.parts.governance, change.making
        note = writing.note(change, "drop", making)
        if governance is None:
            change.drop(note)
            return
        governance.makers.tie(self.table, making)
        change.undoes(lambda: governance.makers.untie(self.table, making))
        change.drop(note)
        governance.makers.tie(self.table, making)  # what was granted meanwhile

    def _is_gone(self, writing: Writing) -> bool:
        """Whether there is nothing to do: no table that the caller knows of.

        Raises:
            UnknownTableError: there is none, and that is an error.
            NotAllowedError: the caller may not drop it.
        """
        from lakeworks.catalog.errors import UnknownTableError

        writing.check_now()
        try:
            writing.check_target(self.table, "DROP")
        except UnknownTableError:
            if self.quietly:
                return True
            raise
        return False
