"""Answer SQL from what the lake has published: a snapshot, an earlier one, or single versions.

Only the tables that the SQL names are opened. The session that runs it can read nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lakeworks.core import events
from lakeworks.core.errors import LakeError, NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import SqlError, StatementRefusedError
from lakeworks.query.errors import (
    BytesLimitError,
    HiddenFailureError,
    NoPermissionsError,
    UnqualifiedTableError,
)
from lakeworks.query.external import NO_VERSION, external_sources, is_external
from lakeworks.query.grant_statements import carried_out, check_grant, is_grant
from lakeworks.query.parameters import with_parameters
from lakeworks.query.questions import Caller, Question
from lakeworks.query.recording import Recording
from lakeworks.query.versions import without_versions
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.store import Catalog
    from lakeworks.engines.caller import CallerQuery
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.governance.service import Governance
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.query.results import QueryResult
    from lakeworks.query.viewer import Viewer
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import TableSource
    from lakeworks.storage.layout import Storage


class QueryService:
    """SQL over published tables. Safe to use from several threads.

    Args:
        governance: The lake's permissions and audit trail; None in a lake that is its owner's
            alone.
        external: The tables of files that the data catalog has beside the lake's own.
        recorded: Whether queries are noted in the catalog's history.
    """

    def __init__(
        self,
        catalog: Catalog,
        storage: Storage,
        engine: Engine,
        *,
        governance: Governance | None = None,
        external: Callable[[], ExternalTables] | None = None,
        recorded: bool = True,
    ) -> None:
        self._catalog = catalog
        self._history = catalog.query_history if recorded else None
        self._storage = storage
        self._engine = engine
        self._governance = governance
        self._external = external

    def sql(
        self,
        text: str,
        *,
        at: datetime | int | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
        caller: Caller | str | None = None,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> QueryResult:
        """Run one query and stream its result.

        Args:
            text: A SELECT in DuckDB's dialect, in any of its forms, or DESCRIBE, SUMMARIZE or
                EXPLAIN. `silver.orders@v3` reads version 3 of that table, published or not. Or
                GRANT or REVOKE, which the caller has to be allowed; it gives no rows.
            at: Read what readers saw at this moment (UTC without a zone), or the snapshot of
                this number; the newest when left out.
            limit: Stop after so many rows.
            timeout_s: Stop with an error after so many seconds of running.
            caller: The principal whose permissions hold (`ana`, `role:analyst`), as of now,
                whatever `at` says; the lake's owner, who sees everything, when left out.
            parameters: Values for `?` and `$1` by position, or for `$name` by name.

        Raises:
            ParameterError: statement and parameters do not fit.
            SqlError: the engine refuses the SQL; says line, column and the nearest right name.
            StatementRefusedError: it is something else than one query over tables, or calls a
                function that a query under permissions may not call.
            UnknownTableError: no such table; the hint names the nearest. To a principal, a
                table of which it may see nothing is not there either.
            UnknownSnapshotError: nothing was published then.
            QueryTimeoutError: it ran longer than `timeout_s`, here or while it is read.
            BytesLimitError: it would read more than its caller may.
            NoPermissionsError: a principal is named, and the lake has no policies.
            GovernanceError: a GRANT or REVOKE is wrong, or is not the caller's to make.
            HiddenFailureError: it failed for a reason that is not the principal's to know.
        """
        text = with_parameters(text, parameters)
        who = Caller(caller or "") if not isinstance(caller, Caller) else caller
        recording = self._recording(text, who)
        viewer = self._viewer(who.principal)
        with self._refusals(text, viewer, recording):
            if is_grant(text):
                return carried_out(text, self._governance, viewer, recording)
            return self._run(
                self._asked(text, at, viewer), recording, who, limit=limit, timeout_s=timeout_s
            )
        raise AssertionError  # a refusal is raised: for the type checker

    def _recording(self, text: str, who: Caller) -> Recording:
        return Recording(
            self._history,
            text,
            query_id=who.query_id,
            principal=who.principal,
            workgroup=who.workgroup,
        )

    @contextmanager
    def _refusals(
        self, text: str, viewer: Viewer | None, recording: Recording
    ) -> Iterator[None]:
        """Record and audit what goes wrong in the block; tell a principal what it may know."""
        if viewer is not None and self._governance is not None:
            viewer.audited(self._governance.audit, recording.query_id, text)
        try:
            yield
        except BaseException as error:
            recording.failed(error)
            if viewer is None:
                raise
            viewer.audit.refused(error)
            if not isinstance(error, LakeError):
                raise
            raise viewer.told(error) from None

    def visible(self, principal: str = "") -> list[TableName]:
        """Return the published tables that a principal may read, by name."""
        viewer = self._viewer(principal)
        tables = sorted(self._catalog.current_snapshot().tables)
        return tables if viewer is None else [one for one in tables if viewer.may_read(one)]

    def columns(self, name: str, principal: str = "") -> list[tuple[str, str]]:
        """Return the columns of a published table that a principal sees: name and type.

        Raises:
            UnknownTableError: there is no such table, or the principal may not read it.
        """
        viewer = self._viewer(principal)
        snapshot = self._catalog.current_snapshot()
        table, number = self._published(name, snapshot, None, viewer)
        source = self._source(table, number, hidden=viewer is not None)
        if viewer is None:
            return [(field.name, str(field.type)) for field in source.schema]
        seen = {column.name for column in viewer.secured(table, source).columns}
        return [(field.name, str(field.type)) for field in source.schema if field.name in seen]

    def warm(self) -> None:
        """Load what queries need, so that the first one is as quick as the others."""
        with self._engine.query_session({}) as session:
            session.query("SELECT 1 AS ready").read_all()

    def examine(
        self,
        text: str,
        principal: str = "",
        at: datetime | int | None = None,
        *,
        workgroup: str = "",
    ) -> Question:
        """Read a query without running it, and say what its answer rests on.

        What is refused is recorded and audited as by `sql`, since nobody will run it.

        Raises:
            LakeError: as `sql` does, for what can be seen without running it.
        """
        viewer = self._viewer(principal)
        recording = self._recording(text, Caller(principal, workgroup))
        with self._refusals(text, viewer, recording):
            if is_grant(text):
                check_grant(text)
                return Question(repeatable=False)
            asked = self._asked(text, at, viewer)
        return Question(
            tuple(sorted((str(name), number) for name, number in set(asked.tables.values()))),
            "" if viewer is None else viewer.policy_version,
            self._is_repeatable(asked),
        )

    def _is_repeatable(self, asked: _Asked) -> bool:
        if any(number == NO_VERSION for _, number in asked.tables.values()):
            return False  # files change without a version
        try:
            gated = asked.gated or self._engine.gate(asked.sql)
        except StatementRefusedError:
            return False
        return not gated.changes

    def _run(
        self,
        asked: _Asked,
        recording: Recording,
        who: Caller,
        *,
        limit: int | None,
        timeout_s: float | None,
    ) -> QueryResult:
        from lakeworks.query.results import QueryResult

        sources: dict[str, AnySource] = {
            name: self._source(*table, hidden=asked.viewer is not None)
            for name, table in asked.tables.items()
            if table[1] != NO_VERSION
        }
        sources |= external_sources(self._external, asked.sql, asked.tables, asked.viewer)
        recording.reads(sources, asked.marks, asked.snapshot)
        scanned_bytes = sum(source.size_bytes for source in sources.values())
        if who.bytes_limit is not None and scanned_bytes > who.bytes_limit:
            raise BytesLimitError.over(scanned_bytes, who.bytes_limit)
        events.emit("query.started", tables=sorted(sources))
        session = self._session(asked, sources)
        try:
            reader = session.query(asked.sql, timeout_s=timeout_s)
        except SqlError as error:
            raise _placed(error, session, asked.sql) from None
        except BaseException:
            session.__exit__(None, None, None)
            raise
        told = None if asked.viewer is None else asked.viewer.told
        ended = recording.begun()
        if asked.viewer is not None:
            ended = asked.viewer.audit.after(ended)
        found = QueryResult(reader, session, limit=limit, on_close=ended, told=told)
        found.scanned_bytes = scanned_bytes
        return found

    def _session(self, asked: _Asked, sources: Mapping[str, AnySource]) -> Session:
        if asked.viewer is None or asked.gated is None:
            return self._engine.query_session(sources)
        secured = {
            name: asked.viewer.secured(asked.tables[name][0], source)
            for name, source in sources.items()
        }
        asked.viewer.audit.reads(secured, asked.tables, asked.viewer.policy_version)
        return self._engine.governed_session(secured, asked.gated)

    def _viewer(self, principal: str) -> Viewer | None:
        """Return whose view is asked for; None for the owner's, who sees everything."""
        if not principal:
            return None
        from lakeworks.governance.principals import Principal
        from lakeworks.query.viewer import Viewer

        found = self._governance.authorizer() if self._governance is not None else None
        if found is None or not found.governs:
            raise NoPermissionsError.none()
        return Viewer(
            found, Principal.parse(principal), lambda: self._catalog.current_snapshot().tables
        )

    def _asked(self, text: str, at: datetime | int | None, viewer: Viewer | None) -> _Asked:
        query = without_versions(text)
        gated = None if viewer is None else self._engine.gate(query.sql)
        named = self._engine.tables_read(query.sql) if gated is None else gated.tables
        snapshot = self._snapshot(at) if named or at is not None else None
        tables: dict[str, tuple[TableName, int]] = {}
        for name in sorted(named):
            schema, _, table = name.rpartition(".")
            if schema in query.versions:
                database, number = query.versions[schema]
                found = self._version(f"{database}.{table}", number, snapshot, viewer)
            else:
                found = self._published(name, snapshot, at, viewer)
            tables[name] = found
        return _Asked(query.sql, tables, query.versions, snapshot, viewer, gated)

    def _snapshot(self, at: datetime | int | None) -> Snapshot:
        if at is None:
            return self._catalog.current_snapshot()
        if isinstance(at, datetime):
            return self._catalog.snapshot_at(at)
        return self._catalog.snapshot(at)

    def _published(
        self,
        written: str,
        snapshot: Snapshot | None,
        at: datetime | int | None,
        viewer: Viewer | None,
    ) -> tuple[TableName, int]:
        from lakeworks.catalog.errors import UnknownTableError

        tables = snapshot.tables if snapshot else {}
        if viewer is not None:
            seen = viewer.named(written)
            if seen not in tables and at is None and is_external(self._external, seen):
                return seen, NO_VERSION
            if seen not in tables:
                raise viewer.unknown(seen)
            return seen, tables[seen]
        known = [str(table) for table in tables]
        name = _table_name(written, known)
        number = tables.get(name)
        if number is not None:
            return name, number
        if is_external(self._external, name, version="" if at is None else f"at {at}"):
            return name, NO_VERSION
        if at is not None and snapshot is not None:
            raise UnknownTableError.unseen(str(name), snapshot.created_at, known)
        raise UnknownTableError.named(str(name), known)

    def _version(
        self, written: str, number: int, snapshot: Snapshot | None, viewer: Viewer | None
    ) -> tuple[TableName, int]:
        from lakeworks.catalog.errors import UnknownTableError

        if viewer is not None:
            return viewer.version(written, number, snapshot)
        known = [str(table) for table in snapshot.tables] if snapshot else []
        name = _table_name(written, known)
        if str(name) not in known and not self._storage.table(name).exists():
            is_external(self._external, name, version=f"@v{number}")
            raise UnknownTableError.named(str(name), known)
        return name, number

    def _source(self, name: TableName, number: int, *, hidden: bool) -> TableSource:
        try:
            version = self._storage.table(name).version(number)
        except VersionNotFoundError:
            if hidden:  # its words name the table's folder
                raise HiddenFailureError.version(str(name), number) from None
            raise
        return version.source(self._storage.table_root(name))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query that was read: what runs, over which tables, for whom.

    Attributes:
        tables: The name that the SQL reads a table under, to the table and its version.
        marks: The names of schemas that stand for a version, as `without_versions` made them.
        gated: What the gate found, where permissions hold.
    """

    sql: str
    tables: Mapping[str, tuple[TableName, int]]
    marks: Mapping[str, tuple[str, int]]
    snapshot: Snapshot | None
    viewer: Viewer | None
    gated: CallerQuery | None


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
