"""`lake quality`: rules in DQDL."""

from __future__ import annotations

import typer

from lakeworks.cli import quality_check


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="Rules on data, in DQDL.", no_args_is_help=True)
    quality_check.register(noun)
    app.add_typer(noun, name="quality")
