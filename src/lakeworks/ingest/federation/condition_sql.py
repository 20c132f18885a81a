"""Conditions as SQL of other systems: never stricter than the lake's own judgement.

A caller's constants go into this text, so none may end the literal that it stands in: whatever is not
plain letters, digits and a few marks is written in hexadecimal digits.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeworks.engines.remote_conditions import ColumnTest, Either, Every, kept

if TYPE_CHECKING:
    from lakeworks.engines.remote_conditions import Condition, Value
    from lakeworks.ingest.federation.connector import RemoteColumn, RemoteTable

_PLAIN = re.compile(r"[\w .,:;@/+=()<>!?#&-]*", re.ASCII)
_MARKS = re.compile(r"[%_\\]")
INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "integer", "bigint"})


class ConditionSql(ABC):
    """Writes conditions for one dialect."""

    def select(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> str:
        """Return the query for some columns of the rows that may fulfil a condition."""
        told = ", ".join(
            f"{c.read or self.quoted(c.remote)} AS {self.quoted(c.field.name)}" for c in columns
        )
        only = "" if limit is None else f" LIMIT {limit}"
        place = f"{self.quoted(table.schema_name)}.{self.quoted(table.remote)}"
        return f"SELECT {told} FROM {place}{self.where(condition, table)}{only}"

    def where(self, condition: Condition | None, table: RemoteTable) -> str:
        """Return ` WHERE …`, or nothing where no part of the condition can be asked."""
        columns = {c.field.name.lower(): c for c in table.columns}

        def askable(test: ColumnTest) -> bool:
            column = columns.get(test.column)
            return column is not None and self.test(test, column) is not None

        left = kept(condition, askable)
        return "" if left is None else f" WHERE {self._written(left, columns)}"

    def _written(self, condition: Condition, columns: dict[str, RemoteColumn]) -> str:
        match condition:
            case ColumnTest(column):
                return f"({self.test(condition, columns[column])})"
            case Every(parts):
                return "(" + " AND ".join(self._written(one, columns) for one in parts) + ")"
            case Either(parts):
                return "(" + " OR ".join(self._written(one, columns) for one in parts) + ")"

    def test(self, test: ColumnTest, column: RemoteColumn) -> str | None:
        """Return a test in SQL; None where it cannot be asked."""
        name = self.quoted(column.remote)
        if test.operator == "is not null":
            return f"{name} IS NOT NULL"
        if test.operator == "is null":
            return f"{name} IS NULL" if column.whole else None
        if not column.kind or not test.values:
            return None
        if all(isinstance(value, str) for value in test.values):
            return self.text_test(test, column, name)
        if test.operator == "prefix":
            return None
        written = [self.literal(value, column.kind) for value in test.values]
        if any(one is None for one in written):
            return None
        if test.operator == "in":
            return f"{name} IN ({', '.join(str(one) for one in written)})"
        return f"{name} {test.operator} {written[0]}"

    @abstractmethod
    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""

    @abstractmethod
    def literal(self, value: Value, kind: str) -> str | None:
        """Return a constant, not a text, for a column of a type; None where it may not count."""

    @abstractmethod
    def text_test(self, test: ColumnTest, column: RemoteColumn, name: str) -> str | None:
        """Return a test against texts; None where it cannot be asked."""


class PostgresConditions(ConditionSql):
    """PostgreSQL's dialect.

    Equality of its texts is bytewise, or, under collations that are not deterministic, lets
    more through. Order is asked for under the collation "C", which is the lake's own; that
    holds only where texts are UTF-8 there.

    Args:
        utf8: Whether the database's encoding is UTF-8.
    """

    def __init__(self, *, utf8: bool) -> None:
        self._utf8 = utf8

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Value, kind: str) -> str | None:
        """Return a constant that is no text."""
        match value:
            case bool():
                return str(value).lower() if kind == "boolean" else None
            case int() | Decimal() if kind in INTEGERS or kind == "numeric":
                return str(value)
            case int() | float() | Decimal() if kind == "double precision":
                return f"'{float(value)!r}'::float8"
            case datetime() if kind == "timestamp with time zone":
                return f"TIMESTAMPTZ '{_moment(value)}+00'"
            case datetime() if kind == "timestamp without time zone":
                return f"TIMESTAMP '{_moment(value)}'"
            case date() if kind == "date" and not isinstance(value, datetime):
                return f"DATE '{value.isoformat()}'"
            case _:
                return None

    def text_test(self, test: ColumnTest, column: RemoteColumn, name: str) -> str | None:
        """Return a test against texts."""
        texts = [str(value) for value in test.values]
        if not self._utf8 and not all(map(str.isascii, texts)):
            return None  # what an encoding cannot hold is an error there
        if column.kind == "uuid":
            return self._uuid(test, texts, name)
        if column.kind not in {"text", "varying", "character", "collated"}:
            return None
        if test.operator in {"=", "in"}:
            return f"{name} IN ({', '.join(map(_postgres_text, texts))})"
        if column.kind == "collated" or test.operator == "<>":
            return None
        if test.operator == "prefix":
            return None if _MARKS.search(texts[0]) else f"{name} LIKE {_like(texts[0])}"
        if not self._utf8:
            return None
        return f'({name})::text COLLATE "C" {test.operator} {_postgres_text(texts[0])}'

    def _uuid(self, test: ColumnTest, texts: list[str], name: str) -> str | None:
        if test.operator not in {"=", "in"} or not all(map(_UUID.fullmatch, texts)):
            return None
        return f"{name} IN ({', '.join(f'{chr(39)}{one}{chr(39)}::uuid' for one in texts)})"


def _moment(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _postgres_text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f"'{text}'"
    return f"convert_from(decode('{text.encode().hex()}', 'hex'), 'UTF8')"


def _like(prefix: str) -> str:
    if _PLAIN.fullmatch(prefix):
        return f"'{prefix}%'"
    return f"{_postgres_text(prefix)} || '%'"


class MySqlConditions(ConditionSql):
    """MySQL's dialect, and MariaDB's.

    Collations there take letters of another case, and spaces at the end, for equal: that lets
    more through. Order is asked for over bytes.
    """

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: Value, kind: str) -> str | None:
        """Return a constant that is no text."""
        match value:
            case bool():
                return None
            case int() | Decimal() if kind in INTEGERS or kind == "decimal":
                return str(value)
            case int() | float() | Decimal() if kind == "double":
                return f"{float(value):.17e}"
            case datetime() if kind == "datetime":
                return f"TIMESTAMP '{_moment(value)}'"
            case date() if kind == "date" and not isinstance(value, datetime):
                return f"DATE '{value.isoformat()}'"
            case _:
                return None

    def text_test(self, test: ColumnTest, column: RemoteColumn, name: str) -> str | None:
        """Return a test against texts."""
        if column.kind not in {"text", "narrow"}:
            return None
        texts = [str(value) for value in test.values]
        if column.kind == "narrow" and not all(map(str.isascii, texts)):
            return None  # what a column's letters cannot be compared with is an error there
        if test.operator in {"=", "in"}:
            return f"{name} IN ({', '.join(map(_mysql_text, texts))})"
        if test.operator == "prefix":
            text = texts[0]
            return None if _MARKS.search(text) else f"{name} LIKE {_mysql_text(f'{text}%')}"
        if test.operator == "<>" or not texts[0]:
            return None
        held = f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"
        return f"{held} {test.operator} X'{texts[0].encode().hex()}'"


def _mysql_text(text: str) -> str:
    # Whatever the connection's settings are, no mark within can end it.
    return f"_utf8mb4 X'{text.encode().hex()}'" if text else "''"


class SqliteConditions(ConditionSql):
    """SQLite's dialect.

    Only columns whose declared type makes SQLite keep values of one kind are asked for.
    """

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Value, kind: str) -> str | None:
        """Return a constant that is no text."""
        match value:
            case bool():
                return str(int(value)) if kind == "boolean" else None
            case int() if kind in {"integer", "real"}:
                return str(value)
            case float() | Decimal() if kind in {"real", "integer"}:
                return f"{float(value):.17e}"
            case date() if kind == "date" and not isinstance(value, datetime):
                return f"'{value.isoformat()}'"
            case _:
                return None

    def text_test(self, test: ColumnTest, column: RemoteColumn, name: str) -> str | None:
        """Return a test against texts."""
        if column.kind not in {"text", "collated"}:
            return None
        texts = [_sqlite_text(str(value)) for value in test.values]
        match test.operator:
            case "=" | "in":
                return f"{name} IN ({', '.join(texts)})"
            case "prefix":
                return f"substr({name}, 1, {len(str(test.values[0]))}) = {texts[0]}"
            case _ if column.kind == "collated" or test.operator == "<>":
                return None
            case _:
                return f"{name} {test.operator} {texts[0]} COLLATE BINARY"


def _sqlite_text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f"'{text}'"
    return f"CAST(X'{text.encode().hex()}' AS TEXT)"
