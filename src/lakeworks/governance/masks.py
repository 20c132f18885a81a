"""Masks: what is shown instead of a value, as SQL of the value's own type.

Pure. A mask is part of a secured relation, below whatever the caller asks, so a caller's conditions
see the masked value too. Where a mask cannot be applied to a type, the value is null: a mask never
shows more than it says. No mask makes a query fail, whatever the value is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.sql_types import sql_type
from lakeworks.core.types import Decimal, Scalar
from lakeworks.governance import expression_trees as x
from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.expressions import parse
from lakeworks.governance.mask_functions import FUNCTIONS
from lakeworks.governance.mask_salt import MaskSalt
from lakeworks.governance.sql_types import is_plain, typed_null

if TYPE_CHECKING:
    from lakeworks.core.types import Type
    from lakeworks.governance.mask_functions import Takes

MaskKind = Literal["null", "redact", "last4", "hash", "year", "email_domain", "sql"]
KINDS: tuple[MaskKind, ...] = (
    "null", "redact", "last4", "hash", "year", "email_domain", "sql",
)  # fmt: skip
VALUE = "value"
REDACTED = "[redacted]"
_SHOWN_FROM = 8
_TEXT = Scalar("string")


@dataclass(frozen=True, slots=True)
class Mask:
    """What is shown instead of a value.

    Attributes:
        expression: For `sql`: an expression over `value`.
        policy: The policy that asks for it.
        salt: For `hash`: what values are salted with, empty for none that is there; None to
            take the variable's.
    """

    kind: MaskKind
    expression: str = ""
    policy: str = ""
    salt: str | None = field(default=None, repr=False)

    def sql(self, column: str, kind: Type) -> str:
        """Return the masked value of a column, of the column's type, in the lake's dialect.

        Args:
            column: The column's name as the table has it.
            kind: Its type.
        """
        return f"({_WRITERS[self.kind](self, quote_identifier(column), kind)})"

    @property
    def shown(self) -> str:
        """What people read of it; nothing secret."""
        return f"sql {self.expression}" if self.kind == "sql" else self.kind


def check_expression(text: str) -> None:
    """Hold a mask's expression to the language.

    Raises:
        ExpressionError: it is not in it, or names a column other than `value`.
    """
    _Writer('"value"', _TEXT).write(parse(text, functions=FUNCTIONS))


def _as_null(_mask: Mask, _value: str, kind: Type) -> str:
    return typed_null(kind)


def _redact(_mask: Mask, _value: str, kind: Type) -> str:
    return quote_literal(REDACTED) if kind == _TEXT else typed_null(kind)


def _last4(_mask: Mask, value: str, kind: Type) -> str:
    if kind != _TEXT:
        return typed_null(kind)
    # Of a short text, four characters would be most of it.
    return (
        f"case when length({value}) >= {_SHOWN_FROM} "
        f"then repeat('*', length({value}) - 4) || right({value}, 4) "
        f"else repeat('*', length({value})) end"
    )


def _hash(mask: Mask, value: str, kind: Type) -> str:
    secret = MaskSalt.of_variable().value if mask.salt is None else mask.salt
    if not secret:
        return typed_null(kind)
    # The salt's length comes first: no other salt and value make the same text.
    prefix = quote_literal(f"{len(secret)}:{secret}:")
    if kind == _TEXT:
        return f"sha256({prefix} || {value})"
    digits = {"int": 9, "bigint": 18}.get(str(kind))
    if digits is None:
        return typed_null(kind)
    hexadecimal = f"substr(sha256({prefix} || cast({value} as varchar)), 1, {digits})"
    return f"cast(translate({hexadecimal}, 'abcdef', '012345') as {sql_type(kind)})"


def _year(_mask: Mask, value: str, kind: Type) -> str:
    match kind:
        case Scalar("date"):
            return f"make_date(year({value}), 1, 1)"
        case Scalar("timestamp" | "timestamp_ntz"):
            return f"cast(make_date(year({value}), 1, 1) as {sql_type(kind)})"
        case Scalar("string"):
            return f"cast(year(try_cast({value} as date)) as varchar)"
        case _:
            return typed_null(kind)


def _email_domain(_mask: Mask, value: str, kind: Type) -> str:
    if kind != _TEXT:
        return typed_null(kind)
    one_at = f"length({value}) - length(replace({value}, '@', '')) = 1"
    return (
        f"case when {value} is null then null when {one_at} "
        f"then '***@' || split_part({value}, '@', 2) else '***' end"
    )


def _expression(mask: Mask, value: str, kind: Type) -> str:
    if not is_plain(kind):
        return typed_null(kind)
    try:
        tree = parse(mask.expression, functions=FUNCTIONS)
        return f"try_cast({_Writer(value, kind).write(tree)} as {sql_type(kind)})"
    except ExpressionError:
        return typed_null(kind)


_WRITERS = {
    "null": _as_null,
    "redact": _redact,
    "last4": _last4,
    "hash": _hash,
    "year": _year,
    "email_domain": _email_domain,
    "sql": _expression,
}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes a mask's expression anew: every part is cast to what its place takes."""

    value: str
    kind: Type

    def write(self, tree: x.Expression) -> str:
        match tree:
            case x.Column(path):
                if len(path) != 1 or path[0].lower() != VALUE:
                    raise ExpressionError(
                        f"a mask knows no column {'.'.join(path)!r}",
                        "write value for the column's own value",
                    )
                return self.value
            case x.Literal():
                return _literal(tree)
            case x.Arithmetic("||", left, right):
                return f"({self._as_text(left)} || {self._as_text(right)})"
            case x.Arithmetic(operator, left, right):
                # As doubles: integers and decimals would overflow, and that is an error.
                return f"({self._as_number(left)} {operator} {self._as_number(right)})"
            case x.Call(name, arguments):
                return self._call(name, arguments)
            case x.Case(branches, otherwise):
                told = "".join(
                    f" when {self._truth(c)} then {self._as_text(v)}" for c, v in branches
                )
                last = f" else {self._as_text(otherwise)}" if otherwise else ""
                return f"(case{told}{last} end)"
            case _:
                return self._condition(tree)

    def _condition(self, tree: x.Expression) -> str:
        match tree:
            case x.Junction(word, parts):
                return "(" + f" {word} ".join(self._truth(part) for part in parts) + ")"
            case x.Not(inner):
                return f"(not {self._truth(inner)})"
            case x.IsNull(inner):
                return f"({self.write(inner)} is null)"
            case x.Compare(operator, left, right):
                return self._compared(operator, left, right)
            case x.Between(inner, low, high):
                return self._truth(
                    x.Junction(
                        "and", (x.Compare(">=", inner, low), x.Compare("<=", inner, high))
                    )
                )
            case x.In(inner, options):
                parts = tuple(x.Compare("=", inner, option) for option in options)
                return self._truth(x.Junction("or", parts))
            case _:
                raise ExpressionError("a session's tags have no place in a mask")

    def _compared(self, operator: str, left: x.Expression, right: x.Expression) -> str:
        if operator != "like" and "number" in (self._gives(left), self._gives(right)):
            return f"({self._as_number(left)} {operator} {self._as_number(right)})"
        return f"({self._as_text(left)} {operator} {self._as_text(right)})"

    def _truth(self, tree: x.Expression) -> str:
        return f"try_cast({self.write(tree)} as boolean)"

    def _call(self, name: str, arguments: tuple[x.Expression, ...]) -> str:
        function = FUNCTIONS[name]
        if not function.least <= len(arguments) <= function.most:
            problem = f"{name} takes {function.least} to {function.most} arguments"
            raise ExpressionError(f"{problem}, not {len(arguments)}")
        takes = [*function.takes, *(function.takes[-1:] * len(arguments))]
        written = [self._as(t, one) for t, one in zip(takes, arguments, strict=False)]
        if name in ("year", "month"):
            return f"{name}(try_cast({written[0]} as date))"
        return f"{name}({', '.join(written)})"

    def _as(self, takes: Takes, tree: x.Expression) -> str:
        match takes:
            case "number":
                return self._as_number(tree)
            case "count":
                return _count(tree)
            case _:
                return self._as_text(tree)

    def _as_text(self, tree: x.Expression) -> str:
        if isinstance(tree, x.Literal) and tree.kind == "number":
            return quote_literal(
                str(tree.value)
            )  # as it was written: engines differ on doubles
        return f"cast({self.write(tree)} as varchar)"

    def _as_number(self, tree: x.Expression) -> str:
        return f"try_cast({self.write(tree)} as double)"

    def _gives(self, tree: x.Expression) -> Takes:
        match tree:
            case x.Column():
                numeric = isinstance(self.kind, Decimal) or str(self.kind) in _NUMERIC
                return "number" if numeric else "text"
            case x.Literal("number"):
                return "number"
            case x.Arithmetic(operator):
                return "text" if operator == "||" else "number"
            case x.Call(name):
                return FUNCTIONS[name].gives
            case _:
                return "any"


_NUMERIC = frozenset({"tinyint", "smallint", "int", "bigint", "float", "double"})
_MAX_COUNT = 10_000


def _count(tree: x.Expression) -> str:
    """Return a position or length: a constant, so that no value can make it huge."""
    if isinstance(tree, x.Literal) and tree.kind == "number" and isinstance(tree.value, str):
        digits = tree.value.lstrip("-")
        if digits.isdecimal() and int(digits) <= _MAX_COUNT:
            return tree.value
    raise ExpressionError("a position or a length is a whole number, written out")


def _literal(literal: x.Literal) -> str:
    if literal.kind == "null":
        return "cast(null as varchar)"
    if literal.kind == "number":
        return f"cast({literal.value} as double)"
    if literal.kind == "boolean":
        return "true" if literal.value else "false"
    return quote_literal(str(literal.value))
