"""`lake quality`: rules in DQDL."""

from __future__ import annotations

import typer

from lakeworks.cli import quality_check, quality_fmt, quality_tables


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="Rules on data, in DQDL, and how good the tables are.")
    quality_tables.register(noun)
    quality_check.register(noun)
    quality_fmt.register(noun)
    app.add_typer(noun, name="quality")
