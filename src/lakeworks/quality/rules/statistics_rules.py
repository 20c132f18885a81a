"""Rules on statistics of columns of numbers.

Pure. The pages are https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html; nulls
are left out, and where a column has no value at all the rule fails (awslabs/deequ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Decimal, Scalar
from lakeworks.quality.comparison.literals import is_number
from lakeworks.quality.outcomes.evaluation import CountTest, Finding, ValueTest, compared
from lakeworks.quality.rules.context import PRIMARY, Compiled, IncomparableError, both_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Condition, Rule
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context


def _mean(rule: Rule, context: Context) -> Compiled:
    """The arithmetic mean (page Mean)."""
    return _statistic(rule, context, lambda x, _: f"avg({x})")


def _sum(rule: Rule, context: Context) -> Compiled:
    """The sum (page Sum)."""
    return _statistic(rule, context, lambda x, _: f"sum({x})")


def _standard_deviation(rule: Rule, context: Context) -> Compiled:
    """The population's standard deviation (page StandardDeviation; deequ divides by n)."""
    return _statistic(rule, context, lambda x, column: _spread("stddev_pop", x, column))


def _variance(rule: Rule, context: Context) -> Compiled:
    """The population's variance (deequ, `VarianceRule`: divided by n)."""
    return _statistic(rule, context, lambda x, column: _spread("var_pop", x, column))


def _column_correlation(rule: Rule, context: Context) -> Compiled:
    """Pearson's correlation of two columns; rows with a null are left out.

    Page ColumnCorrelation.
    """
    columns = [_number(context.column(name)) for name in rule.parameters]
    where = context.where(rule)
    arguments = [_filtered(_double(column), where) for column in columns]
    metric = f"Multicolumn.{','.join(rule.parameters)}.ColumnCorrelation"
    figure = context.aggregate(_finite("corr", arguments, columns))
    asked, total = context.asked(rule, metric), context.rows("", where)
    what = "ColumnCorrelation"
    return Compiled(ValueTest(metric, what, figure, asked, total, bool(where)))


def _range(rule: Rule, context: Context) -> Compiled:
    """The largest value less the smallest, as doubles (deequ, `Range`)."""

    def sql(x: str, _: Field) -> str:
        return f"cast(max({x}) as double) - cast(min({x}) as double)"

    return _statistic(rule, context, sql)


def _interquartile_range(rule: Rule, context: Context) -> Compiled:
    """The third quartile less the first, interpolated (deequ, `InterquartileRange`)."""

    def sql(x: str, _: Field) -> str:
        value = f"cast({x} as double)"
        return f"quantile_cont({value}, 0.75) - quantile_cont({value}, 0.25)"

    return _statistic(rule, context, sql)


def _skewness(rule: Rule, context: Context) -> Compiled:
    """The population's skewness; 0 where all values are one (deequ, `SkewnessState`)."""
    return _moments(
        rule, context, lambda n, second, third, _: math.sqrt(n) * third / second**1.5
    )


def _kurtosis(rule: Rule, context: Context) -> Compiled:
    """The population's excess kurtosis; 0 where all values are one (deequ, `KurtosisState`)."""
    return _moments(rule, context, lambda n, second, _, fourth: n * fourth / second**2 - 3)


def _zeros_count(rule: Rule, context: Context) -> Compiled:
    """How many values are 0 (deequ, `ZerosCount`)."""
    column = _number(context.column(rule.parameters[0]))
    metric = f"Column.{rule.parameters[0]}.ZerosCount"
    zeros = context.rows(f"{quote_identifier(column.name)} = 0", context.where(rule))
    return Compiled(CountTest(metric, "ZerosCount", context.asked(rule, metric), zeros))


COMPILERS = {
    "Range": _range,
    "InterquartileRange": _interquartile_range,
    "Skewness": _skewness,
    "Kurtosis": _kurtosis,
    "ZerosCount": _zeros_count,
    "Mean": _mean,
    "Sum": _sum,
    "StandardDeviation": _standard_deviation,
    "Variance": _variance,
    "ColumnCorrelation": _column_correlation,
}


def _statistic(rule: Rule, context: Context, sql: Callable[[str, Field], str]) -> Compiled:
    column = _number(context.column(rule.parameters[0]))
    where = context.where(rule)
    figure = context.aggregate(sql(_filtered(quote_identifier(column.name), where), column))
    metric = f"Column.{rule.parameters[0]}.{rule.type}"
    asked, total = context.asked(rule, metric), context.rows("", where)
    return Compiled(ValueTest(metric, rule.type, figure, asked, total, bool(where)))


@dataclass(frozen=True, slots=True)
class MomentsTest:
    """What the central moments of a column give, against a condition."""

    metric: str
    moments: str
    shape: Callable[[float, float, float, float], float]
    condition: Condition | None
    filtered: bool

    def judge(self, figures: Figures) -> Finding:
        """Compare it; without a value there is nothing to compare."""
        (row,) = figures.rows(self.moments)
        what = self.metric.rpartition(".")[2]
        if not row["n"]:
            reason = f"{what} has no value: there are no values but null"
            return Finding("Passed") if self.filtered else Finding("Failed", reason)
        if row["least"] == row["most"]:
            # Rounding of the mean would leave something to reckon with.
            return compared(self.metric, what, 0.0, self.condition)
        powers = (row["second"], row["third"], row["fourth"])
        if not all(map(math.isfinite, powers)):
            return Finding("Failed", f"{what} has no value: values are infinite or no numbers")
        value = self.shape(row["n"], *powers) if powers[0] else 0.0
        return compared(self.metric, what, value, self.condition)


def _moments(
    rule: Rule, context: Context, shape: Callable[[float, float, float, float], float]
) -> Compiled:
    """Ask for sums of powers around the mean: two passes, since raw powers cancel out."""
    column = _number(context.column(rule.parameters[0]))
    metric = f"Column.{rule.parameters[0]}.{rule.type}"
    value = _double(column)
    kept = both_of(context.where(rule), f"{quote_identifier(column.name)} is not null")
    mean = f"select avg({value}) as lw_mean from {PRIMARY} as lw_data where {kept}"
    away = (
        f"select {value} - lw_mean as lw_x from {PRIMARY} as lw_data "
        f"cross join ({mean}) as lw_means where {kept}"
    )
    figure = context.query(
        "select count(*) as n, min(lw_x) as least, max(lw_x) as most, "
        "sum(lw_x * lw_x) as second, sum(lw_x * lw_x * lw_x) as third, "
        f"sum(lw_x * lw_x * lw_x * lw_x) as fourth from ({away}) as lw_away"
    )
    asked = context.asked(rule, metric)
    return Compiled(MomentsTest(metric, figure, shape, asked, rule.where is not None))


def _number(column: Field) -> Field:
    if not is_number(column.type):
        raise IncomparableError(
            f"{column.name} is {column.type}, and only numbers are reckoned"
        )
    return column


def _filtered(expression: str, where: str) -> str:
    return f"case when {where} then {expression} end" if where else expression


def _double(column: Field) -> str:
    return f"cast({quote_identifier(column.name)} as double)"


def _spread(function: str, expression: str, column: Field) -> str:
    if isinstance(column.type, Decimal):
        return f"{function}(cast({expression} as double))"
    return _finite(function, [expression], [column])


def _finite(function: str, arguments: list[str], columns: list[Field]) -> str:
    """Return an aggregate that is NaN where a value is infinite or not a number.

    DuckDB refuses such values in these functions, where Spark gives NaN.
    """
    taken: list[str] = []
    others: list[str] = []
    for argument, column in zip(arguments, columns, strict=True):
        if isinstance(column.type, Scalar) and column.type.name in {"float", "double"}:
            # x - x is 0 for every finite x, and for no other.
            finite = f"({argument}) - ({argument}) = 0"
            taken.append(f"case when {finite} then {argument} end")
            others.append(f"count(case when not {finite} then 1 end) > 0")
        else:
            taken.append(argument)
    aggregate = f"{function}({', '.join(taken)})"
    if not others:
        return aggregate
    return f"case when {' or '.join(others)} then cast('nan' as double) else {aggregate} end"
