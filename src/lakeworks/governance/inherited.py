"""The tags that a query's columns bring along from those that they derive from.

Pure. A statement's table keeps these tags, whatever becomes later of the tables that it was made
of; beside them, the tags that its origins have now reach it through the lineage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.project.lineage_facts import values_of

if TYPE_CHECKING:
    from lakeworks.catalog.statement_writes import ColumnTags
    from lakeworks.governance.tags import TagState
    from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage


def inherited(
    state: TagState, lineage: QueryLineage
) -> tuple[QueryLineage, dict[str, ColumnTags]]:
    """Return a lineage with the gaps of its origins, and the tags of its columns.

    Args:
        state: The tags of the lake.
        lineage: What the columns derive from.
    """
    tags: dict[str, ColumnTags] = {}
    columns = []
    for column in lineage.columns:
        found, gaps = _of_column(state, column)
        if found:
            tags[column.name.lower()] = found
        columns.append(replace(column, unresolved=(*column.unresolved, *gaps)))
    return replace(lineage, columns=tuple(columns)), tags


def _of_column(state: TagState, column: DerivedColumn) -> tuple[ColumnTags, list[str]]:
    found: dict[str, set[str]] = {}
    gaps = []
    for table, name in values_of(column.origins):
        folded = name.split(".")[0].lower()
        for key, values in state.columns.get(table, {}).get(folded, {}).items():
            found.setdefault(key, set()).update(values)
        for key, value in state.assigned.get(f"{table}.{folded}", {}).items():
            found.setdefault(key, set()).add(value)
        if not state.of_column(TableName.parse(table), folded).resolved:
            gaps.append(f"what {table}.{name} derives from is not known")
    return {key: tuple(sorted(values)) for key, values in sorted(found.items())}, gaps
