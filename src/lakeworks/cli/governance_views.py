"""Which permissions are told to whom: all to the owner and administrators, else one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.cli import governance_render

if TYPE_CHECKING:
    from lakeworks.lake import Lake


def permissions(
    lake: Lake, table: str | None, of: str | None, principal: str
) -> dict[str, Any]:
    """Return grants and policies, or what one principal sees of a table.

    Args:
        of: The principal that is asked about.
        principal: The principal that asks; empty for the owner.

    Raises:
        NotPermittedError: somebody who is no administrator asks about another.
    """
    if principal:
        from lakeworks.permitted.governance import is_own

        view = lake.as_principal(principal).governance
        if of is None or is_own(principal, of):
            return view.access(table) if table is not None else _own(view.grants())
        view.require_administrator("the permissions of others")
    if table is not None and of is not None:
        return governance_render.access(lake, table, of)
    return governance_render.overview(lake, table, of)


def people(lake: Lake, principal: str) -> list[dict[str, Any]]:
    """Return who is declared; to a principal, under which names it acts."""
    if principal:
        view = lake.as_principal(principal).governance
        if not view.administers():
            return view.people()
        view.require_administrator("who is declared")
    return governance_render.people(lake)


def _own(grants: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "governed": True, "open_to": None, "administrators": [], "grants": grants, "policies": [],
    }  # fmt: skip
