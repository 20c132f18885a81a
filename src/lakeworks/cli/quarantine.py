"""`lake quarantine`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import progress, render, runs, say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, permitted, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.cli.options import AnyLake
    from lakeworks.pipeline.quarantine import Rejected

REPLAY = "replay"
SHOWN_ROWS = 20
# What stands in place of a rule where no rule was judged: the example says more then.
_NO_RULE = {"parse", "type", "schema", "key"}


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command(options_metavar="[TABLE | replay TABLE] [OPTIONS]")(quarantine)


def quarantine(
    what: Annotated[
        str | None,
        typer.Argument(metavar="", hidden=True),
    ] = None,
    table: Annotated[str | None, typer.Argument(metavar="", hidden=True)] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = SHOWN_ROWS,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show what was rejected and why, or let it try again.

    Without a table: a summary by table and rule. With one: its rejected rows. After a fix,
    `lake quarantine replay TABLE` judges them anew; those that pass now enter the table.
    """
    if (what == REPLAY) != (table is not None):
        problem = "lake quarantine takes one table, or the word replay and one table"
        raise UsageError(problem, "lake quarantine replay silver.orders")
    with seen(folder, environment, principal) as lake:
        if what is None:
            _summarise(lake, as_json=as_json)
        elif table is None:
            _show_rows(lake, what, limit, as_json=as_json)
        else:
            _replay(lake, table, as_json=as_json)


def print_summary(rejected: Sequence[Rejected]) -> None:
    """Print what is in quarantine: table, rows, and the rule, or what went wrong with one."""
    say.table(
        ["table", "rows", "why"],
        [
            [r.table, r.rows, f"{r.rule}: {r.example}" if r.rule in _NO_RULE else r.rule]
            for r in rejected
        ],
    )


def _summarise(lake: AnyLake, *, as_json: bool) -> None:
    rejected = lake.pipeline.quarantine()
    if as_json:
        say.as_json([r.as_json() for r in rejected])
    elif not rejected:
        say.line("Nothing is in quarantine.")
    else:
        print_summary(rejected)


def _show_rows(lake: AnyLake, table: str, limit: int, *, as_json: bool) -> None:
    rows = lake.pipeline.quarantined_rows(table, limit=limit).to_pylist()
    if as_json:
        say.as_json(rows)
        return
    for row in rows:
        # Of a principal's view, columns may be missing, or be masked.
        place = row.get("source_file") or ""
        if row.get("source_row") is not None:
            place += f", row {row['source_row']}"
        say.line(_reason(str(row.get("rule") or ""), str(row.get("error") or "")))
        say.line(f"    {render.text(row.get('row') or '')}")
        if place:
            say.line(f"    {render.text(place)}")


def _reason(rule: str, error: str) -> str:
    """Return the rule, and the error where it says more than that the rule failed."""
    told = error.removeprefix(f"fails {rule}").removeprefix("; ")
    return say.bad(render.text(rule)) + (f": {render.text(told)}" if told else "")


def _replay(lake: AnyLake, table: str, *, as_json: bool) -> None:
    # Progress tells figures of all rows.
    with nullcontext() if permitted(lake) is not None else progress.shown():
        report = lake.pipeline.replay(table)
    if as_json:
        say.as_json(report.as_json())
    else:
        runs.print_report(report)
    if report.status == "failed":
        raise typer.Exit(1)
