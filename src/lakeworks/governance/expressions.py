"""The small language of row filters and masks: read into a tree, never passed on as text.

Pure. Comparisons, `between`, `in`, `like`, `is null`, `and`, `or`, `not`; for masks also `case`,
arithmetic, `||` and the functions of a fixed list (`mask_functions.py`). What is not in the
language does not parse; SQL is written anew from the tree, so a text carries nothing further.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.expression_trees import (
    Arithmetic,
    Between,
    Call,
    Case,
    Column,
    Compare,
    Expression,
    In,
    IsNull,
    Junction,
    Literal,
    Not,
    SessionTag,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CHARACTERS = 2048  # Lake Formation's
MAX_DEPTH = 40
SESSION_TAG = "session_tag"
_FILTERS = "a row filter compares columns with constants: state = 'OH' and week between 1 and 9"


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+"|`(?:[^`]|``)+`)
    | (?P<word>[^\W\d]\w*)
    | (?P<mark><=|>=|<>|!=|\|\||[=<>(),.+*/-])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_RESERVED = frozenset({
    "and", "or", "not", "between", "in", "like", "is", "null", "true", "false", "case", "when",
    "then", "else", "end", "date", "timestamp",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


def parse(text: str, *, functions: Iterable[str] = ()) -> Expression:
    """Read an expression.

    Args:
        text: What was written.
        functions: The functions that may be called; with some, arithmetic, `||` and `case` are
            part of the language too.

    Raises:
        ExpressionError: it is not in the language; it says at which character.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError.at(text, MAX_CHARACTERS, f"more than {MAX_CHARACTERS} characters")
    return _Parser(text, frozenset(functions)).whole()


class _Parser:
    def __init__(self, text: str, functions: frozenset[str]) -> None:
        self.text = text
        self.functions = functions
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0

    def whole(self) -> Expression:
        found = self._or()
        if self._peek().kind != "end":
            raise self._wrong(f"{self._peek().text!r} is not expected here")
        return found

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at = 0
        end = len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                at = len(self.text) - len(self.text[at:].lstrip())
                raise ExpressionError.at(self.text, at, f"{self.text[at]!r} is not expected")
            start = match.start(match.lastgroup)
            found.append(_Token(match.lastgroup, match[match.lastgroup], start))
            at = match.end()
        found.append(_Token("end", "the end", end))
        return found

    def _or(self) -> Expression:
        return self._junction("or", self._and)

    def _and(self) -> Expression:
        return self._junction("and", self._not)

    def _junction(self, word: str, part: object) -> Expression:
        assert callable(part)  # noqa: S101 - our own methods
        parts = [part()]
        while self._take_word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _not(self) -> Expression:
        if self._take_word("not"):
            self._deeper()
            found = Not(self._not())
            self.depth -= 1
            return found
        return self._predicate()

    def _predicate(self) -> Expression:
        left = self._sum()
        token = self._peek()
        if token.kind == "mark" and token.text in _COMPARISONS:
            self.next += 1
            return Compare(_COMPARISONS[token.text], left, self._sum())
        if self._take_word("is"):
            negated = self._take_word("not")
            self._expect_word("null")
            return Not(IsNull(left)) if negated else IsNull(left)
        negated = self._take_word("not")
        found = self._range(left)
        if found is None:
            if negated:
                raise self._wrong("between, in or like is expected after not")
            return left
        return Not(found) if negated else found

    def _range(self, left: Expression) -> Expression | None:
        if self._take_word("like"):
            return Compare("like", left, self._sum())
        if self._take_word("between"):
            low = self._sum()
            self._expect_word("and")
            return Between(left, low, self._sum())
        if self._take_word("in"):
            self._expect("(")
            options = [self._sum()]
            while self._take(","):
                options.append(self._sum())
            self._expect(")")
            return In(left, tuple(options))
        return None

    def _sum(self) -> Expression:
        return self._arithmetic(("+", "-", "||"), self._product)

    def _product(self) -> Expression:
        return self._arithmetic(("*", "/"), self._value)

    def _arithmetic(self, marks: tuple[str, ...], part: object) -> Expression:
        assert callable(part)  # noqa: S101 - our own methods
        found: Expression = part()
        while self.functions and self._peek().kind == "mark" and self._peek().text in marks:
            operator = self._peek().text
            self.next += 1
            found = Arithmetic(operator, found, part())
        return found

    def _value(self) -> Expression:
        token = self._peek()
        self.next += 1
        match token.kind:
            case "number":
                return Literal("number", token.text)
            case "text":
                return Literal("text", token.text[1:-1].replace("''", "'"))
            case "quoted":
                return self._column(token)
            case "word":
                return self._word(token)
            case "mark" if token.text == "(":
                self._deeper()
                found = self._or()
                self._expect(")")
                self.depth -= 1
                return found
            case "mark" if token.text in "+-" and self._peek().kind == "number":
                self.next += 1
                sign = "-" if token.text == "-" else ""
                return Literal("number", sign + self.tokens[self.next - 1].text)
        self.next -= 1
        raise self._wrong(f"a column or a constant is expected, not {token.text!r}")

    def _word(self, token: _Token) -> Expression:
        word = token.word
        if word in ("true", "false"):
            return Literal("boolean", word == "true")
        if word in ("date", "timestamp") and self._peek().kind == "text":
            self.next += 1
            return self._moment(word, self.tokens[self.next - 1])
        if word == "null" and self.functions:
            return Literal("null", None)
        if word == "case" and self.functions:
            return self._case()
        if self._peek().text == "(" and self._peek().kind == "mark":
            return self._call(token)
        if word in _RESERVED - {"date", "timestamp"}:
            self.next -= 1
            raise self._wrong(f"a column or a constant is expected, not {token.text!r}")
        return self._column(token)

    def _moment(self, word: str, token: _Token) -> Literal:
        text = token.text[1:-1]
        try:
            value = date.fromisoformat(text) if word == "date" else datetime.fromisoformat(text)
        except ValueError:
            raise ExpressionError.at(
                self.text, token.at, f"{token.text} is no {word}", "write 2026-01-31"
            ) from None
        return Literal(word, value)

    def _column(self, token: _Token) -> Column:
        path = [_name(token)]
        while self._take("."):
            part = self._peek()
            if part.kind not in ("word", "quoted"):
                raise self._wrong("a field's name is expected")
            self.next += 1
            path.append(_name(part))
        return Column(tuple(path), token.at)

    def _call(self, token: _Token) -> Expression:
        name = token.word
        if name == SESSION_TAG:
            return self._session_tag()
        if name not in self.functions:
            hint = f"known: {', '.join(sorted(self.functions))}" if self.functions else _FILTERS
            problem = f"the function {token.text} is not accepted here"
            raise ExpressionError.at(self.text, token.at, problem, hint)
        self._expect("(")
        self._deeper()
        arguments: list[Expression] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._or())
        self.depth -= 1
        return Call(name, tuple(arguments))

    def _session_tag(self) -> SessionTag:
        self._expect("(")
        token = self._peek()
        if token.kind != "text":
            raise self._wrong("a session tag's name in quotes is expected")
        self.next += 1
        self._expect(")")
        return SessionTag(token.text[1:-1].replace("''", "'"))

    def _case(self) -> Case:
        self._deeper()
        branches: list[tuple[Expression, Expression]] = []
        while self._take_word("when"):
            condition = self._or()
            self._expect_word("then")
            branches.append((condition, self._or()))
        if not branches:
            raise self._wrong("when is expected")
        otherwise = self._or() if self._take_word("else") else None
        self._expect_word("end")
        self.depth -= 1
        return Case(tuple(branches), otherwise)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong(f"parts are nested more than {MAX_DEPTH} deep")

    def _peek(self) -> _Token:
        return self.tokens[self.next]

    def _take(self, mark: str) -> bool:
        found = self._peek().kind == "mark" and self._peek().text == mark
        self.next += found
        return found

    def _take_word(self, word: str) -> bool:
        found = self._peek().word == word
        self.next += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._wrong(f"{mark!r} is expected, not {self._peek().text!r}")

    def _expect_word(self, word: str) -> None:
        if not self._take_word(word):
            raise self._wrong(f"{word} is expected, not {self._peek().text!r}")

    def _wrong(self, problem: str) -> ExpressionError:
        return ExpressionError.at(
            self.text, self._peek().at, problem, "" if self.functions else _FILTERS
        )


def _name(token: _Token) -> str:
    if token.kind == "word":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)
