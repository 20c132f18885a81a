"""Learn what columns a source's first load would give, from the beginnings of some files.

Reads, and writes nothing. What only later rows or other files hold is not seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Schema
from lakeworks.ingest.archives import is_zip
from lakeworks.ingest.formats import format_of
from lakeworks.ingest.landing import arrived_at
from lakeworks.ingest.readings import SYSTEM_FIELDS, data_columns, options_of, reading_of
from lakeworks.ingest.unpacking import MAGIC_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.protocol import ArrivedFile, Session
    from lakeworks.ingest.discover import FoundFile
    from lakeworks.project.declaration import FileFormat, Source
    from lakeworks.storage.objects import ObjectStore

MOST_FILES = 12


def sampled_schema(
    source: Source, found: Sequence[FoundFile], *, session: Session, landing: ObjectStore
) -> Schema | None:
    """Return the columns of a source's table, or None when no file tells them.

    Args:
        source: The declaration.
        found: All its files; a few of them, from the first to the last, are looked at.
        session: Reads them; of a bucket only when the landing zone lies in one as well, for
            then the engine knows how to reach it.
        landing: The landing zone.
    """
    remote = landing.root.startswith("s3://")
    by_format: dict[FileFormat, list[ArrivedFile]] = {}
    for file in _spread(found):
        if remote or not file.uri.startswith("s3://"):
            _sort_in(file, source, landing, by_format)
    reading = reading_of(source, root="", rejects_root="", run_id="", moment="")
    for kind, files in by_format.items():
        options = options_of(source, kind)
        asked = replace(reading, format=kind, files=tuple(files), options=options)
        try:
            learnt = data_columns(session.sample_schema(asked))
        except (LakeError, OSError):
            continue  # the run itself says what is wrong with files
        if len(learnt):
            reading = replace(reading, known=learnt)
    return Schema((*reading.known, *SYSTEM_FIELDS)) if reading.known is not None else None


def _spread(found: Sequence[FoundFile]) -> list[FoundFile]:
    """Return some files at even distances: new fields come with the last, mostly."""
    if len(found) <= MOST_FILES:
        return list(found)
    last = len(found) - 1
    return [found[i * last // (MOST_FILES - 1)] for i in range(MOST_FILES)]


def _sort_in(
    file: FoundFile,
    source: Source,
    landing: ObjectStore,
    by_format: dict[FileFormat, list[ArrivedFile]],
) -> None:
    """Add a file to those of its format; archives and what cannot be opened stay out."""
    store = file.store or landing
    arrived = arrived_at(file.uri, file.path, file.size_bytes, store)
    try:
        with arrived.open() as stream:
            if is_zip(stream.read(MAGIC_BYTES), file.path):
                return
        kind = format_of(arrived, source.format, str(source.table))
    except (LakeError, OSError):
        return
    by_format.setdefault(kind, []).append(arrived)
