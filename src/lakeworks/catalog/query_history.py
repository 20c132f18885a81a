"""Which queries were asked of the lake: who, when, what they read, how long they took.

Table care draws its advice from it, and accounts of use their sums. A query never waits for it:
`note` hands a record to a thread, and a record that cannot be written soon is dropped. The SQL
is kept as it was written, literals included; `prune` ends that (lake.yml, `query_history:`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core.names import TableName
from lakeworks.core.redaction import scrubbed, scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session
    from lakeworks.catalog.query_notes import Notes

QueryState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
MOST_SQL_CHARACTERS = 100_000
_NO_VERSION = -1
_COLUMNS = (
    "id, query_id, started_us, os_user, principal, workgroup, query_text, state, error, "
    "seconds, row_count, bytes_bound, bytes_scanned, details"
)


@dataclass(frozen=True, slots=True)
class TableRead:
    """What one query read of one table.

    Attributes:
        version: Of a managed table; None where the table has no versions.
        files: How many files the version had.
        bytes_bound: Their size: what a reader without statistics would scan.
        bytes_scanned: Size of the files that the query's filters leave; None until worked out.
        uses: How it used columns: `filter`, `join`, `sort`, `group` to names; None until
            worked out.
    """

    table: TableName
    version: int | None = None
    files: int = 0
    bytes_bound: int = 0
    bytes_scanned: int | None = None
    uses: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """One query.

    Attributes:
        query_id: Its own identifier; recording the same one again updates it.
        user: The operating system's user who asked.
        principal, workgroup: Whose permissions and limits held, where there are any.
        rows: As many as were taken of the result.
        error: The code and problem of what failed it.
        details: Whatever else whoever ran it wants to keep; plain values.
        number: In the order of recording; 0 before that.
    """

    query_id: str
    sql: str
    started_at: datetime
    seconds: float = 0.0
    rows: int = 0
    state: QueryState = "succeeded"
    error: str = ""
    user: str = ""
    principal: str = ""
    workgroup: str = ""
    tables: tuple[TableRead, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    bytes_scanned: int | None = None
    number: int = 0

    @property
    def bytes_bound(self) -> int:
        """The size of all files of the tables as they were read."""
        return sum(one.bytes_bound for one in self.tables)


class QueryHistory:
    """The queries that were recorded. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, record: QueryRecord) -> None:
        """Record a query soon, from a thread of its own: returns at once and never fails."""
        self._notes.add(record)

    def flush(self, wait_s: float = 2.0) -> bool:
        """Wait until what was noted is written; return whether it is."""
        return self._notes.flush(wait_s) if "_notes" in self.__dict__ else True

    def record(self, *records: QueryRecord) -> None:
        """Record queries, or what has become of them.

        Raises:
            CatalogError: the catalog cannot be written now.
        """
        with self._database.noting() as session:
            for one in records:
                _write(session, one)

    def recent(self, limit: int = 20, *, workgroup: str | None = None) -> list[QueryRecord]:
        """Return the last queries, newest first."""
        where = "" if workgroup is None else "WHERE workgroup = :workgroup "
        values = {} if workgroup is None else {"workgroup": workgroup}
        return self._records(f"{where}ORDER BY id DESC LIMIT :limit", limit=limit, **values)

    def get(self, query_id: str) -> QueryRecord | None:
        """Return one query, or None where it is not recorded, or no longer."""
        found = self._records("WHERE query_id = :query_id", query_id=query_id)
        return found[0] if found else None

    def of_table(
        self, table: TableName, *, limit: int = 1_000, since: datetime | None = None
    ) -> list[QueryRecord]:
        """Return the last queries that read a table, newest first."""
        return self._records(
            "WHERE id IN (SELECT query_number FROM query_tables WHERE table_name = :table) "
            "AND started_us >= :since ORDER BY id DESC LIMIT :limit",
            table=str(table),
            since=microseconds(since) if since else 0,
            limit=limit,
        )

    def reads(self, *, since: datetime) -> list[tuple[TableRead, int]]:
        """Return what queries read of tables since a moment, equal reads counted together.

        Those of which the columns are not worked out yet are part of it.
        """
        with self._database.reading() as session:
            rows = session.all(
                "SELECT t.table_name, max(t.version), max(t.files), sum(t.bytes_bound), "
                "sum(t.bytes_scanned), t.column_uses, count(*) FROM query_tables t "
                "JOIN queries q ON q.id = t.query_number WHERE q.started_us >= :since "
                "GROUP BY t.table_name, t.column_uses ORDER BY t.table_name, t.column_uses",
                since=microseconds(since),
            )
        return [(_read(row[:6]), int(row[6])) for row in rows]

    def unexamined(self, limit: int = 1_000) -> list[QueryRecord]:
        """Return queries of which the columns are not worked out yet, newest first."""
        return self._records(
            "WHERE id IN (SELECT query_number FROM query_tables WHERE column_uses IS NULL) "
            "AND state = 'succeeded' ORDER BY id DESC LIMIT :limit",
            limit=limit,
        )

    def examined(self, *records: QueryRecord) -> None:
        """Keep which columns queries used and which bytes their filters left."""
        with self._database.writing() as session:
            for record in records:
                _keep_examined(session, record)

    def count(self) -> int:
        """Return how many queries are kept."""
        with self._database.reading() as session:
            row = session.first("SELECT count(*) FROM queries")
        return int(row[0]) if row else 0

    def superfluous(self, *, before: datetime, most: int) -> int:
        """Return how many queries `prune` would forget."""
        with self._database.reading() as session:
            row = session.first(
                "SELECT count(*) FROM queries WHERE started_us < :before OR id <= "
                f"{_OLDEST_BEYOND}",
                before=microseconds(before),
                most=most,
            )
        return int(row[0]) if row else 0

    def prune(self, *, before: datetime, most: int) -> int:
        """Forget queries that began before a moment, and all but the newest `most`."""
        with self._database.writing() as session:
            gone = session.run(
                f"DELETE FROM queries WHERE started_us < :before OR id <= {_OLDEST_BEYOND}",
                before=microseconds(before),
                most=most,
            )
            session.run(
                "DELETE FROM query_tables WHERE query_number NOT IN (SELECT id FROM queries)"
            )
        return gone

    @cached_property
    def _notes(self) -> Notes:
        from lakeworks.catalog.query_notes import Notes

        return Notes(self._written)

    def _written(self, records: Sequence[QueryRecord]) -> None:
        self.record(*records)

    def _records(self, tail: str, **values: Any) -> list[QueryRecord]:  # noqa: ANN401
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM queries {tail}", **values)
            if not rows:
                return []
            numbers = [int(row[0]) for row in rows]
            reads = _reads(session, numbers)
        return [_record(row, reads.get(int(row[0]), ())) for row in rows]


# The newest `most` stay: the one that follows them, and all before it, go.
_OLDEST_BEYOND = "coalesce((SELECT id FROM queries ORDER BY id DESC LIMIT 1 OFFSET :most), -1)"
_WRITE = (
    "INSERT INTO queries (query_id, started_us, os_user, principal, workgroup, query_text, "
    "query_digest, state, error, seconds, row_count, bytes_bound, bytes_scanned, details) "
    "VALUES (:query_id, :started_us, :os_user, :principal, :workgroup, :sql, :digest, :state, "
    ":error, :seconds, :rows, :bytes_bound, :bytes_scanned, :details) "
    "ON CONFLICT (query_id) DO UPDATE SET state = excluded.state, error = excluded.error, "
    "seconds = excluded.seconds, row_count = excluded.row_count, "
    # The process that ran it knows its tables, and whoever asked for that its costs.
    "bytes_bound = CASE WHEN excluded.bytes_bound > queries.bytes_bound "
    "THEN excluded.bytes_bound ELSE queries.bytes_bound END, "
    "bytes_scanned = coalesce(excluded.bytes_scanned, queries.bytes_scanned), "
    "os_user = CASE WHEN excluded.os_user = '' THEN queries.os_user ELSE excluded.os_user END, "
    "details = CASE WHEN excluded.details = '{}' THEN queries.details ELSE excluded.details END "
    "RETURNING id"
)
_WRITE_READ = (
    "INSERT INTO query_tables (query_number, table_name, version, files, bytes_bound, "
    "bytes_scanned, column_uses) VALUES (:number, :table, :version, :files, :bound, :scanned, "
    ":uses) ON CONFLICT (query_number, table_name, version) DO NOTHING"
)


def _write(session: Session, record: QueryRecord) -> None:
    sql = scrubbed(record.sql[:MOST_SQL_CHARACTERS])
    row = session.first(
        _WRITE,
        query_id=record.query_id,
        started_us=microseconds(record.started_at),
        os_user=record.user,
        principal=record.principal,
        workgroup=record.workgroup,
        # PostgreSQL's text cannot hold this character.
        sql=sql.replace("\x00", ""),
        digest=hashlib.sha256(sql.encode()).hexdigest(),
        state=record.state,
        error=scrubbed(record.error).replace("\x00", ""),
        seconds=record.seconds,
        rows=record.rows,
        bytes_bound=record.bytes_bound,
        bytes_scanned=_scanned(record),
        details=json.dumps(scrubbed_value(record.details)),
    )
    for one in record.tables:
        session.run(
            _WRITE_READ,
            number=row[0] if row else 0,
            table=str(one.table),
            version=_NO_VERSION if one.version is None else one.version,
            files=one.files,
            bound=one.bytes_bound,
            scanned=one.bytes_scanned,
            uses=_uses_json(one),
        )


def _scanned(record: QueryRecord) -> int | None:
    """Return what is known of the bytes: a query without tables scanned none."""
    if record.bytes_scanned is not None or record.tables:
        return record.bytes_scanned
    return 0


def _keep_examined(session: Session, record: QueryRecord) -> None:
    for one in record.tables:
        session.run(
            "UPDATE query_tables SET bytes_scanned = :scanned, column_uses = :uses "
            "WHERE query_number = :number AND table_name = :table AND version = :version",
            scanned=one.bytes_scanned,
            uses=_uses_json(one),
            number=record.number,
            table=str(one.table),
            version=_NO_VERSION if one.version is None else one.version,
        )
    session.run(
        # Whoever ran it may have measured it.
        "UPDATE queries SET bytes_scanned = coalesce(bytes_scanned, :scanned) "
        "WHERE id = :number",
        scanned=sum(one.bytes_scanned or 0 for one in record.tables),
        number=record.number,
    )


def _reads(session: Session, numbers: Iterable[int]) -> dict[int, list[TableRead]]:
    found: dict[int, list[TableRead]] = {}
    wanted = sorted(set(numbers))
    for row in session.all(
        "SELECT table_name, version, files, bytes_bound, bytes_scanned, column_uses, "
        "query_number FROM query_tables WHERE query_number BETWEEN :least AND :most "
        "ORDER BY query_number, table_name, version",
        least=wanted[0],
        most=wanted[-1],
    ):
        found.setdefault(int(row[6]), []).append(_read(row[:6]))
    return found


def _read(row: tuple[Any, ...]) -> TableRead:
    name, version, files, bound, scanned, uses = row
    told = None if uses is None else {k: tuple(v) for k, v in json.loads(uses).items()}
    return TableRead(
        TableName.parse(name),
        None if version == _NO_VERSION else int(version),
        int(files),
        int(bound),
        None if scanned is None else int(scanned),
        told,
    )


def _record(row: tuple[Any, ...], reads: Iterable[TableRead]) -> QueryRecord:
    number, query_id, started, user, principal, workgroup, sql, state, error = row[:9]
    seconds, rows, _bound, scanned, details = row[9:]
    record = QueryRecord(
        query_id,
        sql,
        from_microseconds(started),
        float(seconds),
        int(rows),
        state,
        error,
        user,
        principal,
        workgroup,
        tuple(reads),
        json.loads(details),
    )
    return replace(
        record, bytes_scanned=None if scanned is None else int(scanned), number=int(number)
    )


def _uses_json(read: TableRead) -> str | None:
    if read.uses is None:
        return None
    return json.dumps({k: sorted(read.uses[k]) for k in sorted(read.uses)})
