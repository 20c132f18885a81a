"""Read the conditions of DQDL: operators and what stands to their right.

Pure. Constants (`$name`) are put in at once, so that the tree holds values only.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html#dqdl-syntax-rule-expressions
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, cast

from lakeworks.core.errors import did_you_mean
from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.cursor import Cursor, unescaped
from lakeworks.quality.language.ruleset import (
    Arithmetic,
    Call,
    Condition,
    Keyword,
    Now,
    Number,
    Operand,
    Operator,
    Pattern,
    Quantity,
    Text,
)

if TYPE_CHECKING:
    from lakeworks.quality.language.lexer import Source, Token
    from lakeworks.quality.language.ruleset import Constant

DURATIONS = ("minutes", "hours", "days")
SIZES = ("B", "KB", "MB", "GB", "TB")
AND = ("and", "AND")
OPERATOR_WORDS = frozenset({"=", "!=", ">", ">=", "<", "<=", "between", "in", "matches", "not"})
_UNITS = frozenset({*DURATIONS, *SIZES})
_VALUES = {"null": "NULL", "empty": "EMPTY", "whitespaces_only": "WHITESPACES_ONLY"}
KEYWORD_VALUES = frozenset({*_VALUES, *_VALUES.values()})
_LISTING = ("in", "not in")
_RANGES = ("between", "not between")
_MATCHING = ("matches", "not matches")
_A_VALUE = "a value: a number, a string in double quotes, NULL, now() …"
_MOST_OPERATORS = 100
_LONGEST_QUANTITY = 9
_LONGEST_NAME = 64


class ConditionReader(Cursor):
    """Reads conditions; `constants` are those declared so far."""

    def __init__(self, source: Source, found: list[Token]) -> None:
        super().__init__(source, found)
        self.constants: dict[str, Constant] = {}
        self.operators = 0

    def condition(self) -> Condition:
        """Read an operator and its operands."""
        operator = self._operator()
        if operator in _MATCHING:
            token = self.take_kind("string", "a regular expression in double quotes")
            return Condition(operator, (Pattern(token.text[1:-1]),))
        if operator in _LISTING:
            return Condition(operator, self._values())
        first = self._single(operator)
        if operator not in _RANGES:
            return Condition(operator, (first,))
        if self.next.text not in AND:
            self.fail("and, then the upper bound,")
        self.take()
        return Condition(operator, (first, self._single(operator)))

    def option_value(self) -> tuple[Operand, ...]:
        """Read what an option is set to: a value, a bare word, or a list of strings."""
        if self.accept("["):
            values = self.listed(lambda: Text(self.string("a string in double quotes")))
            return values or self._empty_list()
        bare = self.next.kind == "word" and self.next.text not in KEYWORD_VALUES
        if bare and self.tokens[self.at + 1].text != "(":
            return (Text(self.take().text),)
        return (self._single("="),)

    def constant(self) -> tuple[Text | Keyword, ...] | Text | Keyword:
        """Take `$name` and return the value of that constant."""
        at = self.place(self.take())
        name = self.take_kind("word", "the name of a constant").text
        if name not in self.constants:
            hint = did_you_mean(name[:_LONGEST_NAME], self.constants)
            problem = f"${name[:_LONGEST_NAME]} names no constant that is set above"
            raise DqdlError.at(at, problem, hint or f'set it: {name[:_LONGEST_NAME]} = "value"')
        return self.constants[name].value

    def literal(self) -> Text | Keyword:
        """Read a string, or NULL, EMPTY or WHITESPACES_ONLY."""
        if self.next.text in KEYWORD_VALUES:
            return self._keyword()
        return Text(self.string("a string in double quotes"))

    # -- operators and operands --------------------------------------------------------

    def _operator(self) -> Operator:
        token = self.next
        if token.text not in OPERATOR_WORDS:
            self.fail("one of = != > >= < <= between in matches not")
        self.take()
        if token.text != "not":
            return cast("Operator", token.text)
        if self.next.text not in {"between", "in", "matches"}:
            self.fail("between, in or matches after not")
        return cast("Operator", f"not {self.take().text}")

    def _values(self) -> tuple[Operand, ...]:
        """Read a list in brackets, or a constant that is one."""
        if self.next.text == "$":
            value = self.constant()
            return value if isinstance(value, tuple) else (value,)
        if self.next.text != "[":
            hint = 'write in ["a", "b"], or $name for a constant'
            self.fail("[ and a list of values", hint)
        self.take()
        found: list[Operand] = []
        for values in self.listed(self._spliced, "value"):
            found.extend(values)
        return tuple(found) or self._empty_list()

    def _spliced(self) -> tuple[Operand, ...]:
        if self.next.text == "$":
            value = self.constant()
            return value if isinstance(value, tuple) else (value,)
        return (self._operand(),)

    def _empty_list(self) -> tuple[Operand, ...]:
        raise DqdlError.at(self.place(self.tokens[self.at - 1]), "a list of values is empty")

    def _single(self, operator: str) -> Operand:
        if self.next.text != "$":
            return self._operand()
        at = self.place()
        value = self.constant()
        if isinstance(value, tuple):
            problem = f"{operator} compares with one value, and the constant is a list"
            raise DqdlError.at(at, problem, "use in or not in with a list")
        return value

    def _operand(self) -> Operand:
        token = self.next
        if token.kind == "string":
            return Text(unescaped(self.take().text))
        if token.text in KEYWORD_VALUES:
            return self._keyword()
        if token.text == "(" and self.sees("(", "now"):
            return self._moment()
        if token.text == "now":
            return self._now()
        if token.kind == "number" and self.tokens[self.at + 1].text in _UNITS:
            return self._quantity(_UNITS, "a unit")
        self.operators = 0
        return self.deeper(self._sum)

    def _keyword(self) -> Keyword:
        name = _VALUES[self.take().text.lower()]
        return Keyword(cast("Literal['NULL', 'EMPTY', 'WHITESPACES_ONLY']", name))

    def _now(self) -> Now:
        self.expect("now")
        self.expect("(", "( and ) after now")
        self.expect(")")
        if self.next.text in {"+", "-"}:
            distance = "".join(str(token) for token in self.tokens[self.at : self.at + 2])
            hint = f"write (now() {distance[:1]} 3 days), in parentheses"
            self.fail("the end of the condition", hint)
        return Now()

    def _moment(self) -> Now:
        """Read `(now() - 3 days)`."""
        self.take()
        self.take()
        self.expect("(", "( and ) after now")
        self.expect(")")
        if self.next.text not in {"+", "-"}:
            self.fail("- or + and a duration, such as - 3 days,")
        sign = cast("Literal['-', '+']", self.take().text)
        distance = self._quantity(frozenset(DURATIONS), "minutes, hours or days")
        self.expect(")")
        return Now(sign, distance)

    def _quantity(self, units: frozenset[str], expected: str) -> Quantity:
        token = self.take_kind("number", "a whole number")
        if not token.text.isdigit() or len(token.text) > _LONGEST_QUANTITY:
            # Nine digits keep every duration within what a date can hold.
            what = "no whole number" if not token.text.isdigit() else "out of range"
            raise DqdlError.at(self.place(token), f"{token} is {what}")
        if self.next.text not in units:
            self.fail(expected)
        return Quantity(int(token.text), self.take().text)

    # -- arithmetic --------------------------------------------------------------------

    def _sum(self) -> Operand:
        left = self._product()
        while self.next.text in {"+", "-"}:
            operator = cast("Literal['+', '-']", self.take().text)
            left = self._joined(left, operator, self._factor())
            if self.next.text in {"*", "/"}:
                # Glue reads a - 2 * b from left to right, as (a - 2) * b; people do not.
                problem = f"{self.next} follows {operator}, and nothing says which goes first"
                hint = "put parentheses around what belongs together: a - (2 * b)"
                raise DqdlError.at(self.place(), problem, hint)
        return left

    def _product(self) -> Operand:
        left = self._factor()
        while self.next.text in {"*", "/"}:
            operator = cast("Literal['*', '/']", self.take().text)
            left = self._joined(left, operator, self._factor())
        return left

    def _joined(
        self, left: Operand, operator: Literal["+", "-", "*", "/"], right: Operand
    ) -> Operand:
        self.operators += 1
        if self.operators > _MOST_OPERATORS:
            problem = f"an expression has more than {_MOST_OPERATORS} operators"
            raise DqdlError.at(self.place(), problem)
        return Arithmetic(left, operator, right)

    def _factor(self) -> Operand:
        if self.accept("("):
            inner = self.deeper(self._sum)
            self.expect(")")
            return inner
        if self.next.kind == "word":
            return self._call()
        negative = self.accept("-")
        value = Decimal(self.take_kind("number", _A_VALUE).text)
        return Number(value.copy_negate() if negative else value)

    def _call(self) -> Operand:
        if self.tokens[self.at + 1].text != "(":
            self.fail(_A_VALUE, self._word_hint())
        name = self.take()
        if name.text == "now":
            hint = "write (now() - 3 days) on its own"
            raise DqdlError.at(self.place(name), "now() takes no part in arithmetic", hint)
        self.take()
        arguments = self.listed(lambda: self.deeper(self._sum), "argument", ")")
        return Call(name.text, arguments)

    def _word_hint(self) -> str:
        name = self.next.text
        if name in self.constants:
            return f"write ${name} for the constant"
        return "text stands in double quotes" if self.next.text not in _UNITS else ""
