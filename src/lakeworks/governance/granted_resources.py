"""Hold what a grant at run time is on to what there is: tags, filters, columns, data locations.

Whoever passes on what they hold is told of no column that is hidden from them, and of nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.governance.covers import Place
from lakeworks.governance.errors import (
    ExpressionError,
    GovernanceError,
    NotGrantableError,
    PrincipalError,
    ResourceError,
    TagError,
)
from lakeworks.governance.policy_set import parsed_filter
from lakeworks.governance.principals import EVERYONE
from lakeworks.governance.resources import EVERY_TABLE, Resource
from lakeworks.governance.row_filters import FilterWriter, MissingSessionTagError
from lakeworks.governance.tags import TagState, quarantined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.store import Catalog
    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.policy_set import PolicySet
    from lakeworks.governance.principals import Principal
    from lakeworks.project.declaration import Project


def check_sight(
    authorizer: Authorizer, by: Principal, resource: Resource, catalog: Catalog
) -> None:
    """Look whether a grantor may know of the columns that a resource names.

    Raises:
        NotGrantableError: not of all; whether the others are there is not told.
    """
    if not resource.columns or authorizer.administers(by):
        return
    asked = {name.split(".")[0].casefold() for name in resource.columns}
    for table, schema in _tables(resource, catalog).items():
        known = authorizer.access(by, table, schema, action="DESCRIBE")
        # Of a table that it may not know, it is told the same as of one that is not there.
        if known is not None and not asked <= {one.name.casefold() for one in known.columns}:
            raise NotGrantableError.unseen(str(by), str(table))


def _tables(resource: Resource, catalog: Catalog) -> dict[TableName, Schema]:
    """Return the tables, views and external tables that a resource names, with their columns."""
    if resource.kind != "table":
        return {}
    found = {t: head.schema for t, head in catalog.heads().items() if resource.names(t)}
    for view in catalog.data_catalog.views():
        if resource.names(view.name):
            found.setdefault(view.name, view.schema)
    if resource.table != EVERY_TABLE and not found:
        name = TableName(resource.database, resource.table)
        entry = catalog.data_catalog.find_table(name)
        if entry is not None:
            # Which column is shown does not hang on its type.
            fields = (Field(one.name, Scalar("string")) for one in entry.columns)
            found[name] = Schema(tuple(fields))
    return found


def check_named(
    authorizer: Authorizer,
    by: Principal,
    to: str,
    resource: Resource,
    catalog: Catalog,
    project: Project,
) -> None:
    """Look whether there is whom a grant is made to, and all that it is on.

    Raises:
        PrincipalError: no such role or group is declared.
        GovernanceError: as `check_resource` does. Only administrators are told what else there is.
    """
    policies = authorizer.policies
    known = {*policies.directory.known(), EVERYONE}
    try:
        if to.startswith(("role:", "group:")) and to not in known:
            raise PrincipalError.unknown(to, known)
        check_resource(resource, policies, catalog, project)
    except GovernanceError as error:
        if authorizer.administers(by):
            raise
        raise type(error)(error.problem, "") from None


def check_resource(
    resource: Resource, policies: PolicySet, catalog: Catalog, project: Project
) -> None:
    """Look whether everything that a resource names is there.

    Raises:
        ResourceError: a table, a filter, a column or a data location is not.
        TagError: a tag or a value of it is not.
        ExpressionError: its row filter does not parse, or does not fit the table.
    """
    if resource.rows:
        from lakeworks.governance.row_filters import parse_filter

        parse_filter(resource.rows)
    if resource.kind == "tags" and policies.lf_tags:
        _check_tags(resource, policies)
    if resource.kind == "location" and resource.database not in policies.locations:
        raise ResourceError.no_location(resource.database, policies.locations)
    if resource.cells and resource.cells not in policies.filters:
        raise ResourceError(f"there is no data cells filter {resource.cells!r}")
    if resource.kind == "table" and resource.table != EVERY_TABLE:
        _check_table(resource, catalog, project)


def _check_tags(resource: Resource, policies: PolicySet) -> None:
    for key, values in resource.tags:
        if key not in policies.lf_tags:
            raise TagError.unknown(key, policies.lf_tags)
        for value in values:
            if value not in (*policies.lf_tags[key], "*"):
                raise TagError.value(key, value, policies.lf_tags[key])


def check_tagged(
    name: str, tags: Mapping[str, str | None], catalog: Catalog, project: Project
) -> None:
    """Look whether the table or column that gets tags is there: else they would bind nothing.

    Of one that is gone, they can be taken away.

    Raises:
        ResourceError: it is not.
    """
    database, _, rest = name.partition(".")
    table, _, column = rest.partition(".")
    if table and any(value is not None for value in tags.values()):
        columns = (column,) if column else ()
        _check_table(Resource("table", database, table, columns), catalog, project)


def _check_table(resource: Resource, catalog: Catalog, project: Project) -> None:
    name = TableName(resource.database, resource.table)
    schema = _tables(resource, catalog).get(name)
    if schema is None:
        declared = {*project.models, *project.sources, *project.tables, *catalog.heads()}
        outside = any(name.database in one.databases for one in project.catalogs.values())
        if not outside and (quarantined(name) or name) not in declared:
            raise ResourceError.no_table(str(name), map(str, declared))
        return
    place = Place.of(name, schema, TagState(), {}, {})
    for column in (*resource.columns, *resource.excluded):
        if not place.named((column,)):
            raise ResourceError.no_column(str(name), column, schema.names)
    tree = parsed_filter(resource.rows) if resource.rows else None
    if tree is None or name not in catalog.heads():
        return  # what lies elsewhere may have other types than its entry says
    try:
        FilterWriter(schema, {}).sql(tree)
    except MissingSessionTagError:
        return
    except ExpressionError as error:
        raise ExpressionError(f"{name}: {error.problem}", error.hint) from None
