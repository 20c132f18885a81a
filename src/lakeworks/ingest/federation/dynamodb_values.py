"""Values of DynamoDB as values of columns. Pure: DynamoDB's JSON in, Arrow out.

Numbers come as text of up to 38 digits and are never made doubles on the way. A string column takes
strings only, so that a condition on it means there what it means here; maps, lists and attributes of
several kinds are read as JSON, or as the struct, list or map that the catalog declares.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from decimal import Decimal as Exact
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.core.types import Type
    from lakeworks.ingest.federation.connector import RemoteColumn

_BIGINT = 1 << 63
_INTEGERS = {"tinyint", "smallint", "int", "bigint"}


def arrow_array(
    items: list[dict[str, Any]], column: RemoteColumn, kind: pa.DataType
) -> pa.Array:
    """Return one attribute of some items as a column.

    Raises:
        ValueError, TypeError, ArithmeticError, pyarrow.ArrowInvalid: a value does not fit.
    """
    import pyarrow as pa

    name, wanted = column.remote, column.field.type
    if column.read == "json":
        return pa.array([as_json(item.get(name)) for item in items], kind)
    return pa.array([value_of(item.get(name), wanted) for item in items], kind)


def inferred_kind(value: dict[str, Any]) -> str:
    """Return the kind of a value: DynamoDB's letters, WHOLE for numbers that fit 64 bits."""
    [(letter, held)] = value.items()
    if letter == "N":
        number = Exact(held)
        return (
            "WHOLE" if number == number.to_integral_value() and abs(number) < _BIGINT else "N"
        )
    return letter


def value_of(value: dict[str, Any] | None, wanted: Type) -> Any:  # noqa: ANN401 - any value
    """Return a value of DynamoDB's as one of a type; missing and NULL are null.

    Raises:
        ValueError: it is of another kind.
    """
    if value is None or "NULL" in value:
        return None
    [(letter, held)] = value.items()
    match wanted:
        case Scalar(name):
            return _scalar(letter, held, name)
        case Decimal() if letter == "N":
            return Exact(held)
        case Array(element) if letter == "L":
            return [value_of(one, element) for one in held]
        case Array(element) if letter in {"SS", "NS", "BS"}:
            return [value_of({letter[0]: one}, element) for one in sorted(held)]
        case Map(_, inner) if letter == "M":
            return [(key, value_of(one, inner)) for key, one in held.items()]
        case Struct(fields) if letter == "M":
            return {f.name: value_of(held.get(f.name), f.type) for f in fields}
        case _:
            raise ValueError(_misfit(letter, wanted))


def _scalar(letter: str, held: Any, name: str) -> Any:  # noqa: ANN401
    match letter, name:
        case ("S", "string") | ("B", "binary") | ("BOOL", "boolean"):
            return held
        case "N", _ if name in _INTEGERS:
            number = Exact(held)
            if number == number.to_integral_value():
                return int(number)
        case "N", "double" | "float":
            return float(held)
        case "S", "date":
            return date.fromisoformat(held)
        case "S", "timestamp_ntz" | "timestamp":
            return datetime.fromisoformat(held)
        case _:
            pass
    raise ValueError(_misfit(letter, Scalar(name)))


def _misfit(letter: str, wanted: Type) -> str:
    return f"an item holds {letter} where {wanted} is expected"


def as_json(value: dict[str, Any] | None) -> str | None:
    """Return a value of any kind as JSON; numbers keep all their digits."""
    if value is None or "NULL" in value:
        return None
    return _written(value)


def _written(value: dict[str, Any]) -> str:
    [(letter, held)] = value.items()
    match letter:
        case "NULL":
            return "null"
        case "N":
            return str(held)
        case "B":
            return json.dumps(base64.b64encode(held).decode())
        case "L":
            return f"[{', '.join(map(_written, held))}]"
        case "M":
            parts = (f"{_text(key)}: {_written(one)}" for key, one in held.items())
            return f"{{{', '.join(parts)}}}"
        case "SS" | "NS" | "BS":
            return f"[{', '.join(_written({letter[0]: one}) for one in sorted(held))}]"
        case "BOOL":
            return "true" if held else "false"
        case _:
            return _text(held)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
