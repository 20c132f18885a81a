"""A lake's lineage as a graph, and the questions that can be asked of it.

Pure. Nodes have a kind (`files`, `source`, `model`; others may come) and columns. A column
derives from columns by value; columns also influence others, or all rows of a table.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.project.lineage_facts import influences_of, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.project.lineage_facts import QueryLineage

ColumnId = tuple[str, str]
Direction = Literal["up", "down"]
Effect = Literal["value", "influence", "rows"]
_STRENGTH = {"value": 0, "influence": 1, "rows": 2}


@dataclass(frozen=True, slots=True)
class Node:
    """Something that holds data, or uses it.

    Attributes:
        name: `database.table`, or for files where they lie.
        unresolved: What of it is not known as a whole, and why.
    """

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    owner: str = ""
    description: str = ""
    file: str = ""
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One column met on the way from the one that was asked for.

    Attributes:
        depth: How many tables lie between, 1 for a neighbour.
        kind: How the value is used: identity, transformation, aggregation.
        via: The column through which it was met first.
    """

    column: ColumnId
    depth: int
    kind: str
    via: ColumnId


@dataclass(frozen=True, slots=True)
class Affected:
    """A table that a change of a column reaches.

    Attributes:
        columns: Those affected, each with how: by `value`, or by `influence`.
        rows: Whether the change may also change which rows there are.
        direct: Whether it reads the changed table itself.
        last: Whether nothing reads it in turn.
    """

    table: str
    kind: str
    owner: str
    columns: Mapping[str, Effect]
    rows: bool
    direct: bool
    last: bool


@dataclass(slots=True)
class LineageGraph:
    """Lineage of tables and columns; made once by `build_graph`, then only asked.

    Attributes:
        reads: The nodes that a node reads.
        read_by: The nodes that read it.
        values: Of a column, those that its value derives from, with how.
        users: The other way round.
        influences: Of a column, those that influence it alone, with how.
        row_influences: Of a node, the columns that influence which rows it has, with how.
        unresolved: Of a column, why not all that it derives from is known.
        given: Tags that columns, in lower case, were written with.
        entwined: Whether nodes may stand before nodes that they read.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    read_by: dict[str, list[str]] = field(default_factory=dict)
    values: dict[ColumnId, dict[ColumnId, str]] = field(default_factory=dict)
    users: dict[ColumnId, dict[ColumnId, str]] = field(default_factory=dict)
    influences: dict[ColumnId, dict[ColumnId, tuple[str, ...]]] = field(default_factory=dict)
    influenced: dict[ColumnId, list[ColumnId]] = field(default_factory=dict)
    row_influences: dict[str, dict[ColumnId, tuple[str, ...]]] = field(default_factory=dict)
    rows_influenced: dict[ColumnId, list[str]] = field(default_factory=dict)
    unresolved: dict[ColumnId, tuple[str, ...]] = field(default_factory=dict)
    given: dict[ColumnId, dict[str, set[str]]] = field(default_factory=dict)
    entwined: bool = False

    def add(self, node: Node, reads: Iterable[str] = ()) -> None:
        """Add a node and the nodes that it reads."""
        self.nodes[node.name] = node
        self.reads[node.name] = tuple(reads)
        for name in self.reads[node.name]:
            self.read_by.setdefault(name, []).append(node.name)

    def derive(self, name: str, lineage: QueryLineage) -> None:
        """Add what a node's columns derive from."""
        for column in lineage.columns:
            target = (name, column.name)
            self.values[target] = values_of(column.origins)
            for origin, kind in self.values[target].items():
                self.users.setdefault(origin, {})[target] = kind
            self.influences[target] = influences_of(column.origins)
            for origin in self.influences[target]:
                self.influenced.setdefault(origin, []).append(target)
            if column.unresolved:
                self.unresolved[target] = column.unresolved
        self.row_influences[name] = influences_of(lineage.rows)
        for origin in self.row_influences[name]:
            self.rows_influenced.setdefault(origin, []).append(name)

    def widen(self, name: str, columns: Iterable[str]) -> None:
        """Add columns that a node had in versions that can still be read."""
        node = self.nodes[name]
        known = {column.lower() for column in node.columns}
        more = (column for column in columns if column.lower() not in known)
        self.nodes[name] = replace(node, columns=(*node.columns, *more))

    def derive_also(self, name: str, lineage: QueryLineage) -> None:
        """Add what a node's columns derived from in versions that can still be read."""
        if not lineage.complete or lineage.unresolved:
            self.doubt(name, lineage.unresolved or ("it is not known",))
        own = {column.lower(): column for column in self.nodes[name].columns}
        for column in lineage.columns:
            target = (name, own.get(column.name.lower(), column.name))
            values = self.values.setdefault(target, {})
            gaps = list(column.unresolved)
            for origin, kind in values_of(column.origins).items():
                values.setdefault(origin, kind)
                self.users.setdefault(origin, {})[target] = kind
                if not self._has(origin):
                    gaps.append(f"{'.'.join(origin)} is not there any more")
            if gaps:
                self.unresolved[target] = (*self.unresolved.get(target, ()), *gaps)
        self.entwined = True

    def _has(self, column: ColumnId) -> bool:
        node = self.nodes.get(column[0])
        known = node.columns if node is not None else ()
        return column[1].lower() in {one.lower() for one in known}

    def doubt(self, name: str, why: tuple[str, ...]) -> None:
        """Take it for not known what any of a node's columns derive from."""
        for column in self.nodes[name].columns:
            self.unresolved[name, column] = (*self.unresolved.get((name, column), ()), *why)

    def neighbours(self, name: str, direction: Direction) -> tuple[str, ...]:
        """Return the nodes that a node reads, or that read it."""
        found = self.reads.get(name, ()) if direction == "up" else self.read_by.get(name, ())
        return tuple(sorted(dict.fromkeys(found)))

    def around(
        self, name: str, direction: Direction, depth: int | None = None
    ) -> dict[str, int]:
        """Return every node in one direction, with how far it is; the node itself at 0."""
        found = {name: 0}
        todo = deque([name])
        while todo:
            current = todo.popleft()
            if depth is not None and found[current] >= depth:
                continue
            for other in self.neighbours(current, direction):
                if other not in found:
                    found[other] = found[current] + 1
                    todo.append(other)
        return found

    def column_steps(
        self, column: ColumnId, direction: Direction, depth: int | None = None
    ) -> list[Step]:
        """Return the columns that a column derives from by value, or that derive from it."""
        edges = self.values if direction == "up" else self.users
        seen = {column}
        steps: list[Step] = []
        todo: deque[tuple[ColumnId, int]] = deque([(column, 0)])
        while todo:
            current, far = todo.popleft()
            if depth is not None and far >= depth:
                continue
            for other, kind in sorted(edges.get(current, {}).items()):
                if other not in seen:
                    seen.add(other)
                    steps.append(Step(other, far + 1, kind, current))
                    todo.append((other, far + 1))
        return steps

    def influences_on(self, column: ColumnId) -> dict[ColumnId, tuple[str, ...]]:
        """Return what influences a column in its own table's query, without giving it values."""
        found = dict(self.row_influences.get(column[0], {}))
        for origin, kinds in self.influences.get(column, {}).items():
            found[origin] = tuple(sorted({*found.get(origin, ()), *kinds}))
        return found

    def impact(self, table: str, columns: Iterable[str]) -> list[Affected]:
        """Return every table that a change of these columns reaches, the nearest first."""
        reached = self._reached([(table, column) for column in columns])
        far = self.around(table, "down")
        affected = [
            Affected(
                table=name,
                kind=self.nodes[name].kind,
                owner=self.nodes[name].owner,
                columns={c: effect for c, effect in sorted(found.items()) if c},
                rows="" in found,
                direct=table in self.reads.get(name, ()),
                last=not self.read_by.get(name),
            )
            for name, found in reached.items()
            if name != table and name in self.nodes
        ]
        return sorted(affected, key=lambda one: (far.get(one.table, 0), one.table))

    def _reached(self, start: list[ColumnId]) -> dict[str, dict[str, Effect]]:
        """Return what is affected by table; the empty column stands for the table's rows."""
        found: dict[ColumnId, Effect] = dict.fromkeys(start, "value")
        todo = deque(start)
        while todo:
            current = todo.popleft()
            for other, effect in self._next(current, found[current]):
                known = found.get(other)
                if known is None or _STRENGTH[effect] < _STRENGTH[known]:
                    found[other] = effect
                    todo.append(other)
        tables: dict[str, dict[str, Effect]] = {}
        for (name, column), effect in found.items():
            tables.setdefault(name, {})[column] = effect
        return tables

    def _next(self, current: ColumnId, effect: Effect) -> Iterable[tuple[ColumnId, Effect]]:
        name, column = current
        if not column:
            for reader in self.read_by.get(name, ()):
                yield (reader, ""), "rows"
            return
        for user in self.users.get(current, ()):
            yield user, effect
        for other in self.influenced.get(current, ()):
            yield other, "influence"
        for reader in self.rows_influenced.get(current, ()):
            yield (reader, ""), "rows"
        for reader in self.read_by.get(name, ()):
            # What cannot be followed may use any column.
            if self.nodes[reader].unresolved:
                yield (reader, ""), "rows"

    def as_json(self, names: Iterable[str]) -> dict[str, Any]:
        """Return nodes, and the edges among them, as plain values."""
        wanted = set(names)
        edges = [
            {"from": source, "to": name}
            for name in sorted(wanted)
            for source in self.neighbours(name, "up")
            if source in wanted
        ]
        return {
            "nodes": [node_json(self.nodes[name]) for name in sorted(wanted)],
            "edges": edges,
        }


def node_json(node: Node) -> dict[str, Any]:
    """Return a node as plain values."""
    return {
        "name": node.name,
        "kind": node.kind,
        "owner": node.owner,
        "columns": list(node.columns),
        "unresolved": list(node.unresolved),
    }
