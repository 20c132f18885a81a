"""`lake doctor`."""

from __future__ import annotations

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(doctor)


def doctor(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """Say what is wrong with the lake itself, and what to do.

    Changes nothing. Ends with 1 when something was found that endangers data or runs.
    """
    with opened(folder, environment) as lake:
        findings = lake.doctor()
    if as_json:
        say.as_json([finding.as_json() for finding in findings])
    elif not findings:
        say.line(f"{say.good('All is well')}: nothing was found that needs a hand.")
    else:
        for finding in findings:
            told = f"{finding.severity}: {finding.kind}"
            say.line(f"{say.bad(told) if finding.serious else told}: {finding.what}")
            say.line(f"  do: {finding.advice}")
        say.line(f"{render.plural(len(findings), 'finding')}.")
    if any(finding.serious for finding in findings):
        raise typer.Exit(1)
