"""Hold arrived records to a schema of the registry before an engine reads them.

What breaks the schema goes to quarantine and is gone from what the engine is given, whichever
engine that is. A file without such records, as most are, is given as it is; of another a copy is
written, in which a blank line keeps the place of each refused one, so that line numbers hold.
What is no JSON is left to the engine, which says so itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.json_elements import elements, layout
from lakeworks.ingest.salvage import lines_of, text_of
from lakeworks.ingest.unpacking import UnpackingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lakeworks.catalog.schema_registry.records import RecordCoder
    from lakeworks.ingest.salvage import Rejects
    from lakeworks.project.declaration import FileFormat

RULE = "schema"
_BLANK = b" \t\r\n\v\f"


def held(
    files: Sequence[ArrivedFile],
    kind: FileFormat,
    records: RecordCoder,
    folder: Path,
    rejects: Rejects,
) -> list[ArrivedFile]:
    """Return what is left to be read of files, without the records that break the schema."""
    kept: list[ArrivedFile] = []
    for number, file in enumerate(files):
        place = folder / f"held-{number}.{kind}"
        if kind == "json":
            left = _Json(file, records, rejects).divided(place)
        elif kind == "avro" and records.version.data_format == "AVRO":
            left = _avro(file, records, place, rejects)
        else:
            left = None
            whole = f"{records.version.title} holds no {kind} files"
            rejects.whole(file.source_file, whole, rule=RULE)
        if left is not None:
            kept.append(left)
    return kept


class _Json:
    """One file of JSON: lines, an array, or documents one after another."""

    def __init__(self, file: ArrivedFile, records: RecordCoder, rejects: Rejects) -> None:
        self._file = file
        self._records = records
        self._rejects = rejects

    def divided(self, place: Path) -> ArrivedFile | None:
        """Return the file itself, or a copy without the records that break the schema."""
        in_lines = self._is_lines()
        if not any(fault for _, _, fault, _ in self._judged(in_lines=in_lines)):
            return self._file
        kept = 0
        with place.open("wb") as target:
            for number, text, fault, rule in self._judged(in_lines=in_lines):
                if fault:
                    row = text.decode("utf-8", "backslashreplace")
                    self._rejects.add(self._file.source_file, row, fault, number, rule=rule)
                elif text:
                    target.write(text)
                    kept += 1
                if in_lines or not fault:
                    target.write(b"\n")
        if not kept:
            place.unlink()
            return None
        return ArrivedFile(str(place), self._file.source_file, place.stat().st_size)

    def _is_lines(self) -> bool:
        with self._file.open() as stream:
            for piece in text_of(stream):
                return isinstance(piece, UnpackingError) or layout(piece) == "lines"
        return True

    def _judged(self, *, in_lines: bool) -> Iterator[tuple[int, bytes, str, str]]:
        """Yield (number, text, fault or '', the rule it breaks) for each line or element."""
        with self._file.open() as stream:
            if in_lines:
                for number, line, fault in lines_of(text_of(stream)):
                    text = line.strip(_BLANK)
                    why = fault or (self._fault(text) if text else "")
                    yield number, text, why, "parse" if fault else RULE
            else:
                for number, element, fault in elements(text_of(stream)):
                    text = element.encode("utf-8", "surrogateescape")
                    yield number, text, fault or self._fault(text), "parse" if fault else RULE

    def _fault(self, text: bytes) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return ""
        found = self._records.fault(value)
        return f"{self._records.version.title}: {found}" if found else ""


def _avro(
    file: ArrivedFile, records: RecordCoder, place: Path, rejects: Rejects
) -> ArrivedFile | None:
    """Return the file itself where its own schema fits, or a copy of the records that do."""
    from lakeworks.catalog.schema_registry.avro.containers import Container

    container = Container.of(file.open, records.schema)
    if container is None or container.fits:
        return file
    kept = 0
    with place.open("wb") as target:
        refused = container.divide(target)
        for number, row, why in refused:
            if why:
                fault = f"{records.version.title}: {why}"
                rejects.add(file.source_file, row, fault, number, rule=RULE)
            else:
                kept += 1
    if not kept:
        place.unlink()
        return None
    return ArrivedFile(str(place), file.source_file, place.stat().st_size)
