"""Stream a SELECT's rows from Spark as Arrow batches."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from lakeworks.engines.spark.session import SparkLakeSession


def stream(
    session: SparkLakeSession, sql: str, *, timeout_s: float | None
) -> pa.RecordBatchReader:
    """Run a SELECT and return its rows as batches."""
    with session.running(), _timed(session, timeout_s):
        table = session.sql(sql).toArrow()
    return table.to_reader()


@contextmanager
def _timed(session: SparkLakeSession, timeout_s: float | None) -> Iterator[None]:
    """Stop what runs inside the block when its time is up, and tell that from other stops."""
    if timeout_s is None:
        yield
        return
    fired = threading.Event()

    def fire() -> None:
        fired.set()
        session.cancel()

    timer = threading.Timer(timeout_s, fire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if fired.is_set() and not isinstance(error, InterruptedQueryError):
            raise QueryTimeoutError.after(timeout_s) from error
        raise
    finally:
        timer.cancel()
