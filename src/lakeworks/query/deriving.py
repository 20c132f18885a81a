"""What the columns of a caller's query derive from, through views and versions of tables.

Found in the query's text and in what its caller sees of the tables, so that `SELECT *` stands for
the columns that it gave. What cannot be followed is a gap with its reason: whoever enforces tags
takes a column with a gap for tagged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.names import QUARANTINE
from lakeworks.core.types import Field, Schema
from lakeworks.project.lineage_facts import (
    TRANSFORMATION,
    DerivedColumn,
    as_kind,
)
from lakeworks.project.lineage_relations import UNKNOWN_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.project.lineage_facts import Origin, Origins, QueryLineage
    from lakeworks.query.asked import Asked
    from lakeworks.storage.external import AnySource


def derived(
    asked: Asked, sources: Mapping[str, AnySource], columns: Sequence[str]
) -> QueryLineage:
    """Return the lineage of a query's result.

    Args:
        asked: The query.
        sources: What it reads, by the names under which it does.
        columns: The names of the result's columns, in order.
    """
    from lakeworks.project.sql_lineage import query_lineage

    schemas: dict[str, Schema | None] = {
        name: _seen(asked, name, source) for name, source in sources.items()
    }
    through: dict[str, QueryLineage] = {}
    for name, view in asked.views.items():
        found = _through(query_lineage(view.select(), schemas), through)
        through[name] = found
        schemas[name] = _schema(found)
    found = _through(query_lineage(asked.sql, schemas, names=columns), through)
    return _real(_as_named(found, columns), asked)


def onto(lineage: QueryLineage, columns: Sequence[str]) -> QueryLineage:
    """Return the same lineage under other names of its columns, which stay in order."""
    named = zip(lineage.columns, columns, strict=True)
    return replace(lineage, columns=tuple(replace(one, name=name) for one, name in named))


def _seen(asked: Asked, name: str, source: AnySource) -> Schema:
    """Return the columns of a table that the caller sees."""
    if asked.viewer is None:
        return source.schema
    shown = asked.viewer.secured(asked.tables[name][0], source)
    fields = (source.schema.get(column.name) for column in shown.columns)
    return Schema(tuple(field for field in fields if field is not None))


def _schema(lineage: QueryLineage) -> Schema | None:
    if not lineage.complete:
        return None
    return Schema(tuple(Field(column.name, UNKNOWN_TYPE) for column in lineage.columns))


def _through(lineage: QueryLineage, views: Mapping[str, QueryLineage]) -> QueryLineage:
    """Put in place of a view's columns what these derive from."""
    if not views:
        return lineage
    columns = tuple(_column_through(column, views) for column in lineage.columns)
    rows, gaps = _origins_through(lineage.rows, views)
    used = [views[name.lower()] for name in lineage.tables if name.lower() in views]
    for view in used:
        rows |= view.rows
        gaps += view.unresolved
    tables = [name for name in lineage.tables if name.lower() not in views]
    tables += [name for view in used for name in view.tables]
    return replace(
        lineage,
        columns=columns,
        rows=rows,
        tables=tuple(dict.fromkeys(tables)),
        unresolved=(*lineage.unresolved, *gaps),
    )


def _column_through(column: DerivedColumn, views: Mapping[str, QueryLineage]) -> DerivedColumn:
    origins, gaps = _origins_through(column.origins, views)
    return replace(column, origins=origins, unresolved=(*column.unresolved, *gaps))


def _origins_through(
    origins: Origins, views: Mapping[str, QueryLineage]
) -> tuple[Origins, tuple[str, ...]]:
    found: set[Origin] = set()
    gaps: list[str] = []
    for table, name, kind in origins:
        view = views.get(table.lower())
        if view is None:
            found.add((table, name, kind))
            continue
        inner = view.column(name)
        if inner is None:
            gaps.append(f"column {name} of the view {table} is not known")
            continue
        found |= as_kind(inner.origins, kind)
        gaps += inner.unresolved
    return frozenset(found), tuple(gaps)


def _as_named(lineage: QueryLineage, columns: Sequence[str]) -> QueryLineage:
    """Return the lineage column by column of the result, whatever of it is known."""
    if lineage.complete and len(lineage.columns) == len(columns):
        return onto(lineage, columns)
    why = lineage.unresolved or ("the columns of the query could not be followed",)
    every: Origins = frozenset().union(*(column.origins for column in lineage.columns))
    blurred = as_kind(every, TRANSFORMATION)
    return replace(
        lineage,
        columns=tuple(DerivedColumn(name, blurred, why) for name in columns),
        complete=True,
    )


def _real(lineage: QueryLineage, asked: Asked) -> QueryLineage:
    """Return the lineage with tables under their own names, not those that SQL reads them by."""
    names = {written.lower(): str(name) for written, (name, _) in asked.tables.items()}

    def real(origins: Origins) -> Origins:
        return frozenset((names.get(t.lower(), t), c, k) for t, c, k in origins)

    def column(one: DerivedColumn) -> DerivedColumn:
        origins = real(one.origins)
        gaps = list(one.unresolved)
        # What a rejected row holds is text: any column of its table may be in it.
        gaps += [f"{t}.{c} holds whole rows" for t, c, _ in origins
                 if t.startswith(f"{QUARANTINE}.") and c.lower() in ("row", "error")]  # fmt: skip
        return replace(one, origins=origins, unresolved=tuple(dict.fromkeys(gaps)))

    return replace(
        lineage,
        columns=tuple(column(one) for one in lineage.columns),
        rows=real(lineage.rows),
        tables=tuple(dict.fromkeys(names.get(t.lower(), t) for t in lineage.tables)),
    )
