"""Tell whether a metric's new value is out of line with its earlier ones, and why.

Pure. AWS does not publish Glue's own method; this one is made of published, robust parts, so
that one bad run in the past neither hides the next nor calls a good one bad:

1. *Few values* (three to seven): Student's prediction interval of 99 % around their mean. It is
   wide, as it must be.
2. *Trend* (from eight values): the Theil-Sen slope, where the Mann-Kendall test finds one (1 %).
3. *Week*: where 21 values or more differ by their place in a period of seven (Kruskal-Wallis
   test, 1 %), each is compared with those at its own place. With up to 27 values, where the
   test finds no week (two quiet days of seven are not always enough for it), a value as it was
   seven runs ago is let pass.
4. *Spread*: the median absolute deviation of what is left, with Croux and Rousseeuw's
   correction for few values, never less than half a percent of the level.
5. *Bounds*: 3.5 spreads on either side of the expected value, the limit that Iglewicz and
   Hoaglin give for the modified z-score, widened by 1 + 4/n, since the spread of few values is
   itself uncertain.

Counts of rows and distinct values are compared by ratio (logarithms), since they grow by it.
The latest 56 values are looked at. Fewer than three are too few, as in Glue.

P. K. Sen, JASA 63 (1968); H. B. Mann, Econometrica 13 (1945); W. H. Kruskal and W. A. Wallis,
JASA 47 (1952); C. Croux and P. J. Rousseeuw, COMPSTAT (1992); B. Iglewicz and D. C. Hoaglin, How
to Detect and Handle Outliers (1993).
https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-DetectAnomalies.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.comparison.history import known_values
from lakeworks.quality.comparison.numbers import deviation, mean, median

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_VALUES = 3
MOST_VALUES = 56
PERIOD = 7
LIMIT = 3.5
_MANY_VALUES = 8
_STUDENT = {2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 6: 3.707}  # 99 %, by degrees of freedom
_TREND_LIMIT = 2.576  # the normal distribution's, 1 % on both sides
_SEASON_VALUES = 3 * PERIOD
_SURE_VALUES = 4 * PERIOD
_SEASON_LIMIT = 16.812  # chi-squared with six degrees of freedom, 1 %
_LEAST_SPREAD = 0.005
_MAD_TO_SIGMA = 1.482602
_FEW_VALUES = {8: 1.129, 9: 1.107}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """What earlier values let one expect of the next.

    Attributes:
        deviation: One spread above the expected value, in the metric's unit.
        parts: What was found in the values: `trend`, `week`.
    """

    expected: float
    lower: float
    upper: float
    deviation: float
    values: tuple[float, ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a value is anomalous; `reason` is empty where it is not."""

    anomalous: bool
    reason: str = ""
    forecast: Forecast | None = None


def judge(
    name: str, value: float | None, past: Sequence[float | None], *, counts: bool = False
) -> Verdict:
    """Judge a metric's new value by its earlier ones.

    Args:
        name: The metric's name, for the reason.
        value: The new value; one that is missing or no number is anomalous once there are
            enough earlier values.
        past: Earlier values, oldest first, one a run.
        counts: Whether it counts something, so that it is compared by ratio and is never
            expected below 0.
    """
    known = known_values(past)
    if len(known) < LEAST_VALUES:
        return Verdict(anomalous=False)
    found = forecast(known, counts=counts)
    if value is not None and _expected(value, found):
        return Verdict(anomalous=False, forecast=found)
    return Verdict(anomalous=True, reason=_reason(name, value, found), forecast=found)


def forecast(past: Sequence[float], *, counts: bool = False) -> Forecast:
    """Return what at least three earlier values, oldest first, let one expect of the next."""
    known = tuple(past[-MOST_VALUES:])
    if counts and min(known) > 0:
        line = _line([math.log(value) for value in known], least_spread=2 * _LEAST_SPREAD)
        middle, low, high = (
            math.exp(x)
            for x in (line.expected, line.expected - line.width, line.expected + line.width)
        )
        step = math.exp(line.expected + line.spread) - middle
        return Forecast(middle, low, high, step, known, line.parts)
    line = _line(known, least_spread=_LEAST_SPREAD * abs(median(known)))
    low, high = line.expected - line.width, line.expected + line.width
    floor = 0.0 if counts else -math.inf
    return Forecast(line.expected, max(low, floor), high, line.spread, known, line.parts)


@dataclass(frozen=True, slots=True)
class _Line:
    expected: float
    spread: float
    width: float
    parts: tuple[str, ...]


def _line(values: Sequence[float], *, least_spread: float) -> _Line:
    count = len(values)
    if count < _MANY_VALUES:
        spread = max(deviation(values, sample=True), least_spread)
        width = _STUDENT[count - 1] * spread * math.sqrt(1 + 1 / count)
        return _Line(mean(values), spread, width, ())
    slope = _slope(values) if _rises_or_falls(values) else 0.0
    flat = [value - slope * at for at, value in enumerate(values)]
    parts = ("trend",) if slope else ()
    same = flat[count % PERIOD :: PERIOD] if _differs_by_place(flat) else flat
    level = median(same)
    if same is flat:
        rest = [value - level for value in flat]
    else:
        rest = [value - _others(flat, at) for at, value in enumerate(flat)]
        parts = (*parts, "week")
    spread = max(_spread(rest), least_spread)
    return _Line(level + slope * count, spread, LIMIT * spread * (1 + 4 / count), parts)


def _others(values: Sequence[float], at: int) -> float:
    """The median of the other values at the same place of the period."""
    same = range(at % PERIOD, len(values), PERIOD)
    return median(values[other] for other in same if other != at)


def _spread(rest: Sequence[float]) -> float:
    """The median absolute deviation from 0, made to estimate a standard deviation."""
    count = len(rest)
    few = _FEW_VALUES.get(count, count / (count - 0.8))
    middle = median(abs(value) for value in rest)
    return few * _MAD_TO_SIGMA * middle


def _slope(values: Sequence[float]) -> float:
    """Theil and Sen's: the median of the slopes between all pairs."""
    return median(
        (values[later] - values[earlier]) / (later - earlier)
        for earlier in range(len(values))
        for later in range(earlier + 1, len(values))
    )


def _rises_or_falls(values: Sequence[float]) -> bool:
    """Mann and Kendall's test; ties lessen the variance."""
    count = len(values)
    if count < _MANY_VALUES:
        return False
    signs = sum(
        (values[later] > values[earlier]) - (values[later] < values[earlier])
        for earlier in range(count)
        for later in range(earlier + 1, count)
    )
    ties = [values.count(value) for value in set(values)]
    variance = (_ends(count) - sum(map(_ends, ties))) / 18
    if variance <= 0:
        return False
    return (abs(signs) - 1) / math.sqrt(variance) > _TREND_LIMIT


def _ends(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def _differs_by_place(values: Sequence[float]) -> bool:
    """Kruskal and Wallis's test over the seven places of the period."""
    count = len(values)
    if count < _SEASON_VALUES:
        return False
    ranks = _ranks(values)
    groups = [ranks[place::PERIOD] for place in range(PERIOD)]
    between = sum(sum(group) ** 2 / len(group) for group in groups)
    statistic = 12 / (count * (count + 1)) * between - 3 * (count + 1)
    ties = sum(n**3 - n for n in (values.count(value) for value in set(values)))
    correction = 1 - ties / (count**3 - count)
    return correction > 0 and statistic / correction > _SEASON_LIMIT


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    ordered = sorted(values)
    first = {value: at for at, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] + (values.count(value) - 1) / 2 for value in values]


def _expected(value: float, found: Forecast) -> bool:
    if found.lower <= value <= found.upper:
        return True
    # So few values may not tell a week yet: one like that of seven runs ago is let pass.
    if "week" in found.parts or not PERIOD <= len(found.values) < _SURE_VALUES:
        return False
    ago = found.values[-PERIOD]
    return ago - (found.expected - found.lower) <= value <= ago + (found.upper - found.expected)


def _reason(name: str, value: float | None, found: Forecast) -> str:
    latest = ", ".join(f"{value:.6g}" for value in found.values[-_SHOWN:])
    after = f" (with {' and '.join(found.parts)})" if found.parts else ""
    if value is None or not math.isfinite(value):
        off = "no number"
    elif found.deviation > 0:
        away = (value - found.expected) / found.deviation
        off = f"{value:.6g}, {abs(away):.3g} deviations {'above' if away > 0 else 'below'}"
    else:
        off = f"{value:.6g}"
    return (
        f"{name} is {off}: {found.expected:.6g} was expected{after}, between {found.lower:.6g} "
        f"and {found.upper:.6g}, after {len(found.values)} runs, the latest {latest}"
    )
