"""Read a project's text files, refusing what no declaration is: huge, binary, not UTF-8.

And find them: files and folders that begin with `.` or `_` are none.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.project.declaration import Location
from lakeworks.project.errors import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.project.errors import Mistakes

MAX_FILE_BYTES = 1024 * 1024


def read_declaration(path: Path, file: str, mistakes: Mistakes) -> str | None:
    """Return the text of `path` with line feeds only, or note why not and return None.

    Args:
        file: How mistakes name the file: its path relative to the project.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            mistakes.add(Location(file, 1), "this is not a file", code=UNREADABLE)
            return None
        if facts.st_size > MAX_FILE_BYTES:
            problem = f"the file has {facts.st_size} bytes; at most {MAX_FILE_BYTES} are read"
            mistakes.add(Location(file, 1), problem, "split it", code=UNREADABLE)
            return None
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = f"the file cannot be read: {reason}"
        mistakes.add(Location(file, 1), problem, code=UNREADABLE)
        return None
    return decode(data, file, mistakes)


def decode(data: bytes, file: str, mistakes: Mistakes) -> str | None:
    """Return `data` as text, or note on which line it is not text and return None."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec that drops a byte order mark counts from behind it; one byte moves no line.
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.add(
            Location(file, line),
            "the file is not UTF-8 text",
            "save it with the encoding UTF-8",
            code=UNREADABLE,
        )
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problem = "the file holds a NUL character, as only binary files do"
        mistakes.add(Location(file, line), problem, code=UNREADABLE)
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def files_below(folder: Path) -> Iterator[Path]:
    """Give every file below a folder in order of name, following no links to folders."""
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(files):
            if not name.startswith((".", "_")):
                yield Path(current, name)
