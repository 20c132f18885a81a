"""The words of a caller's SQL, which is otherwise left as it is.

Pure. Models in other dialects are translated where they are loaded (`project.sql_facts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

WordKind = Literal["name", "text", "number", "word"]
_KINDS: dict[str, WordKind] = {"IDENTIFIER": "name", "STRING": "text", "NUMBER": "number"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word or mark of a statement.

    Attributes:
        kind: `name` of what stands in double or back quotes, `word` of bare words and marks.
        text: Without its quotes.
        start, end: Its place in the SQL; `end` is the place after it.
    """

    kind: WordKind
    text: str
    start: int
    end: int


def words_of(sql: str) -> list[Word] | None:
    """Return the words and marks of SQL without comments; None where a quote has no end."""
    from sqlglot.errors import TokenError

    try:
        tokens = _tokenizer()().tokenize(sql)
    except TokenError:
        return None
    return [
        Word(_KINDS.get(one.token_type.name, "word"), one.text, one.start, one.end + 1)
        for one in tokens
    ]


@cache
def _tokenizer() -> Any:  # noqa: ANN401 - a class of sqlglot's
    from sqlglot.dialects import DuckDB

    tokenizer: Any = DuckDB.Tokenizer
    # Athena's DDL puts names in back quotes; and no word begins a command that is left unread.
    told = {"IDENTIFIERS": ['"', "`"], "COMMANDS": set()}
    return type("Tokenizer", (tokenizer,), told)


def with_quoted(sql: str, names: Collection[str]) -> str:
    """Return SQL in which bare words of these names stand in double quotes.

    So a name that the engine reserves can be written without them. Nothing else is changed:
    strings, comments and names already in quotes stay as they are, and what is no SQL is left
    to the engine to refuse.
    """
    from sqlglot import TokenType
    from sqlglot.dialects import DuckDB
    from sqlglot.errors import TokenError

    try:
        tokens = DuckDB().tokenize(sql)
    except TokenError:
        return sql
    wanted = {name.lower() for name in names}
    parts, done = [], 0
    for token in tokens:
        if token.token_type == TokenType.VAR and token.text.lower() in wanted:
            parts.append(f'{sql[done : token.start]}"{token.text}"')
            done = token.end + 1
    return "".join(parts) + sql[done:]
