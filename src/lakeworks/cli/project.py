"""`lake init`, `lake check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lakeworks.cli import failures, render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(init)
    app.command()(check)


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; default: here.", show_default=False)
    ] = Path(),
    *,
    template: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="`empty`, or `shop`: a whole online shop with sample models."
        ),
    ] = "empty",
    as_json: AsJson = False,
) -> None:
    """Write a new project."""
    from lakeworks.project.templates import write_template

    written = write_template(directory, template)
    if as_json:
        say.as_json(
            {
                "directory": str(directory),
                "template": template,
                "files": [path.as_posix() for path in written],
            }
        )
        return
    say.line(f"{directory / 'lake.yml'} and {len(written) - 1} more files written.")
    say.line("What to do next:")
    for step in _next_steps(directory, template):
        say.line(f"  {step}")


def check(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """Look for mistakes in the project, all at once. Changes nothing.

    Of data, it reads parts of some files at most. A column that those do not show, where others
    may, is a warning.
    """
    from lakeworks.core import events
    from lakeworks.lake import Lake
    from lakeworks.project.errors import ProjectError

    doubts: list[dict[str, Any]] = []

    def note(event: events.Event) -> None:
        if event.name == "check.doubt":
            doubts.append(event.data)

    try:
        with events.listening(note):
            project = Lake.check(folder or Path(), environment=environment)
    except ProjectError as error:
        if as_json:
            mistakes = [mistake.as_json() for mistake in error.mistakes]
            say.as_json({"mistakes": mistakes, "warnings": doubts})
        else:
            failures.tell_doubts(doubts)
            failures.tell(error)
        raise typer.Exit(error.exit_code) from None
    if as_json:
        say.as_json({"mistakes": [], "warnings": doubts})
        return
    failures.tell_doubts(doubts)
    sources = render.plural(len(project.sources), "source")
    models = render.plural(len(project.models), "model")
    external = render.plural(len(project.tables), "external table")
    counted = [sources, models, *([external] if project.tables else [])]
    say.line(f"{project.name}: {', '.join(counted)}, {say.good('no mistakes')}.")


def _next_steps(directory: Path, template: str) -> list[str]:
    there = [] if directory == Path() else [f"cd {directory}"]
    if template == "shop":
        return [*there, "lake generate shop", "lake run", "lake tables"]
    return [
        *there,
        "lake run",
        'lake query "select * from gold.daily_events"',
        "and put your own files in place of the example: landing/, sources/, models/",
    ]
