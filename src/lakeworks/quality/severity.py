"""What a violated rule does to a run: reject rows, stop the step, or only be told.

Pure. A rule says so by its label `severity`; without one, the table's `on_violation` holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from lakeworks.core.errors import did_you_mean
from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.ruleset import Composite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.quality.language.ruleset import Ruleset
    from lakeworks.quality.outcomes.evaluation import Evaluation, RuleOutcome

LABEL = "severity"
Severity = Literal["quarantine", "fail", "warn"]
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


def severities(ruleset: Ruleset, default: Severity) -> dict[str, Severity]:
    """Return what each rule does when it is violated, by its text.

    Args:
        default: For rules without the label.

    Raises:
        DqdlError: a rule's severity is none.
    """
    for problem in severity_problems(ruleset):
        raise problem
    found: dict[str, Severity] = {}
    for rule in ruleset.rules:
        said = ruleset.labels_of(rule).get(LABEL)
        text = rule.text or str(rule)
        found[text] = next((s for s in _SEVERITIES if s == said), default)
    return found


def severity_problems(ruleset: Ruleset) -> Iterator[DqdlError]:
    """Yield what is wrong with the label `severity` of rules."""
    for rule in ruleset.rules:
        said = ruleset.labels_of(rule).get(LABEL)
        if said is not None and said not in _SEVERITIES:
            hint = did_you_mean(said, _SEVERITIES)
            yield DqdlError.at(rule.at, f"{said!r} is not a severity", hint)
        parts = rule.leaves() if isinstance(rule, Composite) else ()
        for part in parts:
            if any(label.key == LABEL for label in part.labels):
                problem = "a rule inside a composite has no severity of its own"
                yield DqdlError.at(part.at, problem, "label the composite")


def blocking(
    evaluation: Evaluation, severity_of: Mapping[str, Severity]
) -> tuple[RuleOutcome, ...]:
    """Return the outcomes that keep a step from being committed.

    With `quarantine`, a rule that rejected rows does not: the rows that failed it are gone from
    the table. A rule on the whole table (a count, a share, a column that is missing) cannot be
    mended by rejecting rows, so it does.
    """
    return tuple(
        outcome
        for outcome in evaluation.outcomes
        if outcome.outcome != "Passed"
        and severity_of[outcome.rule] != "warn"
        and not (severity_of[outcome.rule] == "quarantine" and outcome.row_level)
    )
