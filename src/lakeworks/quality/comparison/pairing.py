"""How columns of two datasets are compared, in SQL that cannot fail at run time.

Pure. Rules on two datasets pair columns by position or by name; their types may differ, since
one dataset may come from text files. A text that does not read as the other's type is null and
so equals nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Decimal, Scalar
from lakeworks.quality.comparison.literals import IncomparableError, is_number, is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.types import Field, Type

_TIMES = ("date", "timestamp", "timestamp_ntz")


class Pair(NamedTuple):
    """Two SQL expressions of types that compare, one over each dataset's columns."""

    primary: str
    reference: str


def paired(ours: Field, theirs: Field) -> Pair:
    """Return both sides of a comparison of two columns.

    Raises:
        IncomparableError: values of their types are never equal.
    """
    first, second = quote_identifier(ours.name), quote_identifier(theirs.name)
    left, right = ours.type, theirs.type
    if (
        left == right
        or (is_number(left) and is_number(right))
        or (_time(left) and _time(right))
    ):
        return Pair(first, second)
    if is_text(left) and _reads(right):
        return Pair(f"try_cast({first} as {_sql(right)})", second)
    if is_text(right) and _reads(left):
        return Pair(first, f"try_cast({second} as {_sql(left)})")
    raise IncomparableError(
        f"{ours.name} is {left} and {theirs.name} of the reference is {right}, "
        "which do not compare"
    )


def selected(expressions: Sequence[str], prefix: str, relation: str) -> str:
    """Return a SELECT of expressions named `<prefix>0`, `<prefix>1`, ….

    A relation can be joined under such names whatever its own columns are called.
    """
    columns = ", ".join(f"{sql} as {prefix}{at}" for at, sql in enumerate(expressions))
    return f"select {columns} from {relation}"


def _time(type_: Type) -> bool:
    return isinstance(type_, Scalar) and type_.name in _TIMES


def _reads(type_: Type) -> bool:
    return is_number(type_) or _time(type_) or type_ == Scalar("boolean")


def _sql(type_: Type) -> str:
    if isinstance(type_, Decimal):
        return f"decimal({type_.precision}, {type_.scale})"
    if type_ == Scalar("timestamp"):
        return "timestamptz"
    return "timestamp" if type_ == Scalar("timestamp_ntz") else str(type_)
