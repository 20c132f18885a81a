"""The tags that retention rules go by: declared, assigned in policies, and inherited by lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.lineage.tags import Tags
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.privacy.retention_rules import ColumnTags, TableTags
    from lakeworks.project.declaration import Model, Project, Source

_OF_DATABASE, _OF_TABLE = 1, 2


def tags_of_tables(project: Project) -> TableTags:
    """Return the tags of every declared table: its own, and those of `tagged:`."""
    found: dict[str, dict[str, set[str]]] = {}
    declared: list[Source | Model] = [*project.sources.values(), *project.models.values()]
    for one in declared:
        own = found.setdefault(str(one.table), {})
        for key, value in one.tags.items():
            own.setdefault(key.lower(), set()).add(value.lower())
    for resource, tags in _assigned(project):
        parts = resource.split(".", 2)
        for table, own in found.items():
            named = table == resource or (
                len(parts) == _OF_DATABASE and table.startswith(f"{resource}.")
            )
            if named:
                for key, value in tags.items():
                    own.setdefault(key.lower(), set()).add(value.lower())
    return {t: {k: frozenset(v) for k, v in own.items()} for t, own in found.items()}


def tags_of_columns(project: Project, lineage: Lineage) -> ColumnTags:
    """Return the tags of every column, with those that it has from where its values come from."""
    return with_assigned(project, lineage.tags)


def with_assigned(project: Project, tags: Tags) -> ColumnTags:
    """Return tags of columns together with those that `tagged:` of a policy gives."""
    found: dict[str, dict[str, dict[str, set[str]]]] = {}
    for table, columns in tags.items():
        for column, own in columns.items():
            mine = found.setdefault(table, {}).setdefault(column, {})
            for key, origins in own.items():
                mine.setdefault(key.lower(), set()).update(o.value.lower() for o in origins)
    for resource, given in _assigned(project):
        parts = resource.split(".", 2)
        if len(parts) > _OF_TABLE:
            mine = found.setdefault(".".join(parts[:2]), {}).setdefault(parts[2], {})
            for key, value in given.items():
                mine.setdefault(key.lower(), set()).add(value.lower())
    return {
        table: {
            column: {key: frozenset(values) for key, values in own.items()}
            for column, own in columns.items()
        }
        for table, columns in found.items()
    }


def _assigned(project: Project) -> Iterable[tuple[str, Mapping[str, str]]]:
    for file in project.policies:
        for resource, tags in file.values.get("tagged", {}).items():
            yield resource.lower(), tags
