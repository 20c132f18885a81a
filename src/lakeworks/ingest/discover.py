"""List the files of a source, quickly: a run with nothing new does little else.

Nothing is opened and nothing heavy imported. Hidden and unfinished files are passed over.
"""

# os.scandir and plain strings throughout: a Path costs several times the call itself.
# ruff: noqa: PTH112, PTH113, PTH116, PTH119

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.ingest.errors import SourceFolderMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.project.declaration import Source
    from lakeworks.storage.objects import ObjectStore

_GLOB = re.compile(r"[*?\[]")
_UNFINISHED = (".tmp", ".temp", ".crdownload", ".part", ".partial", ".swp", "~")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of a source.

    Attributes:
        path: Relative to the source's folder, `/` between its parts: what `_source_file` says.
        uri: Where it is: an absolute path or `s3://…`.
        etag: The object store's mark of its content; empty for local files.
        landed_sha256: For a file that is read again from the landing zone: its checksum.
        store: For `s3://`: where it is found, if that is not the landing zone.
    """

    path: str
    uri: str
    size_bytes: int
    modified_ns: int
    etag: str = ""
    landed_sha256: str = ""
    store: ObjectStore | None = field(default=None, compare=False, repr=False)


def discover(source: Source, options: Mapping[str, str] | None = None) -> tuple[FoundFile, ...]:
    """Return the files of a source, in order of path.

    Args:
        source: Its `path` is a file, a folder, or a glob in which `**` crosses folders.
        options: The environment's `s3:` settings.

    Raises:
        SourceFolderMissingError: the folder does not exist.
        StorageError: the bucket cannot be listed.
    """
    base, pattern = split_pattern(source.path)
    if base.startswith("s3://"):
        found = _in_bucket(base, options or {})
    else:
        found, pattern = _in_folder(source, base, pattern)
    if pattern:
        matches = glob_regex(pattern).fullmatch
        found = (file for file in found if matches(file.path))
    return tuple(sorted(found, key=lambda file: file.path))


def split_pattern(path: str) -> tuple[str, str]:
    """Divide a path into the folder before its first glob part, and the pattern below it."""
    mark = _GLOB.search(path)
    if mark is None:
        return path.rstrip("/") or "/", ""
    end = path.rfind("/", 0, mark.start())
    return path[: max(end, 0)] or ("/" if path.startswith("/") else "."), path[end + 1 :]


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a glob; `**` stands for any number of folders."""
    text = ""
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            text += "(?:[^/]+/)*"
            at += 3
        elif pattern.startswith("**", at):
            text += ".*"
            at += 2
        elif pattern[at] == "*":
            text += "[^/]*"
            at += 1
        elif pattern[at] == "?":
            text += "[^/]"
            at += 1
        elif pattern[at] == "[" and "]" in pattern[at + 2 :]:
            end = pattern.index("]", at + 2)
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            text += f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
            at = end + 1
        else:
            text += re.escape(pattern[at])
            at += 1
    return re.compile(text, re.DOTALL)


def passed_over(name: str) -> bool:
    """Whether a file or folder of this name is hidden or not finished."""
    return name.startswith((".", "_")) or name.lower().endswith(_UNFINISHED)


def _in_folder(source: Source, base: str, pattern: str) -> tuple[Iterator[FoundFile], str]:
    if not pattern and os.path.isfile(base):
        status = os.stat(base)
        name = os.path.basename(base)
        return iter((FoundFile(name, base, status.st_size, status.st_mtime_ns),)), ""
    if not os.path.isdir(base):
        raise SourceFolderMissingError.at(str(source.table), source.declared_path, base)
    return _walk(base, "", {os.path.realpath(base)}), pattern


def _walk(folder: str, prefix: str, above: set[str]) -> Iterator[FoundFile]:
    """Yield files, following links but never into a folder that holds the link."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if passed_over(entry.name):
            continue
        path = prefix + _as_text(entry.name)
        # A file may vanish between the listing and the look at it: then it was never there.
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in above:
                    yield from _walk(entry.path, f"{path}/", {*above, real})
            elif entry.is_file():
                status = entry.stat()
                yield FoundFile(path, entry.path, status.st_size, status.st_mtime_ns)


def _as_text(name: str) -> str:
    r"""Return a name that can be stored: bytes that are no UTF-8 are shown as `\xff`."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _in_bucket(base: str, options: Mapping[str, str]) -> Iterator[FoundFile]:
    from lakeworks.storage.objects import ObjectStore

    store = ObjectStore.open(base, options)
    for info in store.list():
        if any(passed_over(part) for part in info.path.split("/")):
            continue
        modified_ns = int(info.modified.timestamp() * 1_000_000) * 1_000
        yield FoundFile(
            info.path,
            store.uri(info.path),
            info.size_bytes,
            modified_ns,
            info.etag,
            store=store,
        )
