"""What one question about lineage shows: some nodes, some of their columns, and edges.

Pure. The text tree, JSON, Mermaid and the picture are all drawn from a `View`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.lineage.graph import node_json
from lakeworks.project.lineage_facts import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.lineage.graph import ColumnId, Direction, LineageGraph, Node


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """From a column to one that derives from it; tables alone have the empty column.

    Attributes:
        kind: How the value is used; empty between tables.
    """

    source: ColumnId
    target: ColumnId
    kind: str = ""


@dataclass(slots=True)
class View:
    """A part of the graph, around one table or column."""

    start: ColumnId
    nodes: dict[str, Node] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    influences: dict[ColumnId, tuple[str, ...]] = field(default_factory=dict)
    unresolved: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        table, column = self.start
        return {
            "table": table,
            "column": column or None,
            "nodes": [
                {**node_json(node), "columns": self.columns.get(name, [])}
                for name, node in sorted(self.nodes.items())
            ],
            "edges": [
                {"from": _dotted(edge.source), "to": _dotted(edge.target), "kind": edge.kind}
                for edge in self.edges
            ],
            "influenced_by": [
                {"column": _dotted(column), "kinds": list(kinds)}
                for column, kinds in sorted(self.influences.items())
            ],
            "unresolved": {name: list(why) for name, why in sorted(self.unresolved.items())},
        }


def view_of(
    graph: LineageGraph,
    table: str,
    column: str = "",
    *,
    directions: Iterable[Direction] = ("up", "down"),
    depth: int | None = None,
) -> View:
    """Return what lies around a table, or around one of its columns by value.

    Args:
        graph: The lake's lineage.
        table: A node's name.
        column: One of its columns; empty for the table as a whole.
        directions: Where to look: `up` to what it is made from, `down` to what is made of it.
        depth: How many steps to go; None for all.
    """
    view = View((table, column))
    _see(view, graph, table, column)
    edges: set[Edge] = set()
    for direction in directions:
        if column:
            _follow_column(view, graph, direction, depth, edges)
        else:
            _follow_table(view, graph, direction, depth, edges)
    view.edges = sorted(edges)
    if column and "up" in directions:
        view.influences = graph.influences_on((table, column))
    view.unresolved |= _unresolved(view, graph)
    return view


def _follow_column(
    view: View,
    graph: LineageGraph,
    direction: Direction,
    depth: int | None,
    edges: set[Edge],
) -> None:
    met = {view.start, *(s.column for s in graph.column_steps(view.start, direction, depth))}
    for name, column in sorted(met):
        _see(view, graph, name, column)
        for origin, kind in graph.values.get((name, column), {}).items():
            if origin in met:
                edges.add(Edge(origin, (name, column), kind))


def _follow_table(
    view: View,
    graph: LineageGraph,
    direction: Direction,
    depth: int | None,
    edges: set[Edge],
) -> None:
    met = graph.around(view.start[0], direction, depth)
    for name in sorted(met):
        _see(view, graph, name, "")
        edges |= {Edge((o, ""), (name, "")) for o in graph.neighbours(name, "up") if o in met}


def _see(view: View, graph: LineageGraph, name: str, column: str) -> None:
    node = graph.nodes.get(name)
    if node is None:
        return
    view.nodes.setdefault(name, node)
    shown = view.columns.setdefault(name, [])
    if column and column not in shown:
        shown.append(column)


def _unresolved(view: View, graph: LineageGraph) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, node in view.nodes.items():
        if node.unresolved:
            found[name] = node.unresolved
        for column in view.columns.get(name, ()):
            gaps = graph.unresolved.get((name, column))
            if gaps:
                found[f"{name}.{column}"] = gaps
    return found


def how(kind: str) -> str:
    """Return a kind of use as a word for people; none for a value that is passed on as it is."""
    return "" if kind in {"", IDENTITY} else kind


def _dotted(column: ColumnId) -> str:
    return ".".join(part for part in column if part)
