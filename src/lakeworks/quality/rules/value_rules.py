"""Rules on single values: what they are, how long they are, what type they could have.

Pure. The pages are https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html, and
details that they leave open follow AWS's own executor (awslabs/deequ, `com.amazon.deequ.dqdl`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.quality.comparison import conditions, data_types
from lakeworks.quality.comparison.literals import is_number
from lakeworks.quality.comparison.times_of_day import as_moments, zone_of
from lakeworks.quality.language.ruleset import Text
from lakeworks.quality.outcomes.evaluation import Finding, ShareTest
from lakeworks.quality.rules.context import (
    Compiled,
    IncomparableError,
    RowLevel,
    RuleFailedError,
)

if TYPE_CHECKING:
    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Condition, Rule
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context

_EXTREMES = {
    ">": ("Minimum",),
    ">=": ("Minimum",),
    "<": ("Maximum",),
    "<=": ("Maximum",),
    "=": ("Minimum", "Maximum"),
    "between": ("Minimum", "Maximum"),
}


def _column_values(rule: Rule, context: Context) -> Compiled:
    """Every value, or a share of them, satisfies a condition (page ColumnValues).

    Null satisfies only `!=` and `not in`, where these do not name NULL. With `ignoreCase`, texts
    are equal that differ in case only (awslabs/dqdl, `StringBasedCondition`); a time such as
    "9:30 AM" is that of today in the zone of `timeZone`, or in UTC.
    """
    column, name = context.column(rule.parameters[0]), rule.parameters[0]
    where = context.where(rule)
    extremes = _extremes(column, rule, context)
    share = f"Column.{name}.ColumnValues.Compliance"
    if rule.condition is None:  # an analyzer: how small and how large the values are
        return Compiled(ExtremesTest(extremes))
    asked = context.resolved(rule.condition, share)
    condition = _values(column, asked, rule, context) if asked else ""
    good, total = context.rows(condition, where), context.rows("", where)
    threshold = context.resolved(rule.threshold, share)
    test = ShareTest(share, good, total, threshold, f"are not {asked}", extremes)
    rows = RowLevel(condition, where=where)
    return Compiled(test, rows, rejects=threshold is None, share=share)


def _column_length(rule: Rule, context: Context) -> Compiled:
    """Every text has a length that satisfies a condition; null has none, which is 0.

    Page ColumnLength.
    """
    column, name = context.column(rule.parameters[0]), rule.parameters[0]
    where = context.where(rule)
    length = conditions.length_of(column)
    extremes = tuple(
        (f"Column.{name}.{kind}Length", _extreme(kind, length, where, context))
        for kind in _kinds(rule.condition)
    )
    share = f"Column.{name}.LengthCompliance"
    total = context.rows("", where)
    if rule.condition is None:
        return Compiled(ExtremesTest(extremes))
    asked = context.resolved(rule.condition, share)
    condition = conditions.number_test(length, asked) if asked else ""
    threshold = context.resolved(rule.threshold, share)
    bad = f"have a length that is not {asked}"
    good = context.rows(condition, where)
    test = ShareTest(share, good, total, threshold, bad, extremes)
    rows = RowLevel(condition, where=where)
    return Compiled(test, rows, rejects=threshold is None, share=share)


def _column_data_type(rule: Rule, context: Context) -> Compiled:
    """Every value could be of a type; null could be of none (page ColumnDataType; deequ)."""
    column, name = context.column(rule.parameters[0]), rule.parameters[0]
    if rule.condition is None or rule.condition.operator not in {"=", "!="}:
        raise IncomparableError("ColumnDataType compares with = or !=")
    (wanted,) = rule.condition.operands
    if not isinstance(wanted, Text):
        raise RuleFailedError(f"{wanted} is no data type; write it in double quotes")
    condition = data_types.castable(column, wanted.value, rule.option("format"))
    if rule.condition.operator == "!=":
        condition = f"not {condition}"
    where = context.where(rule)
    metric = f"Column.{name}.ColumnDataType.Compliance"
    threshold = context.resolved(rule.threshold, metric)
    good, total = context.rows(condition, where), context.rows("", where)
    verb = "cannot" if rule.condition.operator == "=" else "can"
    bad = f"{verb} be read as {wanted.value}"
    rows = RowLevel(condition, where=where)
    test = ShareTest(metric, good, total, threshold, bad)
    return Compiled(test, rows, rejects=threshold is None, share=metric)


COMPILERS = {
    "ColumnValues": _column_values,
    "ColumnLength": _column_length,
    "ColumnDataType": _column_data_type,
}


@dataclass(frozen=True, slots=True)
class ExtremesTest:
    """The least and the greatest of an analyzer, which judges nothing.

    Attributes:
        figures: Glue's names of the metrics, and those of the figures.
    """

    figures: tuple[tuple[str, str], ...]

    def judge(self, figures: Figures) -> Finding:
        """Tell those that there are."""
        found = {name: figures.number(figure) for name, figure in self.figures}
        metrics = {name: value for name, value in found.items() if value is not None}
        return Finding("Passed", metrics=metrics)


def _values(column: Field, asked: Condition, rule: Rule, context: Context) -> str:
    zone = zone_of(rule.option("timeZone") or "UTC")
    told = as_moments(asked, column, context.moment, zone)
    ignore_case = (rule.option("ignoreCase") or "").lower() == "true"
    return conditions.values(column, told, context.moment, ignore_case=ignore_case)


def _kinds(condition: Condition | None) -> tuple[str, ...]:
    return _EXTREMES.get(condition.operator, ()) if condition else ("Minimum", "Maximum")


def _extremes(column: Field, rule: Rule, context: Context) -> tuple[tuple[str, str], ...]:
    if not is_number(column.type):
        return ()
    name, where = quote_identifier(column.name), context.where(rule)
    return tuple(
        (
            f"Column.{rule.parameters[0]}.{kind}",
            _extreme(kind, name, where, context)
            if where
            else context.extreme(column, "least" if kind == "Minimum" else "most"),
        )
        for kind in _kinds(rule.condition)
    )


def _extreme(kind: str, expression: str, where: str, context: Context) -> str:
    function = "min" if kind == "Minimum" else "max"
    kept = f"case when {where} then {expression} end" if where else expression
    return context.aggregate(f"{function}({kept})")
