"""SQLAlchemy over a lake's SQL service: `lakeworks://:TOKEN@host:8765/workgroup`.

`?tls=true` asks for HTTPS. Statements are written for PostgreSQL, whose SQL the lake's dialect
(DuckDB's) takes nearly whole, with positional parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import types
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer
from sqlalchemy.engine import default
from sqlalchemy.exc import NoSuchTableError

from lakeworks.client import dbapi

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.engine.interfaces import ReflectedColumn

_TYPES: dict[str, Any] = {
    "boolean": types.Boolean, "tinyint": types.SmallInteger, "smallint": types.SmallInteger,
    "int": types.Integer, "bigint": types.BigInteger, "float": types.Float,
    "double": types.Double, "string": types.String, "binary": types.LargeBinary,
    "date": types.Date, "timestamp": types.TIMESTAMP, "timestamp_ntz": types.TIMESTAMP,
}  # fmt: skip


class LakeworksDialect(PGDialect):
    """What SQLAlchemy needs to know of a lake."""

    name = "lakeworks"
    driver = "http"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_sane_rowcount = False
    supports_native_boolean = True
    statement_compiler = PGCompiler
    preparer = PGIdentifierPreparer
    execution_ctx_cls = default.DefaultExecutionContext  # type: ignore[assignment]
    postfetch_lastrowid = False
    # PostgreSQL's own ask its catalog; these go table by table through the methods below.
    get_multi_columns = default.DefaultDialect.get_multi_columns  # type: ignore[assignment]
    get_multi_pk_constraint = default.DefaultDialect.get_multi_pk_constraint  # type: ignore[assignment]
    get_multi_foreign_keys = default.DefaultDialect.get_multi_foreign_keys  # type: ignore[assignment]
    get_multi_indexes = default.DefaultDialect.get_multi_indexes  # type: ignore[assignment]
    get_multi_unique_constraints = default.DefaultDialect.get_multi_unique_constraints  # type: ignore[assignment]
    get_multi_check_constraints = default.DefaultDialect.get_multi_check_constraints  # type: ignore[assignment]
    get_multi_table_comment = default.DefaultDialect.get_multi_table_comment  # type: ignore[assignment]
    get_multi_table_options = default.DefaultDialect.get_multi_table_options  # type: ignore[assignment]

    @classmethod
    def import_dbapi(cls) -> Any:  # noqa: ANN401 - a module
        """Return the DB-API."""
        return dbapi

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Read the address."""
        scheme = "https" if url.query.get("tls") in {"true", "1"} else "http"
        host = f"[{url.host}]" if ":" in (url.host or "") else url.host or "127.0.0.1"
        port = f":{url.port}" if url.port else ""
        told: dict[str, Any] = {
            "token": url.password or "",
            "workgroup": url.database or "primary",
            "ca": url.query.get("ca"),
            "allow_http": url.query.get("allow_http") in {"true", "1"},
            "dialect": url.query.get("dialect", ""),
        }
        return [f"{scheme}://{host}{port}"], told

    def initialize(self, connection: Connection) -> None:
        """Ask the service nothing: PostgreSQL's own questions have no answer here."""

    def on_connect(self) -> None:
        """Do nothing on a new connection."""

    def do_ping(self, dbapi_connection: Any) -> bool:  # noqa: ANN401
        """Whether the service answers."""
        dbapi_connection.service.workgroups()
        return True

    def get_schema_names(self, connection: Connection, **_: Any) -> list[str]:  # noqa: ANN401
        """Return the databases."""
        return sorted({name.partition(".")[0] for name in _tables(connection)})

    def get_table_names(
        self,
        connection: Connection,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> list[str]:
        """Return the tables of a database, without its views."""
        found = (name.partition(".") for name in _tables(connection))
        views = self.get_view_names(connection, schema)
        return sorted(
            {table for database, _, table in found if database == schema} - set(views)
        )

    def get_view_names(
        self,
        connection: Connection,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> list[str]:
        """Return the views of a database."""
        if not self.has_schema(connection, schema or ""):
            return []
        shown = f"SHOW VIEWS IN {self.identifier_preparer.quote(schema or '')}"
        return sorted(row[-1] for row in connection.exec_driver_sql(shown))

    def get_view_definition(
        self,
        connection: Connection,
        view_name: str,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> str:
        """Return the statement that makes a view, for those who may read all that it names."""
        if view_name not in self.get_view_names(connection, schema):
            raise NoSuchTableError(f"{schema}.{view_name}")
        quoted = self.identifier_preparer.quote
        shown = f"SHOW CREATE VIEW {quoted(schema or '')}.{quoted(view_name)}"
        return "\n".join(row[0] for row in connection.exec_driver_sql(shown))

    def _none(self, *_: Any, **__: Any) -> list[str]:  # noqa: ANN401
        """Return none: a lake has none of these."""
        return []

    # What pandas.read_sql_table, MetaData.reflect and migrations ask besides.
    get_materialized_view_names = _none
    get_temp_table_names = _none
    get_temp_view_names = _none
    get_sequence_names = _none
    get_enums = _none
    get_domains = _none

    def has_schema(  # type: ignore[override]
        self,
        connection: Connection,
        schema_name: str,
        **_: Any,  # noqa: ANN401
    ) -> bool:
        """Whether there is a database of this name with a table that may be seen."""
        return schema_name in self.get_schema_names(connection)

    def has_sequence(self, *_: Any, **__: Any) -> bool:  # noqa: ANN401
        """Return False: a lake has no sequences."""
        return False

    has_index = has_sequence
    has_type = has_sequence

    def has_table(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> bool:
        """Whether there is such a table."""
        return f"{schema}.{table_name}" in _tables(connection)

    def get_columns(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> list[ReflectedColumn]:
        """Return the columns that may be seen."""
        if not self.has_table(connection, table_name, schema):
            raise NoSuchTableError(f"{schema}.{table_name}")
        found = _service(connection).columns(f"{schema}.{table_name}")
        return [
            {"name": name, "type": _type(kind), "nullable": True, "default": None}
            for name, kind in found
        ]

    def get_pk_constraint(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401
        """Return none: a lake has no constraints."""
        return {"constrained_columns": [], "name": None}

    def get_foreign_keys(self, *_: Any, **__: Any) -> list[Any]:  # noqa: ANN401
        """Return none."""
        return []

    def get_indexes(self, *_: Any, **__: Any) -> list[Any]:  # noqa: ANN401
        """Return none."""
        return []

    def get_unique_constraints(self, *_: Any, **__: Any) -> list[Any]:  # noqa: ANN401
        """Return none."""
        return []

    def get_check_constraints(self, *_: Any, **__: Any) -> list[Any]:  # noqa: ANN401
        """Return none."""
        return []

    def get_table_comment(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401
        """Return none."""
        return {"text": None}

    def get_table_options(self, *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return none."""
        return {}


def _service(connection: Connection) -> Any:  # noqa: ANN401
    return connection.connection.dbapi_connection.service  # type: ignore[union-attr]


def _tables(connection: Connection) -> list[str]:
    found: list[str] = _service(connection).tables()
    return found


def _type(text: str) -> Any:  # noqa: ANN401
    if text.startswith("decimal("):
        precision, _, scale = text[len("decimal(") : -1].partition(",")
        return types.Numeric(int(precision), int(scale or 0))
    found = _TYPES.get(text)
    # Arrays, structs and maps come as Python's own: nothing is to be made of them.
    return found() if found is not None else types.NullType()
