"""How a value of a rule is compared with a column of some type, in SQL.

Pure. SQL is DuckDB's dialect, kept to what sqlglot carries to Spark unchanged in meaning. No
comparison made here fails at run time: a text that is no number or date casts to null with
`try_cast`, and a value that can never be compared with the column is refused with a reason.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as Exact
from decimal import InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Decimal, Scalar
from lakeworks.quality.language.ruleset import Now, Number, Operand, Text

if TYPE_CHECKING:
    from lakeworks.core.types import Field, Type

_INTEGERS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_MOST_DIGITS = 38
_LARGEST_FLOAT = Exact("3e38")
_TIMES = ("date", "timestamp", "timestamp_ntz")


class Comparison(NamedTuple):
    """Two SQL expressions of one type: the column's side and the value's."""

    subject: str
    literal: str


class RuleFailedError(Exception):
    """A rule that the data cannot satisfy, such as one on a column that is missing."""


class IncomparableError(Exception):
    """A value that has no meaning for a column of that type; the text says why."""


def is_text(type_: Type) -> bool:
    """Whether a column holds text."""
    return type_ == Scalar("string")


def is_number(type_: Type) -> bool:
    """Whether a column holds numbers."""
    return isinstance(type_, Decimal) or (
        isinstance(type_, Scalar) and type_.name in {*_INTEGERS, "float", "double"}
    )


def compared(column: Field, value: Operand, *, ordered: bool, moment: datetime) -> Comparison:
    """Return both sides of a comparison.

    Args:
        ordered: Whether the operator is one of order, so that text is read as a date.
        moment: What `now()` means.

    Raises:
        IncomparableError: the value cannot be compared with a column of that type.
    """
    name = quote_identifier(column.name)
    if is_number(column.type):
        return _with_number(name, column, value)
    if is_text(column.type):
        return _with_text(name, column, value, ordered=ordered, moment=moment)
    if isinstance(column.type, Scalar) and column.type.name in _TIMES:
        return _with_time(name, column, value, moment)
    if column.type == Scalar("boolean") and not ordered:
        return _with_boolean(name, column, value)
    raise _incomparable(column, value)


def _incomparable(column: Field, value: Operand) -> IncomparableError:
    return IncomparableError(
        f"{column.name} is {column.type}, which does not compare with {value}"
    )


def _with_number(name: str, column: Field, value: Operand) -> Comparison:
    number = _number(value)
    if number is None:
        raise _incomparable(column, value)
    if isinstance(column.type, Decimal):
        exact = _fits(column.type.precision, column.type.scale, number)
    elif column.type.name in _INTEGERS:  # type: ignore[union-attr]
        exact = _fits(_INTEGERS[column.type.name], 0, number)  # type: ignore[union-attr]
    else:
        exact = False
    if exact:
        return Comparison(name, f"{number:f}")
    if column.type == Scalar("float") and abs(number) < _LARGEST_FLOAT:
        return Comparison(name, f"cast({_double(number)} as float)")
    return Comparison(f"cast({name} as double)", _double(number))


def _number(value: Operand) -> Exact | None:
    if isinstance(value, Number):
        return value.value
    if not isinstance(value, Text):
        return None
    try:
        number = Exact(value.value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= 300 else None  # noqa: PLR2004


def _fits(precision: int, scale: int, number: Exact) -> bool:
    """Whether one decimal type holds both the column and the number."""
    _, digits, exponent = number.as_tuple()
    places = max(0, -int(exponent))
    whole = max(len(digits) + int(exponent), 1)
    return max(precision - scale, whole) + max(scale, places) <= _MOST_DIGITS


def _double(number: Exact) -> str:
    return f"cast('{number:e}' as double)"


def _with_text(
    name: str, column: Field, value: Operand, *, ordered: bool, moment: datetime
) -> Comparison:
    match value:
        case Number():
            return Comparison(f"try_cast({name} as double)", _double(value.value))
        case Now():
            return Comparison(
                f"try_cast({name} as timestamptz)", _instant(_resolved(value, moment))
            )
        case Text() if not ordered:
            return Comparison(name, _text(value.value))
        case Text():
            day = _day(value.value)
            if day is None:
                raise IncomparableError(f"{value} is no date; order is by dates and numbers")
            return Comparison(f"cast(try_cast({name} as timestamp) as date)", f"date '{day}'")
        case _:
            raise _incomparable(column, value)


def _text(value: str) -> str:
    # A null character ends the text of a statement in some drivers.
    if "\0" in value:
        parts = [quote_literal(part) for part in value.split("\0")]
        return "concat(" + ", chr(0), ".join(parts) + ")"
    return quote_literal(value)


def _with_time(name: str, column: Field, value: Operand, moment: datetime) -> Comparison:
    """Compare days with days and moments with moments.

    A bare date stands for the whole day, as in AWS's own executor (awslabs/deequ,
    `ColumnValuesRule`): `= "2026-11-22"` is true at any time of that day.
    """
    instant = column.type == Scalar("timestamp")
    if isinstance(value, Now):
        at = _resolved(value, moment)
        if column.type == Scalar("date"):
            return Comparison(name, f"date '{at:%Y-%m-%d}'")
        return Comparison(name, _instant(at) if instant else _reading(at))
    if not isinstance(value, Text):
        raise _incomparable(column, value)
    day = _day(value.value)
    if day is not None:
        return Comparison(
            name if column.type == Scalar("date") else f"cast({name} as date)", f"date '{day}'"
        )
    try:
        at = datetime.fromisoformat(value.value.strip())
    except ValueError:
        raise _incomparable(column, value) from None
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    if instant:
        return Comparison(name, _instant(at))
    return Comparison(f"cast({name} as timestamp)", _reading(at))


def _day(text: str) -> date | None:
    if len(text) != len("2026-11-22") or text[4] != "-":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _resolved(value: Now, moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    if value.distance is None:
        return moment
    step = timedelta(**{value.distance.unit: value.distance.amount})
    return moment - step if value.sign == "-" else moment + step


def _instant(at: datetime) -> str:
    return f"cast('{at:%Y-%m-%d %H:%M:%S.%f}+00:00' as timestamptz)"


def _reading(at: datetime) -> str:
    return f"cast('{at:%Y-%m-%d %H:%M:%S.%f}' as timestamp)"


def _with_boolean(name: str, column: Field, value: Operand) -> Comparison:
    match value:
        case Text(text) if text.lower() in {"true", "false"}:
            return Comparison(name, text.lower())
        case Number(number) if number in {0, 1}:
            return Comparison(name, "true" if number else "false")
        case _:
            raise _incomparable(column, value)
