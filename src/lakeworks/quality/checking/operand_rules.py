"""Which operands a condition may have, by what the rule compares with.

Pure.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html#dqdl-syntax-rule-expressions
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from lakeworks.quality.checking.patterns import pattern_problem
from lakeworks.quality.comparison import history
from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.condition_grammar import DURATIONS, SIZES
from lakeworks.quality.language.ruleset import (
    Arithmetic,
    Call,
    Condition,
    Keyword,
    Now,
    Number,
    Operand,
    Pattern,
    Quantity,
    Rule,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.quality.language.rule_types import RuleType, Takes

_EQUALITY = ("=", "!=", "in", "not in")
_MOST_DIGITS = 300  # a double's range
_FARTHEST = 500_000  # years within datetime's range, in days
_TWELVE = re.compile(r"(?:0?[1-9]|1[0-2]):[0-5][0-9] [AP]M")
_TWENTY_FOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SHOWN = 60


def condition_problems(rule: Rule, kind: RuleType) -> Iterator[DqdlError]:
    """Yield what is wrong with a rule's condition and its threshold."""
    condition = rule.condition
    takes = _takes(rule, kind)
    if condition is None:
        if takes != "nothing" and kind.needs_condition:
            problem = f"{rule.type} needs a condition"
            yield DqdlError.at(rule.at, problem, f"such as {kind.example}")
    elif takes == "nothing":
        yield DqdlError.at(
            rule.at, f"{rule.type} takes no condition, but has {_short(condition)}"
        )
    else:
        yield from _operand_problems(rule, condition, takes)
    if rule.threshold is not None:
        yield from _operand_problems(rule, rule.threshold, "number")


def is_time(text: str) -> bool:
    """Whether a text is a time of day: `9:30 AM` or `21:45`."""
    return bool(_TWELVE.fullmatch(text) or _TWENTY_FOUR.fullmatch(text))


def is_day(text: str) -> bool:
    """Whether a text is a date: `2026-11-22`."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _takes(rule: Rule, kind: RuleType) -> Takes:
    # Two paths are compared with each other, and nothing is left to compare with.
    if rule.type == "FileMatch" and len(rule.parameters) > 1:
        return "nothing"
    return kind.takes


def _operand_problems(rule: Rule, condition: Condition, takes: Takes) -> Iterator[DqdlError]:
    for operand in condition.operands:
        found = _problem(rule.type, condition, operand, takes)
        if found is not None:
            yield DqdlError.at(rule.at, *found)
    kinds = {_family(operand) for operand in condition.operands} - {"keyword"}
    if len(kinds) > 1:
        yield DqdlError.at(rule.at, f"{_short(condition)} mixes {' and '.join(sorted(kinds))}")


def _family(operand: Operand) -> str:
    match operand:
        case Keyword():
            return "keyword"
        case Number() | Call() | Arithmetic():
            return "numbers"
        case Quantity():
            return "durations and sizes"
        case Text(text) if not (is_day(text) or is_time(text)):
            return "texts"
        case Now():
            return "dates"
        case Text():
            return "keyword"  # a date is a text as well: it goes with both
        case Pattern():
            return "texts"


def _problem(
    name: str, condition: Condition, operand: Operand, takes: Takes
) -> tuple[str, str] | None:
    """Return what is wrong with one operand and a hint, or None."""
    shown = _short(operand)
    if isinstance(operand, Number) and abs(operand.value.adjusted()) > _MOST_DIGITS:
        return f"a number has more than {_MOST_DIGITS} digits", ""
    if isinstance(operand, Call | Arithmetic):
        if takes not in {"number", "value"}:
            return f"{name} does not compare with {shown}", ""
        found = history.problem(operand)
        return (found, "") if found else None
    if takes == "value":
        return _value_problem(name, condition, operand)
    if _right(condition, operand, takes):
        return _moment_problem(operand)
    expected = _EXPECTED[takes]
    if isinstance(operand, Quantity):
        return f"{name} does not compare with {shown}, but with {expected}", ""
    return f"{name} compares with {expected}, not {shown}", ""


_EXPECTED: dict[Takes, str] = {
    "number": "a number",
    "text": "a text, by = != in or not in",
    "duration": "a duration, such as 3 days",
    "moment": "a date, a time or now()",
    "size": "a size, such as 5 MB",
}


def _right(condition: Condition, operand: Operand, takes: Takes) -> bool:
    match takes:
        case "number":
            return isinstance(operand, Number)
        case "text":
            return isinstance(operand, Text) and condition.operator in _EQUALITY
        case "duration":
            return isinstance(operand, Quantity) and operand.unit in DURATIONS
        case "size":
            whole = (
                isinstance(operand, Number)
                and operand.value == operand.value.to_integral_value()
            )
            return whole or (isinstance(operand, Quantity) and operand.unit in SIZES)
        case "moment":
            is_text = isinstance(operand, Text) and (
                is_day(operand.value) or is_time(operand.value)
            )
            return is_text or isinstance(operand, Now)
        case _:
            return False


def _value_problem(name: str, condition: Condition, operand: Operand) -> tuple[str, str] | None:
    ordered = condition.operator not in {*_EQUALITY, "matches", "not matches"}
    match operand:
        case Quantity():
            hint = "write (now() - 3 days) for a date"
            return f"{name} does not compare with {operand}", hint
        case Pattern(pattern):
            return pattern_problem(pattern)
        case Keyword() if ordered:
            return f"{condition.operator} cannot compare with {operand}", "use = or !="
    return _moment_problem(operand)


def _moment_problem(operand: Operand) -> tuple[str, str] | None:
    distance = operand.distance if isinstance(operand, Now) else None
    if distance is None or distance.amount <= _FARTHEST:
        return None
    return f"{operand} is out of range", ""


def _short(node: object) -> str:
    text = str(node)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
