"""Which files of a table can hold rows that a filter lets through, by what the log says of them.

Pure. A file is left out only where its bounds, or its partition, exclude every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.storage.file_layout import bounds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.storage.files import DataFile

Operator = Literal["=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`; with several values, any of them may hold.

    Attributes:
        values: As the log's statistics have them: numbers, booleans, text, ISO 8601 moments.
    """

    column: str
    operator: Operator
    values: tuple[Any, ...]


def files_left(files: Sequence[DataFile], comparisons: Iterable[Comparison]) -> list[DataFile]:
    """Return the files that all of the comparisons leave."""
    wanted = list(comparisons)
    return [found for found in files if all(_may_hold(found, one) for one in wanted)]


def _may_hold(found: DataFile, asked: Comparison) -> bool:
    if asked.column in found.partition:
        return _partition_may_hold(found.partition[asked.column], asked)
    bounds = bounds_of(found, asked.column)
    if bounds is None:
        return True
    try:
        return any(_within(bounds, asked.operator, value) for value in asked.values)
    except TypeError:  # a number compared with text: the engine casts, and we do not
        return True


def _partition_may_hold(text: str | None, asked: Comparison) -> bool:
    if text is None:
        return False  # no comparison lets null through
    try:
        return any(_within((one, one), asked.operator, value)
                   for value in asked.values for one in [type(value)(text)])  # fmt: skip
    except (TypeError, ValueError):
        return True


def _within(bounds: tuple[Any, Any], operator: Operator, value: Any) -> bool:  # noqa: ANN401
    low, high = bounds
    match operator:
        case "=":
            return bool(low <= value <= high)
        case "<":
            return bool(low < value)
        case "<=":
            return bool(low <= value)
        case ">":
            return bool(high > value)
        case ">=":
            return bool(high >= value)
