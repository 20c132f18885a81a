"""What a query needs of a table whose rows lie in another system: columns, rows, how many.

Pure data. Only an optimisation: what is asked of the other system may let more through than the
query needs, never less, and the session that runs the query holds its rows to the query again. So a
condition that cannot be carried over may be left out of an AND, but never out of an OR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Value = bool | int | float | str | Decimal | date | datetime
Operator = Literal["=", "<>", "<", "<=", ">", ">=", "in", "prefix", "is null", "is not null"]


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """One column held against plain values of its own kind.

    Attributes:
        column: Its name, in lower case.
        values: One; for `in`, one or more; for `is null` and `is not null`, none.
    """

    column: str
    operator: Operator
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """All parts must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One part must hold."""

    parts: tuple[Condition, ...]


Condition = ColumnTest | Every | Either


# No row fulfils it: none of no parts holds.
NEVER = Either(())


@dataclass(frozen=True, slots=True)
class JoinKey:
    """One column of a table elsewhere that a query joins with one of another table.

    No other row is needed than those whose value is that of some row of the other table.

    Attributes:
        column: Its name, in lower case.
        table: The other table's dotted name, in lower case.
        other: The other's column, in lower case; its type compares by plain equality.
        condition: What else a row of the other table must fulfil, as SQL over its columns.
    """

    column: str
    table: str
    other: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class RemoteNeeds:
    """What a query needs of one table.

    Attributes:
        columns: Names, in lower case, of which some may be columns: no others are read. None:
            all may be.
        condition: What the rows needed must fulfil; None for all rows.
        needs_rows: Whether rows are read at all; DESCRIBE and EXPLAIN read none.
        limit: How many rows are enough, whichever they are; None where it is not known.
        joins: Which values of columns the rows needed must have besides.
    """

    columns: frozenset[str] | None = None
    condition: Condition | None = None
    needs_rows: bool = True
    limit: int | None = None
    joins: tuple[JoinKey, ...] = ()


EVERYTHING = RemoteNeeds()


def all_of(parts: Iterable[Condition | None]) -> Condition | None:
    """Return what holds where all parts do, as far as they are known."""
    known = tuple(part for part in parts if part is not None)
    if len(known) <= 1:
        return known[0] if known else None
    return Every(known)


def any_of(parts: Iterable[Condition | None]) -> Condition | None:
    """Return what holds where one of the parts does; None where one of them is not known."""
    known = tuple(parts)
    if not known or any(part is None for part in known):
        return None
    told = tuple(part for part in known if part is not None)
    return told[0] if len(told) == 1 else Either(told)


def kept(condition: Condition | None, wanted: Callable[[ColumnTest], bool]) -> Condition | None:
    """Return what is left of a condition when only some tests can be made."""
    match condition:
        case None:
            return None
        case ColumnTest():
            return condition if wanted(condition) else None
        case Every(parts):
            return all_of(kept(part, wanted) for part in parts)
        case Either(parts):
            return any_of(kept(part, wanted) for part in parts)


def plain_tests(condition: Condition | None) -> tuple[ColumnTest, ...]:
    """Return the tests that every row needed passes: those that stand in no OR."""
    match condition:
        case ColumnTest():
            return (condition,)
        case Every(parts):
            return tuple(test for part in parts for test in plain_tests(part))
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class RemoteColumns:
    """The columns of one table, as far as conditions of a query may name them.

    Attributes:
        plain: Name, in lower case, and type as text, of those that the query sees as they are.
        others: Names, in lower case, of all others.
    """

    plain: tuple[tuple[str, str], ...]
    others: frozenset[str] = field(default_factory=frozenset)
