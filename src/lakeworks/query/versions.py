"""Find table versions in SQL (`silver.orders@v3`) and give each a name that SQL knows.

Pure: a scanner that knows where text, quoted names and comments of DuckDB's SQL begin and end.
`silver.orders@v3` becomes `"silver@v3".orders`, so that its columns are still `orders.…`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lakeworks.catalog.errors import VersionTextError
from lakeworks.core.sql_text import comment_end, dollar_end

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|--[^\n]*)
    | (?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')
    | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    | (?P<name>"(?:[^"]|"")*"|[^\W\d]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<version>@\w+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_VERSION = re.compile(r"@v(\d{1,18})")


@dataclass(frozen=True, slots=True)
class VersionedSql:
    """SQL without version marks.

    Attributes:
        versions: The schema name that a mark became (`silver@v3`) to the database and version.
    """

    sql: str
    versions: dict[str, tuple[str, int]] = field(default_factory=dict)


def without_versions(sql: str) -> VersionedSql:
    """Replace every `database.table@vN` that is not inside text, a quoted name or a comment.

    Raises:
        VersionTextError: something other than `v` and a number follows the `@`.
    """
    if "@" not in sql:
        return VersionedSql(sql)
    parts: list[str] = []
    kinds: list[str] = []
    versions: dict[str, tuple[str, int]] = {}
    at = 0
    while at < len(sql):
        kind, text = _token(sql, at)
        at += len(text)
        if kind == "version" and _follows_table(parts, kinds):
            found = _VERSION.fullmatch(text)
            if found is None:
                raise VersionTextError.unreadable("".join(parts[-3:]) + text)
            database = _unquoted(parts[-3])
            schema = f"{database}@v{int(found[1])}"
            versions[schema] = (database, int(found[1]))
            parts[-3] = '"' + schema.replace('"', '""') + '"'
            continue
        parts.append(text)
        kinds.append(kind)
    return VersionedSql("".join(parts), versions)


def _token(sql: str, at: int) -> tuple[str, str]:
    if sql.startswith("/*", at):
        return "blank", sql[at : comment_end(sql, at)]
    found = _TOKEN.match(sql, at)
    if found is None:  # pragma: no cover - the last alternative takes any character
        return "other", sql[at]
    if found["dollar"]:
        return "dollar", sql[at : dollar_end(sql, found[0], at)]
    return str(found.lastgroup), found[0]


def _follows_table(parts: list[str], kinds: list[str]) -> bool:
    """Whether what was read last is `name.name` and no third name before it."""
    if kinds[-3:] != ["name", "other", "name"] or parts[-2] != ".":
        return False
    return not (len(parts) > 3 and parts[-4] == ".")  # noqa: PLR2004


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"').lower() if name.startswith('"') else name.lower()
