"""Judge rules by figures: outcomes, reasons and the score.

Pure. Words and metric names are those of AWS Glue Data Quality.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lakeworks.quality.comparison.numbers import satisfied

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from lakeworks.core.errors import LakeError
    from lakeworks.quality.language.ruleset import Condition
    from lakeworks.quality.outcomes.figures import Figures

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
class Distribution:
    """How often values of a column occur, in the words of Glue's `DistributionData`.

    Attributes:
        bin_edges: Of numbers: where ranges begin and end, one more than there are counts; a range
            holds its beginning, and the last one its end too. Else the values, most frequent
            first.
        count: How many values lie in each range, or how often each value occurs.
        data_type: The column's type.
    """

    bin_edges: tuple[str, ...]
    count: tuple[int, ...]
    data_type: str


class RowSource(Protocol):
    """The rows of an evaluation, with the columns that say which rules they pass."""

    def read(self) -> pa.RecordBatchReader:
        """Stream them."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The outcomes of a ruleset, in its order.

    Attributes:
        metrics: All figures of rules and analyzers, under Glue's names.
        distributions: What the analyzer Distribution found, under `Column.NAME.Distribution`.
        source: Where the rows are, after `evaluate`.
    """

    outcomes: tuple[RuleOutcome, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    source: RowSource | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        from lakeworks.quality.outcomes import report

        return report.text(self)

    def __repr__(self) -> str:
        return str(self)

    @property
    def passed(self) -> bool:
        """Whether every rule passed."""
        return all(outcome.outcome == "Passed" for outcome in self.outcomes)

    @property
    def score(self) -> float:
        """The share of rules that passed, from 0 to 1; 1 for no rules."""
        passed = sum(outcome.outcome == "Passed" for outcome in self.outcomes)
        return passed / len(self.outcomes) if self.outcomes else 1.0

    def rows(self) -> pa.Table:
        """Return the data with what the rules say of each row, in the data's order.

        Four columns follow the data's: `DataQualityRulesPass`, `DataQualityRulesFail` and
        `DataQualityRulesSkip` list rules as `RuleOutcome.rule` has them, and
        `DataQualityEvaluationResult` is "Failed" where a rule fails, else "Passed".

        Raises:
            EvaluationRequestError: the evaluation is of a run, whose rows are in its tables.
        """
        return self.row_batches().read_all()

    def row_batches(self) -> pa.RecordBatchReader:
        """Stream what `rows` gives, for data larger than memory; one stream at a time."""
        if self.source is None:
            from lakeworks.quality.errors import EvaluationRequestError

            raise EvaluationRequestError(
                "this evaluation has no rows at hand", "lakeworks.quality.evaluate gives them"
            )
        return self.source.read()

    def to_arrow(self) -> pa.Table:
        """Return the outcomes as a table with Glue's columns: Rule, Outcome, FailureReason, ..."""
        from lakeworks.quality.outcomes import report

        return report.as_arrow(self)

    def to_frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """Return the outcomes as a pandas frame; `polars.from_arrow` takes `to_arrow()`."""
        return self.to_arrow().to_pandas(maps_as_pydicts="strict")

    def to_json(self) -> str:
        """Return score, outcomes and metrics as JSON."""
        from lakeworks.quality.outcomes import report

        return report.as_json(self)

    def to_junit(self, *, name: str = "data quality") -> str:
        """Return JUnit XML for CI, a test case a rule.

        Args:
            name: What the suite is called there.
        """
        from lakeworks.quality.outcomes import report

        return report.as_junit(self, name=name)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's outcome, before it is given the rule's text."""

    outcome: Outcome
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)


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
class OfValues:
    """A rule on the values in rows: where a run stages none, nothing contradicts it."""

    test: Test

    def judge(self, figures: Figures) -> Finding:
        """Pass with a reason, and without metrics, which would be history of nothing."""
        if figures.nothing_staged:
            return Finding("Passed", "no rows were staged, so there are no values to judge")
        return self.test.judge(figures)


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
            value = figures.number(key)
            if value is not None:
                metrics[name] = value
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
    """A number, of rows or of columns, against a condition.

    Attributes:
        counted: The name of the figure; empty where `known` is the number.
    """

    metric: str
    what: str
    condition: Condition | None
    counted: str = ""
    known: int = 0

    def judge(self, figures: Figures) -> Finding:
        """Compare the number."""
        number = figures.count(self.counted) if self.counted else self.known
        return compared(self.metric, self.what, number, self.condition)


@dataclass(frozen=True, slots=True)
class ValueTest:
    """A statistic of a column against a condition.

    Attributes:
        total: The figure that counts the rows looked at. Where it is 0 because of the rule's
            filter, nothing contradicts the rule.
        filtered: Whether the rule has a filter.
    """

    metric: str
    what: str
    figure: str
    condition: Condition | None
    total: str
    filtered: bool = False

    def judge(self, figures: Figures) -> Finding:
        """Compare the statistic; without a value there is nothing to compare."""
        value = figures.number(self.figure)
        if value is not None:
            return compared(self.metric, self.what, value, self.condition)
        if figures.count(self.total):
            return Finding("Failed", f"{self.what} has no value: all values are null")
        if self.filtered:
            return Finding("Passed")
        return Finding("Failed", f"{self.what} has no value: there are no rows")


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


def compared(metric: str, what: str, value: float, condition: Condition | None) -> Finding:
    """Return what a number means for a condition; without one it is only told."""
    metrics = {metric: float(value)}
    if condition is None or satisfied(value, condition):
        return Finding("Passed", metrics=metrics)
    return Finding("Failed", f"{what} is {_told(value)}, not {condition}", metrics)


def _told(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _together(findings: list[Finding], *, every: bool) -> Finding:
    metrics: dict[str, float] = {}
    spread: dict[str, Distribution] = {}
    for finding in findings:
        metrics.update(finding.metrics)
        spread.update(finding.distributions)
    good = [finding for finding in findings if finding.outcome == "Passed"]
    if len(good) == len(findings) or (good and not every):
        return Finding("Passed", metrics=metrics, distributions=spread)
    bad = [finding for finding in findings if finding.outcome != "Passed"]
    errors = any(finding.outcome == "Error" for finding in bad)
    reason = "; ".join(dict.fromkeys(finding.reason for finding in bad))
    return Finding("Error" if errors else "Failed", reason, metrics, spread)


def reason_of(error: LakeError) -> str:
    """Return an engine's error as the reason of an outcome, on one line."""
    return " ".join(str(error).split("\n  hint:")[0].split())
