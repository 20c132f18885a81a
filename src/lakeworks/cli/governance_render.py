"""What `lake permissions` and `lake principals` show, as plain values and as tables."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from lakeworks.cli import say

if TYPE_CHECKING:
    from lakeworks.governance.decisions import ColumnAccess
    from lakeworks.governance.policy_set import Grant, Policy
    from lakeworks.lake import Lake


def overview(lake: Lake, table: str | None, of: str | None) -> dict[str, Any]:
    """Return grants and policies, of one table or one principal where that is asked."""
    from lakeworks.core.names import TableName
    from lakeworks.governance.principals import Principal, grantee

    authorizer = lake.governance.authorizer()
    policies = authorizer.policies
    grants = policies.grants
    bound: tuple[Policy, ...] = policies.policies
    if of is not None:
        if of.startswith(("group:", "tag:")) or of == "everyone":
            names = bound_as = frozenset({grantee(of)})
        else:
            granted = frozenset(one.principal for one in grants)
            names = policies.directory.identities(Principal.parse(of), granted)
            bound_as = policies.directory.bound_as(Principal.parse(of), names)
        grants = tuple(one for one in grants if one.principal in names)
        bound = tuple(one for one in bound if one.binds(names, bound_as))
    if table is not None:
        name = TableName.parse(table)
        grants = tuple(
            one for one in grants if one.resource.names(name) or one.resource.kind == "tags"
        )
        bound = tuple(
            one for one in bound
            if not one.on or any(r.names(name) or r.kind != "table" for r in one.on)
        )  # fmt: skip
    return {
        "governed": policies.governs,
        "open_to": None if policies.governs else _os_user(),
        "administrators": sorted(policies.administrators),
        "grants": [_grant(one) for one in grants],
        "policies": [_policy(one) for one in bound],
    }


def access(lake: Lake, table: str, of: str) -> dict[str, Any]:
    """Return what a principal sees of a table, column by column, and why."""
    from lakeworks.catalog.errors import UnknownTableError
    from lakeworks.core.names import TableName
    from lakeworks.governance.principals import Principal

    name, principal = TableName.parse(table), Principal.parse(of)
    heads = lake.catalog.heads()
    if name not in heads:
        raise UnknownTableError.named(table, [str(one) for one in heads])
    authorizer = lake.governance.authorizer()
    schema = heads[name].schema
    found = authorizer.access(principal, name, schema)
    shown = {column.name: column for column in found.columns} if found else {}
    return {
        "table": table,
        "principal": str(principal),
        "policy_version": authorizer.policy_version(principal),
        "rows": None if found is None else found.row_filter or "all",
        "unrestricted": found is not None and found.unrestricted,
        "columns": [_column(field.name, shown.get(field.name)) for field in schema],
        "why": list(authorizer.explain(principal, name, schema)),
    }


def _column(name: str, shown: ColumnAccess | None) -> dict[str, Any]:
    mask = shown.mask if shown is not None else None
    return {
        "name": name,
        "visible": shown is not None,
        "mask": mask.shown if mask is not None else None,
        "when": shown.cell_condition if shown is not None else None,
        "fields": [
            {"field": ".".join(one.path), "visible": one.shown, "when": one.condition}
            for one in (shown.fields if shown is not None else ())
        ],
    }


def people(lake: Lake) -> list[dict[str, Any]]:
    """Return who is declared, with members and tags."""
    policies = lake.governance.authorizer().policies
    directory = policies.directory
    found: list[dict[str, Any]] = []
    for kind, named in (("role", directory.roles), ("group", directory.groups)):
        for name, members in sorted(named.items()):
            text = f"{kind}:{name}"
            note = "lake administrator" if text in policies.administrators else ""
            found.append({"name": text, "members": list(members), "note": note, "tags": {}})
    for text in sorted(one for one in directory.known() if one.startswith("user:")):
        tags = dict(directory.users.get(text.removeprefix("user:"), {}))
        note = ", ".join(f"{key}={value}" for key, value in tags.items())
        if text in policies.administrators:
            note = "lake administrator"
        found.append({"name": text, "members": [], "note": note, "tags": tags})
    return found


def print_overview(told: dict[str, Any]) -> None:
    """Print grants, then policies."""
    if not told["governed"]:
        say.line(
            f"This lake has no policies and no grants: it is open to whoever holds its files, "
            f"here {told['open_to']}."
        )
        say.line("Declare roles and grants in policies/*.yml, or begin with lake grant.")
        return
    if told["administrators"]:
        say.line(f"Lake administrators: {', '.join(told['administrators'])}")
        say.line()
    say.table(
        ["principal", "permissions", "on", "from"],
        [
            [
                g["principal"],
                ", ".join(g["permissions"]) + (" (may grant)" if g["grantable"] else ""),
                g["on"],
                g["declared_at"]
                or (f"granted by {g['granted_by']}" if g["granted_by"] else ""),
            ]
            for g in told["grants"]
        ],
    )
    if told["policies"]:
        say.line()
        say.table(
            ["policy", "does", "on", "binds", "from"],
            [
                [
                    p["name"],
                    p["does"],
                    p["on"],
                    p["to"] + (f", not {p['except']}" if p["except"] else ""),
                    p["declared_at"],
                ]
                for p in told["policies"]
            ],
        )


def print_access(told: dict[str, Any]) -> None:
    """Print one principal's view of one table."""
    if told["rows"] is None:
        say.line(f"{told['principal']} sees nothing of {told['table']}.")
    else:
        say.line(f"{told['principal']} sees of {told['table']}, rows: {told['rows']}")
        say.table(["column", "shown"], [[c["name"], _shown(c)] for c in told["columns"]])
    if told["why"]:
        say.line()
        say.line("Because of:")
        for line in told["why"]:
            say.line(f"  {line}")


def _shown(column: dict[str, Any]) -> str:
    if not column["visible"]:
        return "no"
    text = f"masked: {column['mask']}" if column["mask"] else "yes"
    if column["when"]:
        text += f", where {column['when']}"
    text += "".join(f", {rows}" for rows in _rows_of_fields(column["fields"]))
    hidden = [one["field"] for one in column["fields"] if not one["visible"]]
    return text + (f", without {', '.join(hidden)}" if hidden else "")


def _rows_of_fields(fields: list[dict[str, Any]]) -> list[str]:
    """Say in which rows the fields of a struct are seen: once, where it is the same of all."""
    seen = [one for one in fields if one["visible"]]
    if len({one["when"] for one in seen}) == 1:
        return [f"where {seen[0]['when']}"] if seen[0]["when"] else []
    return [f"{one['field']} where {one['when']}" for one in seen if one["when"]]


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "principal": grant.principal,
        "permissions": sorted(grant.permissions),
        "grantable": sorted(grant.grantable),
        "on": str(grant.resource),
        "resource": grant.resource.as_json(),
        "declared_at": grant.at or None,
        "granted_by": grant.granted_by or None,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    does = "hide" if policy.hide else f"rows where {policy.rows}"
    if policy.mask is not None:
        does = f"mask: {policy.mask.shown}"
    tagged = [f"columns tagged {_tags(policy.columns)}"] if policy.columns else []
    tagged += [f"columns {', '.join(policy.named)}"] if policy.named else []
    tagged += [f"tables tagged {_tags(policy.tables)}"] if policy.tables else []
    tagged += [f"in {', '.join(map(str, policy.on))}"] if policy.on else []
    return {
        "name": policy.name,
        "does": does,
        "on": ", ".join(tagged) or "everything",
        "to": ", ".join(sorted(policy.to)) or "everyone",
        "except": ", ".join(sorted(policy.exempt)),
        "declared_at": policy.at,
    }


def _tags(expression: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    return " and ".join(f"{key}={'|'.join(values)}" for key, values in expression)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "its owner"
