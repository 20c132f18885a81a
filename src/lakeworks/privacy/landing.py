"""Landed files without a person's records: in the landing zone, and in its archive.

The ledger goes on to say what arrived, so that nothing is read again. An archived file is told
of by its manifest, which is written before the file: a kill between the two leaves a file that
still has the person, and the next look finds it.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from lakeworks.core import events
from lakeworks.core.errors import LakeError, NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.partition_folders import told_by_path
from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.archives import is_zip
from lakeworks.ingest.formats import format_of
from lakeworks.ingest.unpacking import MAGIC_BYTES, UnpackingError
from lakeworks.privacy.landed_parquet import json_text, parquet_without
from lakeworks.privacy.landed_records import Divided, Reading, copy_without, may_hold
from lakeworks.project.declaration import CsvOptions
from lakeworks.storage.archive import ARCHIVE, Archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.trace import Trace
    from lakeworks.project.declaration import Source
    from lakeworks.storage.archive_manifest import ArchivedFile, Manifest
    from lakeworks.storage.objects import ObjectStore

_SPOOLED_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class LandedFile:
    """One landed file in which the person is, or is named.

    Attributes:
        owned: The person's records, where they were asked for.
        why_not: Why it could not be read to its end and written anew; else empty.
    """

    uri: str
    table: str
    rows: int
    mentions: int = 0
    owned: tuple[str, ...] = ()
    why_not: str = ""


@dataclass
class Landings:
    """The landed files of one lake."""

    services: Services
    trace: Trace
    mentions_too: bool = False
    readings: dict[str, Reading] = field(default_factory=dict)

    def found(self, *, keep_text: bool = False) -> Iterator[LandedFile]:
        """Yield the files that hold the person, as they are."""
        for store, path, table in self._files():
            done = self._looked(store, path, table, keep_text=keep_text)
            if done is not None:
                yield done
        for manifest, one in self._archived():
            done = self._looked_archived(manifest, one, keep_text=keep_text)
            if done is not None:
                yield done

    def erase(self) -> Iterator[LandedFile]:
        """Write the files anew without the person; yield what was in each."""
        for store, path, table in list(self._files()):
            with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as made:
                done = self._looked(store, path, table, target=made)
                if done is not None and self._is_to_go(done):
                    made.seek(0)
                    store.write_stream(path, _chunks(made))
            if done is not None:
                yield self._told(done)
        for manifest, one in list(self._archived()):
            with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as made:
                done = self._looked_archived(manifest, one, target=made)
                if done is not None and self._is_to_go(done):
                    archive = Archive(self.services.storage.store)
                    archive.replace(manifest, one, cast("BinaryIO", made))
            if done is not None:
                yield self._told(done)

    def _is_to_go(self, found: LandedFile) -> bool:
        mine = found.rows or (found.mentions and self.mentions_too)
        return bool(mine) and not found.why_not

    def _told(self, found: LandedFile) -> LandedFile:
        if self._is_to_go(found):
            events.emit("landing.erased", file=found.uri, rows=found.rows)
        return found

    def _files(self) -> Iterator[tuple[ObjectStore, str, str]]:
        landing = self.services.storage.landing
        for entry in landing.list(unfinished=True):
            yield landing, entry.path, entry.path.partition("/")[0]

    def _archived(self) -> Iterator[tuple[Manifest, ArchivedFile]]:
        store = self.services.storage.store
        if store.local_path("") is None:
            return  # a bucket has its own classes, under the same keys
        for manifest in Archive(store).manifests():
            if not manifest.expired:
                for one in manifest.files:
                    yield manifest, one

    def _reading(self, table: str) -> Reading | None:
        """Return what tells the person's records in a table's files; None where nothing does."""
        known = self.readings.get(table)
        if known is None:
            source = self._source(table)
            known = self.readings[table] = Reading(
                "json",
                self.trace.keys(table),
                self.trace.words,
                source.csv if source else CsvOptions(),
                source.log_pattern if source else "combined",
                mentions_too=self.mentions_too,
            )
        return known if known.keys or known.words.telling else None

    def _source(self, table: str) -> Source | None:
        try:
            return self.services.project.sources.get(TableName.parse(table))
        except NameRefusedError:
            return None

    def _looked(
        self,
        store: ObjectStore,
        path: str,
        table: str,
        **how: Any,  # noqa: ANN401 - passed on
    ) -> LandedFile | None:
        reading = self._reading(table)
        if reading is None:
            return None

        def opened() -> BinaryIO:
            return store.open_read(path)

        return self.judged(opened, store.uri(path), path, table, **how)

    def _looked_archived(
        self,
        manifest: Manifest,
        one: ArchivedFile,
        **how: Any,  # noqa: ANN401 - passed on
    ) -> LandedFile | None:
        table = str(manifest.arrival.table)
        if self._reading(table) is None:
            return None
        place = archive_place(manifest, one)
        store = self.services.storage.store

        def opened() -> Any:  # noqa: ANN401 - a stream
            return _unpacked(store, place, packed=one.packed)

        return self.judged(opened, store.uri(place), one.path, table, **how)

    def judged(
        self,
        opened: Callable[[], Any],
        uri: str,
        path: str,
        table: str,
        *,
        keep_text: bool = False,
        target: Any = None,  # noqa: ANN401 - a stream
    ) -> LandedFile | None:
        """Return what of the person a file has that landed for a table, or None.

        Args:
            opened: Opens it.
            uri, path: Where it is, and what it is called.
            table: The table.
            keep_text: Whether the person's records are wanted.
            target: Where a copy without them goes; None for nowhere.
        """
        reading = self._reading(table)
        if reading is None:
            return None
        if self._is_in_a_folder_of_theirs(path, table):
            with closing(opened()) as file:
                return LandedFile(uri, table, 1) if file.read(1) else None
        needles = tuple({*reading.keys.needles, *reading.words.needles})
        done = Divided(keep_text=keep_text)
        why = ""
        try:
            with closing(opened()) as file:
                if not _may_hold(file, path, needles):
                    return None
            with closing(opened()) as file:
                self._divide(file, path, table, target or _Nowhere(), done)
        except (UnpackingError, ValueError, OSError, LakeError, zipfile.BadZipFile) as error:
            why = f"it cannot be read to its end: {error}".partition("\n")[0]
        if not (done.rows or done.mentions or why):
            return None
        return LandedFile(uri, table, done.rows, done.mentions, tuple(done.owned), why)

    def _is_in_a_folder_of_theirs(self, path: str, table: str) -> bool:
        """Whether a folder's name makes all records of a file the person's: it is emptied."""
        source = self._source(table)
        known = {
            name.casefold(): values
            for name, values in self.trace.columns.get(table, {}).items()
        }
        return any(
            _is_one_of(told_by_path(path, name)[1], known.get(name.casefold(), set()))
            for name in (source.partitions if source else None) or ()
        )

    def _divide(
        self,
        file: Any,  # noqa: ANN401 - a stream
        path: str,
        table: str,
        target: Any,  # noqa: ANN401 - a stream
        done: Divided,
    ) -> None:
        """Copy a file without the person's records."""
        start = file.read(MAGIC_BYTES)
        file.seek(0)
        if is_zip(start, path):
            self._divide_zip(file, path, table, target, done)
            return
        reading = self._reading(table)
        assert reading is not None  # noqa: S101 - asked for before
        source = self._source(table)
        kind = format_of(
            ArrivedFile("", path, 0, lambda: _shared(file)),
            source.format if source else None,
            table,
        )
        file.seek(0)
        reading = replace(reading, kind=kind)
        if kind == "parquet":
            parquet_without(file, target, reading, done)
        elif kind == "avro":
            self._divide_avro(file, reading, target, done)
        else:
            copy_without(file, target, reading, done)

    def _divide_zip(
        self,
        file: Any,  # noqa: ANN401 - a stream
        path: str,
        table: str,
        target: Any,  # noqa: ANN401 - a stream
        done: Divided,
    ) -> None:
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(target, "w") as out:
            for member in archive.infolist():
                with (
                    archive.open(member) as stream,
                    _spooled(stream) as held,
                    tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as made,
                ):
                    before = done.rows
                    if not member.is_dir():
                        self._divide(held, f"{path}!{member.filename}", table, made, done)
                    source = made if done.rows > before else held
                    source.seek(0)
                    with out.open(replace_info(member), "w") as sink:
                        for chunk in _chunks(source):
                            sink.write(chunk)

    def _divide_avro(self, file: Any, reading: Reading, target: Any, done: Divided) -> None:  # noqa: ANN401
        from lakeworks.catalog.schema_registry.avro.containers import copy_records

        records = reading.keys.records

        def left(record: Any, plain: Any) -> Any:  # noqa: ANN401 - a record
            verdict = records.judged(plain)
            rest = records.without(plain) if verdict == "divided" else plain
            text = json_text(plain)
            stays = reading.judge(text, done, verdict=verdict, left=json_text(rest))
            if not stays:
                return None
            return records.without(record) if verdict else record

        copy_records(file, target, left)


def _is_one_of(text: str | None, values: set[str]) -> bool:
    if text is None or text in values:
        return text is not None
    number = _number(text)  # a folder says 007 where the table has 7
    return number is not None and any(_number(value) == number for value in values)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def archive_place(manifest: Manifest, one: ArchivedFile) -> str:
    """Return where an archived file is, below the lake's storage."""
    return f"{ARCHIVE}/{manifest.storage_class}/{manifest.arrival.folder}/{one.stored_path}"


def replace_info(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a member's description for a copy of other content."""
    made = zipfile.ZipInfo(member.filename, member.date_time)
    made.compress_type = member.compress_type
    made.external_attr = member.external_attr
    return made


def _may_hold(file: Any, path: str, needles: tuple[str, ...]) -> bool:  # noqa: ANN401 - a stream
    """Whether a file may hold a needle; of packed containers, the columns and members tell."""
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    if is_zip(start, path) or start.startswith((b"PAR1", b"Obj\x01")):
        return bool(needles)
    return may_hold(file, needles)


def _unpacked(store: ObjectStore, place: str, *, packed: bool) -> Any:  # noqa: ANN401 - a stream
    stream = store.open_read(place)
    if not packed:
        return stream
    import pyarrow as pa

    with closing(stream):
        data = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")
        held = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES)  # noqa: SIM115 - the caller's
        while chunk := data.read(_CHUNK_BYTES):
            held.write(chunk)
    held.seek(0)
    return held


def _spooled(stream: Any) -> Any:  # noqa: ANN401 - a stream
    held = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES)  # noqa: SIM115 - the caller's
    for chunk in _chunks(stream):
        held.write(chunk)
    held.seek(0)
    return held


def _shared(file: Any) -> Any:  # noqa: ANN401 - a stream
    """Return a stream's beginning as one that may be closed."""
    file.seek(0)
    head = file.read(_CHUNK_BYTES)
    file.seek(0)
    return io.BytesIO(head)


def _chunks(file: Any) -> Iterator[bytes]:  # noqa: ANN401 - a stream
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


class _Nowhere(io.RawIOBase):
    """A stream that keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes or a buffer
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at
