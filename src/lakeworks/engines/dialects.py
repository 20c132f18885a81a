"""Translate a model's SQL from the dialect that its header names into the engine's own.

Pure. sqlglot parses and writes; what it cannot carry over is an error, never a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import did_you_mean
from lakeworks.engines.errors import DialectError

if TYPE_CHECKING:
    from collections.abc import Collection

ENGINE_DIALECTS = {"duckdb": "duckdb", "spark": "spark"}


def translate(sql: str, *, dialect: str, engine: str = "duckdb") -> str:
    """Return `sql` in the dialect of `engine`; unchanged where it is that already.

    Args:
        sql: One SELECT.
        dialect: Any dialect of sqlglot: `athena`, `spark`, `trino`, `redshift`, …
        engine: The engine that will run it.

    Raises:
        DialectError: the dialect is unknown, the SQL does not parse in it, or a part of it
            has no counterpart.
    """
    to = ENGINE_DIALECTS[engine]
    if dialect.lower() == to:
        return sql
    import sqlglot
    from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError

    known = {member.value for member in sqlglot.Dialects if member.value}
    if dialect.lower() not in known:
        raise DialectError(f"there is no SQL dialect {dialect!r}", did_you_mean(dialect, known))
    try:
        statements = sqlglot.transpile(
            sql, read=dialect.lower(), write=to, unsupported_level=ErrorLevel.RAISE
        )
    except ParseError as error:
        raise _unparsed(error, dialect) from error
    except (TokenError, UnsupportedError) as error:
        raise DialectError(
            f"the SQL cannot be translated from {dialect} to {engine}: {error}",
            f"write this part in {engine}'s dialect, or use a function that both know",
        ) from error
    if len(statements) != 1:
        raise DialectError(
            f"one SELECT is expected, and {len(statements)} statements were found",
            "keep one SELECT in a file",
        )
    return statements[0]


def _unparsed(error: Exception, dialect: str) -> DialectError:
    details = getattr(error, "errors", None) or [{}]
    first = details[0]
    line, column = first.get("line"), first.get("col")
    place = f"SQL line {line}, column {column}: " if line is not None else ""
    reason = first.get("description") or str(error)
    return DialectError(
        f"{place}{reason}", f"the header says dialect: {dialect}; is the SQL written in it?"
    )


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
