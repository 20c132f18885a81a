"""`lake catalogs`: the tables of other systems that the lake shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from lakeworks.pipeline.federated import CatalogState

Name = Annotated[str, typer.Argument(help="The catalog's name.", metavar="CATALOG")]
OneOrAll = Annotated[
    str | None,
    typer.Argument(help="A catalog; default: all.", metavar="CATALOG", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    catalogs = typer.Typer(no_args_is_help=True, help="Tables of other systems.")
    catalogs.command("list")(list_)
    catalogs.command("show")(show)
    catalogs.command("refresh")(refresh)
    catalogs.command("test")(answers)
    app.add_typer(catalogs, name="catalogs")


def list_(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """List the catalogs that the project declares; nothing is asked of their systems."""
    with opened(folder, environment) as lake:
        found = [lake.project.catalogs[name] for name in sorted(lake.project.catalogs)]
    if as_json:
        say.as_json([
            {"catalog": one.name, "type": one.type, "databases": dict(one.databases),
             "file": one.at.file, "description": one.description}
            for one in found
        ])  # fmt: skip
        return
    rows = [
        (one.name, one.type, ", ".join(one.databases), one.at.file, one.description)
        for one in found
    ]
    say.table(("catalog", "type", "databases", "file", "description"), rows)


def show(
    name: Name,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show a catalog's tables and their columns, as its system has them now."""
    with opened(folder, environment) as lake:
        found = lake.federation.tables(name)
    if as_json:
        say.as_json([
            {"table": str(table), "columns": {f.name: str(f.type) for f in schema}}
            for table, schema in found.items()
        ])  # fmt: skip
        return
    rows = [
        (str(table), f.name, str(f.type)) for table, schema in found.items() for f in schema
    ]
    say.table(("table", "column", "type"), rows)


def refresh(
    name: OneOrAll = None,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Let the data catalog have the tables of catalogs as they are now.

    `lake catalog`, `lake search` and the site show them from then on, and ask no system.
    Exits with 1 where a system does not answer: its tables stay as they were.
    """
    with opened(folder, environment) as lake:
        states = lake.federation.refresh(name)
    _print(states, "changed", [str(one.changed) for one in states], as_json=as_json)


def answers(
    name: OneOrAll = None,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Ask the systems of catalogs for their tables; exit with 1 where one does not answer."""
    with opened(folder, environment) as lake:
        states = lake.federation.states(name)
    _print(states, "time", [f"{one.seconds:.2f} s" for one in states], as_json=as_json)


def _print(states: list[CatalogState], last: str, told: list[str], *, as_json: bool) -> None:
    """Print what systems answered; exit with 1 where one did not."""
    if as_json:
        say.as_json([_shown(state) for state in states])
    else:
        rows = [
            (one.catalog.name, one.catalog.type, _told(one), text)
            for one, text in zip(states, told, strict=True)
        ]
        say.table(("catalog", "type", "answer", last), rows)
        for one in states:
            if one.error is not None:
                say.remark(str(one.error))
    if any(state.error is not None for state in states):
        raise typer.Exit(1)


def _told(state: CatalogState) -> str:
    if state.error is not None:
        return state.error.code
    return "1 table" if len(state.tables) == 1 else f"{len(state.tables)} tables"


def _shown(state: CatalogState) -> dict[str, Any]:
    error = state.error
    return {
        "catalog": state.catalog.name,
        "type": state.catalog.type,
        "answers": error is None,
        "tables": [str(table) for table in state.tables],
        "seconds": round(state.seconds, 3),
        "changed": state.changed,
        "error": None if error is None else {"code": error.code, "problem": error.problem,
                                             "hint": error.hint},
    }  # fmt: skip
