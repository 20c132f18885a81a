"""The analyzer Distribution: how often the values of a column, or ranges of them, occur.

Pure. Page Distribution; the bins are those of awslabs/deequ, `HistogramBinned`. Glue keeps the bins
of earlier runs until too many values lie outside (`rebin`); here they are laid anew each time,
as Glue lays them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Decimal, Scalar
from lakeworks.quality.comparison.literals import is_number
from lakeworks.quality.outcomes.evaluation import AllOf, Distribution, Finding
from lakeworks.quality.rules.composed_rules import ALL_COLUMNS
from lakeworks.quality.rules.context import PRIMARY, Compiled, IncomparableError

if TYPE_CHECKING:
    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Rule
    from lakeworks.quality.outcomes.evaluation import Test
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context

MOST = 20  # bins, and values that are told
_FARTHEST = 1e307  # what lies farther apart may have a width that is no finite number


def _distribution(rule: Rule, context: Context) -> Compiled:
    """How often values occur (page Distribution): of a number by bins, else the most frequent.

    Nulls, and doubles that are infinite or no numbers, are left out.
    """
    name = rule.parameters[0]
    bins = int(rule.option("bins") or MOST)
    if name == ALL_COLUMNS and ALL_COLUMNS not in context.schema:
        told = [field for field in context.schema if _is_told(field)]
        return Compiled(AllOf(tuple(_of(field, field.name, bins, context) for field in told)))
    column = context.column(name)
    if not _is_told(column):
        raise IncomparableError(f"{name} is {column.type}, whose values are not told apart")
    return Compiled(_of(column, name, bins, context))


COMPILERS = {"Distribution": _distribution}


@dataclass(frozen=True, slots=True)
class BinsTest:
    """How many numbers lie in each of some ranges of equal width."""

    metric: str
    type: str
    counted: str
    bins: int

    def judge(self, figures: Figures) -> Finding:
        """Tell it; a column without values has no distribution."""
        rows = figures.rows(self.counted)
        if not rows:
            return Finding("Passed")
        low, high = rows[0]["low"], rows[0]["high"]
        edges: tuple[float, ...] = (low, high)
        if _apart(low, high):
            width = (high - low) / self.bins
            edges = (*(low + at * width for at in range(self.bins)), high)
        counts = dict.fromkeys(range(len(edges) - 1), 0)
        for row in rows:
            counts[row["bin"]] += row["n"]
        told = Distribution(tuple(map(repr, edges)), tuple(counts.values()), self.type)
        return Finding("Passed", distributions={self.metric: told})


@dataclass(frozen=True, slots=True)
class ValuesTest:
    """How often the most frequent values occur."""

    metric: str
    type: str
    counted: str

    def judge(self, figures: Figures) -> Finding:
        """Tell it; a column without values has no distribution."""
        rows = figures.rows(self.counted)
        values = tuple(str(row["told"]) for row in rows)
        told = Distribution(values, tuple(row["n"] for row in rows), self.type)
        return Finding("Passed", distributions={self.metric: told} if rows else {})


def _apart(low: float, high: float) -> bool:
    """Whether there are bins between two numbers; else all numbers are in one."""
    return 0 < high - low < _FARTHEST


def _is_told(column: Field) -> bool:
    binary = column.type == Scalar("binary")
    return isinstance(column.type, Scalar | Decimal) and not binary


def _of(column: Field, name: str, bins: int, context: Context) -> Test:
    metric, type_ = f"Column.{name}.Distribution", str(column.type)
    if is_number(column.type):
        return BinsTest(metric, type_, context.query(_binned(column, bins)), bins)
    value = quote_identifier(column.name)
    sql = (
        f"select lw_told as told, count(*) as n from (select cast({value} as string) as lw_told "
        f"from {PRIMARY} as lw_data where {value} is not null) as lw_values "
        f"group by lw_told order by n desc, told limit {MOST}"
    )
    return ValuesTest(metric, type_, context.query(sql))


def _binned(column: Field, bins: int) -> str:
    value = f"cast({quote_identifier(column.name)} as double)"
    # x - x is 0 for every finite x, and for no other.
    kept = f"select {value} as lw_x from {PRIMARY} as lw_data where ({value}) - ({value}) = 0"
    bounds = f"select min(lw_x) as lw_low, max(lw_x) as lw_high from ({kept}) as lw_kept"
    span = "(lw_high - lw_low)"
    at = f"least(floor((lw_x - lw_low) / ({span} / {bins})), cast({bins - 1} as double))"
    apart = f"{span} > 0 and {span} < cast('{_FARTHEST!r}' as double)"
    return (
        "select lw_low as low, lw_high as high, lw_bin as bin, count(*) as n from ("
        f"select lw_low, lw_high, cast(case when {apart} then {at} else 0 end as int) as lw_bin "
        f"from ({kept}) as lw_values cross join ({bounds}) as lw_bounds) as lw_binned "
        "group by lw_low, lw_high, lw_bin"
    )
