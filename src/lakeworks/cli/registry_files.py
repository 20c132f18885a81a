"""Definitions of schemas in files: their text, and the format that name and content tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

DataFormatName = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="AVRO, JSON or PROTOBUF; default: what the file's name and content tell.",
        show_default=False,
    ),
]
_AVRO_TYPES = frozenset({"record", "enum", "fixed", "error", "map"})


def definition_of(file: Path, data_format: str | None) -> tuple[str, str]:
    """Return a file's text and its data format.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    return text, data_format or guessed(file, text)


def guessed(file: Path, text: str) -> str:
    """Return the data format of a definition."""
    if file.suffix == ".proto":
        return "PROTOBUF"
    if file.suffix == ".avsc":
        return "AVRO"
    try:
        found = json.loads(text)
    except ValueError:
        return "JSON"
    kind = found.get("type") if isinstance(found, dict) else None
    return "AVRO" if isinstance(kind, str) and kind in _AVRO_TYPES else "JSON"
