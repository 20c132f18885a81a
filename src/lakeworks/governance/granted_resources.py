"""Hold what a grant at run time is on to what there is: tags, filters, columns, data locations.

Whoever passes on what they hold is told of no column that is hidden from them, and of nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.governance.errors import (
    GovernanceError,
    NotGrantableError,
    PrincipalError,
    ResourceError,
    TagError,
)
from lakeworks.governance.principals import EVERYONE
from lakeworks.governance.resources import EVERY_TABLE, Resource

if TYPE_CHECKING:
    from lakeworks.catalog.store import Catalog
    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.policy_set import PolicySet
    from lakeworks.governance.principals import Principal


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
    authorizer: Authorizer, by: Principal, to: str, resource: Resource, catalog: Catalog
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
        check_resource(resource, policies, catalog)
    except GovernanceError as error:
        if authorizer.administers(by):
            raise
        raise type(error)(error.problem, "") from None


def check_resource(resource: Resource, policies: PolicySet, catalog: Catalog) -> None:
    """Look whether everything that a resource names is there.

    Raises:
        ResourceError: a filter, a column or a data location is not.
        TagError: a tag or a value of it is not.
        ExpressionError: its row filter does not parse.
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
    _check_columns(resource, catalog)


def _check_tags(resource: Resource, policies: PolicySet) -> None:
    for key, values in resource.tags:
        if key not in policies.lf_tags:
            raise TagError.unknown(key, policies.lf_tags)
        for value in values:
            if value not in (*policies.lf_tags[key], "*"):
                raise TagError.value(key, value, policies.lf_tags[key])


def _check_columns(resource: Resource, catalog: Catalog) -> None:
    named = (*resource.columns, *resource.excluded)
    if not named or resource.table in ("", EVERY_TABLE):
        return
    for table, head in catalog.heads().items():
        if resource.names(table):
            for column in named:
                if column not in head.schema and column.split(".")[0] not in head.schema:
                    raise ResourceError.no_column(str(table), column, head.schema.names)
