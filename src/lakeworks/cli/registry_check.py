"""`lake registry check` and `validate`: answers with an exit code, for CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import render, say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, seen
from lakeworks.cli.registry_files import DataFormatName, definition_of
from lakeworks.core.errors import EXIT_WORK_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.schema_registry import CompatibilityReport
    from lakeworks.catalog.schema_registry.formats import ParsedSchema

DEFAULT = "default-registry"
MOST_SHOWN = 20


def check(
    file: Annotated[Path, typer.Argument(help="The definition: .avsc, .json or .proto.")],
    *,
    against: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE", help="A schema of the registry, or a file of an older version."
        ),
    ],
    compatibility: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="Judge by this mode; default: the schema's own, BACKWARD for a file.",
            show_default=False,
        ),
    ] = None,
    data_format: DataFormatName = None,
    registry: Annotated[
        str, typer.Option(metavar="NAME", help="The registry that holds the schema.")
    ] = DEFAULT,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a definition may follow a schema's versions, and if not, exactly why.

    Exit code 0: it may. 1: it may not. 2: the request is wrong. Registers nothing. Against a
    file it needs no project.
    """
    definition, kind = definition_of(file, data_format)
    if Path(against).is_file():
        report = _against_file(definition, kind, Path(against), compatibility)
    else:
        with seen(folder, environment, principal) as lake:
            report = lake.catalog.schema_registry.check_compatibility(
                against, definition, registry=registry, compatibility=compatibility
            )
    if as_json:
        say.as_json({"compatible": report.compatible, **_plain(report)})
    elif report.compatible:
        compared = ", ".join(map(str, report.compared)) or "none"
        said = f"{report.mode}, compared with versions: {compared}"
        say.line(f"{say.good('Compatible')} with {report.schema} ({said}).")
    else:
        say.line(f"{say.bad('Not compatible')} with {report.schema} ({report.mode}):")
        say.line(report.explained())
    if not report.compatible:
        raise typer.Exit(EXIT_WORK_FAILED)


def validate(
    file: Annotated[Path, typer.Argument(help="JSON: one record a line, or one in all.")],
    *,
    schema: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE", help="A schema of the registry, or a definition's file."
        ),
    ],
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="N", help="Default: the latest.", show_default=False),
    ] = None,
    data_format: DataFormatName = None,
    registry: Annotated[
        str, typer.Option(metavar="NAME", help="The registry that holds the schema.")
    ] = DEFAULT,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Hold the records of a file to a schema, and say which break it and where.

    Exit code 0: none does. 1: some do. 2: the request is wrong.
    """
    if Path(schema).is_file():
        from lakeworks.catalog.schema_registry.entries import checked_format
        from lakeworks.catalog.schema_registry.formats import parsed

        definition, kind = definition_of(Path(schema), data_format)
        held: ParsedSchema = parsed(checked_format(kind), definition)
    else:
        with seen(folder, environment, principal) as lake:
            kept = lake.catalog.schema_registry
            held = kept.coder(schema, version or "latest", registry=registry).schema
    records = 0
    faults: list[tuple[int, str]] = []
    broken = 0
    for number, record in _records(file):
        records += 1
        fault = held.fault(record)
        if fault:
            broken += 1
            if len(faults) < MOST_SHOWN:
                faults.append((number, fault))
    if as_json:
        shown = [{"line": number, "error": fault} for number, fault in faults]
        say.as_json({"records": records, "broken": broken, "faults": shown})
    else:
        _print_faults(file, records, broken, faults)
    if broken:
        raise typer.Exit(EXIT_WORK_FAILED)


def _print_faults(file: Path, records: int, broken: int, faults: list[tuple[int, str]]) -> None:
    for number, fault in faults:
        say.line(f"{file}:{number}: {fault}")
    if broken > len(faults):
        say.line(f"… and {broken - len(faults):,} more")
    counted = render.plural(records, "record")
    if broken:
        say.line(f"{say.bad(f'{broken:,} of {counted}')} break the schema.")
    else:
        say.line(f"{say.good(counted)} read; none breaks the schema.")


def _records(file: Path) -> Iterator[tuple[int, object]]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = lines.readline()
            if first.strip() and _is_whole(first):
                yield 1, json.loads(first)
                for number, line in enumerate(lines, start=2):
                    if line.strip():
                        yield number, json.loads(line)
            else:
                yield 1, json.loads(first + lines.read())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read as JSON: {error}") from None


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _against_file(
    definition: str, kind: str, older: Path, mode: str | None
) -> CompatibilityReport:
    from lakeworks.catalog.schema_registry.compatibility import (
        CompatibilityReport,
        between,
        directions,
    )
    from lakeworks.catalog.schema_registry.entries import checked_format, checked_mode
    from lakeworks.catalog.schema_registry.formats import parsed
    from lakeworks.catalog.schema_registry.violations import Break

    data_format, judged = checked_format(kind), checked_mode(mode or "BACKWARD")
    new = parsed(data_format, definition)
    old = parsed(data_format, definition_of(older, kind)[0])
    breaks = tuple(
        Break(1, direction, one)
        for direction in directions(judged)
        for one in between(new, old, direction)
    )
    return CompatibilityReport(str(older), judged, (1,), breaks, judged == "DISABLED")


def _plain(report: CompatibilityReport) -> dict[str, object]:
    return {
        "schema": report.schema,
        "mode": report.mode,
        "compared": list(report.compared),
        "breaks": [
            {
                "version": one.version,
                "direction": one.direction,
                "path": one.violation.path,
                "kind": one.violation.kind,
                "problem": one.violation.problem,
                "hint": one.violation.hint,
            }
            for one in report.breaks
        ],
    }
