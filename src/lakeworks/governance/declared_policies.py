"""One entry of `policies:` in a file: a mask, a mandatory row filter, or hidden columns.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lakeworks.core.errors import did_you_mean
from lakeworks.governance.errors import GovernanceError
from lakeworks.governance.masks import KINDS, Mask, check_expression
from lakeworks.governance.policy_set import Policy
from lakeworks.governance.row_filters import parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.governance.masks import MaskKind
    from lakeworks.governance.resources import Resource, TagExpression


def read_policy(
    name: str,
    entry: Mapping[str, Any],
    *,
    on: tuple[Resource, ...],
    expression: Callable[[Mapping[str, Any]], TagExpression],
    people: tuple[frozenset[str], frozenset[str]],
    at: str,
) -> Policy:
    """Return the policy of one entry.

    Args:
        name: Its key.
        entry: Its values.
        on: What it is looked for in.
        expression: Reads tags.
        people: Whom it binds, and whom it exempts.
        at: Where it is declared.

    Raises:
        GovernanceError: it is no policy.
    """
    wanted = [key for key in ("mask", "rows", "hide") if entry.get(key)]
    if len(wanted) != 1:
        raise GovernanceError(
            f"the policy {name} says {' and '.join(wanted) or 'nothing'}",
            'a policy has one of mask, rows and hide; the mask "null" is written in quotes',
        )
    columns = entry.get("columns", ())
    tagged = isinstance(columns, dict)
    if not columns and wanted[0] != "rows":
        raise GovernanceError(
            f"the policy {name} says not which columns",
            "write columns: {pii: [email]} for tags, or columns: [email] for names",
        )
    for resource in on:
        if resource.is_narrowed:
            raise GovernanceError("a policy is on catalog, a database or a table")
    if entry.get("rows"):
        parse_filter(entry["rows"])
    to, exempt = people
    return Policy(
        name,
        on,
        expression(entry.get("tables", {})),
        expression(columns) if tagged else (),
        () if tagged else tuple(columns),
        _mask(name, entry["mask"]) if entry.get("mask") else None,
        entry.get("rows", ""),
        bool(entry.get("hide")),
        to,
        exempt,
        at,
    )


def _mask(policy: str, written: str | Mapping[str, str]) -> Mask:
    if not isinstance(written, str):
        check_expression(written["sql"])
        return Mask("sql", written["sql"], policy)
    word = written.lower().replace(" ", "").replace("-", "_")
    if word not in KINDS or word == "sql":
        raise GovernanceError(f"there is no mask {written!r}", did_you_mean(word, KINDS))
    return Mask(cast("MaskKind", word), "", policy)
