"""PostgreSQL as a catalog: what it says of its tables, and the SQL that reads their rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal
from lakeworks.core.types import Array, Decimal, Field, Scalar, Schema
from lakeworks.engines.remote_reading import RemoteRows
from lakeworks.ingest.federation.condition_sql import PostgresConditions
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

_TYPES: dict[str, Type] = {
    "smallint": Scalar("smallint"), "integer": Scalar("int"), "bigint": Scalar("bigint"),
    "real": Scalar("float"), "double precision": Scalar("double"), "boolean": Scalar("boolean"),
    "text": Scalar("string"), "character varying": Scalar("string"), "date": Scalar("date"),
    "timestamp without time zone": Scalar("timestamp_ntz"),
    "timestamp with time zone": Scalar("timestamp"), "bytea": Scalar("binary"),
}  # fmt: skip
_IN_LISTS = ("smallint", "integer", "bigint", "double precision", "boolean", "text",
             "character varying", "date")  # fmt: skip
_NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
_MOST_DIGITS = 38
NOT_FINITE = "' is no moment'"
# What numbers without a declared scale are read as: 20 digits before the point, 18 behind it.
_UNBOUNDED = Decimal(38, 18)
_TABLES = """SELECT c.relname::text AS name FROM pg_catalog.pg_class c
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = {schema} AND c.relkind IN ('r', 'v', 'm', 'p', 'f') ORDER BY 1"""
_COLUMNS = """SELECT a.attname::text AS name,
 pg_catalog.format_type(coalesce(b.oid, t.oid),
 CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END)::text AS type,
 coalesce(o.collprovider::text, 'd') AS provider,
 coalesce(a.attndims, 0)::int AS dimensions,
 pg_catalog.pg_encoding_to_char((SELECT encoding FROM pg_catalog.pg_database
 WHERE datname = current_database()))::text AS encoding
 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
 LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
 WHERE n.nspname = {schema} AND c.relname = {table} AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum"""


class Postgres:
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
        self._utf8 = False

    def tables(self, schema: str) -> list[str]:
        """Return the names of a schema's tables and views."""
        found = self._ask(self._server(), _TABLES.format(schema=_text(schema)))
        return [str(row["name"]) for row in found]

    def table(self, name: TableName, schema: str, remote: str) -> RemoteTable | None:
        """Describe a table."""
        asked = _COLUMNS.format(schema=_text(schema), table=_text(remote))
        rows = self._ask(self._server(), asked)
        if not rows:
            return None
        self._utf8 = rows[0]["encoding"] == "UTF8"
        columns = tuple(
            _column(str(row["name"]), str(row["type"]), str(row["provider"]),
                    int(str(row["dimensions"])))
            for row in rows
        )  # fmt: skip
        table = RemoteTable(name, self._catalog, schema, remote, columns)
        texts = {c.field.name: f"({_quoted(c.remote)})::text" for c in columns}
        return with_declared_types(table, texts)

    def rows(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> RemoteRows:
        """Return the query for some columns of a table's rows."""
        sql = PostgresConditions(utf8=self._utf8).select(table, columns, condition, limit)
        return RemoteRows(_schema(columns), self._server(), sql)


def _column(name: str, text: str, provider: str, dimensions: int) -> RemoteColumn:
    """Return a column as the lake reads it: whatever has no type here comes as its text."""
    own = _quoted(name)
    base = re.sub(r"\(\d+\)", "", text)
    if text.endswith("[]"):
        element = re.sub(r"\(\d+\)", "", text[:-2])
        if element in _IN_LISTS and dimensions <= 1:
            return RemoteColumn(Field(name, Array(_TYPES[element])), name)
        return RemoteColumn(Field(name, Scalar("string")), name, read=f"to_json({own})::text")
    if base.startswith(("date", "timestamp")) and base in _TYPES:
        # PostgreSQL's infinity is no moment that a column of the lake could hold: an error there.
        finite = f"CASE WHEN isfinite({own}) THEN {own} ELSE ({own}::text || {NOT_FINITE})::{base} END"
        return RemoteColumn(Field(name, _TYPES[base]), name, base, finite)
    if base in _TYPES:
        return RemoteColumn(Field(name, _TYPES[base]), name, _kind(base, provider))
    numeric = _NUMERIC.fullmatch(text)
    if numeric is not None:
        return _numeric(name, numeric)
    kind = {"uuid": "uuid", "character": _kind("character", provider)}.get(base, "")
    return RemoteColumn(Field(name, Scalar("string")), name, kind, f"({own})::text")


def _kind(base: str, provider: str) -> str:
    """Return the type that conditions are written for; ICU's collations may equate texts."""
    if base in {"text", "character varying", "character"}:
        return "collated" if provider == "i" else "text"
    return "" if base in {"real", "bytea"} else base


def _numeric(name: str, found: re.Match[str]) -> RemoteColumn:
    own = _quoted(name)
    if found[1] is not None:
        precision, scale = int(found[1]), int(found[2])
        if precision <= _MOST_DIGITS and 0 <= scale <= precision:
            return RemoteColumn(Field(name, Decimal(precision, scale)), name, "numeric")
    # As text, so that what does not fit is an error and never rounded to a double.
    return RemoteColumn(Field(name, _UNBOUNDED), name, read=f"({own})::text")


def _schema(columns: tuple[RemoteColumn, ...]) -> Schema:
    return Schema(tuple(column.field for column in columns))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    # Names of schemas and tables come from the project; a backslash means nothing here.
    return quote_literal(text)
