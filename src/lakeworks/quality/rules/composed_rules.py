"""What is made of other rules: DetectAnomalies, and the analyzer AllStatistics.

Pure. Both compile the rules they are made of without a condition, so that only the metrics of
those are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.comparison.anomalies import judge
from lakeworks.quality.comparison.literals import is_number, is_text
from lakeworks.quality.language.ruleset import Rule
from lakeworks.quality.outcomes.evaluation import AllOf, Finding
from lakeworks.quality.rules.context import Compiled, IncomparableError
from lakeworks.quality.rules.custom_sql import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.quality.outcomes.evaluation import Test
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context

ALL_COLUMNS = "AllColumns"
WATCHED = (
    "RowCount", "Completeness", "Uniqueness", "Mean", "Sum", "StandardDeviation", "Entropy",
    "DistinctValuesCount", "UniqueValueRatio", "ColumnLength", "ColumnValues",
    "ColumnCorrelation", "CustomSql", "ColumnCount",
)  # fmt: skip
_COUNTS = ("RowCount", "ColumnCount", "DistinctValuesCount")


@dataclass(frozen=True, slots=True)
class AnomalyTest:
    """Whether the metrics of a rule are in line with those of earlier runs."""

    test: Test
    history: Mapping[str, Sequence[float]]

    def judge(self, figures: Figures) -> Finding:
        """Fail when one is not; the metrics are kept whatever the outcome."""
        found = self.test.judge(figures)
        if found.outcome != "Passed":
            return found
        verdicts = [
            judge(
                name,
                value,
                self.history.get(name, ()),
                counts=name.rpartition(".")[2] in _COUNTS,
            )
            for name, value in found.metrics.items()
        ]
        reasons = [verdict.reason for verdict in verdicts if verdict.anomalous]
        if not reasons:
            return found
        return Finding("Failed", "; ".join(reasons), found.metrics)


def _detect_anomalies(rule: Rule, context: Context) -> Compiled:
    """The metrics of a rule are not anomalous (page DetectAnomalies).

    `anomalies` says how they are judged. With fewer than three earlier values they pass.
    """
    name, *parameters = rule.parameters
    # The page spells it CustomSQL, as the metric is; the rule itself is CustomSql.
    name = "CustomSql" if name == "CustomSQL" else name
    if name not in WATCHED:
        raise IncomparableError(f"{name!r} is no rule that is watched; there are {_listed()}")
    watched = Rule(name, tuple(parameters), where=rule.where, text=rule.text, at=rule.at)
    if name == "CustomSql":
        return Compiled(AnomalyTest(number_of(watched, context).test, context.history))
    return Compiled(AnomalyTest(context.compile_rule(watched).test, context.history))


def _all_statistics(rule: Rule, context: Context) -> Compiled:
    """The usual metrics of a column, or of all (page dqdl-rule-types, AllStatistics)."""
    names = list(rule.parameters)
    if not names or (names == [ALL_COLUMNS] and ALL_COLUMNS not in context.schema):
        names = list(context.schema.names)
    tests: list[Test] = [context.compile_rule(Rule("RowCount", where=rule.where)).test]
    for name in names:
        column = context.column(name)
        types = ["Completeness", "Uniqueness"]
        if is_text(column.type):
            types.append("ColumnLength")
        elif is_number(column.type):
            types.append("ColumnValues")
        tests += [
            context.compile_rule(Rule(type_, (name,), where=rule.where)).test for type_ in types
        ]
    return Compiled(AllOf(tuple(tests)))


def _listed() -> str:
    return ", ".join(WATCHED)


COMPILERS = {"DetectAnomalies": _detect_anomalies, "AllStatistics": _all_statistics}
