"""Whether what is known of a file, or of a row group, admits a person's rows: least and greatest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow.parquet as pq

    from lakeworks.privacy.parquet_search import Look
    from lakeworks.storage.files import DataFile


def may_hold(found: DataFile, look: Look) -> bool:
    """Whether what the log says of a file admits a row of the subject."""
    if look.words is not None or look.cells:
        return True
    if any(_bounds_admit(found, name, values) for name, values in look.columns.items()):
        return True
    return any(_bounds_admit(found, name, None) for name in look.texts)


def group_admits(reader: pq.ParquetFile, at: int, look: Look) -> bool:
    """Whether what a row group's footer says of it admits a row of the subject."""
    if look.cells:
        return True
    group = reader.metadata.row_group(at)
    leaves = {
        group.column(i).path_in_schema.lower(): group.column(i).statistics
        for i in range(group.num_columns)
    }
    for path, values in look.columns.items():
        if path not in leaves:
            return True  # nested, or a partition's: looked at
        statistics = leaves[path]
        if statistics is None or not statistics.has_min_max:
            if statistics is None or statistics.null_count != group.num_rows:
                return True
        elif _within(statistics.min, statistics.max, values):
            return True
    return any(_may_be_json(leaves[name]) for name in look.texts if name in leaves)


def _may_be_json(statistics: pq.Statistics | None) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return _begins_json(statistics.min, statistics.max)


def _begins_json(low: object, high: object) -> bool:
    """Whether a text between two begins as a record or a list does, or with a blank before it."""
    if not isinstance(low, str) or not isinstance(high, str):
        return True
    return any(low < chr(ord(mark) + 1) and high >= mark for mark in "{[") or low < "!"


def _bounds_admit(found: DataFile, name: str, values: frozenset[str] | None) -> bool:
    """Whether a column may have one of some values, or JSON where none are given."""
    for column, value in found.partition.items():
        if column.lower() == name:
            return value in values if values is not None else True
    least = {k.lower(): v for k, v in found.stats.get("minValues", {}).items()}
    most = {k.lower(): v for k, v in found.stats.get("maxValues", {}).items()}
    nulls = {k.lower(): v for k, v in found.stats.get("nullCount", {}).items()}
    if name in least and name in most:
        if values is None:
            return _begins_json(least[name], most[name])
        return _within(least[name], most[name], values)
    return not (isinstance(nulls.get(name), int) and nulls[name] == found.rows)


def _within(low: object, high: object, values: Iterable[str]) -> bool:
    for value in values:
        try:
            wanted = type(low)(value) if isinstance(low, int | str) else None
            if wanted is None or low <= wanted <= high:  # type: ignore[operator]
                return True
        except (TypeError, ValueError):
            if not isinstance(low, int):
                return True
    return False
