"""Turn a ruleset into SQL for one schema, and judge it by what the SQL gives.

Pure. A rule is judged in one of two ways. *By rows*: the engine tests every row while it stages
(`row_checks`) and failing rows go to quarantine; the rule's outcome is how many those were. *By
the whole table*: aggregates over the staged rows (`metrics_query`). What a run does depends on
the model's `on_violation`:

- `quarantine`: `row_checks` are handed to the engine; then `metrics_query(scope="dataset")`
  runs over what was staged, and `judge(figures, rejected_by=…, rows_read=…)`. A rule that
  rejected rows is Failed in the report and in the score, and the step goes on; a rule on the
  whole table that fails (`Evaluation.blocking`) fails the step.
- `fail`, `warn`: nothing is rejected; `metrics_query(scope="all")` and `judge(figures)`. With
  `fail`, any rule that does not pass fails the step.

Composite rules are judged by the whole table, as Glue does unless told otherwise.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.core import clock
from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import quote_identifier
from lakeworks.engines.protocol import RowCheck
from lakeworks.quality import conditions, metrics
from lakeworks.quality.evaluation import (
    AllOf,
    AnyOf,
    CountTest,
    Evaluation,
    Figures,
    Finding,
    RowTest,
    RuleOutcome,
    Settled,
    ShareTest,
    Test,
)
from lakeworks.quality.literals import IncomparableError, is_number
from lakeworks.quality.metrics import Metric, MetricNames
from lakeworks.quality.rules import problems
from lakeworks.quality.ruleset import Composite, Condition, Rule, Ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from lakeworks.core.types import Field, Schema

Scope = Literal["all", "dataset"]
_MOST_NAMES = {">": "Minimum", ">=": "Minimum", "<": "Maximum", "<=": "Maximum"}


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule: how it is judged by the whole table, and how by rows if it can be.

    Attributes:
        needs: The names of the metrics that `test` looks at.
        check: The test of one row, or None where rows cannot tell.
        share: Glue's name of the share of good rows, or empty.
    """

    text: str
    test: Test
    needs: tuple[str, ...]
    check: RowCheck | None = None
    share: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRuleset:
    """A ruleset made ready for one schema. See the module for how a run uses it."""

    rules: tuple[CompiledRule, ...]
    metrics: Mapping[str, Metric]

    @property
    def row_checks(self) -> tuple[RowCheck, ...]:
        """The rules that can be judged by rows, for the engine's `stage`; each text once."""
        checks = {rule.text: rule.check for rule in self.rules if rule.check is not None}
        return tuple(checks.values())

    def metrics_query(self, relation: str, *, scope: Scope = "all") -> str:
        """Return a SELECT of one row that gives every figure `judge` needs.

        Args:
            relation: A quoted table name, or a SELECT in parentheses; it is read once, and once
                more for each different uniqueness.
            scope: `dataset` leaves out the rules that are judged by rows.

        Returns:
            SQL in DuckDB's dialect, or an empty text when no figure is needed.
        """
        wanted = {
            name
            for rule in self.rules
            if scope == "all" or rule.check is None
            for name in rule.needs
        }
        return metrics.query(
            ((name, metric) for name, metric in self.metrics.items() if name in wanted),
            relation,
        )

    def judge(
        self,
        figures: Mapping[str, Any],
        *,
        rejected_by: Mapping[str, int] | None = None,
        rows_read: int = 0,
    ) -> Evaluation:
        """Judge every rule.

        Args:
            figures: The row that `metrics_query` gave, column to value.
            rejected_by: How many rows each row check rejected, by its rule's text; given when
                `row_checks` were applied, and then those rules are judged by it.
            rows_read: How many rows were tested, for shares; only with `rejected_by`.
        """
        known = Figures(figures, rejected_by, rows_read)
        return Evaluation(tuple(_outcome(rule, known) for rule in self.rules))


def compile_ruleset(
    ruleset: Ruleset, schema: Schema, *, moment: datetime | None = None
) -> CompiledRuleset:
    """Make a ruleset ready for rows of `schema`.

    A rule on a column that is missing, or of a type that the rule's values do not compare with,
    is not refused: it gets the outcome Failed or Error with its reason, and the others go on.

    Args:
        moment: What `now()` means; the current instant when left out.

    Raises:
        DqdlError: a rule is not well formed, or not evaluated in this version.
    """
    for problem in problems(ruleset):
        raise problem
    compiler = _Compiler(schema, moment or clock.now())
    rules = tuple(compiler.top(rule) for rule in ruleset.rules)
    return CompiledRuleset(rules, {n: m for m, n in compiler.names.names.items()})


def _outcome(rule: CompiledRule, figures: Figures) -> RuleOutcome:
    by_rows = figures.rejected_by is not None and rule.check is not None
    test = RowTest(rule.text, rule.share) if by_rows else rule.test
    found = test.judge(figures)
    return RuleOutcome(rule.text, found.outcome, found.reason, found.metrics, by_rows)


class _Compiler:
    def __init__(self, schema: Schema, moment: datetime) -> None:
        self.schema = schema
        self.moment = moment
        self.names = MetricNames()
        self.needs: list[str] = []

    def top(self, rule: Rule | Composite) -> CompiledRule:
        self.needs = []
        text = rule.text or str(rule)
        test, check, share = self._any(rule)
        return CompiledRule(text, test, tuple(dict.fromkeys(self.needs)), check, share)

    def _any(self, rule: Rule | Composite) -> tuple[Test, RowCheck | None, str]:
        if isinstance(rule, Composite):
            tests = tuple(self._any(part)[0] for part in rule.parts)
            return (AllOf(tests) if rule.operator == "and" else AnyOf(tests)), None, ""
        missing = [name for name in rule.parameters if name not in self.schema]
        if missing and rule.type != "ColumnExists":
            return self._missing(missing), None, ""
        try:
            return self._compilers[rule.type](self, rule)
        except IncomparableError as reason:
            return Settled(Finding("Error", str(reason))), None, ""

    def _missing(self, columns: list[str]) -> Test:
        hint = did_you_mean(columns[0], self.schema.names)
        named = " and ".join(repr(column) for column in columns)
        have = "are no columns" if len(columns) > 1 else "is no column"
        return Settled(Finding("Failed", f"{named} {have} of the table; {hint}"))

    # -- one method a rule type --------------------------------------------------------

    def _is_complete(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        test, condition = self._completeness_test(self._column(rule), rule)
        share = f"Column.{rule.parameters[0]}.Completeness"
        return test, self._row_check(rule, condition), share

    def _completeness(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        return self._completeness_test(self._column(rule), rule)[0], None, ""

    def _is_unique(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        return self._uniqueness_test(rule), self._unique_check(rule, ""), ""

    def _uniqueness(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        return self._uniqueness_test(rule), None, ""

    def _is_primary_key(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        columns = self._columns(rule)
        tests = [self._completeness_test(column, rule)[0] for column in columns]
        tests.append(self._uniqueness_test(rule))
        condition = " and ".join(conditions.complete(column) for column in columns)
        return AllOf(tuple(tests)), self._unique_check(rule, condition), ""

    def _column_values(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        column, asked = self._column(rule), _condition(rule)
        condition = conditions.values(column, asked, self.moment)
        share = f"Column.{rule.parameters[0]}.ColumnValues.Compliance"
        figures = self._extremes(column, asked, rule)
        test = ShareTest(
            share, *self._counts(condition, rule), rule.threshold, f"are not {asked}", figures
        )
        check = None if rule.threshold is not None else self._row_check(rule, condition)
        return test, check, share

    def _column_length(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        column, asked = self._column(rule), _condition(rule)
        condition = conditions.length(column, asked)
        share = f"Column.{rule.parameters[0]}.LengthCompliance"
        bad = f"have a length that is not {asked}"
        test = ShareTest(share, *self._counts(condition, rule), None, bad)
        return test, self._row_check(rule, condition), share

    def _column_exists(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        name = rule.parameters[0]
        found = {f"Dataset.{name}.ColumnExists": float(name in self.schema)}
        if name in self.schema:
            return Settled(Finding("Passed", metrics=found)), None, ""
        hint = did_you_mean(name, self.schema.names)
        reason = f"{name!r} is no column of the table; {hint}"
        return Settled(Finding("Failed", reason, found)), None, ""

    def _row_count(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        counted = self._need(Metric("rows", _filter(rule)))
        return CountTest("Dataset.*.RowCount", "RowCount", _condition(rule), counted), None, ""

    def _column_count(self, rule: Rule) -> tuple[Test, RowCheck | None, str]:
        known = len(self.schema)
        test = CountTest("Dataset.*.ColumnCount", "ColumnCount", _condition(rule), known=known)
        return test, None, ""

    _compilers: dict[str, Callable[[_Compiler, Rule], tuple[Test, RowCheck | None, str]]] = {  # noqa: RUF012
        "IsComplete": _is_complete,
        "IsUnique": _is_unique,
        "IsPrimaryKey": _is_primary_key,
        "Completeness": _completeness,
        "Uniqueness": _uniqueness,
        "ColumnValues": _column_values,
        "ColumnLength": _column_length,
        "ColumnExists": _column_exists,
        "RowCount": _row_count,
        "ColumnCount": _column_count,
    }

    # -- parts -------------------------------------------------------------------------

    def _completeness_test(self, column: Field, rule: Rule) -> tuple[Test, str]:
        condition = conditions.complete(column)
        name = next(n for n in rule.parameters if n.casefold() == column.name.casefold())
        counts = self._counts(condition, rule)
        asked = rule.condition if rule.type == "Completeness" else None
        return ShareTest(f"Column.{name}.Completeness", *counts, asked, "are null"), condition

    def _uniqueness_test(self, rule: Rule) -> Test:
        """Rows in which all columns are null are not looked at, as in Deequ."""
        columns = self._columns(rule)
        some = " or ".join(conditions.complete(column) for column in columns)
        looked_at = _both(_filter(rule), f"({some})")
        once = Metric("once", looked_at, tuple(column.name for column in columns))
        subject = "Column" if len(columns) == 1 else "Multicolumn"
        metric = f"{subject}.{','.join(rule.parameters)}.Uniqueness"
        total = self._need(Metric("rows", looked_at))
        return ShareTest(metric, self._need(once), total, rule.condition, "are repeated")

    def _counts(self, condition: str, rule: Rule) -> tuple[str, str]:
        where = _filter(rule)
        good = self._need(Metric("rows", _both(where, condition)))
        return good, self._need(Metric("rows", where))

    def _extremes(
        self, column: Field, asked: Condition, rule: Rule
    ) -> tuple[tuple[str, str], ...]:
        name = _MOST_NAMES.get(asked.operator)
        if name is None or not is_number(column.type):
            return ()
        kind: Literal["least", "most"] = "least" if name == "Minimum" else "most"
        metric = Metric(kind, _filter(rule), expression=quote_identifier(column.name))
        return ((f"Column.{rule.parameters[0]}.{name}", self._need(metric)),)

    def _row_check(self, rule: Rule, condition: str) -> RowCheck:
        where = _filter(rule)
        if where:
            # Rows that the filter leaves out (false or null) are not the rule's business.
            condition = f"(not coalesce({where}, false) or {condition})"
        return RowCheck(rule.text or str(rule), condition)

    def _unique_check(self, rule: Rule, condition: str) -> RowCheck | None:
        if rule.where is not None:
            return None  # the engine compares all rows, not those that a filter leaves
        names = tuple(column.name for column in self._columns(rule))
        return RowCheck(rule.text or str(rule), condition, names)

    def _column(self, rule: Rule) -> Field:
        return self._columns(rule)[0]

    def _columns(self, rule: Rule) -> list[Field]:
        found = [self.schema.get(name) for name in rule.parameters]
        return list({column.name: column for column in found if column is not None}.values())

    def _need(self, metric: Metric) -> str:
        name = self.names.name(metric)
        self.needs.append(name)
        return name


def _condition(rule: Rule) -> Condition:
    if rule.condition is None:  # pragma: no cover - `problems` refuses such a rule
        raise IncomparableError(f"{rule.type} has no condition")
    return rule.condition


def _filter(rule: Rule) -> str:
    return f"({rule.where})" if rule.where is not None else ""


def _both(first: str, second: str) -> str:
    return f"{first} and {second}" if first else second
