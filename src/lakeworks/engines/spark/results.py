"""Stream a SELECT's rows from Spark as Arrow batches, in the types that the lake's dialect gives.

A result that fits into the driver comes in one piece. A larger one is made into bytes where its
rows are, and fetched a partition at a time.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.sql_text import first_word
from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.session import CANCELLED_AGAIN_S
from lakeworks.engines.spark.shipping import ship

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from lakeworks.engines.spark.session import SparkLakeSession

_TOO_LARGE = "maxResultSize"
# A server that is gone may keep whoever asks it to stop for minutes.
_STOPPED_WITHIN_S = 5.0


def stream(
    session: SparkLakeSession, sql: str, *, timeout_s: float | None, estimates: bool = False
) -> pa.RecordBatchReader:
    """Run a SELECT, DESCRIBE or EXPLAIN and return its rows as batches."""
    import pyarrow as pa

    word = first_word(sql)
    if word in {"DESCRIBE", "DESC"}:
        return session.shadow.query(sql)
    if word == "SUMMARIZE":
        raise NotOnSparkError.part("SUMMARIZE", "name the figures in a SELECT")
    watch = _Watch(session, timeout_s)
    with watch.watched():
        if word == "EXPLAIN":
            return _plan(session, sql)
        wanted = session.shadow.arrow_schema(sql)
        rows = session.sql(sql, estimates=estimates)
        try:
            with session.running():
                first = rows.toArrow()
        except LakeError as error:
            if _TOO_LARGE not in str(error.__cause__):
                raise
            return pa.RecordBatchReader.from_batches(
                wanted, _fetched(session, rows, wanted, watch)
            )
    watch.stop()
    return _fitted(first, wanted).to_reader()


def _fetched(
    session: SparkLakeSession, rows: DataFrame, wanted: pa.Schema, watch: _Watch
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    ship(session.spark)
    with warnings.catch_warnings(action="ignore"):  # of a pandas that nothing here uses
        packed = rows.mapInArrow(_packed, "batch binary")
    try:
        with watch.watched(), session.running():
            for row in packed.toLocalIterator(prefetchPartitions=True):
                with pa.ipc.open_stream(row.batch) as reader:
                    yield from _fitted(reader.read_all(), wanted).to_batches()
    finally:
        watch.stop()


def _packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Runs where the rows are: one row of bytes for each batch."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"batch": [sink.getvalue().to_pybytes()]})


def _fitted(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Return rows with exactly the columns of `wanted`, by position."""
    import pyarrow as pa

    columns = [
        held if held.type == field.type else held.cast(field.type)
        for held, field in zip(rows.columns, wanted, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=wanted)


def _plan(session: SparkLakeSession, sql: str) -> pa.RecordBatchReader:
    import pyarrow as pa

    inner = sql.strip()[len("EXPLAIN") :]
    if inner.strip().upper().startswith(("ANALYZE", "(")):
        raise NotOnSparkError.part("EXPLAIN ANALYZE", "write EXPLAIN")
    with session.running():
        told = session.spark.sql(f"EXPLAIN FORMATTED {session.translated(inner)}").toArrow()
    table = pa.table({"explain_key": ["physical_plan"], "explain_value": told.column(0)})
    return table.to_reader()


class _Watch:
    """Stops a session's query when its time is up, and tells that from other stops."""

    def __init__(self, session: SparkLakeSession, timeout_s: float | None) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._fired = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="spark-timeout", daemon=True)
        if timeout_s is not None:
            self._thread.start()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Stop watching when the block fails, and tell a timeout by its name."""
        try:
            yield
        except InterruptedQueryError as error:
            self.stop()
            if self._fired.is_set() and self._timeout_s is not None:
                raise QueryTimeoutError.after(self._timeout_s) from error
            raise
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let the session go on without a limit."""
        self._over.set()
        # A stop that is under way would hit whatever the session is asked next.
        if self._fired.is_set() and self._thread is not threading.current_thread():
            self._thread.join(_STOPPED_WITHIN_S)

    def _wait(self) -> None:
        if self._over.wait(self._timeout_s):
            return
        self._fired.set()
        # Its jobs may only be about to start, and then there is nothing yet to cancel.
        while not self._over.is_set():
            self._session.cancel()
            self._over.wait(CANCELLED_AGAIN_S)
