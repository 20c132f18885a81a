"""Which folders are tables and which are partitions, by Glue's own examples and beyond them."""

from __future__ import annotations

from typing import Any

import pytest

from lakeworks.core.types import parse_type
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.folders import Grouped, Grouping, grouped, partition_values
from lakeworks.crawlers.headers import settled_headers
from lakeworks.crawlers.schemas import Schemas

Tables = dict[str, tuple[str | None, ...] | None]


def a_file(columns: str = "a:int", kind: str = "json", **more: Any) -> Found:
    pairs = (column.split(":", 1) for column in columns.split())
    typed = tuple((name, parse_type(text)) for name, text in pairs)
    return Found(kind, typed, kind, **{"rows": 1, **more})


def group(files: dict[str, Found | Skipped | None], **grouping: Any) -> Grouped:
    listed = [(path, 100, answer) for path, answer in sorted(files.items())]
    return grouped(listed, Grouping(**grouping), Schemas())


def tables(files: dict[str, Found | Skipped | None], **grouping: Any) -> Tables:
    """Return the path of each table, and the names of its levels."""
    return {one.path: one.group.levels for one in group(files, **grouping).tables}


def test_files_of_a_days_folders_are_one_table_with_three_keys() -> None:
    files: dict[str, Found | Skipped | None] = {
        f"year=2019/month={month}/day={day}/{n}.json": a_file("a:int b:string")
        for month in ("Jan", "Feb")
        for day in (1, 2)
        for n in (1, 2)
    }
    assert tables(files) == {"": ("year", "month", "day")}
    (only,) = group(files).tables
    assert len(only.group.leaves) == 4


def test_similar_plain_folders_are_one_table_with_unnamed_keys() -> None:
    files: dict[str, Found | Skipped | None] = {
        f"table{t}/partition{p}/file.txt": a_file() for t, p in ((1, 1), (1, 2), (1, 3), (2, 4))
    }
    assert tables(files) == {"": (None, None)}


def test_folders_of_other_columns_are_tables_of_their_own() -> None:
    files: dict[str, Found | Skipped | None] = {
        "year=2017/data1.json": a_file("A:int B:int"),
        "year=2018/data2.json": a_file("C:int D:int"),
    }
    assert tables(files) == {"year=2017": (), "year=2018": ()}
    assert tables(files, combine=True) == {"": ("year",)}


@pytest.mark.parametrize(("alike", "levels"), [(8, 1), (7, 10), (6, 10)])
def test_over_seven_tenths_of_the_folders_must_be_alike(alike: int, levels: int) -> None:
    files: dict[str, Found | Skipped | None] = {
        f"p={n}/x": a_file("a:int b:int" if n < alike else "x:int y:int") for n in range(10)
    }
    assert len(tables(files)) == levels


def test_more_than_five_kinds_of_columns_are_never_one_table() -> None:
    files: dict[str, Found | Skipped | None] = {f"p={n}/x": a_file("a:int") for n in range(90)}
    files |= {f"p={90 + n}/x": a_file(f"z{n}:int y{n}:int") for n in range(4)}
    assert len(tables(files)) == 1
    files |= {f"p={95 + n}/x": a_file(f"w{n}:int v{n}:int") for n in range(2)}
    assert len(tables(files)) == 96


@pytest.mark.parametrize(
    ("one", "other", "same_table"),
    [
        ("a:int b:int", "a:bigint b:double", True),
        ("a:int b:string", "a:string b:string", False),
        ("a:int b:int c:int", "a:int b:int c:int d:int", True),
        ("a:int b:int", "a:int b:int c:int d:int", False),
        ("a:struct<x:int>", "a:struct<y:int>", True),
        ("A:int", "a:int", True),
    ],
)
def test_columns_are_alike_when_most_of_them_are_shared(
    one: str, other: str, same_table: bool
) -> None:
    found = tables({"p=1/x": a_file(one), "p=2/x": a_file(other)})
    assert (len(found) == 1) is same_table


@pytest.mark.parametrize(
    "other",
    [
        a_file(kind="csv"),
        a_file(compression="gzip"),
        a_file(details=(("delimiter", ";"),)),
    ],
)
def test_formats_packings_and_delimiters_are_never_mixed_in_a_table(other: Found) -> None:
    files: dict[str, Found | Skipped | None] = {"p=1/x": a_file(), "p=2/x": other}
    assert len(tables(files)) == 2
    assert len(tables(files, combine=True)) == 2


def test_quotes_may_be_in_some_files_of_a_table_only() -> None:
    quoted = a_file(details=(("delimiter", ";"), ("quoted", "1")))
    plain = a_file(details=(("delimiter", ";"),))
    assert tables({"p=1/x": quoted, "p=2/x": plain}) == {"": ("p",)}


def test_folders_of_other_keys_or_depths_are_not_one_table() -> None:
    assert tables({"year=1/x": a_file(), "day=1/x": a_file()}) == {"year=1": (), "day=1": ()}
    assert tables({"a/b/x": a_file(), "c/x": a_file()}) == {"a/b": (), "c": ()}


def test_files_of_different_kinds_in_one_folder_are_tables_of_their_own() -> None:
    found = group(
        {"a.csv": a_file(kind="csv"), "b.json": a_file(), "sub/c.json": a_file("z:int")}
    )
    assert {(one.path, one.is_file) for one in found.tables} == {
        ("a.csv", True), ("b.json", True), ("sub", False),
    }  # fmt: skip


def test_a_stray_file_beside_partitions_is_a_table_of_its_own() -> None:
    files: dict[str, Found | Skipped | None] = {
        "dt=1/a": a_file(),
        "dt=2/a": a_file(),
        "x": a_file(),
    }
    assert tables(files) == {"": ("dt",), "x": ()}


def test_files_like_those_of_the_folders_below_them_are_one_table_without_keys() -> None:
    assert tables({"a": a_file(), "old/b": a_file(), "old/older/c": a_file()}) == {"": None}


def test_a_folder_that_only_leads_to_another_is_no_partition() -> None:
    assert tables({"a/b/c/x": a_file()}) == {"a/b/c": ()}


def test_a_folder_named_as_a_date_is_a_partition_without_brothers() -> None:
    assert tables({"a/2024/01/x": a_file()}) == {"a": (None, None)}
    assert tables({"a/2024-01-31/x": a_file()}) == {"a": (None,)}


def test_the_table_level_decides_where_tables_begin() -> None:
    files: dict[str, Found | Skipped | None] = {
        "a/b/x": a_file(),
        "a/c/x": a_file("z:int"),
        "d/e/x": a_file(),
        "y": a_file(),
    }
    assert tables(files, table_depth=1) == {"a": (None,), "d": (None,)}
    assert tables(files, table_depth=2) == {"a/b": (), "a/c": (), "d/e": ()}
    assert group(files, table_depth=1).skipped == [("y", "it lies above the table level")]


def test_skipped_files_have_no_say() -> None:
    found = group({"p=1/x": a_file(), "p=2/x": Skipped("binary"), "p=2/y": a_file()})
    assert [one.path for one in found.tables] == [""]
    assert found.skipped == [("p=2/x", "binary")]


def test_files_that_the_sample_left_out_are_as_their_neighbours() -> None:
    (only,) = group({"p=1/a": a_file(), "p=1/b": None, "p=2/a": a_file()}).tables
    assert sum(leaf.stats.objects for leaf in only.group.leaves) == 3
    assert sum(leaf.stats.rows for leaf in only.group.leaves) == 3


def test_a_known_table_stays_one_whatever_columns_its_partitions_get() -> None:
    files: dict[str, Found | Skipped | None] = {
        "t/p=1/x": a_file("a:int"),
        "t/p=2/x": a_file("z:int"),
    }
    assert tables(files) == {"t/p=1": (), "t/p=2": ()}
    assert tables(files, known=frozenset({"t"})) == {"t": ("p",)}


def test_a_known_table_is_not_swallowed_by_the_folder_above_it() -> None:
    files: dict[str, Found | Skipped | None] = {"a/x": a_file(), "b/x": a_file()}
    assert tables(files) == {"": (None,)}
    assert tables(files, known=frozenset({"a"}), apart=frozenset({""})) == {"a": (), "b": ()}


def test_ten_thousand_folders_deep_is_no_deeper_than_the_stack() -> None:
    assert len(tables({"/".join(["d"] * 5_000) + "/x": a_file()})) == 1


def test_values_of_partitions_are_decoded_where_they_are_named() -> None:
    assert partition_values("t", "t/dt=2024-01-01 00%3A00/a%20b", ("dt", None)) == (
        "2024-01-01 00:00", "a%20b",
    )  # fmt: skip


def test_a_header_of_texts_is_told_by_a_neighbours() -> None:
    sure = a_file("id:bigint n:string", "csv", details=(("header", "1"),))
    unnamed, details = "col0:string col1:string", (("header", "0"),)
    doubtful = a_file(unnamed, "csv", details=details, first_row=("ID", "n"), rows=3)
    other = a_file(unnamed, "csv", details=details, first_row=("x", "y"))
    headed, unheaded = settled_headers([sure, doubtful, other])[1:]
    assert isinstance(headed, Found)
    assert [name for name, _ in headed.columns] == ["ID", "n"]
    assert headed.details == (("header", "1"),)
    assert headed.rows == 2
    assert unheaded == other
