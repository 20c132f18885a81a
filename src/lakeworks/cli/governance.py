"""`lake grant`, `lake revoke`, `lake permissions`, `lake principals`, `lake tag`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import (
    governance_audit,
    governance_classify,
    governance_render,
    governance_views,
    say,
)
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.resources import Resource

Permissions = Annotated[
    str,
    typer.Argument(
        metavar="PERMISSIONS", help="SELECT, DESCRIBE, INSERT, …, joined by commas."
    ),
]
On = Annotated[
    str | None,
    typer.Argument(
        metavar="[RESOURCE]",
        help="silver.orders, silver.* (all tables), silver, or catalog.",
        show_default=False,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Only these columns; a field as address.city.",
                 show_default=False),
]  # fmt: skip
Except = Annotated[
    str | None,
    typer.Option("--except", metavar="A,B", help="All columns but these.", show_default=False),
]
Rows = Annotated[
    str | None,
    typer.Option(metavar="FILTER", help="Only these rows: \"country = 'DE'\".",
                 show_default=False),
]  # fmt: skip
CellsFilterName = Annotated[
    str | None,
    typer.Option("--filter", metavar="NAME", help="A data cells filter of policies/.",
                 show_default=False),
]  # fmt: skip
Tagged = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=A|B", help="On whatever has these LF-tags; repeat for and.",
                 show_default=False),
]  # fmt: skip
OfDatabases = Annotated[
    bool, typer.Option("--databases", help="With --tagged: databases instead of tables.")
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="PRINCIPAL", help="In whose name; default: the lake's owner.",
                 show_default=False),
]  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    for command in (grant, revoke, permissions, principals, tag):
        app.command()(command)
    governance_classify.register(app)
    governance_audit.register(app)


def grant(
    what: Permissions,
    on: On = None,
    *,
    to: Annotated[
        str, typer.Option(metavar="PRINCIPAL", help="role:analyst, user:ana, group:finance, …")
    ],
    columns: Columns = None,
    except_: Except = None,
    rows: Rows = None,
    filter_: CellsFilterName = None,
    tagged: Tagged = None,
    databases: OfDatabases = False,
    grant_option: Annotated[
        bool, typer.Option("--grant-option", help="They may pass it on.")
    ] = False,
    as_: As = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Grant permissions on a table, columns, rows, by tags.

    A database is named alone, all its tables as silver.*.
    """
    resource = _resource(on, tagged, databases=databases)
    resource = _narrowed(resource, columns, except_, rows, filter_)
    with opened(folder, environment) as lake:
        was_open = not lake.governance.governs
        lake.governance.grant(
            to, _listed(what), resource, grant_option=grant_option, by=_principal(as_)
        )
    if was_open:
        say.remark("This lake was open; from now on, --as shows what is granted and no more.")
    _told("granted", what, resource, to, as_json=as_json)


def revoke(
    what: Permissions,
    on: On = None,
    *,
    from_: Annotated[
        str, typer.Option("--from", metavar="PRINCIPAL", help="From whom.", show_default=False)
    ],
    columns: Columns = None,
    except_: Except = None,
    rows: Rows = None,
    filter_: CellsFilterName = None,
    tagged: Tagged = None,
    databases: OfDatabases = False,
    option_only: Annotated[
        bool, typer.Option("--grant-option-only", help="They keep it, and may not pass it on.")
    ] = False,
    as_: As = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Take back what was granted, written as it was."""
    resource = _resource(on, tagged, databases=databases)
    resource = _narrowed(resource, columns, except_, rows, filter_)
    with opened(folder, environment) as lake:
        lake.governance.revoke(
            from_, _listed(what), resource, option_only=option_only, by=_principal(as_)
        )
    _told("revoked", what, resource, from_, as_json=as_json)


def permissions(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]", help="What is shown of one table.", show_default=False
        ),
    ] = None,
    *,
    of: Annotated[
        str | None,
        typer.Option(metavar="PRINCIPAL", help="Of one principal only.", show_default=False),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show who may do what, and why.

    With a table and a principal: which columns and rows it sees, what is masked, and by what.
    With --as: what this principal may do itself; lake administrators see everybody's.
    """
    with opened(folder, environment) as lake:
        told = governance_views.permissions(lake, table, of, principal)
    if as_json:
        say.as_json(told)
    elif "columns" in told:
        governance_render.print_access(told)
    else:
        governance_render.print_overview(told)


def principals(
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List declared users, groups, roles and their members.

    With --as: the names under which this principal acts; lake administrators see everybody.
    """
    with opened(folder, environment) as lake:
        told = governance_views.people(lake, principal)
    if as_json:
        say.as_json(told)
    elif not told:
        say.line("Nobody is declared: policies/*.yml name users, groups and roles.")
    else:
        say.table(
            ["principal", "members", ""],
            [[p["name"], ", ".join(p["members"]), p["note"]] for p in told],
        )


def tag(
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE", help="A database, a table, or a column: silver.orders.email."
        ),
    ],
    tags: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE…", help="KEY= alone takes the tag away."),
    ],
    *,
    as_: As = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Give a database, a table or a column LF-tags.

    Those of columns follow the data.
    """
    given: dict[str, str | None] = {}
    for written in tags:
        key, mark, value = written.partition("=")
        if not mark or not key:
            raise UsageError(
                f"{written!r} is no tag", "write pii=email, or pii= to take it away"
            )
        given[key] = value or None
    with opened(folder, environment) as lake:
        lake.governance.tag(resource, given, by=_principal(as_))
    if as_json:
        say.as_json({"resource": resource, "tags": given})
    else:
        say.line(f"{resource}: {', '.join(tags)}")


def _resource(on: str | None, tagged: list[str] | None, *, databases: bool) -> Resource:
    from lakeworks.governance.resources import Resource

    if (on is None) == (tagged is None):
        raise UsageError("name a resource, or tags with --tagged", "lake grant SELECT silver.*")
    if on is not None:
        return Resource.parse(on)
    found: dict[str, tuple[str, ...]] = {}
    for written in tagged or ():
        key, mark, values = written.partition("=")
        if not mark or not key or not values:
            raise UsageError(f"{written!r} is no tag", "write --tagged 'domain=sales|web'")
        found[key.lower()] = tuple(sorted(value.lower() for value in values.split("|")))
    expression = tuple(sorted(found.items()))
    return Resource("tags", tags=expression, of="databases" if databases else "tables")


def _narrowed(
    resource: Resource,
    columns: str | None,
    excluded: str | None,
    rows: str | None,
    cells: str | None,
) -> Resource:
    found = replace(
        resource,
        columns=_listed(columns),
        excluded=_listed(excluded),
        rows=rows or "",
        cells=cells or "",
    )
    if found.is_narrowed and resource.kind in ("catalog", "database"):
        hint = f"write {resource.database}.* or a table" if resource.database else ""
        raise UsageError("columns and rows are those of tables", hint)
    return found


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _principal(text: str | None) -> Principal | None:
    from lakeworks.governance.principals import Principal

    return Principal.parse(text) if text is not None else None


def _told(verb: str, what: str, resource: Resource, principal: str, *, as_json: bool) -> None:
    if as_json:
        say.as_json(
            {
                verb: sorted(_listed(what.upper())),
                "resource": resource.as_json(),
                "principal": principal,
            }
        )
    else:
        link = "to" if verb == "granted" else "from"
        say.line(f"{verb} {what.upper()} on {resource} {link} {principal}")
