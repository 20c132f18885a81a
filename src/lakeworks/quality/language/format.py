"""Lay DQDL out anew: one rule a line, single blanks, comments where they were.

Pure. Works on tokens, not on the tree, so that nothing is lost: every token is written again in
its order (a comma may move in front of a comment), strings are not touched, and the ruleset
that is read stays the same. Formatting what is formatted changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.lexer import Source, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.quality.language.lexer import Token

WIDTH = 96
_INDENT = "  "
_OPENING, _CLOSING = ("[", "{"), ("]", "}")
_RULES = ("Rules", "Analyzers")
_EMPTY = 4  # tokens of `Rules = []`
_CLAUSES = ("where", "with", "labels")
_JOINERS = ("and", "or", "AND", "OR")
_BEFORE_PARENTHESIS = (*_JOINERS, "between")


def formatted(
    text: str, *, first_line: int = 1, file: str = "", indent: int = 0, prefix: str = ""
) -> str:
    """Return a DQDL document laid out in the one way; it ends with a new line.

    Args:
        first_line: The line of `file` on which the text begins, for errors.
        indent: How many columns the text is indented in that file; lines get that much shorter.
        prefix: Blanks before every line but the first; lines inside of strings get none.

    Raises:
        DqdlError: the text is not DQDL.
    """
    parse(text, first_line=first_line, file=file, indent=indent)
    found = tokens(Source(text), comments=True)[:-1]
    lines = _Layout(text, found, WIDTH - indent).lines()
    newline = _newline(text, found)
    written = (line.text() for line in lines)
    indented = [prefix + line if index and line else line for index, line in enumerate(written)]
    return newline.join([*indented, ""])


@dataclass
class _Line:
    indent: str
    code: str = ""
    comment: str = ""

    def text(self) -> str:
        gap = "  " if self.code and self.comment else ""
        return f"{self.indent}{self.code}{gap}{self.comment}".rstrip(" \t\r")


class _Layout:
    def __init__(self, text: str, found: list[Token], width: int) -> None:
        self.source = text
        self.tokens = _commas_first(found)
        self.width = width
        self.at = 0
        self.done: list[_Line] = []
        # For each token, the index of the first at or after it that is no comment.
        self.code_at = [len(self.tokens)] * (len(self.tokens) + 1)
        for index in range(len(self.tokens) - 1, -1, -1):
            comment = self.tokens[index].kind == "comment"
            self.code_at[index] = self.code_at[index + 1] if comment else index

    def lines(self) -> list[_Line]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind != "comment":
                self._statement()
                continue
            if self._breaks_before(token) > 1:
                self._blank()
            self._attach(self._next(), "")
        return self.done

    # -- statements: name = value ------------------------------------------------------

    def _statement(self) -> None:
        end = self._statement_end()
        statement = self.tokens[self.at : end]
        if self._parts_from(statement[0]):
            self._blank()
        one_line = _on_one_line(statement)
        commented = any(token.kind == "comment" for token in statement)
        # Rules that somebody wrote on one line may stay there.
        written = self.source[statement[0].start : statement[-1].end]
        broken = statement[0].text in _RULES and "\n" in written and len(statement) > _EMPTY
        if commented or broken or len(one_line) > self.width:
            self._broken(end)
        else:
            self.done.append(_Line("", one_line))
            self.at = end

    def _statement_end(self) -> int:
        """Return the index after the statement that begins here; a value may be a list."""
        at, depth, seen_equals = self.at, 0, False
        while at < len(self.tokens):
            token = self.tokens[at]
            at += 1
            if token.kind == "comment":
                continue
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if seen_equals and depth == 0:
                break
            seen_equals = seen_equals or token.text == "="
        return at

    def _parts_from(self, first: Token) -> bool:
        """Whether a blank line stands before a statement: around lists, or where one was."""
        if not self.done or not self.done[-1].code:
            return bool(self.done) and self._breaks_before(first) > 1
        after_list = self.done[-1].code in _CLOSING
        return after_list or first.text in _RULES or self._breaks_before(first) > 1

    def _broken(self, end: int) -> None:
        """Write `name = [`, one entry a line, and `]`."""
        head: list[Token] = []
        while self.tokens[self.at].text not in _OPENING and self.at < end - 1:
            head.append(self._next())
        self._run([*head, self._next()], "")
        opened = len(self.done)
        while self.at < end - 1:
            token = self.tokens[self.at]
            # Nothing but a comment beside the bracket may stand between it and the first entry.
            if len(self.done) > opened and self._breaks_before(token) > 1:
                self._blank()
            if token.kind == "comment":
                self._attach(self._next(), _INDENT)
            else:
                self._entry(end)
        if self.at < end:
            self.done.append(_Line("", self._next().text))

    def _entry(self, end: int) -> None:
        """Write one entry, its comma and the comments inside it."""
        entry: list[Token] = []
        depth, optional = 0, False
        while self.code_at[self.at] < end - 1:
            token = self.tokens[self.at]
            if token.kind == "mark":
                depth += (token.text in "([{") - (token.text in ")]}")
                between = token.text == "," and depth == 0
                if between and not self._continues_options(optional=optional):
                    break
            optional = optional or token.text == "with"
            entry.append(self._next())
        if self.at < end - 1 and self.tokens[self.at].text == ",":
            entry.append(self._next())
        self._run(entry, _INDENT)

    def _continues_options(self, *, optional: bool) -> bool:
        """Whether the comma here stands between options: `with bins = 20, rebin = false`."""
        word = self.code_at[self.at + 1]
        equals = self.code_at[word + 1] if optional else word
        return (
            optional
            and equals < len(self.tokens)
            and self.tokens[word].kind == "word"
            and self.tokens[equals].text == "="
        )

    # -- runs of tokens ----------------------------------------------------------------

    def _run(self, run: list[Token], indent: str) -> None:
        """Write tokens on one line, or on more after comments and where they are too long."""
        part: list[Token] = []
        first = True
        for token in run:
            if token.kind != "comment":
                part.append(token)
                continue
            if part:
                self._code(part, indent if first else indent + _INDENT * 2)
                first = False
                part = []
            self._attach(token, indent if first else indent + _INDENT * 2)
        if part:
            self._code(part, indent if first else indent + _INDENT * 2)

    def _code(self, part: list[Token], indent: str) -> None:
        pieces = _spaced(part)
        if not indent or len(indent) + sum(map(len, pieces)) < self.width:
            self.done.append(_Line(indent, "".join(pieces)))
            return
        deeper = indent if len(indent) > len(_INDENT) else indent + _INDENT * 2
        starts = [0, *_breaks(part), len(part)]
        for index, (start, end) in enumerate(pairwise(starts)):
            code = "".join(pieces[start:end]).lstrip(" ")
            self.done.append(_Line(deeper if index else indent, code))

    def _attach(self, comment: Token, indent: str) -> None:
        """Put a comment behind the code of its line, or on a line of its own."""
        last = self.done[-1] if self.done else None
        beside = self._breaks_before(comment) == 0
        if last is not None and beside and last.code and not last.comment:
            last.comment = comment.text.rstrip()
        else:
            self.done.append(_Line(indent, comment=comment.text.rstrip()))

    # -- tokens and blanks -------------------------------------------------------------

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _blank(self) -> None:
        if self.done and self.done[-1].text():
            self.done.append(_Line(""))

    def _breaks_before(self, token: Token) -> int:
        """Return how many lines end between what precedes a token and the token."""
        start = token.start
        while start > 0 and self.source[start - 1] in " \t\r\n":
            start -= 1
        return self.source.count("\n", start, token.start)


def _commas_first(found: list[Token]) -> list[Token]:
    """Move each comma before the comments that stand between it and what it follows."""
    moved: list[Token] = []
    for token in found:
        at = len(moved)
        while token.text == "," and at and moved[at - 1].kind == "comment":
            at -= 1
        moved.insert(at, token)
    return moved


def _newline(text: str, found: Iterable[Token]) -> str:
    """Return how lines end outside of strings; the first one decides."""
    at = 0
    for token in found:
        gap = text[at : token.start]
        if "\n" in gap:
            return "\r\n" if "\r\n" in gap else "\n"
        at = token.end
        if token.kind == "comment" and token.text.endswith("\r"):
            return "\r\n"
    return "\r\n" if text[at:].startswith("\r\n") else "\n"


def _on_one_line(statement: list[Token]) -> str:
    """Return `name = value`; rules get a little air, as people write them."""
    pieces = _spaced(statement)
    if statement[0].text in _RULES and len(statement) > _EMPTY:
        inner = "".join(pieces[3:-1])
        return f"{''.join(pieces[:3])} {inner} ]"
    return "".join(pieces)


def _spaced(run: list[Token]) -> list[str]:
    """Return each token with the blank that stands before it."""
    pieces: list[str] = []
    for index, token in enumerate(run):
        before = run[index - 1] if index else None
        joined = before is None or _is_joined(run, index, before, token)
        pieces.append(token.text if joined else f" {token.text}")
    return pieces


def _is_joined(run: list[Token], index: int, before: Token, token: Token) -> bool:
    """Whether no blank stands between two tokens."""
    if before.kind == "mark":
        if before.text in {"(", "[", "{", "$"}:
            return True
        if before.text == "-" and token.text != "-":
            return _is_sign(run, index - 1)
    if token.kind != "mark":
        return False
    if token.text == "(":
        return before.kind == "word" and before.text not in _BEFORE_PARENTHESIS
    return token.text in {")", "]", "}", ",", ":"}


def _is_sign(run: list[Token], index: int) -> bool:
    """Whether the `-` at `index` makes a number negative."""
    if index == 0:
        return True
    before = run[index - 1]
    return before.kind in {"mark", "word"} and before.text not in {")", "]"} | set(_UNITS)


_UNITS = ("minutes", "hours", "days")


def _breaks(part: list[Token]) -> list[int]:
    """Return before which tokens a long line is broken: at clauses, and between rules."""
    found: list[int] = []
    depth, in_range = 0, False
    for index, token in enumerate(part):
        if token.kind == "mark":
            depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if token.kind != "word" or depth:
            continue
        ahead = part[index + 1].text if index + 1 < len(part) else ""
        joins = token.text in _JOINERS and ahead == "(" and not in_range
        if index and (joins or token.text in _CLAUSES):
            found.append(index)
        in_range = token.text == "between" or (in_range and token.text not in _JOINERS)
    return found
