"""Turn a ruleset into SQL for one schema, and judge it by what the SQL gives.

Pure. A rule is judged in one of two ways. *By rows*: the engine tests every row while it stages
(`row_checks`) and failing rows go to quarantine; the rule's outcome is how many those were. *By
the whole table*: figures of the staged rows (`gathering.gather`). What a run does depends on
the model's `on_violation`:

- `quarantine`: `row_checks` are handed to the engine; then `gather(…, scope="dataset")`
  looks at what was staged, and is told what was rejected. A rule that
  rejected rows is Failed in the report and in the score, and the step goes on; a rule on the
  whole table that fails (`severity.blocking`) fails the step.
- `fail`, `warn`: nothing is rejected; `gather(…)` looks at all rows. With
  `fail`, any rule that does not pass fails the step.

Composite rules are judged by the whole table, as Glue does unless told otherwise; with
`compositeRuleEvaluation.method` ROW those that single rows can tell reject rows too.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.engines.protocol import RowCheck
from lakeworks.quality.checking.rules import problems
from lakeworks.quality.evaluation.flags import Flags
from lakeworks.quality.language.ruleset import Composite, Rule, Ruleset
from lakeworks.quality.outcomes.evaluation import (
    AllOf,
    AnyOf,
    Distribution,
    Evaluation,
    Finding,
    OfValues,
    RowTest,
    RuleOutcome,
    Settled,
    ShareTest,
    reason_of,
)
from lakeworks.quality.outcomes.figures import Figures, NoFigureError
from lakeworks.quality.outcomes.options import Options
from lakeworks.quality.rules import (
    column_rules,
    composed_rules,
    custom_sql,
    dataset_match,
    dataset_rules,
    distribution,
    file_rules,
    freshness_rule,
    reference_rules,
    statistics_rules,
    value_rules,
)
from lakeworks.quality.rules.context import (
    PRIMARY,
    Compiled,
    Context,
    IncomparableError,
    RowGroup,
    RowLevel,
    RuleFailedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from lakeworks.core.types import Schema
    from lakeworks.quality.outcomes.evaluation import Test
    from lakeworks.quality.outcomes.metrics import Metric
    from lakeworks.quality.rules.context import CallerSql, FileListing, Reference

Scope = Literal["all", "dataset"]
_COMPOSITE = "Dataset.*.CompositeRule.Compliance"
# What is asked of a run that stages no rows too: how many there are, which columns, which files.
NOT_OF_VALUES = frozenset({
    "RowCount", "RowCountMatch", "ColumnCount", "ColumnExists", "ColumnNamesMatchPattern",
    "SchemaMatch", "FileFreshness", "FileSize", "FileMatch", "FileUniqueness",
})  # fmt: skip
COMPILERS = {
    **column_rules.COMPILERS,
    **composed_rules.COMPILERS,
    **custom_sql.COMPILERS,
    **dataset_match.COMPILERS,
    **dataset_rules.COMPILERS,
    **distribution.COMPILERS,
    **file_rules.COMPILERS,
    **freshness_rule.COMPILERS,
    **reference_rules.COMPILERS,
    **statistics_rules.COMPILERS,
    **value_rules.COMPILERS,
}


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule: how it is judged by the whole table, and how by rows if it can be.

    Attributes:
        needs: The names of the metrics that `test` looks at.
        rows: Which rows are good, or None where rows cannot tell.
        check: The test of one row for the engine to reject by, or None.
        share: Glue's name of the share of good rows, or empty.
    """

    text: str
    test: Test
    needs: tuple[str, ...]
    rows: RowLevel | RowGroup | None = None
    check: RowCheck | None = None
    share: str = ""

    def outcome(self, figures: Figures) -> RuleOutcome:
        """Judge it."""
        by_rows = figures.rejected_by is not None and self.check is not None
        test = RowTest(self.text, self.share) if by_rows else self.test
        found = _judged(test, figures)
        return RuleOutcome(self.text, found.outcome, found.reason, found.metrics, by_rows)


@dataclass(frozen=True, slots=True)
class CompiledRuleset:
    """A ruleset made ready for one schema. See the module for how a run uses it.

    Attributes:
        analyzers: Tests of which only the metrics are told.
    """

    rules: tuple[CompiledRule, ...]
    metrics: Mapping[str, Metric]
    analyzers: tuple[CompiledRule, ...] = ()

    @property
    def row_checks(self) -> tuple[RowCheck, ...]:
        """The rules that can be judged by rows, for the engine's `stage`; each text once."""
        checks = {rule.text: rule.check for rule in self.rules if rule.check is not None}
        return tuple(checks.values())

    def needs(self, scope: Scope = "all") -> tuple[tuple[str, ...], ...]:
        """Return the names of the figures that each rule and analyzer needs."""
        kept = (r for r in self.rules if scope == "all" or r.check is None)
        return tuple(rule.needs for rule in (*kept, *self.analyzers))

    def wanted(self, scope: Scope = "all") -> dict[str, Metric]:
        """Return the figures to fetch, by name.

        Args:
            scope: `dataset` leaves out the rules that are judged by rows.
        """
        names = {name for needs in self.needs(scope) for name in needs}
        return {name: metric for name, metric in self.metrics.items() if name in names}

    def judge(
        self,
        figures: Mapping[str, Any] | Figures,
        *,
        rejected_by: Mapping[str, int] | None = None,
        rows_read: int = 0,
    ) -> Evaluation:
        """Judge every rule.

        Args:
            figures: As `gathering.gather` gave them, or the row of `metrics.query`.
            rejected_by: How many rows each row check rejected, by its rule's text; given when
                `row_checks` were applied, and then those rules are judged by it.
            rows_read: How many rows were tested, for shares; only with `rejected_by`.
        """
        known = (
            figures
            if isinstance(figures, Figures)
            else Figures(figures, rejected_by, rows_read)
        )
        outcomes = tuple(rule.outcome(known) for rule in self.rules)
        gathered: dict[str, float] = {}
        spread: dict[str, Distribution] = {}
        for analyzer in self.analyzers:
            found = _judged(analyzer.test, known)
            gathered.update(found.metrics)
            spread.update(found.distributions)
        for outcome in outcomes:
            gathered.update(outcome.evaluated_metrics)
        return Evaluation(outcomes, gathered, spread)


def compile_ruleset(  # noqa: PLR0913 - what rules may look at
    ruleset: Ruleset,
    schema: Schema,
    *,
    moment: datetime | None = None,
    options: Options | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    references: Mapping[str, Reference] | None = None,
    files: FileListing | None = None,
    caller_sql: CallerSql | None = None,
) -> CompiledRuleset:
    """Make a ruleset ready for rows of `schema`.

    A rule on a column that is missing, or of a type that the rule's values do not compare with,
    is not refused: it gets the outcome Failed or Error with its reason, and the others go on.

    Args:
        moment: What `now()` means; the current instant when left out.
        history: Earlier values of metrics by Glue's name, oldest first.
        references: Other datasets by alias.
        files: Finds files for the rules on files.
        caller_sql: Lets the SQL of rules through to the engine (`custom_sql.GatedSql`).

    Raises:
        DqdlError: a rule is not well formed, or not evaluated in this version.
    """
    for problem in problems(ruleset):
        raise problem
    context = Context(
        schema, moment or clock.now(), options or Options(), history or {},
        references or {}, files, caller_sql,
    )  # fmt: skip
    context.compile_rule = lambda rule: _compiled(rule, context)
    rules = tuple(_top(rule, context) for rule in ruleset.rules)
    context.analyzing = True
    analyzers = tuple(
        _top(
            Rule(each.type, each.parameters, tags=each.tags, text=each.text, at=each.at),
            context,
        )
        for each in ruleset.analyzers
    )
    return CompiledRuleset(rules, {n: m for m, n in context.names.names.items()}, analyzers)


def _judged(test: Test, figures: Figures) -> Finding:
    try:
        return test.judge(figures)
    except NoFigureError as reason:
        return Finding("Error", str(reason))


def _top(rule: Rule | Composite, context: Context) -> CompiledRule:
    context.needs = []
    text = rule.text or str(rule)
    found = _compiled(rule, context)
    needs = tuple(dict.fromkeys(context.needs))
    check = _row_check(text, found) if found.rejects else None
    return CompiledRule(text, found.test, needs, found.rows, check, found.share)


def _compiled(rule: Rule | Composite, context: Context) -> Compiled:
    if isinstance(rule, Composite):
        return _composite(rule, context)
    try:
        _check_filter(rule, context)
        found = COMPILERS[rule.type](rule, context)
    except RuleFailedError as reason:
        return Compiled(Settled(Finding("Failed", str(reason))))
    except IncomparableError as reason:
        return Compiled(Settled(Finding("Error", str(reason))))
    # What is watched for anomalies is named by the first parameter.
    asked = rule.parameters[0] if rule.type == "DetectAnomalies" else rule.type
    if asked in NOT_OF_VALUES or isinstance(found.test, Settled):
        return found
    return replace(found, test=OfValues(found.test))


def _check_filter(rule: Rule, context: Context) -> None:
    """Fail a rule whose filter is no condition on the data, or reads something else."""
    if rule.where is None or context.caller_sql is None:
        return
    if rule.where not in context.filters:
        try:
            context.caller_sql.checked(f"select 1 from {PRIMARY} where ({rule.where})")
            context.filters[rule.where] = ""
        except LakeError as error:
            context.filters[rule.where] = reason_of(error)
    if context.filters[rule.where]:
        raise RuleFailedError(f"the where clause is invalid: {context.filters[rule.where]}")


def _composite(rule: Composite, context: Context) -> Compiled:
    """Join rules with `and` or `or`: by their outcomes, or by row if so asked.

    By row it holds where every row satisfies the whole, and only rules that single rows can
    tell are joined so. https://docs.aws.amazon.com/glue/latest/dg/dqdl.html, "Composite rules"
    """
    parts = [_compiled(part, context) for part in rule.parts]
    rows = tuple(part.rows for part in parts if part.rows is not None)
    together = RowGroup(rule.operator, rows) if len(rows) == len(parts) else None
    if together is not None and context.options.composites == "ROW":
        rejects = all(part.rejects for part in parts)
        test = _by_row(rule, together, context)
        return Compiled(test, together, rejects=rejects, share=_COMPOSITE)
    tests = tuple(part.test for part in parts)
    joined = AllOf(tests) if rule.operator == "and" else AnyOf(tests)
    return Compiled(joined, together, rejects=False)


def _by_row(rule: Composite, together: RowGroup, context: Context) -> Test:
    bad = f"do not satisfy {rule}"
    flags = Flags(PRIMARY)
    condition = flags.expression(together)
    if not flags.joined:
        good, total = context.rows(condition), context.rows()
        return ShareTest(_COMPOSITE, good, total, None, bad)
    counted = f"count(case when {condition} then 1 end) as good, count(*) as total"
    return RowsTest(_COMPOSITE, context.query(f"select {counted} from {flags.source()}"), bad)


@dataclass(frozen=True, slots=True)
class RowsTest:
    """A composite rule by row, counted by a query of its own."""

    metric: str
    counted: str
    bad: str

    def judge(self, figures: Figures) -> Finding:
        """Pass where every row is good."""
        (row,) = figures.rows(self.counted)
        test = ShareTest(self.metric, "good", "total", None, self.bad)
        return test.judge(Figures(row))


def _row_check(text: str, found: Compiled) -> RowCheck | None:
    rows = found.rows
    if isinstance(rows, RowGroup):
        flags = Flags(PRIMARY)
        condition = flags.expression(rows)
        # What compares rows with each other is not told by one row while it is staged.
        return None if flags.joined else RowCheck(text, condition)
    if rows is None:
        return None
    if rows.unique:
        # The engine compares all rows, not those that a filter leaves.
        return None if rows.where else RowCheck(text, rows.condition, rows.unique)
    condition = rows.condition
    if rows.where:
        # Rows that the filter leaves out (false or null) are not the rule's business.
        condition = f"(not coalesce({rows.where}, false) or {condition})"
    return RowCheck(text, condition)
