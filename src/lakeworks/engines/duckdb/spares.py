"""An instance kept ready for the next caller's query: making one takes most of a small query's time.

Each query of a caller has an instance of its own, used once and closed. While one query runs, the
next one's instance is made in a thread. The first query of a process makes its own, and no spare:
most commands ask a single one.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    Made = tuple[duckdb.DuckDBPyConnection, str]


class Spares:
    """At most one instance that nobody has used.

    Args:
        make: Makes an instance and names its temporary directory. Safe to call from a thread.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._ready: Made | None = None
        self._making: threading.Thread | None = None
        self._taken = 0
        self._closed = False

    def take(self) -> Made:
        """Return an instance; it is the caller's to close."""
        with self._lock:
            found, self._ready = self._ready, None
            self._taken += 1
            if self._taken > 1 and self._making is None and not self._closed:
                self._making = threading.Thread(target=self._prepare, name="spare")
                # No daemon: one that is within DuckDB when Python ends aborts the process. While
                # Python ends no thread can be started, and none is needed.
                try:
                    self._making.start()
                except RuntimeError:
                    self._making = None
        return found or self._make()

    def drop(self) -> None:
        """Let go of what is ready: what instances are made of has changed."""
        with self._lock:
            found, self._ready = self._ready, None
        if found is not None:
            found[0].close()

    def close(self) -> None:
        """Let go of what is ready, and make no more."""
        with self._lock:
            self._closed = True
            making = self._making
        if making is not None:
            making.join(5)
        self.drop()

    def _prepare(self) -> None:
        made: Made | None = None
        with suppress(Exception):  # whoever needs one will make it, and be told
            made = self._make()
        with self._lock:
            self._making = None
            if not self._closed and self._ready is None:
                self._ready, made = made, None
        if made is not None:
            made[0].close()
