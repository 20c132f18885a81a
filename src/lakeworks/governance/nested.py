"""Structs of which some fields are shown: the same type, null where a field is not.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Struct
from lakeworks.governance.sql_types import field_of, typed_null

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.types import Type


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """One field of a struct, by its path from the column on.

    Attributes:
        shown: Whether it is shown in any row.
        condition: The rows in which it is; None for all that are seen.
    """

    path: tuple[str, ...]
    shown: bool
    condition: str | None = None


def written_struct(sql: str, kind: Type, fields: Iterable[FieldAccess]) -> str:
    """Return a struct with what may be shown of its fields, as SQL.

    Args:
        sql: The column.
        kind: Its type.
        fields: What may be shown of each of its innermost fields.
    """
    by_path = {one.path: one for one in fields}
    return _written(sql, kind, next(iter(by_path))[:1], by_path)


def _written(
    sql: str, kind: Type, path: tuple[str, ...], fields: Mapping[tuple[str, ...], FieldAccess]
) -> str:
    own = fields.get(path)
    if own is not None:
        if not own.shown:
            return typed_null(kind)
        if own.condition is None:
            return sql
        return f"(case when {own.condition} then {sql} end)"
    within = [one for at, one in fields.items() if at[: len(path)] == path and one.shown]
    if not within or not isinstance(kind, Struct):
        return typed_null(kind)
    parts = []
    for field in kind.fields:
        written = _written(field_of(sql, field.name), field.type, (*path, field.name), fields)
        parts.append(f"{quote_identifier(field.name)} := {written}")
    there = f"{sql} is not null"
    if all(one.condition is not None for one in within):
        # A struct of nulls in a row in which no field is shown would tell that it is not null.
        conditions = dict.fromkeys(str(one.condition) for one in within)
        there = f"{there} and ({' or '.join(conditions)})"
    return f"(case when {there} then struct_pack({', '.join(parts)}) end)"
