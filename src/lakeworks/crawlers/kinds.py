"""Types of values and columns that were seen, and what holds them all.

Pure. Types are those of `core.types`, and `VOID` where only nulls were seen. When two types
conflict, the smallest type that holds both without loss wins (int, bigint, double; structs by
the union of their fields; arrays by their elements), and string where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Struct, widest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.types import Type

VOID = Scalar("void")
BOOLEAN, INT, BIGINT = Scalar("boolean"), Scalar("int"), Scalar("bigint")
DOUBLE, STRING = Scalar("double"), Scalar("string")
# An object of more keys holds data in its keys: it is a map.
MAX_STRUCT_FIELDS = 1_000
MAX_DEPTH = 40
# Glue takes no longer type.
MAX_TYPE_CHARACTERS = 131_072
_INT_END, _BIGINT_END = 2**31, 2**63
_DECIMAL_END = 10**38

Columns = tuple[tuple[str, "Type"], ...]


def of_value(value: Any, depth: int = 0) -> Type:  # noqa: ANN401 - JSON
    """Return the type of one JSON value."""
    kind = type(value)
    if kind is str:
        return STRING
    if kind is int:
        return of_int(value)
    if kind is float:
        return DOUBLE
    if kind is bool:
        return BOOLEAN
    if depth >= MAX_DEPTH:
        return STRING if value is not None else VOID
    if kind is dict:
        return _of_object(value, depth)
    return Array(_of_all(value, depth)) if kind is list else VOID


def of_int(value: int) -> Type:
    """Return the smallest type of Glue's JSON classifier that holds an integer."""
    if -_INT_END <= value < _INT_END:
        return INT
    if -_BIGINT_END <= value < _BIGINT_END:
        return BIGINT
    return Decimal(38, 0) if -_DECIMAL_END < value < _DECIMAL_END else STRING


def combined(one: Type, other: Type) -> Type:
    """Return the type that holds both; string where they conflict."""
    if other in (one, VOID):
        return one
    if one == VOID:
        return other
    match one, other:
        case Struct(), Struct():
            return _united(one, other)
        case Array(), Array():
            return Array(combined(one.element, other.element))
        case Map(), Map():
            return Map(combined(one.key, other.key), combined(one.value, other.value))
        case (Map() as map_, Struct() as struct) | (Struct() as struct, Map() as map_):
            return Map(map_.key, _all([map_.value, *(f.type for f in struct.fields)]))
        case _:
            return widest(one, other) or STRING


def merged(one: Columns, other: Columns) -> Columns:
    """Return the columns of both, the first ones first, equal names (but for case) once."""
    if one == other:
        return one
    found: dict[str, tuple[str, Type]] = {name.lower(): (name, kind) for name, kind in one}
    for name, kind in other:
        key = name.lower()
        have = found.get(key)
        found[key] = (name, kind) if have is None else (have[0], combined(have[1], kind))
    return tuple(found.values())


def alike(one: Type, other: Type) -> bool:
    """Whether one column may hold both without becoming a string for it."""
    if one == other or VOID in {one, other}:
        return True
    if isinstance(one, Struct | Map) and isinstance(other, Struct | Map):
        return True
    if isinstance(one, Array) and isinstance(other, Array):
        return alike(one.element, other.element)
    return combined(one, other) != STRING


def hive_text(kind: Type) -> str:
    """Return a type as Glue and Hive write it; what they have no word for becomes string."""
    text = str(settled(kind))
    return text if len(text) <= MAX_TYPE_CHARACTERS else "string"


def settled(kind: Type) -> Type:
    """Return a type without what Hive does not know: void, empty structs, wall-clock times."""
    match kind:
        case Scalar(name):
            if name == "void":
                return STRING
            return Scalar("timestamp") if name == "timestamp_ntz" else kind
        case Array():
            return Array(settled(kind.element))
        case Map():
            return Map(settled(kind.key), settled(kind.value))
        case Struct():
            if not kind.fields:
                return STRING
            return Struct(tuple(Field(f.name, settled(f.type)) for f in kind.fields))
        case _:
            return kind


class Record:
    """The columns of JSON records, gathered one by one."""

    def __init__(self) -> None:
        self.columns: dict[str, Type] = {}
        self.rows = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        self.rows += 1
        columns = self.columns
        for name, value in record.items():
            kind = STRING if type(value) is str else of_value(value)
            have = columns.get(name)
            if have is not kind:
                columns[name] = kind if have is None else combined(have, kind)

    def found(self) -> Columns:
        """Return the columns; names that differ in case only are one."""
        return merged((), tuple(self.columns.items()))


def _of_object(value: dict[str, Any], depth: int) -> Type:
    if len(value) > MAX_STRUCT_FIELDS:
        return Map(STRING, _of_all(value.values(), depth))
    fields = merged((), tuple((name, of_value(one, depth + 1)) for name, one in value.items()))
    return Struct(tuple(Field(name, kind) for name, kind in fields))


def _of_all(values: Iterable[Any], depth: int) -> Type:
    return _all(of_value(value, depth + 1) for value in values)


def _all(kinds: Iterable[Type]) -> Type:
    found: Type = VOID
    for kind in kinds:
        if kind is not found:
            found = combined(found, kind)
    return found


def _united(one: Struct, other: Struct) -> Type:
    fields = merged(
        tuple((f.name, f.type) for f in one.fields),
        tuple((f.name, f.type) for f in other.fields),
    )
    if len(fields) > MAX_STRUCT_FIELDS:
        return Map(STRING, _all(kind for _, kind in fields))
    return Struct(tuple(Field(name, kind) for name, kind in fields))
