"""DuckDB as an engine: one instance a process, sessions beside each other in it."""

from __future__ import annotations

import itertools
import shutil
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lakeworks.core.names import quote_literal
from lakeworks.engines.duckdb.emptied import EmptiedInstances
from lakeworks.engines.duckdb.encrypted import ENCRYPTION, written_directly
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.extensions import load_extension
from lakeworks.engines.duckdb.kept import KeptSessions
from lakeworks.engines.duckdb.session import DuckSession
from lakeworks.engines.duckdb.spares import Spares
from lakeworks.engines.duckdb.statements import Statements
from lakeworks.engines.machine import memory_share_bytes
from lakeworks.storage.fetched import FetchedSource
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

    from lakeworks.engines.caller import CallerQuery, QueryNames
    from lakeworks.engines.duckdb.query_session import Instance
    from lakeworks.engines.partition_conditions import ExternalPlanner
    from lakeworks.engines.secured import SecuredTable
    from lakeworks.storage.external import AnySource

_FLUSH_ROWS = 65_536
# Plans of tables without rows keep their steps.
_EVERY_STEP = "SET disabled_optimizers = 'statistics_propagation,empty_result_pullup'"


class DuckEngine:
    """One DuckDB instance. Sessions share its memory limit, threads and file cache.

    Args:
        temp_directory: Where data goes that does not fit into memory; removed by `close`.
        memory_limit: Bytes for all sessions together; None for 60 % of the machine's.
        threads: None for all cores.
        s3: As `ObjectStore.s3_settings` returns it; None when all files are local.
        fresh_s3: Asked for the same anew before each session, where credentials expire.
        keep_order: Whether queries give rows in the order of what they read.
    """

    name = "duckdb"
    is_quick = True

    def __init__(
        self,
        *,
        temp_directory: str,
        memory_limit: int | None = None,
        threads: int | None = None,
        s3: Mapping[str, str | bool] | None = None,
        fresh_s3: Callable[[], Mapping[str, str | bool]] | None = None,
        keep_order: bool = False,
    ) -> None:
        self.keeps_order = keep_order
        self.memory_limit_bytes = memory_limit or memory_share_bytes()
        self._temp_directory = temp_directory
        self._threads = threads
        self._s3 = dict(s3) if s3 else None
        self._fresh_s3 = fresh_s3
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._sessions: set[DuckSession] = set()
        self._root = self._connect(threads, temp_directory)
        self._spares = Spares(self._callers)
        self._kept = KeptSessions()
        self._emptied = EmptiedInstances()

    def check_ready(self) -> None:
        """Do nothing: it is installed with this package."""

    def session(self) -> DuckSession:
        """Open a session with a catalog of its own."""
        self._renew()
        with self._lock:
            session = DuckSession(
                self._root.cursor(),
                catalog=f"__lakeworks_{next(self._numbers)}",
                s3=self._s3,
                on_close=self._forget,
            )
            self._sessions.add(session)
            return session

    def statements(self) -> Statements:
        """Return what runs single statements, for those who are no session."""
        return Statements(self._root.cursor(), s3=self._s3)

    def interrupt(self) -> None:
        """Stop what every open session runs."""
        self._kept.drop()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.interrupt()

    @property
    def external(self) -> ExternalPlanner:
        """What is asked before external tables are bound."""
        from lakeworks.engines.duckdb.external_planning import DuckPlanner

        self._renew()
        return DuckPlanner(self._root.cursor, self._s3)

    def names_read(self, sql: str) -> QueryNames:
        """Return what a caller's query names; see the protocol."""
        from lakeworks.engines.duckdb.caller_sql import names_read

        return names_read(self._root.cursor(), sql)

    def query_session(
        self, sources: Mapping[str, AnySource], *, scope: str = ""
    ) -> DuckSession:
        """Open a session for a caller's SQL, shut to all but `sources`; see the protocol."""
        return self._lent(scope, sources, partial(self._shut_session, (), scope))

    def _lent(
        self,
        scope: str,
        tables: Mapping[str, Any],
        make: Callable[[Mapping[str, Any]], DuckSession],
    ) -> DuckSession:
        """Return a session that was kept, or is going to be, where that may be."""
        # Files of other tables change under the same name.
        sources = (getattr(one, "source", one) for one in tables.values())
        if not scope or not all(isinstance(one, TableSource) for one in sources):
            return make(tables)
        self._renew()
        return cast("DuckSession", self._kept.lend(scope, tables, make))

    def _shut_session(
        self, settings: Sequence[str], scope: str, sources: Mapping[str, AnySource]
    ) -> DuckSession:
        from lakeworks.engines.duckdb.query_session import Instance, query_session

        self._renew()
        if scope and sources and all(isinstance(s, FetchedSource) for s in sources.values()):
            instance = self._emptied_instance(scope)
        else:
            instance = Instance(*self._spares.take())
        session = query_session(
            instance, sources, s3=self._s3, on_close=self._forget, settings=settings
        )
        with self._lock:
            self._sessions.add(session)
        return session

    def _emptied_instance(self, scope: str) -> Instance:
        """Return an instance for rows of one query, which may be kept when these are gone."""
        from lakeworks.engines.duckdb.query_session import Instance

        found = self._emptied.take(scope)
        made = found or self._spares.take()

        def leave(session: DuckSession) -> None:
            if session.ended_well:
                self._emptied.give(scope, made)
            else:
                made[0].close()

        return Instance(*made, shut=found is not None, leave=leave)

    def _callers(self) -> tuple[duckdb.DuckDBPyConnection, str]:
        """Make an instance for one caller's query."""
        # Two instances that share one temporary directory overwrite each other's files.
        spill = f"{self._temp_directory}/query-{next(self._numbers)}"
        return self._connect(self._threads, spill), spill

    def gate(self, sql: str) -> CallerQuery:
        """Examine the query of a caller who may not see everything; see the protocol."""
        from lakeworks.engines.duckdb.caller_sql import gate

        return gate(self._root.cursor(), sql)

    def governed_session(
        self, tables: Mapping[str, SecuredTable], query: CallerQuery, *, scope: str = ""
    ) -> DuckSession:
        """Open a session that holds what a principal may see; see the protocol."""
        from lakeworks.engines.secured import secured_session

        if query.explains:
            shut = partial(self._shut_session, (_EVERY_STEP,), "")
            return secured_session(shut, tables, query)
        shut = partial(self._shut_session, (), scope)
        return self._lent(
            f"{scope} {'guarded' if query.can_fail else 'plain'}" if scope else "",
            tables,
            lambda held: secured_session(shut, held, query),
        )

    def close(self) -> None:
        """Interrupt what runs, free memory, remove temporary files. May be called again."""
        self._kept.close()
        self._emptied.close()
        self.interrupt()
        self._spares.close()
        with suppress(Exception):
            self._root.close()
        shutil.rmtree(self._temp_directory, ignore_errors=True)

    def _forget(self, session: DuckSession) -> None:
        with self._lock:
            self._sessions.discard(session)

    def _renew(self) -> None:
        """Give the engine new credentials where those that it has may soon expire."""
        if self._fresh_s3 is None:
            return
        fresh = dict(self._fresh_s3())
        with self._lock:
            if fresh != self._s3:
                self._s3 = fresh
                self._spares.drop()
                self._kept.drop()
                self._emptied.drop()
                with translated():
                    self._root.cursor().execute(_secret(fresh))

    def _connect(self, threads: int | None, temp_directory: str) -> duckdb.DuckDBPyConnection:
        import duckdb

        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "memory_limit": f"{self.memory_limit_bytes}B",
            "temp_directory": temp_directory,
            "preserve_insertion_order": self.keeps_order,
        }
        if threads is not None:
            config["threads"] = threads
        with translated():
            root = duckdb.connect(":memory:", config=config)
            # Instance-wide, so that every cursor computes in UTC whatever the machine's zone.
            root.execute("SET GLOBAL TimeZone = 'UTC'")
            # A COPY divides rows into files by way of buffers; those of the default (524,288
            # rows) fall out of the processor's cache, which costs some 7 % of a whole write.
            root.execute(f"SET GLOBAL partitioned_write_flush_threshold = {_FLUSH_ROWS}")
            root.execute("SET GLOBAL parquet_metadata_cache = true")
            if self._s3 is not None:
                load_extension(root, "httpfs", purpose="storage in s3://")
                root.execute(_secret(self._s3))
        return root


def _secret(s3: Mapping[str, str | bool]) -> str:
    parts = ["TYPE s3"]
    told = {name: value for name, value in s3.items() if name not in ENCRYPTION}
    if written_directly(s3) and s3.get("kms_key_id"):
        told["kms_key_id"] = s3["kms_key_id"]
    for name, value in told.items():
        said = str(value).lower() if isinstance(value, bool) else quote_literal(str(value))
        parts.append(f"{name.upper()} {said}")
    return f"CREATE OR REPLACE SECRET lakeworks ({', '.join(parts)})"
