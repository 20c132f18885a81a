"""Glue's `Expression` of GetPartitions, read into a `PartitionFilter`. Pure.

The language is that of a WHERE clause: `=`, `<>`, `<`, `<=`, `>`, `>=`, `in`, `between`, `like`,
`is null`, `and`, `or`, `not` and parentheses, over partition keys and literals. Literals are
compared by their key's type: `year = '2026'` and `year = 2026` mean the same of an int.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from lakeworks.catalog.data_catalog.errors import PartitionFilterError
from lakeworks.catalog.data_catalog.partition_filter import (
    AllOf,
    AnyOf,
    Comparison,
    Negation,
    Operator,
    PartitionFilter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LETTERS = 2048
_DEEPEST = 100
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<quoted>"(?:[^"]|"")+"|`(?:[^`]|``)+`)
      | (?P<word>[^\W\d]\w*)
      | (?P<mark><>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_FLIPPED: dict[str, Operator] = {
    "=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip
_RESERVED = frozenset({"and", "or", "not", "in", "between", "like", "is", "null"})

_Kind = Literal["literal", "name", "word", "mark", "end"]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    at: int
    value: Any = None


def parsed(text: str) -> PartitionFilter:
    """Read an expression; blank text keeps every partition.

    Raises:
        PartitionFilterError: it cannot be read; the message points at the place.
    """
    if len(text) > MOST_LETTERS:
        raise PartitionFilterError.too_long(len(text), MOST_LETTERS)
    if not text.strip():
        return AllOf(())
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        matched = _TOKEN.match(text, at)
        if matched is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise PartitionFilterError.syntax(text, start, f"{text[start]!r} is not expected")
        found.append(_token(matched))
        at = matched.end()
    return [*found, _Token("end", "", len(text.rstrip()))]


def _token(matched: re.Match[str]) -> _Token:
    kind = str(matched.lastgroup)
    text, at = matched[kind], matched.start(kind)
    match kind:
        case "text":
            return _Token("literal", text, at, text[1:-1].replace("''", "'"))
        case "number":
            return _Token("literal", text, at, text)
        case "quoted":
            return _Token("name", text, at, text[1:-1].replace(text[0] * 2, text[0]))
        case "word":
            lowered = text.lower()
            if lowered in {"true", "false"}:
                return _Token("literal", text, at, lowered == "true")
            return _Token("word" if lowered in _RESERVED else "name", lowered, at, text)
        case _:
            return _Token("mark", "<>" if text == "!=" else text, at)


class _Parser:
    """Recursive descent: or, and, not, one comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> PartitionFilter:
        found = self._either()
        if self._now.kind != "end":
            raise self._wrong(self._now, f"{self._now.text!r} is not expected here")
        return found

    def _either(self) -> PartitionFilter:
        parts = self._joined("or", self._both)
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> PartitionFilter:
        parts = self._joined("and", self._one)
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _joined(self, word: str, read: Callable[[], PartitionFilter]) -> list[PartitionFilter]:
        parts = [read()]
        while self._took(word):
            parts.append(read())
        return parts

    def _one(self) -> PartitionFilter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(self._now, "the expression is nested too deeply")
        try:
            if self._took("not"):
                return Negation(self._one())
            if self._took("("):
                inner = self._either()
                self._expect(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> PartitionFilter:
        if self._starts_literal():
            return self._flipped()
        key = self._key()
        mark = self._now
        if mark.kind == "mark" and mark.text in _FLIPPED:
            self._next += 1
            return Comparison(key, cast("Operator", mark.text), (self._literal(),))
        if self._took("is"):
            negated = self._took("not")
            self._expect("null")
            return Comparison(key, "is not null" if negated else "is null")
        negated = self._took("not")
        found = self._worded(key)
        return Negation(found) if negated else found

    def _worded(self, key: str) -> Comparison:
        if self._took("between"):
            low = self._literal()
            self._expect("and")
            return Comparison(key, "between", (low, self._literal()))
        if self._took("like"):
            return Comparison(key, "like", (str(self._literal()),))
        if self._took("in"):
            self._expect("(")
            values = [self._literal()]
            while self._took(","):
                values.append(self._literal())
            self._expect(")")
            return Comparison(key, "in", tuple(values))
        raise self._wrong(self._now, "a comparison is expected: =, <, in, between, like, …")

    def _flipped(self) -> Comparison:
        value = self._literal()
        mark = self._now
        if mark.kind != "mark" or mark.text not in _FLIPPED:
            raise self._wrong(mark, "a comparison with a partition key is expected")
        self._next += 1
        return Comparison(self._key(), _FLIPPED[mark.text], (value,))

    def _key(self) -> str:
        token = self._now
        if token.kind != "name":
            raise self._wrong(token, "a partition key is expected")
        self._next += 1
        return str(token.value)

    def _starts_literal(self) -> bool:
        return self._now.kind == "literal" or self._typed()

    def _typed(self) -> bool:
        """Whether `date '2026-01-01'` or `timestamp '…'` is next, and not a key of that name."""
        here, following = self._now, self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        return (
            here.kind == "name"
            and here.text in {"date", "timestamp"}
            and following.kind == "literal"
            and isinstance(following.value, str)
        )

    def _literal(self) -> Any:  # noqa: ANN401 - text, number or truth
        if self._typed():
            self._next += 1
        token = self._now
        if token.kind != "literal":
            raise self._wrong(token, "a value is expected: a number, or text in single quotes")
        self._next += 1
        return token.value

    @property
    def _now(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, text: str) -> bool:
        token = self._now
        if token.kind in {"word", "mark"} and token.text == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._took(text):
            raise self._wrong(self._now, f"{text!r} is expected")

    def _wrong(self, token: _Token, problem: str) -> PartitionFilterError:
        return PartitionFilterError.syntax(self._text, token.at, problem)
