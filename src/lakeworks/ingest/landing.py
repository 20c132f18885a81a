"""Copy arrived files byte for byte into the landing zone, with their checksum.

The same pass that copies computes SHA-256 and unpacks gzip, so that a torn file is known as one
before the engine reads it. A file that changes or vanishes meanwhile is left for the next run.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lakeworks.core import events
from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.errors import LandingFailedError
from lakeworks.ingest.unpacking import (
    MAGIC_BYTES,
    GzipCheck,
    Packing,
    UnpackingError,
    packing_of,
    pieces,
)
from lakeworks.storage.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakeworks.ingest.discover import FoundFile
    from lakeworks.ingest.ledger import LedgerEntry
    from lakeworks.storage.objects import ObjectStore

_CHUNK_BYTES = 2 * 1024 * 1024
_SMALL_BYTES = 1024 * 1024
_THREADS_FOR_LARGE = 2
_THREADS_FOR_SMALL = 8


@dataclass(frozen=True, slots=True)
class Landed:
    """One file of the batch, where its bytes are kept.

    Attributes:
        start: Its first bytes.
        problem: Why its packing cannot be undone to the end, or empty.
        prefix_sha256: Of the bytes that an earlier batch had read, where that was asked for.
    """

    found: FoundFile
    uri: str
    size_bytes: int
    sha256: str
    packing: Packing = "none"
    problem: str = ""
    prefix_sha256: str = ""
    start: bytes = b""
    store: ObjectStore | None = field(default=None, compare=False, repr=False)

    def arrived(self) -> ArrivedFile:
        """Return what an engine is given to read."""
        return arrived_at(self.uri, self.found.path, self.size_bytes, self.store)

    def entry(self, batch: int) -> LedgerEntry:
        """Return what the ledger is told."""
        from lakeworks.ingest.ledger import LedgerEntry

        found = self.found
        return LedgerEntry(
            found.path,
            batch,
            found.size_bytes,
            found.modified_ns,
            found.etag,
            # Of the bytes as they arrived: what lies in the landing zone may have been erased.
            found.landed_sha256 or self.sha256,
            self.uri,
        )


@dataclass(slots=True)
class Landing:
    """Lands the files of one batch.

    Attributes:
        store: The landing zone.
        folder: Where in it this batch's files go: `<table>/<date>/<batch>`.
        copies: False when the source's own folder is the landing zone.
        before: Files whose earlier content is to be recognised at their beginning.
    """

    store: ObjectStore
    folder: str
    copies: bool
    before: dict[str, LedgerEntry] = field(default_factory=dict)

    def land(self, files: Sequence[FoundFile]) -> list[Landed]:
        """Land files side by side; leave out those that changed or vanished meanwhile.

        Raises:
            LandingFailedError: a copy is not as long as what was read.
            StorageError: the landing zone cannot be written.
        """
        small = all(file.size_bytes <= _SMALL_BYTES for file in files)
        threads = _THREADS_FOR_SMALL if small else _THREADS_FOR_LARGE
        with ThreadPoolExecutor(threads, thread_name_prefix="landing") as pool:
            landed = list(pool.map(self._land, files))
        for file, one in zip(files, landed, strict=True):
            if one is None:
                events.emit("ingest.file_left", file=file.path, reason="it changed while read")
        return [one for one in landed if one is not None]

    def _land(self, file: FoundFile) -> Landed | None:
        copies = self.copies and not file.landed_sha256
        passing = _Passing(file, self.before.get(file.path))
        path = f"{self.folder}/{file.path}"
        try:
            with _opened(file, self.store) as source:
                if copies:
                    self.store.write_stream(path, passing.through(source))
                else:
                    for _ in passing.through(source):
                        pass
        except (FileNotFoundError, ObjectNotFoundError):
            return None
        if not self._still_the_same(file):
            if copies:
                self.store.delete([path])
            return None
        if copies:
            self._verify(path, passing.size_bytes)
        uri = self.store.uri(path) if copies else file.uri
        landed = Landed(
            file,
            uri,
            passing.size_bytes,
            passing.digest.hexdigest(),
            passing.packing,
            "",
            passing.prefix_sha256,
            passing.start,
            self.store if copies or file.store is None else file.store,
        )
        return replace(landed, problem=_problem(landed)) if passing.doubtful else landed

    def _still_the_same(self, file: FoundFile) -> bool:
        if file.landed_sha256:
            return True
        if file.store is not None:
            info = file.store.info(path_in(file.store, file.uri))
            return info is not None and info.etag == file.etag
        try:
            status = Path(file.uri).stat()
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.modified_ns)

    def _verify(self, path: str, copied_bytes: int) -> None:
        info = self.store.info(path)
        landed_bytes = info.size_bytes if info else 0
        if landed_bytes != copied_bytes:
            raise LandingFailedError.short(path, copied_bytes, landed_bytes)


class _Passing:
    """What is learnt of a file's bytes while they pass."""

    def __init__(self, file: FoundFile, before: LedgerEntry | None) -> None:
        self.digest = hashlib.sha256()
        self.size_bytes = 0
        self.packing: Packing = "none"
        self.start = b""
        self.doubtful = False
        self.prefix_sha256 = ""
        self._prefix_bytes = before.size_bytes if before else -1
        self._check: GzipCheck | None = None
        del file

    def through(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield the file's pieces unchanged."""
        start = self.start = source.read(MAGIC_BYTES)
        self.packing = packing_of(start)
        if self.packing == "gzip":
            self._check = GzipCheck()
        self.doubtful = self.packing == "zstd"  # nothing looks at it while it passes
        piece = start
        while piece:
            self._take(piece)
            yield piece
            piece = source.read(_CHUNK_BYTES)
        if self.size_bytes == self._prefix_bytes:
            self.prefix_sha256 = self.digest.hexdigest()
        self._checked(None)

    def _take(self, piece: bytes) -> None:
        short = self._prefix_bytes - self.size_bytes
        if 0 <= short < len(piece):
            begun = self.digest.copy()
            begun.update(piece[:short])
            self.prefix_sha256 = begun.hexdigest()
        self.digest.update(piece)
        self.size_bytes += len(piece)
        self._checked(piece)

    def _checked(self, piece: bytes | None) -> None:
        """Show a piece, or the end, to the check of gzip, until something is wrong."""
        if self._check is None or self.doubtful:
            return
        try:
            if piece is None:
                self._check.end()
            else:
                self._check.feed(piece)
        except UnpackingError:
            self.doubtful = True


def arrived_at(
    uri: str, source_file: str, size_bytes: int, store: ObjectStore | None
) -> ArrivedFile:
    """Return a file as engines are given it; `store` opens what is not on this machine."""
    opener = None
    if uri.startswith("s3://") and store is not None:
        opener = partial(store.open_read, path_in(store, uri))
    return ArrivedFile(uri, source_file, size_bytes, opener)


def path_in(store: ObjectStore, uri: str) -> str:
    """Return where in a store an address is."""
    return uri.removeprefix(f"{store.root}/")


def _opened(file: FoundFile, landing: ObjectStore) -> BinaryIO:
    return arrived_at(file.uri, file.path, file.size_bytes, file.store or landing).open()


def _problem(landed: Landed) -> str:
    """Say why a landed file cannot be unpacked to its end; empty if it can."""
    try:
        with landed.arrived().open() as file:
            for _ in pieces(file, landed.packing):
                pass
    except UnpackingError as error:
        return str(error)
    return ""
