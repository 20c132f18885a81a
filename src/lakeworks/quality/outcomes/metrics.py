"""The figures that rules are judged by, as SQL over the rows of a table.

Pure. All plain aggregates share one scan. Each different grouping adds one pass, as a grouped
subquery that the engine can spill to disk where `count(distinct)` cannot; all figures of one
grouping come from the same pass. What fits neither is a query of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.core.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

PRIMARY = '"primary"'

GroupFigure = Literal["rows", "groups", "once", "spread"]
_FIGURES: dict[GroupFigure, str] = {
    "rows": "coalesce(sum(lw_n), 0)",
    "groups": "count(*)",
    "once": "count(case when lw_n = 1 then 1 end)",
    "spread": "coalesce(sum(lw_n * ln(cast(lw_n as double))), 0)",
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over all rows, such as `count("id")`.

    Attributes:
        told: What it is, if an engine may know it without a scan: `rows`, or the `values` that
            are not null, the `least` or the `most` of a column.
    """

    sql: str
    told: tuple[Literal["rows", "values", "least", "most"], str] | None = field(
        default=None, compare=False
    )


@dataclass(frozen=True, slots=True)
class Grouped:
    """A figure of how often the combined values of some columns occur.

    Attributes:
        where: A SQL condition; only rows for which it is true are looked at.
        figure: `rows`: how many rows; `groups`: how many different values; `once`: how many
            values occur exactly once; `spread`: the sum of n ln n over all values, n being how
            often one occurs.
    """

    columns: tuple[str, ...]
    where: str
    figure: GroupFigure

    @property
    def source(self) -> tuple[tuple[str, ...], str]:
        """What figures of one pass have in common."""
        return self.columns, self.where


@dataclass(frozen=True, slots=True)
class Extra:
    """A SELECT of its own, over `"primary"` and references; its figure is a list of its rows."""

    sql: str


Metric = Aggregate | Grouped | Extra


@dataclass(slots=True)
class MetricNames:
    """Hands out one name (`m0`, `m1`, …) for each different metric."""

    names: dict[Metric, str] = field(default_factory=dict)

    def name(self, metric: Metric) -> str:
        """Return the metric's name, the same for equal metrics."""
        return self.names.setdefault(metric, f"m{len(self.names)}")


def query(metrics: Iterable[tuple[str, Metric]], relation: str) -> str:
    """Return a SELECT of one row with a column for each named metric, or nothing for none.

    Metrics that are a query of their own are left out.

    Args:
        relation: A quoted table name, or a SELECT in parentheses.
    """
    plain: list[str] = []
    grouped: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, metric in metrics:
        if isinstance(metric, Aggregate):
            plain.append(f"{metric.sql} as {name}")
        elif isinstance(metric, Grouped):
            figure = f"{_FIGURES[metric.figure]} as {name}"
            grouped.setdefault(metric.source, []).append(figure)
    passes = [_selected(plain, _aliased(relation))] if plain else []
    for (columns, where), figures in grouped.items():
        passes.append(_selected(figures, _counted(columns, where, relation)))
    if len(passes) < 2:  # noqa: PLR2004 - one pass needs no joining
        return "".join(passes)
    joined = "\ncross join ".join(f"({sql}) as lw_p{i}" for i, sql in enumerate(passes))
    return f"select * from {joined}"


def _selected(expressions: list[str], source: str) -> str:
    return "select " + ",\n  ".join(expressions) + f"\nfrom {source}"


def _counted(columns: tuple[str, ...], where: str, relation: str) -> str:
    names = ", ".join(quote_identifier(column) for column in columns)
    kept = f" where {where}" if where else ""
    source = _aliased(relation)
    return f"(select count(*) as lw_n from {source}{kept} group by {names}) as lw_groups"


def _aliased(relation: str) -> str:
    return f"{relation} as lw_rows" if relation.startswith("(") else relation
