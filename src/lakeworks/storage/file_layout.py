"""How well a table's files are laid out: their sizes, their overlap by column, their statistics.

Pure: it looks at what the log says of the files and opens none.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.types import Schema
    from lakeworks.storage.files import DataFile

MIB = 1024 * 1024
LEAST_TARGET_BYTES = 16 * MIB
MOST_TARGET_BYTES = 128 * MIB
_FILES_AIMED_AT = 16
_BOUNDS = (64 * 1024, MIB, 8 * MIB, 32 * MIB, 128 * MIB, 512 * MIB)


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Files of a size below `below_bytes` (None: any), and not below the band before."""

    below_bytes: int | None
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Partitions:
    """How evenly partitions share a table's bytes.

    Attributes:
        skew: The largest partition's bytes over the median's; 1 where all are alike.
    """

    count: int
    largest_bytes: int
    median_bytes: int
    skew: float
    largest: Mapping[str, str | None] = field(default_factory=dict)


def target_bytes(size_bytes: int) -> int:
    """Return the size to aim at for the files of a table of that size.

    Middling tables get smaller files than large ones, so that filters have some to leave out;
    compaction and z-order share the figure, or one would undo what the other did.
    """
    return min(max(size_bytes // _FILES_AIMED_AT, LEAST_TARGET_BYTES), MOST_TARGET_BYTES)


def size_bands(files: Sequence[DataFile]) -> tuple[SizeBand, ...]:
    """Return how many files there are of which size, the smallest band first."""
    counts = [[0, 0] for _ in range(len(_BOUNDS) + 1)]
    for found in files:
        band = counts[bisect_right(_BOUNDS, found.size_bytes)]
        band[0] += 1
        band[1] += found.size_bytes
    bounds: list[int | None] = [*_BOUNDS, None]
    return tuple(SizeBand(b, n, size) for b, (n, size) in zip(bounds, counts, strict=True))


def partitions(files: Sequence[DataFile]) -> Partitions | None:
    """Return how even the partitions are; None where the files are in none."""
    sizes: dict[tuple[tuple[str, str | None], ...], int] = {}
    for found in files:
        if found.partition:
            key = tuple(sorted(found.partition.items()))
            sizes[key] = sizes.get(key, 0) + found.size_bytes
    if not sizes:
        return None
    largest = max(sizes, key=sizes.__getitem__)
    middle = int(median(sizes.values()))
    skew = sizes[largest] / middle if middle else 1.0
    return Partitions(len(sizes), sizes[largest], middle, round(skew, 2), dict(largest))


def overlap(files: Sequence[DataFile], column: str) -> float:
    """Return the share of a table's bytes in files whose range holds a typical value.

    It is what a reader with statistics scans for `column = value`: 1 where every file holds
    every value, or where the log knows no bounds; the inverse of the number of files at best.
    """
    total = sum(found.size_bytes for found in files)
    if not total:
        return 1.0
    unknown = 0
    ranges: list[tuple[Any, Any, int]] = []
    for found in files:
        bounds = bounds_of(found, column)
        if bounds is None:
            unknown += found.size_bytes
        else:
            ranges.append((*bounds, found.size_bytes))
    try:
        covered = _covered(ranges)
    except TypeError:  # bounds of several types cannot be compared
        return 1.0
    if not ranges:
        return 1.0
    return min(1.0, (covered + unknown) / total)


def coverage(files: Sequence[DataFile], schema: Schema) -> dict[str, float]:
    """Return for each flat column the share of rows in files whose bounds the log knows."""
    rows = sum(max(found.rows, 0) for found in files)
    flat = [f.name for f in schema if "<" not in str(f.type)]
    if not rows:
        return dict.fromkeys(flat, 1.0)
    return {
        name: sum(f.rows for f in files if _is_known(f, name)) / rows
        for name in flat
    }  # fmt: skip


def bounds_of(found: DataFile, column: str) -> tuple[Any, Any] | None:
    """Return the least and the greatest value of a column in a file, or None where unknown."""
    low = found.stats.get("minValues", {}).get(column)
    high = found.stats.get("maxValues", {}).get(column)
    return None if low is None or high is None or isinstance(low, dict) else (low, high)


def sorted_share(files: int, columns: int) -> float:
    """Return what `overlap` can become by a z-order of so many columns over so many files."""
    return 1.0 if files <= 1 else files ** (-1 / max(columns, 1))


def files_at(size_bytes: int, target_file_bytes: int) -> int:
    """Return how many files of a size hold so many bytes."""
    return max(1, math.ceil(size_bytes / target_file_bytes))


def _is_known(found: DataFile, column: str) -> bool:
    if column in found.partition or bounds_of(found, column) is not None:
        return True
    nulls = found.stats.get("nullCount", {}).get(column)
    return nulls is not None and nulls == found.rows  # all are null: there are no bounds


def _covered(ranges: Sequence[tuple[Any, Any, int]]) -> float:
    """Return the bytes of the ranges that hold a point, averaged over both ends of each."""
    lows = sorted(ranges, key=lambda one: one[0])
    highs = sorted(ranges, key=lambda one: one[1])
    low_values, high_values = [one[0] for one in lows], [one[1] for one in highs]
    begun = [0, *accumulate(one[2] for one in lows)]
    ended = [0, *accumulate(one[2] for one in highs)]
    points = [*low_values, *high_values]
    held = sum(
        begun[bisect_right(low_values, p)] - ended[bisect_left(high_values, p)] for p in points
    )
    return held / len(points) if points else 0.0
