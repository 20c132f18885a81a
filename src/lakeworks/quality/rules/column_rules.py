"""Rules on columns as wholes: complete, unique, how many different values.

Pure. Each function says what its rule type means and where that is written; the pages are
https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html, and details that they leave
open follow AWS's own executor (awslabs/deequ, `com.amazon.deequ.dqdl`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.comparison import conditions
from lakeworks.quality.outcomes.evaluation import AllOf, Finding, ShareTest, compared
from lakeworks.quality.rules.context import Compiled, RowLevel, both_of

if TYPE_CHECKING:
    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Condition, Rule
    from lakeworks.quality.outcomes.evaluation import Test
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.outcomes.metrics import GroupFigure
    from lakeworks.quality.rules.context import Context, Groups


def _is_complete(rule: Rule, context: Context) -> Compiled:
    """No value is null (page IsComplete)."""
    column = context.column(rule.parameters[0])
    test = _completeness_test(column, rule.parameters[0], None, rule, context)
    rows = RowLevel(conditions.complete(column), where=context.where(rule))
    return Compiled(test, rows, share=f"Column.{rule.parameters[0]}.Completeness")


def _completeness(rule: Rule, context: Context) -> Compiled:
    """The share of values that are not null (page Completeness)."""
    column = context.column(rule.parameters[0])
    metric = f"Column.{rule.parameters[0]}.Completeness"
    asked = context.asked(rule, metric)
    test = _completeness_test(column, rule.parameters[0], asked, rule, context)
    rows = RowLevel(conditions.complete(column), where=context.where(rule))
    return Compiled(test, rows, rejects=False)


def _is_unique(rule: Rule, context: Context) -> Compiled:
    """Every value, or combination of values, occurs once (page IsUnique).

    Rows in which all the columns are null are not looked at (deequ, `GroupingAnalyzers`).
    """
    columns = context.columns(rule.parameters)
    return Compiled(_uniqueness_test(columns, rule, context), _once(columns, rule, context))


def _uniqueness(rule: Rule, context: Context) -> Compiled:
    """The share of rows whose value occurs once (page Uniqueness); nulls as in IsUnique."""
    columns = context.columns(rule.parameters)
    rows = _once(columns, rule, context)
    return Compiled(_uniqueness_test(columns, rule, context), rows, rejects=False)


def _is_primary_key(rule: Rule, context: Context) -> Compiled:
    """The columns are complete, and unique together (page IsPrimaryKey)."""
    columns = context.columns(rule.parameters)
    names = {context.column(name).name: name for name in reversed(rule.parameters)}
    tests: list[Test] = [
        _completeness_test(column, names[column.name], None, rule, context)
        for column in columns
    ]
    tests.append(_uniqueness_test(columns, rule, context))
    condition = " and ".join(conditions.complete(column) for column in columns)
    return Compiled(AllOf(tuple(tests)), _once(columns, rule, context, condition))


def _unique_value_ratio(rule: Rule, context: Context) -> Compiled:
    """How many values occur once, of all different values (page UniqueValueRatio)."""
    columns = context.columns(rule.parameters)
    metric = _metric(rule, "UniqueValueRatio")
    groups = _groups(columns, rule, context, "groups", "once")
    test = RatioTest(metric, groups, context.asked(rule, metric))
    return Compiled(test, _once(columns, rule, context), rejects=False)


def _distinct_values_count(rule: Rule, context: Context) -> Compiled:
    """How many different values there are; null counts as one (deequ, `Histogram`)."""
    columns = context.columns(rule.parameters)
    metric = _metric(rule, "DistinctValuesCount")
    total = context.rows("", context.where(rule))
    groups = _groups(columns, rule, context, "rows", "groups")
    return Compiled(DistinctTest(metric, groups, total, context.asked(rule, metric)))


def _entropy(rule: Rule, context: Context) -> Compiled:
    """Shannon's entropy of the values in nats, nulls left out (page Entropy; deequ)."""
    columns = context.columns(rule.parameters)
    metric = _metric(rule, "Entropy")
    groups = _groups(columns, rule, context, "rows", "spread")
    filtered = rule.where is not None
    return Compiled(EntropyTest(metric, groups, context.asked(rule, metric), filtered))


def _duplicate_row_count(rule: Rule, context: Context) -> Compiled:
    """How many rows have values that another row has too; of all columns where none is named.

    Rows in which all of them are null are not compared (deequ, `DuplicateRowCount`).
    """
    columns = context.columns(rule.parameters or context.schema.names)
    of = f"Multicolumn.{','.join(rule.parameters)}" if rule.parameters else "Dataset.*"
    metric = f"{of}.DuplicateRowCount"
    groups = _groups(columns, rule, context, "rows", "once")
    test = DuplicatesTest(metric, groups, context.asked(rule, metric))
    return Compiled(test, _once(columns, rule, context), rejects=False)


COMPILERS = {
    "DuplicateRowCount": _duplicate_row_count,
    "IsComplete": _is_complete,
    "Completeness": _completeness,
    "IsUnique": _is_unique,
    "Uniqueness": _uniqueness,
    "IsPrimaryKey": _is_primary_key,
    "UniqueValueRatio": _unique_value_ratio,
    "DistinctValuesCount": _distinct_values_count,
    "Entropy": _entropy,
}


@dataclass(frozen=True, slots=True)
class RatioTest:
    """Values that occur once, of all different values."""

    metric: str
    groups: Groups
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Pass where there is no value at all."""
        different = figures.count(self.groups.groups)
        if not different:
            return Finding("Passed")
        share = figures.count(self.groups.once) / different
        return compared(self.metric, "UniqueValueRatio", share, self.condition)


@dataclass(frozen=True, slots=True)
class DistinctTest:
    """How many different values."""

    metric: str
    groups: Groups
    total: str
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Count null as one more value where it occurs."""
        nulls = figures.count(self.total) > figures.count(self.groups.rows)
        number = figures.count(self.groups.groups) + nulls
        return compared(self.metric, "DistinctValuesCount", number, self.condition)


@dataclass(frozen=True, slots=True)
class DuplicatesTest:
    """How many rows do not occur once."""

    metric: str
    groups: Groups
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Compare the number."""
        number = figures.count(self.groups.rows) - figures.count(self.groups.once)
        return compared(self.metric, "DuplicateRowCount", number, self.condition)


@dataclass(frozen=True, slots=True)
class EntropyTest:
    """How evenly the values are spread."""

    metric: str
    groups: Groups
    condition: Condition | None
    filtered: bool

    def judge(self, figures: Figures) -> Finding:
        """Compute ln N - (sum of n ln n) / N."""
        total = figures.count(self.groups.rows)
        if not total:
            reason = "Entropy has no value: there are no values but null"
            return Finding("Passed") if self.filtered else Finding("Failed", reason)
        spread = figures.number(self.groups.spread) or 0.0
        entropy = max(0.0, math.log(total) - spread / total)
        return compared(self.metric, "Entropy", entropy, self.condition)


def _completeness_test(
    column: Field, name: str, asked: Condition | None, rule: Rule, context: Context
) -> Test:
    where = context.where(rule)
    filtered = conditions.complete(column)
    good = context.rows(filtered, where) if where else context.values(column)
    total = context.rows("", where)
    return ShareTest(f"Column.{name}.Completeness", good, total, asked, "are null")


def _uniqueness_test(columns: list[Field], rule: Rule, context: Context) -> Test:
    groups = _groups(columns, rule, context, "rows", "once")
    metric = _metric(rule, "Uniqueness")
    asked = context.asked(rule, metric)
    return ShareTest(metric, groups.once, groups.rows, asked, "are repeated")


def _groups(
    columns: list[Field], rule: Rule, context: Context, *figures: GroupFigure
) -> Groups:
    some = " or ".join(conditions.complete(column) for column in columns)
    looked_at = both_of(context.where(rule), f"({some})")
    return context.groups([column.name for column in columns], looked_at, *figures)


def _once(columns: list[Field], rule: Rule, context: Context, condition: str = "") -> RowLevel:
    return RowLevel(condition, tuple(c.name for c in columns), context.where(rule))


def _metric(rule: Rule, what: str) -> str:
    subject = "Column" if len(rule.parameters) == 1 else "Multicolumn"
    return f"{subject}.{','.join(rule.parameters)}.{what}"
