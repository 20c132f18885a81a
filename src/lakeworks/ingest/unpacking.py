"""Unpack gzip and zstd as far as they go, and tell whether they were whole.

The engine stops without a word where a packed file is torn or its bits are flipped. So every
packed file is unpacked once while it lands, only to see that it is whole: by ISA-L, which takes
a third of zlib's time. Where it objects, zlib has the last word, and it gives every byte that
comes before a fault.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isal.isal_zlib import Decompress

Packing = Literal["none", "gzip", "zstd"]
MAGIC_BYTES = 4
_PIECE_BYTES = 1024 * 1024
# Unpacked it may be a thousand times as much, all in memory.
_CHECKED_BYTES = 32 * 1024
_LONGEST_HEADER_BYTES = 1024 * 1024
_FIXED_HEADER_BYTES = 10
_HAS_CHECKSUM, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT, _RESERVED = 0x02, 0x04, 0x08, 0x10, 0xE0
_BOMB_RATIO = 250
_BOMB_BYTES = 1024**3


class UnpackingError(Exception):
    """A packed file is torn, damaged, or far larger than it should be; says which."""


def packing_of(start: bytes) -> Packing:
    """Return how a file is packed by its first bytes."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "none"


class GzipCheck:
    """Tells whether a gzip file is whole from pieces of it that pass."""

    def __init__(self) -> None:
        self._member: Decompress | None = None
        self._header = b""
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises `UnpackingError` when something is wrong with it."""
        from isal import isal_zlib

        for at in range(0, len(piece), _CHECKED_BYTES):
            try:
                self._take(piece[at : at + _CHECKED_BYTES])
            except cast("type[Exception]", isal_zlib.error) as error:
                raise UnpackingError(f"gzip is damaged: {error}") from error

    def end(self) -> None:
        """Check that the file was whole; raises `UnpackingError`."""
        if self._header or self._member is None or not self._member.eof:
            raise UnpackingError("gzip breaks off before its end")

    def _take(self, piece: bytes) -> None:
        from isal import isal_zlib

        self._packed_bytes += len(piece)
        member = self._member
        while piece:
            if member is None or member.eof:
                piece = self._from_header(piece)
                if not piece:
                    return
                member = self._member = isal_zlib.decompressobj(wbits=31)
            self._unpacked_bytes += len(member.decompress(piece))
            guard_against_bomb(self._packed_bytes, self._unpacked_bytes)
            piece = member.unused_data

    def _from_header(self, piece: bytes) -> bytes:
        """Return what there is of a member once its header is whole: ISA-L takes no part of it."""
        if self._member is not None and not self._header:
            piece = piece.lstrip(b"\0")  # zeros may fill the file up to a block's end
        begun = self._header + piece
        self._header = b"" if _header_is_whole(begun) else begun
        return b"" if self._header else begun


def _header_is_whole(start: bytes) -> bool:
    """Whether all of a member's header is there, or more than any honest header has.

    Raises:
        UnpackingError: it has flags that no gzip has; zlib refuses them, ISA-L does not.
    """
    if len(start) > _LONGEST_HEADER_BYTES:
        return True
    if len(start) < _FIXED_HEADER_BYTES:
        return False
    flags = start[3]
    if flags & _RESERVED:
        raise UnpackingError("gzip is damaged: unknown header flags set")
    at = _FIXED_HEADER_BYTES
    if flags & _HAS_EXTRA:
        at += 2 + int.from_bytes(start[at : at + 2], "little")
    for text in (_HAS_NAME, _HAS_COMMENT):
        if flags & text:
            end = start.find(b"\0", at)
            if end < 0:
                return False
            at = end + 1
    return len(start) >= at + (2 if flags & _HAS_CHECKSUM else 0)


class _Gzip:
    """Unpacks members of gzip, one after the other, each with its checksum."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._began = False
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        self._packed_bytes += len(piece)
        full = False
        while piece or full:
            if self._member.eof:
                piece = piece.lstrip(b"\0")  # zeros may fill the file up to a block's end
                if not piece:
                    return
                self._member = zlib.decompressobj(wbits=31)
            self._began = True
            before = self._member.copy()
            try:
                data = self._member.decompress(piece, _PIECE_BYTES)
            except zlib.error as error:
                yield from _up_to_the_fault(before, piece)
                raise UnpackingError(f"gzip is damaged: {_reason(error)}") from error
            self._count(len(data))
            if data:
                yield data
            # A full piece may leave more in the decoder though all input is taken.
            full = len(data) == _PIECE_BYTES and not self._member.eof
            piece = self._member.unused_data or self._member.unconsumed_tail

    def end(self) -> None:
        if not self._began or not self._member.eof:
            raise UnpackingError("gzip breaks off before its end")

    def _count(self, size_bytes: int) -> None:
        self._unpacked_bytes += size_bytes
        guard_against_bomb(self._packed_bytes, self._unpacked_bytes)


def _up_to_the_fault(member: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """Yield what can be had of a piece in which a fault lies, in ever smaller steps."""
    for step in (4096, 64, 1):
        at = 0
        while at < len(piece):
            before = member.copy()
            try:
                data = member.decompress(piece[at : at + step])
            except zlib.error:
                member = before
                break
            if data:
                yield data
            at += step
        piece = piece[at : at + step]


def guard_against_bomb(packed_bytes: int, unpacked_bytes: int) -> None:
    """Refuse content that grows beyond every honest measure.

    Raises:
        UnpackingError: over 1 GiB, and over 250 times its packed size.
    """
    if unpacked_bytes > _BOMB_BYTES and unpacked_bytes > packed_bytes * _BOMB_RATIO:
        raise UnpackingError(
            f"it unpacks to over {_BOMB_RATIO} times its size and over 1 GiB: refused as a bomb"
        )


def pieces(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """Yield a packed file's content as far as it can be had.

    Raises:
        UnpackingError: after everything before the fault has been yielded.
    """
    if packing == "zstd":
        yield from _zstd_pieces(file)
        return
    gzip = _Gzip() if packing == "gzip" else None
    while piece := file.read(_PIECE_BYTES):
        if gzip is None:
            yield piece
        else:
            yield from gzip.feed(piece)
    if gzip is not None:
        gzip.end()


def _zstd_pieces(file: BinaryIO) -> Iterator[bytes]:
    import pyarrow as pa

    counted = _Counted(file)
    unpacked = 0
    stream = pa.CompressedInputStream(pa.PythonFile(counted, mode="r"), "zstd")
    while True:
        try:
            data = stream.read(64 * 1024)
        except OSError as error:
            raise UnpackingError(f"zstd is damaged: {error}") from error
        if not data:
            return
        unpacked += len(data)
        guard_against_bomb(counted.taken, unpacked)
        yield data


class _Counted(io.RawIOBase):
    """Counts the bytes that are taken from a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.taken += len(data)
        return data


def _reason(error: zlib.error) -> str:
    text = str(error)
    return text.rpartition(": ")[2] or text
