"""Rules on the table as a whole: how many rows, how many columns, which names.

Pure. The pages are https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.errors import did_you_mean
from lakeworks.quality.outcomes.evaluation import CountTest, Finding, Settled
from lakeworks.quality.rules.context import Compiled, IncomparableError

if TYPE_CHECKING:
    from lakeworks.quality.language.ruleset import Rule
    from lakeworks.quality.rules.context import Context


def _row_count(rule: Rule, context: Context) -> Compiled:
    """How many rows there are (page RowCount)."""
    metric = "Dataset.*.RowCount"
    counted = context.rows("", context.where(rule))
    return Compiled(CountTest(metric, "RowCount", context.asked(rule, metric), counted))


def _column_count(rule: Rule, context: Context) -> Compiled:
    """How many columns there are (page ColumnCount)."""
    metric = "Dataset.*.ColumnCount"
    asked = context.asked(rule, metric)
    return Compiled(CountTest(metric, "ColumnCount", asked, known=len(context.schema)))


def _column_exists(rule: Rule, context: Context) -> Compiled:
    """The table has the column (page ColumnExists)."""
    name = rule.parameters[0]
    known = name in context.schema
    metrics = {f"Dataset.{name}.ColumnExists": float(known)}
    if known:
        return Compiled(Settled(Finding("Passed", metrics=metrics)))
    hint = did_you_mean(name, context.schema.names)
    reason = f"{name!r} is no column of the table; {hint}"
    return Compiled(Settled(Finding("Failed", reason, metrics)))


def _column_names_match_pattern(rule: Rule, context: Context) -> Compiled:
    """Every column's name has a part that matches (page ColumnNamesMatchPattern; deequ)."""
    try:
        pattern = re.compile(rule.parameters[0])
    except re.error as error:
        raise IncomparableError(
            f"the pattern {rule.parameters[0]!r} is no regular expression: {error}"
        ) from None
    names = context.schema.names
    others = [name for name in names if not pattern.search(name)]
    share = (len(names) - len(others)) / len(names) if names else 1.0
    metrics = {"Dataset.*.ColumnNamesPatternMatchRatio": share}
    if not others:
        return Compiled(Settled(Finding("Passed", metrics=metrics)))
    reason = f"{len(others)} of {len(names)} columns do not match: {', '.join(others)}"
    return Compiled(Settled(Finding("Failed", reason, metrics)))


COMPILERS = {
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "ColumnExists": _column_exists,
    "ColumnNamesMatchPattern": _column_names_match_pattern,
}
