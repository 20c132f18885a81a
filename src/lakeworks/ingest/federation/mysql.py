"""MySQL and MariaDB as a catalog: what they say of their tables, and the SQL that reads their rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.types import Decimal, Field, Scalar, Schema
from lakeworks.engines.remote_reading import RemoteRows
from lakeworks.ingest.federation.condition_sql import INTEGERS, MySqlConditions
from lakeworks.ingest.federation.connector import (
    RemoteColumn,
    RemoteTable,
    with_declared_types,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.engines.remote_conditions import Condition
    from lakeworks.engines.remote_reading import RemoteServer
    from lakeworks.project.catalog_declaration import FederatedCatalog

_SIGNED = {"tinyint": "tinyint", "smallint": "smallint", "mediumint": "int", "int": "int",
           "bigint": "bigint"}  # fmt: skip
_UNSIGNED: dict[str, Type] = {
    "tinyint": Scalar("smallint"), "smallint": Scalar("int"), "mediumint": Scalar("int"),
    "int": Scalar("bigint"), "bigint": Decimal(20, 0),
}  # fmt: skip
_TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"}
_OTHERS: dict[str, tuple[Type, str]] = {
    "double": (Scalar("double"), "double"), "float": (Scalar("float"), ""),
    "year": (Scalar("int"), "int"), "bit": (Decimal(20, 0), ""),
    **{base: (Scalar("binary"), "") for base in (
        "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")},
}  # fmt: skip
# What is none of these, such as a place on a map, comes as hexadecimal digits.
_AS_TEXT = {"json", "set", "time", "uuid", "inet4", "inet6"}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_MOST_DIGITS = 38
_TABLES = """SELECT table_name AS name FROM information_schema.tables
 WHERE table_schema = {schema} ORDER BY 1"""
_COLUMNS = """SELECT column_name AS name, data_type AS base, column_type AS type, collation_name AS rule
 FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {table}
 ORDER BY ordinal_position"""


class MySql:
    """See `Connector`.

    Args:
        ask: Runs a small query on the server.
    """

    def __init__(
        self,
        catalog: FederatedCatalog,
        server: Callable[[], RemoteServer],
        ask: Callable[[RemoteServer, str], list[dict[str, object]]],
    ) -> None:
        self._catalog = catalog
        self._server = server
        self._ask = ask

    def tables(self, schema: str) -> list[str]:
        """Return the names of a database's tables and views."""
        found = self._ask(self._server(), _TABLES.format(schema=_text(schema)))
        return [_word(row["name"]) for row in found]

    def table(self, name: TableName, schema: str, remote: str) -> RemoteTable | None:
        """Describe a table."""
        asked = _COLUMNS.format(schema=_text(schema), table=_text(remote))
        rows = self._ask(self._server(), asked)
        if not rows:
            return None
        columns = tuple(
            _column(*(_word(row[key]) for key in ("name", "base", "type", "rule")))
            for row in rows
        )
        table = RemoteTable(name, self._catalog, schema, remote, columns)
        texts = {c.field.name: f"CAST({_quoted(c.remote)} AS CHAR)" for c in columns}
        return with_declared_types(table, texts)

    def rows(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> RemoteRows:
        """Return the query for some columns of a table's rows."""
        sql = MySqlConditions().select(table, columns, condition, limit)
        schema = Schema(tuple(column.field for column in columns))
        return RemoteRows(schema, self._server(), sql)


def _column(name: str, base: str, text: str, rule: str) -> RemoteColumn:
    """Return a column as the lake reads it: whatever has no type here comes as its text."""
    own, base, text = _quoted(name), base.lower(), text.lower()
    if base in INTEGERS:
        kind = _UNSIGNED[base] if "unsigned" in text else Scalar(_SIGNED[base])
        return RemoteColumn(Field(name, kind), name, base)
    if base == "decimal":
        return _decimal(name, text)
    if base in {"date", "datetime", "timestamp"}:
        return _moment(name, base)
    if base in _TEXTS:
        # Texts under a collation of bytes come as bytes.
        read = f"CAST({own} AS CHAR CHARACTER SET utf8mb4)" if rule.endswith("_bin") else ""
        asked = "text" if rule.startswith("utf8mb4") else "narrow"
        return RemoteColumn(Field(name, Scalar("string")), name, asked, read)
    if base in _OTHERS:
        kind, asked = _OTHERS[base]
        read = f"CAST({own} AS UNSIGNED)" if base == "bit" else ""
        return RemoteColumn(Field(name, kind), name, asked, read)
    told = f"CAST({own} AS CHAR)" if base in _AS_TEXT else f"HEX({own})"
    return RemoteColumn(Field(name, Scalar("string")), name, read=told)


def _decimal(name: str, text: str) -> RemoteColumn:
    found = _DECIMAL.match(text)
    precision, scale = (int(found[1]), int(found[2])) if found else (10, 0)
    if precision <= _MOST_DIGITS:
        return RemoteColumn(Field(name, Decimal(precision, scale)), name, "decimal")
    return RemoteColumn(
        Field(name, Scalar("string")), name, read=f"CAST({_quoted(name)} AS CHAR)"
    )


def _moment(name: str, base: str) -> RemoteColumn:
    """Return a column of moments; the day zero, which is none, reads as null.

    Connections are in UTC. What a TIMESTAMP is held against is not asked for there.
    """
    own = _quoted(name)
    kinds = {"date": "date", "datetime": "timestamp_ntz", "timestamp": "timestamp"}
    read = f"CASE WHEN {own} >= '1000-01-01' THEN {own} END"
    asked = "" if base == "timestamp" else base
    return RemoteColumn(Field(name, Scalar(kinds[base])), name, asked, read, whole=False)


def _word(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    return f"_utf8mb4 X'{text.encode().hex()}'" if text else "''"
