"""Tags follow data: a tag on a column is on every column that takes its value, however far.

Pure. A column gives a tag up where its declaration says `declassify`, with a reason. What only
influences a column (a filter, a count) carries no tag. Where whole rows are kept, as in quarantine
and in `_rescued`, the tags of all columns of the table are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.lineage.build import build_graph
from lakeworks.core.names import TableName
from lakeworks.project.declaration import ColumnNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.lineage.graph import ColumnId, LineageGraph
    from lakeworks.core.types import Schema
    from lakeworks.project.declaration import Model, Project, Source

_RESCUED = "_rescued"
# Of a quarantine table: the rejected row, and the message, which may quote a value of it.
_REJECTED = ("row", "error")


@dataclass(frozen=True, slots=True, order=True)
class TagOrigin:
    """A tag's value, and the column on which it was declared."""

    value: str
    table: str
    column: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"value": self.value, "table": self.table, "column": self.column}


Found = dict[str, tuple[TagOrigin, ...]]
Tags = dict[str, dict[str, Found]]


@dataclass(frozen=True, slots=True)
class Declassified:
    """A tag that a column gives up.

    Attributes:
        removed: Where the tag came from; empty where it removes nothing.
        doubtful: Whether it may remove something all the same: what the column derives from is
            not known entirely.
    """

    table: str
    column: str
    tag: str
    reason: str
    removed: tuple[TagOrigin, ...]
    doubtful: bool = False


def tags_of(project: Project, schemas: Mapping[TableName, Schema]) -> Tags:
    """Return the tags of every column, by table, column and tag.

    A column whose origins are not all known may lack tags: `LineageGraph.unresolved` names it,
    and whoever enforces tags must count it as tagged.

    Args:
        project: What is declared.
        schemas: The columns of tables, as far as they are known.
    """
    return tags_on(build_graph(project, schemas), project)


def tags_on(
    graph: LineageGraph,
    project: Project,
    assigned: Mapping[ColumnId, Mapping[str, str]] | None = None,
) -> Tags:
    """Return the tags of every column of a graph that is there already.

    Args:
        graph: What derives from what.
        project: What is declared.
        assigned: Tags of columns, in lower case, that nothing declares.
    """
    tags: Tags = {}
    for column, found, _ in _walked(graph, project, assigned or {}):
        if found:
            tags.setdefault(column[0], {})[column[1]] = found
    for name in [*tags]:
        everything = _together(tags[name].values())
        tags[str(TableName.parse(name).quarantine)] = dict.fromkeys(_REJECTED, everything)
    return tags


def _together(columns: Iterable[Found]) -> Found:
    """Return the tags that any of some columns has."""
    found: dict[str, set[TagOrigin]] = {}
    for tags in columns:
        for tag, origins in tags.items():
            found.setdefault(tag, set()).update(origins)
    return {tag: tuple(sorted(origins)) for tag, origins in sorted(found.items())}


def declassified(graph: LineageGraph, project: Project) -> list[Declassified]:
    """Return every tag that a declaration takes off a column, with its reason."""
    notes = _notes(project)
    if not any(note.declassify for note in notes.values()):
        return []
    removed = {_fold(column): gone for column, _, gone in _walked(graph, project, {})}
    return [
        Declassified(
            *column,
            tag=tag,
            reason=reason,
            removed=removed.get(column, {}).get(tag, ()),
            doubtful=_is_doubtful(column, graph),
        )
        for column, note in notes.items()
        for tag, reason in note.declassify.items()
    ]


def _walked(
    graph: LineageGraph, project: Project, assigned: Mapping[ColumnId, Mapping[str, str]]
) -> list[tuple[ColumnId, Found, Found]]:
    """Return each column with its tags and with those that it gave up, origins first."""
    notes = _notes(project)
    found: dict[ColumnId, Found] = {}
    while True:
        before = dict(found)
        walked = list(_walk(graph, project, notes, assigned, found))
        # Tags only become more from one walk to the next, so this ends.
        if not graph.entwined or found == before:
            return walked


def _walk(
    graph: LineageGraph,
    project: Project,
    notes: Mapping[ColumnId, ColumnNote],
    assigned: Mapping[ColumnId, Mapping[str, str]],
    found: dict[ColumnId, Found],
) -> Iterator[tuple[ColumnId, Found, Found]]:
    """Yield each column as `_walked` returns it, by what is found of those that it derives from."""
    sources = {
        str(table): _together(
            {tag: (TagOrigin(value, str(table), name),) for tag, value in note.tags.items()}
            for name, note in source.columns.items()
        )
        for table, source in project.sources.items()
    }
    for column in _in_order(graph, project):
        inherited: dict[str, set[TagOrigin]] = {}
        for origin in graph.values.get(column, ()):
            for tag, origins in found.get(_fold(origin), {}).items():
                inherited.setdefault(tag, set()).update(origins)
        if column[1].lower() == _RESCUED and column[0] in sources:
            inherited = {tag: set(origins) for tag, origins in sources[column[0]].items()}
        note = notes.get(_fold(column))
        given_up = note.declassify if note else {}
        removed = {
            tag: tuple(sorted(inherited.pop(tag))) for tag in given_up if tag in inherited
        }
        for tag, value in note.tags.items() if note else ():
            inherited.setdefault(tag, set()).add(TagOrigin(value, *column))
        for tag, values in graph.given.get(_fold(column), {}).items():
            inherited.setdefault(tag, set()).update(TagOrigin(v, *column) for v in values)
        for tag, value in assigned.get(_fold(column), {}).items():
            inherited.setdefault(tag, set()).add(TagOrigin(value, *column))
        tags = {tag: tuple(sorted(origins)) for tag, origins in sorted(inherited.items())}
        found[_fold(column)] = tags
        yield column, tags, removed


def _in_order(graph: LineageGraph, project: Project) -> Iterator[ColumnId]:
    """Yield every column after those that it derives from, as nodes were added."""
    declared = {str(one.table): one for one in project.sources.values()}
    for name, node in graph.nodes.items():
        columns = list(node.columns)
        known = {column.lower() for column in columns}
        source = declared.get(name)
        columns += [c for c in (source.columns if source else ()) if c.lower() not in known]
        yield from ((name, column) for column in columns)


def _notes(project: Project) -> dict[ColumnId, ColumnNote]:
    declared: list[Source | Model] = [*project.sources.values(), *project.models.values()]
    notes = {
        (str(one.table), column.lower()): note
        for one in declared
        for column, note in one.columns.items()
    }
    for table in project.tables.values():
        for column in (*table.columns, *table.partitions):
            if column.tags:
                notes[str(table.table), column.name.lower()] = ColumnNote(tags=column.tags)
    return notes


def _is_doubtful(column: ColumnId, graph: LineageGraph) -> bool:
    """Whether a tag may reach a column in a way that is not known."""
    todo, seen = [column], {column}
    folded = {_fold(known): known for known in graph.values}
    while todo:
        current = folded.get(_fold(todo.pop()))
        if current is None:
            continue
        node = graph.nodes.get(current[0])
        if current in graph.unresolved or (node is not None and node.unresolved):
            return True
        fresh = [origin for origin in graph.values[current] if origin not in seen]
        seen.update(fresh)
        todo += fresh
    return False


def _fold(column: ColumnId) -> ColumnId:
    return column[0], column[1].lower()
