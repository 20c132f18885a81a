"""A folder as an object store: atomic and durable writes by the operating system alone.

A file is written under a temporary name, flushed to disk, then linked or renamed into place,
and its folder is flushed. So a reader sees whole files only, and a crash leaves at most a
temporary file, which `list` hides and vacuum deletes.
"""


# Plain strings and os calls: a Path costs several times the call itself, and listings, probes
# and commits are what a run with nothing to do consists of.
# ruff: noqa: PTH102, PTH105, PTH108, PTH112, PTH113, PTH116, PTH120, PTH123

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.storage.errors import (
    AlreadyExistsError,
    ObjectNotFoundError,
    StorageError,
    from_os_error,
)
from lakeworks.storage.objects import ObjectInfo, ObjectStore, checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

TEMPORARY = ".tmp-"
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def is_absolute_folder(url: str) -> bool:
    """Whether `url` is the path of a folder from the root of the file system."""
    return "\x00" not in url and Path(url).is_absolute()


class LocalObjectStore(ObjectStore):
    """A folder. It is made when the first object is written."""

    def __init__(self, root: str) -> None:
        self.root = os.path.normpath(root)

    def child(self, prefix: str) -> LocalObjectStore:
        """Return the store at a folder of this one."""
        return LocalObjectStore(self._at(prefix))

    def get(self, path: str) -> bytes:
        """Return a file's content."""
        place = self._at(path)
        try:
            with open(place, "rb") as file:
                return file.read()
        except OSError as error:
            raise from_os_error(error, "read", place) from error

    def put(self, path: str, data: bytes) -> None:
        """Write a file, in place of any before it."""
        self.write_stream(path, (data,))

    def put_if_absent(self, path: str, data: bytes) -> None:
        """Write a file where none is, by a hard link, which fails when the name is taken."""
        place = self._at(path)
        if os.path.lexists(place):
            raise AlreadyExistsError.at(place)
        try:
            temporary = _write_temporary(place, (data,))
            try:
                os.link(temporary, place)
                _flush_folder(os.path.dirname(place))
            finally:
                os.unlink(temporary)
        except OSError as error:
            if error.errno in _NO_LINKS and os.access(os.path.dirname(place), os.W_OK):
                raise StorageError.failed(
                    "commit", place, "this file system has no hard links"
                ) from error
            raise from_os_error(error, "write", place) from error

    def exists(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return os.path.isfile(self._at(path))

    def info(self, path: str) -> ObjectInfo | None:
        """Return what a listing would say of one file, or None when there is none."""
        place = self._at(path)
        try:
            status = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise from_os_error(error, "look at", place) from error
        return None if os.path.isdir(place) else _info(path, status)

    def list(self, prefix: str = "", *, unfinished: bool = False) -> Iterator[ObjectInfo]:
        """Yield every file below a folder, in order of path."""
        start = self._at(prefix) if prefix else self.root
        above = {os.path.realpath(start)}
        for entry, path in _walk(start, f"{prefix}/" if prefix else "", above):
            if unfinished or not entry.name.startswith(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):  # it vanished while we looked
                    yield _info(path, entry.stat())

    def list_after(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        """Yield files below a folder whose path sorts after `start_after`."""
        return (found for found in self.list(prefix) if found.path > start_after)

    def folders(self, prefix: str, *, depth: int = 1) -> Iterator[str]:
        """Yield the folders `depth` levels below a folder, relative to it, in order."""
        place = self._at(prefix)
        try:
            names = sorted(entry.name for entry in os.scandir(place) if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise from_os_error(error, "list", place) from error
        for name in names:
            if depth == 1:
                yield name
            else:
                below = self.folders(f"{prefix}/{name}", depth=depth - 1)
                yield from (f"{name}/{found}" for found in below)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; their folders stay, for another writer may be about to use them."""
        for path in paths:
            place = self._at(path)
            try:
                os.unlink(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise from_os_error(error, "delete", place) from error

    def delete_tree(self, prefix: str) -> None:
        """Delete a folder and all that is in it."""
        place = self._at(prefix)
        try:
            shutil.rmtree(place)
        except FileNotFoundError:
            return
        except OSError as error:
            raise from_os_error(error, "delete", place) from error

    def open_read(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        place = self._at(path)
        try:
            return open(place, "rb")
        except OSError as error:
            raise from_os_error(error, "read", place) from error

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file from pieces and move it into place when it is whole."""
        place = self._at(path)
        try:
            temporary = _write_temporary(place, chunks)
            try:
                os.replace(temporary, place)
            except OSError:
                os.unlink(temporary)
                raise
            _flush_folder(os.path.dirname(place))
        except _ChunksError as error:
            raise error.cause from None
        except OSError as error:
            raise from_os_error(error, "write", place) from error

    def local_path(self, path: str) -> Path:
        """Return the file's place; of an empty path, the root's."""
        return Path(self._at(path) if path else self.root)

    def storage_options(self) -> dict[str, str]:
        """Return nothing: a folder needs no settings."""
        return {}

    def s3_settings(self) -> dict[str, str | bool]:
        """Return nothing: a folder is not read over HTTP."""
        return {}

    def _at(self, path: str) -> str:
        return f"{self.root}/{checked(path)}"


class _ChunksError(Exception):
    """The caller's own failure to give the next piece, kept apart from failures to write it."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause)
        self.cause = cause


def _given(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except OSError as error:
        raise _ChunksError(error) from error


def flush_file(place: str) -> int:
    """Force a file written by someone else to disk; return its size in bytes.

    Raises:
        ObjectNotFoundError: it is not there.
    """
    try:
        handle = os.open(place, os.O_RDONLY)
    except FileNotFoundError as error:
        raise ObjectNotFoundError.at(place) from error
    try:
        os.fsync(handle)
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def flush_folders(places: Iterable[str], root: str) -> None:
    """Force the names of files to disk: their folders, up to the folder above `root`."""
    folders = {os.path.dirname(root)}
    for place in places:
        folder = os.path.dirname(place)
        while folder not in folders and len(folder) >= len(root):
            folders.add(folder)
            folder = os.path.dirname(folder)
    for folder in folders:
        _flush_folder(folder)


def _write_temporary(place: str, chunks: Iterable[bytes]) -> str:
    folder = os.path.dirname(place)
    _make_folder(folder)
    temporary = f"{folder}/{TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}"
    try:
        with open(temporary, "xb") as file:
            file.writelines(_given(chunks))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _make_folder(folder: str) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folder(parent)
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
        return
    _flush_folder(parent)


def _flush_folder(folder: str) -> None:
    if os.name == "nt":  # Windows cannot open folders; its journal orders the rename itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems flush on their own
            raise
    finally:
        os.close(handle)


def _walk(folder: str, prefix: str, above: set[str]) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield files in the order in which S3 lists keys; links to folders never in circles."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((f"{e.name}/" if e.is_dir() else e.name, e) for e in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise from_os_error(error, "list", folder) from error
    for name, entry in found:
        if not name.endswith("/"):
            if entry.is_file():
                yield entry, prefix + name
        elif not entry.is_symlink():
            yield from _walk(entry.path, prefix + name, above)
        elif (real := os.path.realpath(entry.path)) not in above:
            yield from _walk(entry.path, prefix + name, above | {real})


def _info(path: str, status: os.stat_result) -> ObjectInfo:
    etag = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    moment = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(path, status.st_size, moment, etag)
