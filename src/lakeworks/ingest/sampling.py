"""Learn what columns a source's first load would give, from parts of some of its files.

Reads, and writes nothing. Fields that only other files or other parts hold are not seen; the
answer says whether there are any such.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Schema
from lakeworks.ingest.archives import is_zip
from lakeworks.ingest.errors import UnknownFormatError
from lakeworks.ingest.formats import format_of
from lakeworks.ingest.glimpses import glimpse, near
from lakeworks.ingest.json_elements import layout
from lakeworks.ingest.landing import arrived_at
from lakeworks.ingest.readings import (
    SYSTEM_FIELDS,
    data_columns,
    options_of,
    reading_of,
    tells_of_files,
)
from lakeworks.ingest.unpacking import MAGIC_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.protocol import ArrivedFile, FileReading, Session
    from lakeworks.ingest.discover import FoundFile
    from lakeworks.project.declaration import FileFormat, Source
    from lakeworks.storage.objects import ObjectStore

MOST_FILES = 12
_PARTS_AT_ONCE = 12
_LONGEST_S = 2.0
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sampled:
    """What some of a source's files show.

    Attributes:
        schema: The columns of its table, or None when no file tells them.
        whole: Whether nothing was left out in which another field could be.
    """

    schema: Schema | None
    whole: bool


def sampled(
    source: Source, found: Sequence[FoundFile], *, session: Session, landing: ObjectStore
) -> Sampled:
    """Look at the beginnings of a few files, and in JSON lines also further on.

    Args:
        source: The declaration.
        found: All its files; a few of them, from the first to the last, are looked at.
        session: Reads them.
        landing: The landing zone. Where it is a bucket, the engine knows how to reach buckets;
            else what it is to read of one is brought here.
    """
    with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
        look = _Look(source, landing, Path(folder))
        for file in _spread(found):
            look.at(file)
        reading = reading_of(source, root="", rejects_root="", run_id="", moment="")
        for kind, files in look.by_format.items():
            reading = look.learnt(session, reading, kind, files)
        if source.schema == "evolve":
            for at in range(0, len(look.parts), _PARTS_AT_ONCE):
                files = look.parts[at : at + _PARTS_AT_ONCE]
                reading = look.learnt(session, reading, "json", files)
    schema = Schema((*reading.known, *SYSTEM_FIELDS)) if reading.known is not None else None
    return Sampled(schema, look.whole and len(found) <= MOST_FILES)


@dataclass(slots=True)
class _Look:
    """Gathers what is to be read."""

    source: Source
    landing: ObjectStore
    folder: Path
    by_format: dict[FileFormat, list[ArrivedFile]] = field(default_factory=dict)
    parts: list[ArrivedFile] = field(default_factory=list)
    whole: bool = True
    _until: float = field(default_factory=lambda: time.monotonic() + _LONGEST_S)

    def at(self, file: FoundFile) -> None:
        """Take a file in; archives and what cannot be opened stay out."""
        store = file.store or self.landing
        arrived = arrived_at(file.uri, file.path, file.size_bytes, store)
        try:
            with arrived.open() as stream:
                if is_zip(stream.read(MAGIC_BYTES), file.path):
                    self.whole = False
                    return
            kind = format_of(arrived, self.source.format, str(self.source.table))
            self._take(arrived, kind)
        except UnknownFormatError:
            return  # the run sets it aside: nothing of it will be in the table
        except (LakeError, OSError):
            self.whole = False

    def _take(self, arrived: ArrivedFile, kind: FileFormat) -> None:
        readable: ArrivedFile | None = arrived
        if arrived.opener and not self.landing.root.startswith("s3://"):
            readable = self._brought(arrived, kind)
        if readable is None:
            self.whole = False
            return
        self.by_format.setdefault(kind, []).append(readable)
        if kind != "json":
            return  # of the others, the beginning names every column
        if time.monotonic() > self._until:
            self.whole = False
            return
        seen = glimpse(readable)
        self.parts += seen.parts
        self.whole &= seen.whole

    def _brought(self, arrived: ArrivedFile, kind: FileFormat) -> ArrivedFile | None:
        """Return what an engine can read of a file in a bucket that it cannot reach."""
        if kind in {"csv", "log"}:
            return arrived
        if kind == "json":
            with arrived.open() as stream:
                if layout(stream.read(_HEAD_BYTES)) == "lines":
                    return arrived
        return near(arrived, self.folder, parquet=kind == "parquet")

    def learnt(
        self,
        session: Session,
        reading: FileReading,
        kind: FileFormat,
        files: Sequence[ArrivedFile],
    ) -> FileReading:
        """Return the reading with the columns that files add."""
        options = options_of(self.source, kind)
        asked = replace(reading, format=kind, files=tuple(files), options=options)
        try:
            found = data_columns(session.sample_schema(asked))
        except (LakeError, OSError):
            self.whole = False  # the run itself says what is wrong with files
            return reading
        tells = tells_of_files(found, reading.partitions)
        return replace(reading, known=found) if tells else reading


def _spread(found: Sequence[FoundFile]) -> list[FoundFile]:
    """Return some files at even distances: new fields come with the last, mostly."""
    if len(found) <= MOST_FILES:
        return list(found)
    last = len(found) - 1
    return [found[i * last // (MOST_FILES - 1)] for i in range(MOST_FILES)]
