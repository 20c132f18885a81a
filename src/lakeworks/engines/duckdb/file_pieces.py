"""Divide files of lines for reading side by side: by whole files, and large plain ones by bytes."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from lakeworks.engines.protocol import ArrivedFile

_BLOCK_BYTES = 1024 * 1024
# Packed JSON and CSV take about so many times their size when unpacked.
_UNPACKED = 6
_PACKED = (".gz", ".zst")


def weight_of(file: ArrivedFile) -> int:
    """Return about how many bytes there are to read, unpacked."""
    return file.size_bytes * (_UNPACKED if is_packed(file) else 1)


def is_packed(file: ArrivedFile) -> bool:
    """Whether a file's name says that it is packed."""
    return file.uri.lower().endswith(_PACKED)


def divided(
    files: Sequence[ArrivedFile], *, most_bytes: int, most_files: int
) -> Iterator[tuple[ArrivedFile, ...]]:
    """Yield the files in their order, a few at a time; one that is too large is alone."""
    some: list[ArrivedFile] = []
    held = 0
    for file in files:
        weight = weight_of(file)
        if some and (held + weight > most_bytes or len(some) >= most_files):
            yield tuple(some)
            some, held = [], 0
        some.append(file)
        held += weight
    if some:
        yield tuple(some)


def spans(size_bytes: int, most_bytes: int) -> list[tuple[int, int]]:
    """Divide so many bytes into pieces of nearly the same size."""
    pieces = max(1, -(-size_bytes // most_bytes))
    return [
        (size_bytes * number // pieces, size_bytes * (number + 1) // pieces)
        for number in range(pieces)
    ]


def cut_out(file: ArrivedFile, span: tuple[int, int], folder: Path) -> tuple[ArrivedFile, int]:
    """Copy the lines that begin within `span`; return the copy, and how many lines end in it."""
    place = folder / f"piece-{secrets.token_hex(4)}"
    lines = 0
    with file.open() as source, place.open("wb") as target:
        for block in _lines_of(source, *span):
            lines += block.count(b"\n")
            target.write(block)
    return replace(file, uri=str(place), size_bytes=place.stat().st_size, opener=None), lines


def _lines_of(source: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Yield in blocks the lines that begin in the span; the last may end after it."""
    at = max(start - 1, 0)
    source.seek(at)
    begun = False
    while block := source.read(_BLOCK_BYTES):
        first = 0
        if not begun:
            if start:
                first = block.find(b"\n") + 1
                if not first:
                    at += len(block)
                    continue
            if at + first >= end:
                return
            begun = True
        last = block.find(b"\n", max(end - 1 - at, first))
        if last >= 0:
            yield block[first : last + 1]
            return
        yield block[first:]
        at += len(block)
