"""Hold declared subjects and retention rules to the tables of a project: a part of `lake check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake


def privacy_mistakes(
    project: Project, schemas: Mapping[TableName, Schema | None]
) -> list[Mistake]:
    """Return every mistake in `subjects:` and `retention:`.

    Args:
        project: What is declared.
        schemas: The columns that tables have or would have, as far as they are known.
    """
    from lakeworks.privacy.retention_rules import examine_rules, rule_misfits
    from lakeworks.privacy.retention_tags import tags_of_tables, with_assigned
    from lakeworks.privacy.subjects import examine_subjects

    _, mistakes = examine_subjects(project, schemas)
    rules, wrong = examine_rules(project)
    if not rules:
        return [*mistakes, *wrong]
    from lakeworks.catalog.lineage.tags import tags_of

    known = {table: schema for table, schema in schemas.items() if schema is not None}
    columns = with_assigned(project, tags_of(project, known))
    return [
        *mistakes,
        *wrong,
        *rule_misfits(rules, schemas, tags_of_tables(project), columns),
    ]
