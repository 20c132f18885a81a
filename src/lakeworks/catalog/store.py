"""The catalog: heads, published snapshots, runs, the ledger and locks of one lake.

Each call is one short transaction; nothing is remembered between calls, so several processes
may use one catalog. `lakeworks.catalog.database` says which databases serve.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from lakeworks.catalog import heads, runs, snapshots
from lakeworks.catalog.database import Database, connect
from lakeworks.catalog.errors import CatalogError, UnknownRunError
from lakeworks.catalog.heads import Head
from lakeworks.catalog.processes import Process, this_process
from lakeworks.catalog.runs import Run
from lakeworks.catalog.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from types import TracebackType

    from lakeworks.catalog.access_tokens import AccessTokens
    from lakeworks.catalog.audit_trail import AuditTrail
    from lakeworks.catalog.crawls import Crawls
    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.catalog.erasures import Erasures
    from lakeworks.catalog.grants import Grants
    from lakeworks.catalog.ledger import Ledger
    from lakeworks.catalog.locks import Locks
    from lakeworks.catalog.named_queries import NamedQueries
    from lakeworks.catalog.prepared_statements import PreparedStatements
    from lakeworks.catalog.quality_results import QualityResults
    from lakeworks.catalog.query_executions import ExecutionRecords
    from lakeworks.catalog.query_history import QueryHistory
    from lakeworks.catalog.query_usage import QueryUsage
    from lakeworks.catalog.schema_registry.registry import SchemaRegistry
    from lakeworks.catalog.statement_writes import StatementWrites
    from lakeworks.core.names import TableName

__all__ = ["Catalog", "Head", "Run", "Snapshot"]

SnapshotKind = Literal["run", "rollback", "maintenance", "erasure"]


class Catalog:
    """What a lake remembers about itself. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._freshen: Callable[[str | None, str | None], None] | None = None

    @classmethod
    def open(cls, url: str, *, fresh: Callable[[bool], str] | None = None) -> Self:
        """Open the catalog at an SQLAlchemy URL, made or migrated when that is needed.

        Args:
            url: Where it is; its password is told to nobody.
            fresh: Gives the URL for each new connection, where its password is replaced from
                time to time; called with True when the server refused the last one.

        Raises:
            CatalogUrlError: the URL names neither SQLite on disk nor PostgreSQL.
            CatalogTooNewError: a later Lakeworks wrote it.
            CatalogError: it cannot be opened; the subclass says why.
        """
        return cls(connect(url, fresh=fresh))

    @property
    def where(self) -> str:
        """The file, or the server's URL without its password."""
        return self._database.where

    @cached_property
    def query_executions(self) -> ExecutionRecords:
        """Executions of the SQL service, as they stand."""
        from lakeworks.catalog.query_executions import ExecutionRecords

        return ExecutionRecords(self._database)

    @cached_property
    def query_usage(self) -> QueryUsage:
        """What workgroups used, and alarms of their budgets."""
        from lakeworks.catalog.query_usage import QueryUsage

        return QueryUsage(self._database)

    @cached_property
    def ledger(self) -> Ledger:
        """Which files make up which batch."""
        from lakeworks.catalog.ledger import Ledger

        return Ledger(self._database)

    @cached_property
    def quality_results(self) -> QualityResults:
        """What the rules of every run came to."""
        from lakeworks.catalog.quality_results import QualityResults

        return QualityResults(self._database)

    @cached_property
    def schema_registry(self) -> SchemaRegistry:
        """Schemas of records, by name and version."""
        from lakeworks.catalog.schema_registry.registry import SchemaRegistry

        return SchemaRegistry(self._database)

    @cached_property
    def query_history(self) -> QueryHistory:
        """Which queries were asked of the lake."""
        from lakeworks.catalog.query_history import QueryHistory

        return QueryHistory(self._database)

    @cached_property
    def data_catalog(self) -> DataCatalog:
        """Databases, tables and partitions, in the words of the Glue Data Catalog."""
        from lakeworks.catalog.data_catalog.service import DataCatalog

        return DataCatalog(self._database, self._freshen)

    def keep_fresh(self, freshen: Callable[[str | None, str | None], None]) -> None:
        """Bring entries of the data catalog up to date before they are looked at.

        Args:
            freshen: Takes a database and a table; without the table all of the database are
                meant, without both all there are. To be given before `data_catalog` is used.
        """
        self._freshen = freshen

    @cached_property
    def grants(self) -> Grants:
        """Grants and tags that were given at run time."""
        from lakeworks.catalog.grants import Grants

        return Grants(self._database)

    @cached_property
    def audit_trail(self) -> AuditTrail:
        """Who did what, chained by hash."""
        from lakeworks.catalog.audit_trail import AuditTrail

        return AuditTrail(self._database)

    @cached_property
    def crawls(self) -> Crawls:
        """What crawlers did, and the folders that they know."""
        from lakeworks.catalog.crawls import Crawls

        return Crawls(self._database)

    @cached_property
    def access_tokens(self) -> AccessTokens:
        """With which clients of the SQL service say who they are."""
        from lakeworks.catalog.access_tokens import AccessTokens

        return AccessTokens(self._database)

    @cached_property
    def prepared_statements(self) -> PreparedStatements:
        """Statements that were prepared under a name, by workgroup."""
        from lakeworks.catalog.prepared_statements import PreparedStatements

        return PreparedStatements(self._database)

    @cached_property
    def named_queries(self) -> NamedQueries:
        """Queries that are kept under a name."""
        from lakeworks.catalog.named_queries import NamedQueries

        return NamedQueries(self._database)

    @cached_property
    def erasures(self) -> Erasures:
        """Who was erased, by hash, and which versions of tables went with it."""
        from lakeworks.catalog.erasures import Erasures

        return Erasures(self._database)

    @cached_property
    def statement_writes(self) -> StatementWrites:
        """What statements wrote into which table."""
        from lakeworks.catalog.statement_writes import StatementWrites

        return StatementWrites(self._database)

    @cached_property
    def locks(self) -> Locks:
        """Who may write which table now."""
        from lakeworks.catalog.locks import Locks

        return Locks(self._database)

    def close(self) -> None:
        """Give back every connection."""
        if "query_history" in self.__dict__:
            self.query_history.flush()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def view_names(self) -> dict[TableName, bool]:
        """Return the names of the data catalog's views, each with whether it is materialised."""
        from lakeworks.catalog.view_names import view_names

        return view_names(self._database)

    def heads(self) -> dict[TableName, Head]:
        """Return every table's newest known version."""
        with self._database.reading() as session:
            return heads.read_heads(session)

    def head(self, name: TableName) -> Head | None:
        """Return a table's newest known version, or None."""
        with self._database.reading() as session:
            return heads.read_head(session, name)

    def set_head(self, head: Head) -> None:
        """Note a table's newest version in place of what was known."""
        with self._database.writing() as session:
            heads.write_head(session, head)

    def drop_head(self, name: TableName) -> None:
        """Forget a table's newest version; the log still has it."""
        with self._database.writing() as session:
            heads.delete_head(session, name)

    def current_snapshot(self) -> Snapshot:
        """Return what readers see now; before the first publication, an empty one of id 0."""
        with self._database.reading() as session:
            return snapshots.current(session)

    def snapshot(self, number: int) -> Snapshot:
        """Return one snapshot.

        Raises:
            UnknownSnapshotError: there is none, or it is no longer kept.
        """
        with self._database.reading() as session:
            return snapshots.numbered(session, number)

    def snapshot_of_run(self, run_id: str) -> Snapshot:
        """Return the last snapshot that a run published.

        Raises:
            UnknownRunError: no such run, or it published nothing that is still kept.
        """
        with self._database.reading() as session:
            found = snapshots.of_run(session, run_id)
            if found is not None:
                return found
            run = runs.named(session, run_id)
            if run is None:
                raise UnknownRunError.named(run_id, runs.recent_ids(session))
            recent = [snapshot.run_id for snapshot in snapshots.newest(session, 5)]
            raise UnknownRunError.unpublished(run_id, run.status, dict.fromkeys(recent))

    def snapshot_at(self, moment: datetime) -> Snapshot:
        """Return what readers saw at `moment`; one without a zone is taken as UTC.

        Raises:
            UnknownSnapshotError: nothing that is still kept had been published by then.
        """
        with self._database.reading() as session:
            return snapshots.at(session, moment)

    def snapshot_of_data(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the newest snapshot, this or an older one, that changed data, or None."""
        with self._database.reading() as session:
            return snapshots.of_data(session, snapshot)

    def snapshot_before(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the snapshot whose data `snapshot` took the place of, or None."""
        with self._database.reading() as session:
            return snapshots.before(session, snapshot)

    def snapshots(self, limit: int = 20) -> list[Snapshot]:
        """Return the last snapshots, newest first."""
        with self._database.reading() as session:
            return snapshots.newest(session, limit)

    def publish(
        self,
        run_id: str,
        changes: Mapping[TableName, int | None],
        *,
        kind: SnapshotKind = "run",
    ) -> Snapshot:
        """Let readers see other versions of some tables, all at once.

        Publishers at the same time follow each other; each builds on what the one before made.

        Args:
            run_id: The run that asks.
            changes: The version that each table gets; None takes the table away.
            kind: Why.
        """
        with self._database.writing() as session:
            return snapshots.publish(session, run_id, changes, kind)

    def published_versions(self, *, since: datetime | None = None) -> dict[TableName, set[int]]:
        """Return the versions of each table that some kept snapshot shows.

        Args:
            since: Count only what readers saw at that moment or later.
        """
        with self._database.reading() as session:
            return snapshots.published_versions(session, since)

    def published_changes(self, name: TableName) -> dict[int, tuple[int, str, str]]:
        """Return, for each published version of a table, the snapshot, run and kind."""
        with self._database.reading() as session:
            return snapshots.changed_by(session, name)

    def forget_snapshots(self, *, before: datetime) -> int:
        """Forget the snapshots that readers no longer saw at `before`; return how many.

        They cannot be published again. The one that was current at `before` stays.
        """
        with self._database.writing() as session:
            return snapshots.forget_before(session, snapshots.floor_at(session, before))

    def begin_run(
        self, run_id: str, *, host: str | None = None, pid: int | None = None
    ) -> None:
        """Note that a run began; runs whose process died meanwhile are noted as killed.

        Args:
            run_id: Its identifier, from `clock.new_run_id`.
            host: The machine's name, when it is not this one's.
            pid: The process that runs it, when it is not this one.
        """
        here = this_process()
        process = here
        if (host or here.host, pid or here.pid) != (here.host, here.pid):
            process = Process(host or here.host, "", pid or here.pid, "")
        with self._database.writing() as session:
            runs.begin(session, run_id, process)

    def end_run(self, run_id: str, status: str, report: Mapping[str, Any]) -> None:
        """Note how a run ended and what it reported.

        Raises:
            CatalogError: no such run was begun.
        """
        with self._database.writing() as session:
            if not runs.end(session, run_id, status, report):
                raise CatalogError.unexpected(self.where, f"run {run_id} was never begun")

    def runs(self, limit: int = 20) -> list[Run]:
        """Return the last runs, newest first."""
        with self._database.reading() as session:
            return runs.newest(session, limit)

    def run(self, run_id: str) -> Run:
        """Return one run.

        Raises:
            UnknownRunError: there is none; the hint names the nearest.
        """
        with self._database.reading() as session:
            found = runs.named(session, run_id)
            if found is None:
                raise UnknownRunError.named(run_id, runs.recent_ids(session))
            return found

    def forget_runs(self, *, before: datetime, keep: int = 100) -> int:
        """Forget runs that ended before a moment; return how many.

        Those that published a snapshot that is still kept stay, and the last `keep` runs.
        """
        with self._database.writing() as session:
            return runs.forget_before(session, before, keep)

    def old_runs(self, *, before: datetime, keep: int = 100) -> int:
        """Return how many runs `forget_runs` would forget."""
        with self._database.reading() as session:
            return runs.count_before(session, before, keep)

    def runs_under_way(self) -> list[Run]:
        """Return the runs that began and did not say that they ended, oldest first."""
        with self._database.reading() as session:
            return runs.under_way(session)

    def integrity(self) -> list[str]:
        """Return what the database finds wrong with itself; empty when all is well."""
        return self._database.integrity()
