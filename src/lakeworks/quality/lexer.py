"""Cut DQDL into tokens, each with its place.

Pure. Follows the token rules of the open grammar (awslabs/dqdl, `CommonLexerRules.g4`):
keywords are case-sensitive, `#` begins a comment, a string may span lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lakeworks.quality.errors import DqdlError
from lakeworks.quality.ruleset import Place

MARKS = ("!=", ">=", "<=", *"[](){},=<>+-*/$:")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
Kind = Literal["word", "number", "string", "mark", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is as written, `start` and `end` its offsets in the document."""

    kind: Kind
    text: str
    at: Place
    start: int
    end: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else self.text


def tokens(text: str, *, first_line: int = 1, file: str = "", indent: int = 0) -> list[Token]:
    """Return the tokens of a document, the last of kind `end`.

    Args:
        first_line: The line of `file` on which the text begins.
        indent: How many columns the text was indented there.

    Raises:
        DqdlError: a character that begins no token, or a string without an end.
    """
    return list(_Scanner(text, first_line, file, indent).run())


class _Scanner:
    def __init__(self, text: str, first_line: int, file: str, indent: int) -> None:
        self.text = text
        self.file = file
        self.indent = indent
        self.line = first_line
        self.line_start = 0
        self.at = 0

    def run(self) -> list[Token]:
        found = []
        while self._skip_blanks():
            found.append(self._token())
        found.append(Token("end", "", self._place(), self.at, self.at))
        return found

    def _place(self) -> Place:
        return Place(self.file, self.line, self.at - self.line_start + self.indent + 1)

    def _skip_blanks(self) -> bool:
        """Move to the next token; return whether there is one."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif char.isspace():
                self._advance(self.at + 1)
            else:
                return True
        return False

    def _advance(self, end: int) -> None:
        newlines = self.text.count("\n", self.at, end)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", self.at, end) + 1
        self.at = end

    def _token(self) -> Token:
        char = self.text[self.at]
        if char == '"':
            return self._make("string", self._string_end())
        if char in _WORD:
            end = self.at
            while end < len(self.text) and self.text[end] in _WORD:
                end += 1
            return self._make("number" if _is_number(self.text[self.at : end]) else "word", end)
        for mark in MARKS:
            if self.text.startswith(mark, self.at):
                return self._make("mark", self.at + len(mark))
        hint = "strings stand in double quotes" if char in "'`“”" else ""
        raise DqdlError.at(self._place(), f"{char!r} begins nothing in DQDL", hint)

    def _make(self, kind: Kind, end: int) -> Token:
        token = Token(kind, self.text[self.at : end], self._place(), self.at, end)
        self._advance(end)
        return token

    def _string_end(self) -> int:
        at = self.at + 1
        while at < len(self.text):
            if self.text[at] == '"':
                return at + 1
            at += 2 if self.text[at : at + 2] in {'\\"', "\\\\"} else 1
        raise DqdlError.at(
            self._place(), "a string has no end", 'close it with ", write " inside as \\"'
        )


def _is_number(text: str) -> bool:
    whole, point, part = text.partition(".")
    return whole.isdigit() and (part.isdigit() if point else True)
