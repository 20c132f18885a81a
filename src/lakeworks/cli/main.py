"""The command `lake`: gathers the nouns, runs one, returns its exit code.

Commands import what they need inside themselves, so `lake --help` loads typer and little else.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lakeworks.cli import failures, nouns, owners_only

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_COMMON_WITH_VALUE = ("-C", "--env", "--as")
_COMMON = ("--json",)


def application(word: str = "") -> typer.Typer:
    """Return the command line with every command, or with one and its neighbours."""
    app = typer.Typer(
        name="lake",
        help="A data lake in one package: raw files to governed tables.",
        epilog="Start with: lake demo. Your own folder: lake init, then lake run.",
        add_completion=True,
        # Plain help needs no rich, whose import costs more than all else here.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_top)
    nouns.register(app, word)
    return app


def command_line(word: str = "") -> Any:  # noqa: ANN401 - click's
    """Return what reads the words of a command line, and runs their command.

    Args:
        word: The only command that it has to know.
    """
    command = cast("Any", typer.main.get_command(application(word)))
    owners_only.refuse_as(command)
    return command


def main(arguments: Sequence[str]) -> int:
    """Run one command line, without the program's name, and return its exit code."""

    def work() -> int:
        command = command_line(_first_word(arguments))
        done = command.main(
            args=_common_last(arguments, command), prog_name="lake", standalone_mode=False
        )
        return done if isinstance(done, int) else 0

    return failures.guarded(work, goes_on=_first_word(arguments) in {"run", "demo"})


def run() -> None:
    """Run the command line of this process and end it."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main(sys.argv[1:]))


def _top(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and end.",
            callback=lambda asked: _print_version() if asked else None,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Take the options that stand before any command."""


def _print_version() -> None:
    from lakeworks import __version__

    typer.echo(f"lakeworks {__version__}")
    raise typer.Exit


def _ahead(arguments: Sequence[str]) -> int:
    """Return how many words common options take before the command."""
    ahead = 0
    while ahead < len(arguments):
        if arguments[ahead] in _COMMON_WITH_VALUE:
            ahead += 2
        elif arguments[ahead] in _COMMON:
            ahead += 1
        else:
            break
    return ahead


def _first_word(arguments: Sequence[str]) -> str:
    return next(iter(arguments[_ahead(arguments) :]), "")


def _common_last(arguments: Sequence[str], command: Any) -> list[str]:  # noqa: ANN401 - click's
    """Let `lake -C shop run` mean `lake run -C shop`, as with git, and `lake` show its help.

    Of a noun with commands of its own the options go to the command: `lake quality show -C shop`.
    """
    ahead = _ahead(arguments)
    rest = list(arguments[ahead:])
    named = 0
    while named < len(rest) and rest[named] in getattr(command, "commands", {}):
        command = command.commands[rest[named]]
        named += 1
    named = max(named, 1)
    return [*rest[:named], *arguments[:ahead], *rest[named:]] if rest else ["--help"]


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As Ctrl-C: locks are given back and half-done work is dropped before the process ends.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()
