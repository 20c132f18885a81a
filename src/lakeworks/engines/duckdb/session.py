"""One step's or one query's view of DuckDB: a connection with a catalog of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast

from lakeworks.core.names import quote_identifier
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.parquet_io import select_schema
from lakeworks.engines.duckdb.reading import source_select, uri
from lakeworks.engines.duckdb.statements import Statements, bare
from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError, SqlError
from lakeworks.storage.fetched import FetchedSource
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    import duckdb
    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.known import Known
    from lakeworks.engines.protocol import (
        FileReading,
        FilesRead,
        GivenFormat,
        Rewritten,
        Staged,
        StageRequest,
    )
    from lakeworks.storage.external import AnySource

_PAUSES_S = tuple(0.01 * 2**at for at in range(16))  # ten minutes in all


class DuckSession:
    """A session; see `lakeworks.engines.protocol.Session`. For one thread at a time."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        catalog: str,
        s3: Mapping[str, str | bool] | None = None,
        on_close: Callable[[DuckSession], None] | None = None,
        shut: bool = False,
    ) -> None:
        self._con = con
        self._catalog = catalog
        self._on_close = on_close
        self._frames: dict[str, str] = {}
        self._rows: dict[str, int] = {}
        self._defined: dict[str, str] = {}
        self._files: dict[str, tuple[str, ...]] = {}  # Parquet files whose rows are all bound
        self._given: list[object] = []
        self._s3 = s3
        self._statements = Statements(con, s3=s3)
        self._closed = False
        self._watch: _Watch | None = None
        self._rests = True  # no query was begun that has not given its last row
        self.ended_well = False  # it was closed, with no query under way and none that failed
        self._threads: int | None = None  # to return to, while one keeps the order
        # A database of its own in the shared instance: names of two sessions never meet.
        con.execute(f"ATTACH ':memory:' AS {catalog}")
        con.execute(f"USE {catalog}")
        if not shut:  # where it is, nothing can be set, and nobody asks for progress
            # Progress is kept, for `progress_told` to ask for, and never printed.
            con.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the session holds. May be called again."""
        if self._closed:
            return
        self.ended_well = self.rests
        self._closed = True
        if self._watch is not None:  # of a result that nobody began to read
            self._watch.stop()
        with suppress(Exception):
            # Closing waits for a query that Ctrl-C left behind half done, however long it takes.
            self._con.interrupt()
            self._con.execute("USE memory")
            self._con.execute(f"DETACH {self._catalog}")
        with suppress(Exception):
            self._con.close()
        if self._on_close is not None:
            self._on_close(self)

    @property
    def rests(self) -> bool:
        """Whether all queries so far ended well, and another could be asked."""
        return self._rests and not self._closed and not self._statements.interrupted

    def bind(self, name: str, source: AnySource) -> None:
        """Let SQL read `source` as `name`; binding again replaces."""
        self._frames.pop(name, None)
        self._view(name, self._select(source))
        self._rows[name] = source.rows
        if isinstance(source, TableSource) and not source.partition_columns:
            # (Files that were divided by columns may lack these, and footers tell nothing of them.)
            self._files[name] = tuple(uri(source.root, file.path) for file in source.files)

    def _select(self, source: AnySource) -> str:
        if isinstance(source, TableSource):
            return source_select(self._con, source)
        if isinstance(source, FetchedSource):
            from lakeworks.engines.duckdb.given import fetched_select

            return fetched_select(self._con, source, self._given)
        from lakeworks.engines.duckdb.external import external_select

        return external_select(self._con, source, register=self._registered, s3=self._s3)

    def _registered(self, stream: object) -> str:
        """Keep a stream of Arrow batches as long as the session; return its name in SQL."""
        name = f"__given_{len(self._given)}"
        self._given.append(stream)
        with translated(self._con):
            self._con.register(name, stream)
        return name

    def describe(self, sql: str) -> Schema:
        """Return the columns of a SELECT."""
        return select_schema(self._con, bare(sql), table="the query")

    def query(
        self,
        sql: str,
        *,
        timeout_s: float | None = None,
        in_order: bool = False,
        estimates: bool = False,  # noqa: ARG002 - the lake's dialect is this engine's own
    ) -> pa.RecordBatchReader:
        """Stream a SELECT's rows."""
        import pyarrow as pa

        if self._statements.interrupted:
            raise InterruptedQueryError.stopped()
        if self._watch is not None:  # of a result that ends here, read or not
            self._watch.stop()
        self._rests = False
        watch = self._watch = _Watch(self._con, timeout_s)
        with watch.watched():
            self._keep_order(in_order=in_order)
            relation = cast("duckdb.DuckDBPyRelation | None", self._con.sql(bare(sql)))
            if relation is None:
                raise SqlError("only a SELECT can be queried", "write a SELECT")
            reader = relation.to_arrow_reader()

        def batches() -> Iterator[pa.RecordBatch]:
            ended = False
            try:
                while True:
                    with watch.watched():
                        batch = next(reader, None)
                    if batch is None:
                        ended = True
                        return
                    yield batch
            finally:
                watch.stop()
                self._rests = ended

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    def _keep_order(self, *, in_order: bool) -> None:
        """Compute with one thread while order counts, and with all again when it does not.

        Where a scan of several files meets a hash table, DuckDB's threads lose the order that
        `preserve_insertion_order` promises: in one run of a hundred, files changed places. A
        setting ends a stream that is still open, so it is made before a query, never after one.
        """
        if in_order and self._threads is None:
            (had,) = self._con.execute("SELECT current_setting('threads')").fetchone() or (1,)
            self._con.execute("SET threads = 1")
            self._threads = int(had)
        elif not in_order and self._threads is not None:
            self._con.execute(f"SET threads = {self._threads}")
            self._threads = None

    def figures(self, sql: str) -> dict[str, Any]:
        """Return the one row of a SELECT of numbers, by column."""
        with translated(self._con):
            self._keep_order(in_order=False)
            relation = self._con.sql(bare(sql))
            (row,) = relation.fetchall()
            return dict(zip(relation.columns, row, strict=True))

    def known(self, name: str) -> Known | None:
        """Return what the footers of a name's files tell, or None."""
        from lakeworks.engines.duckdb.footers import known

        with translated(self._con):
            found = known(self._con, _dotted(name), self._files.get(name, ()))
        # A file of which the log counts fewer rows is not read whole.
        expected = self._rows.get(name)
        return found if found is None or expected in {None, found.rows} else None

    def distinct(self, column: str, known: Known, condition: str) -> str:
        """Return an aggregate that counts different values by a bitmap, or nothing."""
        from lakeworks.engines.duckdb.footers import distinct

        return distinct(column, known, condition)

    def frame(self, name: str) -> Any:  # noqa: ANN401 - a narwhals LazyFrame
        """Return a bound table as a narwhals lazy frame."""
        import narwhals as nw

        with translated(self._con):
            return nw.from_native(self._con.sql(f"SELECT * FROM {_dotted(name)}"))

    def register(self, name: str, frame: Any) -> None:  # noqa: ANN401
        """Let SQL read a lazy frame made of this session's frames as `name`."""
        relation = frame.to_native() if hasattr(frame, "to_native") else frame
        with translated(self._con):
            sql = relation.sql_query()
        self._view(name, sql)
        self._frames[name] = sql

    def secure(self, name: str, select: str, *, empty: bool = False) -> None:
        """Let SQL read a SELECT over names of this session as `name`.

        Args:
            empty: Give its columns and no rows, from a table that plans show by its name alone.
        """
        if not empty:
            self._view(name, select)
            return
        schema, _, _ = name.rpartition(".")
        with translated(self._con):
            self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema)}")
            self._con.execute(f"CREATE TABLE {_dotted(name)} AS {select} LIMIT 0")

    def define(self, name: str, select: str, key: str) -> None:
        """Let SQL read a SELECT as `name`, in later queries too."""
        self._view(name, select)
        self._defined[name] = key

    def defines(self, name: str, key: str) -> bool:
        """Whether just that was defined before."""
        return self._defined.get(name) == key

    def bind_arrow(self, name: str, data: Any, *, once: bool = False) -> None:  # noqa: ANN401
        """Let SQL read a caller's Arrow data as `name`."""
        import pyarrow as pa

        from lakeworks.engines.duckdb import given

        kept = f"__given_{len(self._given)}"
        self._given.append(data)
        kept_here = isinstance(data, pa.RecordBatchReader) and not once
        select = given.stream_select if kept_here else given.arrow_select
        self._view(name, select(self._con, kept, data))

    def bind_files(self, name: str, uris: Sequence[str], format_: GivenFormat) -> None:
        """Let SQL read files that belong to no table as `name`."""
        from lakeworks.engines.duckdb.given import files_select

        self._view(name, files_select(self._con, uris, format_))
        self._rows.pop(name, None)
        if format_ == "parquet":
            self._files[name] = tuple(uris)

    def stage(self, request: StageRequest) -> Staged:
        """Write a SELECT's rows as data files of a table."""
        from lakeworks.engines.duckdb.stage import stage

        with self._statements.scratch():
            # The largest input is what a load's time goes into, nearly always.
            rows = max(self._rows.values(), default=0)
            return stage(self._statements, request, self._frames, expected_rows=rows)

    def read_files(self, reading: FileReading) -> FilesRead:
        """Write the rows of arrived files as data files of a bronze table."""
        from lakeworks.engines.duckdb.files import read_files

        with translated(self._con):
            return read_files(self._statements, replace(reading, s3=self._s3))

    def sample_schema(self, reading: FileReading) -> Schema:
        """Return the columns that the files' beginnings show."""
        from lakeworks.engines.duckdb.files import sample_schema

        with translated(self._con):
            return sample_schema(self._con, reading)

    def delete(self, target: TableSource, root: str, where: str) -> Rewritten:
        """Write anew the files that hold rows where `where` is true, without these rows."""
        from lakeworks.engines.duckdb.rewriting import delete

        with self._statements.scratch():
            return delete(self._statements, target, root, where)

    def json_rows(self, name: str, column: str, schema: Schema) -> str:
        """Return a SELECT of typed rows from the JSON objects in a column."""
        from lakeworks.engines.duckdb.json_column import typed_select

        return typed_select(_dotted(name), quote_identifier(column), schema)

    def interrupt(self) -> None:
        """Stop what runs now and whatever this session is asked to run later."""
        self._statements.interrupt()

    def _view(self, name: str, select: str) -> None:
        schema, _, table = name.rpartition(".")
        with translated(self._con):
            if schema:
                self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema)}")
            self._con.execute(f"CREATE OR REPLACE VIEW {_dotted(name)} AS {select}")
        self._files.pop(name, None)
        assert table, name  # noqa: S101 - names are checked where they are parsed


class _Watch:
    """Interrupts a connection when its time is up, and tells that from other interrupts."""

    def __init__(self, con: duckdb.DuckDBPyConnection, timeout_s: float | None) -> None:
        self._con = con
        self._timeout_s = timeout_s
        self._fired = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if timeout_s is not None:
            self._timer = threading.Timer(timeout_s, self._fire)
            self._timer.daemon = True
            self._timer.start()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Translate errors inside the block; stop watching when one occurs."""
        try:
            with translated(self._con):
                yield
        except InterruptedQueryError as error:
            self.stop()
            if self._fired and self._timeout_s is not None:
                raise QueryTimeoutError.after(self._timeout_s) from error
            raise
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let the connection go on without a limit."""
        with self._lock:  # a timer that has gone off may be about to stop what comes next
            self._over.set()
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self) -> None:
        # Again and again: DuckDB forgets an interrupt that comes while a statement is bound.
        for pause_s in _PAUSES_S:
            with self._lock:
                if self._over.is_set():
                    return
                self._fired = True
                self._con.interrupt()
            self._over.wait(pause_s)


def _dotted(name: str) -> str:
    schema, _, table = name.rpartition(".")
    return ".".join(quote_identifier(part) for part in (schema, table) if part)
