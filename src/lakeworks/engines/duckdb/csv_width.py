"""Find CSV lines of thousands of fields before the engine does.

For each field too many the engine notes an error with the whole line in it: one line of a million
fields would keep it busy for hours. Lines that short of a few KiB cannot hold so many, so it is
enough to look for a line end once in every few KiB, which costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.heads import UNREADABLE, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from lakeworks.engines.duckdb.heads import Packing
    from lakeworks.engines.protocol import ArrivedFile

MOST_FIELDS = 5_000
_WINDOW_BYTES = 8 * 1024
_PIECE_BYTES = 1024 * 1024
_HELD_BYTES = 16 * 1024 * 1024
# To unpack or fetch a large file once more would cost as much as to read it.
_MOST_COSTLY_BYTES = 32 * 1024 * 1024


def overfull(arrived: ArrivedFile, packing: Packing, delimiter: str, quote: str) -> bool:
    """Whether a file has a line of more than `MOST_FIELDS` fields."""
    costly = packing != "none" or arrived.opener is not None
    if costly and arrived.size_bytes > _MOST_COSTLY_BYTES:
        return False
    mark, around = delimiter.encode(), quote.encode()
    with arrived.open() as file:
        try:
            with unpacked(file, packing) as stream:
                return any(_fields(line, mark, around) > MOST_FIELDS for line in _long(stream))
        except UNREADABLE:
            return False  # whoever reads it says what is wrong with it


def _long(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are longer than a window, and few that are not."""
    held = b""
    end_mark = b""
    while piece := stream.read(_PIECE_BYTES):
        end_mark = end_mark or (b"\r" if b"\r" in piece and b"\n" not in piece else b"\n")
        at = 0
        while at < len(piece):
            last = piece.rfind(end_mark, at, at + _WINDOW_BYTES)
            if last < 0:
                if len(held) < _HELD_BYTES:
                    held += piece[at : at + _WINDOW_BYTES]
                at += _WINDOW_BYTES
                continue
            if held:
                yield held + piece[at : piece.find(end_mark, at)]
                held = b""
            at = last + 1
    if held:
        yield held


def _fields(line: bytes, delimiter: bytes, quote: bytes) -> int:
    if len(line) <= MOST_FIELDS:
        return 1
    outside = line.split(quote)[::2] if quote else [line]
    return 1 + sum(part.count(delimiter) for part in outside)
