"""Files by path, in a folder or in a bucket, through one interface.

`local.py` and `s3.py` hold the two kinds. Opening a folder loads neither the other nor any
vendor library, so that commands with little to do stay quick.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.storage.errors import StorageRequestError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

_UNSAFE = re.compile(r"^/|//|/$|(?:^|/)\.\.?(?:/|$)|\x00|^$")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as a listing shows it.

    Attributes:
        path: Relative to the store's root, `/` between its parts, never URL-encoded.
        modified: When it was last written, UTC.
        etag: Changes whenever the content does; compare only for equality.
    """

    path: str
    size_bytes: int
    modified: datetime
    etag: str


class ObjectStore(ABC):
    """A tree of files below a root. Safe to use from several threads.

    Paths are relative to the root. Every method raises `StorageError`s that name the path.

    Attributes:
        root: An absolute folder or `s3://bucket/prefix`, without a trailing slash.
    """

    root: str

    @staticmethod
    def open(url: str, options: Mapping[str, str] | None = None) -> ObjectStore:
        """Return the store at `url`: an absolute folder, or `s3://bucket/prefix`.

        Nothing is read, written or created yet.

        Args:
            url: Where the tree begins.
            options: For `s3://` only; see `s3_settings.S3Settings.resolve`.

        Raises:
            StorageRequestError: `url` or an option is wrong.
        """
        if url.startswith("s3://"):
            from lakeworks.storage.s3 import S3ObjectStore
            from lakeworks.storage.s3_settings import S3Settings

            return S3ObjectStore(S3Settings.resolve(url, options or {}))
        from lakeworks.storage.local import LocalObjectStore, is_absolute_folder

        if not is_absolute_folder(url):
            raise StorageRequestError.url(url)
        return LocalObjectStore(url)

    def uri(self, path: str) -> str:
        """Return the absolute form of `path`, as engines take it."""
        return f"{self.root}/{checked(path)}"

    @abstractmethod
    def child(self, prefix: str) -> ObjectStore:
        """Return the store whose root is `prefix` below this one's."""

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Return an object's content.

        Raises:
            ObjectNotFoundError: there is none.
        """

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Write an object, in place of any before it: readers see the old or the new, whole."""

    @abstractmethod
    def put_if_absent(self, path: str, data: bytes) -> None:
        """Write an object where none is: of several writers, exactly one succeeds.

        When this returns, the object outlives a crash of process and machine.

        Raises:
            AlreadyExistsError: there is one.
        """

    @abstractmethod
    def info(self, path: str) -> ObjectInfo | None:
        """Return what a listing would say of one object, or None when there is none."""

    def exists(self, path: str) -> bool:
        """Whether there is an object at `path`."""
        return self.info(path) is not None

    @abstractmethod
    def list(self, prefix: str = "", *, unfinished: bool = False) -> Iterator[ObjectInfo]:
        """Yield every object below a folder, in order of path; none when it does not exist.

        Args:
            prefix: A folder, or empty for the whole store.
            unfinished: Also yield what an interrupted write left behind.
        """

    @abstractmethod
    def list_after(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        """Yield objects below a folder whose path sorts after `start_after` (a whole path)."""

    @abstractmethod
    def folders(self, prefix: str, *, depth: int = 1) -> Iterator[str]:
        """Yield the folders `depth` levels below a folder, relative to it, in order."""

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; one that is gone already is no error."""

    @abstractmethod
    def delete_tree(self, prefix: str) -> None:
        """Delete every object below a folder, and the folder; none there is no error."""

    @abstractmethod
    def open_read(self, path: str) -> BinaryIO:
        """Open an object for reading, seekable, fetching as it is read."""

    @abstractmethod
    def write_stream(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write an object from pieces; nobody sees it until all of them are written.

        When `chunks` raises, nothing is left behind and the exception passes through.
        """

    @abstractmethod
    def local_path(self, path: str) -> Path | None:
        """Return where the object is on this machine's disk, or None when it is not.

        An empty path stands for the root.
        """

    @abstractmethod
    def storage_options(self) -> dict[str, str]:
        """Return what `deltalake` needs to open a table of this store."""

    @property
    def credentials_expire(self) -> bool:
        """Whether `s3_settings` must be asked again from time to time."""
        return False

    @abstractmethod
    def s3_settings(self) -> dict[str, str | bool]:
        """Return what an engine needs to read this store over HTTP; empty for a folder.

        Keys: `key_id`, `secret`, `session_token`, `region`, `endpoint` (host and port),
        `url_style` (`path` or `vhost`), `use_ssl`. Credentials that only the machine's role
        knows are left out. Where objects are to be encrypted as asked: `sse`, `kms_key_id`,
        `bucket_key`.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r})"


def checked(path: str) -> str:
    """Return `path` when it stays inside a store.

    Raises:
        UnsafePathError: it is empty or absolute, or has parts such as `..`.
    """
    if _UNSAFE.search(path):
        raise UnsafePathError.refused(path)
    return path
