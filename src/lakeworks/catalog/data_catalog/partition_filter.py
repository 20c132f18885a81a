"""Which partitions are wanted: conditions over partition keys, as a tree. Pure.

`expression.py` reads one from Glue's text; a planner builds one from a WHERE clause:

    AllOf((Comparison.of("year", "=", 2026), Comparison.of("region", "in", "eu", "us")))

A condition that names a null key is neither true nor false, as in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self

Operator = Literal[
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "between",
    "like",
    "is null",
    "is not null",
    "is unreadable",
]
Value = str | int | float | Decimal | date | datetime | bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One key held against values: one, two for `between`, any number for `in`.

    Attributes:
        key: A partition key; case does not matter.
        operator: `is unreadable` is true of a value that is none of its key's type here, and
            may be one to an engine (`2026-1-2`); it cannot be negated.
    """

    key: str
    operator: Operator
    values: tuple[Value, ...] = ()

    @classmethod
    def of(cls, key: str, operator: Operator, *values: Value) -> Self:
        """Write a comparison as it is read."""
        return cls(key, operator, values)


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where every part is; without parts, everywhere."""

    parts: tuple[PartitionFilter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where one part is; without parts, nowhere."""

    parts: tuple[PartitionFilter, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """True where the part is false."""

    part: PartitionFilter


PartitionFilter = Comparison | AllOf | AnyOf | Negation
