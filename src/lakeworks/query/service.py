"""Answer SQL from what the lake has published: a snapshot, an earlier one, or single versions.

Only the tables that the SQL names are opened. The session that runs it can read nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import SqlError
from lakeworks.query.errors import UnqualifiedTableError
from lakeworks.query.recording import Recording
from lakeworks.query.versions import without_versions

if TYPE_CHECKING:
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.store import Catalog
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.query.results import QueryResult
    from lakeworks.storage.files import TableSource
    from lakeworks.storage.layout import Storage


class QueryService:
    """SQL over published tables. Safe to use from several threads.

    Args:
        recorded: Whether queries are noted in the catalog's history.
    """

    def __init__(
        self, catalog: Catalog, storage: Storage, engine: Engine, *, recorded: bool = True
    ) -> None:
        self._catalog = catalog
        self._history = catalog.query_history if recorded else None
        self._storage = storage
        self._engine = engine

    def sql(
        self,
        text: str,
        *,
        at: datetime | int | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> QueryResult:
        """Run one query and stream its result.

        Args:
            text: A SELECT in DuckDB's dialect, in any of its forms, or DESCRIBE, SUMMARIZE or
                EXPLAIN. `silver.orders@v3` reads version 3 of that table, published or not.
            at: Read what readers saw at this moment (UTC without a zone), or the snapshot of
                this number; the newest when left out.
            limit: Stop after so many rows.
            timeout_s: Stop with an error after so many seconds of running.

        Raises:
            SqlError: the engine refuses the SQL; says line, column and the nearest right name.
            StatementRefusedError: it is something else than one query over tables.
            UnknownTableError: no such table; the hint names the nearest.
            UnknownSnapshotError: nothing was published then.
            QueryTimeoutError: it ran longer than `timeout_s`, here or while it is read.
        """
        recording = Recording(self._history, text)
        try:
            return self._run(text, recording, at=at, limit=limit, timeout_s=timeout_s)
        except BaseException as error:
            recording.failed(error)
            raise

    def _run(
        self,
        text: str,
        recording: Recording,
        *,
        at: datetime | int | None,
        limit: int | None,
        timeout_s: float | None,
    ) -> QueryResult:
        from lakeworks.query.results import QueryResult

        query = without_versions(text)
        named = self._engine.tables_read(query.sql)
        snapshot = self._snapshot(at) if named or at is not None else None
        sources: dict[str, TableSource] = {}
        for name in sorted(named):
            schema, _, table = name.rpartition(".")
            if schema in query.versions:
                database, number = query.versions[schema]
                sources[name] = self._version(f"{database}.{table}", number, snapshot)
            else:
                sources[name] = self._published(name, snapshot, at)
        recording.reads(sources, query.versions, snapshot)
        events.emit("query.started", tables=sorted(named))
        session = self._engine.query_session(sources)
        try:
            reader = session.query(query.sql, timeout_s=timeout_s)
        except SqlError as error:
            raise _placed(error, session, query.sql) from None
        except BaseException:
            session.__exit__(None, None, None)
            raise
        return QueryResult(reader, session, limit=limit, on_close=recording.begun())

    def _snapshot(self, at: datetime | int | None) -> Snapshot:
        if at is None:
            return self._catalog.current_snapshot()
        if isinstance(at, datetime):
            return self._catalog.snapshot_at(at)
        return self._catalog.snapshot(at)

    def _published(
        self, written: str, snapshot: Snapshot | None, at: datetime | int | None
    ) -> TableSource:
        from lakeworks.catalog.errors import UnknownTableError

        tables = snapshot.tables if snapshot else {}
        known = [str(table) for table in tables]
        name = _table_name(written, known)
        number = tables.get(name)
        if number is not None:
            return self._source(name, number)
        if at is not None and snapshot is not None:
            raise UnknownTableError.unseen(str(name), snapshot.created_at, known)
        raise UnknownTableError.named(str(name), known)

    def _version(self, written: str, number: int, snapshot: Snapshot | None) -> TableSource:
        from lakeworks.catalog.errors import UnknownTableError

        known = [str(table) for table in snapshot.tables] if snapshot else []
        name = _table_name(written, known)
        if str(name) not in known and not self._storage.table(name).exists():
            raise UnknownTableError.named(str(name), known)
        return self._source(name, number)

    def _source(self, name: TableName, number: int) -> TableSource:
        version = self._storage.table(name).version(number)
        return version.source(self._storage.table_root(name))


def _placed(error: SqlError, session: Session, sql: str) -> SqlError:
    """Return the error with line and column, which engines tell only when they describe."""
    with session:
        if error.line is not None:
            return error
        try:
            session.describe(sql)
        except SqlError as described:
            # What cannot be described (EXPLAIN) fails for another reason.
            return described if error.problem in described.problem else error
        return error


def _table_name(written: str, known: list[str]) -> TableName:
    try:
        return TableName.parse(written)
    except NameRefusedError:
        raise UnqualifiedTableError.named(written, known) from None
