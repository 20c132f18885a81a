"""PREPARE, EXECUTE and DEALLOCATE PREPARE: statements that a workgroup has under a name.

Names belong to a workgroup, as Athena's do. Whoever may use the workgroup may execute the queries that
it has, under their own permissions; only who prepared a statement, an administrator or the lake's
owner may replace or deallocate it. To whoever could not ask a statement themselves it is not there,
since its text names what they may not know.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import RequestError
from lakeworks.core.sql_text import first_word
from lakeworks.project.workgroups import PRIMARY
from lakeworks.query.dialects.spoken import in_lake_sql, unplaced
from lakeworks.query.errors import PreparedStatementError
from lakeworks.query.parameters import places, with_nulls, with_parameters
from lakeworks.query.questions import Question
from lakeworks.query.results import without_rows
from lakeworks.query.statements.words import Words
from lakeworks.query.versions import without_versions
from lakeworks.query.views import binds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.catalog.prepared_statements import PreparedStatement, PreparedStatements
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.kinds import Statement

# Nor what decides over permissions: whoever executes a name would grant in their own name what
# another wrote.
_NEVER = frozenset({"PREPARE", "EXECUTE", "DEALLOCATE", "GRANT", "REVOKE"})
# What another principal prepared may only read: else it would write, in the name of whoever executes
# it, what these see to where its author does.
_READING = frozenset({"SHOW", "DESCRIBE", "DESC"})
_TYPED: dict[str, Callable[[str], Any]] = {
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "TIME": time.fromisoformat,
    "DECIMAL": Decimal,
}


def read(text: str) -> Statement | None:
    """Return the statement that begins with PREPARE, EXECUTE or DEALLOCATE.

    Raises:
        StatementSyntaxError: it does not read as one.
    """
    words = Words(text)
    if words.take("PREPARE"):
        name = words.identifier().lower()
        words.expect("FROM")
        return Prepare(name, words.rest().rstrip().removesuffix(";").rstrip())
    if words.take("DEALLOCATE"):
        words.take("PREPARE")
        name = words.identifier().lower()
        words.end()
        return Deallocate(name)
    words.expect("EXECUTE")
    name = words.identifier().lower()
    values = []
    if words.take("USING"):
        values.append(_constant(words))
        while words.take(","):
            values.append(_constant(words))
    words.end()
    return Execute(name, tuple(values))


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name FROM statement."""

    name: str
    sql: str

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with the statement's syntax; permissions count when it runs."""
        from lakeworks.query.statements.kinds import statement_of

        word = first_word(self.sql)
        if word in _NEVER:
            raise PreparedStatementError.nested(word)
        filled = with_parameters(self.sql, [None] * places(self.sql))
        with unplaced("athena"):
            sql = in_lake_sql(filled, asking, reader)
            if statement_of(sql) is None:
                reader.parts.engine.names_read(without_versions(sql).sql)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Keep it.

        Raises:
            PreparedStatementError: another principal's statement has that name.
        """
        self.question(asking, reader)
        viewer = asking.viewer
        kept = _all(reader).save(
            _workgroup(asking),
            self.name,
            self.sql,
            dialect=asking.dialect,
            made_by=_principal(asking),
            anyones=viewer is None or viewer.administers,
        )
        if kept is None:
            raise PreparedStatementError.foreign(self.name)
        return _done(asking)


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE PREPARE name."""

    name: str

    def question(self, asking: Asking, reader: Reader) -> Question:  # noqa: ARG002 - as protocol
        """Leave all of it to where it runs, as `Execute` does."""
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Keep it no longer.

        Raises:
            PreparedStatementError: there is none of that name, or it is another principal's.
        """
        if not _is_callers(_found(self.name, asking, reader), asking):
            raise PreparedStatementError.foreign(self.name)
        _all(reader).drop(_workgroup(asking), self.name)
        return _done(asking)


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name USING constants.

    Attributes:
        values: For each `?` in turn.
    """

    name: str
    values: tuple[Any, ...] = ()

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Say what the answer of the prepared statement rests on, itself included.

        What another principal wrote is judged where it runs, under limits: to ask whether the
        caller could ask it binds it, which may compute whatever it says. So is a name that is not
        there: else it could be told from one that is not the caller's to know.
        """
        from lakeworks.query.statements.kinds import statement_of

        kept = _all(reader).find(_workgroup(asking), self.name)
        if kept is None or not _is_trusted(kept, asking):
            return Question(repeatable=False)
        if not _may_know(kept, asking, reader, self.values):
            return Question(repeatable=False)
        found, sql, inner = self._read(asking, reader)
        with unplaced("athena"):
            lake_sql = in_lake_sql(sql, inner, reader)
            statement = statement_of(lake_sql)
            told = (
                reader.question(lake_sql, inner)
                if statement is None
                else statement.question(inner, reader)
            )
        mark = hashlib.sha256(f"{found.dialect}\0{found.sql}".encode()).hexdigest()
        return replace(told, versions=(*told.versions, (f"prepared {mark}", 0)))

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Execute it under the caller's permissions; the audit trail is told what ran."""
        from lakeworks.query.statements.kinds import statement_of

        _, sql, inner = self._read(asking, reader)
        asking.audit.runs(f"{asking.text}\n-- {sql}")
        with unplaced("athena"):
            lake_sql = in_lake_sql(sql, inner, reader)
            statement = statement_of(lake_sql)
            if statement is not None:
                return statement.run(inner, reader)
            return reader.run(reader.asked(lake_sql, inner.at, inner.viewer), inner)

    def _read(self, asking: Asking, reader: Reader) -> tuple[PreparedStatement, str, Asking]:
        """Return the statement, its SQL with the values in it, and the request for that.

        Raises:
            PreparedStatementError: there is none, or it takes another number of values.
        """
        found = _found(self.name, asking, reader, self.values)
        if _writes(found) and found.made_by and not _is_callers(found, asking):
            raise PreparedStatementError.writing(self.name)
        wanted = places(found.sql)
        if wanted != len(self.values):
            raise PreparedStatementError.values(self.name, wanted, len(self.values))
        sql = with_parameters(found.sql, self.values)
        return found, sql, replace(asking, text=sql, dialect=found.dialect)


def _constant(words: Words) -> Any:  # noqa: ANN401 - any value that SQL writes
    for kind, made in _TYPED.items():
        if words.take(kind):
            text = words.literal()
            with suppress(ValueError, InvalidOperation, TypeError):
                return made(text)
            raise words.wrong(f"{kind} '…' is expected before this")
    minus = words.take("-")
    if words.next_kind() == "number":
        text = words.peek()
        words.take(text)
        return _number(f"-{text}" if minus else text)
    if minus:
        raise words.wrong("a number is expected")
    return words.literal()


def _number(text: str) -> int | float | Decimal:
    if "E" in text.upper():
        return float(text)
    return Decimal(text) if "." in text else int(text)


def _workgroup(asking: Asking) -> str:
    return asking.who.workgroup or PRIMARY


def _principal(asking: Asking) -> str:
    return "" if asking.viewer is None else str(asking.viewer.principal)


def _all(reader: Reader) -> PreparedStatements:
    return reader.parts.catalog.prepared_statements


def _found(
    name: str, asking: Asking, reader: Reader, values: Sequence[Any] = ()
) -> PreparedStatement:
    found = _all(reader).find(_workgroup(asking), name)
    if found is None or not _may_know(found, asking, reader, values):
        every = _all(reader).list(_workgroup(asking))
        known = [one.name for one in every if _is_callers(one, asking)]
        raise PreparedStatementError.unknown(name, _workgroup(asking), known)
    return found


def _is_callers(one: PreparedStatement, asking: Asking) -> bool:
    viewer = asking.viewer
    return viewer is None or viewer.administers or one.made_by == _principal(asking)


def _is_trusted(one: PreparedStatement, asking: Asking) -> bool:
    """Whether the caller wrote it, or the lake's owner did."""
    return not one.made_by or one.made_by == _principal(asking)


def _may_know(
    one: PreparedStatement, asking: Asking, reader: Reader, values: Sequence[Any]
) -> bool:
    """Whether it is the caller's, or one that the caller could ask, every name in it."""
    if _is_callers(one, asking):
        return True
    texts = [with_nulls(one.sql)]
    if values and len(values) == places(one.sql):  # some functions take no NULL without a type
        texts.append(with_parameters(one.sql, values))
    return any(_could_ask(text, one.dialect, asking, reader) for text in texts)


def _could_ask(text: str, dialect: str, asking: Asking, reader: Reader) -> bool:
    from lakeworks.query.statements.kinds import statement_of

    inner = replace(asking, text=text, dialect=dialect)
    try:
        sql = in_lake_sql(text, inner, reader)
        statement = statement_of(sql)
        if statement is not None:
            statement.question(inner, reader)
    except RequestError:
        return False
    return statement is not None or binds(sql, inner, reader)


def _writes(one: PreparedStatement) -> bool:
    from lakeworks.query.statements.kinds import FIRST_WORDS

    return first_word(one.sql) in FIRST_WORDS - _READING


def _done(asking: Asking) -> QueryResult:
    asking.audit.after(asking.recording.begun())(0, 0.0, None)
    return without_rows()
