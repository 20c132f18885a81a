"""`lake quality fmt`: lay rulesets out in the one way."""

from __future__ import annotations

import difflib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson
from lakeworks.core.errors import EXIT_WORK_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakeworks.quality.errors import DqdlError


def register(app: typer.Typer) -> None:
    """Add the command to its noun."""
    app.command(name="fmt")(fmt)


def fmt(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files and folders: .dqdl files, SQL and Python models. Default: this folder.",
            show_default=False,
        ),
    ] = None,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; end with 1 if a file would change."),
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Lay out DQDL in the one way: one rule a line, comments where they were.

    Only rulesets change, in models nothing but the text of `quality`. The rules stay the same.
    """
    from lakeworks.quality.errors import DqdlError
    from lakeworks.quality.language.embedded import SUFFIXES

    changed: list[str] = []
    mistakes: list[DqdlError] = []
    files = list(_files(paths or [Path()], SUFFIXES))
    for file in files:
        try:
            before, after = _before_and_after(file)
        except DqdlError as error:
            mistakes.append(error)
            continue
        if before == after:
            continue
        changed.append(str(file))
        if diff and not as_json:
            _print_diff(file, before, after)
        if not (check or diff):
            _replace(file, after)
    _report(changed, len(files), changes=not (check or diff), as_json=as_json)
    _raise_last(mistakes)
    if check and changed:
        raise typer.Exit(EXIT_WORK_FAILED)


def _before_and_after(file: Path) -> tuple[str, str]:
    from lakeworks.quality.language.embedded import laid_out

    try:
        before = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}", "save it as UTF-8") from None
    return before, laid_out(before, file.suffix, file=str(file))


def _raise_last(mistakes: Sequence[DqdlError]) -> None:
    for mistake in mistakes[:-1]:
        say.remark(f"error: {mistake}")
    if mistakes:
        raise mistakes[-1]


def _report(changed: Sequence[str], files: int, *, changes: bool, as_json: bool) -> None:
    if as_json:
        say.as_json({"changed": list(changed), "files": files})
        return
    for file in changed:
        say.line(f"{'formatted' if changes else 'would format'} {file}")
    say.remark(f"{files} files, {len(changed)} {'changed' if changes else 'would change'}")


def _files(paths: Sequence[Path], suffixes: Sequence[str]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from _below(path, suffixes)
        elif not path.exists():
            raise UsageError(f"there is no file {path}", "name a file or a folder")
        elif path.suffix not in suffixes:
            problem = f"{path} is none of {', '.join(suffixes)}"
            raise UsageError(problem, "rulesets are .dqdl files, or in models")
        else:
            yield path


def _below(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    """Yield the files of a folder, in order, but none in hidden folders."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(tuple(suffixes)):
                yield Path(root) / name


def _print_diff(file: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(file), str(file), lineterm=""
    )
    for line in lines:
        say.line(line)


def _replace(file: Path, text: str) -> None:
    """Write a file anew, whole or not at all."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(text.encode())
    shutil.copymode(file, draft)
    draft.replace(file)
