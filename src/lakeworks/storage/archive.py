"""Landing files that are seldom needed: moved to an archive folder, brought back, let go.

One arrival (`<table>/<date>/<batch>`) moves at once, and its manifest says where it is:

    archive/manifests/<table>/<date>/<batch>.json
    archive/<STORAGE CLASS>/<table>/<date>/<batch>/<path>[.zst]

The order of writes makes a kill harmless: copies, then the manifest, then the originals go. A
manifest that is there counts; whatever else lies around is finished or swept by the next pass.
As S3's RestoreObject does, bringing back makes copies for some days and keeps the archive's.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, BinaryIO

from lakeworks.core import clock, events
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.storage.archive_errors import ArchiveDamagedError
from lakeworks.storage.archive_manifest import EXPIRED, ArchivedFile, Arrival, Manifest
from lakeworks.storage.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from lakeworks.storage.objects import ObjectStore

ARCHIVE, LANDING = "archive", "landing"
MANIFESTS = "manifests"
_CHUNK_BYTES = 2 * 1024 * 1024
_SAMPLE_BYTES = 256 * 1024
_WORTH_PACKING = 0.9


class Archive:
    """The archive of one lake on a disk.

    Args:
        store: Rooted at the lake's storage.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._lake = store
        self._store = store.child(ARCHIVE)
        self._landing = store.child(LANDING)

    def landed(self, table: TableName | None = None) -> Iterator[Arrival]:
        """Yield the arrivals that have a folder in the landing zone, the oldest first."""
        names = self._lake.folders(LANDING, depth=1) if table is None else [str(table)]
        for name in names:
            for folder in self._landing.folders(name, depth=2):
                found = _arrival(name, *folder.split("/"))
                if found is not None:
                    yield found

    def manifests(self, table: TableName | None = None) -> list[Manifest]:
        """Return every arrival that was archived or let go, by table and day."""
        below = MANIFESTS if table is None else f"{MANIFESTS}/{table}"
        return sorted(
            (self._read(entry.path) for entry in self._store.list(below)),
            key=lambda one: one.arrival,
        )

    def manifest(self, arrival: Arrival) -> Manifest | None:
        """Return where an arrival is, or None where it never left the landing zone."""
        try:
            return self._read(_manifest_path(arrival))
        except ObjectNotFoundError:
            return None

    def size_of_landed(self, arrival: Arrival) -> list[int]:
        """Return the sizes of an arrival's files in the landing zone."""
        return [entry.size_bytes for entry in self._landing.list(arrival.folder)]

    def move(self, arrival: Arrival, storage_class: str) -> Manifest:
        """Move an arrival to a storage class, from the landing zone or from another class.

        Raises:
            ArchiveDamagedError: a file reads differently from how it was written; nothing that
                is still good was deleted.
        """
        before = self.manifest(arrival)
        if before is not None and before.storage_class in {storage_class, EXPIRED}:
            self.settle(before)
            return before
        files = self._from_landing(arrival, storage_class) if before is None else (
            self._from_class(before, storage_class))  # fmt: skip
        now = Manifest(
            arrival,
            storage_class,
            clock.now(),
            files,
            before.restored_until if before else None,
        )
        self._write(now)
        if before is not None:
            self._store.delete_tree(f"{before.storage_class}/{arrival.folder}")
        self.settle(now)
        events.emit(
            "landing.archived", table=str(arrival.table), to=storage_class, files=len(files)
        )
        return now

    def expire(self, arrival: Arrival) -> Manifest:
        """Delete an arrival's files for good; the manifest goes on to name them."""
        before = self.manifest(arrival)
        files = before.files if before else tuple(self._named(arrival))
        now = Manifest(arrival, EXPIRED, clock.now(), files)
        self._write(now)
        if before is not None and not before.expired:
            self._store.delete_tree(f"{before.storage_class}/{arrival.folder}")
        self.settle(now)
        events.emit("landing.expired", table=str(arrival.table), files=len(files))
        return now

    def restore(self, manifest: Manifest, *, keep_for: timedelta) -> Manifest:
        """Put copies of an archived arrival's files back into the landing zone for a time.

        Raises:
            ArchiveDamagedError: a file of the archive is gone, or not what was put there.
        """
        folder = manifest.arrival.folder
        # Said first, so that no pass takes the copies away that are being made.
        kept = replace(manifest, restored_until=clock.now() + keep_for)
        self._write(kept)
        for one in manifest.files:
            path = f"{folder}/{one.path}"
            there = self._landing.info(path)
            if there is not None and there.size_bytes == one.size_bytes:
                continue
            with closing(self._opened(manifest.storage_class, folder, one)) as stream:
                self._landing.write_stream(path, _checked(stream, one, path))
        events.emit(
            "landing.restored", table=str(manifest.arrival.table), files=len(manifest.files)
        )
        return kept

    def replace(self, manifest: Manifest, one: ArchivedFile, stream: BinaryIO) -> Manifest:
        """Give an archived file other content. Hold the table's lock.

        The manifest is written first, so that a kill leaves the old file, which it does not
        fit, and whoever replaces it again finds it there.
        """
        stream.seek(0)
        digest, size = hashlib.sha256(), 0
        for chunk in _chunks(stream):
            digest.update(chunk)
            size += len(chunk)
        stream.seek(0)
        place = f"{manifest.storage_class}/{manifest.arrival.folder}/{one.stored_path}"
        data = b"".join(_packed(_chunks(stream))) if one.packed else stream.read()
        made = replace(one, size_bytes=size, sha256=digest.hexdigest(), stored_bytes=len(data))
        current = self.manifest(manifest.arrival) or manifest
        files = tuple(made if known.path == one.path else known for known in current.files)
        now = replace(current, files=files)
        self._write(now)
        self._store.write_stream(place, iter([data]))
        self._verify(manifest.storage_class, manifest.arrival.folder, made)
        return now

    def settle(self, manifest: Manifest) -> None:
        """Finish what a manifest says: no copies in the landing zone that need not be there."""
        until = manifest.restored_until
        if until is not None and until > clock.now():
            return
        known = {one.path: one for one in manifest.files}
        folder = manifest.arrival.folder
        entries = list(self._landing.list(folder, unfinished=True))
        gone = [
            entry.path
            for entry in entries
            if (one := known.get(entry.path.removeprefix(f"{folder}/"))) is not None
            and one.size_bytes == entry.size_bytes
            and (manifest.expired or self.holds(manifest, one))
        ]
        self._landing.delete(gone)
        if len(gone) == len(entries):
            self._landing.delete_tree(folder)

    def is_settled(self, manifest: Manifest) -> bool:
        """Whether the landing zone holds nothing that `settle` would delete."""
        until = manifest.restored_until
        if until is not None and until > clock.now():
            return True
        return not any(self._landing.list(manifest.arrival.folder))

    def strays(self, table: TableName) -> list[str]:
        """Return folders of the archive that no manifest stands for: half-made, or left behind.

        What they were made of is still where the manifest, or its absence, says.
        """
        found = []
        for name in self._lake.folders(ARCHIVE, depth=1):
            if name == MANIFESTS:
                continue
            for folder in self._store.folders(f"{name}/{table}", depth=2):
                arrival = _arrival(str(table), *folder.split("/"))
                manifest = self.manifest(arrival) if arrival else None
                if arrival and (manifest is None or manifest.storage_class != name):
                    found.append(f"{name}/{arrival.folder}")
        return found

    def sweep(self, table: TableName) -> int:
        """Delete the strays of a table; return how many folders. Hold the table's lock."""
        strays = self.strays(table)
        for folder in strays:
            self._store.delete_tree(folder)
        return len(strays)

    def _from_landing(self, arrival: Arrival, storage_class: str) -> tuple[ArchivedFile, ...]:
        made = []
        for entry in self._landing.list(arrival.folder):
            path = entry.path.removeprefix(f"{arrival.folder}/")
            with closing(self._landing.open_read(entry.path)) as stream:
                packed = _worth_packing(stream)
                stream.seek(0)
                made.append(
                    self._stored(storage_class, arrival.folder, path, stream, packed=packed)
                )
        return tuple(made)  # fmt: skip

    def _from_class(self, before: Manifest, storage_class: str) -> tuple[ArchivedFile, ...]:
        folder = before.arrival.folder
        for one in before.files:
            source = f"{before.storage_class}/{folder}/{one.stored_path}"
            with closing(self._store.open_read(source)) as stream:
                self._store.write_stream(
                    f"{storage_class}/{folder}/{one.stored_path}", _chunks(stream)
                )
            self._verify(storage_class, folder, one)
        return before.files

    def _stored(
        self, storage_class: str, folder: str, path: str, stream: BinaryIO, *, packed: bool
    ) -> ArchivedFile:
        digest = hashlib.sha256()
        size = 0

        def passing() -> Iterator[bytes]:
            nonlocal size
            for chunk in _chunks(stream):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        one = ArchivedFile(path, 0, "", 0, packed)
        place = f"{storage_class}/{folder}/{one.stored_path}"
        self._store.write_stream(place, _packed(passing()) if packed else passing())
        info = self._store.info(place)
        one = replace(
            one,
            size_bytes=size,
            sha256=digest.hexdigest(),
            stored_bytes=info.size_bytes if info else 0,
        )
        self._verify(storage_class, folder, one)
        return one

    def _verify(self, storage_class: str, folder: str, one: ArchivedFile) -> None:
        """Read a copy back before what it was made of is deleted."""
        with closing(self._opened(storage_class, folder, one)) as stream:
            for _ in _checked(stream, one, one.path):
                pass

    def _opened(self, storage_class: str, folder: str, one: ArchivedFile) -> Any:  # noqa: ANN401
        place = f"{storage_class}/{folder}/{one.stored_path}"
        try:
            stream = self._store.open_read(place)
        except ObjectNotFoundError as error:
            raise ArchiveDamagedError.gone(self._store.uri(place)) from error
        if not one.packed:
            return stream
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")

    def holds(self, manifest: Manifest, one: ArchivedFile) -> bool:
        """Whether the archive has a file that a manifest names, by its size."""
        place = f"{manifest.storage_class}/{manifest.arrival.folder}/{one.stored_path}"
        info = self._store.info(place)
        return info is not None and info.size_bytes == one.stored_bytes

    def _named(self, arrival: Arrival) -> Iterator[ArchivedFile]:
        for entry in self._landing.list(arrival.folder):
            path = entry.path.removeprefix(f"{arrival.folder}/")
            yield ArchivedFile(path, entry.size_bytes, "", 0, packed=False)

    def _write(self, manifest: Manifest) -> None:
        self._store.put(_manifest_path(manifest.arrival), manifest.to_bytes())

    def _read(self, path: str) -> Manifest:
        data = self._store.get(path)
        try:
            return Manifest.from_bytes(data)
        except (ValueError, KeyError, TypeError, NameRefusedError) as error:
            raise ArchiveDamagedError.manifest(self._store.uri(path)) from error


def _manifest_path(arrival: Arrival) -> str:
    return f"{MANIFESTS}/{arrival.folder}.json"


def _arrival(table: str, day: str, batch: str) -> Arrival | None:
    try:
        return Arrival(TableName.parse(table), date.fromisoformat(day), int(batch))
    except (NameRefusedError, ValueError):  # not ours
        return None


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _packed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import pyarrow as pa

    buffer = io.BytesIO()
    # PythonFile closes what it wraps; the buffer is read to the end after that.
    buffer.close = lambda: None  # type: ignore[method-assign]
    with pa.CompressedOutputStream(pa.PythonFile(buffer, mode="w"), "zstd") as out:
        for chunk in chunks:
            out.write(chunk)
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _worth_packing(stream: BinaryIO) -> bool:
    import pyarrow as pa

    sample = stream.read(_SAMPLE_BYTES)
    if not sample:
        return False
    return len(pa.compress(sample, codec="zstd", asbytes=True)) < len(sample) * _WORTH_PACKING


def _checked(stream: Any, one: ArchivedFile, path: str) -> Iterator[bytes]:  # noqa: ANN401
    """Yield a file's bytes; raise at its end, before it counts, where they are others."""
    digest = hashlib.sha256()
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            yield bytes(chunk)
    except OSError as error:
        raise ArchiveDamagedError.differs(path) from error
    if digest.hexdigest() != one.sha256:
        raise ArchiveDamagedError.differs(path)
