"""Quote names in a caller's SQL, which is otherwise left as it is.

Pure. Models in other dialects are translated where they are loaded (`project.sql_facts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


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
