"""Judge rules by figures: outcomes, reasons and the score.

Pure. Words and metric names are those of AWS Glue Data Quality.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lakeworks.quality.ruleset import Number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.quality.ruleset import Condition

Outcome = Literal["Passed", "Failed", "Error"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule.

    Attributes:
        rule: The rule as it was written.
        failure_reason: Why it did not pass, with the figure; else empty.
        evaluated_metrics: The figures, under Glue's names (`Column.order_id.Completeness`).
        row_level: Whether it was judged by the rows that were rejected: then its failing rows
            are in quarantine and what is left satisfies it.
    """

    rule: str
    outcome: Outcome
    failure_reason: str = ""
    evaluated_metrics: Mapping[str, float] = field(default_factory=dict)
    row_level: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcomes of a ruleset, in its order."""

    outcomes: tuple[RuleOutcome, ...]

    @property
    def score(self) -> float:
        """The share of rules that passed, from 0 to 1; 1 for no rules."""
        passed = sum(outcome.outcome == "Passed" for outcome in self.outcomes)
        return passed / len(self.outcomes) if self.outcomes else 1.0

    def blocking(
        self, on_violation: Literal["quarantine", "fail", "warn"]
    ) -> tuple[RuleOutcome, ...]:
        """Return the outcomes that keep a step from being committed.

        With `quarantine`, a rule that rejected rows does not: the rows that failed it are gone
        from the table. A rule on the whole table (a count, a share, a column that is missing)
        cannot be mended by rejecting rows, so it does.
        """
        if on_violation == "warn":
            return ()
        return tuple(
            outcome
            for outcome in self.outcomes
            if outcome.outcome != "Passed"
            and not (on_violation == "quarantine" and outcome.row_level)
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to judge by: metric values by name, or the rows that each rule rejected."""

    metrics: Mapping[str, Any]
    rejected_by: Mapping[str, int] | None = None
    rows_read: int = 0

    def count(self, name: str) -> int:
        """Return a metric that counts rows."""
        return int(self.metrics[name] or 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's outcome, before it is given the rule's text."""

    outcome: Outcome
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


class Test(Protocol):
    """One rule, made ready to be judged."""

    def judge(self, figures: Figures) -> Finding:
        """Return what the figures say of the rule."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """A rule whose outcome the schema alone decides."""

    finding: Finding

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - decided before
        """Return what was decided."""
        return self.finding


@dataclass(frozen=True, slots=True)
class ShareTest:
    """How many of the rows that were looked at are good, against a condition or all of them.

    Attributes:
        metric: Glue's name of the share.
        good, total: Names of the metrics that count rows.
        condition: What the share must satisfy; None means all rows must be good.
        bad: What is wrong with a bad row, such as `is null`.
        figures: Further metrics to report: Glue's name to the metric's name.
    """

    metric: str
    good: str
    total: str
    condition: Condition | None
    bad: str
    figures: tuple[tuple[str, str], ...] = ()

    def judge(self, figures: Figures) -> Finding:
        """Pass where no row was looked at: nothing contradicts the rule."""
        good, total = figures.count(self.good), figures.count(self.total)
        if total == 0:
            return Finding("Passed")
        share = good / total
        metrics = {self.metric: share}
        for name, key in self.figures:
            value = figures.metrics[key]
            if value is not None:
                metrics[name] = float(value)
        if self.condition is None:
            passed, asked = good == total, ""
        else:
            passed, asked = satisfied(share, self.condition), f", not {self.condition}"
        if passed:
            return Finding("Passed", metrics=metrics)
        short = self.metric.split(".")[-1]
        reason = f"{short} is {share:.6g}{asked}: {total - good} of {total} rows {self.bad}"
        return Finding("Failed", reason, metrics)


@dataclass(frozen=True, slots=True)
class CountTest:
    """A number, of rows or of columns, against a condition."""

    metric: str
    what: str
    condition: Condition
    counted: str = ""
    known: int = 0

    def judge(self, figures: Figures) -> Finding:
        """Compare the number."""
        number = figures.count(self.counted) if self.counted else self.known
        metrics = {self.metric: float(number)}
        if satisfied(number, self.condition):
            return Finding("Passed", metrics=metrics)
        return Finding("Failed", f"{self.what} is {number}, not {self.condition}", metrics)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several tests of one rule, all of which must pass."""

    tests: tuple[Test, ...]

    def judge(self, figures: Figures) -> Finding:
        """Join the reasons of those that failed."""
        return _together([test.judge(figures) for test in self.tests], every=True)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several tests of one rule, one of which must pass."""

    tests: tuple[Test, ...]

    def judge(self, figures: Figures) -> Finding:
        """Join the reasons when none passed."""
        return _together([test.judge(figures) for test in self.tests], every=False)


@dataclass(frozen=True, slots=True)
class RowTest:
    """A rule whose failing rows were rejected: judged by how many those were.

    Attributes:
        share: Glue's name of the share of good rows, or empty where rejects do not tell it.
    """

    rule: str
    share: str

    def judge(self, figures: Figures) -> Finding:
        """Fail when it rejected a row."""
        rejected = (figures.rejected_by or {}).get(self.rule, 0)
        read = max(figures.rows_read, rejected)
        metrics = {self.share: (read - rejected) / read} if self.share and read else {}
        if not rejected:
            return Finding("Passed", metrics=metrics)
        return Finding("Failed", f"{rejected} of {read} rows were rejected", metrics)


def satisfied(value: float, condition: Condition) -> bool:
    """Whether a number satisfies a condition of numbers; `between` excludes both ends."""
    # Doubles on both sides, as Glue compares: 7 of 10 rows are then exactly 0.7.
    bounds = [float(o.value) for o in condition.operands if isinstance(o, Number)]
    first = bounds[0]
    inside = len(bounds) > 1 and bounds[0] < value < bounds[1]
    return {
        "=": value == first,
        "!=": value != first,
        ">": value > first,
        ">=": value >= first,
        "<": value < first,
        "<=": value <= first,
        "between": inside,
        "not between": not inside,
        "in": value in bounds,
        "not in": value not in bounds,
    }[condition.operator]


def _together(findings: list[Finding], *, every: bool) -> Finding:
    metrics: dict[str, float] = {}
    for finding in findings:
        metrics.update(finding.metrics)
    good = [finding for finding in findings if finding.outcome == "Passed"]
    if len(good) == len(findings) or (good and not every):
        return Finding("Passed", metrics=metrics)
    bad = [finding for finding in findings if finding.outcome != "Passed"]
    errors = any(finding.outcome == "Error" for finding in bad)
    reason = "; ".join(dict.fromkeys(finding.reason for finding in bad))
    return Finding("Error" if errors else "Failed", reason, metrics)
