"""Print results on standard output and remarks on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from lakeworks.cli import render
from lakeworks.core.names import TableName
from lakeworks.core.redaction import scrubbed
from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def line(text: str = "") -> None:
    """Print one line of the result."""
    typer.echo(text)


def remark(text: str) -> None:
    """Print one line about the work, apart from its result."""
    typer.echo(scrubbed(text), err=True)


def as_json(value: object) -> None:
    """Print one JSON value; what JSON has no type for is written as text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def plain(value: object) -> object:
    """Return dataclasses and mappings as JSON's own types; names, types and times as text."""
    if isinstance(value, Scalar | Decimal | Array | Map | Struct | TableName):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns, fitted to the terminal if there is one."""
    line(render.table(headers, rows, width=_width()))


def data(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
    """Print rows of a user's table; return whether values were cut to fit the terminal."""
    fitted = render.answer(headers, rows, width=_width())
    line(fitted)
    return _width() is not None and fitted != render.answer(headers, rows)


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def good(text: str) -> str:
    """Return text coloured as success, where colours are shown."""
    return _styled(text, fg="green")


def bad(text: str) -> str:
    """Return text coloured as failure, where colours are shown."""
    return _styled(text, fg="red")


def strong(text: str) -> str:
    """Return text that stands out, where styles are shown."""
    return _styled(text, bold=True)


def _styled(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    # typer.echo drops the codes where the stream is no terminal; https://no-color.org is ours.
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=fg, bold=bold)
