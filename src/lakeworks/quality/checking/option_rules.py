"""Which options `with` may set on which rule, and to what.

Pure.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-FileFreshness.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.errors import did_you_mean
from lakeworks.core.time_zones import time_zone
from lakeworks.quality.checking import unsupported
from lakeworks.quality.errors import DqdlError, NotEvaluatedError
from lakeworks.quality.language.rule_types import FILE_FILTERS
from lakeworks.quality.language.ruleset import Number, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.quality.language.rule_types import RuleType
    from lakeworks.quality.language.ruleset import Analyzer, Operand, Rule, Tag

_LONGEST_NAME = 64
_FLAGS = ("ignoreCase", "failFast", "matchFileName", "rebin")
_COUNTS = {"recentFiles": 1_000_000, "bins": 20}
HASHES = ("MD5", "SHA-1", "SHA-256")


def option_problems(rule: Rule | Analyzer, kind: RuleType) -> Iterator[DqdlError]:
    """Yield what is wrong with the options of a rule."""
    for tag in rule.tags:
        name = tag.name[:_LONGEST_NAME]
        if tag.name not in kind.options:
            problem = f"{rule.type} has no option {name}"
            known = [*kind.options, *(["threshold"] if kind.threshold else [])]
            yield DqdlError.at(rule.at, problem, did_you_mean(name, known) if known else "")
        elif f"{rule.type}.{tag.name}" in unsupported.OPTIONS:
            yield NotEvaluatedError.named(rule.at, f"the option {name} of {rule.type}")
        elif f"{rule.type}.{tag.name} {_operator(rule)}" in unsupported.OPERATORS:
            what = f"the option {name} of {rule.type} with {_operator(rule)}"
            yield NotEvaluatedError.named(rule.at, what)
        else:
            problem = _value_problem(rule, tag)
            if problem:
                yield DqdlError.at(rule.at, problem)


def _operator(rule: Rule | Analyzer) -> str:
    condition = getattr(rule, "condition", None)
    return condition.operator if condition is not None else ""


def _value_problem(rule: Rule | Analyzer, tag: Tag) -> str:
    values = tag.condition.operands
    if tag.name == "filterOrder":
        return _order_problem(rule, values)
    if len(values) > 1:
        return f"{tag.name} is set to one value, not {len(values)}"
    value = values[0]
    if tag.name in _COUNTS:
        return _count_problem(tag.name, value)
    if not isinstance(value, Text):
        return f"{tag.name} is set to a text in double quotes"
    return _text_problem(tag.name, value.value)


def _count_problem(name: str, value: Operand) -> str:
    most = _COUNTS[name]
    if isinstance(value, Number) and value.value in range(1, most + 1):
        return ""
    return f"{name} is a whole number from 1 to {most}"


def _order_problem(rule: Rule | Analyzer, values: tuple[Operand, ...]) -> str:
    set_here = {tag.name for tag in rule.tags if tag.name in FILE_FILTERS}
    named = [value.value for value in values if isinstance(value, Text)]
    if len(named) == len(values) == len(set(named)) and set(named) <= set_here:
        return ""
    return "filterOrder lists filters that the rule sets: recentFiles, uriRegex"


def _text_problem(name: str, text: str) -> str:
    if name in _FLAGS and text.lower() not in {"true", "false"}:
        return f'{name} is "true" or "false"'
    if name == "hashAlgorithm" and text not in HASHES:
        return f"hashAlgorithm is one of {', '.join(HASHES)}"
    if name == "timeZone" and time_zone(text) is None:
        return f"{text[:_LONGEST_NAME]} is no time zone, such as Europe/Paris"
    if name == "uriRegex" and not _is_pattern(text):
        return f"{text[:_LONGEST_NAME]} is no regular expression"
    return ""


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
