"""Read byte by byte what the engine cannot: torn, mis-encoded or monstrous files.

What can be read is written as plain UTF-8 text for the engine; every other line, array element
or file becomes one reject with its place and reason. A *row* of a broken file is a line of lines,
an element of a JSON array, and of a container (Parquet, Avro, zip) the whole file. Where a packed
file breaks off, what is left of the line being unpacked is one row too, even if empty.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, BinaryIO

from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.json_elements import elements
from lakeworks.ingest.unpacking import MAGIC_BYTES, UnpackingError, packing_of, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE_BYTES = 8 * 1024 * 1024
_SHOWN_CHARACTERS = 64 * 1024
_WAITING_ROWS = 500
_MOST_FIELDS = 5_000
_BLANK = b" \t\r\n\v\f"


class Rejects:
    """Rows for the quarantine, gathered in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[str] = []
        self.rows = 0

    def add(
        self,
        source_file: str,
        row: str | None,
        error: str,
        number: int | None,
        *,
        rule: str = "parse",
    ) -> None:
        """Note one row."""
        if row is not None and len(row) > _SHOWN_CHARACTERS:
            row = row[:_SHOWN_CHARACTERS]
            error += f" (shown cut to {_SHOWN_CHARACTERS:,} characters; landing has it whole)"
        noted = {
            "row": row,
            "rule": rule,
            "error": error,
            "source_file": source_file,
            "source_row": number,
        }
        self._waiting.append(json.dumps(noted) + "\n")
        self.rows += 1
        if len(self._waiting) >= _WAITING_ROWS:
            self.saved()

    def saved(self) -> str:
        """Write what is not written yet; return where everything is."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(self._waiting)
        self._waiting.clear()
        return str(self._path)

    def whole(self, source_file: str, error: str, *, rule: str = "parse") -> None:
        """Note a file of which nothing can be read."""
        self.add(source_file, None, error, None, rule=rule)


class Salvager:
    """Turns broken files into readable ones in `folder`."""

    def __init__(self, folder: Path, rejects: Rejects) -> None:
        self.folder = folder
        self.rejects = rejects
        self._made = 0

    def lines(
        self, file: BinaryIO, source_file: str, *, suffix: str, csv: bool = False
    ) -> ArrivedFile | None:
        """Write the lines that are text of bearable length; blanks stand for the others.

        Of CSV, lines of more fields than the engine can be given are refused too.
        """
        place = self._place(suffix)
        kept = 0
        with place.open("wb") as target:
            for number, line, problem in lines_of(text_of(file)):
                fault = problem or (_too_wide(line) if csv else "")
                if fault:
                    self.rejects.add(source_file, _shown(line), fault, number)
                elif line.strip(_BLANK):
                    target.write(line.strip(b"\r\n"))
                    kept += 1
                target.write(b"\n")
        return self._arrived(place, source_file, kept)

    def array(self, file: BinaryIO, source_file: str) -> ArrivedFile | None:
        """Write the elements of a JSON array, or documents one after another, as lines."""
        place = self._place(".json")
        kept = 0
        with place.open("w", encoding="utf-8") as target:
            for number, text, fault in elements(text_of(file)):
                if fault:
                    self.rejects.add(source_file, text, fault, number)
                else:
                    target.write(text + "\n")
                    kept += 1
        return self._arrived(place, source_file, kept)

    def every_line(self, file: BinaryIO, source_file: str, reason: str) -> None:
        """Give a file up: each of its lines that is not blank is a reject."""
        for number, line, fault in lines_of(text_of(file)):
            if fault or line.strip(_BLANK):
                self.rejects.add(
                    source_file, _shown(line.strip(b"\r\n")), fault or reason, number
                )

    def _place(self, suffix: str) -> Path:
        self._made += 1
        return self.folder / f"salvaged-{self._made}{suffix}"

    def _arrived(self, place: Path, source_file: str, kept: int) -> ArrivedFile | None:
        if not kept:
            place.unlink()
            return None
        return ArrivedFile(str(place), source_file, place.stat().st_size)


def text_of(file: BinaryIO) -> Iterator[bytes | UnpackingError]:
    """Yield the unpacked content as UTF-8, byte order mark gone; at a tear, what it was."""
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    recoder: codecs.IncrementalDecoder | None = None
    began = False
    tear: UnpackingError | None = None
    try:
        for piece in pieces(file, packing_of(start)):
            if not began:
                recoder, began = _recoder(piece), True
            yield _as_utf8(recoder.decode(piece)) if recoder else piece
    except UnpackingError as error:
        tear = error
    if recoder is not None:
        yield _as_utf8(recoder.decode(b"", final=True))
    if tear is not None:
        yield tear


def _recoder(first: bytes) -> codecs.IncrementalDecoder | None:
    """Return what decodes pieces of the encoding that `first` shows; None for plain bytes."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace")
    if first.startswith(codecs.BOM_UTF8):
        return codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    return None


def _as_utf8(text: str) -> bytes:
    """Encode; bytes that were no UTF-8 come out as they went in."""
    return text.encode("utf-8", "surrogateescape")


def lines_of(
    text: Iterator[bytes | UnpackingError],
) -> Iterator[tuple[int, bytes, str]]:
    """Yield (number from 1, line, fault or '')."""
    number = 0
    rest = b""
    skipped = 0
    for piece in text:
        if isinstance(piece, UnpackingError):
            yield number + 1, rest, f"the file breaks off in this line: {piece}"
            return
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            fault = _too_long(len(line) + skipped)
            skipped = 0
            yield number, line, fault
        if len(rest) > LONGEST_LINE_BYTES:
            # Only as much is held as is shown.
            skipped += len(rest) - _SHOWN_CHARACTERS
            rest = rest[:_SHOWN_CHARACTERS]
    if rest:
        yield number + 1, rest, _too_long(len(rest) + skipped)


def _too_long(size_bytes: int) -> str:
    if size_bytes <= LONGEST_LINE_BYTES:
        return ""
    return f"the line is {size_bytes:,} bytes long; the most is {LONGEST_LINE_BYTES:,}"


def _too_wide(line: bytes) -> str:
    """Say so of a CSV line of more fields than the engine can be given."""
    if len(line) <= _MOST_FIELDS:
        return ""
    outside = line.split(b'"')[::2]
    fields = 1 + max(sum(part.count(mark) for part in outside) for mark in b",;\t|")
    return f"the line has {fields:,} fields" if fields > _MOST_FIELDS else ""


def _shown(line: bytes) -> str:
    return line[: _SHOWN_CHARACTERS + 1].decode("utf-8", "backslashreplace")
