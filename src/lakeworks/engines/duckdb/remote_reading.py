"""Read rows of other systems in a DuckDB instance that no caller's SQL ever reaches.

It may open connections, which an instance for callers must not. It is handed SQL that this package's
callers wrote for the other system, asks it, and shows of the rows what a SELECT of the lake's own
making lets through.
"""

from __future__ import annotations

import itertools
import queue
import re
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.core.sql_types import sql_type
from lakeworks.engines.duckdb import remote_servers
from lakeworks.engines.duckdb.extensions import load_extension
from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError
from lakeworks.engines.remote_reading import RemoteReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    import pyarrow as pa

    from lakeworks.engines.remote_reading import RemoteRows, RemoteServer

_BATCH_ROWS = 65_536
_WAITING_BATCHES = 4
_KIND = re.compile(r"^[A-Z][A-Za-z ]+ Error: ")
_NAMES = {"postgres": "PostgreSQL", "mysql": "MySQL"}


class DuckRemoteReader:
    """See `RemoteReader`.

    Args:
        memory_limit: Bytes that rows on their way may take.
        temp_directory: Where goes what does not fit.
    """

    def __init__(self, *, memory_limit: int, temp_directory: str) -> None:
        self._settings = {"memory_limit": f"{memory_limit}B", "temp_directory": temp_directory}
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._attached: dict[str, RemoteServer] = {}
        self._numbers = itertools.count(1)
        self._running: set[_Reading] = set()

    def rows(
        self,
        asked: RemoteRows,
        select: Callable[[str], str],
        *,
        timeout_s: float | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT over rows elsewhere; see the protocol."""
        con = self._cursor()
        token = f"lakeworks_{secrets.token_hex(8)}"
        failures: list[BaseException] = []
        if asked.server is not None:
            self._attach(con, asked.server)
            sql = remote_servers.marked(asked.server, asked.sql, token, timeout_s)
            relation = remote_servers.rows_of(asked.server, sql)
        else:
            relation, failures = self._registered(con, asked)
        columns = ", ".join(
            f"CAST({quote_identifier(f.name)} AS {sql_type(f.type)}) "
            f"AS {quote_identifier(f.name)}"
            for f in asked.columns
        )
        text = select(f"(SELECT {columns} FROM {relation}) AS __rows")
        stop = asked.stop or self._stopper(asked.server, token)
        reading = _Reading(con, text, stop, timeout_s, failures)
        with self._lock:
            self._running.add(reading)
        try:
            yield from reading.batches()
        except RemoteReadError as error:
            if error.kind == "connection" and asked.server is not None:
                self._forget(asked.server)
            raise
        finally:
            with self._lock:
                self._running.discard(reading)
            reading.close()

    def table(
        self, server: RemoteServer, sql: str, *, timeout_s: float | None = None
    ) -> list[dict[str, object]]:
        """Return the few rows of a query in a server's own dialect; see the protocol."""
        con = self._cursor()
        token = f"lakeworks_{secrets.token_hex(8)}"
        self._attach(con, server)
        text = remote_servers.query(
            server, remote_servers.marked(server, sql, token, timeout_s)
        )
        reading = _Reading(con, text, self._stopper(server, token), timeout_s)
        try:
            found = [row for batch in reading.batches() for row in batch.to_pylist()]
        except RemoteReadError as error:
            if error.kind == "connection":
                self._forget(server)
            raise
        finally:
            reading.close()
        return found

    def close(self) -> None:
        """Stop what runs and let go of all connections."""
        with self._lock:
            running, root = list(self._running), self._root
            self._root = None
            self._attached.clear()
        for reading in running:
            reading.stop()
        if root is not None:
            root.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        with self._lock:
            if self._root is None:
                config: dict[str, str | bool | int | float | list[str]] = {
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "python_enable_replacements": False,
                    "preserve_insertion_order": True,
                    **self._settings,
                }
                self._root = duckdb.connect(":memory:", config=config)
                self._root.execute("SET GLOBAL TimeZone = 'UTC'")
            return self._root.cursor()

    def _registered(
        self, con: duckdb.DuckDBPyConnection, asked: RemoteRows
    ) -> tuple[str, list[BaseException]]:
        """Return the name of a stream in SQL, and where goes what it raises.

        (Through the engine an exception comes as a text.)
        """
        import pyarrow as pa

        from lakeworks.storage.parquet import arrow_schema

        assert asked.stream is not None, "neither a server nor a stream"  # noqa: S101
        name = f"__stream_{next(self._numbers)}"
        schema = arrow_schema(asked.columns)
        stream, failures = asked.stream, list[BaseException]()

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from stream()
            except Exception as error:
                failures.append(error)
                raise

        con.register(name, pa.RecordBatchReader.from_batches(schema, batches()))
        return name, failures

    def _attach(self, con: duckdb.DuckDBPyConnection, server: RemoteServer) -> None:
        """Attach a server once; anew where its settings have changed."""
        import duckdb

        with self._lock:
            known = self._attached.get(server.name)
            if known is not None and dict(known.settings) == dict(server.settings):
                return
            purpose = f"reading {_NAMES[server.kind]}"
            load_extension(con, remote_servers.EXTENSIONS[server.kind], purpose=purpose)
            try:
                remote_servers.detach(con, server)
                remote_servers.attach(con, server)
            except duckdb.Error as error:
                raise RemoteReadError(_told(error), "connection") from None
            self._attached[server.name] = server

    def _forget(self, server: RemoteServer) -> None:
        """Let the next reading connect anew."""
        with self._lock:
            self._attached.pop(server.name, None)

    def _stopper(self, server: RemoteServer | None, token: str) -> Callable[[], None]:
        if server is None:
            return lambda: None

        def stop() -> None:
            with suppress(Exception):  # it may be gone, or done
                con = self._cursor()
                try:
                    remote_servers.stop(con, server, token)
                finally:
                    con.close()

        return stop


class _Reading:
    """One reading: a thread of its own asks, so that whoever waits can be interrupted."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        sql: str,
        stop: Callable[[], None],
        timeout_s: float | None,
        failures: list[BaseException] | None = None,
    ) -> None:
        self._failures = [] if failures is None else failures
        self._con = con
        self._sql = sql
        self._stop_there = stop
        self._timeout_s = timeout_s
        self._given: queue.Queue[Any] = queue.Queue(_WAITING_BATCHES)
        self._stopped = threading.Event()
        self._timed_out = False
        self._done = threading.Event()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches that the thread reads."""
        timer = None
        if self._timeout_s is not None:
            timer = threading.Timer(max(self._timeout_s, 0.001), self._time_out)
            timer.daemon = True
            timer.start()
        threading.Thread(target=self._read, name="remote-rows", daemon=True).start()
        try:
            while True:
                found = self._given.get()
                if found is None:
                    return
                if isinstance(found, BaseException):
                    raise self._explained(found) from None
                yield found
        finally:
            if timer is not None:
                timer.cancel()

    def stop(self) -> None:
        """Stop here and there."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        with suppress(Exception):
            self._con.interrupt()
        if not self._done.is_set():
            with suppress(Exception):  # it may have ended meanwhile
                self._stop_there()

    def close(self) -> None:
        """Stop what still runs, and free the connection."""
        if not self._done.is_set():
            self.stop()
        while not self._done.is_set():  # the thread may wait for room
            with suppress(queue.Empty):
                self._given.get(timeout=0.05)
        with suppress(Exception):
            self._con.close()

    def _time_out(self) -> None:
        self._timed_out = True
        self.stop()

    def _read(self) -> None:
        try:
            reader = self._con.sql(self._sql).to_arrow_reader(_BATCH_ROWS)
            for batch in reader:
                if self._stopped.is_set():
                    break
                self._given.put(batch)
            self._given.put(self._ended())
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are read
            self._given.put(error)
        finally:
            self._done.set()

    def _ended(self) -> BaseException | None:
        return InterruptedQueryError.stopped() if self._stopped.is_set() else None

    def _explained(self, error: BaseException) -> BaseException:
        import duckdb

        if self._timed_out and self._timeout_s is not None:
            return QueryTimeoutError.after(self._timeout_s)
        if self._stopped.is_set():
            return InterruptedQueryError.stopped()
        if self._failures:
            return self._failures[0]
        if isinstance(error, duckdb.Error):
            return RemoteReadError(_told(error), _kind(error))
        return error


def _kind(error: duckdb.Error) -> Any:  # noqa: ANN401 - one of three words
    import duckdb

    text = str(error).lower()
    lost = ("connect", "server closed", "gone away", "lost connection", "terminating", "ssl")
    unfit = ("invalid input syntax for type", "out of range")
    if isinstance(error, duckdb.ConversionException) or any(word in text for word in unfit):
        return "value"
    return "connection" if any(word in text for word in lost) else "query"


def _told(error: duckdb.Error) -> str:
    """Return what the other system said, on one line and without our own SQL."""
    text = str(error).split("\nLINE ")[0]
    lines = [" ".join(line.split()) for line in text.split("\n")]
    told = " ".join(line for line in lines if line)
    if '": ' in told:  # what was asked stands before it, in quotes
        told = told.rsplit('": ', 1)[1]
    return _KIND.sub("", told).removeprefix("ERROR: ").strip()
