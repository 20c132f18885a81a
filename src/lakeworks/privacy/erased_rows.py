"""What an erasure deletes of a table, as SQL of the lake's dialect: rows, and elements of lists.

It says what `arrow_values.py` and `records.py` say of files: rows that name the person go, and those
that name nobody else once the person's elements are gone. Of the other rows only the elements go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Array, Map, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.types import Field, Schema, Type
    from lakeworks.privacy.table_search import TableFound

# Of each name of a path below a column, the person's values there.
_Below: TypeAlias = "list[tuple[list[str], Sequence[str]]]"


def condition(found: TableFound, schema: Schema, *, mentions: bool = False) -> str:
    """Return what is true of the person's rows.

    Args:
        found: What is there.
        schema: The table's columns.
        mentions: Whether others' rows go, too, that name the person in a text.
    """
    parts: list[str] = []
    others: list[str] = []
    in_lists: list[str] = []
    for path, values in found.look.columns.items():
        name, *rest = path.split(".")
        column = schema.get(name)
        if column is None or not values:
            continue
        place, told = quote_identifier(column.name), sorted(values)
        others.append(_at(place, column.type, rest, told, but=True))
        one = _at(place, column.type, rest, told)
        (in_lists if _is_in_list(column.type, rest) else parts).append(one)
    if in_lists:
        named = " or ".join(f"({one})" for one in others)
        hit = " or ".join(f"({one})" for one in in_lists)
        parts.append(f"coalesce({hit}, false) and not coalesce({named}, false)")
    cells = [found.found.cells, *([found.found.mentioned] if mentions else [])]
    for by_name in cells:
        for name, texts in by_name.items():
            column = schema.get(name)
            if column is not None:
                parts.append(_is_text(column.name, column.type, sorted(texts)))
    return " or ".join(f"({part})" for part in parts) or "false"


def emptied(found: TableFound, schema: Schema, where: str) -> str:
    """Return a SELECT of a table's other rows, without the elements that are the person's."""
    parts = [f"{_left(found, one)} as {quote_identifier(one.name)}" for one in schema]
    return f"select {', '.join(parts)} from {found.table} where not coalesce({where}, false)"


def _left(found: TableFound, column: Field) -> str:
    """Return what is left of a column of others' rows."""
    place, low = quote_identifier(column.name), column.name.lower()
    changed = found.found.changed.get(low) or found.found.changed.get(column.name)
    if changed:
        cases = " ".join(
            f"when {place} = {quote_literal(text)} then {quote_literal(left)}"
            for text, left in sorted(changed.items())
        )
        return f"case {cases} else {place} end"
    below = [
        (path.split(".")[1:], sorted(values))
        for path, values in found.look.columns.items()
        if path.partition(".")[0] == low and values
    ]
    return _without(place, column.type, [b for b in below if _is_in_list(column.type, b[0])], 0)


def _without(sql: str, kind: Type, below: _Below, depth: int) -> str:
    """Return a value without the person's elements of the lists in it."""
    if not below:
        return sql
    if isinstance(kind, Array):
        item, element = f"x{depth}", kind.element
        own = [one for one in below if not _is_in_list(element, one[0])]
        gone = " or ".join(
            _at(item, element, path, told, depth=depth + 1) for path, told in own
        )
        kept = f"list_filter({sql}, {item} -> not coalesce({gone}, false))" if gone else sql
        deeper = [one for one in below if _is_in_list(element, one[0])]
        inner = _without(item, element, deeper, depth + 1)
        return kept if inner == item else f"list_transform({kept}, {item} -> {inner})"
    if not isinstance(kind, Struct):
        return sql  # of a map: its row is the person's, or none of it
    parts = []
    for field in kind.fields:
        name = quote_identifier(field.name)
        mine = [(path[1:], told) for path, told in below if path[:1] == [field.name.lower()]]
        parts.append(f"{name} := {_without(f'{sql}.{name}', field.type, mine, depth)}")
    return f"(case when {sql} is not null then struct_pack({', '.join(parts)}) end)"


def _is_in_list(kind: Type, path: Sequence[str]) -> bool:
    """Whether what is at a path below a type is in a list."""
    rest = list(path)
    while not isinstance(kind, Array):
        if isinstance(kind, Map):
            kind = kind.value
        elif isinstance(kind, Struct) and rest:
            first = rest.pop(0)
            found = next((f.type for f in kind.fields if f.name.lower() == first), None)
            if found is None:
                return False
            kind = found
        else:
            return False
    return True


def _at(
    sql: str, kind: Type, path: list[str], told: Sequence[str], *, but: bool = False, depth: int = 0
) -> str:  # fmt: skip
    """Return that one of some values is at a path; with `but`, that another value is."""
    if isinstance(kind, Map):
        return _at(f"map_values({sql})", Array(kind.value), path, told, but=but, depth=depth)
    if isinstance(kind, Array):
        item = f"x{depth}"
        inner = _at(item, kind.element, path, told, but=but, depth=depth + 1)
        return f"len(list_filter({sql}, {item} -> {inner})) > 0"
    if path and isinstance(kind, Struct):
        field = next((f for f in kind.fields if f.name.lower() == path[0]), None)
        if field is None:
            return "false"
        place = f"{sql}.{quote_identifier(field.name)}"
        return _at(place, field.type, path[1:], told, but=but, depth=depth)
    plain = sql if kind == Scalar("string") else f"cast({sql} as varchar)"
    return f"{plain} {'not ' if but else ''}in ({_listed(told)})"


def _is_text(name: str, kind: Type, texts: list[str]) -> str:
    column = quote_identifier(name)
    plain = column if kind == Scalar("string") else f"cast(to_json({column}) as varchar)"
    return f"{plain} in ({_listed(texts)})"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(quote_literal(one) for one in values)
