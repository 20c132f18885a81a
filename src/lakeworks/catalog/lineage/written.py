"""Tables that statements make, in the lineage graph: all that any statement wrote into them.

Pure. Statements may read each other's tables in any order, even in circles, so these come last
and the graph says that tags have to be followed round until nothing changes (`entwined`). A table
keeps what its statements noted of its origins, whatever became of these since.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.graph import Node
from lakeworks.project.lineage_facts import NOTHING, DerivedColumn, QueryLineage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.statement_writes import StatementWrite
    from lakeworks.core.names import TableName

KIND = "statement"


def add_written(
    graph: LineageGraph, writes: Iterable[StatementWrite], there: Collection[TableName]
) -> None:
    """Add the tables that statements made.

    Args:
        graph: Of all else.
        writes: What statements wrote, in the order of their times.
        there: The tables that exist, those among them that were dropped.
    """
    of_table: dict[TableName, list[StatementWrite]] = {}
    for write in writes:
        if write.table in there:
            of_table.setdefault(write.table, []).append(write)
    for table, own in of_table.items():
        _add(graph, table, own)


def _add(graph: LineageGraph, table: TableName, writes: list[StatementWrite]) -> None:
    name, lineage = str(table), _united(writes)
    makers = [write for write in writes if write.kind == "create"]
    owner = makers[-1].principal if makers else ""
    columns = tuple(column.name for column in lineage.columns)
    told = f"made by {makers[-1].sql.strip()}" if makers else ""
    node = Node(name, KIND, columns, owner, told, unresolved=lineage.unresolved)
    known = graph.nodes.get(name)
    graph.add(node, lineage.tables)
    if known is not None and known.kind not in (KIND, "table"):
        return  # a file declares it now, and says what it is
    graph.derive(name, lineage)
    graph.entwined = True
    for write in writes:
        for column, tags in write.tags.items():
            given = graph.given.setdefault((name, column), {})
            for tag, values in tags.items():
                given.setdefault(tag, set()).update(values)


def _united(writes: list[StatementWrite]) -> QueryLineage:
    """Return what a table derives from by any of the statements that wrote it."""
    found: dict[str, DerivedColumn] = {}
    rows, tables, gaps = NOTHING, dict[str, None](), dict[str, None]()
    for write in writes:
        for column in write.lineage.columns:
            have = found.get(column.name.lower(), DerivedColumn(column.name))
            found[column.name.lower()] = replace(
                have,
                origins=have.origins | column.origins,
                unresolved=tuple(dict.fromkeys((*have.unresolved, *column.unresolved))),
            )
        rows |= write.lineage.rows
        tables |= dict.fromkeys(write.lineage.tables)
        gaps |= dict.fromkeys(write.lineage.unresolved)
    return QueryLineage(tuple(found.values()), rows, tuple(tables), tuple(gaps))
