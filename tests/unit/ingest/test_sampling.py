"""What the beginnings of files tell of a table that does not exist yet."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.ingest.discover import discover
from lakeworks.ingest.glimpses import WHOLE_BYTES
from lakeworks.ingest.sampling import MOST_FILES, Sampled
from lakeworks.ingest.sampling import sampled as sampled_of
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Schema

JSON = b'{"id": 1, "tags": ["a"], "at": {"zip": "007"}}\n'
CSV = b"id;name\n1;x\n"


def looked_at(here: Any, options: dict[str, str] | None = None) -> Sampled:
    landing = ObjectStore.open(str(here.folder / "landing"))
    with here.engine.session() as session:
        found = discover(here.source, options)
        return sampled_of(here.source, found, session=session, landing=landing)


def sampled(here: Any) -> Schema | None:
    return looked_at(here).schema


@pytest.mark.parametrize(
    "files",
    [
        {"a.json": JSON, "b.json": b'{"id": 1.5, "more": null}\n'},
        {"a.csv": CSV, "b.csv.gz": gzip.compress(b"id,other\n1,2\n")},
        {"a.json": JSON, "b.csv": CSV},
        {"a.json": b"[" + JSON + b"]"},
    ],
)
def test_a_sample_tells_the_columns_that_the_load_gives(
    intake: Callable[..., Any], files: dict[str, bytes]
) -> None:
    here = intake()
    for name, content in files.items():
        here.put(name, content)
    told = sampled(here)
    here.take()
    assert told == here.known


def test_a_sample_writes_nothing(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", JSON)
    sampled(here)
    assert sorted(path.name for path in here.folder.iterdir()) in (["inbox"], ["inbox", "tmp"])
    assert here.pending().new


def test_the_first_and_the_last_of_many_files_are_looked_at(intake: Callable[..., Any]) -> None:
    here = intake()
    for number in range(MOST_FILES * 3):
        here.put(f"{number:03d}.json", b'{"id": 1}\n')
    here.put("000.json", b'{"first": 1}\n')
    here.put("zzz.json", b'{"last": 1}\n')
    told = sampled(here)
    assert told is not None
    assert {"id", "first", "last"} <= set(told.names)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b""), ("a.json", b"torn\n"), ("a.zip", b"PK\x03\x04"), ("a.bin", b"\x00\x01"),
     ("a.parquet", b"PAR1 and nothing"), ("a.json.gz", b"\x1f\x8b torn")],
)  # fmt: skip
def test_a_file_that_tells_nothing_leaves_the_columns_unknown(
    intake: Callable[..., Any], name: str, content: bytes
) -> None:
    here = intake()
    assert sampled(here) is None
    here.put(name, content)
    assert sampled(here) is None


def filler(size_bytes: int) -> bytes:
    line = b'{"id": 1, "note": "%s"}\n' % (b"x" * 200)
    return line * (size_bytes // len(line))


@pytest.mark.parametrize("size_bytes", [WHOLE_BYTES // 4, WHOLE_BYTES - 100])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_small_file_is_looked_at_whole(
    intake: Callable[..., Any], size_bytes: int, pack: Callable[[bytes], bytes]
) -> None:
    here = intake()
    rows = filler(size_bytes)
    third = rows.find(b"\n", len(rows) // 3) + 1
    here.put("a.json", pack(rows[:third] + b'{"seldom": 1}\n' + rows[third:]))
    told = looked_at(here)
    assert told.whole
    assert told.schema is not None
    assert "seldom" in told.schema


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_of_a_large_file_beginning_middle_and_end_are_looked_at(
    intake: Callable[..., Any], pack: Callable[[bytes], bytes]
) -> None:
    here = intake()
    rows = filler(WHOLE_BYTES * 3)
    middle = rows.find(b"\n", len(rows) // 2) + 1
    third = rows.find(b"\n", len(rows) // 3) + 1
    parts = (rows[:third], b'{"unseen": 1}\n', rows[third:middle], b'{"middle": 1}\n')
    here.put("a.json", pack(b"".join((*parts, rows[middle:], b'{"last": 1}\n'))))
    told = looked_at(here)
    assert not told.whole
    assert told.schema is not None
    assert {"id", "note", "middle", "last"} <= set(told.schema.names)
    assert "unseen" not in told.schema


@pytest.mark.parametrize(
    ("name", "content", "whole"),
    [
        ("a.json", JSON, True),
        ("a.csv", CSV + b"2;y\n" * 200_000, True),
        ("a.json", b"[" + JSON * 3 + b"]", True),
        ("a.json", b'[{"a":1}' + b',\n{"a":1}' * 200_000 + b"]", False),
        ("a.json", b'{"a":"' + b"x" * 100_000 + b'"}\n' + JSON, False),
        ("a.json", JSON.decode().encode("utf-16"), False),
        ("a.json.gz", gzip.compress(JSON * 50, mtime=0)[:-20], False),
        ("a.zip", b"PK\x03\x04", False),
        ("notes", b"words\n", True),
    ],
)
def test_whether_a_field_may_be_unseen_is_told(
    intake: Callable[..., Any], name: str, content: bytes, whole: bool
) -> None:
    here = intake()
    here.put(name, content)
    assert looked_at(here).whole is whole


def test_parts_beyond_the_beginning_make_no_columns_where_the_load_would_not(
    intake: Callable[..., Any],
) -> None:
    here = intake(schema="rescue")
    here.put("a.json", filler(WHOLE_BYTES // 2) + b'{"late": 1}\n')
    told = sampled(here)
    here.take()
    assert told == here.known


def test_files_in_a_bucket_are_looked_at_for_a_lake_in_a_folder(
    intake: Callable[..., Any], bucket: str, s3_options: dict[str, str]
) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = io.BytesIO()
    noise = pa.array([os.urandom(1024 * 1024) for _ in range(10)])
    pq.write_table(pa.table({"in_parquet": noise}), table, compression="none")
    store = ObjectStore.open(f"s3://{bucket}/in", s3_options)
    store.put("a.json", JSON)
    store.put("b.csv", CSV)
    store.put("c.json", b'[\n{"in_array": 1}\n]')
    store.put("large.parquet", table.getvalue())
    here = intake()
    here.source = replace(here.source, path=f"s3://{bucket}/in")
    told = looked_at(here, s3_options)
    assert told.whole
    assert told.schema is not None
    assert {"tags", "name", "in_array", "in_parquet"} <= set(told.schema.names)
