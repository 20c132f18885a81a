"""What the label `severity` of a rule does, and how a wrong one is told."""

from __future__ import annotations

import pytest

from lakeworks.quality import DqdlError, parse
from lakeworks.quality.severity import severities, severity_problems


def test_a_rules_own_label_wins_over_the_default_label_and_that_over_the_tables() -> None:
    ruleset = parse(
        'DefaultLabels = ["severity"="warn"] '
        'Rules = [ IsComplete "a", IsUnique "a" labels=["severity"="fail"] ]'
    )
    assert list(severities(ruleset, "quarantine").values()) == ["warn", "fail"]
    plain = parse('Rules = [ IsComplete "a" labels=["team"="sales"] ]')
    assert list(severities(plain, "quarantine").values()) == ["quarantine"]


def test_a_misspelt_severity_is_told_with_its_place_and_the_nearest() -> None:
    ruleset = parse(
        'Rules = [\n IsComplete "a" labels=["severity"="quarantin"] ]', file="m.sql"
    )
    [problem] = severity_problems(ruleset)
    assert "m.sql:2" in str(problem)
    assert "'quarantin' is not a severity" in str(problem)
    assert "quarantine" in problem.hint
    with pytest.raises(DqdlError, match="quarantin"):
        severities(ruleset, "warn")
