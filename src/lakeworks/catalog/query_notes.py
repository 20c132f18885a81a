"""Write records of queries from a thread of their own, so that no query waits for the catalog.

What cannot be written is dropped: an account of use is worth less than the use.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.catalog.query_history import QueryRecord

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
_AT_ONCE = 500
_IDLE_S = 5.0
_LINGER_S = 0.2
"""Records are written together: one at a time, the thread would get into the queries' way."""


class Notes:
    """Records on their way to the catalog. Safe to use from several threads, and after a fork.

    Args:
        write: Writes some records, or raises.
    """

    def __init__(self, write: Callable[[Sequence[QueryRecord]], None]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: deque[QueryRecord] = deque(maxlen=MOST_WAITING)
        self._writing = False
        self._hurried = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def add(self, record: QueryRecord) -> None:
        """Take a record; the oldest that waits gives way where too many do."""
        if self._process != os.getpid():
            self._forked()
        with self._changed:
            self._waiting.append(record)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="query-history", daemon=True
                )
                self._thread.start()
            elif len(self._waiting) == 1:
                self._changed.notify_all()

    def flush(self, wait_s: float) -> bool:
        """Wait until everything is written or given up; return whether that was in time."""
        if self._process != os.getpid():
            return True
        deadline = time.monotonic() + wait_s
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            while self._waiting or self._writing:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _forked(self) -> None:
        """Begin anew: a fork has the lock and the queue, but not the thread."""
        self._changed = threading.Condition()
        self._waiting.clear()
        self._writing = False
        self._thread = None
        self._process = os.getpid()

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._write(batch)
            except Exception:
                # Whatever it was: queries go on.
                logger.debug("%d records of queries were dropped", len(batch), exc_info=True)
            with self._changed:
                self._writing = False
                self._hurried = self._hurried and bool(self._waiting)
                self._changed.notify_all()

    def _next(self) -> list[QueryRecord]:
        """Wait for records; none for a while ends the thread."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(_IDLE_S)
            if not self._waiting:
                self._thread = None
                return []
            if not self._hurried:
                self._changed.wait(_LINGER_S)
            self._writing = True
            return [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
