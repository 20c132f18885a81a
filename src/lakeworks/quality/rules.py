"""The rule types of DQDL: which are evaluated, and what a well-formed one looks like.

Pure. `problems` needs no schema, so `lake check` reports every mistake before anything runs.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeworks.quality.errors import DqdlError, NotEvaluatedError, UnknownRuleError
from lakeworks.quality.grammar import parse
from lakeworks.quality.ruleset import (
    Arithmetic,
    Call,
    Composite,
    Condition,
    Keyword,
    Now,
    Number,
    Pattern,
    Place,
    Quantity,
    Rule,
    Ruleset,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Takes = Literal["nothing", "number", "value"]


@dataclass(frozen=True, slots=True)
class RuleKind:
    """What a rule type takes.

    Attributes:
        columns: How many parameters, all of them columns: least and most (None: any number).
        takes: Whether a condition follows, and on what: a number or a column's values.
        filtered: Whether `where` may follow.
    """

    columns: tuple[int, int | None]
    takes: Takes
    filtered: bool = True


EVALUATED = {
    "IsComplete": RuleKind((1, 1), "nothing"),
    "IsUnique": RuleKind((1, None), "nothing"),
    "IsPrimaryKey": RuleKind((1, None), "nothing"),
    "Completeness": RuleKind((1, 1), "number"),
    "Uniqueness": RuleKind((1, None), "number"),
    "ColumnValues": RuleKind((1, 1), "value"),
    "ColumnLength": RuleKind((1, 1), "number"),
    "ColumnExists": RuleKind((1, 1), "nothing", filtered=False),
    "RowCount": RuleKind((0, 0), "number"),
    "ColumnCount": RuleKind((0, 0), "number", filtered=False),
}
NOT_EVALUATED = frozenset({
    "AggregateMatch", "AllStatistics", "ColumnCorrelation", "ColumnDataType",
    "ColumnNamesMatchPattern", "CustomSql", "DataFreshness", "DatasetMatch", "DetectAnomalies",
    "DistinctValuesCount", "Entropy", "FileFreshness", "FileMatch", "FileSize",
    "FileUniqueness", "Mean", "ReferentialIntegrity", "RowCountMatch", "SchemaMatch",
    "StandardDeviation", "Sum", "UniqueValueRatio", "Variance",
})  # fmt: skip
# Java has these and the engine's regular expressions (RE2) do not.
_UNKNOWN_IN_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
_PLAIN_PARTS = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\\[^1-9]", re.DOTALL)
# What RE2 knows and Python does not is swapped for something harmless before the look.
_UNKNOWN_IN_PYTHON = re.compile(
    r"\\[pP](?:\{\^?\w+\}|[A-Z])|\\[zQEhHRX]|\[:\^?\w+:\]|\(\?[imsU-]+\)"
)


def check(
    text: str, *, first_line: int = 1, file: str = "", indent: int = 0
) -> list[DqdlError]:
    """Return every mistake of a DQDL document; none means that it will be evaluated."""
    try:
        ruleset = parse(text, first_line=first_line, file=file, indent=indent)
    except DqdlError as error:
        return [error]
    return list(problems(ruleset))


def problems(ruleset: Ruleset) -> Iterator[DqdlError]:
    """Yield what keeps a ruleset from being evaluated, whatever the table looks like."""
    for analyzer in ruleset.analyzers:
        yield NotEvaluatedError.named(analyzer.at, f"the analyzer {analyzer.type}")
    for rule in leaves(ruleset):
        yield from _rule_problems(rule)


def leaves(ruleset: Ruleset) -> Iterator[Rule]:
    """Yield every rule, those inside composite rules too."""
    for rule in ruleset.rules:
        if isinstance(rule, Composite):
            yield from rule.leaves()
        else:
            yield rule


def _rule_problems(rule: Rule) -> Iterator[DqdlError]:
    kind = EVALUATED.get(rule.type)
    at = rule.at
    if kind is None:
        if rule.type in NOT_EVALUATED:
            yield NotEvaluatedError.named(at, f"the rule {rule.type}", EVALUATED)
        else:
            yield UnknownRuleError.named(at, rule.type, {*EVALUATED, *NOT_EVALUATED})
        return
    for tag in rule.tags:
        yield NotEvaluatedError.named(at, f"the tag {tag.name}", {"threshold"})
    yield from _shape_problems(rule, kind)
    if rule.where is not None and not _closed(rule.where):
        yield DqdlError.at(at, "where holds no single SQL condition", "close its brackets")


def _shape_problems(rule: Rule, kind: RuleKind) -> Iterator[DqdlError]:
    at = rule.at
    least, most = kind.columns
    if len(rule.parameters) < least:
        yield DqdlError.at(at, f"{rule.type} names no column", f'write {rule.type} "column"')
    elif most is not None and len(rule.parameters) > most:
        few = f"takes {most} column" if most else "takes no column"
        yield DqdlError.at(at, f"{rule.type} {few}, not {len(rule.parameters)}")
    if rule.where is not None and not kind.filtered:
        yield DqdlError.at(at, f"{rule.type} takes no where")
    if rule.threshold is not None:
        if rule.type != "ColumnValues":
            yield DqdlError.at(at, f"{rule.type} takes no threshold")
        yield from _condition_problems(rule, rule.threshold, "number")
    yield from _taken_problems(rule, kind.takes)


def _taken_problems(rule: Rule, takes: Takes) -> Iterator[DqdlError]:
    if takes == "nothing":
        if rule.condition is not None:
            problem = f"{rule.type} takes no condition, but has {rule.condition}"
            yield DqdlError.at(rule.at, problem)
    elif rule.condition is None:
        yield DqdlError.at(rule.at, f"{rule.type} needs a condition", "such as > 0")
    else:
        yield from _condition_problems(rule, rule.condition, takes)


def _condition_problems(rule: Rule, condition: Condition, takes: Takes) -> Iterator[DqdlError]:
    for operand in condition.operands:
        if isinstance(operand, Call | Arithmetic):
            what = f"{operand} (a dynamic rule or arithmetic)"
            yield NotEvaluatedError.named(rule.at, what)
        elif isinstance(operand, Number):
            if abs(operand.value.adjusted()) > 300:  # noqa: PLR2004 - a double's range
                yield DqdlError.at(rule.at, "a number has more than 300 digits")
        elif isinstance(operand, Quantity):
            yield DqdlError.at(rule.at, f"{rule.type} does not compare with {operand}")
        elif takes == "number":
            yield DqdlError.at(rule.at, f"{rule.type} compares with a number, not {operand}")
        else:
            yield from _value_problems(rule.at, condition, operand)


def _value_problems(
    at: Place, condition: Condition, operand: Text | Pattern | Keyword | Now
) -> Iterator[DqdlError]:
    if isinstance(operand, Pattern):
        yield from _pattern_problems(at, operand.value)
    elif isinstance(operand, Now):
        yield from _moment_problems(at, operand)
    elif isinstance(operand, Keyword) and condition.operator not in {"=", "!=", "in", "not in"}:
        yield DqdlError.at(at, f"{condition.operator} cannot compare with {operand}")


def _moment_problems(at: Place, operand: Now) -> Iterator[DqdlError]:
    if operand.distance is None:
        return
    if operand.distance.unit not in {"minutes", "hours", "days"}:
        yield DqdlError.at(at, f"{operand.distance} is no duration", "minutes, hours or days")
    elif operand.distance.amount > 500_000:  # noqa: PLR2004 - years within datetime's range
        yield DqdlError.at(at, f"{operand.distance} is out of range")


def _pattern_problems(at: Place, pattern: str) -> Iterator[DqdlError]:
    found = _UNKNOWN_IN_RE2.search(_PLAIN_PARTS.sub("x", pattern))
    if found:
        yield DqdlError.at(
            at,
            f"the pattern {pattern} has {found[0]}, which the engine cannot match",
            "look-around, back references and possessive quantifiers are left out of RE2",
        )
        return
    try:
        re.compile(_UNKNOWN_IN_PYTHON.sub("x", pattern))
    except (re.error, OverflowError, RecursionError) as error:
        yield DqdlError.at(at, f"the pattern {pattern} is no regular expression: {error}")


def _closed(sql: str) -> bool:
    """Whether brackets and quotes are balanced, so that the text stays one expression."""
    depth = 0
    rest = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "x", sql)
    if "'" in rest or '"' in rest or ";" in rest or "--" in rest or "/*" in rest:
        return False
    for char in rest:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0 and bool(rest.strip())
