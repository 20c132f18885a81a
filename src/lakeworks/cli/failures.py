"""From an exception to a line on standard error and an exit code.

0: done. 1: the work failed. 2: the request or the project is wrong. 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, Any

import typer

from lakeworks.cli import render, say
from lakeworks.core.errors import EXIT_REQUEST_WRONG, EXIT_WORK_FAILED, LakeError
from lakeworks.core.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakeworks.project.errors import Mistake

EXIT_INTERRUPTED = 130
# What the machine refuses, whoever asks: no fault of Lakeworks.
_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR,
     errno.ENOTDIR, errno.ENAMETOOLONG, errno.EFBIG, errno.EMFILE}
)  # fmt: skip


def guarded(work: Callable[[], int], *, goes_on: bool = True) -> int:
    """Run a command and return its exit code; whatever it raises is told in words.

    Args:
        goes_on: Whether a run goes on with what the command leaves undone, if it is stopped.
    """
    try:
        code = work()
        sys.stdout.flush()
    except LakeError as error:
        tell(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough. Python would complain once
        # more when it flushes standard output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except typer.TyperException as error:
        return _usage(error)
    except UnicodeEncodeError:
        # Bytes that are no UTF-8 come from the command line or standard input as surrogates.
        say.remark(f"{say.bad('error')}: what was typed or piped in is not UTF-8 text")
        return EXIT_REQUEST_WRONG
    except Exception as error:  # noqa: BLE001 - the last resort of the program
        return _unexpected(error)
    if code == EXIT_INTERRUPTED:
        more = "; what was published stays, and lake run goes on from there" if goes_on else ""
        say.remark(f"stopped{more}")
    return code


def tell(error: LakeError) -> None:
    """Print an error's code, problem and hint; of a project's mistakes, all."""
    mistakes = getattr(error, "mistakes", ())
    tell_mistakes(mistakes)
    if not mistakes:
        # Some errors tell their place only when asked for their whole text.
        problem = str(error).removesuffix(f"\n  hint: {error.hint}")
        _tell(error.code, problem, error.hint)


def tell_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Print every mistake of a project with its place, and how many there are."""
    for mistake in mistakes:
        _tell(mistake.code, f"{mistake.at}: {mistake.problem}", mistake.hint)
    if mistakes:
        say.remark(f"{render.plural(len(mistakes), 'mistake')} found; nothing was run")


def tell_doubts(doubts: Sequence[Mapping[str, Any]]) -> None:
    """Print what may be a mistake, each with its place."""
    for doubt in doubts:
        place = f"{doubt['file']}:{doubt['line']}"
        _tell(doubt["code"], f"{place}: {doubt['problem']}", doubt["hint"], word="warning")


def _tell(code: str, problem: str, hint: str, *, word: str = "error") -> None:
    say.remark(f"{say.bad(f'{word}[{code}]')}: {problem}")
    if hint:
        say.remark(f"  hint: {hint}")


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    if (
        type(error).__name__ == "NoArgsIsHelpError"
    ):  # `lake serve`, without which of its commands
        say.remark(error.format_message())
        return EXIT_REQUEST_WRONG
    if context is not None:
        say.remark(context.get_usage())
    told = error.format_message().replace("a valid int range", "a whole number")
    say.remark(f"{say.bad('error')}: {told}")
    if context is not None:
        say.remark(f"  hint: {context.command_path} --help")
    return EXIT_REQUEST_WRONG


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = error.filename if error.filename is not None else "standard output"
        say.remark(f"{say.bad('error')}: {render.text(where)}: {error.strerror}")
        return EXIT_WORK_FAILED
    with tempfile.NamedTemporaryFile(
        "w", prefix="lakeworks-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        told = "".join(traceback.format_exception(error))
        log.write(scrubbed(f"{' '.join(sys.argv)}\n\n{told}"))
    first = (str(error).splitlines() or [""])[0]
    say.remark(f"{say.bad('error')}: unexpected {type(error).__name__}: {first}")
    say.remark(f"  hint: this is a fault of Lakeworks; its details are in {log.name}")
    return EXIT_WORK_FAILED
