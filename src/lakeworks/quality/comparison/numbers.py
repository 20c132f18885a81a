"""Compare a number with a condition of numbers; means and spreads of a few numbers.

Pure. Python's `statistics` does the latter too, and takes longer to import than a run with
nothing to do may take.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lakeworks.quality.language.ruleset import Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.quality.language.ruleset import Condition


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


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean of at least one number."""
    return math.fsum(values) / len(values)


def median(values: Iterable[float]) -> float:
    """Return the middle of at least one number, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return ordered[half - 1] + (ordered[half] - ordered[half - 1]) / 2


def deviation(values: Sequence[float], *, sample: bool = False) -> float:
    """Return the standard deviation: of a population, or as estimated from a sample of two."""
    # Scaled, so that squares of huge numbers do not overflow.
    scale = max(abs(value) for value in values) or 1.0
    middle = mean([value / scale for value in values])
    squares = math.fsum((value / scale - middle) ** 2 for value in values)
    return scale * math.sqrt(squares / (len(values) - sample))
