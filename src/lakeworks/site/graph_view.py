"""The lineage graph as the site draws it: names, links, neighbours, columns. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.lineage.graph import ColumnId, LineageGraph

_MOST_ORIGINS = 40


@dataclass(slots=True)
class Columns:
    """Which columns lie next to a table's columns, and where those come from at last."""

    graph: LineageGraph
    _roots: dict[ColumnId, frozenset[ColumnId]] = field(default_factory=dict)
    _names: dict[ColumnId, ColumnId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for known in (*self.graph.users, *self.graph.values):
            self._names[known[0], known[1].lower()] = known

    def named(self, table: str, column: str) -> ColumnId:
        """Return a column as the graph writes it, whatever the case."""
        return self._names.get((table, column.lower()), (table, column))

    def above(self, column: ColumnId) -> list[tuple[ColumnId, str]]:
        """Return the columns that a column takes its value from, each with how."""
        return sorted(self.graph.values.get(column, {}).items())

    def below(self, column: ColumnId) -> list[tuple[ColumnId, str]]:
        """Return the columns that take their value from it, each with how."""
        return sorted(self.graph.users.get(column, {}).items())

    def origins(self, column: ColumnId) -> list[ColumnId]:
        """Return the columns without any above them that it derives from, itself left out."""
        return sorted(self._origins(column) - {column})[:_MOST_ORIGINS]

    def _origins(self, start: ColumnId) -> frozenset[ColumnId]:
        """Return them, deepest first: without recursion, as chains may be long."""
        todo = [start]
        while todo:
            current = todo[-1]
            if current in self._roots:
                todo.pop()
                continue
            above = self.graph.values.get(current, {})
            if not above:
                self._roots[current] = frozenset((current,))
                continue
            missing = [one for one in above if one not in self._roots and one not in todo]
            if missing:
                todo += missing
                continue
            self._roots[current] = frozenset().union(
                *(self._roots.get(one, frozenset((one,))) for one in above)
            )
        return self._roots[start]


def depths(graph: LineageGraph, names: Iterable[str]) -> dict[str, int]:
    """Return how many tables lie between each node and what arrives, at most."""
    found: dict[str, int] = {}
    for name in names:
        todo = [name]
        while todo:
            current = todo[-1]
            reads = [one for one in graph.reads.get(current, ()) if one != current]
            missing = [one for one in reads if one not in found and one not in todo]
            if missing:
                todo += missing
                continue
            found[current] = 1 + max((found.get(one, -1) for one in reads), default=-1)
            todo.pop()
    return found


def edges(graph: LineageGraph, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the edges among some nodes, from what is read to what reads it."""
    wanted = set(names)
    return sorted({
        (source, name) for name in wanted for source in graph.reads.get(name, ()) if source in wanted
    })  # fmt: skip


def by_neighbour(pairs: Iterable[tuple[ColumnId, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return columns and how they are used, by their table."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (table, column), kind in pairs:
        found[table].append((column, kind))
    return dict(found)
