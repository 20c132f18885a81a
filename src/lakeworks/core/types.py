"""Column types and schemas, in Spark's and Glue's spelling, free of any engine.

Pure. `parse_type` and `str` are inverse. Two kinds of timestamp exist, as in Delta Lake:
`timestamp` is an instant (UTC), `timestamp_ntz` a wall-clock reading without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from lakeworks.core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCALARS = frozenset({
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary",
    "date", "timestamp", "timestamp_ntz",
})  # fmt: skip
T = TypeVar("T")
_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}


class TypeTextError(RequestError):
    """A type was written in a way that `parse_type` does not know."""

    code = "LW004"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One of `SCALARS`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Decimal:
    """Exact numbers of `precision` digits, `scale` of them after the point."""

    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class Array:
    """A list of elements of one type."""

    element: Type

    def __str__(self) -> str:
        return f"array<{self.element}>"


@dataclass(frozen=True, slots=True)
class Map:
    """Keys of one type to values of one type."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map<{self.key},{self.value}>"


@dataclass(frozen=True, slots=True)
class Struct:
    """Named fields, in order."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"struct<{','.join(f'{_struct_name(f.name)}:{f.type}' for f in self.fields)}>"


Type = Scalar | Decimal | Array | Map | Struct


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one field of a struct."""

    name: str
    type: Type
    nullable: bool = True
    comment: str = ""


class _Indexed:
    """Has room for what `Schema.get` derives: no field, so it is not compared, copied or sent."""

    __slots__ = ("_by_name",)
    _by_name: dict[str, Field]


@dataclass(frozen=True, slots=True)
class Schema(_Indexed):
    """The columns of a table, in order; names are unique without regard to case."""

    fields: tuple[Field, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(f.name for f in self.fields)

    def get(self, name: str) -> Field | None:
        """Return the column of that name, without regard to case, or None."""
        try:
            found = self._by_name
        except AttributeError:
            # Backwards, so that of names that are equal after all the first counts.
            found = {f.name.casefold(): f for f in reversed(self.fields)}
            object.__setattr__(self, "_by_name", found)
        return found.get(name.casefold())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


@dataclass(frozen=True, slots=True)
class Evolution:
    """What it takes for a table of one schema to hold rows of another.

    Attributes:
        schema: The table's schema afterwards, old columns first.
        added: Columns that are new.
        widened: (column path, old type, new type) for types that grow without loss.
        narrowed: (column path, old type, offered type) that cannot be held: refuse these.
    """

    schema: Schema
    added: tuple[Field, ...]
    widened: tuple[tuple[str, Type, Type], ...]
    narrowed: tuple[tuple[str, Type, Type], ...]

    @property
    def changes_schema(self) -> bool:
        """Whether the table's schema is altered at all."""
        return bool(self.added or self.widened)


def widest(old: Type, new: Type) -> Type | None:  # noqa: C901 - one case a kind of type
    """Return the smallest type that holds both without loss, or None.

    Integers widen among themselves and to decimals and double, float to double, decimals to
    decimals with as many digits on both sides of the point, date to timestamp_ntz; structs by
    the union of their fields, arrays and maps by their parts. (Delta Lake protocol, "Type
    widening"; bigint to double is added for JSON's numbers, exact up to 2**53.)
    """
    if old == new:
        return old
    match old, new:
        case Scalar(), Scalar():
            return _widest_scalar(old.name, new.name)
        case Decimal(), Decimal():
            scale = max(old.scale, new.scale)
            precision = max(old.precision - old.scale, new.precision - new.scale) + scale
            return Decimal(precision, scale) if precision <= 38 else None  # noqa: PLR2004
        case (Decimal() as dec, Scalar(name)) | (Scalar(name), Decimal() as dec):
            if name in _INTEGERS:
                return widest(dec, Decimal(_DIGITS[name], 0))
            return Scalar("double") if name == "double" else None
        case Array(), Array():
            element = widest(old.element, new.element)
            return Array(element) if element else None
        case Map(), Map():
            key, value = widest(old.key, new.key), widest(old.value, new.value)
            return Map(key, value) if key and value else None
        case Struct(), Struct():
            return _widest_struct(old, new)
        case _:
            return None


def evolve(old: Schema, new: Schema) -> Evolution:
    """Compare a table's schema with that of rows to be written; order does not matter."""
    fields: list[Field] = []
    widened: list[tuple[str, Type, Type]] = []
    narrowed: list[tuple[str, Type, Type]] = []
    for have in old:
        offered = new.get(have.name)
        if offered is None or offered.type == have.type:
            fields.append(have)
            continue
        wide = widest(have.type, offered.type)
        if wide is None:
            narrowed.append((have.name, have.type, offered.type))
            fields.append(have)
            continue
        if wide != have.type:
            widened.append((have.name, have.type, wide))
        fields.append(Field(have.name, wide, have.nullable, have.comment))
    added = tuple(f for f in new if f.name not in old)
    return Evolution(Schema((*fields, *added)), added, tuple(widened), tuple(narrowed))


def parse_type(text: str) -> Type:
    """Read a type such as `struct<street:string,zips:array<int>>` or `decimal(10,2)`.

    Raises:
        TypeTextError: the text is not a type.
    """
    reader = _TypeReader(text)
    found = reader.type()
    reader.end()
    return found


def _widest_scalar(old: str, new: str) -> Type | None:
    pair = {old, new}
    if pair <= set(_INTEGERS):
        return Scalar(max(pair, key=_INTEGERS.index))
    if pair <= {*_INTEGERS, "float", "double"}:
        return Scalar("double")
    if pair == {"date", "timestamp_ntz"}:
        return Scalar("timestamp_ntz")
    return None


def _widest_struct(old: Struct, new: Struct) -> Type | None:
    step = evolve(Schema(old.fields), Schema(new.fields))
    return None if step.narrowed else Struct(step.schema.fields)


def _struct_name(name: str) -> str:
    plain = name.replace("_", "").isalnum()
    return name if plain else "`" + name.replace("`", "``") + "`"


_ALIASES = {
    "integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "bool": "boolean",
    "varchar": "string", "text": "string", "char": "string", "real": "float",
    "blob": "binary", "bytes": "binary",
}  # fmt: skip


class _TypeReader:
    """A recursive-descent reader over the text of one type."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def type(self) -> Type:
        name = self._word()
        if name == "array":
            return Array(self._inside(self.type))
        if name == "map":
            return self._inside(self._map)
        if name == "struct":
            return self._inside(self._struct)
        if name in {"decimal", "numeric"}:
            return self._decimal()
        name = _ALIASES.get(name, name)
        if name not in SCALARS:
            raise self._wrong(f"{name!r} is not a type")
        return Scalar(name)

    def end(self) -> None:
        self._spaces()
        if self.at != len(self.text):
            raise self._wrong(f"{self.text[self.at :]!r} follows the type")

    def _inside(self, read: Callable[[], T]) -> T:
        self._expect("<")
        found = read()
        self._expect(">")
        return found

    def _map(self) -> Map:
        key = self.type()
        self._expect(",")
        return Map(key, self.type())

    def _struct(self) -> Struct:
        fields: list[Field] = []
        while not self._peek(">"):
            if fields:
                self._expect(",")
            name = self._field_name()
            self._expect(":")
            fields.append(Field(name, self.type()))
        return Struct(tuple(fields))

    def _decimal(self) -> Decimal:
        if not self._peek("("):
            return Decimal(38, 10)
        self._expect("(")
        precision = int(self._word())
        scale = 0
        if self._peek(","):
            self._expect(",")
            scale = int(self._word())
        self._expect(")")
        if not (0 < precision <= 38 and 0 <= scale <= precision):  # noqa: PLR2004
            raise self._wrong("a decimal has 1 to 38 digits and no larger scale")
        return Decimal(precision, scale)

    def _field_name(self) -> str:
        if not self._peek("`"):
            return self._word(fold=False)
        self.at += 1
        name = ""
        while self.at < len(self.text):
            end = self.text.find("`", self.at)
            if end < 0:
                break
            name += self.text[self.at : end]
            self.at = end + 1
            if self.text[self.at : self.at + 1] != "`":
                return name
            name += "`"
            self.at += 1
        raise self._wrong("a quoted name has no end")

    def _word(self, *, fold: bool = True) -> str:
        self._spaces()
        start = self.at
        while self.at < len(self.text) and (
            self.text[self.at].isalnum() or self.text[self.at] == "_"
        ):
            self.at += 1
        if start == self.at:
            raise self._wrong("a name or type is expected")
        word = self.text[start : self.at]
        return word.lower() if fold else word

    def _spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _peek(self, mark: str) -> bool:
        self._spaces()
        return self.text.startswith(mark, self.at)

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            raise self._wrong(f"{mark!r} is expected")
        self.at += len(mark)

    def _wrong(self, problem: str) -> TypeTextError:
        return TypeTextError(
            f"type {self.text!r}, at character {self.at + 1}: {problem}",
            "types are boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), "
            "string, binary, date, timestamp, timestamp_ntz, array<T>, map<K,V>, struct<name:T>",
        )
