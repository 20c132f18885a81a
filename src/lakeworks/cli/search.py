"""`lake search`: which tables a question is about, and where they say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import say
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, seen
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.searching import ColumnTags, Match, SearchHit
    from lakeworks.cli.options import AnyLake


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(search)


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="Such as 'customer email'.")
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many tables.")] = 20,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Find tables by words.

    Names, descriptions, columns, comments, owners and tags are looked into. Tables with
    all the words come first. A word finds those that begin with it.
    """
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.data_catalog.search(
            " ".join(words), limit=limit, tags=_inherited(lake)
        )
    if as_json:
        say.as_json(say.plain(found))
        return
    if not found:
        say.line(f"Nothing was found for {' '.join(words)!r}.")
        return
    whole = [one for one in found if one.complete]
    say.table(
        ["table", "found in", "description"],
        [[one.table, _places(one), one.description] for one in whole or found],
    )
    if whole and len(whole) < len(found):
        say.remark(f"{len(found) - len(whole)} more have some of the words: --json lists them.")


def _inherited(lake: AnyLake) -> ColumnTags:
    """Return the tags that columns have by what they derive from."""
    return {
        TableName(*table.split(".", 1)): {
            column: {
                tag: {origin.value for origin in origins} for tag, origins in found.items()
            }
            for column, found in columns.items()
        }
        for table, columns in lake.lineage.tags.items()
        if "." in table
    }


def _places(hit: SearchHit) -> str:
    return "; ".join(_place(match) for match in hit.matches[:3])


def _place(match: Match) -> str:
    if match.where == "column":
        return f"column {match.column}"
    if match.column:
        return f"{match.where} of {match.column}: {match.text}"
    return (
        match.where if match.where in {"name", "description"} else f"{match.where} {match.text}"
    )
