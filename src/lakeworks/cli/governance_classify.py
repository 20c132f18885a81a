"""`lake classify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    EnvironmentName,
    Folder,
    owned,
    permitted,
    seen,
)

if TYPE_CHECKING:
    from lakeworks.governance.classifying import Classified
    from lakeworks.lake import Lake


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(classify)


def classify(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="One table; default: all.", show_default=False),
    ] = None,
    *,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Write the tags into the catalog, where lake tag has them."
        ),
    ] = False,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Look for personal data, and suggest tags.

    A sample of each column is looked into, and the evidence told. Evidence shows the form
    of values (letters as x, digits as 9), never a value. With --as, only what this principal
    sees is looked into.
    """
    with seen(folder, environment, principal) as lake:
        view, whole = permitted(lake), owned(lake)
        found = []
        if view is not None:
            found = view.governance.classify(table)
        elif whole is not None:
            found = _classified(whole, table)
        fresh = [one for one in found if not one.tagged]
        if apply:
            for one in fresh:
                lake.governance.tag(f"{one.table}.{one.suggestion.column}",
                                    {"pii": one.suggestion.kind})  # fmt: skip
    if as_json:
        say.as_json([{**one.as_json(), "applied": apply and not one.tagged} for one in found])
        return
    _print(found)
    if apply:
        say.line(f"{render.plural(len(fresh), 'tag')} written to the catalog.")
    elif fresh:
        say.line(
            "Declare them where the tables are declared (columns: {…: {tags: {pii: …}}}), or"
        )
        say.line("write them to the catalog: lake classify --apply")


def _classified(lake: Lake, table: str | None) -> list[Classified]:
    from lakeworks.governance.classifying import classified, sample_of

    def sample(name: str, rows: int) -> Any:  # noqa: ANN401 - an Arrow table
        with lake.query.sql(sample_of(name, lake.query.columns(name), rows)) as result:
            return result.to_arrow()

    published = [str(name) for name in lake.catalog.current_snapshot().tables]
    return classified(lake.governance.authorizer().tags, published, sample, only=table)


def _print(found: list[Classified]) -> None:
    if not found:
        say.line("No column seems to hold personal data.")
        return
    say.table(
        ["column", "pii", "sure", "valid", "name says", "looks like", ""],
        [
            [
                f"{one.table}.{one.suggestion.column}"
                + (f" ({one.suggestion.path})" if one.suggestion.path else ""),
                one.suggestion.kind,
                f"{one.suggestion.confidence:.0%}",
                f"{one.suggestion.share:.0%} of {one.suggestion.values}",
                one.suggestion.hint,
                ", ".join(one.suggestion.examples),
                f"tagged {', '.join(one.tagged)}" if one.tagged else "",
            ]
            for one in found
        ],
    )
