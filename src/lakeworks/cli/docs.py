"""`lake docs`: a site that describes the lake."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    EnvironmentName,
    Folder,
    seen,
)


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="A site that describes the lake.")
    noun.command()(build)
    # A noun with one command would else be that command.
    noun.callback()(_docs)
    app.add_typer(noun, name="docs")


def build(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            help="Where to; default: site, in the project's folder; with --as, a folder of its own.",
            show_default=False,
        ),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Make a site of the whole lake that opens from a file.

    Tables, columns, tags, lineage, quality, freshness, SQL, runs, and a search over all of it.
    It holds no row of any table. A site that was there is replaced as a whole.
    """
    with seen(folder, environment, principal) as lake:
        built = lake.site.build(out or lake.site.folder)
    first = built.folder / "index.html"
    if as_json:
        say.as_json({**asdict(built), "folder": str(built.folder), "index": str(first)})
        return
    tables, columns = (
        render.plural(built.tables, "table"),
        render.plural(built.columns, "column"),
    )
    say.line(
        f"{first} written: {tables}, {columns}; {render.plural(built.files, 'file')}, "
        f"{render.size(built.size_bytes)}, in {render.duration(built.seconds)}."
    )
    say.remark("Open it in a browser.")


def _docs() -> None:
    """Take the options that stand before a command of this noun."""
