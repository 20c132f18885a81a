"""Which tables depend on which, in what order they are made, and which ones a pattern means.

Pure: takes a project, touches no storage.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from lakeworks.pipeline.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project

Graph = dict["TableName", frozenset["TableName"]]


def graph_of(project: Project) -> Graph:
    """Return every table of the project with those that it, or a rule of its, reads."""
    graph: Graph = {table: frozenset() for table in project.sources}
    graph.update({table: model.upstream for table, model in project.models.items()})
    return graph


def execution_order(graph: Mapping[TableName, Iterable[TableName]]) -> list[TableName]:
    """Return the tables so that each comes after all it reads; equal graphs, equal order."""
    sorter: TopologicalSorter[TableName] = TopologicalSorter()
    for table in sorted(graph):
        sorter.add(table, *sorted(t for t in graph[table] if t in graph))
    return list(sorter.static_order())


def without_circles(graph: Mapping[TableName, Iterable[TableName]]) -> Graph:
    """Return the tables that can be put in order: none that read each other in a circle.

    What is made from such tables stays out as well; tables that are not in the graph do not
    count as read.
    """
    waiting = {table: {t for t in inputs if t in graph} for table, inputs in graph.items()}
    turned = readers(waiting)
    ready = [table for table, inputs in waiting.items() if not inputs]
    found: Graph = {}
    while ready:
        table = ready.pop()
        found[table] = frozenset(graph[table])
        for reader in turned[table]:
            waiting[reader].discard(table)
            if not waiting[reader]:
                ready.append(reader)
    return found


def upstream(
    graph: Mapping[TableName, Iterable[TableName]], tables: Iterable[TableName]
) -> set[TableName]:
    """Return `tables` and everything that they are made from."""
    found: set[TableName] = set()
    waiting = list(tables)
    while waiting:
        table = waiting.pop()
        if table in found or table not in graph:
            continue
        found.add(table)
        waiting.extend(graph[table])
    return found


def downstream(
    graph: Mapping[TableName, Iterable[TableName]], tables: Iterable[TableName]
) -> set[TableName]:
    """Return `tables` and everything that is made from them."""
    return upstream(readers(graph), tables)


def readers(graph: Mapping[TableName, Iterable[TableName]]) -> dict[TableName, set[TableName]]:
    """Return every table with the tables that read it."""
    turned: dict[TableName, set[TableName]] = {table: set() for table in graph}
    for table, inputs in graph.items():
        for name in inputs:
            turned.setdefault(name, set()).add(table)
    return turned


def select(graph: Graph, patterns: str | None) -> set[TableName]:
    """Return the tables that `--select` means.

    Args:
        graph: All tables of the project.
        patterns: Comma- or space-separated `database.table`, with `*` for any text; a leading
            `+` adds what it is made from, a trailing `+` what is made from it. None means all.

    Raises:
        SelectionError: a pattern names nothing.
    """
    if patterns is None:
        return set(graph)
    chosen: set[TableName] = set()
    for pattern in patterns.replace(",", " ").split():
        name = pattern.strip("+")
        named = {table for table in graph if fnmatchcase(str(table), name)}
        if not named:
            raise SelectionError.unknown(pattern, graph)
        chosen |= named
        if pattern.startswith("+"):
            chosen |= upstream(graph, named)
        if pattern.endswith("+"):
            chosen |= downstream(graph, named)
    if not chosen:
        raise SelectionError.unknown(patterns, graph)
    return chosen
