"""Whatever bytes a file holds, it is either recognised with columns that can be kept, or skipped."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from functools import cache

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import orc, parquet

from lakeworks.core.types import parse_type
from lakeworks.crawlers.classifiers.examine import examine
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.kinds import hive_text
from lakeworks.crawlers.names import column_name
from lakeworks.crawlers.samples import Sample

ROWS = [{"id": n, "name": f"x{n}", "price": n * 1.5, "s": {"a": [1, 2]}} for n in range(30)]
WORST = (b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00")


@cache
def sound_files() -> tuple[bytes, ...]:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    columnar = []
    for kind in (parquet, orc):
        sink = io.BytesIO()
        kind.write_table(pa.Table.from_pylist(ROWS), sink)
        columnar.append(sink.getvalue())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("x.json", lines)
    avro = b"Obj\x01\x02\x16avro.schema\x8c\x01"
    schema = b'{"type":"record","name":"r","fields":[{"name":"id","type":"long"}]}'
    return (
        *columnar,
        avro + schema.ljust(70) + b"\x00" + b"s" * 16 + b"\x02\x02\x01" + b"s" * 16,
        lines,
        json.dumps(ROWS).encode(),
        gzip.compress(lines),
        bz2.compress(lines),
        archive.getvalue(),
        pa.compress(lines, "zstd", asbytes=True),
        b"id,n\n" + b"".join(b"%d,'x\n" % n for n in range(20)),
        b"<r>" + b"<o a='1'><p>2</p></o>" * 20 + b"</r>",
        b'10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 200 2326\n' * 9,
    )


EDITS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 10_000), st.binary(min_size=1, max_size=12)),
    min_size=1,
    max_size=6,
)


def changed(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    found = bytearray(data)
    for kind, place, piece in edits:
        at = place % (len(found) + 1)
        match kind:
            case 0:
                found[at : at + 1] = piece[:1]
            case 1:
                del found[at : at + 4 * len(piece)]
            case 2:
                found[at:at] = piece
            case 3:
                found[at : at + 4] = WORST[piece[0] % len(WORST)]
            case _:
                del found[at:]
    return bytes(found)


def look(data: bytes) -> Found | Skipped:
    return examine(Sample("file", len(data), lambda at, n: data[at : at + n]), ())


def check(answer: Found | Skipped) -> None:
    if isinstance(answer, Skipped):
        assert answer.reason
        return
    assert answer.columns
    assert answer.rows >= 0
    for name, kind in answer.columns:
        text = hive_text(kind)
        assert str(parse_type(text)) == text
        assert column_name(name)


@settings(deadline=None, max_examples=400)
@given(which=st.integers(0, 11), edits=EDITS)
def test_a_damaged_file_is_recognised_or_skipped(
    which: int, edits: list[tuple[int, int, bytes]]
) -> None:
    check(look(changed(sound_files()[which], edits)))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_recognised_or_skipped(data: bytes) -> None:
    check(look(data))


def test_every_sound_file_is_recognised() -> None:
    kinds = [
        answer.classification
        for answer in map(look, sound_files())
        if isinstance(answer, Found)
    ]
    assert kinds == [
        "parquet", "orc", "avro", *["json"] * 6, "csv", "xml", "apache",
    ]  # fmt: skip
