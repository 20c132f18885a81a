"""A Parquet file's footer as the Delta log wants it: statistics and partition values.

Pure, but for `first_values`, which reads one row. The leaves of a footer are taken in their order,
for a name with a dot in it looks there like a field of a struct.
"""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Map, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow.parquet as pq

    from lakeworks.core.types import Schema, Type

_EXACT = frozenset({
    "boolean", "tinyint", "smallint", "int", "bigint", "string", "date", "timestamp",
    "timestamp_ntz",
})  # fmt: skip
MIXED = object()
UNKNOWN = object()


def footer_facts(metadata: pq.FileMetaData, schema: Schema) -> dict[str, dict[str, str]]:
    """Return `min`, `max` and `null_count` as text, by quoted path of the column."""
    facts = {}
    for leaf, path in enumerate(_paths(schema)):
        if path is not None:
            facts[path] = _facts(metadata, leaf)
    return facts


def only_value(metadata: pq.FileMetaData, schema: Schema, name: str) -> Any:  # noqa: ANN401
    """Return the value that a column has in all rows: `MIXED` when it has several.

    `UNKNOWN` when the footer does not tell.
    """
    field = schema.get(name)
    assert field is not None, name  # noqa: S101 - checked by the caller
    leaf = list(_paths(schema)).index(quote_identifier(field.name))
    nulls, bounds = _bounds(metadata, leaf)
    if nulls is None:
        return UNKNOWN
    if nulls == metadata.num_rows:
        return None
    if nulls:
        return MIXED
    if bounds is None or not (isinstance(field.type, Scalar) and field.type.name in _EXACT):
        return UNKNOWN
    return bounds[0] if bounds[0] == bounds[1] else MIXED


def first_values(file: pq.ParquetFile, names: Sequence[str]) -> dict[str, Any]:
    """Return columns of the first row."""
    batch = next(file.iter_batches(batch_size=1, columns=list(names)))
    return dict(batch.to_pylist()[0])


def partition_text(value: Any, kind: Type) -> str | None:  # noqa: ANN401 - a cell of any type
    """Return a partition value as the Delta log spells it; an empty text is null there."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case Number():
            return format(value, "f")
        case float():
            return _shortest(value) if kind == Scalar("float") else repr(value)
        case datetime():
            text = _moment(value)
            return text.rstrip("0").rstrip(".") if "." in text else text
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _paths(schema: Schema) -> Iterator[str | None]:
    """Yield each leaf's quoted path, or None where it lies in a list or a map."""
    for field in schema:
        yield from _leaves(field.type, quote_identifier(field.name))


def _leaves(kind: Type, path: str | None) -> Iterator[str | None]:
    match kind:
        case Struct(fields):
            for field in fields:
                below = f"{path}.{quote_identifier(field.name)}" if path else None
                yield from _leaves(field.type, below)
        case Array(element):
            yield from _leaves(element, None)
        case Map(key, value):
            yield from _leaves(key, None)
            yield from _leaves(value, None)
        case _:
            yield path


def _facts(metadata: pq.FileMetaData, leaf: int) -> dict[str, str]:
    nulls, bounds = _bounds(metadata, leaf)
    facts = {} if nulls is None else {"null_count": str(nulls)}
    if bounds is not None:
        low, high = (_text(value) for value in bounds)
        if low is not None and high is not None:
            facts |= {"min": low, "max": high}
        if any(value != value for value in bounds):  # noqa: PLR0124 - NaN alone differs from itself
            facts["has_nan"] = "true"
    return facts


def _bounds(metadata: pq.FileMetaData, leaf: int) -> tuple[int | None, tuple[Any, Any] | None]:
    """Return how many nulls a leaf has, and its least and greatest value where known."""
    nulls = 0
    lows, highs = [], []
    known = True
    for number in range(metadata.num_row_groups):
        column = metadata.row_group(number).column(leaf)
        part = column.statistics
        if part is None or not part.has_null_count:
            return None, None
        nulls += part.null_count
        if part.has_min_max:
            try:
                lows.append(part.min)
                highs.append(part.max)
            except (ValueError, OverflowError):  # a moment that Python's calendar lacks
                known = False
        elif part.null_count < column.num_values:
            known = False
    if not known or not lows:
        return nulls, None
    if any(value != value for value in (*lows, *highs)):  # noqa: PLR0124 - NaN has no order
        return nulls, (float("nan"), float("nan"))
    return nulls, (min(lows), max(highs))


def _text(value: Any) -> str | None:  # noqa: ANN401 - a bound of any type
    match value:
        case bool() | bytes():
            return None
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return str(value)


def _moment(value: datetime) -> str:
    plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return plain.isoformat(sep=" ", timespec="microseconds" if plain.microsecond else "seconds")


def _shortest(value: float) -> str:
    """Return the shortest text that reads back as the same 32 bits."""
    for digits in range(6, 9):
        near = float(f"{value:.{digits}g}")
        if struct.pack("f", near) == struct.pack("f", value):
            return repr(near)
    return repr(float(f"{value:.9g}"))
