"""Put numbers in place of what a dynamic rule says of earlier runs.

Pure. `last(k)` stands for the last `k` values of the metric that the rule judges, `avg`, `max`
and the like reduce them to one number, and arithmetic joins numbers. With no earlier value
`last` is 0, and with fewer than `k` it is all there are, as Glue has it: so a dynamic rule
judges from the first run on.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html#dqdl-dynamic-rules
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeworks.quality.comparison.literals import IncomparableError
from lakeworks.quality.comparison.numbers import deviation, mean, median
from lakeworks.quality.language.ruleset import Arithmetic, Call, Condition, Number, Operand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Figure = float | tuple[float, ...]
_PERCENT = 100


class HistoryError(IncomparableError):
    """An expression over earlier runs that gives no single number; the text says why."""


def is_dynamic(condition: Condition | None) -> bool:
    """Whether a condition has functions or arithmetic in it."""
    return condition is not None and any(
        isinstance(operand, Call | Arithmetic) for operand in condition.operands
    )


def resolved(condition: Condition, past: Sequence[float | None]) -> Condition:
    """Return a condition with a number for every function and sum.

    Args:
        past: Earlier values of the metric, oldest first; those that are null or no number are
            left out.

    Raises:
        HistoryError: it cannot be computed, or gives several numbers.
    """
    if not is_dynamic(condition):
        return condition
    known = known_values(past)
    return replace(
        condition,
        operands=tuple(
            Number(_decimal(scalar(operand, known)))
            if isinstance(operand, Call | Arithmetic)
            else operand
            for operand in condition.operands
        ),
    )


def known_values(past: Sequence[float | None]) -> tuple[float, ...]:
    """Return earlier values without those that are null or no finite number."""
    return tuple(float(v) for v in past if v is not None and math.isfinite(v))


def scalar(operand: Operand, past: Sequence[float]) -> float:
    """Return the number that an operand stands for.

    Raises:
        HistoryError: it stands for several, or cannot be computed.
    """
    found = _value(operand, past)
    if isinstance(found, tuple):
        if len(found) == 1:
            return found[0]
        shown = f"{operand} is {len(found)} values"
        raise HistoryError(f"{shown}, and one is compared: write avg({operand}) or the like")
    if not math.isfinite(found):
        raise HistoryError(f"{operand} is no finite number")
    return found


def problem(operand: Operand) -> str:
    """Return what is wrong with the functions of an expression, or an empty text.

    Whether it gives one number, which `last(5)` does not, is told when the rule is judged: its
    outcome is then Error, as in Glue, and the other rules are judged.
    """
    for call in _calls(operand):
        if call.name not in _ARITIES:
            names = ", ".join(sorted(_ARITIES))
            return f"{call.name} is no function; there are {names}"
        least, most = _ARITIES[call.name]
        if not least <= len(call.arguments) <= most:
            return f"{call} has {len(call.arguments)} arguments"
    return ""


def _calls(operand: Operand) -> Iterator[Call]:
    if isinstance(operand, Arithmetic):
        yield from _calls(operand.left)
        yield from _calls(operand.right)
    elif isinstance(operand, Call):
        yield operand
        for argument in operand.arguments:
            yield from _calls(argument)


def _value(operand: Operand, past: Sequence[float]) -> Figure:
    match operand:
        case Number(value):
            return float(value)
        case Arithmetic(left, operator, right):
            return _joined(operator, scalar(left, past), scalar(right, past))
        case Call(name, arguments):
            return _called(name, operand, arguments, past)
        case _:
            raise HistoryError(f"{operand} is no number")


def _joined(operator: str, left: float, right: float) -> float:
    if operator == "/" and right == 0:
        raise HistoryError(f"{left:g} is divided by 0")
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[operator]()


def _called(
    name: str, call: Call, arguments: tuple[Operand, ...], past: Sequence[float]
) -> Figure:
    if name not in _ARITIES:
        raise HistoryError(f"{name} is no function; there are {', '.join(sorted(_ARITIES))}")
    if name == "last":
        return _last(call, past)
    if name == "abs":
        return abs(scalar(arguments[0], past))
    found = _value(arguments[0], past)
    values = found if isinstance(found, tuple) else (found,)
    if name == "index":
        return _index(call, values, scalar(arguments[1], past))
    if name == "percentile":
        return _percentile(call, values, scalar(arguments[1], past))
    return _REDUCED[name](values)


def _last(call: Call, past: Sequence[float]) -> Figure:
    count = 1.0
    if call.arguments:
        count = scalar(call.arguments[0], past)
    if count < 1 or count != int(count):
        raise HistoryError(f"{call}: a whole number from 1 is expected")
    return tuple(past[-int(count) :]) or (0.0,)


def _index(call: Call, values: Sequence[float], at: float) -> float:
    if at < 0 or at != int(at):
        raise HistoryError(f"{call}: the index is a whole number from 0, the latest value")
    if at >= len(values):
        known = f"only {len(values)} known" if len(values) != 1 else "only one known"
        raise HistoryError(
            f"{call}: there is no value {int(at)}, with {known}; 0 is the latest"
        )
    return values[-1 - int(at)]


def _percentile(call: Call, values: Sequence[float], share: float) -> float:
    """Interpolate between the nearest ranks; up to 1 it is a share, above 1 a percentage."""
    if not 0 <= share <= _PERCENT:
        raise HistoryError(f"{call}: a percentile lies between 0 and 100")
    part = share / _PERCENT if share > 1 else share
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


_REDUCED: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": mean,
    "max": max,
    "min": min,
    "sum": math.fsum,
    "std": deviation,
    "median": median,
}
_ARITIES = {
    **dict.fromkeys((*_REDUCED, "abs"), (1, 1)),
    "last": (0, 1),
    "index": (2, 2),
    "percentile": (2, 2),
}


def _decimal(value: float) -> Decimal:
    # Its shortest text, which reads back as the same double.
    return Decimal(repr(value))
