"""Suggest rules from a table's profile, each with its evidence.

What AWS Glue's recommendations look at (completeness, uniqueness, value sets, lengths, ranges,
row counts; https://docs.aws.amazon.com/glue/latest/dg/data-quality-getting-started.html) is
looked at here. A suggestion is a guess from what was seen; `confirmed` keeps those that hold on
the whole table.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.quality.language.ruleset import quoted
from lakeworks.quality.profiling.profile import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.quality.outcomes.evaluation import Evaluation
from lakeworks.quality.profiling.profile import ColumnProfile, Profile

_MOST_IN_SET = 10
_ROWS_A_VALUE = 20
_LEAST_COMPLETE = 0.5
_LEAST_ROWS = 2
_WHOLE = 1.0
_TWICE = 1.5
_LEAST_DISTINCT = 0.5
_SPECIAL = re.compile(r"[.$*+?{}|()/]")
# No quote, bracket, backslash or caret: what a DQDL text or a character class takes apart.
_PLAIN_PATTERN = re.compile(r"[ !#-Z_-~]{1,40}")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that the data seems to keep, and what was seen."""

    rule: str
    evidence: str


def suggestions(profile: Profile) -> list[Suggestion]:
    """Return rules for a table, those on the whole table first."""
    rows = profile.rows
    if not rows:
        return []
    found = [
        Suggestion(
            f"RowCount between {max(rows // 2 - 1, 0)} and {rows * 2 + 1}",
            f"{rows:,} rows; half to twice as many",
        ),
        Suggestion(f"ColumnCount = {len(profile.columns)}", f"{len(profile.columns)} columns"),
    ]
    for column in profile.columns:
        found += _of_column(column, profile)
    return found


def confirmed(found: list[Suggestion], evaluation: Evaluation) -> list[Suggestion]:
    """Return the suggestions that passed when their rules were evaluated on the whole table."""
    passed = {one.rule for one in evaluation.outcomes if one.outcome == "Passed"}
    return [one for one in found if one.rule in passed]


def as_ruleset(found: list[Suggestion]) -> str:
    """Return the rules as DQDL, each with its evidence in a comment above it."""
    if not found:
        return ""
    entries = [f"    # {one.evidence}\n    {one.rule}" for one in found]
    return "Rules = [\n" + ",\n".join(entries) + "\n]\n"


def _of_column(column: ColumnProfile, profile: Profile) -> Iterator[Suggestion]:
    name = quoted(column.name)
    full = column.rows - column.nulls
    if not column.nulls:
        yield Suggestion(f"IsComplete {name}", f"no null in {column.rows:,} rows")
    elif column.completeness >= _LEAST_COMPLETE:
        least = math.floor(column.completeness * 100) / 100
        yield Suggestion(
            f"Completeness {name} >= {least:g}",
            f"{column.nulls:,} of {column.rows:,} rows are null: "
            f"{column.completeness:.4g} complete",
        )
    if column.distinct is None or full < _LEAST_ROWS:
        return
    if _seems_unique(column, full, profile):
        yield Suggestion(f"IsUnique {name}", _repeats(column, full, profile))
    yield from _values(column, full, profile)
    yield from _shape(column, profile)


def _seems_unique(column: ColumnProfile, full: int, profile: Profile) -> bool:
    if profile.exact:
        return column.distinct == full
    # Estimates of distinct values err, by 13 % or more; `confirmed` has the last word.
    near = (column.distinct or 0) >= _LEAST_DISTINCT * full
    return near and all(share * profile.sampled < _TWICE for _, share in column.top_values)


def _repeats(column: ColumnProfile, full: int, profile: Profile) -> str:
    if profile.exact:
        return f"{column.distinct:,} values in {full:,} rows"
    return f"no value twice in {full:,} rows, nor in a sample of {profile.sampled:,}"


def _values(column: ColumnProfile, full: int, profile: Profile) -> Iterator[Suggestion]:
    name = quoted(column.name)
    values = [value for value, _ in column.top_values]
    few = column.distinct is not None and column.distinct <= _MOST_IN_SET
    if column.type == "string" and few and full >= _ROWS_A_VALUE * max(len(values), 1):
        if all(value.isprintable() for value in values):
            listed = ", ".join(quoted(value) for value in sorted(values))
            where = "" if profile.exact else " in the sample"
            yield Suggestion(
                f"{_but_null(f'ColumnValues {name} in [{listed}]', column)}",
                f"{len(values)} values in {full:,} rows{where}",
            )
    elif isinstance(column.minimum, int | float) or column.mean is not None:
        yield from _range(column)
    elif isinstance(column.minimum, date):
        yield Suggestion(
            _but_null(f"ColumnValues {name} <= now()", column),
            f"from {column.minimum} to {column.maximum}",
        )


def _range(column: ColumnProfile) -> Iterator[Suggestion]:
    least, most = float(column.minimum), float(column.maximum)
    if not (math.isfinite(least) and math.isfinite(most)):
        return
    seen = f"from {column.minimum} to {column.maximum}, mean {column.mean:.6g}"
    name = quoted(column.name)
    if least >= 0:
        rule = f"ColumnValues {name} {'>' if least > 0 else '>='} 0"
        yield Suggestion(_but_null(rule, column), seen)
    else:
        rule = f"ColumnValues {name} between {math.floor(least) - 1} and {math.ceil(most) + 1}"
        yield Suggestion(_but_null(rule, column), seen)


def _shape(column: ColumnProfile, profile: Profile) -> Iterator[Suggestion]:
    if column.longest is None or column.shortest is None or column.distinct == 1:
        return
    name = quoted(column.name)
    if column.shortest == column.longest > 0 and not column.nulls:
        yield Suggestion(
            f"ColumnLength {name} = {column.longest}",
            f"every text has {column.longest} characters",
        )
    if len(column.patterns) == 1 and column.patterns[0][1] == _WHOLE:
        shape = column.patterns[0][0]
        if "9" in shape and _PLAIN_PATTERN.fullmatch(shape) and pattern_of(shape) == shape:
            where = "every text" if profile.exact else "every text in the sample"
            rule = f'ColumnValues {name} matches "{_expression(shape)}"'
            yield Suggestion(_but_null(rule, column), f"{where} is like {shape}")


def _expression(shape: str) -> str:
    parts = {"9": "[0-9]+", "a": "[A-Za-z]+", " ": "\\s+"}
    return "".join(parts.get(c) or _SPECIAL.sub(r"[\g<0>]", c) for c in shape)


def _but_null(rule: str, column: ColumnProfile) -> str:
    """Return the rule for rows that hold a value: null fails a rule on values."""
    if not column.nulls:
        return rule
    where = quoted(f"{quote_identifier(column.name)} is not null")
    return f"{rule} where {where}"
