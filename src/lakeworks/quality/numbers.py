"""Compare a number with a condition of numbers.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.quality.ruleset import Number

if TYPE_CHECKING:
    from lakeworks.quality.ruleset import Condition


def satisfied(value: float, condition: Condition) -> bool:
    """Whether a number satisfies a condition of numbers; `between` excludes both ends."""
    # Doubles on both sides, as Glue compares: 7 of 10 rows are then exactly 0.7.
    bounds = [float(o.value) for o in condition.operands if isinstance(o, Number)]
    first = bounds[0]
    inside = len(bounds) > 1 and bounds[0] < value < bounds[1]
    return {
        "=": value == first,
        "!=": value != first,
        ">": value > first,
        ">=": value >= first,
        "<": value < first,
        "<=": value <= first,
        "between": inside,
        "not between": not inside,
        "in": value in bounds,
        "not in": value not in bounds,
    }[condition.operator]
