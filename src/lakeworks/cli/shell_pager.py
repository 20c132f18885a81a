"""Show text on a terminal: as it is where it fits, else in a pager that scrolls both ways."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

from lakeworks.cli import say

_LESS = "less -S"


def show(text: str) -> None:
    """Print text, or page it where a terminal has fewer lines or columns than it."""
    text = text.rstrip("\n")
    if not sys.stdout.isatty() or _fits(text) or not _paged(text):
        say.line(text)


def _fits(text: str) -> bool:
    size = shutil.get_terminal_size()
    lines = text.split("\n")
    # The prompt that follows takes a line.
    return len(lines) < size.lines and all(len(line) <= size.columns for line in lines)


def _paged(text: str) -> bool:
    """Let the pager show text; False where there is none."""
    command = shlex.split(os.environ.get("PAGER") or _LESS)
    if not command or shutil.which(command[0]) is None:
        return False
    pager = subprocess.Popen(  # noqa: S603 - the user's own choice
        command,
        stdin=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # Data must not lead to commands: less runs none with this.
        env={**os.environ, "LESSSECURE": "1"},
    )
    # Ctrl-C is the pager's now.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with suppress(BrokenPipeError):  # left before the end
            pager.communicate(f"{text}\n")
        pager.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return True
