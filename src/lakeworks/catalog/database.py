"""What the catalog asks of a database, and which database a URL names.

The catalog's statements are plain SQL that SQLite and PostgreSQL both understand, with `:name`
for values. SQLite is driven directly (`sqlite.py`), because importing SQLAlchemy takes a third
of the time that a run with nothing to do may take; PostgreSQL goes through SQLAlchemy
(`server.py`), and so do the migrations of both (`migrate.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lakeworks.catalog.errors import CatalogUrlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

BUSY_S = 30.0
NOTE_BUSY_S = 1.0


class Session(Protocol):
    """One transaction."""

    def run(self, sql: str, /, **values: Any) -> int:  # noqa: ANN401
        """Execute one statement and return how many rows it changed."""
        ...

    def all(self, sql: str, /, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """Return every row of a query."""
        ...

    def first(self, sql: str, /, **values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401
        """Return the first row of a statement, or None."""
        ...

    def numbers(self, sql: str, /, **values: Any) -> list[int]:  # noqa: ANN401
        """Return the whole numbers that are a query's only column: quick for thousands."""
        ...

    def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Insert rows the quickest way that the database has."""
        ...

    def now_us(self) -> int:
        """Return the database's own clock: leases of several hosts are judged by one clock."""
        ...

    def text_columns(self) -> list[tuple[str, str]]:
        """Return every column of text that the catalog has: table and column."""
        ...


class Database(Protocol):
    """A place for the catalog's tables. Safe to use from several threads."""

    where: str

    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that sees one moment of the catalog and changes nothing."""
        ...

    def writing(self) -> AbstractContextManager[Session]:
        """Open the only writing transaction; others wait. An exception undoes all of it."""
        ...

    def noting(self) -> AbstractContextManager[Session]:
        """Open a writing transaction for notes that may be lost.

        It waits neither long for other writers nor for the disk: a power cut may undo it.

        Raises:
            CatalogBusyError: another wrote for longer than `NOTE_BUSY_S`.
        """
        ...

    def integrity(self) -> list[str]:
        """Return what the database finds wrong with its own file; empty when all is well."""
        ...

    def compact(self) -> None:
        """Have nothing in the database's files of rows that were deleted or replaced.

        Raises:
            CatalogBusyError: another uses the database, so that it cannot be done now.
        """
        ...

    def close(self) -> None:
        """Give back every connection. The object can be used again afterwards."""
        ...


def connect(url: str, *, fresh: Callable[[bool], str] | None = None) -> Database:
    """Return the database that `url` names, its tables made or brought up to date.

    Args:
        url: SQLite on disk or PostgreSQL.
        fresh: As for `Catalog.open`.

    Raises:
        CatalogUrlError: neither SQLite on disk nor PostgreSQL.
        CatalogError: it cannot be opened; the subclass says why.
    """
    scheme, _, rest = url.partition("://")
    match scheme.partition("+")[0]:
        case "sqlite":
            from lakeworks.catalog.sqlite import SqliteDatabase

            # SQLAlchemy's form: an empty host, then the path; a fourth slash begins it at /.
            path = rest[1:] if rest.startswith("/") else ""
            if not path or path == ":memory:" or "?" in path:
                raise CatalogUrlError.unsupported(url)
            return SqliteDatabase.open(path)
        case "postgresql" | "postgres":
            from lakeworks.catalog.server import ServerDatabase

            return ServerDatabase.open(f"postgresql+psycopg://{rest}", fresh=fresh)
        case _:
            raise CatalogUrlError.unsupported(url)
