"""The catalog on a PostgreSQL server, through SQLAlchemy Core."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from lakeworks.catalog import errors, revisions
from lakeworks.catalog.database import BUSY_S, NOTE_BUSY_S
from lakeworks.core.errors import MissingExtraError
from lakeworks.core.redaction import hide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Engine

# Any constant: whoever writes to a Lakeworks catalog of this database takes this one lock.
_WRITER = 0x1A4EC0DE


class ServerSession:
    """One transaction on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, /, **values: Any) -> int:  # noqa: ANN401
        """Execute one statement and return how many rows it changed."""
        return self._connection.execute(text(sql), values).rowcount

    def all(self, sql: str, /, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """Return every row of a query."""
        return [tuple(row) for row in self._connection.execute(text(sql), values)]

    def first(self, sql: str, /, **values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401
        """Return the first row of a statement, or None."""
        row = self._connection.execute(text(sql), values).first()
        return tuple(row) if row is not None else None

    def numbers(self, sql: str, /, **values: Any) -> list[int]:  # noqa: ANN401
        """Return the whole numbers that are a query's only column, as one value of the server."""
        row = self.first(f"SELECT array_agg(one) FROM ({sql}) AS found (one)", **values)
        return list(row[0]) if row and row[0] is not None else []

    def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Insert rows by COPY: a hundred times quicker than one statement a row."""
        driver: Any = self._connection.connection.cursor()
        with driver, driver.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as sink:
            for row in rows:
                sink.write_row(row)

    def text_columns(self) -> list[tuple[str, str]]:
        """Return the columns of text, as the server's own tables list them."""
        rows = self.all(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying') "
            "ORDER BY 1, 2"
        )
        return [(row[0], row[1]) for row in rows]

    def now_us(self) -> int:
        """Return the server's clock."""
        row = self.first("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return int(row[0]) if row else 0


class ServerDatabase:
    """A catalog that many users share. One writer at a time, as with SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A reader sees one moment. A writer must not: it first waits for the writer before it,
        # and has to see what that one did.
        self._readers = engine.execution_options(isolation_level="REPEATABLE READ")
        self.where = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str, *, fresh: Callable[[bool], str] | None = None) -> Self:
        """Connect, and make or migrate the tables when that is needed."""
        try:
            made = make_url(url)
            hide(made.password or "", str(made.query.get("password", "")))
            engine = create_engine(made, pool_pre_ping=True)
            if fresh is not None:
                _with_fresh_password(engine, fresh)
        except (ArgumentError, ValueError) as error:
            raise errors.CatalogUrlError.unsupported(url) from error
        except ImportError as error:
            raise MissingExtraError.needed("postgres", "a catalog on PostgreSQL") from error
        database = cls(engine)
        try:
            if database._revision() != revisions.CURRENT:
                database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[ServerSession]:
        """Open a transaction that sees one moment of the catalog."""
        with self._explained(), self._readers.connect() as connection:
            yield ServerSession(connection)

    @contextmanager
    def writing(self) -> Iterator[ServerSession]:
        """Open the only writing transaction."""
        with self._explained(), self._writer() as connection:
            yield ServerSession(connection)

    @contextmanager
    def noting(self) -> Iterator[ServerSession]:
        """Open a writing transaction for notes that may be lost."""
        # Without the one writer's lock: notes are only added, and each is whole in itself.
        with self._explained(), self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{int(NOTE_BUSY_S * 1000)}ms'"))
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            yield ServerSession(connection)

    def integrity(self) -> list[str]:
        """Return nothing: a server watches over its own files."""
        with self.reading() as session:
            session.first("SELECT count(*) FROM snapshots")
        return []

    def compact(self) -> None:
        """Have the server free what dead rows take; its own log of changes is the server's."""
        with self._explained(), self._engine.connect() as connection:
            free = connection.execution_options(isolation_level="AUTOCOMMIT")
            tables = free.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
            for (name,) in list(tables):
                free.execute(text(f'VACUUM "{name}"'))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    @contextmanager
    def _writer(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{int(BUSY_S * 1000)}ms'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER})
            yield connection

    def _revision(self) -> str | None:
        with self._explained(), self._engine.connect() as connection:
            return _stored_revision(connection)

    def _migrate(self) -> None:
        from lakeworks.catalog.migrate import upgrade

        with self._explained(), self._writer() as connection:
            # Whoever waited here for another to make the tables finds them made.
            if _stored_revision(connection) != revisions.CURRENT:
                upgrade(connection, where=self.where)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error

    def _explain(self, error: DBAPIError) -> errors.CatalogError:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        reason = str(error.orig).strip().partition("\n")[0]
        match state:
            case "55P03":
                return errors.CatalogBusyError.at(self.where, BUSY_S)
            case "53100":
                return errors.CatalogFullError.at(self.where)
            case "25006" | "42501":
                return errors.CatalogReadOnlyError.at(self.where)
            case "XX001" | "XX002":
                return errors.CatalogCorruptError.at(self.where, reason)
            case _:
                return self._explain_class(error, state, reason)

    def _explain_class(self, error: DBAPIError, state: str, reason: str) -> errors.CatalogError:
        if error.connection_invalidated or not state or state[:2] in {"08", "28", "3D", "57"}:
            return errors.CatalogUnavailableError.unreachable(self.where, reason)
        return errors.CatalogError.unexpected(self.where, reason)


def _with_fresh_password(engine: Engine, fresh: Callable[[bool], str]) -> None:
    """Let each new connection use the password as it is then; ask again where it is refused."""

    def connected(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's own
        for refused in (False, True):
            url = make_url(fresh(refused))
            hide(url.password or "")
            named.update(user=url.username, password=url.password)
            try:
                return dialect.connect(*arguments, **named)
            except dialect.loaded_dbapi.OperationalError as error:
                if refused or "authentication failed" not in str(error):
                    raise
        return None

    event.listen(engine, "do_connect", connected)


def _stored_revision(connection: Connection) -> str | None:
    made = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar()
    if made is None:
        return None
    stored = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if stored is None else str(stored)
