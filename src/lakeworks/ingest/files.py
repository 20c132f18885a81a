"""Take a source's pending files into its bronze table: land, read, salvage; commit nothing.

The caller commits what `ingest_files` returns, with the batch's number in the same commit. Until
then nothing has happened that the next run would not do again in the same way.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core import events
from lakeworks.core.names import quote_literal
from lakeworks.core.types import Schema
from lakeworks.ingest import archives
from lakeworks.ingest.appended import tail_of
from lakeworks.ingest.errors import (
    BatchTakenError,
    FileChangedError,
    UnaccountedRowsError,
    UnknownFormatError,
)
from lakeworks.ingest.formats import format_of, suffix_of
from lakeworks.ingest.json_elements import layout
from lakeworks.ingest.landing import Landing
from lakeworks.ingest.readings import (
    SYSTEM_FIELDS,
    data_columns,
    options_of,
    reading_of,
    tells_of_files,
)
from lakeworks.ingest.salvage import Rejects, Salvager
from lakeworks.ingest.unpacking import MAGIC_BYTES, UnpackingError, packing_of, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakeworks.catalog.schema_registry.records import RecordCoder
    from lakeworks.engines.protocol import ArrivedFile, FileReading, FilesRead, Session
    from lakeworks.ingest.discover import FoundFile
    from lakeworks.ingest.landing import Landed
    from lakeworks.ingest.ledger import Ledger
    from lakeworks.ingest.pending import Pending
    from lakeworks.project.declaration import FileFormat, Source
    from lakeworks.storage.files import DataFile, TableSource
    from lakeworks.storage.objects import ObjectStore

_LINE_FORMATS = ("json", "csv", "log")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a batch of files came to; nothing of it is committed.

    `read` = `written` + `quarantined`, always.

    Attributes:
        schema: The table's columns afterwards, system columns last.
        removed: Data files that held rows of reloaded files; their other rows are in `added`.
        superseded: 0: no row that was read gives way to another.
        replaced: Rows of earlier versions of reloaded files that go.
        batch: To be stored as the table's `lakeworks/files` in the same commit.
        left: Files that changed or vanished while they were read: the next run takes them.
    """

    schema: Schema
    added: tuple[DataFile, ...]
    removed: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]
    read: int
    written: int
    quarantined: int
    superseded: int
    batch: int
    files: int
    replaced: int = 0
    left: tuple[str, ...] = ()


def ingest_files(  # noqa: PLR0913 - one step's whole surroundings
    source: Source,
    pending: Pending,
    *,
    session: Session,
    landing: ObjectStore,
    staging: ObjectStore | str,
    ledger: Ledger,
    table: str,
    root: str,
    rejects_root: str,
    known: Schema | None,
    target: TableSource | None,
    run_id: str,
    moment: str,
    records: RecordCoder | None = None,
) -> Ingested:
    """Land and read the new and changed files of a source.

    The caller holds the table's lock and has voided the batches that were never committed.

    Args:
        source: The declaration.
        pending: As `pending.pending` found them.
        session: Reads and writes; its engine must reach `landing` and `root`.
        landing: The landing zone's root.
        staging: Scratch space of this run; a bucket is replaced by a local folder.
        ledger: Told of the batch before anything is read.
        table: `database.table`.
        root: The bronze table's root.
        rejects_root: The root of its quarantine.
        known: The table's columns so far, or None before its first load.
        target: The table as it is, for reloads.
        run_id: Written to `_run_id`.
        moment: Written to `_ingested_at`, ISO 8601.
        records: What every record is held to, where the source names a schema.

    Raises:
        FileChangedError: a file changed and the source declares that an error.
        BatchTakenError: someone else began a batch meanwhile.
    """
    if pending.changed and source.on_change == "error":
        raise FileChangedError.named(table, [file.path for file in pending.changed])
    batch = ledger.last_batch(source.table) + 1
    appends = source.on_change == "append"
    lander = Landing(
        landing,
        f"{table}/{moment[:10]}/{batch}",
        copies=source.landing == "copy",
        before=dict(pending.before) if appends else {},
    )
    with events.span("ingest.land", table=table) as span:
        landed = lander.land([*pending.new, *pending.changed])
        span.data["bytes"] = sum(one.size_bytes for one in landed)
    given = ledger.begin_batch(source.table, [one.entry(batch) for one in landed])
    if given != batch:
        raise BatchTakenError.numbered(table, batch, given)
    with _scratch(staging) as folder:
        reading = reading_of(
            source,
            root=root,
            rejects_root=rejects_root,
            run_id=run_id,
            moment=moment,
            known=known,
        )
        batch_reading = _Batch(session, landing, source, reading, folder, records)
        batch_reading.read(landed, pending if appends else None)
    changed = {file.path for file in pending.changed}
    reloaded = [one.found for one in landed if one.found.path in changed and not appends]
    return _ingested(
        batch_reading, batch, landed, pending, _Reload(session, target, root, reloaded)
    )


@dataclass(slots=True)
class _Batch:
    """Reads one batch's landed files: all by the engine that it can, the rest salvaged."""

    session: Session
    store: ObjectStore
    source: Source
    reading: FileReading
    folder: Path
    records: RecordCoder | None = None
    added: list[DataFile] = field(default_factory=list)
    rejected: list[DataFile] = field(default_factory=list)
    read_rows: int = 0
    written: int = 0
    quarantined: int = 0
    schema: Schema | None = None
    _broken: dict[str, str] = field(default_factory=dict)
    _offsets: dict[str, int] = field(default_factory=dict)

    def read(self, landed: Sequence[Landed], grown: Pending | None) -> None:
        """Read everything; `grown` names the files of which only the end is new."""
        rejects = Rejects(self.folder / "refused.json")
        by_format: dict[FileFormat, list[ArrivedFile]] = {}
        for one in landed:
            for file in self._arrived(one, grown, rejects):
                try:
                    kind = format_of(file, self.source.format, self.reading.table)
                except UnknownFormatError as error:
                    # Set aside as one row; it is landed, so a replay can read it later.
                    rejects.whole(file.source_file, f"{error.problem}; {error.hint}")
                    continue
                by_format.setdefault(kind, []).append(file)
        for kind, files in by_format.items():
            self._read_format(kind, files)
        if rejects.rows:
            self._engine(replace(self.reading, options={"rejects": rejects.saved()}))

    def _held(self, kind: FileFormat, files: list[ArrivedFile]) -> list[ArrivedFile]:
        """Return the files without the records that break the source's schema."""
        if self.records is None or not files:
            return files
        from lakeworks.ingest.record_schemas import held

        folder = Path(tempfile.mkdtemp(prefix="held-", dir=self.folder))
        rejects = Rejects(folder / "rejects.json")
        kept = held(files, kind, self.records, folder, rejects)
        if rejects.rows:
            options = {"rejects": rejects.saved(), "line_offsets": self._offsets}
            self._engine(replace(self.reading, options=options))
        return kept

    def _arrived(
        self, one: Landed, grown: Pending | None, rejects: Rejects
    ) -> Iterator[ArrivedFile]:
        path = one.found.path
        if grown is not None and path in grown.before:
            tail = tail_of(one, grown.before[path], self.source, self.folder)
            if tail is not None:
                self._offsets[path] = tail.lines_before
                yield tail.file
            return
        if archives.is_zip(one.start, path):
            folder = Path(tempfile.mkdtemp(prefix="zip-", dir=self.folder))
            with one.arrived().open() as file:
                yield from archives.take_apart(file, path, folder, rejects)
            return
        if one.problem:
            self._broken[path] = one.problem
        yield one.arrived()

    def _read_format(self, kind: FileFormat, files: list[ArrivedFile]) -> None:
        options = options_of(self.source, kind) | {"line_offsets": self._offsets}
        reading = replace(self.reading, format=kind, options=options)
        sound = [file for file in files if file.source_file not in self._broken]
        broken = {f.source_file: self._broken[f.source_file] for f in files if f not in sound}
        places = {file.source_file: file for file in files}
        sound = self._held(kind, sound)
        if sound:
            broken |= self._engine(replace(reading, files=tuple(sound))).unreadable
            # What breaks the schema is in quarantine already: only the rest is salvaged.
            places |= {file.source_file: file for file in sound}
        if broken:
            self._salvage(reading, {places[name]: why for name, why in broken.items()})

    def _salvage(self, reading: FileReading, broken: dict[ArrivedFile, str]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="salvage-", dir=self.folder))
        rejects = Rejects(folder / "rejects.json")
        salvager = Salvager(folder, rejects)
        saved: list[ArrivedFile] = []
        for file, why in broken.items():
            events.emit("ingest.salvaging", file=file.source_file, reason=why)
            made = self._salvaged(salvager, reading, file, why)
            if made is not None:
                saved.append(made)
        saved = self._held(reading.format, saved)
        done = self._engine(
            replace(
                reading,
                files=tuple(saved),
                known=self.reading.known,
                options={**reading.options, "rejects": rejects.saved()},
            )
        )
        self._give_up(reading, saved, done.unreadable, folder)

    def _salvaged(
        self, salvager: Salvager, reading: FileReading, file: ArrivedFile, why: str
    ) -> ArrivedFile | None:
        if reading.format not in _LINE_FORMATS:
            salvager.rejects.whole(file.source_file, f"the file cannot be read: {why}")
            return None
        with file.open() as stream:
            if reading.format == "json" and _is_array(stream):
                return salvager.array(stream, file.source_file)
            return salvager.lines(
                stream,
                file.source_file,
                suffix=suffix_of(file.source_file),
                csv=reading.format == "csv",
            )

    def _give_up(
        self,
        reading: FileReading,
        saved: list[ArrivedFile],
        why: Mapping[str, str],
        folder: Path,
    ) -> None:
        """Quarantine, line by line, what even the salvaged copy of a file cannot give."""
        if not why:
            return
        rejects = Rejects(folder / "given-up.json")
        salvager = Salvager(folder, rejects)
        for file in saved:
            if file.source_file in why:
                with Path(file.uri).open("rb") as stream:
                    salvager.every_line(stream, file.source_file, why[file.source_file])
        self._engine(replace(reading, options={"rejects": rejects.saved()}))

    def _engine(self, reading: FileReading) -> FilesRead:
        done = self.session.read_files(replace(reading, known=self.reading.known))
        self.added += done.added
        self.rejected += done.rejected
        self.read_rows += done.read
        self.written += done.written
        self.quarantined += done.quarantined
        data = data_columns(done.schema)
        tells = tells_of_files(data, self.reading.partitions)
        if tells or self.reading.known is not None:
            self.reading = replace(self.reading, known=data)
        return done


@dataclass(frozen=True, slots=True)
class _Reload:
    session: Session
    target: TableSource | None
    root: str
    files: list[FoundFile]


def _ingested(
    done: _Batch, batch: int, landed: Sequence[Landed], pending: Pending, reload: _Reload
) -> Ingested:
    if done.read_rows != done.written + done.quarantined:
        raise UnaccountedRowsError.counted(
            done.reading.table, done.read_rows, done.written, done.quarantined
        )
    added = list(done.added)
    removed: tuple[DataFile, ...] = ()
    replaced = 0
    if reload.files and reload.target is not None:
        where = " OR ".join(_rows_of(file.path) for file in reload.files)
        rewritten = reload.session.delete(reload.target, reload.root, where)
        added += rewritten.added
        removed, replaced = rewritten.removed, rewritten.deleted_rows
    taken = {one.found.path for one in landed}
    asked = [file.path for file in (*pending.new, *pending.changed)]
    data = done.reading.known or Schema()
    return Ingested(
        Schema((*data, *SYSTEM_FIELDS)),
        tuple(added),
        removed,
        tuple(done.rejected),
        done.read_rows,
        done.written,
        done.quarantined,
        0,
        batch,
        len(landed),
        replaced,
        tuple(path for path in asked if path not in taken),
    )


def _rows_of(path: str) -> str:
    """Return the condition for the rows of a file, or of an archive's members."""
    whole = f"_source_file = {quote_literal(path)}"
    if not path.lower().endswith(".zip"):
        return whole
    return f"({whole} OR starts_with(_source_file, {quote_literal(path + '!')}))"


def _is_array(stream: Any) -> bool:  # noqa: ANN401 - a binary stream
    start = stream.read(MAGIC_BYTES)
    stream.seek(0)
    head = b""
    with contextlib.suppress(UnpackingError):
        for piece in pieces(stream, packing_of(start)):
            head += piece
            break
    stream.seek(0)
    return layout(head) != "lines"


@contextlib.contextmanager
def _scratch(staging: ObjectStore | str) -> Iterator[Path]:
    root = staging if isinstance(staging, str) else staging.root
    if root.startswith("s3://"):
        with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
            yield Path(folder)
        return
    Path(root).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ingest-", dir=root) as folder:
        yield Path(folder)
