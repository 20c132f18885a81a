"""Figures that need less than a scan, or no pass by value: exact all the same.

What the engine knows of the data (rows, nulls, bounds of whole numbers) is not counted again.
Where it can count the different values of a column without grouping, a column that turns out to
have as many as it has rows is unique, and is not grouped at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.quality.outcomes import metrics
from lakeworks.quality.outcomes.metrics import PRIMARY, Aggregate, Grouped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.engines.known import Known
    from lakeworks.engines.protocol import Session
    from lakeworks.quality.outcomes.metrics import Metric

_Source = tuple[tuple[str, ...], str]


def fetched(session: Session, wanted: Mapping[str, Metric], relation: str) -> dict[str, Any]:
    """Return figures by name, in one statement or, where a column is not unique, in two."""
    known = _known(session, wanted, relation)
    if known is None:
        return row(session, wanted, relation)
    values = {
        name: value
        for name, metric in wanted.items()
        if isinstance(metric, Aggregate) and (value := _told(metric, known)) is not None
    }
    counted = _counted(session, wanted, known)
    asked: dict[str, Metric] = {
        name: metric
        for name, metric in wanted.items()
        if name not in values and not (isinstance(metric, Grouped) and metric.source in counted)
    }
    for at, (source, sql) in enumerate(counted.items()):
        filtered = _filter(source)
        asked[f"lw_different{at}"] = Aggregate(sql)
        asked[f"lw_looked_at{at}"] = Aggregate(
            f"count(case when {filtered} then 1 end)"
            if filtered
            else f"count({quote_identifier(source[0][0])})"
        )
    found = row(session, asked, relation)
    left: dict[str, Metric] = {}
    for at, source in enumerate(counted):
        different, rows = found.pop(f"lw_different{at}"), found.pop(f"lw_looked_at{at}")
        for name, metric in wanted.items():
            if not isinstance(metric, Grouped) or metric.source != source:
                continue
            if metric.figure == "rows":
                values[name] = rows
            elif metric.figure == "groups" or different == rows:
                values[name] = different
            else:
                left[name] = metric
    return {**values, **found, **row(session, left, relation)}


def row(session: Session, wanted: Mapping[str, Metric], relation: str) -> dict[str, Any]:
    """Return figures by name, as one statement gives them."""
    sql = metrics.query(wanted.items(), relation)
    return session.figures(sql) if sql else {}


def _known(session: Session, wanted: Mapping[str, Metric], relation: str) -> Known | None:
    helps = any(
        metric.told is not None
        if isinstance(metric, Aggregate)
        else isinstance(metric, Grouped) and len(metric.columns) == 1
        for metric in wanted.values()
    )
    # Of the data as a whole, that is: not of a SELECT over them.
    return session.known(PRIMARY.strip('"')) if helps and relation == PRIMARY else None


def _told(metric: Aggregate, known: Known) -> int | None:
    if metric.told is None:
        return None
    what, name = metric.told
    if what == "rows":
        return known.rows
    column = known.columns.get(name)
    if column is None:
        return None
    if what == "values":
        return None if column.nulls is None else known.rows - column.nulls
    if column.bounds is None:
        return None
    return column.bounds[0] if what == "least" else column.bounds[1]


def _counted(
    session: Session, wanted: Mapping[str, Metric], known: Known
) -> dict[_Source, str]:
    """Return the groupings that counting different values may spare, with its SQL."""
    figures: dict[_Source, set[str]] = {}
    for metric in wanted.values():
        if isinstance(metric, Grouped) and len(metric.columns) == 1:
            figures.setdefault(metric.source, set()).add(metric.figure)
    found: dict[_Source, str] = {}
    for (columns, where), asked in figures.items():
        if "spread" in asked or ("once" in asked and _repeats(columns[0], known)):
            continue
        sql = session.distinct(columns[0], known, _filter((columns, where)))
        if sql:
            found[columns, where] = sql
    return found


def _filter(source: _Source) -> str:
    """Return which rows are looked at, where it is not just those with a value."""
    columns, where = source
    return "" if where == f"({quote_identifier(columns[0])} is not null)" else where


def _repeats(name: str, known: Known) -> bool:
    """Whether there are more values than numbers between the bounds."""
    column = known.columns.get(name)
    if column is None or column.bounds is None or column.nulls is None:
        return False
    return known.rows - column.nulls > column.bounds[1] - column.bounds[0] + 1
