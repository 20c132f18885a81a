"""The catalog in one SQLite file, without SQLAlchemy: see `database.py` for the reason."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lakeworks.catalog import errors, revisions
from lakeworks.catalog.database import BUSY_S, NOTE_BUSY_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FULL_BELOW_BYTES = 1 << 20


class SqliteSession:
    """One transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, /, **values: Any) -> int:  # noqa: ANN401
        """Execute one statement and return how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def all(self, sql: str, /, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """Return every row of a query."""
        return self._connection.execute(sql, values).fetchall()

    def first(self, sql: str, /, **values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401
        """Return the first row of a statement, or None."""
        rows = self._connection.execute(sql, values).fetchall()
        return rows[0] if rows else None

    def numbers(self, sql: str, /, **values: Any) -> list[int]:  # noqa: ANN401
        """Return the whole numbers that are a query's only column."""
        return [row[0] for row in self._connection.execute(sql, values)]

    def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Insert rows with one prepared statement."""
        marks = ", ".join("?" for _ in columns)
        self._connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
        )

    def now_us(self) -> int:
        """Return the clock of this machine: an SQLite file has no other."""
        return time.time_ns() // 1_000

    def text_columns(self) -> list[tuple[str, str]]:
        """Return the columns of text, as SQLite's own tables list them."""
        rows = self._connection.execute(
            "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p "
            "WHERE m.type = 'table' AND upper(p.type) IN ('TEXT', 'VARCHAR') ORDER BY 1, 2"
        )
        return [(row[0], row[1]) for row in rows]


_File = tuple[int, int] | None


def _file(path: str) -> _File:
    """Return which file a path leads to now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - the quickest: asked at every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteDatabase:
    """A catalog file in WAL mode: readers never wait, writers wait for each other."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._absolute = str(Path(path).absolute())
        self.where = path
        self._idle: list[tuple[sqlite3.Connection, _File]] = []
        self._guard = threading.Lock()
        self._process = os.getpid()
        self._frozen = False
        self._ready = False

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the catalog at `path`; make its folder and its tables when they are missing."""
        database = cls(path)
        try:
            with database._explained():
                database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        """Open a transaction that sees one moment of the catalog."""
        with self._explained(), self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield SqliteSession(connection)
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[SqliteSession]:
        """Open the only writing transaction."""
        if self._frozen:
            raise errors.CatalogReadOnlyError.at(self.where)
        with self._explained(), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteSession(connection)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def noting(self) -> Iterator[SqliteSession]:
        """Open a writing transaction for notes that may be lost."""
        if self._frozen:
            raise errors.CatalogReadOnlyError.at(self.where)
        with self._explained(NOTE_BUSY_S):
            # A connection of its own: its settings must not leak into the pool.
            connection = self._connect(NOTE_BUSY_S)
            try:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("BEGIN IMMEDIATE")
                yield SqliteSession(connection)
                connection.commit()
            finally:
                connection.close()

    def integrity(self) -> list[str]:
        """Return what SQLite's own check finds."""
        try:
            with self._connection() as connection:
                rows = connection.execute("PRAGMA integrity_check").fetchall()
                rows += connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def compact(self) -> None:
        """Write the file anew without free pages, and empty the log beside it."""
        with self._explained(), self._connection() as connection:
            connection.execute("VACUUM")
            row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if row and row[0]:
            raise errors.CatalogBusyError.at(self.where, BUSY_S)

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._guard:
            idle, self._idle = self._idle, []
        if self._process == os.getpid():
            for connection, _ in idle:
                connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._process != os.getpid():
                # A connection carried through a fork would share its file locks with the
                # parent; even closing it would drop them. It is left alone.
                self._inherited, self._idle, self._process = self._idle, [], os.getpid()
            connection, file = self._idle.pop() if self._idle else (None, None)
        now = _file(self._absolute)
        if connection is not None and file != now:
            # What it holds was taken away or replaced: what it wrote there would be lost.
            connection.close()
            connection = None
        if connection is None:
            connection, file = self._connect(), now
        try:
            yield connection
        except sqlite3.DatabaseError:
            connection.close()
            raise
        if self._frozen:
            connection.close()
            return
        with self._guard:
            self._idle.append((connection, file))

    def _connect(self, timeout_s: float = BUSY_S) -> sqlite3.Connection:
        if self._ready and _file(self._absolute) is None:
            # SQLite would make an empty one, and whoever puts the file back would find that.
            raise errors.CatalogUnavailableError.unreachable(self.where, "the file is gone")
        target = f"{Path(self._absolute).as_uri()}?mode={self._mode()}"
        connection = sqlite3.connect(
            target,
            uri=True,
            timeout=timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _mode(self) -> str:
        if not self._frozen:
            return "rwc"
        # WAL needs a writable folder even for reading, unless someone who may write is at work
        # and has made its files. Otherwise the file is read as it lies; one connection for each
        # transaction, so that a writer that comes later is noticed.
        return "ro" if Path(f"{self.path}-wal").exists() else "ro&immutable=1"

    def _prepare(self) -> None:
        folder = Path(self.path).absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._frozen = Path(self.path).exists() and not self._writable(folder)
        except OSError as error:
            reason = error.strerror or str(error)
            raise errors.CatalogUnavailableError.unreachable(self.where, reason) from error
        with self._connection() as connection:
            revision = _revision(connection)
        if revision != revisions.CURRENT:
            if self._frozen:
                raise errors.CatalogReadOnlyError.at(self.where)
            self._migrate()
        self._ready = True

    def _writable(self, folder: Path) -> bool:
        effective = os.access in os.supports_effective_ids
        return os.access(folder, os.W_OK, effective_ids=effective) and os.access(
            self.path, os.W_OK, effective_ids=effective
        )

    def _migrate(self) -> None:
        from lakeworks.catalog.migrate import upgrade_sqlite

        connection = self._connect()
        try:
            _into_wal(connection)
            upgrade_sqlite(connection, where=self.where)
        finally:
            connection.close()

    @contextmanager
    def _explained(self, waited_s: float = BUSY_S) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error, waited_s) from error

    def _explain(self, error: sqlite3.Error, waited_s: float) -> errors.CatalogError:
        name = getattr(error, "sqlite_errorname", "") or ""
        match name.split("_")[1] if "_" in name else "":
            case "BUSY" | "LOCKED":
                return errors.CatalogBusyError.at(self.where, waited_s)
            case "READONLY" | "PERM":
                return errors.CatalogReadOnlyError.at(self.where)
            case "FULL":
                return errors.CatalogFullError.at(self.where)
            case "CORRUPT" | "NOTADB":
                return errors.CatalogCorruptError.at(self.where, str(error))
            case "CANTOPEN" | "IOERR" | "AUTH":
                if self._disk_is_full():
                    return errors.CatalogFullError.at(self.where)
                return errors.CatalogUnavailableError.unreachable(self.where, str(error))
            case _:
                return errors.CatalogError.unexpected(self.where, str(error))

    def _disk_is_full(self) -> bool:
        try:
            return shutil.disk_usage(Path(self.path).parent).free < _FULL_BELOW_BYTES
        except OSError:
            return False


def _revision(connection: sqlite3.Connection) -> str | None:
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    return str(row[0]) if row else None


def _into_wal(connection: sqlite3.Connection) -> None:
    # The change of mode does not heed the busy timeout, so two first openers must take turns.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            locked = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not locked or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
