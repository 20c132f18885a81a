"""Files are judged by what the log says of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.storage.file_layout import (
    LEAST_TARGET_BYTES,
    MOST_TARGET_BYTES,
    coverage,
    overlap,
    partitions,
    size_bands,
    target_bytes,
)
from lakeworks.storage.files import DataFile
from lakeworks.storage.pruning import Comparison, files_left

MIB = 1024 * 1024


def file(size: int, low: object = None, high: object = None, **partition: str) -> DataFile:
    stats = {"minValues": {"x": low}, "maxValues": {"x": high}} if low is not None else {}
    return DataFile(f"{size}-{low}.parquet", size, 10, partition, {"numRecords": 10, **stats})


def test_the_size_aimed_at_grows_with_the_table_between_two_ends() -> None:
    assert target_bytes(0) == LEAST_TARGET_BYTES
    assert target_bytes(640 * MIB) == 40 * MIB
    assert target_bytes(10**13) == MOST_TARGET_BYTES


def test_every_file_is_in_one_band() -> None:
    files = [file(size) for size in (1, 70_000, 2 * MIB, 130 * MIB, 600 * MIB)]
    bands = size_bands(files)
    assert sum(band.files for band in bands) == 5
    assert sum(band.size_bytes for band in bands) == sum(f.size_bytes for f in files)
    assert [(band.below_bytes, band.files) for band in bands if band.files][-1] == (None, 1)


def test_sorted_files_overlap_little_and_shuffled_ones_wholly() -> None:
    apart = [file(100, at * 10, at * 10 + 9) for at in range(10)]
    assert overlap(apart, "x") == pytest.approx(0.1)
    assert overlap([file(100, 0, 99) for _ in range(10)], "x") == 1.0
    assert overlap([file(100) for _ in range(10)], "x") == 1.0
    assert overlap([*apart, *(file(100) for _ in range(10))], "x") == pytest.approx(0.55)


def test_bounds_that_cannot_be_compared_count_as_none() -> None:
    assert overlap([file(10, 1, 2), file(10, "a", "b")], "x") == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)), min_size=1)
)
def test_the_overlap_is_what_a_reader_of_one_value_scans(
    drawn: list[tuple[int, int, int]],
) -> None:
    files = [file(size, min(a, b), max(a, b)) for a, b, size in drawn]
    points = [v for f in files for v in (f.stats["minValues"]["x"], f.stats["maxValues"]["x"])]
    scanned = [
        sum(one.size_bytes for one in files_left(files, [Comparison("x", "=", (point,))]))
        for point in points
    ]
    total = sum(f.size_bytes for f in files)
    assert overlap(files, "x") == pytest.approx(sum(scanned) / len(scanned) / total)


def test_skew_is_told_by_the_largest_partition() -> None:
    files = [file(10, month="1"), file(20, month="2"), file(30, month="3"), file(60, month="3")]
    found = partitions(files)
    assert found is not None
    assert (found.count, found.largest_bytes, found.median_bytes) == (3, 90, 20)
    assert (found.skew, found.largest) == (4.5, {"month": "3"})
    assert partitions([file(1)]) is None


def test_coverage_counts_rows_whose_bounds_are_known_or_that_are_null() -> None:
    schema = Schema((Field("x", Scalar("int")), Field("y", Scalar("int"))))
    null = DataFile("n", 1, 10, {}, {"numRecords": 10, "nullCount": {"x": 10}})
    assert coverage([file(1, 1, 2), file(1), null], schema) == {
        "x": pytest.approx(2 / 3),
        "y": 0.0,
    }
    assert coverage([], schema) == {"x": 1.0, "y": 1.0}


@given(
    st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=5), min_size=1, max_size=6),
    st.sampled_from(["=", "<", "<=", ">", ">="]),
    st.integers(-10, 10),
)
def test_no_file_is_left_out_that_holds_a_row_of_the_answer(
    rows: list[list[int]], operator: str, value: int
) -> None:
    files = [file(at + 1, min(values), max(values)) for at, values in enumerate(rows)]
    left = files_left(files, [Comparison("x", operator, (value,))])  # type: ignore[arg-type]
    holds = {
        "=": int.__eq__,
        "<": int.__lt__,
        "<=": int.__le__,
        ">": int.__gt__,
        ">=": int.__ge__,
    }
    for one, values in zip(files, rows, strict=True):
        if any(holds[operator](row, value) for row in values):
            assert one in left


def test_a_partition_leaves_its_files_out_and_an_odd_value_leaves_none_out() -> None:
    files = [file(1, 1, 5, month="1"), file(2, 1, 5, month="2")]
    assert files_left(files, [Comparison("month", "=", (2,))]) == files[1:]
    assert files_left(files, [Comparison("month", "=", ("x", 1))]) == files[:1]
    assert files_left(files, [Comparison("x", "=", ("text",))]) == files
    assert files_left(files, [Comparison("x", ">", (5,))]) == []
