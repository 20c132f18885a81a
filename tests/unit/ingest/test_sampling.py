"""What the beginnings of files tell of a table that does not exist yet."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.ingest.discover import discover
from lakeworks.ingest.sampling import MOST_FILES, sampled_schema
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Schema

JSON = b'{"id": 1, "tags": ["a"], "at": {"zip": "007"}}\n'
CSV = b"id;name\n1;x\n"


def sampled(here: Any) -> Schema | None:
    landing = ObjectStore.open(str(here.folder / "landing"))
    with here.engine.session() as session:
        return sampled_schema(
            here.source, discover(here.source), session=session, landing=landing
        )


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
