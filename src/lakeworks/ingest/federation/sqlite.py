"""A SQLite file as a catalog, read by Python's own library: nothing else has to be installed.

SQLite keeps any value in any column. A column has the type that its declaration names, as the
library's rules of affinity read it; a value of another kind is an error that says how to read it.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import date, datetime
from decimal import Decimal as Exact
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from lakeworks.core.types import Decimal, Field, Scalar, Schema
from lakeworks.engines.remote_reading import RemoteRows
from lakeworks.ingest.federation.condition_sql import SqliteConditions
from lakeworks.ingest.federation.connector import (
    RemoteColumn,
    RemoteTable,
    with_declared_types,
)
from lakeworks.ingest.federation.errors import (
    CatalogUnreachableError,
    RemoteRefusedError,
    RemoteValueError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.engines.remote_conditions import Condition
    from lakeworks.project.catalog_declaration import FederatedCatalog

_BATCH_ROWS = 20_000
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_WORDS: tuple[tuple[tuple[str, ...], Type, str], ...] = (
    (("BOOL",), Scalar("boolean"), "boolean"),
    (("INT",), Scalar("bigint"), "integer"),
    (("CHAR", "CLOB", "TEXT", "JSON", "UUID"), Scalar("string"), "text"),
    (("BLOB",), Scalar("binary"), ""),
    (("REAL", "FLOA", "DOUB"), Scalar("double"), "real"),
    (("DATETIME", "TIMESTAMP"), Scalar("timestamp_ntz"), ""),
    (("DATE",), Scalar("date"), "date"),
    (("NUM", "DEC"), Scalar("double"), ""),
)
# Types whose values SQLite keeps as they are given: only those with text in their name are text.
_TEXT_AFFINITY = ("CHAR", "CLOB", "TEXT")
_MOST_DIGITS = 38
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Sqlite:
    """See `Connector`."""

    def __init__(self, catalog: FederatedCatalog) -> None:
        self._catalog = catalog

    def tables(self, schema: str) -> list[str]:
        """Return the names of the file's tables and views."""
        name = _quoted(schema or "main")
        rows = self._asked(
            f"SELECT name FROM {name}.sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        )
        return [str(row[0]) for row in rows]

    def table(self, name: TableName, schema: str, remote: str) -> RemoteTable | None:
        """Describe a table."""
        rows = self._asked(f"PRAGMA {_quoted(schema or 'main')}.table_xinfo({_quoted(remote)})")
        if not rows:
            return None
        utf8 = self._asked("PRAGMA encoding")[0][0] == "UTF-8"
        # Hidden columns of virtual tables are number 1; generated ones are there to be read.
        columns = tuple(
            _column(str(row[1]), str(row[2] or ""), utf8=utf8) for row in rows if row[6] != 1
        )
        table = RemoteTable(name, self._catalog, schema or "main", remote, columns)
        return with_declared_types(table)

    def rows(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> RemoteRows:
        """Return what reads some columns of a table's rows."""
        told = ", ".join(_quoted(column.remote) for column in columns)
        where = SqliteConditions().where(condition, table)
        only = "" if limit is None else f" LIMIT {limit}"
        place = f"{_quoted(table.schema_name)}.{_quoted(table.remote)}"
        sql = f"SELECT {told} FROM {place}{where}{only}"
        schema = Schema(tuple(column.field for column in columns))
        con = self._connection()
        return RemoteRows(
            schema,
            stream=lambda: self._batches(con, sql, table, columns),
            stop=con.interrupt,
        )

    def _batches(
        self,
        con: sqlite3.Connection,
        sql: str,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from lakeworks.storage.parquet import arrow_schema

        schema = arrow_schema(Schema(tuple(column.field for column in columns)))
        try:
            cursor = con.execute(sql)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                arrays = [
                    self._array(values, column, schema.field(n).type, table)
                    for n, (column, values) in enumerate(
                        zip(columns, zip(*rows, strict=True), strict=True)
                    )
                ]
                yield pa.record_batch(arrays, schema=schema)
        except sqlite3.Error as error:
            if "decode" in str(error):
                at = self._catalog.at
                raise RemoteValueError.of(str(table.name), "", at, str(error)) from None
            raise self._told(error, str(table.name)) from None
        finally:
            con.close()

    def _array(
        self,
        values: tuple[Any, ...],
        column: RemoteColumn,
        kind: pa.DataType,
        table: RemoteTable,
    ) -> pa.Array:
        import pyarrow as pa

        converted = _CONVERTED.get(type(column.field.type)) or _CONVERTED.get(
            str(column.field.type)
        )
        if column.kind in {"text", "collated"}:
            converted = _own_text
        try:
            made = [converted(one) for one in values] if converted else values
            return pa.array(made, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, ArithmeticError):
            reason = f"it is declared as {column.field.type} there, and not every value is one"
            name, at = column.field.name, self._catalog.at
            raise RemoteValueError.of(str(table.name), name, at, reason) from None

    def _asked(self, sql: str) -> list[tuple[Any, ...]]:
        con = self._connection()
        try:
            return con.execute(sql).fetchall()
        except sqlite3.Error as error:
            raise self._told(error, self._catalog.name) from None
        finally:
            con.close()

    def _connection(self) -> sqlite3.Connection:
        place = f"file:{quote(self._catalog.path)}?mode=ro"
        try:
            con = sqlite3.connect(
                place, uri=True, check_same_thread=False, timeout=self._catalog.connect_s
            )
            con.execute("PRAGMA query_only = 1")
        except sqlite3.Error as error:
            raise self._told(error, self._catalog.name) from None
        return con

    def _told(self, error: sqlite3.Error, what: str) -> Exception:
        at = self._catalog.line("path")
        lost = ("unable to open", "not a database", "disk i/o", "malformed", "locked")
        if any(word in str(error).lower() for word in lost):
            reason = f"{self._catalog.path}: {error}"
            return CatalogUnreachableError.of(self._catalog.name, at, reason)
        return RemoteRefusedError.of(what, at, str(error))


def _column(name: str, declared: str, *, utf8: bool) -> RemoteColumn:
    text = declared.upper()
    exact = _DECIMAL.search(text)
    if exact is not None:
        precision, scale = int(exact[1]), int(exact[2] or 0)
        if 0 < precision <= _MOST_DIGITS and scale <= precision:
            return RemoteColumn(Field(name, Decimal(precision, scale)), name)
    for words, kind, asked in _WORDS:
        if any(word in text for word in words):
            if asked == "text":
                asked = _asked_of_text(text, utf8=utf8)  # noqa: PLW2901 - what is left of it
            return RemoteColumn(Field(name, kind), name, asked)
    # A column without a type holds values of any: they are read as text.
    return RemoteColumn(Field(name, Scalar("string")), name)


def _asked_of_text(text: str, *, utf8: bool) -> str:
    if not any(word in text for word in _TEXT_AFFINITY):
        return ""
    return "text" if utf8 else "collated"


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever SQLite keeps
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    return repr(value)


def _own_text(value: Any) -> str | None:  # noqa: ANN401
    # SQLite takes bytes for another value than the text of the same letters: a condition would miss it.
    return value if value is None or isinstance(value, str) else _no()


def _bytes(value: Any) -> bytes | None:  # noqa: ANN401
    return value.encode() if isinstance(value, str) else value


def _boolean(value: Any) -> bool | None:  # noqa: ANN401
    if value is None:
        return None
    if value in (0, 1) and not isinstance(value, str):
        return bool(value)
    raise ValueError(value)


def _exact(value: Any) -> Exact | None:  # noqa: ANN401
    # A double is taken for the shortest number that it may stand for: 0.1, not 0.1000000000000000055.
    return None if value is None else Exact(repr(value) if isinstance(value, float) else value)


def _day(value: Any) -> date | None:  # noqa: ANN401
    if value is None:
        return None
    if not _DAY.fullmatch(value):  # other spellings of a day are in another order
        raise ValueError(value)
    return date.fromisoformat(value)


def _moment(value: Any) -> datetime | None:  # noqa: ANN401
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError(value)
    return found


def _number(value: Any) -> float | None:  # noqa: ANN401
    return None if value is None else float(value) if not isinstance(value, str) else _no()


def _no() -> NoReturn:
    raise ValueError


_CONVERTED: dict[Any, Callable[[Any], Any]] = {
    "string": _text, "binary": _bytes, "boolean": _boolean, "date": _day,
    "timestamp_ntz": _moment, "double": _number, Decimal: _exact,
}  # fmt: skip


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
