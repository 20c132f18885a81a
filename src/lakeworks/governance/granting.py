"""Who may grant what: administrators everything, others what they hold with the grant option.

Pure. https://docs.aws.amazon.com/lake-formation/latest/dg/granting-catalog-permissions.html: a right
to grant reaches as far as the grant that gives it. An account that was given a share may pass it on
to its own principals, and what it passes on is cut to the share again whenever it is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.governance.errors import NotGrantableError
from lakeworks.governance.policy_set import Grant, parsed_filter
from lakeworks.governance.resources import ALL, EVERY_TABLE, Resource
from lakeworks.governance.row_filters import columns_of
from lakeworks.governance.tags import ANY_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.grants import GrantRow
    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.principals import Principal


def check_may_grant(
    authorizer: Authorizer,
    by: Principal,
    to: str,
    permissions: Iterable[str],
    resource: Resource,
) -> None:
    """Hold a grant or its revocation to what the grantor may do.

    Raises:
        NotGrantableError: it may not.
    """
    if by.account and not to.startswith(f"account:{by.account}/"):
        raise NotGrantableError.beyond_share(by.account, to)
    if authorizer.administers(by):
        return
    held = authorizer.grants_of(by)
    for permission in sorted(permissions):
        passable = [
            grant.resource
            for grant in held
            if permission in grant.grantable
            or (ALL in grant.grantable and permission in grant.resource.takes)
        ]
        if not (_all_covered(passable, resource) and _may_judge(passable, resource)):
            raise NotGrantableError.without_option(str(by), permission, str(resource))


def _may_judge(held: list[Resource], wanted: Resource) -> bool:
    """Whether the columns that a filter looks at are held, too: rows that pass tell of them."""
    if not wanted.rows or wanted in held:
        return True
    tree = parsed_filter(wanted.rows)
    if tree is None or wanted.kind != "table":
        # Which columns have a tag is decided when they are read.
        return False
    looked_at = tuple(".".join(column.path) for column in columns_of(tree))
    return _all_covered(held, replace(wanted, columns=looked_at, excluded=(), rows=""))


def same_grant(one: Grant, principal: str, resource: Resource, permission: str) -> bool:
    """Whether a grant gives this permission on exactly this resource to this principal."""
    return (
        one.principal == principal
        and one.resource == resource
        and permission in one.permissions
    )


def _all_covered(held: list[Resource], wanted: Resource) -> bool:
    if any(covers(one, wanted) for one in held):
        return True
    if not wanted.columns or wanted.rows or wanted.cells:
        return False
    # Several grants may together hold the columns of a list.
    single = [replace(wanted, columns=(column,)) for column in wanted.columns]
    return all(any(covers(one, column) for one in held) for column in single)


def covers(held: Resource, wanted: Resource) -> bool:
    """Whether everything of one resource is part of another."""
    if held == wanted:
        return True
    # What a filter shows of a table cannot be compared with another filter.
    if held.rows or held.cells or held.kind != wanted.kind:
        return False
    if held.kind == "tags":
        return held.of == wanted.of and _implies(held, wanted)
    if held.database != wanted.database:
        return False
    if held.kind == "table" and held.table not in (EVERY_TABLE, wanted.table):
        return False
    return _columns_within(held, wanted)


def _implies(held: Resource, wanted: Resource) -> bool:
    asked = dict(wanted.tags)
    return all(
        key in asked and (ANY_VALUE in values or set(asked[key]) <= set(values))
        for key, values in held.tags
    )


def _columns_within(held: Resource, wanted: Resource) -> bool:
    if wanted.cells:
        # Which columns a named filter shows may change: only all of the table is enough.
        return not (held.columns or held.excluded)
    if held.columns:
        own = [_path(name) for name in held.columns]
        asked = [_path(name) for name in wanted.columns]
        return bool(asked) and all(any(_below(one, other) for other in own) for one in asked)
    if held.excluded:
        hidden = [_path(name) for name in held.excluded]
        if wanted.columns:
            asked = [_path(name) for name in wanted.columns]
            return not any(_below(a, h) or _below(h, a) for a in asked for h in hidden)
        given_up = [_path(name) for name in wanted.excluded]
        return all(any(_below(one, other) for other in given_up) for one in hidden)
    return True


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.casefold().split("."))


def _below(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a column is another, or a field of it."""
    return one[: len(other)] == other


def grants_of(rows: Iterable[GrantRow]) -> list[Grant]:
    """Return the grants that rows of the catalog come to."""
    together: dict[tuple[str, str, str], list[GrantRow]] = {}
    for row in rows:
        together.setdefault((row.principal, row.resource, row.granted_by), []).append(row)
    found: list[Grant] = []
    for (principal, resource, by), permissions in together.items():
        found.append(
            Grant(
                principal,
                frozenset(row.permission for row in permissions),
                Resource.from_text(resource),
                frozenset(row.permission for row in permissions if row.grantable),
                by,
            )
        )
    return found
