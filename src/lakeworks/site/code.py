"""Colour SQL, Python and DQDL for reading, and link the tables that they name.

Pure. Only for the eye: a text that is cut up wrongly is still shown whole, as every character is
given out once. What the lake computes is decided by parsers, not here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.site.markup import Markup, join, tag

if TYPE_CHECKING:
    from collections.abc import Callable

    Linked = Callable[[str], str | None]

_SQL_TEXT = """
select from where group by having order limit offset with as on using join left right full inner
outer cross asof lateral union all intersect except distinct case when then else end and or not in
is null like ilike between exists over partition rows range preceding following unbounded current
row window qualify filter within asc desc nulls first last cast try_cast true false interval values
recursive semi anti pivot unpivot for at any some default positional natural exclude replace sample
"""
_PYTHON_TEXT = """
and as assert async await break class continue def del elif else except finally for from global if
import in is lambda None nonlocal not or pass raise return True False try while with yield match case
"""
_DQDL_TEXT = """
Rules Analyzers and or where with threshold in not between now days hours last avg null empty
whitespaces_only matches
"""
_SQL_WORDS = frozenset(_SQL_TEXT.split())
_PYTHON_WORDS = frozenset(_PYTHON_TEXT.split())
_DQDL_WORDS = frozenset(_DQDL_TEXT.split())
_SQL = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<string>'(?:[^']|'')*(?:'|\Z))"
    r'|(?P<name>"(?:[^"]|"")*(?:"|\Z)(?:\."(?:[^"]|"")*")?)'
    r"|(?P<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
    r"|(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)",
    re.DOTALL,
)
_PYTHON = re.compile(
    r"(?P<comment>#[^\n]*)"
    r"|(?P<string>[rbfuRBFU]{0,2}(?:\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)"
    r"|\"(?:\\.|[^\"\\\n])*(?:\"|$)|'(?:\\.|[^'\\\n])*(?:'|$)))"
    r"|(?P<name>@[\w.]+)"
    r"|(?P<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
    r"|(?P<word>[^\W\d]\w*)",
    re.DOTALL | re.MULTILINE,
)
_DQDL = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r"|(?P<string>\"(?:\\.|[^\"\\])*(?:\"|\Z))"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)"
    r"|(?P<word>[A-Za-z_]\w*)",
    re.DOTALL,
)
_PLAIN_WORD = re.compile(r"\w+(?:\.\w+)*")
_LONGEST = 200_000


def sql(text: str, linked: Linked) -> Markup:
    """Return coloured SQL; names for which `linked` gives a URL are links."""
    return _coloured(text, _SQL, lambda found, after: _sql_word(found, after, linked))


def python(text: str, linked: Linked) -> Markup:
    """Return coloured Python; string literals that name a table are links."""

    def string(found: str) -> Markup:
        address = linked(found.strip("\"'"))
        return tag("a", found, href=address, class_="s") if address else _span("s", found)

    def word(found: str, after: str) -> Markup | str:
        if found in _PYTHON_WORDS:
            return _span("k", found)
        return _span("f", found) if after == "(" else found

    return _coloured(text, _PYTHON, word, string)


def dqdl(text: str) -> Markup:
    """Return a coloured ruleset, or one rule."""
    return _coloured(
        text, _DQDL, lambda found, _: _span("k", found) if found in _DQDL_WORDS else
        _span("f", found) if found[:1].isupper() else found)  # fmt: skip


def plain(text: str, linked: Linked) -> Markup:
    """Return text in which names of tables are links, as in descriptions."""
    parts: list[object] = []
    at = 0
    for found in _PLAIN_WORD.finditer(text):
        address = linked(found[0]) if "." in found[0] else None
        if address:
            parts += [text[at : found.start()], tag("a", found[0], href=address)]
            at = found.end()
    return join([*parts, text[at:]])


def _sql_word(found: str, after: str, linked: Linked) -> Markup | str:
    if found.lower() in _SQL_WORDS:
        return _span("k", found)
    address = linked(found.lower()) if "." in found else None
    if address:
        return tag("a", found, href=address)
    return _span("f", found) if after == "(" else found


def _coloured(
    text: str,
    pattern: re.Pattern[str],
    word: Callable[[str, str], Markup | str],
    string: Callable[[str], Markup] | None = None,
) -> Markup:
    if len(text) > _LONGEST:
        return join([text])
    parts: list[object] = []
    at = 0
    for found in pattern.finditer(text):
        parts.append(text[at : found.start()])
        kind, whole = str(found.lastgroup), found[0]
        if kind == "word":
            parts.append(word(whole, text[found.end() : found.end() + 1]))
        elif kind == "string" and string is not None:
            parts.append(string(whole))
        else:
            parts.append(_span(kind[0], whole))
        at = found.end()
    return join([*parts, text[at:]])


def _span(kind: str, text: str) -> Markup:
    return tag("span", text, class_=kind)
