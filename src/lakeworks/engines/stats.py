"""Column statistics of a written file, as the Delta log wants them.

Pure. Takes text by dotted, quoted column path, as DuckDB tells it; Delta wants typed values
nested like the schema. A bound that cannot be stated exactly is left out, or moved outwards:
a reader may skip too few files, never one too many.
"""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Decimal, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lakeworks.core.types import Field, Schema, Type

STRING_PREFIX = 32
_LAST_CODE_POINT = "\U0010ffff"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00(?::00)?)?")
_WITH_BOUNDS = frozenset({
    "tinyint", "smallint", "int", "bigint", "float", "double", "string", "date", "timestamp",
    "timestamp_ntz",
})  # fmt: skip


def delta_stats(
    rows: int,
    columns: Mapping[str, Mapping[str, str]],
    schema: Schema,
    *,
    leave_out: Collection[str] = (),
) -> dict[str, Any]:
    """Return `numRecords`, `minValues`, `maxValues` and `nullCount` of one file.

    Args:
        rows: How many the file holds.
        columns: By quoted path to `min`, `max`, `null_count`.
        schema: The file's columns.
        leave_out: Partition columns: their value is in the log already.
    """
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    nulls: dict[str, Any] = {}
    for field in schema:
        if field.name not in leave_out:
            _collect(field, "", columns, (least, most, nulls))
    return {"numRecords": rows, "minValues": least, "maxValues": most, "nullCount": nulls}


def _collect(
    field: Field,
    prefix: str,
    columns: Mapping[str, Mapping[str, str]],
    into: tuple[dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    path = prefix + quote_identifier(field.name)
    least, most, nulls = into
    if isinstance(field.type, Struct):
        inner: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {})
        for part in field.type.fields:
            _collect(part, f"{path}.", columns, inner)
        for whole, found in zip(into, inner, strict=True):
            if found:
                whole[field.name] = found
        return
    facts = columns.get(path)
    if facts is None:
        return
    if "null_count" in facts:
        nulls[field.name] = int(facts["null_count"])
    low, high = _bounds(field.type, facts)
    # One bound alone is of no use to most readers and trips some of them.
    if low is not None and high is not None:
        least[field.name], most[field.name] = low, high


def _bounds(kind: Type, facts: Mapping[str, str]) -> tuple[Any, Any]:
    low, high = facts.get("min"), facts.get("max")
    if low is None or high is None or facts.get("has_nan") == "true":
        return None, None
    if isinstance(kind, Decimal):
        return _exact_decimal(low), _exact_decimal(high)
    if not isinstance(kind, Scalar) or kind.name not in _WITH_BOUNDS:
        return None, None
    match kind.name:
        case "string":
            return low[:STRING_PREFIX], _string_above(high)
        case "date":
            return _date(low), _date(high)
        case "timestamp" | "timestamp_ntz":
            zone = "Z" if kind.name == "timestamp" else ""
            return _moment(low, zone, up=False), _moment(high, zone, up=True)
        case "float" | "double":
            single = kind.name == "float"
            return _float(low, single=single), _float(high, single=single)
        case _:
            return int(low), int(high)


def _exact_decimal(text: str) -> float | int | None:
    """Delta states decimals as JSON numbers, which most readers take for doubles."""
    exact = Number(text)
    if exact == exact.to_integral_value() and abs(exact) < 2**53:
        return int(exact)
    near = float(exact)
    return near if Number(repr(near)) == exact else None


def _float(text: str, *, single: bool) -> float | None:
    number = float(text)
    if not math.isfinite(number):
        return None
    if single:
        # DuckDB prints the shortest text that reads back as 32 bits; a reader compares in 64.
        number = struct.unpack("f", struct.pack("f", number))[0]
    return number


def _string_above(text: str) -> str:
    """Return a short text that no value of the file sorts after."""
    if len(text) <= STRING_PREFIX:
        return text
    return text[:STRING_PREFIX] + _LAST_CODE_POINT


def _date(text: str) -> str | None:
    return text if _DATE.fullmatch(text) else None


def _moment(text: str, zone: str, *, up: bool) -> str | None:
    """Round to the millisecond, outwards: older readers know no finer statistics."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction = found.groups()
    micros = int((fraction or "0").ljust(6, "0"))
    millis, rest = divmod(micros, 1000)
    if up and rest:
        millis += 1
        if millis == 1000:  # noqa: PLR2004 - would carry into the seconds: keep the micros
            return f"{day}T{clock}.{micros:06d}{zone}"
    return f"{day}T{clock}.{millis:03d}{zone}"
