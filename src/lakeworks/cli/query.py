"""`lake query`."""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import render, say
from lakeworks.cli.errors import BinaryOutputError, OptionsError, UnknownChoiceError
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    Dialect,
    EnvironmentName,
    Folder,
    moment_or_snapshot,
    opened,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.lake import Lake
    from lakeworks.query.questions import Caller
    from lakeworks.query.results import QueryResult

SHOWN_ROWS = 100
_LATEST = 50  # among so many entries is the query that has just ended


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ARROW = "arrow"


_BINARY = {Format.PARQUET, Format.ARROW}
_BY_SUFFIX = {
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".arrows": Format.ARROW,
}


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(query)


def query(
    sql: Annotated[
        str,
        typer.Argument(
            help="One SELECT or another statement; - reads it from standard input.",
            show_default=False,
        ),
    ] = "",
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Read the SQL here.",
            show_default=False,
        ),
    ] = None,
    dialect: Dialect = "duckdb",
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Default: by the name of --output, else table.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to a file.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP",
            help="Read all tables as readers saw them then (UTC without a zone), or in the "
            "snapshot of this number.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, help=f"At most so many rows; a table shows {SHOWN_ROWS}.", show_default=False
        ),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Ask the published tables in SQL.

    Tables are written silver.orders, or silver.orders@v3 for an earlier version.
    """
    text = _text(sql, file)
    chosen = chosen_format(format_, output, as_json=as_json)
    moment = moment_or_snapshot(at) if at else None
    with opened(folder, environment) as lake:
        caller = caller_of(principal)
        ask = lambda most: lake.query.sql(  # noqa: E731
            text, at=moment, limit=most, caller=caller, dialect=dialect
        )
        answer(ask, chosen, output, limit=limit)
        if output is not None:
            note_export(lake, caller, "query", output)


def caller_of(principal: str) -> Caller:
    """Return who asks one query, by which it is found again in the audit trail."""
    from lakeworks.query.questions import Caller

    return Caller(principal, query_id=secrets.token_hex(16))


def note_export(lake: Lake, caller: Caller, action: str, output: Path) -> None:
    """Tell the audit trail that the answer of a query was written to a file, and of what tables."""
    from lakeworks.catalog.errors import CatalogError
    from lakeworks.governance import Principal

    governance = lake.governance
    found = governance.audit_entries(kind="query", limit=_LATEST)
    asked = next((one for one in found if one.body.get("query_id") == caller.query_id), None)
    told = {} if asked is None else {
        "tables": [one["table"] for one in asked.body.get("tables", ())],
        "rows": asked.body.get("rows"),
    }  # fmt: skip
    body = {"action": action, "file": str(output), "query_id": caller.query_id, **told}
    if caller.principal:
        governance.audit("export", Principal.parse(caller.principal), body)
        return
    with suppress(
        CatalogError
    ):  # as its query, which the owner may ask where nothing is written
        governance.audit("export", Principal.operator(), body)


def _text(sql: str, file: Path | None) -> str:
    """Return the SQL, wherever it stands.

    Raises:
        OptionsError: it stands nowhere, or in two places.
    """
    if bool(sql) == bool(file):
        raise OptionsError.one_of("SQL", "--file")
    if file is None:
        return sys.stdin.read() if sql == "-" else sql
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise OptionsError.not_text("--file", file) from None


def answer(
    ask: Callable[[int | None], QueryResult],
    chosen: Format,
    output: Path | None,
    *,
    limit: int | None = None,
) -> None:
    """Ask a query, and print or write what it gives.

    Args:
        ask: Runs it, with a limit of rows or None.
    """
    if chosen is Format.TABLE and output is None:
        with ask(None) as result:
            _print_table(result, limit)
    else:
        with ask(limit) as result:
            _write(result, chosen, output)


def chosen_format(format_: Format | None, output: Path | None, *, as_json: bool) -> Format:
    """Return how a result is written.

    Raises:
        UnknownChoiceError: the file's name tells no format.
        BinaryOutputError: a terminal would get bytes.
        OptionsError: there is no folder for the file.
    """
    if output is not None and not output.absolute().parent.is_dir():
        raise OptionsError.no_folder("--output", output.parent)
    chosen = Format.JSON if as_json else _chosen(format_, output)
    if chosen in _BINARY and output is None and sys.stdout.isatty():
        raise BinaryOutputError.of(chosen)
    return chosen


def _chosen(format_: Format | None, output: Path | None) -> Format:
    if format_ is not None:
        return format_
    if output is None:
        return Format.TABLE
    found = _BY_SUFFIX.get(output.suffix)
    if found is None:
        raise UnknownChoiceError.among("format for the file name", output.name, _BY_SUFFIX)
    return found


def _print_table(result: QueryResult, limit: int | None) -> None:
    """Print the first rows; that there are more is said."""
    most = SHOWN_ROWS if limit is None else limit
    found = result.head(most + 1)
    shown = found.slice(0, most)
    if not found.column_names:
        say.line("done")
        return
    # By column, since two columns may have one name.
    rows = list(zip(*(column.to_pylist() for column in shown.columns), strict=True))
    cut = say.data(found.column_names, rows)
    if limit is None and found.num_rows > most:
        say.line(f"… and more: --limit {most * 10}, or --format csv for all")
    else:
        note = ", cut to the terminal's width: | less -S shows them whole" if cut else ""
        say.line(f"({render.plural(shown.num_rows, 'row')}{note})")


def _write(result: QueryResult, chosen: Format, output: Path | None) -> None:
    """Write all rows, as they come."""
    if output is None:
        result.write(chosen, sys.stdout.buffer if chosen in _BINARY else sys.stdout)
        return
    rows = result.write(chosen, output)
    say.remark(f"{render.plural(rows, 'row')} in {output}")
