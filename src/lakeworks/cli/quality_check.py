"""`lake quality check`: judge data by a ruleset, in a project or without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson
from lakeworks.core.errors import EXIT_WORK_FAILED

if TYPE_CHECKING:
    from lakeworks.quality import Evaluation

_HISTORY = 'write such as {"Dataset.*.RowCount": [10, 12, 14]}'


def register(app: typer.Typer) -> None:
    """Add the command to its noun."""
    app.command()(check)


def check(
    path: Annotated[
        str,
        typer.Argument(
            help="Parquet, CSV or JSON: a file, a folder, a glob; or a Delta table. "
            "s3://… too.",
        ),
    ],
    *,
    rules: Annotated[Path, typer.Option(metavar="FILE", help="The ruleset, in DQDL.")],
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ALIAS=PATH",
            help="Other data that rules name by an alias; may be repeated.",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON of earlier values of metrics, oldest first, for dynamic rules.",
            show_default=False,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="One of Glue's options, such as compositeRuleEvaluation.method=ROW.",
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write JUnit XML, for CI.", show_default=False),
    ] = None,
    engine: Annotated[str, typer.Option(help="Where the SQL runs.")] = "duckdb",
    as_json: AsJson = False,
) -> None:
    """Judge data by a ruleset; needs no project.

    Exit code 0: every rule passed. 1: a rule did not. 2: the request is wrong.
    """
    from lakeworks.quality import evaluate

    found = evaluate(
        path,
        _ruleset(rules),
        reference=dict(_aliased(each) for each in reference or ()),
        history=_history(history) if history else None,
        options=dict(_option(each) for each in option or ()),
        engine=engine,
    )
    if junit is not None:
        _write(junit, found.to_junit(name=path))
    _tell(found, as_json=as_json)
    if not found.passed:
        raise typer.Exit(EXIT_WORK_FAILED)


def _tell(found: Evaluation, *, as_json: bool) -> None:
    say.line(found.to_json() if as_json else str(found))


def _ruleset(path: Path) -> Any:  # noqa: ANN401 - a Ruleset, which is imported late
    from lakeworks.quality import parse

    return parse(_text(path), file=str(path))


def _aliased(written: str) -> tuple[str, str]:
    alias, equals, path = written.partition("=")
    if not (alias and equals and path):
        raise UsageError(f"--reference {written} names no data", "write --reference ALIAS=PATH")
    return alias, path


def _option(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise UsageError(f"--option {written} sets nothing", "write --option NAME=VALUE")
    return name, value


def _history(path: Path) -> Any:  # noqa: ANN401 - checked by `evaluate`
    try:
        found = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path} is no JSON: {error}", _HISTORY) from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is no JSON object", _HISTORY)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}") from None
