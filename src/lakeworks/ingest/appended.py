"""Take from a file that grew only what is new at its end."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.errors import FileChangedError, UnknownFormatError
from lakeworks.ingest.formats import format_of

if TYPE_CHECKING:
    from lakeworks.ingest.landing import Landed
    from lakeworks.ingest.ledger import LedgerEntry
    from lakeworks.project.declaration import Source

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tail:
    """What is new of a file.

    Attributes:
        lines_before: How many lines of the file come before the tail's first (a header that
            the tail was given counts as none of its own).
    """

    file: ArrivedFile
    lines_before: int


def tail_of(one: Landed, before: LedgerEntry, source: Source, folder: Path) -> Tail | None:
    """Write what follows the bytes already read to `folder`; None when nothing does.

    Where those bytes ended inside a line, that line is taken again, now whole.

    Raises:
        FileChangedError: the beginning is not what was read, or the format cannot grow.
    """
    table = str(source.table)
    path = one.found.path
    if one.prefix_sha256 != before.sha256 or not before.sha256:
        reason = (
            "it is shorter" if one.size_bytes < before.size_bytes else "its beginning differs"
        )
        raise FileChangedError.not_grown(table, path, reason)
    arrived = one.arrived()
    try:
        kind = format_of(arrived, source.format, table)
    except UnknownFormatError:
        return Tail(arrived, 0)  # nobody read its beginning either: it is set aside whole
    if kind not in {"json", "csv", "log"} or path.lower().endswith(".zip"):
        raise FileChangedError.not_grown(table, path, f"{kind} files and archives cannot grow")
    if one.size_bytes == before.size_bytes:
        return None
    place = Path(tempfile.mkdtemp(prefix="tail-", dir=folder), "tail")
    with arrived.open() as file, place.open("wb") as target:
        packed = one.packing != "none"
        header = b"" if packed or kind != "csv" else _header(file, source)
        start, lines = (before.size_bytes, 0) if packed else _start(file, before.size_bytes)
        header = header[:start]  # where it was read in part, the rest of it comes again
        target.write(header)
        file.seek(start)
        while piece := file.read(_CHUNK_BYTES):
            target.write(piece)
    lines_before = lines - header.count(b"\n")
    return Tail(ArrivedFile(str(place), path, place.stat().st_size), lines_before)


def _header(file: BinaryIO, source: Source) -> bytes:
    """Return the lines of a CSV file that the tail needs to be understood."""
    file.seek(0)
    if source.csv.header is False:
        return b""
    head = b"".join(file.readline(_CHUNK_BYTES) for _ in range(source.csv.skip_rows + 1))
    return head if head.endswith(b"\n") else head + b"\n"


def _start(file: BinaryIO, size_bytes: int) -> tuple[int, int]:
    """Return where the first line begins that was not read whole, and the lines before it."""
    file.seek(0)
    lines = 0
    last = 0
    at = 0
    while at < size_bytes:
        piece = file.read(min(_CHUNK_BYTES, size_bytes - at))
        lines += piece.count(b"\n")
        end = piece.rfind(b"\n")
        last = at + end + 1 if end >= 0 else last
        at += len(piece)
    following = file.read(2)
    if following.startswith((b"\n", b"\r\n")):
        return size_bytes, lines  # the last line was whole and only lacked its end
    return last, lines
