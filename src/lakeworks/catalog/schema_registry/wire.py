"""The headers that encoded records carry: Glue's and Confluent's.

Pure. Glue: 0x03, then 0x00 (plain) or 0x05 (zlib), the 16 bytes of the version's UUID, the
payload; of Protobuf the payload begins with the message's place among all names, sorted.
Confluent: 0x00, the schema's number in four bytes, big end first, the payload; of Protobuf it
begins with the message's indexes, as zigzag varints after their count, one 0 for the first message.
"""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass
from typing import Literal

from lakeworks.catalog.schema_registry.errors import WireFormatError

Wire = Literal["glue", "confluent"]
GLUE, CONFLUENT = 0x03, 0x00
PLAIN, ZLIB = 0x00, 0x05
_GLUE_BYTES, _CONFLUENT_BYTES = 18, 5
MOST_UNPACKED_BYTES = 256 * 1024 * 1024
_MOST_INDEXES = 64


@dataclass(frozen=True, slots=True)
class Framed:
    """A record taken apart.

    Attributes:
        named: The bytes by which the header names the version.
        payload: Unpacked.
    """

    wire: Wire
    named: bytes
    payload: bytes

    @property
    def version_id(self) -> str | None:
        """The UUID in Glue's header, or None."""
        return str(uuid.UUID(bytes=self.named)) if self.wire == "glue" else None

    @property
    def serial(self) -> int | None:
        """The number in Confluent's header, or None."""
        return int.from_bytes(self.named, "big") if self.wire == "confluent" else None


def glue_header(version_id: str, *, compress: bool = False) -> bytes:
    """Return Glue's header of a version."""
    return bytes((GLUE, ZLIB if compress else PLAIN)) + uuid.UUID(version_id).bytes


def confluent_header(serial: int) -> bytes:
    """Return Confluent's header of a version."""
    return bytes((CONFLUENT,)) + serial.to_bytes(4, "big")


def taken_apart(record: bytes) -> Framed:
    """Return what a record's header says, and its payload.

    Raises:
        WireFormatError: it has no header, or a damaged one.
    """
    if not record:
        raise WireFormatError.damaged("there are none")
    if record[0] == GLUE:
        return _glue(record)
    if record[0] == CONFLUENT:
        if len(record) < _CONFLUENT_BYTES:
            raise WireFormatError.damaged(f"Confluent's header has 5, not {len(record)}")
        return Framed("confluent", record[1:5], record[5:])
    raise WireFormatError.damaged(f"the first is {record[0]:#04x}, neither 0x03 nor 0x00")


def _glue(record: bytes) -> Framed:
    if len(record) < _GLUE_BYTES:
        raise WireFormatError.damaged(f"Glue's header has 18, not {len(record)}")
    if record[1] not in (PLAIN, ZLIB):
        raise WireFormatError.damaged(f"the compression {record[1]:#04x} is unknown")
    payload = record[_GLUE_BYTES:]
    unpacked = _unpacked(payload) if record[1] == ZLIB else payload
    return Framed("glue", record[2:_GLUE_BYTES], unpacked)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        payload = unpacker.decompress(packed, MOST_UNPACKED_BYTES)
    except zlib.error as error:
        raise WireFormatError.damaged(f"the payload cannot be unpacked: {error}") from None
    if unpacker.unconsumed_tail:
        raise WireFormatError.damaged(f"the payload unpacks to over {MOST_UNPACKED_BYTES:,}")
    if not unpacker.eof or unpacker.unused_data:
        raise WireFormatError.damaged("the packed payload is cut off, or something follows it")
    return payload


def varint(value: int) -> bytes:
    """Return a number that is not negative as a varint."""
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def read_varint(data: bytes, start: int = 0) -> tuple[int, int]:
    """Return the varint at a place, and the place behind it.

    Raises:
        WireFormatError: it does not end.
    """
    value = 0
    for place in range(start, min(len(data), start + 10)):
        value |= (data[place] & 0x7F) << 7 * (place - start)
        if data[place] <= 0x7F:  # noqa: PLR2004
            return value, place + 1
    raise WireFormatError.damaged("the message index does not end")


def indexes(places: tuple[int, ...]) -> bytes:
    """Return Confluent's message indexes."""
    if places == (0,):
        return b"\x00"
    return b"".join(varint(2 * value) for value in (len(places), *places))


def read_indexes(data: bytes) -> tuple[tuple[int, ...], bytes]:
    """Return Confluent's message indexes, and what follows them.

    Raises:
        WireFormatError: they make no sense.
    """
    count, place = _zigzag(data, 0)
    if count == 0:
        return (0,), data[place:]
    if not 0 < count <= _MOST_INDEXES:
        raise WireFormatError.damaged(f"{count} message indexes")
    found: list[int] = []
    for _ in range(count):
        value, place = _zigzag(data, place)
        found.append(value)
    return tuple(found), data[place:]


def _zigzag(data: bytes, start: int) -> tuple[int, int]:
    value, place = read_varint(data, start)
    return (value >> 1) ^ -(value & 1), place
