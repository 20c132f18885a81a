"""Typed nulls and fields of structs, as masks and filters write them.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.sql_types import sql_type
from lakeworks.core.types import Decimal, Scalar

if TYPE_CHECKING:
    from lakeworks.core.types import Type


def typed_null(kind: Type) -> str:
    """Return null of a type."""
    return f"cast(null as {sql_type(kind)})"


def field_of(sql: str, name: str) -> str:
    """Return a field of a struct; in parentheses, lest the struct's name be taken for a table's."""
    return f"({sql}).{quote_identifier(name)}"


def is_plain(kind: Type) -> bool:
    """Whether values of a type can be cast to text and back: no nested type, no bytes."""
    return isinstance(kind, Decimal) or (isinstance(kind, Scalar) and kind.name != "binary")
