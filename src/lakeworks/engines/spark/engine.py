"""Spark as an engine: one Spark application a process, sessions beside each other in it.

Nothing of Spark is started or imported until a session first needs it: describing SQL and
finding the tables that it names are the embedded engine's work.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lakeworks.engines.spark.application import application
from lakeworks.engines.spark.errors import MissingSparkError
from lakeworks.engines.spark.jvm import find_java, submitted
from lakeworks.engines.spark.session import SparkLakeSession
from lakeworks.engines.spark.settings import configuration
from lakeworks.engines.spark.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from lakeworks.engines.caller import CallerQuery, QueryNames
    from lakeworks.engines.partition_conditions import ExternalPlanner
    from lakeworks.engines.protocol import Engine
    from lakeworks.engines.secured import SecuredTable
    from lakeworks.project.declaration import SparkSettings
    from lakeworks.storage.external import AnySource

_SHADOW_BYTES = 256 * 1024 * 1024


class SparkEngine:
    """One Spark application. Sessions share its memory and cores.

    Args:
        settings: `spark:` of the environment.
        temp_directory: Where data goes that does not fit into memory.
        memory_limit: Bytes of the driver, which computes everything where Spark runs locally.
        threads: Cores of a local Spark; None for all.
        s3: As `ObjectStore.s3_settings` returns it; None when all files are local.
    """

    name = "spark"
    keeps_order = False
    is_quick = False

    def __init__(
        self,
        settings: SparkSettings,
        *,
        temp_directory: str,
        memory_limit: int | None = None,
        threads: int | None = None,
        s3: Mapping[str, str | bool] | None = None,
    ) -> None:
        self._configuration = configuration(
            settings,
            temp_directory=temp_directory,
            memory_limit=memory_limit,
            threads=threads,
            s3=s3,
        )
        self._temp_directory = temp_directory
        self._s3 = dict(s3) if s3 else None
        self._lock = threading.Lock()
        self._sessions: set[SparkLakeSession] = set()
        self._embedded: Engine | None = None

    def check_ready(self) -> None:
        """See that PySpark and, where a JVM starts here, Java are installed.

        Raises:
            MissingSparkError: one is not.
        """
        from importlib.util import find_spec

        if find_spec("pyspark") is None:
            raise MissingSparkError.pyspark()
        if self._configuration.remote is None and not submitted():
            find_java()

    def session(self) -> SparkLakeSession:
        """Open a session with views of its own."""
        session = SparkLakeSession(
            self._spark_session,
            Shadow(self._shadow_engine().session()),
            s3=self._s3,
            memory_limit_bytes=self._configuration.memory_bytes,
            on_close=self._forget,
        )
        with self._lock:
            self._sessions.add(session)
        return session

    @property
    def external(self) -> ExternalPlanner:
        """What is asked before external tables are bound; Spark is not."""
        from lakeworks.engines.duckdb.external_planning import DuckPlanner
        from lakeworks.engines.duckdb.file_tasks import Place, connection_at

        return DuckPlanner(partial(connection_at, Place(self._s3, _SHADOW_BYTES)), self._s3)

    def names_read(self, sql: str) -> QueryNames:
        """Return what a caller's query names; see the protocol."""
        return self._shadow_engine().names_read(sql)

    def query_session(
        self,
        sources: Mapping[str, AnySource],
        *,
        scope: str = "",  # noqa: ARG002 - a session costs nothing beside a job
    ) -> SparkLakeSession:
        """Open a session for a caller's SQL, shut to all but `sources`; see the protocol.

        Every session is: the translation carries over listed functions and bound names only.
        """
        session = self.session()
        try:
            for name, source in sources.items():
                session.bind(name, source)
        except BaseException:
            session.close()
            raise
        return session

    def gate(self, sql: str) -> CallerQuery:
        """Examine the query of a caller who may not see everything; see the protocol."""
        found = self._shadow_engine().gate(sql)
        # Spark orders what it computes in a row as it likes.
        return replace(found, can_fail=True)

    def governed_session(
        self,
        tables: Mapping[str, SecuredTable],
        query: CallerQuery,
        *,
        scope: str = "",  # noqa: ARG002 - as above
    ) -> SparkLakeSession:
        """Open a session that holds what a principal may see; see the protocol."""
        from lakeworks.engines.secured import secured_session

        return secured_session(self.query_session, tables, query)

    def interrupt(self) -> None:
        """Stop what every open session runs."""
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.interrupt()

    def close(self) -> None:
        """Interrupt what runs and free what sessions hold. May be called again.

        The Spark application lives on until the process ends: starting one takes seconds, and
        a process has one.
        """
        self.interrupt()
        with self._lock:
            sessions, embedded = list(self._sessions), self._embedded
            self._embedded = None
        for session in sessions:
            session.close()
        if embedded is not None:
            embedded.close()

    def _spark_session(self) -> SparkSession:
        return application(self._configuration).new_session()

    def _shadow_engine(self) -> Engine:
        from lakeworks.engines.registry import open_engine

        with self._lock:
            if self._embedded is None:
                self._embedded = open_engine(
                    "duckdb",
                    temp_directory=f"{self._temp_directory}/described",
                    memory_limit=_SHADOW_BYTES,
                    threads=1,
                )
            return self._embedded

    def _forget(self, session: SparkLakeSession) -> None:
        with self._lock:
            self._sessions.discard(session)
