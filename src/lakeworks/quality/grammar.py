"""Read DQDL, the rule language of AWS Glue Data Quality, into a `Ruleset`.

Pure: a recursive-descent parser over the tokens of `lexer.py`. It knows the shape of a rule,
not the rule types: `rules.py` says which are evaluated. Every mistake is a `DqdlError` with
file, line, column and what was expected.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar, cast

from lakeworks.core.errors import did_you_mean
from lakeworks.quality.errors import DqdlError, NotEvaluatedError
from lakeworks.quality.lexer import Token, tokens
from lakeworks.quality.ruleset import (
    Analyzer,
    Arithmetic,
    Call,
    Composite,
    Condition,
    Keyword,
    Now,
    Number,
    Operand,
    Operator,
    Pattern,
    Quantity,
    Rule,
    Ruleset,
    Tag,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
UNITS = ("minutes", "hours", "days", "B", "KB", "MB", "GB", "TB")
_AND, _OR, _OF = ("and", "AND"), ("or", "OR"), ("of", "OF")
_VALUES = {"null": "NULL", "empty": "EMPTY", "whitespaces_only": "WHITESPACES_ONLY"}
_KEYWORDS = frozenset({
    *_AND, *_OR, *_OF, *_VALUES, *_VALUES.values(),
    "between", "in", "not", "matches", "with", "where", "labels",
})  # fmt: skip
_OPERATOR_WORDS = ("=", "!=", ">", ">=", "<", "<=", "between", "in", "matches", "not")
_SECTIONS = ("Rules", "Analyzers")
_SECTIONS_UNREAD = ("Metadata", "DataSources", "DefaultLabels")
_DEEPEST = 60


def parse(text: str, *, first_line: int = 1, file: str = "", indent: int = 0) -> Ruleset:
    """Read a DQDL document.

    Args:
        first_line: The line of `file` on which the text begins, for errors.
        indent: How many columns the text is indented in that file.

    Raises:
        DqdlError: the text is not DQDL, or both of its sections are empty.
    """
    found = tokens(text, first_line=first_line, file=file, indent=indent)
    return _Parser(text, found).document()


class _Parser:
    def __init__(self, source: str, found: list[Token]) -> None:
        self.source = source
        self.tokens = found
        self.at = 0
        self.depth = 0

    # -- the document ------------------------------------------------------------------

    def document(self) -> Ruleset:
        start = self._next
        rules: tuple[Rule | Composite, ...] = ()
        analyzers: tuple[Analyzer, ...] = ()
        seen: set[str] = set()
        while self._next.kind != "end":
            name = self._section_name(seen)
            if name == "Rules":
                rules = self._list(self._top_level)
            else:
                analyzers = self._list(self._analyzer)
        if not rules and not analyzers:
            raise DqdlError.at(
                start.at, "the ruleset is empty", 'write Rules = [ IsComplete "column" ]'
            )
        return Ruleset(rules, analyzers)

    def _section_name(self, seen: set[str]) -> str:
        token = self._next
        if token.text in _SECTIONS_UNREAD:
            raise NotEvaluatedError.named(token.at, f"the section {token.text}")
        if token.text not in _SECTIONS:
            self._fail("Rules = [ … ]", did_you_mean(token.text, _SECTIONS))
        if token.text in seen:
            raise DqdlError.at(token.at, f"the section {token.text} occurs twice")
        seen.add(token.text)
        self._take()
        self._expect("=")
        return token.text

    def _list(self, entry: Callable[[], T]) -> tuple[T, ...]:
        self._expect("[")
        entries: list[T] = []
        while not self._accept("]"):
            if entries:
                self._expect(",", "] or a comma and another entry")
            entries.append(entry())
        return tuple(entries)

    # -- rules -------------------------------------------------------------------------

    def _top_level(self) -> Rule | Composite:
        """Read a rule, or rules in parentheses joined by one of `and` and `or`."""
        if not self._is("("):
            return self._rule()
        first, start = self.at, self._next
        parts = [self._parenthesised()]
        joiner = self._joiner()
        while (word := self._joiner()) is not None:
            if word != joiner:
                self._fail(
                    f"{joiner!r} again",
                    "put parentheses around what belongs together: (A) and ((B) or (C))",
                )
            self._take()
            parts.append(self._parenthesised())
        if joiner is None:
            return parts[0]
        return Composite(joiner, tuple(parts), (), self._written(first), start.at)

    def _parenthesised(self) -> Rule | Composite:
        self._expect("(", "a rule in parentheses")
        inner = self._deeper(self._top_level)
        self._expect(")")
        return inner

    def _joiner(self) -> Literal["and", "or"] | None:
        if self._next.text in _AND:
            return "and"
        return "or" if self._next.text in _OR else None

    def _rule(self) -> Rule:
        first, start = self.at, self._next
        name = self._name("a rule")
        parameters = self._parameters()
        condition = self._condition() if self._next.text in _OPERATOR_WORDS else None
        where: str | None = None
        threshold: Condition | None = None
        tags: list[Tag] = []
        while self._next.text in {"where", "with", "labels"}:
            clause = self._take()
            if clause.text == "labels":
                raise NotEvaluatedError.named(clause.at, "labels = [ … ]")
            if clause.text == "where":
                if where is not None:
                    raise DqdlError.at(clause.at, "a rule has one where only")
                where = self._string("a SQL condition in double quotes")
                continue
            tag = Tag(self._name("threshold"), self._condition())
            if tag.name == "threshold" and threshold is None:
                threshold = tag.condition
            else:
                tags.append(tag)
        return Rule(
            name, parameters, condition, where, threshold, tuple(tags), (),
            self._written(first), start.at,
        )  # fmt: skip

    def _analyzer(self) -> Analyzer:
        start = self._next
        first = self.at
        name, parameters = self._name("an analyzer"), self._parameters()
        return Analyzer(name, parameters, self._written(first), start.at)

    def _parameters(self) -> tuple[str, ...]:
        """Read columns and the like: strings or bare words, `of` and `and` between them."""
        found: list[str] = []
        while True:
            connected = self._next.text in {*_OF, *_AND} and self._next.kind == "word"
            token = self.tokens[self.at + 1] if connected else self._next
            if not self._is_parameter(token):
                if connected:
                    self._take()
                    self._fail("a parameter in double quotes")
                return tuple(found)
            self.at += 1 + connected
            found.append(_unescaped(token.text) if token.kind == "string" else token.text)

    def _is_parameter(self, token: Token) -> bool:
        if token.text == "$":
            raise NotEvaluatedError.named(token.at, "a variable ($name)")
        return token.kind == "string" or (token.kind == "word" and token.text not in _KEYWORDS)

    # -- conditions --------------------------------------------------------------------

    def _condition(self) -> Condition:
        operator = self._operator()
        if operator in {"matches", "not matches"}:
            token = self._take_kind("string", "a regular expression in double quotes")
            return Condition(operator, (Pattern(token.text[1:-1]),))
        if operator in {"in", "not in"}:
            if not self._is("["):
                self._is_parameter(self._next)
            values = self._list(self._operand)
            if not values:
                raise DqdlError.at(self._next.at, "a list of values is empty")
            return Condition(operator, values)
        first = self._operand()
        if operator not in {"between", "not between"}:
            return Condition(operator, (first,))
        if self._next.text not in _AND:
            self._fail("and, then the upper bound")
        self._take()
        return Condition(operator, (first, self._operand()))

    def _operator(self) -> Operator:
        token = self._next
        if token.text not in _OPERATOR_WORDS:
            self._fail("one of = != > >= < <= between in matches not")
        self._take()
        if token.text != "not":
            return cast("Operator", token.text)
        if self._next.text not in {"between", "in", "matches"}:
            self._fail("between, in or matches after not")
        return cast("Operator", f"not {self._take().text}")

    def _operand(self) -> Operand:
        if self._next.kind == "string":
            return Text(_unescaped(self._take().text))
        if self._next.text in {*_VALUES, *_VALUES.values()}:
            name = self._take().text.lower()
            return Keyword(cast("Literal['NULL', 'EMPTY', 'WHITESPACES_ONLY']", _VALUES[name]))
        if self._next.text == "$":
            raise NotEvaluatedError.named(self._next.at, "a variable ($name)")
        return self._deeper(self._sum)

    def _sum(self) -> Operand:
        left = self._product()
        while self._next.text in {"+", "-"}:
            operator = cast("Literal['+', '-']", self._take().text)
            left = _joined(left, operator, self._product())
        return left

    def _product(self) -> Operand:
        left = self._factor()
        while self._next.text in {"*", "/"}:
            operator = cast("Literal['*', '/']", self._take().text)
            left = _joined(left, operator, self._factor())
        return left

    def _factor(self) -> Operand:
        if self._accept("("):
            inner = self._deeper(self._sum)
            self._expect(")")
            return inner
        if self._next.kind == "word":
            return self._call()
        negative = self._accept("-")
        token = self._take_kind("number", "a value: a number, a string, NULL, now() …")
        if not negative and self._next.text in UNITS and token.text.isdigit():
            return Quantity(_whole(token), self._take().text)
        value = Decimal(token.text)
        return Number(value.copy_negate() if negative else value)

    def _call(self) -> Operand:
        if self.tokens[self.at + 1].text != "(":
            self._fail("a value: a number, a string in double quotes, NULL, now() …")
        name = self._take().text
        self._expect("(")
        arguments: list[Operand] = []
        while not self._accept(")"):
            if arguments:
                self._expect(",", ") or a comma and another argument")
            arguments.append(self._deeper(self._sum))
        return Now() if name == "now" and not arguments else Call(name, tuple(arguments))

    # -- tokens ------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self.tokens[self.at]

    def _is(self, mark: str) -> bool:
        return self._next.kind == "mark" and self._next.text == mark

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self.at += 1
        return token

    def _take_kind(self, kind: str, expected: str) -> Token:
        if self._next.kind != kind:
            self._fail(expected)
        return self._take()

    def _accept(self, mark: str) -> bool:
        if not self._is(mark):
            return False
        self._take()
        return True

    def _expect(self, mark: str, expected: str = "") -> None:
        if not self._accept(mark):
            self._fail(expected or mark)

    def _name(self, expected: str) -> str:
        if self._next.text in _KEYWORDS:
            self._fail(expected)
        return self._take_kind("word", expected).text

    def _string(self, expected: str) -> str:
        return _unescaped(self._take_kind("string", expected).text)

    def _deeper(self, read: Callable[[], T]) -> T:
        """Run `read` one level deeper, within what Python's stack surely holds."""
        if self.depth >= _DEEPEST:
            raise DqdlError.at(
                self._next.at, f"parentheses are nested more than {_DEEPEST} deep"
            )
        self.depth += 1
        found = read()
        self.depth -= 1
        return found

    def _written(self, first: int) -> str:
        """Return the tokens read since `first` as they were written, blanks made single."""
        parts: list[str] = []
        for before, token in zip(
            self.tokens[first : self.at], self.tokens[first + 1 : self.at + 1], strict=True
        ):
            parts.append(before.text)
            if token.start > before.end:
                parts.append(" ")
        return "".join(parts).strip()

    def _fail(self, expected: str, hint: str = "") -> NoReturn:
        raise DqdlError.at(self._next.at, f"{expected} is expected, not {self._next}", hint)


def _joined(left: Operand, operator: Literal["+", "-", "*", "/"], right: Operand) -> Operand:
    """Join two operands; `now() - 3 days` is a moment, all else is arithmetic."""
    if left == Now() and isinstance(right, Quantity) and operator in {"+", "-"}:
        return Now(operator, right)
    return Arithmetic(left, operator, right)


def _whole(token: Token) -> int:
    if len(token.text) > 9:  # noqa: PLR2004 - keeps every duration within datetime's range
        raise DqdlError.at(token.at, f"{token.text} is out of range")
    return int(token.text)


def _unescaped(token_text: str) -> str:
    body = token_text[1:-1]
    if "\\" not in body:
        return body
    parts = body.split("\\\\")
    return "\\".join(part.replace('\\"', '"') for part in parts)
