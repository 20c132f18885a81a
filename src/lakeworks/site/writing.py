"""Write the site's files: into a new folder beside the old one, then one takes the other's place.

A reader never sees half a site, and a build that fails leaves the old one as it was. Only a
folder that bears our mark is ever replaced.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from typing import TYPE_CHECKING

from lakeworks.site.errors import NotASiteError, SiteNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MARK = ".lakeworks-site"
_ABANDONED_S = 3_600
_MARKED = "This folder was made by lake docs build, which replaces it as a whole.\n"


def check_place(folder: Path, kept: Iterable[Path]) -> None:
    """See that the site may be written to `folder`.

    Args:
        folder: Where it shall be.
        kept: What must never be replaced: the project, the lake's storage.

    Raises:
        NotASiteError: others filled the folder, or it holds something of `kept`.
    """
    place = folder.resolve()
    for inside in kept:
        if inside.resolve().is_relative_to(place):
            raise NotASiteError.around(folder, inside)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise NotASiteError.found(folder)
    try:
        filled = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise SiteNotWrittenError.because(folder, error) from None
    if filled and not (folder / MARK).is_file():
        raise NotASiteError.found(folder)


def write_site(folder: Path, files: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Write files and let them take the place of what was there; return how many, and bytes.

    Args:
        folder: The site's folder; `check_place` has seen it.
        files: Paths below it, decoded, with their text.

    Raises:
        SiteNotWrittenError: a file cannot be written; an earlier site stays.
    """
    folder = folder.absolute()
    _sweep(folder)
    scratch = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        try:
            count, size_bytes = _write(scratch, files)
            _swap(scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise SiteNotWrittenError.because(folder, error) from None
    return count, size_bytes


def _sweep(folder: Path) -> None:
    """Delete what builds that were killed left beside the site, once it is old enough."""
    made = re.compile(rf"\.{re.escape(folder.name)}-[0-9a-f]{{8}}(-old)?")
    with contextlib.suppress(OSError):
        for one in folder.parent.iterdir():
            if made.fullmatch(one.name) and (one / MARK).is_file():
                age_s = time.time() - one.stat().st_mtime
                if age_s > _ABANDONED_S:
                    shutil.rmtree(one, ignore_errors=True)


def _write(scratch: Path, files: Iterable[tuple[str, str]]) -> tuple[int, int]:
    scratch.mkdir(parents=True)
    (scratch / MARK).write_text(_MARKED, encoding="utf-8")
    made: set[str] = {""}
    count = size_bytes = 0
    for path, text in files:
        parent = path.rpartition("/")[0]
        if parent not in made:
            (scratch / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        data = text.encode("utf-8", "replace")
        (scratch / path).write_bytes(data)
        count += 1
        size_bytes += len(data)
    return count, size_bytes


def _swap(scratch: Path, folder: Path) -> None:
    """Put the new folder in the old one's place; on a failure put the old one back."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(folder)
        return
    old = scratch.with_name(f"{scratch.name}-old")
    folder.rename(old)
    try:
        scratch.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
