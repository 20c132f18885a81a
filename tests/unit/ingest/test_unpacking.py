"""The quick check of gzip says what zlib says, of whole files and of damaged ones."""

from __future__ import annotations

import gzip
import io
import random
import zlib

import pytest

from lakeworks.ingest.unpacking import GzipCheck, UnpackingError, pieces

TEXT = b"".join(b'{"id":%d,"name":"n%d"}\n' % (n, n * n % 97) for n in range(40))


def with_header(packed: bytes, flags: int, fields: bytes) -> bytes:
    """Return a gzip member whose header, which was plain, has more fields."""
    header = packed[:3] + bytes([flags]) + packed[4:10] + fields
    checksum = (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""
    return header + checksum + packed[10:]


PLAIN = gzip.compress(TEXT, mtime=0)
NAMED = with_header(PLAIN, 0x1E, b"\x05\x00extra" + b"a.json\0" + b"of the shop\0")
STORED = gzip.compress(TEXT, compresslevel=0, mtime=0)
WHOLE = {
    "plain": PLAIN,
    "named": NAMED,
    "stored": STORED,
    "empty": gzip.compress(b"", mtime=0),
    "members": PLAIN + NAMED + STORED + NAMED,
    "filled up with zeros": NAMED + b"\0" * 600,
    "zeros between members": PLAIN + b"\0" * 50 + NAMED,
}


def is_whole(packed: bytes, step: int) -> bool:
    check = GzipCheck()
    try:
        for at in range(0, len(packed), step):
            check.feed(packed[at : at + step])
        check.end()
    except UnpackingError:
        return False
    return True


def zlib_takes(packed: bytes) -> bool:
    try:
        for _ in pieces(io.BytesIO(packed), "gzip"):
            pass
    except UnpackingError:
        return False
    return True


@pytest.mark.parametrize("step", [1, 2, 7, 100, 1_000_000])
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_whole_however_it_is_cut(name: str, step: int) -> None:
    assert zlib_takes(WHOLE[name])
    assert is_whole(WHOLE[name], step)


def test_a_file_torn_anywhere_within_a_member_is_not_whole() -> None:
    packed = NAMED + NAMED
    torn = [at for at in range(len(packed)) if not is_whole(packed[:at], 64)]
    assert torn == [at for at in range(len(packed)) if at != len(NAMED)]


@pytest.mark.parametrize("name", ["plain", "named", "stored", "members"])
def test_a_flipped_bit_is_seen_where_zlib_sees_it(name: str) -> None:
    told = {True: 0, False: 0}
    for place in range(len(WHOLE[name]) * 8):
        damaged = bytearray(WHOLE[name])
        damaged[place // 8] ^= 1 << place % 8
        whole = is_whole(bytes(damaged), 1000)
        assert whole == zlib_takes(bytes(damaged)), place
        told[whole] += 1
    assert told[False] > told[True] > 0  # a header's date may be any


@pytest.mark.parametrize("after", [b"x", b"\n", b"\x1f", b"\x1f\x8b", b"\0\0x", b"PK\3\4" * 9])
def test_what_follows_the_last_member_is_no_gzip(after: bytes) -> None:
    assert not zlib_takes(PLAIN + after)
    assert not is_whole(PLAIN + after, 1000)


def test_a_header_without_end_is_given_up_within_bounds() -> None:
    packed = PLAIN[:3] + b"\x08" + PLAIN[4:10] + b"x" * 4_000_000
    assert not is_whole(packed, 64 * 1024)


def test_content_of_all_sorts_is_whole() -> None:
    rng = random.Random(1)
    for level in (1, 6, 9):
        content = rng.randbytes(50_000) + TEXT * 100 + bytes(300_000)
        assert is_whole(gzip.compress(content, level), 4096)
