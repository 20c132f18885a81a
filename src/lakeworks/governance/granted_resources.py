"""Hold what a grant at run time is on to what there is: tags, filters, columns, data locations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.governance.errors import ResourceError, TagError
from lakeworks.governance.resources import EVERY_TABLE, Resource

if TYPE_CHECKING:
    from lakeworks.catalog.store import Catalog
    from lakeworks.governance.policy_set import PolicySet


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
