"""What is wrong with a ruleset that parses, whatever the table looks like.

Pure. `problems` needs no schema, so `lake check` reports every mistake before anything runs.
`language/rule_types.py` says what each type takes; anything that passes here is evaluated.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import nearest
from lakeworks.quality.checking import operand_rules
from lakeworks.quality.checking.option_rules import option_problems
from lakeworks.quality.checking.patterns import is_one_expression, pattern_problem
from lakeworks.quality.errors import DqdlError, UnknownRuleError
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.rule_types import ANOMALY_SUBJECTS, RULE_TYPES, RuleType
from lakeworks.quality.language.ruleset import Analyzer, Composite, Rule, Ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_NAME = 64
_RULES = tuple(name for name, kind in RULE_TYPES.items() if kind.rule)
_ANALYZERS = tuple(name for name, kind in RULE_TYPES.items() if kind.analyzer)


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
    for rule in leaves(ruleset):
        yield from _rule_problems(rule)
    for analyzer in ruleset.analyzers:
        yield from _analyzer_problems(analyzer)


def leaves(ruleset: Ruleset) -> Iterator[Rule]:
    """Yield every rule, those inside composite rules too."""
    for rule in ruleset.rules:
        if isinstance(rule, Composite):
            yield from rule.leaves()
        else:
            yield rule


def _rule_problems(rule: Rule) -> Iterator[DqdlError]:
    kind = RULE_TYPES.get(rule.type)
    if kind is None:
        name = rule.type[:_LONGEST_NAME]
        yield UnknownRuleError.named(rule.at, name, _RULES)
        return
    if not kind.rule:
        problem = f"{rule.type} is an analyzer, not a rule"
        yield DqdlError.at(rule.at, problem, f"write Analyzers = [ {kind.example} ]")
        return
    yield from _parameter_problems(rule, kind)
    yield from _clause_problems(rule, kind)
    yield from option_problems(rule, kind)
    yield from operand_rules.condition_problems(rule, kind)


def _analyzer_problems(analyzer: Analyzer) -> Iterator[DqdlError]:
    kind = RULE_TYPES.get(analyzer.type)
    if kind is None or not kind.analyzer:
        name = analyzer.type[:_LONGEST_NAME]
        if kind is None:
            yield UnknownRuleError.named(analyzer.at, name, _ANALYZERS)
        else:
            yield DqdlError.at(analyzer.at, f"{name} is a rule, not an analyzer")
        return
    yield from _parameter_problems(analyzer, kind)
    yield from option_problems(analyzer, kind)


def _parameter_problems(rule: Rule | Analyzer, kind: RuleType) -> Iterator[DqdlError]:
    given = len(rule.parameters)
    hint = f"such as {kind.example}"
    if given < kind.least:
        missing = kind.parameters[given]
        problem = (
            f"{rule.type} names no {missing}"
            if not given
            else f"{rule.type} needs {_counted(kind)}"
        )
        yield DqdlError.at(rule.at, problem, hint)
    elif kind.most is not None and given > kind.most:
        rules_inside = [name for name in rule.parameters if name in RULE_TYPES]
        if rules_inside:
            hint = "put each rule in parentheses: (…) and (…)"
        yield DqdlError.at(rule.at, f"{rule.type} takes {_counted(kind)}, not {given}", hint)
    elif any(not parameter for parameter in rule.parameters):
        yield DqdlError.at(rule.at, f"a parameter of {rule.type} is empty", hint)
    elif rule.type == "ColumnNamesMatchPattern":
        found = pattern_problem(rule.parameters[0])
        if found:
            yield DqdlError.at(rule.at, *found)
    elif rule.type == "DetectAnomalies":
        yield from _anomaly_problems(rule)


def _counted(kind: RuleType) -> str:
    """Say how many parameters a type takes: `2 columns`, `no column`."""
    if not kind.parameters:
        return "no column"
    least, most = kind.least, len(kind.parameters)
    if len(set(kind.parameters)) == 1:
        return f"{most} {kind.parameters[0]}{'s' if most > 1 else ''}"
    count = str(most) if least == most else f"{least} to {most}"
    return f"{count} parameters ({', '.join(kind.parameters)})"


def _anomaly_problems(rule: Rule | Analyzer) -> Iterator[DqdlError]:
    subject, rest = rule.parameters[0], rule.parameters[1:]
    if subject not in ANOMALY_SUBJECTS:
        near = nearest(subject[:_LONGEST_NAME], ANOMALY_SUBJECTS)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(ANOMALY_SUBJECTS)}"
        problem = f"{rule.type} does not watch {subject[:_LONGEST_NAME]}"
        yield DqdlError.at(rule.at, problem, hint)
        return
    kind = RULE_TYPES[subject]
    if len(rest) < kind.least or (kind.most is not None and len(rest) > kind.most):
        yield DqdlError.at(rule.at, f"{subject} takes {_counted(kind)}, not {len(rest)}")


def _clause_problems(rule: Rule, kind: RuleType) -> Iterator[DqdlError]:
    if rule.where is not None:
        if not kind.where:
            yield DqdlError.at(rule.at, f"{rule.type} takes no where")
        if not is_one_expression(rule.where):
            problem = "where holds no single SQL condition"
            yield DqdlError.at(rule.at, problem, "close its brackets and quotes")
    if rule.threshold is not None and not kind.threshold:
        allowed = ", ".join(name for name in _RULES if RULE_TYPES[name].threshold)
        yield DqdlError.at(rule.at, f"{rule.type} takes no threshold", f"{allowed} do")
