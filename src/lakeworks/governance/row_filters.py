"""Row filters: Lake Formation's grammar, held to a table's columns and written as the lake's SQL.

Pure. https://docs.aws.amazon.com/lake-formation/latest/dg/partiql-support.html: a column (or a field
of a struct) compared with constants of its type, joined by AND, OR, NOT; no functions, no column
against another. Beyond it, dates and timestamps may be compared, and `session_tag('key')` stands for
a tag of the caller's session. A filter that does not fit its table is an error, which every caller
takes for "nothing may be seen".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Decimal, Scalar, Struct
from lakeworks.governance import expression_trees as x
from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.expressions import parse
from lakeworks.governance.sql_types import field_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.types import Schema, Type

NOTHING = "false"
MATCHED = "matched"
_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint"})
_NUMBERS = _INTEGERS | {"float", "double"}


class MissingSessionTagError(ExpressionError):
    """The caller's session lacks a tag that a filter asks for: no row passes."""

    code = "LW560"


def parse_filter(text: str) -> x.Expression:
    """Read a row filter.

    Raises:
        ExpressionError: it is not in the grammar.
    """
    found = parse(text)
    _check(found, text)
    return found


def columns_of(expression: x.Expression) -> Iterator[x.Column]:
    """Yield every column that a filter names."""
    match expression:
        case x.Column():
            yield expression
        case x.Junction(_, parts):
            for part in parts:
                yield from columns_of(part)
        case x.Not(value) | x.IsNull(value) | x.Between(value) | x.In(value):
            yield from columns_of(value)
        case x.Compare(_, left, _):
            yield from columns_of(left)
        case _:
            return


@dataclass(frozen=True, slots=True)
class FilterWriter:
    """Writes filters as SQL over one table's columns.

    Attributes:
        schema: The columns of the table.
        session_tags: Those of the caller.
        matched: The column that `matched` stands for, in a policy on tagged columns.
    """

    schema: Schema
    session_tags: Mapping[str, str]
    matched: str | None = None

    def sql(self, expression: x.Expression) -> str:
        """Return a condition in the lake's dialect.

        Raises:
            ExpressionError: a column is not there, or a constant is not of its type.
            MissingSessionTagError: the session lacks a tag.
        """
        match expression:
            case x.Junction(word, parts):
                return "(" + f" {word} ".join(self.sql(part) for part in parts) + ")"
            case x.Not(value):
                return f"(not {self.sql(value)})"
            case x.Column():
                column, kind = self._column(expression)
                if kind != Scalar("boolean"):
                    raise ExpressionError(f"{column} is {kind}, not a condition")
                return f"({column})"
            case _:
                return f"({self._simple(expression)})"

    def _simple(self, expression: x.Expression) -> str:
        match expression:
            case x.IsNull(value):
                return f"{self._column(value)[0]} is null"
            case x.Between(value, low, high):
                column, kind = self._column(value)
                low_sql, high_sql = self._constant(low, kind), self._constant(high, kind)
                return f"{column} between {low_sql} and {high_sql}"
            case x.In(value, options):
                column, kind = self._column(value)
                written = ", ".join(self._constant(one, kind) for one in options)
                return f"{column} in ({written})"
            case x.Compare(operator, left, right):
                column, kind = self._column(left)
                if operator == "like" and kind != Scalar("string"):
                    raise ExpressionError(f"like is for text, and {column} is {kind}")
                return f"{column} {operator} {self._constant(right, kind)}"
            case _:
                raise ExpressionError("a row filter compares columns with constants")

    def _column(self, expression: x.Expression) -> tuple[str, Type]:
        if not isinstance(expression, x.Column):
            raise ExpressionError("a row filter compares columns with constants")
        path = expression.path
        if path[0].lower() == MATCHED and self.matched is not None:
            path = (self.matched, *path[1:])
        found = self.schema.get(path[0])
        if found is None:
            raise ExpressionError(f"the table has no column {path[0]!r}")
        sql, kind = quote_identifier(found.name), found.type
        for name in path[1:]:
            if not isinstance(kind, Struct):
                raise ExpressionError(f"{sql} is {kind}, which has no field {name!r}")
            inner = next((f for f in kind.fields if f.name.lower() == name.lower()), None)
            if inner is None:
                raise ExpressionError(f"{sql} has no field {name!r}")
            sql, kind = field_of(sql, inner.name), inner.type
        return sql, kind

    def _constant(self, expression: x.Expression, kind: Type) -> str:
        match expression:
            case x.SessionTag(key):
                if key not in self.session_tags:
                    raise MissingSessionTagError(f"the session has no tag {key!r}")
                return _tag_as(self.session_tags[key], kind)
            case x.Literal("number", str(text)):
                return _number(text, kind)
            case x.Literal("text", str(text)):
                return _text_as(text, kind)
            case x.Literal("boolean", bool(value)) if kind == Scalar("boolean"):
                return "true" if value else "false"
            case x.Literal("date" | "timestamp", date() as moment):
                return _moment(moment, kind)
            case _:
                raise ExpressionError(f"the constant is not of the column's type, {kind}")


def _check(expression: x.Expression, text: str) -> None:
    """Hold a tree to Lake Formation's shapes, whatever the table is."""
    match expression:
        case x.Junction(_, parts):
            for part in parts:
                _check(part, text)
        case x.Not(value):
            _check(value, text)
        case x.Column():
            return
        case _:
            _check_sides(*_sides(expression, text), text)


def _sides(
    expression: x.Expression, text: str
) -> tuple[x.Expression, tuple[x.Expression, ...]]:
    """Return what is compared, and what with."""
    match expression:
        case x.IsNull(value):
            return value, ()
        case x.Compare(_, left, right):
            return left, (right,)
        case x.Between(value, low, high):
            return value, (low, high)
        case x.In(value, options):
            return value, options
        case _:
            hint = "a condition is expected, such as country = 'DE'"
            raise ExpressionError.at(text, 0, "this is no condition", hint)


def _check_sides(left: x.Expression, right: tuple[x.Expression, ...], text: str) -> None:
    if not isinstance(left, x.Column):
        raise ExpressionError.at(text, 0, "a column stands left of a comparison")
    if not all(isinstance(one, x.Literal | x.SessionTag) for one in right):
        problem = f"{'.'.join(left.path)} is compared with something else than a constant"
        raise ExpressionError.at(text, left.at, problem, "columns are compared with constants")


def _number(text: str, kind: Type) -> str:
    plain = text.lstrip("-")
    if isinstance(kind, Scalar) and kind.name in _INTEGERS and plain.isdecimal():
        # Beyond 64 bits no column could hold it, and engines part ways.
        if int(plain) < 1 << 63:
            return text
    elif isinstance(kind, Decimal) and "e" not in text.lower():
        return text
    elif isinstance(kind, Scalar) and kind.name in ("float", "double"):
        return f"cast({text} as double)"
    raise ExpressionError(f"the constant {text} is not of the column's type, {kind}")


def _tag_as(text: str, kind: Type) -> str:
    """Return a session tag's value, which is text, as a constant of a column's type."""
    if isinstance(kind, Decimal) or (isinstance(kind, Scalar) and kind.name in _NUMBERS):
        try:
            found = parse(f"n = {text}")
        except ExpressionError:
            found = None
        literal = found.right if isinstance(found, x.Compare) else None
        if isinstance(literal, x.Literal) and literal.kind == "number":
            return _number(str(literal.value), kind)
    return _text_as(text, kind)


def _text_as(text: str, kind: Type) -> str:
    """Return a text as a constant of a column's type; a date may be written as text."""
    if kind == Scalar("string"):
        return quote_literal(text)
    if isinstance(kind, Scalar) and kind.name in ("date", "timestamp", "timestamp_ntz"):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ExpressionError(f"the constant {text!r} is no {kind}") from None
        return _moment(moment.date() if kind.name == "date" else moment, kind)
    raise ExpressionError(f"the constant {text!r} is not of the column's type, {kind}")


def _moment(moment: date, kind: Type) -> str:
    if kind == Scalar("date"):
        if isinstance(moment, datetime):
            raise ExpressionError("a date is compared with a date, not a timestamp")
        return f"cast('{moment.isoformat()}' as date)"
    instant = moment
    if not isinstance(instant, datetime):
        instant = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - set below
    if kind == Scalar("timestamp"):
        utc = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        return f"cast('{utc.isoformat(sep=' ')}' as timestamp with time zone)"
    if kind == Scalar("timestamp_ntz") and instant.tzinfo is None:
        return f"cast('{instant.isoformat(sep=' ')}' as timestamp)"
    raise ExpressionError(f"the constant {moment} is not of the column's type, {kind}")
