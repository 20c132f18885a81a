"""DuckDB's type names and Lakeworks' types, in both directions.

Pure: text in, types out. Types that a Delta table cannot hold become the nearest one that can
without loss; `parquet_io` casts to what `to_duckdb(from_duckdb(text))` says before it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lakeworks.core.sql_types import SCALAR_NAMES, sql_type
from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Struct
from lakeworks.engines.errors import UnsupportedTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Type

T = TypeVar("T")
_FROM: dict[str, Type] = {
    **{name: Scalar(word) for word, name in SCALAR_NAMES.items()},
    # sum() over integers gives HUGEINT, which no table format has; a sum beyond 64 bits
    # fails in the cast instead of losing digits.
    "HUGEINT": Scalar("bigint"),
    "UTINYINT": Scalar("smallint"), "USMALLINT": Scalar("int"), "UINTEGER": Scalar("bigint"),
    "UBIGINT": Decimal(20, 0),
    "TIMESTAMP_S": Scalar("timestamp_ntz"), "TIMESTAMP_MS": Scalar("timestamp_ntz"),
    "TIMESTAMP_NS": Scalar("timestamp_ntz"), "TIMESTAMPTZ": Scalar("timestamp"),
    "TIMESTAMP_TZ": Scalar("timestamp"), "DATETIME": Scalar("timestamp_ntz"),
    **{name: Scalar("string") for name in (
        "JSON", "UUID", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "TIMETZ", "INTERVAL", "BIT",
        "ENUM", "NULL", '"NULL"', "TEXT", "STRING", "UHUGEINT", "BIGNUM",
    )},
    "INT": Scalar("int"), "LONG": Scalar("bigint"), "REAL": Scalar("float"),
    "BYTEA": Scalar("binary"), "BOOL": Scalar("boolean"),
}  # fmt: skip


def to_duckdb(kind: Type) -> str:
    """Return the DuckDB type that holds `kind`: its dialect is the lake's."""
    return sql_type(kind)


def from_duckdb(text: str, *, column: str = "") -> Type:
    """Return the type of a table's column that holds DuckDB's type `text`.

    Args:
        text: As `DESCRIBE` or `str(relation.types[i])` gives it.
        column: Named in the error.

    Raises:
        UnsupportedTypeError: a union, or a type unknown here.
    """
    reader = _Reader(text, column)
    found = reader.type()
    reader.end()
    return found


class _Reader:
    """A recursive-descent reader over the text of one DuckDB type."""

    def __init__(self, text: str, column: str) -> None:
        self.text = text
        self.column = column
        self.at = 0

    def type(self) -> Type:
        found: Type = self._plain()
        while self._peek("["):
            self.at = self.text.index("]", self.at) + 1
            found = Array(found)
        return found

    def end(self) -> None:
        if self.text[self.at :].strip():
            raise self._unsupported()

    def _plain(self) -> Type:
        name = self._name()
        match name:
            case "STRUCT":
                return self._inside(self._struct)
            case "MAP":
                return self._inside(self._map)
            case "DECIMAL" | "NUMERIC":
                return self._decimal()
            case "ENUM":
                self._skip_parentheses()
                return Scalar("string")
            case "VARCHAR" | "TIMESTAMP" if self._peek("("):
                self._skip_parentheses()
        if name not in _FROM:
            raise self._unsupported()
        return _FROM[name]

    def _name(self) -> str:
        """Read a type's words up to a mark: `TIMESTAMP WITH TIME ZONE`, `"NULL"`."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in "(),[]":
            self.at += 1
        return self.text[start : self.at].strip().upper()

    def _inside(self, read: Callable[[], T]) -> T:
        self._expect("(")
        found = read()
        self._expect(")")
        return found

    def _struct(self) -> Struct:
        fields: list[Field] = []
        while not self._peek(")"):
            if fields:
                self._expect(",")
            name = self._field_name()
            fields.append(Field(name, self.type()))
        return Struct(tuple(fields))

    def _field_name(self) -> str:
        self._spaces()
        if not self._peek('"'):
            start = self.at
            while self.at < len(self.text) and self.text[self.at] not in " (),":
                self.at += 1
            return self.text[start : self.at]
        name = ""
        self.at += 1
        while True:
            end = self.text.find('"', self.at)
            if end < 0:
                raise self._unsupported()
            name += self.text[self.at : end]
            self.at = end + 1
            if self.text[self.at : self.at + 1] != '"':
                return name
            name += '"'
            self.at += 1

    def _map(self) -> Map:
        key = self.type()
        self._expect(",")
        return Map(key, self.type())

    def _decimal(self) -> Type:
        if not self._peek("("):
            return Decimal(18, 3)
        end = self.text.index(")", self.at)
        precision, _, scale = self.text[self.at + 1 : end].partition(",")
        self.at = end + 1
        return Decimal(int(precision), int(scale or 0))

    def _skip_parentheses(self) -> None:
        """Pass over `(…)`, whose quoted values may hold parentheses."""
        depth = 0
        quoted = False
        while self.at < len(self.text):
            mark = self.text[self.at]
            self.at += 1
            if mark == "'":
                quoted = not quoted
            elif not quoted:
                depth += (mark == "(") - (mark == ")")
            if depth == 0 and not quoted:
                return

    def _spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def _peek(self, mark: str) -> bool:
        self._spaces()
        return self.text.startswith(mark, self.at)

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            raise self._unsupported()
        self.at += len(mark)

    def _unsupported(self) -> UnsupportedTypeError:
        return UnsupportedTypeError.named(self.text, self.column)
