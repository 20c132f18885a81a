"""`lake generate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import progress, render, say
from lakeworks.cli.errors import UnknownChoiceError
from lakeworks.cli.options import AsJson, Folder

if TYPE_CHECKING:
    from lakeworks.samples.shop import Generated

WORLDS = ("shop",)
LANDING = "landing"


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(generate)


def generate(
    world: Annotated[str, typer.Argument(metavar="WHAT", help="shop: an online shop.")],
    *,
    orders: Annotated[
        int, typer.Option(min=1, help="Orders in its history; all else grows with them.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    day: Annotated[
        int, typer.Option(min=1, help="1: the history; 2 and later: one further day each.")
    ] = 1,
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
    """Write realistic, dirty sample files.

    There are duplicates, late and corrected rows, nulls, bad types and torn lines in them.
    """
    from lakeworks.samples import generate_shop

    if world not in WORLDS:
        raise UnknownChoiceError.among("sample world", world, WORLDS)
    directory = out if out is not None else (folder or Path()) / LANDING
    begin = time.monotonic()
    with progress.shown():
        written = generate_shop(directory, orders=orders, seed=seed, day=day)
    if as_json:
        say.as_json(_plain(written))
        return
    say.table(["feed", "rows"], sorted(written.rows.items()))
    say.line()
    say.line(
        f"{in_words(written)} in {directory}, {written.first_day} to {written.last_day}, "
        f"in {render.duration(time.monotonic() - begin)}."
    )


def in_words(written: Generated) -> str:
    """Return how much was written: `12,345 rows in 6 files (1.2 MB)`."""
    rows = render.plural(sum(written.rows.values()), "row")
    files = render.plural(written.files, "file")
    return f"{rows} in {files} ({render.size(written.size_bytes)})"


def _plain(written: Generated) -> dict[str, Any]:
    return {
        "directory": str(written.directory),
        "files": written.files,
        "size_bytes": written.size_bytes,
        "rows": dict(written.rows),
        "first_day": written.first_day.isoformat(),
        "last_day": written.last_day.isoformat(),
    }
