"""Folders `name=value` are columns of a source that names them, whatever its files are."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.types import parse_type
from lakeworks.engines.partition_folders import told_by_path
from lakeworks.ingest.pending import reread, reread_some

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = {"day": parse_type("date")}
DAY_AND_REGION = {**DAY, "region": parse_type("string")}
SYSTEM = ["_source_file", "_ingested_at", "_run_id", "_rescued"]


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in documents)


def parquet(**columns: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"in/{name}.json", content)
    return target.getvalue()


def days(here: Any) -> list[str | None]:
    found = (row["day"] for row in here.rows("id"))
    return sorted((day and day.isoformat() for day in found), key=str)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("day=2026-01-01/a.csv", (True, "2026-01-01")),
        ("x/DAY=1/y/a.csv", (True, "1")),
        ("day=1/day=2/a.csv", (True, "2")),
        ("day=__HIVE_DEFAULT_PARTITION__/a.csv", (True, None)),
        ("day=/a.csv", (True, None)),
        ("day=a%2Fb%20c%3D/a.csv", (True, "a/b c=")),
        ("day=a=b/a.csv", (True, "a=b")),
        ("day=%00/a.csv", (True, "%00")),
        ("day=1!2/a.csv", (True, "1!2")),
        ("day=1/a.ZIP!day=2/x.csv", (True, "2")),
        ("day=1/a.zip!x.csv", (True, "1")),
        ("days=1/a.csv", (False, None)),
        ("day=1.csv", (False, None)),
        ("day/1/a.csv", (False, None)),
    ],
)
def test_what_a_path_tells(path: str, told: tuple[bool, str | None]) -> None:
    assert told_by_path(path, "day") == told


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", lines({"id": 1}, {"id": 2})),
        ("a.json.gz", gzip.compress(lines({"id": 1}, {"id": 2}))),
        ("array.json", json.dumps([{"id": 1}, {"id": 2}], indent=1).encode()),
        ("a.csv", b"id\n1\n2\n"),
        ("a.parquet", parquet(id=[1, 2])),
        ("a.zip", zipped(one=lines({"id": 1}), two=lines({"id": 2}))),
    ],
)
def test_they_come_after_the_columns_of_files_of_every_format(
    intake: Callable[..., Any], name: str, content: bytes
) -> None:
    here = intake(partitions=DAY_AND_REGION)
    here.put(f"day=2026-01-01/region=%C3%A9u/{name}", content)
    here.put(f"day=__HIVE_DEFAULT_PARTITION__/region=us/{name}", content)

    done = here.take()

    assert list(done.schema.names) == ["id", "day", "region", *SYSTEM]
    assert [str(field.type) for field in done.schema][1:3] == ["date", "string"]
    assert (done.read, done.written, done.quarantined) == (4, 4, 0)
    assert days(here) == ["2026-01-01", "2026-01-01", None, None]
    assert {row["region"] for row in here.rows("id")} == {"éu", "us"}
    assert {row["_rescued"] for row in here.rows("id")} == {None}


def test_without_them_the_table_is_what_it_was(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("day=2026-01-01/a.json", lines({"id": 1}))
    assert list(here.take().schema.names) == ["id", *SYSTEM]


def test_new_columns_of_files_come_before_them(intake: Callable[..., Any]) -> None:
    here = intake(partitions=DAY)
    here.put("day=2026-01-01/a.csv", b"id\n1\n")
    here.take()
    here.put("day=2026-01-02/b.csv", b"id,name\n2,x\n")
    assert list(here.take().schema.names) == ["id", "name", "day", *SYSTEM]
    assert days(here) == ["2026-01-01", "2026-01-02"]


def test_a_csv_without_a_header_has_its_own_columns_only(intake: Callable[..., Any]) -> None:
    here = intake(partitions=DAY)
    here.put("day=2026-01-01/a.csv", b"id,name\n1,x\n")
    here.take()
    here.put("day=2026-01-02/b.csv", b"2,y\n3,z\n")
    assert list(here.take().schema.names) == ["id", "name", "day", *SYSTEM]
    assert [row["name"] for row in here.rows("id")] == ["x", "y", "z"]


@pytest.mark.parametrize("mode", ["evolve", "rescue", "strict"])
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.parquet"])
def test_the_folders_value_takes_the_place_of_the_files_which_is_kept_if_it_differs(
    intake: Callable[..., Any], name: str, mode: str
) -> None:
    here = intake(partitions=DAY, schema=mode)
    texts = ["2026-01-01", "2026-01-09", None]
    content = {
        "a.json": lines(*({"id": n, "day": text} for n, text in enumerate(texts))),
        "a.csv": b"id,day\n0,2026-01-01\n1,2026-01-09\n2,\n",
        "a.parquet": parquet(id=[0, 1, 2], day=texts),
    }[name]
    here.put(f"day=2026-01-01/{name}", content)
    here.put(f"day=__HIVE_DEFAULT_PARTITION__/{name}", content)
    here.put(name, content)

    done = here.take()

    assert (done.read, done.written) == (9, 9)
    told = here.rows("_source_file, cast(id as int)")
    assert [row["day"] and row["day"].isoformat() for row in told] == [
        *texts,
        *["2026-01-01"] * 3,
        *[None] * 3,
    ]
    other = '{"day":"2026-01-09"}'
    first = '{"day":"2026-01-01"}'
    assert [row["_rescued"] for row in told] == [
        None, None, None, None, other, None, first, other, None,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.parquet"])
def test_a_value_that_does_not_fit_is_rescued_and_the_files_own_stays(
    intake: Callable[..., Any], name: str
) -> None:
    here = intake(partitions=DAY)
    content = {
        "a.json": lines({"id": 1, "x": 2, "day": "2026-01-03"}, {"id": 2}),
        "a.csv": b"id,x,day\n1,2,2026-01-03\n2,,\n",
        "a.parquet": parquet(id=[1, 2], day=["2026-01-03", None]),
    }[name]
    here.put(f"day=soon/{name}", content)
    here.take()
    assert days(here) == ["2026-01-03", None]
    assert {row["_rescued"] for row in here.rows("id")} == {'{"day":"soon"}'}


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.parquet"])
def test_strict_keeps_every_row_of_such_a_folder_in_quarantine_with_its_reason(
    intake: Callable[..., Any], name: str
) -> None:
    here = intake(partitions=DAY_AND_REGION, schema="strict")
    content = {
        "a.json": lines({"id": 1}, {"id": 2}),
        "a.csv": b"id\n1\n2\n",
        "a.parquet": parquet(id=[1, 2]),
    }[name]
    here.put(f"day=2026-01-01/region=eu/{name}", content)
    here.put(f"day=soon/region=eu/{name}", content)

    done = here.take()

    assert (done.read, done.written, done.quarantined) == (4, 2, 2)
    assert days(here) == ["2026-01-01", "2026-01-01"]
    kept = here.quarantine()
    assert [json.loads(row["row"]) for row in kept] == [
        {"id": n if name != "a.csv" else str(n), "day": "soon", "region": "eu"} for n in (1, 2)
    ]
    assert {(row["rule"], row["error"], row["source_file"]) for row in kept} == {
        ("type", "values that do not fit: day", f"day=soon/region=eu/{name}")
    }
    assert len([*(here.folder / "table").iterdir()]) == len(here.files)


def test_a_torn_file_of_a_folder_is_salvaged_with_its_values(
    intake: Callable[..., Any],
) -> None:
    here = intake(partitions=DAY)
    whole = lines(*({"id": n, "text": str(n) * 30} for n in range(400)))
    here.put("day=2026-01-01/a.json.gz", gzip.compress(whole, 1)[:-200])
    done = here.take()
    assert done.written > 1
    assert set(days(here)) == {"2026-01-01"}
    assert done.read == done.written + done.quarantined


def test_they_divide_the_table(intake: Callable[..., Any]) -> None:
    here = intake(partitions=DAY, partition_by=("day",))
    for number in (1, 2):
        here.put(f"day=2026-01-0{number}/a.csv", b"id\n1\n")
    here.take()
    assert sorted(file.partition["day"] for file in here.files) == ["2026-01-01", "2026-01-02"]


def test_the_landed_file_tells_the_same_when_it_is_read_again(
    intake: Callable[..., Any],
) -> None:
    here = intake(partitions=DAY)
    here.put("day=2026-01-01/a.csv", b"id\n1\n")
    here.take()
    (here.inbox / "day=2026-01-01" / "a.csv").unlink()
    known = here.entries(here.source.table, up_to=1)
    here.take(reread_some(known, ["day=2026-01-01/a.csv"]))
    assert days(here) == ["2026-01-01"]
    assert reread(known, here.pending()).new[0].path == "day=2026-01-01/a.csv"


def test_when_only_folders_tell_columns_the_first_readable_file_tells_the_others(
    intake: Callable[..., Any],
) -> None:
    here = intake(partitions=DAY, schema="strict", format="json")
    here.put("day=2026-01-01/a.json", b"words\n")
    here.take()
    here.put("day=2026-01-02/b.json", lines({"id": 1}))
    assert here.take().written == 1
    assert days(here) == ["2026-01-02"]


def test_a_column_of_any_name_may_lie_beside_them(intake: Callable[..., Any]) -> None:
    here = intake(partitions=DAY)
    names = ["__told0", "__text0", "__typed0", "__file", "__fate", "filename", "__rows"]
    here.put("day=2026-01-01/a.json", lines(dict.fromkeys(names, "x")))
    assert list(here.take().schema.names) == [*names, "day", *SYSTEM]
    [row] = here.rows("day")
    assert (row["day"].isoformat(), row["_rescued"]) == ("2026-01-01", None)
    assert {row[name] for name in names} == {"x"}


def test_folders_of_odd_names_are_told_apart(intake: Callable[..., Any]) -> None:
    here = intake(partitions={"k": parse_type("string")})
    names = ["[a]*", "?", "it's", 'a"b', "a\\b", "ü", "a!b", "%41", "100%"]
    for number, name in enumerate(names):
        here.put(f"k={name}/{number}.csv", b"id\n%d\n" % number)
    here.take()
    told = [row["k"] for row in here.rows("cast(id as int)")]
    assert told == [*names[:-2], "A", "100%"]
