"""One step's or one query's view of Spark: temporary views of its own, and their types.

SQL comes in DuckDB's dialect. It is described over empty tables in the embedded engine
(`shadow.py`), translated (`dialect.py`), and its columns are cast to the types so described: the
two engines give one type for one SELECT by construction.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, cast

from lakeworks.engines.errors import InterruptedQueryError
from lakeworks.engines.spark.application import give_up
from lakeworks.engines.spark.errors import SparkLostError
from lakeworks.engines.spark.reading import frame_of
from lakeworks.engines.spark.shipping import is_remote
from lakeworks.engines.spark.translation import translated_errors
from lakeworks.engines.spark.types import schema_of, typed
from lakeworks.storage.external import ExternalSource
from lakeworks.storage.fetched import FetchedSource
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

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
    from lakeworks.engines.spark.dialect import Translated
    from lakeworks.engines.spark.shadow import Shadow
    from lakeworks.storage.external import AnySource


CANCELLED_AGAIN_S = 0.2


class SparkLakeSession:
    """A session; see `lakeworks.engines.protocol.Session`. For one thread at a time.

    Attributes:
        shadow: The same names over no rows, in the embedded engine.
        spark: The Spark session that holds this session's views. It may be one of Spark
            Connect: DataFrames only.
        s3: As `ObjectStore.s3_settings` returns it, or None.
        frames: Names that `register` gave, with their rows.
        sources: Names that `bind` gave, with their tables.
    """

    def __init__(
        self,
        connect: Callable[[], SparkSession],
        shadow: Shadow,
        *,
        s3: Mapping[str, str | bool] | None = None,
        memory_limit_bytes: int = 0,
        on_close: Callable[[SparkLakeSession], None] | None = None,
    ) -> None:
        self._connect = connect
        self._spark: SparkSession | None = None
        self.shadow = shadow
        self._on_close = on_close
        self._closed = False
        self._interrupted = threading.Event()
        self._running = 0
        self._idle = threading.Event()
        self._idle.set()
        self.s3 = dict(s3) if s3 else None
        self.memory_limit_bytes = memory_limit_bytes
        self.sources: dict[str, AnySource] = {}
        self.frames: dict[str, DataFrame] = {}
        self._views: dict[str, str] = {}
        self._functions: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def spark(self) -> SparkSession:
        """The Spark session; started when it is first asked for."""
        if self._spark is None:
            self._spark = self._connect()
        return self._spark

    def close(self) -> None:
        """Free what the session holds. May be called again."""
        if self._closed:
            return
        self._closed = True
        self.shadow.close()
        if self._spark is not None:
            for view in self._views.values():
                with suppress(Exception):
                    self._spark.catalog.dropTempView(view)
            if is_remote(self._spark):
                self._spark.stop()  # this session only; the server frees what it held
        if self._on_close is not None:
            self._on_close(self)

    def bind(self, name: str, source: AnySource) -> None:
        """Let SQL read `source` as `name`; binding again replaces."""
        if isinstance(source, FetchedSource):
            from lakeworks.engines.spark.given import fetched_table

            self.bind_arrow(name, fetched_table(source))
            return
        self.frames.pop(name, None)
        self.sources[name] = source
        self._views.pop(name, None)
        self.shadow.bind(name, source.schema)

    def describe(self, sql: str) -> Schema:
        """Return the columns of a SELECT; Spark is not asked.

        Raises:
            NotOnSparkError: a part cannot be carried over to Spark.
        """
        from lakeworks.engines.spark.dialect import spark_select

        found = self.shadow.describe(sql)
        spark_select(sql, self.shadow.schemas, self.shadow)
        return found

    def query(
        self,
        sql: str,
        *,
        timeout_s: float | None = None,
        in_order: bool = False,  # noqa: ARG002 - Spark's rows have no order to keep
        estimates: bool = False,
    ) -> pa.RecordBatchReader:
        """Stream a SELECT's rows."""
        from lakeworks.engines.spark.results import stream

        return stream(self, sql, timeout_s=timeout_s, estimates=estimates)

    def figures(self, sql: str) -> dict[str, Any]:
        """Return the one row of a SELECT of numbers, by column."""
        found: list[dict[str, Any]] = self.query(sql).read_all().to_pylist()
        return found[0]

    def known(self, name: str) -> Known | None:  # noqa: ARG002
        """Know nothing: Spark's own scans answer from footers."""
        return None

    def distinct(self, column: str, known: Known, condition: str) -> str:  # noqa: ARG002
        """Offer nothing better than grouping."""
        return ""

    def frame(self, name: str) -> Any:  # noqa: ANN401 - a narwhals LazyFrame
        """Return a bound table as a narwhals lazy frame."""
        import narwhals as nw

        return nw.from_native(self.table(name))

    def register(self, name: str, frame: Any) -> None:  # noqa: ANN401
        """Let SQL read a lazy frame made of this session's frames as `name`."""
        rows = frame.to_native() if hasattr(frame, "to_native") else frame
        with self.running():
            schema = schema_of(rows.schema)
        self.sources.pop(name, None)
        self._views.pop(name, None)
        self.frames[name] = rows
        self.shadow.bind(name, schema)

    def secure(self, name: str, select: str, *, empty: bool = False) -> None:
        """Let SQL read a SELECT over names of this session as `name`.

        Args:
            empty: Give its columns and no rows.
        """
        with self.running():
            rows = self.sql(f"{select} LIMIT 0" if empty else select)
        self.register(name, rows)

    def define(self, name: str, select: str, key: str) -> None:  # noqa: ARG002 - none is kept
        """Let SQL read a SELECT over names of this session as `name`."""
        self.secure(name, select)

    def defines(self, name: str, key: str) -> bool:  # noqa: ARG002
        """Know of nothing that an earlier query defined."""
        return False

    def bind_arrow(self, name: str, data: Any, *, once: bool = False) -> None:  # noqa: ANN401, ARG002
        """Let SQL read a caller's Arrow data as `name`."""
        from lakeworks.engines.spark.given import arrow_frame

        with self.running():
            rows = arrow_frame(self.spark, data)
        self.register(name, rows)

    def bind_files(self, name: str, uris: Sequence[str], format_: GivenFormat) -> None:
        """Let SQL read files that belong to no table as `name`."""
        from lakeworks.engines.spark.given import files_frame

        with self.running():
            rows = files_frame(self.spark, uris, format_)
        self.register(name, rows)

    def stage(self, request: StageRequest) -> Staged:
        """Write a SELECT's rows as data files of a table."""
        from lakeworks.engines.spark.stage import stage

        with self.running():
            return stage(self, request)

    def read_files(self, reading: FileReading) -> FilesRead:
        """Write the rows of arrived files as data files of a bronze table."""
        from lakeworks.engines.spark.files import read_files

        with self.running():
            return read_files(self, reading)

    def sample_schema(self, reading: FileReading) -> Schema:
        """Return the columns that the files' beginnings show."""
        from lakeworks.engines.spark.files import sample_schema

        return sample_schema(self, reading)  # Spark is not asked

    def delete(self, target: TableSource, root: str, where: str) -> Rewritten:
        """Write anew the files that hold rows where `where` is true, without these rows."""
        from lakeworks.engines.spark.rewriting import delete

        with self.running():
            return delete(self, target, root, where)

    def json_rows(self, name: str, column: str, schema: Schema) -> str:
        """Return a SELECT of typed rows from the JSON objects in a column."""
        from lakeworks.engines.spark.json_rows import json_rows

        return json_rows(self, name, column, schema)

    def interrupt(self) -> None:
        """Stop what runs now and whatever this session is asked to run later."""
        self._interrupted.set()
        if self._idle.is_set():
            return
        threading.Thread(target=self._stop_all, name="spark-interrupt", daemon=True).start()

    def cancel(self) -> None:
        """Stop the jobs that run now.

        A query that is still being planned has none: whoever wants it stopped asks again.
        """
        if self._spark is not None:
            with suppress(Exception):  # the JVM may be on its way out
                self._spark.interruptAll()

    def _stop_all(self) -> None:
        while not self._idle.wait(CANCELLED_AGAIN_S):
            self.cancel()

    # What the rest of this package builds on.

    def table(self, name: str) -> DataFrame:
        """Return the rows of a bound or registered name."""
        found = self.frames.get(name)
        if found is not None:
            return found
        source = self.sources[name]
        if isinstance(source, TableSource):
            return frame_of(self.spark, source)
        return self._external(cast("ExternalSource", source), None)

    def sql(self, text: str, *, estimates: bool = False) -> DataFrame:
        """Return the rows of a SELECT over bound names, in the types that `describe` says."""
        told = self.translated(text, estimates=estimates)
        schema = self.shadow.describe(text)
        with translated_errors(self.memory_limit_bytes):
            return typed(self.spark.sql(told), schema)

    def translated(self, text: str, *, estimates: bool = False) -> str:
        """Return a SELECT over bound names as Spark's SQL over this session's views."""
        from lakeworks.engines.spark.dialect import spark_select

        found = spark_select(text, self.shadow.schemas, self.shadow, estimates=estimates)
        for name in found.tables:
            self._view(name, text)
        self._know(found)
        return found.sql

    def expression(self, text: str, schema: Schema) -> Column:
        """Return a SQL expression over rows of `schema` as a Spark column."""
        from pyspark.sql import functions

        from lakeworks.engines.spark.dialect import spark_expression

        with self.shadow.rows(schema):
            found = spark_expression(text, self.shadow)
            self._know(found)
            return functions.expr(found.sql)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run Spark's actions inside the block: they can be interrupted, errors translated."""
        self._refuse_if_interrupted()
        _ = self.spark
        self._running += 1
        self._idle.clear()
        try:
            # Whoever interrupted before this could be seen was told that there is nothing to stop.
            self._refuse_if_interrupted()
            with translated_errors(self.memory_limit_bytes):
                yield
        except SparkLostError:
            if is_remote(self.spark):
                give_up(self.spark)
            raise
        except Exception as error:
            if self._interrupted.is_set() and not isinstance(error, InterruptedQueryError):
                raise InterruptedQueryError.stopped() from error
            raise
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _refuse_if_interrupted(self) -> None:
        if self._interrupted.is_set():
            raise InterruptedQueryError.stopped()

    def _know(self, translated: Translated) -> None:
        """Let Spark call what the embedded engine computes in its tasks."""
        for name, computed in translated.functions.items():
            if name in self._functions:
                continue
            from lakeworks.engines.spark.computing import register

            register(self.spark, name, computed)
            self._functions.add(name)

    def _external(self, source: ExternalSource, sql: str | None) -> DataFrame:
        from lakeworks.engines.spark.external import columns_named, external_frame

        named = None if sql is None else columns_named(sql)
        return external_frame(self.spark, source, self.s3, named)

    def _view(self, name: str, sql: str) -> None:
        from lakeworks.engines.spark.dialect import view_name

        source = None if name in self.frames else self.sources[name]
        external = source if isinstance(source, ExternalSource) else None
        if name in self._views and external is None:
            return
        with translated_errors(self.memory_limit_bytes):
            view = view_name(name)
            # The view of an external table serves one query: it reads what that one names.
            rows = self.table(name) if external is None else self._external(external, sql)
            rows.createOrReplaceTempView(f"`{view}`")
        self._views[name] = view
