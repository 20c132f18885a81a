"""Bring what a caller wrote in Athena's dialect into the lake's, before anything looks at it.

The gate and the permissions see the lake's SQL only: a translation is trusted no more than what a
caller writes. Of a statement that is no query, the query in it is translated.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.core.sql_text import begin_of, first_word
from lakeworks.engines.errors import SqlError
from lakeworks.query.known import known_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.project.athena.scopes import Columns
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader

LAKE = "duckdb"
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN"})
# Statements in which a query, or a condition, stands as text.
_HOLDING = frozenset({"CREATE", "INSERT", "UNLOAD", "DELETE"})
_WITHOUT_QUERY = frozenset({"EXTERNAL", "DATABASE", "SCHEMA"})
_OF_QUERY = re.compile(r"\s*(?:describe|desc)\s+(?:select|with|values)\b", re.IGNORECASE)
_PLACE = re.compile(r"^SQL line \d+, column \d+: ")


def dialect_of(name: str) -> str:
    """Return the dialect that a name stands for: `duckdb` or `athena`.

    Raises:
        UnknownDialectError: none.
    """
    if name.lower() in {"", LAKE}:
        return LAKE
    from lakeworks.project.athena.errors import UnknownDialectError
    from lakeworks.project.athena.translation import DIALECTS

    if name.lower() not in DIALECTS:
        raise UnknownDialectError.named(name)
    return "athena"


def in_lake_sql(text: str, asking: Asking, reader: Reader) -> str:
    """Return what was asked in the lake's dialect.

    Raises:
        AthenaSyntaxError: it does not parse.
        AthenaUnsupportedError: something in it does not work here.
    """
    if asking.dialect == LAKE:
        return text
    from lakeworks.project.athena.translation import translate

    columns_of = _columns_of(asking, reader)
    word = first_word(text)
    if word in _QUERIES or text[begin_of(text) :].startswith("(") or _OF_QUERY.match(text):
        return translate(text, columns_of)
    if word not in _HOLDING:
        return text
    found = _within(text)
    if found is None:
        return text
    begin, end, before = found
    # Blanks stand for what comes before, so that errors name the right line.
    blank = re.sub(r"[^\n]", " ", text[:begin])
    inner = translate(
        f"{blank[: len(blank) - len(before)]}{before}{text[begin:end]}", columns_of
    )
    return f"{text[:begin]}{inner.removeprefix(_HEAD) if before else inner}{text[end:]}"


_HEAD = 'SELECT 1 AS "_col0" WHERE '


def _within(text: str) -> tuple[int, int, str] | None:
    """Return where the query in a statement begins and ends; None where none is in it."""
    from lakeworks.engines.dialects import words_of

    words = words_of(text)
    if words is None:
        return None
    told = [word.text.upper() if word.kind == "word" else "" for word in words]
    last = len(words) - (told[-1] == ";")
    end = words[last - 1].end
    if told[:1] == ["CREATE"] and {*told[1:2]} <= _WITHOUT_QUERY:
        return None
    if told[0] == "UNLOAD":
        return _parenthesised(told, [(word.start, word.end) for word in words])
    if told[0] == "DELETE":
        if "WHERE" not in told:
            return None
        return words[told.index("WHERE") + 1].start, end, "select 1 where "
    depth = 0
    for number, word in enumerate(told[:last]):
        depth += {"(": 1, ")": -1}.get(word, 0)
        opened = word == "(" and number + 1 < last and told[number + 1] in {"SELECT", "WITH"}
        if (
            opened
            or (depth == 0 and word in {"SELECT", "VALUES"})
            or _begins_with(told, number)
        ):
            return words[number].start, _without_data(words, told, last), ""
    return None


def _begins_with(told: list[str], number: int) -> bool:
    """Whether WITH begins a query here; before a parenthesis it names properties."""
    return told[number] == "WITH" and told[number + 1 : number + 2] != ["("]


def _without_data(words: list, told: list[str], last: int) -> int:  # type: ignore[type-arg]
    for tail in (["WITH", "NO", "DATA"], ["WITH", "DATA"]):
        if told[last - len(tail) : last] == tail:
            return int(words[last - len(tail) - 1].end)
    return int(words[last - 1].end)


def _parenthesised(
    told: list[str], places: list[tuple[int, int]]
) -> tuple[int, int, str] | None:
    depth = 0
    for number, word in enumerate(told):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if number and depth == 0 and word == ")":
            return places[1][1], places[number][0], ""
    return None


def _columns_of(asking: Asking, reader: Reader) -> Callable[[str], Columns]:
    """Return what tells the columns that the caller may know of, by a table's name."""
    from lakeworks.project.athena.kinds import of_type

    def columns(name: str) -> Columns:
        try:
            schema = known_schema(
                reader, TableName.parse(name), reader.snapshot(asking.at), asking.viewer
            )
        except LakeError:
            return {}  # it is refused where it is read, in the usual words
        return {field.name.lower(): of_type(field.type) for field in schema}

    return columns


@contextmanager
def unplaced(dialect: str) -> Iterator[None]:
    """Tell errors of translated SQL without line and column, which are not the caller's."""
    try:
        yield
    except SqlError as error:
        if dialect == LAKE:
            raise
        raise SqlError(_PLACE.sub("", error.problem), error.hint) from None
