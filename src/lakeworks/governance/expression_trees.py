"""The trees of row filters and masks.

Pure data. What is not here cannot be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a field of a nested one, as it was written."""

    path: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `value` is a text, a number's text, a bool, a date, a datetime or None."""

    kind: str
    value: str | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class SessionTag:
    """The value of a tag of the caller's session."""

    key: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`=`, `<>`, `<`, `<=`, `>`, `>=`, or `like`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends are included."""

    value: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class In:
    """Equal to one of some constants."""

    value: Expression
    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """`is null`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """`not`."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` of at least two."""

    word: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*`, `/` or `||`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the list."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`case when … then … else … end`."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


Expression = (
    Column | Literal | SessionTag | Compare | Between | In | IsNull | Not | Junction
    | Arithmetic | Call | Case
)  # fmt: skip
