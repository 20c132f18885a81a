"""Turn one column of a result into values that JSON, CSV and a person can read.

Pure. Decimals, dates and times become text, so that no digit is lost; NaN and infinities, which
JSON does not have, become null. Bytes become Base64.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

# How DuckDB hands over its 128-bit integers, which is what the sum of integers gives.
_HUGE_INTEGER = (38, 0)


def json_values(column: pa.Array) -> list[Any]:
    """Return a column's values as JSON has them."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return list(column.to_pylist())
    if pa.types.is_decimal(kind) and (kind.precision, kind.scale) == _HUGE_INTEGER:
        return [None if value is None else int(value) for value in column.to_pylist()]
    return [plain(value) for value in python_values(column)]


def python_values(column: pa.Array) -> list[Any]:
    """Return a column's Python values; moments beyond Python's years as text."""
    import pyarrow as pa

    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowInvalid):
        return list(column.cast(pa.string()).to_pylist())


def plain(value: Any) -> Any:  # noqa: ANN401 - any value a column can hold
    """Return a Python value as one that the json module writes strictly."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return _plain_list(value)
    return as_text(value)


def as_text(value: object) -> str:
    """Return the text of a scalar value."""
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _plain_list(values: list[Any]) -> Any:  # noqa: ANN401
    # Arrow gives a map as a list of pairs, and nothing else as tuples.
    if values and all(
        isinstance(value, tuple) and not hasattr(value, "_fields") for value in values
    ):
        return {_key(key): plain(inner) for key, inner in values}
    return [plain(value) for value in values]


def _key(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else as_text(value)


def _decimal(value: Any) -> str:  # noqa: ANN401
    return f"{value:f}"


def _moment(value: Any) -> str:  # noqa: ANN401
    return str(value.isoformat())


def _bytes(value: Any) -> str:  # noqa: ANN401
    return base64.b64encode(value).decode("ascii")


_TEXTS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (Decimal, _decimal),
    ((dt.datetime, dt.date, dt.time), _moment),
    (bytes, _bytes),
)
