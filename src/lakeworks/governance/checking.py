"""Hold policies to the tables that they name: the part of `lake check` that is theirs.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import TableName
from lakeworks.governance.covers import Place
from lakeworks.governance.declared import examine_policies
from lakeworks.governance.errors import ExpressionError, ResourceError
from lakeworks.governance.policy_set import parsed_filter
from lakeworks.governance.row_filters import FilterWriter, MissingSessionTagError
from lakeworks.governance.tags import TagState
from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.types import Schema
    from lakeworks.governance.policy_set import PolicySet
    from lakeworks.governance.resources import Resource
    from lakeworks.project.declaration import Project


def policy_mistakes(
    project: Project, schemas: Mapping[TableName, Schema | None]
) -> list[Mistake]:
    """Return every mistake in a project's policies.

    Args:
        project: What is declared.
        schemas: The columns that tables have or would have, as far as they are known.
    """
    if not project.policies:
        return []
    policies, mistakes = examine_policies(project)
    named = {str(table): schema for table, schema in schemas.items()}
    return [*mistakes, *_misfits(policies, named)]


def _misfits(policies: PolicySet, schemas: Mapping[str, Schema | None]) -> Iterator[Mistake]:
    for at, table, columns, rows in _named(policies):
        if table not in schemas:
            if table.partition(".")[0] in ("bronze", "silver", "gold"):
                hint = did_you_mean(table, schemas)
                yield Mistake(
                    _place(at), f"there is no table {table}", hint, ResourceError.code
                )
            continue
        schema = schemas[table]
        if schema is None:
            continue
        place = Place.of(TableName.parse(table), schema, TagState(), {}, {})
        for column in columns:
            if not place.named((column,)):
                hint = did_you_mean(column, schema.names)
                problem = f"{table} has no column {column!r}"
                yield Mistake(_place(at), problem, hint, ResourceError.code)
        problem = _misfit(rows, schema)
        if problem:
            yield Mistake(_place(at), f"{table}: {problem}", "", ExpressionError.code)


def _misfit(rows: str, schema: Schema) -> str:
    tree = parsed_filter(rows) if rows else None
    if tree is None:
        return ""
    try:
        FilterWriter(schema, {}).sql(tree)
    except MissingSessionTagError:
        return ""
    except ExpressionError as error:
        return error.problem
    return ""


def _named(
    policies: PolicySet,
) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield where single tables are named, with the columns and the filter given for them."""
    for grant in policies.grants:
        resource = grant.resource
        if _is_single(resource):
            columns = (*resource.columns, *resource.excluded)
            yield grant.at, f"{resource.database}.{resource.table}", columns, resource.rows
    for cells in policies.filters.values():
        yield cells.at, cells.table, (*cells.columns, *cells.excluded), cells.rows
    for policy in policies.policies:
        for resource in policy.on:
            if _is_single(resource):
                table = f"{resource.database}.{resource.table}"
                rows = "" if policy.named or policy.columns else policy.rows
                yield policy.at, table, policy.named, rows


def _is_single(resource: Resource) -> bool:
    return resource.kind == "table" and resource.table != "*"


def _place(at: str) -> Location:
    file, _, line = at.rpartition(":")
    return Location(file, int(line))
