"""The kinds of values that decide how Athena's SQL is to be written in the lake's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Decimal, Map, Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.types import Type


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a value before it is computed.

    Attributes:
        name: `int`, `double`, `decimal`, `text`, `bool`, `date`, `timestamp`, `timestamptz`,
            `time`, `interval`, `json`, `binary`, `array`, `map`, `row`, `null`, or `unknown`.
        of: The kinds within it: an array's element, a map's key and value, a row's fields.
        names: A row's fields by name, where they have one.
        digits: Precision and scale of a decimal.
    """

    name: str
    of: tuple[Kind, ...] = ()
    names: tuple[str, ...] = ()
    digits: tuple[int, int] = (38, 0)

    @property
    def element(self) -> Kind:
        """An array's element, or a map's value."""
        return self.of[-1] if self.name in {"array", "map"} and self.of else UNKNOWN

    def field(self, name: str) -> Kind:
        """Return a row's field."""
        names = [one.lower() for one in self.names]
        return self.of[names.index(name.lower())] if name.lower() in names else UNKNOWN


UNKNOWN = Kind("unknown")
NULL = Kind("null")
_SCALARS = {
    "boolean": "bool", "tinyint": "int", "smallint": "int", "int": "int", "bigint": "int",
    "float": "double", "double": "double", "string": "text", "binary": "binary",
    "date": "date", "timestamp": "timestamptz", "timestamp_ntz": "timestamp",
}  # fmt: skip
# The name that sqlglot gives a type, where this package knows it.
PARSED = {
    "BOOLEAN": "bool", "TINYINT": "int", "SMALLINT": "int", "INT": "int", "BIGINT": "int",
    "FLOAT": "double", "DOUBLE": "double", "VARCHAR": "text", "TEXT": "text", "DATE": "date",
    "TIMESTAMP": "timestamp", "TIMESTAMPTZ": "timestamptz", "TIME": "time", "JSON": "json",
    "VARBINARY": "binary", "UUID": "uuid",
}  # fmt: skip


def array_of(element: Kind) -> Kind:
    """Return the kind of an array."""
    return Kind("array", (element,))


def of_type(type_: Type) -> Kind:
    """Return the kind of a table's column."""
    if isinstance(type_, Decimal):
        return Kind("decimal", digits=(type_.precision, type_.scale))
    if isinstance(type_, Array):
        return array_of(of_type(type_.element))
    if isinstance(type_, Map):
        return Kind("map", (of_type(type_.key), of_type(type_.value)))
    if isinstance(type_, Struct):
        inner = tuple(of_type(one.type) for one in type_.fields)
        return Kind("row", inner, tuple(one.name for one in type_.fields))
    return Kind(_SCALARS.get(type_.name, "unknown"))


def common(kinds: Iterable[Kind]) -> Kind:
    """Return the kind that values of several kinds become when they stand in one place."""
    found = [one for one in kinds if one.name != "null"]
    if not found:
        return NULL
    first = found[0]
    if all(one.name == first.name for one in found):
        return first if first.name != "decimal" else _widest(found)
    names = {one.name for one in found}
    if names <= {"int", "double", "decimal"}:
        if "double" in names:
            return Kind("double")
        return _widest(
            [one if one.name == "decimal" else Kind("decimal", digits=(19, 0)) for one in found]
        )
    if names <= {"date", "timestamp", "timestamptz"}:
        return Kind("timestamptz" if "timestamptz" in names else "timestamp")
    return UNKNOWN


def arithmetic(operator: str, left: Kind, right: Kind) -> Kind:
    """Return the kind of a sum, difference, product, quotient or remainder."""
    names = {left.name, right.name}
    if names <= {"int", "double", "decimal"}:
        if "double" in names:
            return Kind("double")
        if names == {"int"}:
            return left
        return Kind("decimal", digits=_digits(operator, _exact(left), _exact(right)))
    if "interval" in names:
        if operator in "*/":
            return Kind("interval")
        return left if right.name == "interval" else right
    if operator == "-" and names <= {"date", "timestamp", "timestamptz"}:
        return Kind("interval")
    return UNKNOWN


def _widest(found: list[Kind]) -> Kind:
    scale = max(one.digits[1] for one in found)
    whole = max(one.digits[0] - one.digits[1] for one in found)
    return Kind("decimal", digits=(min(38, whole + scale), scale))


def _exact(kind: Kind) -> tuple[int, int]:
    return kind.digits if kind.name == "decimal" else (19, 0)


def _digits(operator: str, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    (p1, s1), (p2, s2) = left, right
    if operator == "*":
        found = (p1 + p2, s1 + s2)
    elif operator == "/":
        found = (p1 + s2 + max(0, s2 - s1), max(s1, s2))
    elif operator == "%":
        found = (min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    else:
        found = (max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2))
    return min(38, found[0]), min(38, found[1])
