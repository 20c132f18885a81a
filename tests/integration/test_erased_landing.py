"""Landed files of every format, packed and archived: without the person, and still what they were."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from privacy_shop import LAKE, contents, decoded, write

from lakeworks import Lake
from lakeworks.core import clock
from lakeworks.privacy.errors import NotErasedError
from lakeworks.privacy.text_search import Words
from lakeworks.storage.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = [
    {"person": name, "n": n} for n, name in enumerate(("ANA-1", "BO-2", "ANA-1", "ANA-11"))
]
LINES = "".join(json.dumps(one) + "\n" for one in PEOPLE).encode()
CSV = b"person,n\nANA-1,0\nBO-2,1\nANA-1,2\nANA-11,3\n"
WORDS = Words(frozenset({"ANA-1"}))


def avro() -> bytes:
    out = io.BytesIO()
    fields = [{"name": "person", "type": ["null", "string"]}, {"name": "n", "type": "long"}]
    schema = {"type": "record", "name": "visit", "fields": fields}
    fastavro.writer(out, schema, PEOPLE, codec="deflate")
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(PEOPLE), out, row_group_size=1)
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.json", LINES)
        archive.writestr("two.json", b'{"person": "CY-3", "n": 9}\n')
    return out.getvalue()


FILES = {
    "lines.json": LINES,
    "packed.json.gz": gzip.compress(LINES),
    "array.json": json.dumps(PEOPLE).encode(),
    "table.csv": CSV,
    "table.parquet": parquet(),
    "table.avro": avro(),
    "members.zip": zipped(),
}


def unpacked(root: Path) -> Iterator[tuple[Path, str]]:
    for path, text in decoded(root):
        yield path, text
        data = path.read_bytes()
        if data.startswith(b"Obj\x01"):
            yield path, str(list(fastavro.reader(io.BytesIO(data))))
        elif data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for name in archive.namelist():
                    yield path, archive.read(name).decode()
        elif data.startswith(b"\x28\xb5\x2f\xfd"):
            yield (
                path,
                pa.CompressedInputStream(io.BytesIO(data), "zstd").read().decode("latin-1"),
            )


def named(root: Path) -> set[str]:
    return {path.name for path, text in unpacked(root) if WORDS.within(text)}


def project(root: Path, name: str) -> Path:
    write(root / "lake.yml", LAKE)
    write(root / "sources/visits.yml", "table: bronze.visits\nfrom: files\npath: arrivals\n")
    write(root / "models/silver/visits.sql",
          "/*\nload: append\n*/\nselect person, n from bronze.visits\n")  # fmt: skip
    (root / "arrivals").mkdir()
    (root / "arrivals" / name).write_bytes(FILES[name])
    return root


def persons(lake: Lake) -> list[Any]:
    return sorted(row["person"] for row in contents(lake)["silver.visits"])


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_landed_file_loses_the_person_and_can_be_read_again(
    tmp_path: Path, name: str
) -> None:
    with Lake.open(project(tmp_path, name)) as lake:
        lake.pipeline.run()
        before = persons(lake)
        assert named(tmp_path / ".lake")
        report = lake.privacy.erase("person=ANA-1")
        assert (report.state, report.elsewhere) == (
            "done",
            (str(tmp_path / "arrivals" / name),),
        )
        assert named(tmp_path / ".lake") == set()
        assert lake.pipeline.run().status == "nothing to do"
        lake.pipeline.run("bronze.visits+", full_refresh=True)
        assert persons(lake) == [one for one in before if one != "ANA-1"]
        assert lake.pipeline.run().status == "nothing to do"
        assert lake.doctor() == []


@pytest.mark.parametrize("name", ["lines.json", "table.parquet"])
def test_an_archived_file_loses_the_person_and_comes_back_sound(
    tmp_path: Path, name: str
) -> None:
    root = project(tmp_path, name)
    write(root / "lake.yml", LAKE + "lifecycle:\n  landing: {glacier: 10 days}\n")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        with clock.fixed(clock.now() + timedelta(days=11)):
            lake.care.apply_lifecycle()
            assert not [p for p in (root / ".lake/landing").rglob("*") if p.is_file()]
            report = lake.privacy.erase("person=ANA-1")
            assert {one.kind for one in report.places} >= {"archive"}
            assert report.state == "done"
            assert named(root / ".lake") == set()
            (manifest,) = Archive(lake.storage.store).manifests()
            assert all(
                Archive(lake.storage.store).holds(manifest, one) for one in manifest.files
            )
            lake.care.restore("bronze.visits")
            lake.pipeline.run("bronze.visits+", full_refresh=True)
            assert persons(lake) == ["ANA-11", "BO-2"]


def test_a_torn_file_with_the_person_is_left_and_named(tmp_path: Path) -> None:
    root = project(tmp_path, "lines.json")
    (root / "arrivals/torn.json.gz").write_bytes(gzip.compress(LINES * 200)[:-9])
    with Lake.open(root) as lake:
        lake.pipeline.run()
        with pytest.raises(
            NotErasedError, match=r"torn\.json\.gz: it cannot be read to its end"
        ):
            lake.privacy.erase("person=ANA-1")


def test_files_that_are_read_in_place_are_named_and_never_written(tmp_path: Path) -> None:
    root = project(tmp_path, "lines.json")
    write(root / "sources/visits.yml",
          "table: bronze.visits\nfrom: files\npath: arrivals\nlanding: in_place\n")  # fmt: skip
    with Lake.open(root) as lake:
        lake.pipeline.run()
        report = lake.privacy.erase("person=ANA-1")
        assert report.elsewhere == (str(root / "arrivals/lines.json"),)
        assert (root / "arrivals/lines.json").read_bytes() == LINES
        assert persons(lake) == ["ANA-11", "BO-2"]
        assert lake.pipeline.run().status == "nothing to do"
