"""Hold log lines to a regular expression, as Hive's RegexSerDe does: a line matches as a whole.

The engine knows neither look-around nor back-references, which Java and Python do: patterns with
these are `external_lines.py`'s. Only what stands at the beginning of a pattern to leave lines out,
`(?!#)`, is carried over, as AWS's own patterns for CloudFront have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.log_patterns import PATTERNS
from lakeworks.core.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_LEFT_OUT = re.compile(r"\^?\(\?!((?:[^()\\]|\\.)*)\)")
_NAMED = re.compile(r"\?P?<([A-Za-z_][A-Za-z0-9_]*)>")


@dataclass(frozen=True, slots=True)
class LinePattern:
    """A pattern that the engine accepts.

    Attributes:
        regex: Without names of groups.
        groups: Number of the group of each column, by its name in lower case.
        count: How many groups there are.
        left_out: The pattern of beginnings of lines that hold no row, or empty.
    """

    regex: str
    groups: dict[str, int]
    count: int
    left_out: str = ""

    def matched(self, line: str) -> str:
        """Return what a row's line gives, for `group` to take values from."""
        whole = quote_literal(self.regex)
        names = ", ".join(f"'g{n}'" for n in range(1, self.count + 1))
        found = f"regexp_extract({line}, {whole}, [{names}])" if names else "NULL"
        return f"regexp_matches({line}, {whole}) AS hit, {found} AS found"

    def group(self, column: str) -> str:
        """Return an expression of what a column's group matches; null where nothing does."""
        number = self.groups.get(column.casefold())
        if number is None:
            return "CAST(NULL AS VARCHAR)"
        return f"CASE WHEN __row.hit THEN __row.found.g{number} END"

    def wanted(self, line: str) -> str:
        """Return a condition on lines that may hold a row."""
        blank = f"trim({line}) <> ''"
        if not self.left_out:
            return blank
        begins = quote_literal(f"^(?:{self.left_out})")
        return f"{blank} AND NOT regexp_matches({line}, {begins})"


def line_pattern(
    con: duckdb.DuckDBPyConnection, declared: str, columns: Sequence[str]
) -> LinePattern | None:
    """Return a declared pattern as the engine takes it; None where it does not.

    Args:
        con: Asked whether it accepts the pattern.
        declared: `common`, `combined`, or a regular expression.
        columns: Take groups without names in their order.
    """
    import duckdb

    text = PATTERNS.get(declared or "combined", declared)
    left_out = ""
    begins = _LEFT_OUT.match(text)
    if begins:
        left_out, text = begins[1], text[begins.end() :]
    plain, names = _numbered(text)
    groups = {
        (name or (columns[n - 1] if n <= len(columns) else "")).casefold(): n
        for n, name in enumerate(names, 1)
    }
    pattern = LinePattern(f"^(?:{plain})$", groups, len(names), left_out)
    try:
        for one in (pattern.regex, f"^(?:{left_out})"):
            con.execute(f"SELECT regexp_matches('', {quote_literal(one)})").fetchall()
    except duckdb.Error:
        return None
    return pattern


def _numbered(pattern: str) -> tuple[str, list[str]]:
    """Return a pattern without names, and the name, or '', of each group that captures."""
    names: list[str] = []
    out: list[str] = []
    at, in_class = 0, False
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if in_class:
            in_class = mark != "]"
        elif mark == "[":
            in_class = True
            # A bracket that comes first, after a caret or not, is one of the class.
            first = re.compile(r"\[\^?\]?").match(pattern, at)
            assert first is not None  # noqa: S101 - it begins with a bracket
            out.append(first[0])
            at = first.end()
            continue
        elif mark == "(":
            named = _NAMED.match(pattern, at + 1)
            if named or pattern[at + 1 : at + 2] != "?":
                names.append(named[1] if named else "")
            if named:
                out.append("(")
                at = named.end()
                continue
        out.append(mark)
        at += 1
    return "".join(out), names
