"""The project with the tags that governance gave its columns, so that they follow lineage too.

Pure. Where policies list which `declassify` of headers are approved, others are not heeded: who
writes a model cannot take a tag off its columns alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from lakeworks.catalog.lineage.tags import tags_on
from lakeworks.governance.tags import tag_state
from lakeworks.project.declaration import ColumnNote, Model, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.lineage.graph import ColumnId, LineageGraph
    from lakeworks.catalog.lineage.tags import Found
    from lakeworks.governance.tags import TagState
    from lakeworks.project.declaration import Project

T = TypeVar("T", Model, Source)
_COLUMN_PARTS = 3


def governed_tags(
    graph: LineageGraph,
    project: Project,
    assigned: Mapping[str, Mapping[str, str]],
    external: Iterable[str] = (),
) -> TagState:
    """Return the tags of a lake, those that were assigned to columns along their lineage."""
    approved = approved_declassifications(project)
    headers = _noted_project(project, {}, approved)
    tags = tags_on(graph, headers)
    if assigned:
        # A column may have one value from its header and another assigned: both go on.
        noted = _noted_project(project, assigned, approved)
        for table, columns in tags_on(
            graph, noted, _undeclared(graph, noted, assigned)
        ).items():
            for column, found in columns.items():
                have = tags.setdefault(table, {}).get(column, {})
                tags[table][column] = _both(have, found)
    return tag_state(graph, tags, project, assigned, external)


def _undeclared(
    graph: LineageGraph, project: Project, assigned: Mapping[str, Mapping[str, str]]
) -> dict[ColumnId, Mapping[str, str]]:
    """Return the tags assigned to columns of tables that no file declares."""
    declared = {str(table) for table in (*project.sources, *project.models)}
    found: dict[ColumnId, Mapping[str, str]] = {}
    for resource, tags in assigned.items():
        table, _, column = resource.lower().rpartition(".")
        if table in graph.nodes and table not in declared:
            found[table, column] = tags
    return found


def _both(one: Found, other: Found) -> Found:
    return {
        key: tuple(sorted({*one.get(key, ()), *other.get(key, ())}))
        for key in sorted({*one, *other})
    }


def _noted_project(
    project: Project,
    assigned: Mapping[str, Mapping[str, str]],
    approved: frozenset[str] | None,
) -> Project:
    return replace(
        project,
        sources={t: _noted(one, assigned, approved) for t, one in project.sources.items()},
        models={t: _noted(one, assigned, approved) for t, one in project.models.items()},
    )


def approved_declassifications(project: Project) -> frozenset[str] | None:
    """Return what may be declassified, as `table.column.tag`; None where no file lists it."""
    listed = [f.values["declassify"] for f in project.policies if "declassify" in f.values]
    if not listed:
        return None
    return frozenset(text.lower() for one in listed for text in one)


def _noted(
    declared: T, assigned: Mapping[str, Mapping[str, str]], approved: frozenset[str] | None
) -> T:
    prefix = f"{declared.table}."
    own = {
        resource[len(prefix) :]: tags
        for resource, tags in assigned.items()
        if resource.startswith(prefix)
    }
    if not own and approved is None:
        return declared
    notes = dict(declared.columns)
    by_name = {name.lower(): name for name in notes}
    for column, tags in own.items():
        name = by_name.get(column, column)
        note = notes.get(name, ColumnNote())
        notes[name] = replace(note, tags={**note.tags, **tags})
    if approved is not None:
        for name, note in notes.items():
            kept = {
                tag: reason
                for tag, reason in note.declassify.items()
                if f"{prefix}{name}.{tag}".lower() in approved
            }
            notes[name] = replace(note, declassify=kept)
    return replace(declared, columns=notes)
