"""`lake lineage`, `lake impact`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, permitted, seen

if TYPE_CHECKING:
    from lakeworks.catalog.lineage.graph import Affected, ColumnId, Direction
    from lakeworks.catalog.lineage.view import View

Place = Annotated[
    str, typer.Argument(metavar="TABLE[.COLUMN]", help="Such as gold.daily_sales.revenue.")
]
_MOST_INFLUENCES = 12


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(lineage)
    app.command()(impact)


def lineage(
    place: Place,
    *,
    up: Annotated[
        bool, typer.Option("--up", help="Only what it is made from.", show_default=False)
    ] = False,
    down: Annotated[
        bool, typer.Option("--down", help="Only what is made from it.", show_default=False)
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="How many steps; default: all.", show_default=False
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="What that run read and wrote of it, instead; `last` for the newest.",
            show_default=False,
        ),
    ] = None,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.", show_default=False)
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture.", show_default=False),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show where a table or column comes from and where it goes.

    Of a column, by value: what only filters or groups is told below, as influence. What cannot
    be resolved is said, never guessed.
    """
    if run is not None:
        from lakeworks.cli.lineage_runs import show_run

        with seen(folder, environment, principal) as lake:
            show_run(lake, place, run, as_json=as_json)
        return
    directions: list[Direction] = ["up"] if up and not down else ["down"] if down and not up else [
        "up", "down"]  # fmt: skip
    with seen(folder, environment, principal) as lake:
        view = lake.lineage.view(place, directions=directions, depth=depth)
        seen_by = permitted(lake)
        if svg is not None and seen_by is not None:
            seen_by.exported("lineage", [place], svg)
    if svg is not None:
        from lakeworks.catalog.lineage.svg import svg as drawn

        svg.write_text(drawn(view), encoding="utf-8")
    if as_json:
        say.as_json(view.as_json())
    elif mermaid:
        from lakeworks.catalog.lineage.text import mermaid as chart

        say.line(chart(view))
    elif svg is not None:
        tables = sum(node.kind != "files" for node in view.nodes.values())
        say.line(f"{svg} written: {render.plural(tables, 'table')}.")
    else:
        made = view.nodes[view.start[0]]
        if made.kind == "statement" and made.description and seen_by is None:
            say.line(made.description)
        _print_view(view, directions)


def impact(
    place: Place,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Say what a change would reach, and who owns it."""
    with seen(folder, environment, principal) as lake:
        table, column = lake.lineage.find(place)
        affected = lake.lineage.impact(table, column)
        owners = sorted({one.owner for one in affected if one.owner})
    if as_json:
        found = [_affected_json(one) for one in affected]
        say.as_json(
            {"table": table, "column": column or None, "affected": found, "owners": owners}
        )
        return
    if not affected:
        say.line(f"Nothing is made from {place}.")
        return
    rows = [[one.table, one.owner, _columns(one), _where(one)] for one in affected]
    say.table(["table", "owner", "columns", ""], rows)
    say.line()
    told = f" Ask first: {', '.join(owners)}." if owners else ""
    say.line(f"{render.plural(len(affected), 'table')} would be affected.{told}")


def _print_view(view: View, directions: list[Direction]) -> None:
    from lakeworks.catalog.lineage.text import tree

    headings = {"up": "made from", "down": "made into"}
    for position, direction in enumerate(directions):
        first, *branches = tree(view, direction)
        if position == 0:
            say.line(say.strong(first))
        say.line(f"{headings[direction]}:" if branches else f"{headings[direction]}: nothing")
        for branch in branches:
            say.line(f"  {branch}")
    _print_influences(view.influences)
    for name, reasons in sorted(view.unresolved.items()):
        for reason in reasons:
            say.line(f"{say.bad('unresolved')}: {name}: {reason}")


def _print_influences(influences: dict[ColumnId, tuple[str, ...]]) -> None:
    if not influences:
        return
    say.line("influenced by:")
    shown = sorted(influences.items())[:_MOST_INFLUENCES]
    for (table, column), kinds in shown:
        say.line(f"  {table}.{column}  ({', '.join(kinds)})")
    if len(influences) > len(shown):
        say.line(f"  and {len(influences) - len(shown)} more: --json lists all")


def _columns(one: Affected) -> str:
    by_value = [c for c, effect in one.columns.items() if effect == "value"]
    others = [c for c, effect in one.columns.items() if effect != "value"]
    told = [", ".join(by_value)] if by_value else []
    told += [f"influenced: {', '.join(others)}"] if others else []
    return "; ".join(told)


def _where(one: Affected) -> str:
    told = ["its rows"] if one.rows else []
    told += ["last reader"] if one.last else []
    return ", ".join(told)


def _affected_json(one: Affected) -> dict[str, Any]:
    return {
        "table": one.table,
        "kind": one.kind,
        "owner": one.owner or None,
        "columns": dict(one.columns),
        "rows": one.rows,
        "direct": one.direct,
        "last": one.last,
    }
