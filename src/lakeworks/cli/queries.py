"""`lake queries`: queries that are kept under a name."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import OptionsError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, opened, seen
from lakeworks.cli.query import Format, answer, caller_of, chosen_format, note_export

if TYPE_CHECKING:
    from lakeworks.catalog.named_queries import NamedQuery

Name = Annotated[str, typer.Argument(help="The query's name.")]


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    queries = typer.Typer(no_args_is_help=True, help="Queries that are kept under a name.")
    queries.command("save")(save)
    queries.command("list")(list_)
    queries.command("show")(show)
    queries.command("run")(run)
    queries.command("drop")(drop)
    app.add_typer(queries, name="queries")


def save(
    name: Name,
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    *,
    description: Annotated[str, typer.Option(help="What it tells.", show_default=False)] = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Keep a query, in place of an earlier one of that name.

    It may have parameters, ? or $name; who runs it gives their values.
    """
    text = sys.stdin.read() if sql == "-" else sql
    with opened(folder, environment) as lake:
        lake.query.examine(text)
        kept = lake.catalog.named_queries.save(name, text.strip(), description=description)
    if as_json:
        say.as_json(_shown(kept))
        return
    say.line(f"kept {name}")


def list_(
    *,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Statements that workgroups prepared, instead.")
    ] = False,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List the queries that are kept."""
    if prepared:
        if principal:
            raise OptionsError.one_of("--prepared", "--as")
        _list_prepared(folder, environment, as_json=as_json)
        return
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.named_queries.list()
    if as_json:
        say.as_json([_shown(one) for one in found])
        return
    rows = [(one.name, one.description, f"{one.updated_at:%Y-%m-%d %H:%M}") for one in found]
    say.table(("name", "description", "changed"), rows)


def _list_prepared(folder: Path | None, environment: str | None, *, as_json: bool) -> None:
    with opened(folder, environment) as lake:
        found = lake.catalog.prepared_statements.list()
    if as_json:
        moments = ("created_at", "updated_at")
        say.as_json(
            [
                {**asdict(one), **{name: getattr(one, name).isoformat() for name in moments}}
                for one in found
            ]
        )
        return
    rows = [
        (one.workgroup, one.name, one.dialect, one.made_by, f"{one.updated_at:%Y-%m-%d %H:%M}")
        for one in found
    ]
    say.table(("workgroup", "name", "dialect", "made by", "changed"), rows)


def show(
    name: Name,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Print a query's SQL."""
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.named_queries.get(name)
    if as_json:
        say.as_json(_shown(found))
        return
    say.line(found.sql)


def run(
    name: Name,
    *,
    value: Annotated[
        list[str] | None,
        typer.Option(
            help="The value of the next ?, as JSON or else as text; again for more.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="The value of $NAME, likewise.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: by the name of --output, else table.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to a file.", show_default=False)
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Ask a query that is kept."""
    if value and set_:
        raise OptionsError.one_of("--value", "--set")
    chosen = chosen_format(format_, output, as_json=as_json)
    parameters = [_value(one) for one in value or ()] or dict(map(_pair, set_ or ()))
    with opened(folder, environment) as lake:
        view = lake.as_principal(principal) if principal else lake
        # To whoever may not see all that it names, a query is not there.
        sql = view.catalog.named_queries.get(name).sql
        caller = caller_of(principal)
        ask = lambda limit: lake.query.sql(  # noqa: E731
            sql, limit=limit, caller=caller, parameters=parameters
        )
        answer(ask, chosen, output)
        if output is not None:
            note_export(lake, caller, f"queries run {name}", output)


def drop(
    name: Name,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Keep a query no longer."""
    with opened(folder, environment) as lake:
        lake.catalog.named_queries.drop(name)
    if as_json:
        say.as_json({"dropped": name})
        return
    say.line(f"dropped {name}")


def _pair(written: str) -> tuple[str, Any]:
    name, mark, value = written.partition("=")
    if not mark or not name:
        raise OptionsError.together("--set", "NAME=VALUE")
    return name, _value(value)


def _value(written: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(written)
    except ValueError:
        return written


def _shown(one: NamedQuery) -> dict[str, str]:
    return {
        "name": one.name,
        "sql": one.sql,
        "description": one.description,
        "created_at": one.created_at.isoformat(),
        "updated_at": one.updated_at.isoformat(),
    }
