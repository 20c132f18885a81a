"""Tell, while a statement runs, about how many rows it has read."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lakeworks.core import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

INTERVAL_S = 0.5


@contextmanager
def progress_told(con: duckdb.DuckDBPyConnection, *, table: str, rows: int) -> Iterator[None]:
    """Emit `step.progress` every half second inside the block.

    Args:
        con: The connection that runs the statement; it is asked from another thread.
        table: The table that the rows are for.
        rows: How many rows the statement is to read, or 0 when that is not known.
    """
    if not rows:
        yield
        return
    over = threading.Event()

    def tell() -> None:
        while not over.wait(INTERVAL_S):
            with suppress(Exception):
                percent = con.query_progress()
                if percent > 0:
                    done = int(rows * min(percent, 100.0) / 100)
                    events.emit("step.progress", table=table, rows=done)

    teller = threading.Thread(target=tell, name=f"progress of {table}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
