"""Find CSV lines of too many fields before the engine does.

For each field too many the engine keeps an error with the whole line in it: one line of a million
fields would keep it busy for hours, and many lines of a hundred take gigabytes. Lines that short
of a few KiB cannot hold so many, so it is enough to look for a line end once in every few KiB,
which costs next to nothing; how much the shorter lines would take is reckoned from a few of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.heads import UNREADABLE, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from lakeworks.engines.duckdb.csv_dialect import Dialect
    from lakeworks.engines.duckdb.heads import Packing
    from lakeworks.engines.protocol import ArrivedFile

MOST_FIELDS = 5_000
_WINDOW_BYTES = 2 * 1024
_PIECE_BYTES = 1024 * 1024
_HELD_BYTES = 16 * 1024 * 1024
_SAMPLE_BYTES = 16 * 1024
# What the engine holds for one error, besides the line.
_ERROR_BYTES = 700
# To unpack or fetch a large file once more would cost as much as to read it.
_MOST_COSTLY_BYTES = 32 * 1024 * 1024
_LOOKED_AT_BYTES = 8 * 1024 * 1024
# Packed CSV takes about so many times its size when unpacked.
_UNPACKED = 6


@dataclass(frozen=True, slots=True)
class Width:
    """What a file's lines of too many fields would do to the engine.

    Attributes:
        most_fields: Of a line, as far as it was looked at.
        error_bytes: About what the engine would hold of errors for the whole file.
    """

    most_fields: int
    error_bytes: int


def width_of(arrived: ArrivedFile, packing: Packing, dialect: Dialect) -> Width:
    """Look through a file for lines that are too wide; of a costly one, at its beginning."""
    costly = packing != "none" or arrived.opener is not None
    in_part = costly and arrived.size_bytes > _MOST_COSTLY_BYTES
    gauge = Gauge(dialect)
    looked = 0
    with arrived.open() as file:
        try:
            with unpacked(file, packing) as stream:
                for piece in _pieces(stream):
                    gauge.take(piece)
                    looked += len(piece)
                    if in_part and looked >= _LOOKED_AT_BYTES:
                        break
        except UNREADABLE:
            pass  # whoever reads it says what is wrong with it
    gauge.end()
    whole = arrived.size_bytes * (_UNPACKED if packing != "none" else 1)
    share = max(1, whole // looked) if in_part and looked else 1
    return Width(gauge.most_fields, int(gauge.error_bytes) * share)


def surplus_bytes(line: bytes, dialect: Dialect) -> int:
    """Return about what the engine holds of errors for a line."""
    return _error_bytes(line, fields_of(line, dialect), len(dialect.columns))


def fields_of(line: bytes, dialect: Dialect) -> int:
    """Return how many fields a line has, as far as can be told from the line alone."""
    mark, quote = dialect.delimiter.encode(), dialect.quote.encode()
    if not quote or quote not in line:
        return 1 + line.count(mark)
    return 1 + sum(part.count(mark) for part in line.split(quote)[::2])


class Gauge:
    """Gauges lines by the pieces of their file."""

    def __init__(self, dialect: Dialect) -> None:
        self.most_fields = 0
        self.error_bytes = 0.0
        self._dialect = dialect
        self._mark = dialect.delimiter.encode()
        self._end = b""
        self._held = b""
        # Lines cannot be written so that just those looked at are sound.
        self._random = random.Random()  # noqa: S311 - no secret

    def take(self, piece: bytes) -> None:
        """Take the next piece of the file into account."""
        self._end = self._end or (b"\r" if b"\r" in piece and b"\n" not in piece else b"\n")
        for line in self._long(piece):
            self._note(line, 1.0)
        start = self._random.randrange(max(1, len(piece) - _SAMPLE_BYTES + 1))
        sample = piece[start : start + _SAMPLE_BYTES]
        columns = len(self._dialect.columns)
        for line in sample.split(self._end):
            if len(line) <= _WINDOW_BYTES and line.count(self._mark) >= columns:
                self._note(line, len(piece) / len(sample))

    def end(self) -> None:
        """Take the last line into account."""
        if self._held:
            self._note(self._held, 1.0)
            self._held = b""

    def _note(self, line: bytes, share: float) -> None:
        fields = fields_of(line, self._dialect)
        self.most_fields = max(self.most_fields, fields)
        self.error_bytes += share * _error_bytes(line, fields, len(self._dialect.columns))

    def _long(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that are longer than a window, and few that are not."""
        at = 0
        while at < len(piece):
            last = piece.rfind(self._end, at, at + _WINDOW_BYTES)
            if last < 0:
                if len(self._held) < _HELD_BYTES:
                    self._held += piece[at : at + _WINDOW_BYTES]
                at += _WINDOW_BYTES
                continue
            if self._held:
                line = self._held + piece[at : piece.find(self._end, at)]
                self._held = b""
                if len(line) > _WINDOW_BYTES:
                    yield line
            at = last + 1


def _error_bytes(line: bytes, fields: int, columns: int) -> int:
    return max(0, fields - columns) * (len(line) + _ERROR_BYTES)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(_PIECE_BYTES):
        yield piece
