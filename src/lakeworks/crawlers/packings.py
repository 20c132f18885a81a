"""Unpack the beginning of a packed file, and no more of it than is asked for.

gzip, bzip2, zip (an archive of one file), Snappy (framed, and as Hadoop writes it) and Zstandard.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

Packing = Literal["none", "gzip", "bzip2", "zip", "snappy", "zstd"]
_SNAPPY_START = b"\xff\x06\x00\x00sNaPpY"
_ZIP_HEADER = struct.Struct("<4sHHHHHIIIHH")
_ENCRYPTED, _SIZE_FOLLOWS = 0x01, 0x08
_STORED, _DEFLATED = 0, 8
_SNAPPY_BLOCK_BYTES = 1 << 20
_SUFFIXES: dict[str, Packing] = {".snappy": "snappy", ".sz": "snappy"}


class PackingError(Exception):
    """A packed file cannot be unpacked; says why."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The beginning of a file's content.

    Attributes:
        whole: Whether this is all of it.
        inner_name: Of an archive: the name of the file in it.
    """

    data: bytes
    whole: bool
    packed_bytes: int
    inner_name: str = ""


def packing_of(start: bytes, name: str) -> Packing:
    """Return how a file is packed, by its first bytes; by its name only where they say nothing."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"BZh") and start[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}:
        return "bzip2"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if start.startswith(_SNAPPY_START):
        return "snappy"
    dot = name.rfind(".")
    return _SUFFIXES.get(name[dot:].lower(), "none") if dot >= 0 else "none"


def unpacked(data: bytes, packing: Packing, limit_bytes: int, *, whole: bool) -> Unpacked:
    """Unpack up to `limit_bytes` of what `data` begins.

    Args:
        data: The packed file, or its beginning.
        whole: Whether `data` is all of the file.

    Raises:
        PackingError: it is damaged before anything came out of it, or encrypted.
    """
    try:
        match packing:
            case "gzip":
                return _gzip(data, limit_bytes, whole=whole)
            case "bzip2":
                return _bzip2(data, limit_bytes, whole=whole)
            case "zip":
                return _zip(data, limit_bytes, whole=whole)
            case "zstd":
                return _zstd(data, limit_bytes, whole=whole)
            case "snappy":
                return _snappy(data, limit_bytes, whole=whole)
            case "none":
                return Unpacked(
                    data[:limit_bytes], whole and len(data) <= limit_bytes, len(data)
                )
    except (zlib.error, OSError, EOFError, ValueError, struct.error, lzma.LZMAError) as error:
        raise PackingError(f"{packing} is damaged: {error}") from error


def _gzip(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    found = b""
    rest = data
    ended = False
    while rest and len(found) < limit:
        member = zlib.decompressobj(wbits=31)
        try:
            found += member.decompress(rest, limit - len(found))
        except zlib.error:
            if found:  # what follows a good member is another file's affair
                break
            raise
        ended = member.eof
        if not member.eof:
            rest = member.unconsumed_tail
            break
        rest = member.unused_data.lstrip(b"\0")
    if not ended and not rest and whole and not found:
        raise PackingError("gzip breaks off before its end")
    return Unpacked(found, whole and ended and not rest, len(data) - len(rest))


def _bzip2(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    found = b""
    rest = data
    while rest and len(found) < limit:
        member = bz2.BZ2Decompressor()
        found += member.decompress(rest, limit - len(found))
        rest = member.unused_data
        if not member.eof:
            return Unpacked(found, whole=False, packed_bytes=len(data))
    return Unpacked(found, whole and not rest, len(data) - len(rest))


def _zip(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    """Unpack the only file of an archive, from its own header: the directory may be far off."""
    _, _, flags, method, _, _, _, packed, _, name_bytes, extra_bytes = _ZIP_HEADER.unpack_from(
        data
    )
    if flags & _ENCRYPTED:
        raise PackingError("the zip archive is encrypted")
    begin = _ZIP_HEADER.size + name_bytes + extra_bytes
    name = data[_ZIP_HEADER.size : _ZIP_HEADER.size + name_bytes].decode("utf-8", "replace")
    if name.endswith("/"):
        raise PackingError("the zip archive begins with a folder: one file an archive is read")
    body = data[begin:]
    if method == _STORED and not flags & _SIZE_FOLLOWS:
        found, rest = body[: min(packed, limit)], body[packed:]
        ended = packed <= limit and len(body) >= packed
    elif method == _DEFLATED:
        member = zlib.decompressobj(wbits=-15)
        found = member.decompress(body, limit)
        rest, ended = member.unused_data, member.eof
    else:
        raise PackingError(f"the zip archive is packed by method {method}: deflate is read")
    # An archive's second file begins right after the first, or after its sizes.
    if ended and b"PK\x03\x04" in {rest[:4], rest[12:16], rest[16:20], rest[20:24]}:
        raise PackingError("the zip archive holds several files: one file an archive is read")
    return Unpacked(found, whole and ended, len(data), name)


def _zstd(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    import pyarrow as pa

    stream = pa.CompressedInputStream(pa.py_buffer(data), "zstd")
    found = io.BytesIO()
    ended = False
    while found.tell() < limit:
        try:
            piece = stream.read(min(64 * 1024, limit - found.tell()))
        except OSError:
            if found.tell():
                break
            raise
        if not piece:
            ended = True
            break
        found.write(piece)
    return Unpacked(found.getvalue(), whole and ended, len(data))


def _snappy(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    if data.startswith(_SNAPPY_START):
        return _framed(data, limit, whole=whole)
    return _hadoop(data, limit, whole=whole)


def _framed(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    found = b""
    at = 0
    while at + 4 <= len(data) and len(found) < limit:
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
        body = data[at + 8 : at + 4 + size]  # the first four bytes are a checksum
        if at + 4 + size > len(data):
            break
        if kind == 0:
            found += _block(body)
        elif kind == 1:
            found += body
        at += 4 + size
    return Unpacked(found[:limit], whole and at >= len(data) and len(found) <= limit, at)


def _hadoop(data: bytes, limit: int, *, whole: bool) -> Unpacked:
    """Hadoop's blocks: the unpacked size, then pieces, each after its packed size."""
    found = b""
    at = 0
    while at + 8 <= len(data) and len(found) < limit:
        want = int.from_bytes(data[at : at + 4], "big")
        at += 4
        have = 0
        while have < want and at + 4 <= len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            if at + 4 + size > len(data):
                if not found:
                    raise PackingError("snappy is damaged, or breaks off")
                return Unpacked(found[:limit], whole=False, packed_bytes=at)
            piece = _block(data[at + 4 : at + 4 + size])
            have += len(piece)
            found += piece
            at += 4 + size
            if not piece or len(found) >= limit:
                break
    return Unpacked(found[:limit], whole and at >= len(data) and len(found) <= limit, at)


def _block(body: bytes) -> bytes:
    """Unpack one block, whose size is its first number."""
    import pyarrow as pa

    size = shift = 0
    for byte in body[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    if size > _SNAPPY_BLOCK_BYTES:
        raise PackingError("snappy is damaged: a block is too large")
    return bytes(pa.decompress(body, decompressed_size=size, codec="snappy", asbytes=True))
