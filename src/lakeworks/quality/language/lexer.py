r"""Cut DQDL into tokens, and tell where in a file an offset stands.

Pure. Follows the token rules of the open grammar (awslabs/dqdl, `CommonLexerRules.g4`):
keywords are case-sensitive, `#` begins a comment, a string may span lines and knows the escapes
`\"` and `\\` only.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, NamedTuple

from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.ruleset import Place

Kind = Literal["word", "number", "string", "mark", "comment", "end"]

# Possessive quantifiers: a string without an end is found in one pass, whatever it holds.
_TOKEN = re.compile(
    r"""
    [ \t\r\n]++
    | (?P<comment> \#[^\n]*+ )
    | (?P<string> " [^"\\]*+ (?: \\ ["\\]?+ [^"\\]*+ )*+ " )
    | (?P<number> [0-9]++ (?: \.[0-9]++ )?+ (?![A-Za-z0-9_.]) )
    | (?P<word> [A-Za-z0-9_.]++ )
    | (?P<mark> != | >= | <= | [\[\](){},=<>+\-*/$:] )
    """,
    re.VERBOSE,
)
_LONGEST_SHOWN = 40


class Token(NamedTuple):
    """One token; `text` is as written, `start` and `end` its offsets in the document."""

    kind: Kind
    text: str
    start: int
    end: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        return (
            self.text if len(self.text) <= _LONGEST_SHOWN else f"{self.text[:_LONGEST_SHOWN]}…"
        )


class Source:
    """A document and where it stands in a file."""

    def __init__(
        self, text: str, *, first_line: int = 1, file: str = "", indent: int = 0
    ) -> None:
        self.text = text
        self.file = file
        self.first_line = first_line
        self.indent = indent
        self._line_starts: list[int] = []

    def place(self, offset: int) -> Place:
        """Return the place of an offset."""
        starts = self._line_starts
        if not starts:
            starts.append(0)
            starts.extend(found.end() for found in re.finditer("\n", self.text))
        line = bisect_right(starts, offset) - 1
        column = offset - starts[line] + self.indent + 1
        return Place(self.file, self.first_line + line, column)


def tokens(source: Source, *, comments: bool = False) -> list[Token]:
    """Return the tokens of a document, the last of kind `end`.

    Args:
        comments: Whether comments are among them.

    Raises:
        DqdlError: a character that begins no token, or a string without an end.
    """
    text, found, at = source.text, [], 0
    end = len(text)
    match = _TOKEN.match
    while at < end:
        token = match(text, at)
        if token is None:
            raise _no_token(source, at)
        kind = token.lastgroup
        after = token.end()
        if kind is not None and (comments or kind != "comment"):
            found.append(Token(kind, token[0], at, after))  # type: ignore[arg-type]
        at = after
    found.append(Token("end", "", end, end))
    return found


def _no_token(source: Source, at: int) -> DqdlError:
    char = source.text[at]
    if char == '"':
        hint = 'close it with ", write " inside as \\"'
        return DqdlError.at(source.place(at), "a string has no end", hint)
    hint = "strings stand in double quotes" if char in "'`“”„«" else ""
    if char.isspace() or char == "\ufeff":
        hint = "write an ordinary blank or a new line"
    return DqdlError.at(source.place(at), f"{char!r} begins nothing in DQDL", hint)
