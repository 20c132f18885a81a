"""Where comments end and words begin in SQL of the lake's dialect. Pure; nothing is parsed.

Comments nest, as PostgreSQL's and DuckDB's do.
"""

from __future__ import annotations

import re

_BLANK = re.compile(r"(?:\s|--[^\n]*(?:\n|$))+")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_WORD = re.compile(r"[^\W\d]\w*")


def comment_end(sql: str, at: int) -> int:
    """Return where the comment that begins at `at` ends; the text's end where it does not."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)


def dollar_end(sql: str, mark: str, at: int) -> int:
    """Return where the text ends that `mark` (`$$`, `$tag$`) opened at `at`, or the whole text.

    To look for the other mark with a pattern at each first one takes the square of their number.
    """
    end = sql.find(mark, at + len(mark))
    return len(sql) if end < 0 else end + len(mark)


def begin_of(sql: str) -> int:
    """Return where what is neither blank nor comment begins."""
    at = 0
    while True:
        blank = _BLANK.match(sql, at)
        at = blank.end() if blank else at
        if not sql.startswith("/*", at):
            return at
        at = comment_end(sql, at)


def first_word(sql: str) -> str:
    """Return the first word, in capitals; empty where something else stands first."""
    found = _WORD.match(sql, begin_of(sql))
    return found[0].upper() if found else ""
