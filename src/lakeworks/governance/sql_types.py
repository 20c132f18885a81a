"""Types as the lake's dialect writes them, for casts in masks.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct

if TYPE_CHECKING:
    from lakeworks.core.types import Type

_SCALARS = {
    "boolean": "boolean", "tinyint": "tinyint", "smallint": "smallint", "int": "integer",
    "bigint": "bigint", "float": "float", "double": "double", "string": "varchar",
    "binary": "blob", "date": "date", "timestamp": "timestamp with time zone",
    "timestamp_ntz": "timestamp",
}  # fmt: skip


def sql_type(kind: Type) -> str:
    """Return a type's name in SQL."""
    match kind:
        case Scalar(name):
            return _SCALARS[name]
        case Decimal(precision, scale):
            return f"decimal({precision}, {scale})"
        case Array(element):
            return f"{sql_type(element)}[]"
        case Map(key, value):
            return f"map({sql_type(key)}, {sql_type(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote_identifier(f.name)} {sql_type(f.type)}" for f in fields)
            return f"struct({inner})"


def typed_null(kind: Type) -> str:
    """Return null of a type."""
    return f"cast(null as {sql_type(kind)})"


def field_of(sql: str, name: str) -> str:
    """Return a field of a struct; in parentheses, lest the struct's name be taken for a table's."""
    return f"({sql}).{quote_identifier(name)}"


def is_plain(kind: Type) -> bool:
    """Whether values of a type can be cast to text and back: no nested type, no bytes."""
    return isinstance(kind, Decimal) or (isinstance(kind, Scalar) and kind.name != "binary")
