"""The figures that rules are judged by, as SQL aggregates over the rows of a table.

Pure. All plain aggregates share one scan; each distinct uniqueness adds a grouped subquery to
the same statement, which the engine can spill to disk where `count(distinct)` cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.core.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["rows", "once", "least", "most"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    Attributes:
        kind: `rows`: how many rows satisfy `condition`; `once`: how many combined values of
            `columns` occur exactly once among them; `least` and `most`: of `expression`.
        condition: A SQL condition, or empty for all rows.
    """

    kind: Kind
    condition: str = ""
    columns: tuple[str, ...] = ()
    expression: str = ""

    def sql(self, relation: str) -> str:
        """Return the expression that gives the figure in a SELECT from `relation`."""
        if self.kind == "once":
            names = ", ".join(quote_identifier(column) for column in self.columns)
            where = f" where {self.condition}" if self.condition else ""
            source = _aliased(relation)
            return (
                f"(select count(*) from (select 1 as one from {source}{where} "
                f"group by {names} having count(*) = 1) as lw_once)"
            )
        if self.kind == "rows":
            return (
                f"count(case when {self.condition} then 1 end)"
                if self.condition
                else "count(*)"
            )
        function = "min" if self.kind == "least" else "max"
        if not self.condition:
            return f"{function}({self.expression})"
        return f"{function}(case when {self.condition} then {self.expression} end)"


@dataclass(slots=True)
class MetricNames:
    """Hands out one name (`m0`, `m1`, …) for each different metric."""

    names: dict[Metric, str] = field(default_factory=dict)

    def name(self, metric: Metric) -> str:
        """Return the metric's name, the same for equal metrics."""
        return self.names.setdefault(metric, f"m{len(self.names)}")


def query(metrics: Iterable[tuple[str, Metric]], relation: str) -> str:
    """Return a SELECT of one row with a column for each named metric, or nothing for none.

    Args:
        relation: A quoted table name, or a SELECT in parentheses.
    """
    expressions = [f"{metric.sql(relation)} as {name}" for name, metric in metrics]
    if not expressions:
        return ""
    return "select " + ",\n  ".join(expressions) + f"\nfrom {_aliased(relation)}"


def _aliased(relation: str) -> str:
    return f"{relation} as lw_rows" if relation.startswith("(") else relation
