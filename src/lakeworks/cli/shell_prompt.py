"""Where statements come from: a terminal with completion and history, or lines of a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.cli.shell_text import is_whole, word_before
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prompt_toolkit.completion import CompleteEvent, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from lakeworks.cli.shell_names import Names


def reader(name: str, names: Names) -> Callable[[], str]:
    """Return what reads the next input; it raises EOFError at the end, KeyboardInterrupt on Ctrl-C.

    Args:
        name: Stands before the cursor.

    Raises:
        MissingExtraError: there is a terminal, and the extra `shell` is not installed.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _piped
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import Completer, Completion
    except ImportError:
        raise MissingExtraError.needed("shell", "lake shell") from None

    class Completing(Completer):
        def get_completions(
            self, document: Document, _complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            before = document.text_before_cursor
            begun = len(word_before(before))
            for text, told in names.completions(before, document.text):
                yield Completion(text, start_position=-begun, display_meta=told)

    session: PromptSession[str] = PromptSession(
        f"{name}=> ",
        prompt_continuation=lambda width, _number, _soft: f"{'->':>{width - 1}} ",
        multiline=True,
        completer=Completing(),
        # Columns of a table are read from its log, which may lie in a bucket.
        complete_in_thread=True,
        history=_history(),
        key_bindings=_keys(),
        enable_history_search=False,
    )
    return session.prompt


def history_path() -> Path:
    """Return the file that keeps what was typed: in the user's folder for caches."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "lakeworks" / "shell_history"


def _piped() -> str:
    text = sys.stdin.read()
    if not text.strip():
        raise EOFError
    return text


def _history() -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Statements may hold values that are nobody else's to read.
        os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # takes what is chosen, and stays on the line
        elif is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys
