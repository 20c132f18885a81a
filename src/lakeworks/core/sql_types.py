"""How types are written in the lake's SQL dialect, which is DuckDB's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct

if TYPE_CHECKING:
    from lakeworks.core.types import Type

SCALAR_NAMES = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER",
    "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR",
    "binary": "BLOB", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
}  # fmt: skip


def sql_type(kind: Type) -> str:
    """Return a type's name in SQL."""
    match kind:
        case Scalar(name):
            return SCALAR_NAMES[name]
        case Decimal(precision, scale):
            return f"DECIMAL({precision},{scale})"
        case Array(element):
            return f"{sql_type(element)}[]"
        case Map(key, value):
            return f"MAP({sql_type(key)}, {sql_type(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote_identifier(f.name)} {sql_type(f.type)}" for f in fields)
            return f"STRUCT({inner})"
