"""The tags of databases, tables and columns, as decisions are taken on them.

Pure. Two families of tags meet here. *Assigned* tags are LF-tags: `policies/*.yml` or the catalog
gives them to a database, a table or a column, and the nearest one counts
(https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-overview.html). *Data* tags are declared
on columns in sources and models and follow the data through its lineage. A data tag never overrides
an assigned one, nor the other way round: a column has the values of both. So whoever owns a table
cannot write a policy's tag off it.

Where it is not known what a column derives from, it may have any tag: a policy takes it for tagged,
a grant on tags does not reach it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.names import LAYERS, QUARANTINE, TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.lineage.graph import ColumnId, LineageGraph
    from lakeworks.catalog.lineage.tags import Tags
    from lakeworks.governance.resources import TagExpression
    from lakeworks.project.declaration import Model, Project, Source

ANY_VALUE = "*"
Values = dict[str, frozenset[str]]
_QUARANTINE_COLUMNS = frozenset({
    "row", "rule", "error", "source_file", "source_row", "run_id", "quarantined_at",
})  # fmt: skip
_ROWS = ("row", "error")


@dataclass(frozen=True, slots=True)
class ColumnTags:
    """What is known of one column's tags.

    Attributes:
        resolved: Whether that is all; if not, it may have any other tag too.
    """

    values: Values
    resolved: bool

    def granted_by(self, expression: TagExpression) -> bool:
        """Whether a grant on an expression reaches it: of each key, it has granted values only."""
        return self.resolved and _matches_all(self.values, expression)

    def bound_by(self, expression: TagExpression) -> bool:
        """Whether a policy on an expression binds it: of each key, one value is enough."""
        return not self.resolved or all(
            key in self.values
            and (ANY_VALUE in words or not self.values[key].isdisjoint(words))
            for key, words in expression
        )


@dataclass(frozen=True, slots=True)
class TagState:
    """The tags of a whole lake at one moment.

    Attributes:
        assigned: By `silver`, `silver.orders` or `silver.orders.email`: LF-tags.
        columns: Data tags, by table and column in lower case.
        tables: Data tags of whole tables.
        resolved: By table, the columns whose origins are all known, in lower case.
        roots: Tables of files that lie elsewhere: their columns derive from nothing in the lake.
        views: What stores nothing, and is read with the permissions of whoever reads it.
    """

    assigned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Mapping[str, frozenset[str]]]] = field(
        default_factory=dict
    )
    tables: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    resolved: Mapping[str, frozenset[str]] = field(default_factory=dict)
    roots: frozenset[str] = frozenset()
    views: frozenset[str] = frozenset()

    def of_database(self, database: str) -> Values:
        """Return the tags of a database."""
        return _single(self.assigned.get(database, {}))

    def of_table(self, table: TableName) -> Values:
        """Return the tags of a table: its own over those of its database."""
        found = {**self.of_database(table.database), **self._assigned(str(table))}
        return _joined(found, self.tables.get(str(table), {}))

    def of_column(
        self, table: TableName, column: str, *, assigned_only: bool = False
    ) -> ColumnTags:
        """Return the tags of a column: its own over those of its table and database.

        Args:
            assigned_only: Only LF-tags, and not what follows its data.
        """
        name, folded = str(table), column.lower()
        own = self._assigned(f"{name}.{folded}")
        found = {**self.of_database(table.database), **self._assigned(name), **own}
        if assigned_only:
            return ColumnTags(found, resolved=True)
        data = self.columns.get(name, {}).get(folded, {})
        whole = {k: v for k, v in self.tables.get(name, {}).items() if k not in data}
        every = f"{name.partition('.')[0]}.*"
        known = not self.roots.isdisjoint((name, every)) or folded in self.resolved.get(
            name, ()
        )
        return ColumnTags(_joined(_joined(found, whole), data), known)

    def _assigned(self, resource: str) -> Values:
        return _single(self.assigned.get(resource, {}))


def tag_state(
    graph: LineageGraph,
    tags: Tags,
    project: Project,
    assigned: Mapping[str, Mapping[str, str]],
    external: Iterable[str] = (),
) -> TagState:
    """Return the tags of a lake.

    Args:
        graph: Its lineage.
        tags: Data tags along the lineage.
        project: What is declared.
        assigned: LF-tags.
        external: Tables of files that lie elsewhere, as the data catalog has them.
    """
    columns: dict[str, dict[str, dict[str, frozenset[str]]]] = {}
    for table, named in tags.items():
        columns[table] = {
            column.lower(): {
                key.lower(): frozenset(origin.value.lower() for origin in origins)
                for key, origins in found.items()
            }
            for column, found in named.items()
        }
    blurred = _blurred(graph)
    resolved: dict[str, frozenset[str]] = {
        name: frozenset({c.lower() for c in node.columns} - blurred.get(name, set()))
        for name, node in graph.nodes.items()
    }
    _add_quarantines(project, graph, columns, resolved, assigned)
    declared: list[Source | Model] = [*project.sources.values(), *project.models.values()]
    tables = {
        str(one.table): {k.lower(): frozenset({v.lower()}) for k, v in one.tags.items()}
        for one in declared
        if one.tags
    }
    for outside in project.tables.values():
        # Models may read none of them, so the lineage may not have them.
        own = columns.setdefault(str(outside.table), {})
        for column in (*outside.columns, *outside.partitions):
            own[column.name.lower()] = _joined(
                own.get(column.name.lower(), {}), _single(column.tags)
            )
        tables[str(outside.table)] = _single(outside.tags)
    databases = {f"{name}.*" for one in project.catalogs.values() for name in one.databases}
    roots = frozenset({*external, *(str(name) for name in project.tables), *databases})
    views = frozenset(name for name, node in graph.nodes.items() if node.kind == "view")
    return TagState(_folded(assigned), columns, tables, resolved, roots, views)


def _blurred(graph: LineageGraph) -> dict[str, set[str]]:
    """Return, by table, the columns of whose origins not all are known, however far up."""
    users: dict[ColumnId, list[ColumnId]] = {}
    for (table, column), targets in graph.users.items():
        users.setdefault((table, column.lower()), []).extend(targets)
    todo = [(table, column.lower()) for table, column in graph.unresolved]
    for name, node in graph.nodes.items():
        if node.unresolved:
            todo += [(name, column.lower()) for column in node.columns]
            todo += [one for one in users if one[0] == name]
    found: dict[str, set[str]] = {}
    while todo:
        table, column = todo.pop()
        if column not in found.setdefault(table, set()):
            found[table].add(column)
            todo += [(name, used.lower()) for name, used in users.get((table, column), ())]
    return found


def quarantined(table: TableName) -> TableName | None:
    """Return the table whose rejected rows a quarantine table holds, or None for another."""
    if table.database != QUARANTINE:
        return None
    layer, _, rest = table.table.partition("_")
    return TableName(layer, rest) if layer in LAYERS and rest else None


def _add_quarantines(
    project: Project,
    graph: LineageGraph,
    columns: dict[str, dict[str, dict[str, frozenset[str]]]],
    resolved: dict[str, frozenset[str]],
    assigned: Mapping[str, Mapping[str, str]],
) -> None:
    """Give quarantine tables the tags of the rows that they hold as text."""
    for table in (*project.sources, *project.models):
        node = graph.nodes.get(str(table))
        name = str(table.quarantine)
        whole = node is not None and len(resolved.get(str(table), ())) == len(node.columns)
        resolved[name] = _QUARANTINE_COLUMNS - (set() if whole else set(_ROWS))
        # What was assigned to a column of the table is in the rejected row as well.
        prefix = f"{table}."
        for resource, tags in assigned.items():
            if resource.startswith(prefix) or resource in (str(table), table.database):
                for column in _ROWS:
                    have = columns.setdefault(name, {}).setdefault(column, {})
                    columns[name][column] = _joined(have, _single(tags))


def _folded(assigned: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        resource.lower(): {key.lower(): value.lower() for key, value in tags.items()}
        for resource, tags in assigned.items()
    }


def matches_all(values: Values, expression: TagExpression) -> bool:
    """Whether of each key of an expression there are values, and only such as it names."""
    return _matches_all(values, expression)


def _matches_all(values: Values, expression: TagExpression) -> bool:
    return bool(expression) and all(
        key in values and (ANY_VALUE in words or values[key] <= set(words))
        for key, words in expression
    )


def _single(tags: Mapping[str, str]) -> Values:
    return {key.lower(): frozenset({value.lower()}) for key, value in tags.items()}


def _joined(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> Values:
    found = dict(one)
    for key, values in other.items():
        found[key] = found.get(key, frozenset()) | values
    return found
