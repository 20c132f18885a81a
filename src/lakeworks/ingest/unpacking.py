"""Unpack gzip and zstd as far as they go, and tell whether they were whole.

The engine stops without a word where a packed file is torn or its bits are flipped. So every
packed file is unpacked once while it lands, only to see that it is whole.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

Packing = Literal["none", "gzip", "zstd"]
MAGIC_BYTES = 4
_PIECE_BYTES = 1024 * 1024
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


class Unpacker(Protocol):
    """Takes a packed file piece by piece."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what the piece unpacks to; raises `UnpackingError`."""
        ...

    def end(self) -> None:
        """Check that the file was whole; raises `UnpackingError`."""
        ...


def unpacker(packing: Packing) -> Unpacker:
    """Return an unpacker."""
    return _Gzip() if packing == "gzip" else _Plain()


class _Plain:
    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def end(self) -> None:
        return


class _Gzip:
    """Members of gzip, one after the other, each with its checksum."""

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
    worker = unpacker(packing)
    while piece := file.read(_PIECE_BYTES):
        yield from worker.feed(piece)
    worker.end()


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
