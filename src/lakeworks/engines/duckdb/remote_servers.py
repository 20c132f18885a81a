"""How DuckDB reaches a database server: its extension, a secret, an ATTACH; and how it stops it.

Passwords go into secrets of the instance, never into the text that ATTACH is given: errors show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal

if TYPE_CHECKING:
    import duckdb

    from lakeworks.engines.remote_reading import RemoteServer

EXTENSIONS = {"postgres": "postgres_scanner", "mysql": "mysql_scanner"}
_TLS = {
    "postgres": {"off": "disable", "on": "require", "verify": "verify-full"},
    "mysql": {"off": "disabled", "on": "required", "verify": "verify_identity"},
}
# Moments in UTC; numbers of one digit as they are, which may be more than 0 and 1.
_MYSQL = (
    "mysql_session_time_zone = '+00:00'", "mysql_tinyint1_as_boolean = false",
    "mysql_bit1_as_boolean = false",
)  # fmt: skip
# From this version on PostgreSQL can find out by itself that whoever asked is gone.
_LOOKS_FOR_CLIENTS = 140_000
_LOOKS_EACH_MS = 2_000


def attach(con: duckdb.DuckDBPyConnection, server: RemoteServer) -> None:
    """Make a server's databases readable under the server's name."""
    con.execute(_secret(server))
    if server.kind == "mysql":
        for setting in _MYSQL:
            con.execute(f"SET GLOBAL {setting}")
        con.execute(_attach(server, server.name, ""))
        return
    con.execute(_attach(server, server.name, _libpq(server, ())))
    row = con.execute(
        query(server, "SELECT current_setting('server_version_num') AS version")
    ).fetchone()
    if row is not None and int(row[0]) >= _LOOKS_FOR_CLIENTS:
        detach(con, server)
        looks = (f"client_connection_check_interval={_LOOKS_EACH_MS}",)
        con.execute(_attach(server, server.name, _libpq(server, looks)))


def detach(con: duckdb.DuckDBPyConnection, server: RemoteServer) -> None:
    """Let go of a server's connections."""
    con.execute(f"DETACH DATABASE IF EXISTS {quote_identifier(server.name)}")


def query(server: RemoteServer, sql: str) -> str:
    """Return a SELECT of what a query in the server's own dialect gives."""
    return f"SELECT * FROM {rows_of(server, sql)}"


def rows_of(server: RemoteServer, sql: str) -> str:
    """Return a relation: the rows of a query in the server's own dialect."""
    return f"{server.kind}_query({quote_literal(server.name)}, {quote_literal(sql)})"


def marked(server: RemoteServer, sql: str, token: str, timeout_s: float | None) -> str:
    """Return a query under which the server can be asked to stop it, and that stops by itself."""
    if server.kind == "mysql" and timeout_s is not None:
        limit_ms = max(int(timeout_s * 1_000), 1)
        # MariaDB alone reads the first comment, MySQL alone the second.
        before = f"/*M!100100 SET STATEMENT max_statement_time={limit_ms / 1000} FOR */ "
        hint = f"SELECT /*+ MAX_EXECUTION_TIME({limit_ms}) */"
        sql = before + sql.replace("SELECT", hint, 1)
    return f"/* {token} */ {sql}"


def stop(con: duckdb.DuckDBPyConnection, server: RemoteServer, token: str) -> None:
    """Ask a server to stop the query of a token, by another connection."""
    like = quote_literal(f"%{token}%")
    if server.kind == "postgres":
        told = (
            "SELECT pg_cancel_backend(pid) AS told FROM pg_stat_activity "
            f"WHERE query LIKE {like} AND pid <> pg_backend_pid() AND state = 'active'"
        )
        con.execute(query(server, told)).fetchall()
        return
    found = (
        "SELECT id FROM information_schema.processlist "
        f"WHERE info LIKE {like} AND id <> connection_id()"
    )
    numbers = con.execute(query(server, found)).fetchall()
    if not numbers:
        return
    # A KILL is no query: it takes a database that is not attached for reading only.
    name = f"{server.name}__{token}"
    con.execute(_attach(server, name, "", read_only=False))
    for (number,) in numbers:
        con.execute(f"CALL mysql_execute({quote_literal(name)}, 'KILL QUERY {int(number)}')")
    con.execute(f"DETACH DATABASE {quote_identifier(name)}")


def _secret_name(server: RemoteServer) -> str:
    return quote_identifier(f"__secret_{server.name}")


def _secret(server: RemoteServer) -> str:
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD",
             "database": "DATABASE"}  # fmt: skip
    given = {names[key]: text for key, text in server.settings.items() if key in names and text}
    if server.kind == "mysql":
        given["SSL_MODE"] = _TLS["mysql"][server.settings.get("tls") or "on"]
        if server.settings.get("ca"):
            given["SSL_CA"] = server.settings["ca"]
    parts = ", ".join(f"{name} {quote_literal(text)}" for name, text in given.items())
    return (
        f"CREATE OR REPLACE SECRET {_secret_name(server)} (TYPE {server.kind}"
        f"{', ' if parts else ''}{parts})"
    )


def _attach(server: RemoteServer, name: str, told: str, *, read_only: bool = True) -> str:
    only = "READ_ONLY, " if read_only else ""
    return (
        f"ATTACH {quote_literal(told)} AS {quote_identifier(name)} "
        f"(TYPE {server.kind}, {only}SECRET {_secret_name(server)})"
    )


def _libpq(server: RemoteServer, looks: tuple[str, ...]) -> str:
    """Return what libpq is told beside the secret; nothing of it is one."""
    settings = ("default_transaction_read_only=on", *looks)
    told = {
        "connect_timeout": str(max(round(float(server.settings.get("connect_s") or 10)), 2)),
        "application_name": "lakeworks",
        "client_encoding": "UTF8",
        "sslmode": _TLS["postgres"][server.settings.get("tls") or "on"],
        "options": " ".join(f"-c {one}" for one in settings),
    }
    if server.settings.get("ca") or told["sslmode"] == "verify-full":
        told["sslrootcert"] = server.settings.get("ca") or "system"
    return " ".join(f"{name}={_conninfo(text)}" for name, text in told.items())


def _conninfo(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
