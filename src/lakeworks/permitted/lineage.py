"""Lineage as a principal sees it: a graph without whatever it may not know of.

Hidden tables, hidden columns and files are left out, and paths through them are cut. Where something
was left out, and where the analysis itself found no answer, the same words stand: nobody can tell
the one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.graph import LineageGraph
from lakeworks.catalog.lineage.tags import TagOrigin
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.pipeline.lineage import find_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.lineage.graph import Affected, ColumnId, Direction, Node
    from lakeworks.catalog.lineage.tags import Found, Tags
    from lakeworks.catalog.lineage.view import View
    from lakeworks.permitted.sight import Look, Sight
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.project.declaration import ColumnNote

GAP = "not all that it is made from can be told"


@dataclass(slots=True)
class SeenGraph:
    """What a principal may know of a lineage graph.

    Attributes:
        gaps: Nodes that are made from something that is not told.
        known: The columns that may be known, by table; in lower case.
    """

    graph: LineageGraph = field(default_factory=LineageGraph)
    gaps: set[str] = field(default_factory=set)
    known: dict[str, frozenset[str]] = field(default_factory=dict)

    def has(self, column: ColumnId) -> bool:
        """Whether a column may be known."""
        return column[1].lower() in self.known.get(column[0], frozenset())


class PermittedLineage:
    """Questions about where data comes from and where it goes, of what a principal may know."""

    def __init__(self, sight: Sight, lineage: Lineage) -> None:
        self._sight = sight
        self._lineage = lineage

    @property
    def graph(self) -> LineageGraph:
        """What the principal may know of the lake's lineage."""
        with self._sight.look("lineage") as look:
            return seen_graph(look, self._lineage.graph).graph

    def notes_of(self, table: TableName) -> tuple[Mapping[str, ColumnNote], str]:
        """Return what is declared of the columns that may be known, and who answers for them."""
        with self._sight.look("show", str(table)) as look:
            known = {column.lower() for column in look.columns(table)}
            notes, owner = self._lineage.notes_of(table)
            told = {name: note for name, note in notes.items() if name.lower() in known}
            return told, owner if known else ""

    def find(self, text: str) -> tuple[str, str]:
        """Read `database.table` or `database.table.column`; return table and column, or ''.

        Raises:
            UnknownNodeError: there is none, or the principal may not know of it.
        """
        with self._sight.look("lineage", text) as look:
            return find_in(seen_graph(look, self._lineage.graph).graph, text)

    def view(
        self,
        text: str,
        *,
        directions: Iterable[Direction] = ("up", "down"),
        depth: int | None = None,
    ) -> View:
        """Return what lies around a table or column; see `Lineage.view`.

        Raises:
            UnknownNodeError: there is none, or the principal may not know of it.
        """
        from lakeworks.catalog.lineage.view import view_of

        with self._sight.look("lineage", text) as look:
            seen = seen_graph(look, self._lineage.graph)
            table, column = find_in(seen.graph, text)
            view = view_of(seen.graph, table, column, directions=directions, depth=depth)
            for name in view.nodes:
                if name in seen.gaps and not column:
                    view.unresolved.setdefault(name, (GAP,))
            return view

    def impact(self, table: str, column: str = "") -> list[Affected]:
        """Return every table that a change reaches, as far as the principal may follow it.

        Raises:
            UnknownNodeError: there is no such table, or the principal may not know of it.
        """
        with self._sight.look("impact", table) as look:
            graph = seen_graph(look, self._lineage.graph).graph
            find_in(graph, f"{table}.{column}" if column else table)
            columns = [column] if column else ["", *graph.nodes[table].columns]
            return graph.impact(table, columns)

    def tags_of(self, table: str) -> dict[str, Found]:
        """Return the tags of the columns of a table that the principal may know of."""
        with self._sight.look("tags", table) as look:
            return seen_tags(look, self._lineage.tags).get(table, {})

    @property
    def tags(self) -> Tags:
        """The tags of every column that the principal may know of."""
        with self._sight.look("tags") as look:
            return seen_tags(look, self._lineage.tags)


def seen_tags(look: Look, tags: Tags) -> Tags:
    """Return tags without the columns, and the origins, that may not be known."""
    known: dict[str, frozenset[str]] = {}

    def may_know(table: str, column: str) -> bool:
        if table not in known:
            columns = look.columns(TableName.parse(table)) if is_name(table) else ()
            known[table] = frozenset(one.lower() for one in columns)
        return column.lower() in known[table]

    def origins(table: str, column: str, found: tuple[TagOrigin, ...]) -> tuple[TagOrigin, ...]:
        told = {
            one if may_know(one.table, one.column) else TagOrigin(one.value, table, column)
            for one in found
        }
        return tuple(sorted(told))

    return {
        table: {
            column: {tag: origins(table, column, some) for tag, some in found.items()}
            for column, found in columns.items()
            if may_know(table, column)
        }
        for table, columns in tags.items()
        if any(may_know(table, column) for column in columns)
    }


def seen_graph(look: Look, graph: LineageGraph) -> SeenGraph:
    """Return the part of a graph that may be known."""
    seen = SeenGraph()
    for name, node in graph.nodes.items():
        columns = _columns(look, node)
        if columns is not None:
            seen.known[name] = frozenset(one.lower() for one in columns)
    for name, node in graph.nodes.items():
        if name in seen.known:
            _add(seen, graph, node)
    return seen


def _columns(look: Look, node: Node) -> tuple[str, ...] | None:
    """Return the columns of a node that may be known; None where not even the node."""
    if not is_name(node.name):
        return None
    name = TableName.parse(node.name)
    held = look.schema(name)
    types = {f.name.lower(): f.type for f in held} if held is not None else {}
    text = Scalar("string")
    fields = [Field(one, types.get(one.lower(), text)) for one in dict.fromkeys(node.columns)]
    fields += [f for f in held or () if f.name.lower() not in {c.lower() for c in node.columns}]
    if not fields:
        return () if look.viewer.may("DESCRIBE", name) else None
    return look.columns(name, Schema(tuple(fields))) or None


def _add(seen: SeenGraph, graph: LineageGraph, node: Node) -> None:
    name, known = node.name, seen.known
    reads = [one for one in graph.reads.get(name, ()) if one in known]
    hidden = [one for one in graph.reads.get(name, ()) if one not in known and is_name(one)]
    gaps = (GAP,) if node.unresolved else ()
    if hidden or gaps:
        seen.gaps.add(name)
    columns = tuple(one for one in node.columns if one.lower() in known[name])
    # Of a statement that made it, the text may name what is hidden.
    said = "" if node.kind == "statement" else node.description
    shown = replace(node, columns=columns, unresolved=gaps, description=said)
    seen.graph.add(shown, reads)
    for column in columns:
        _derive(seen, graph, (name, column))
    seen.graph.row_influences[name] = _kept(seen, graph.row_influences.get(name, {}))
    for origin in seen.graph.row_influences[name]:
        seen.graph.rows_influenced.setdefault(origin, []).append(name)


def _derive(seen: SeenGraph, graph: LineageGraph, target: ColumnId) -> None:
    values = graph.values.get(target, {})
    found = seen.graph
    found.values[target] = {one: kind for one, kind in values.items() if seen.has(one)}
    for origin, kind in found.values[target].items():
        found.users.setdefault(origin, {})[target] = kind
    found.influences[target] = _kept(seen, graph.influences.get(target, {}))
    for origin in found.influences[target]:
        found.influenced.setdefault(origin, []).append(target)
    if len(found.values[target]) < len(values) or target in graph.unresolved:
        found.unresolved[target] = (GAP,)


def _kept(
    seen: SeenGraph, origins: Mapping[ColumnId, tuple[str, ...]]
) -> dict[ColumnId, tuple[str, ...]]:
    return {one: kinds for one, kinds in origins.items() if seen.has(one)}


def is_name(text: str) -> bool:
    """Whether a node of the graph is a table or view; files have other names."""
    try:
        TableName.parse(text)
    except NameRefusedError:
        return False
    return True
