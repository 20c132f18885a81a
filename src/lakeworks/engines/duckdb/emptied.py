"""Instances that held rows of one query alone, kept for the same caller's next such query.

A session over rows that were fetched from elsewhere serves one query: the rows go with the session's
database. The instance that it lived in is then as it was before, shut to all files, and making one
takes longer than such a query. It is kept only if the query ended well and nothing is left in it.

A scope is one caller under one state of the permissions, as in `kept.py`.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from lakeworks.engines.duckdb.spares import Made

KEPT_INSTANCES = 2


class EmptiedInstances:
    """The instances of an engine that hold nothing. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[str, Made]] = []
        self._closed = False

    def take(self, scope: str) -> Made | None:
        """Return one of a scope; it is the caller's to give back or to close."""
        with self._lock:
            found = next((one for one in self._idle if one[0] == scope), None)
            if found is not None:
                self._idle.remove(found)
        return None if found is None else found[1]

    def give(self, scope: str, made: Made) -> None:
        """Keep one for a scope, if nothing is left in it; close it otherwise."""
        over = [(scope, made)]
        if scope and _is_empty(made[0]):
            with self._lock:
                if not self._closed:
                    self._idle += over
                    over = self._idle[:-KEPT_INSTANCES]
                    self._idle = self._idle[-KEPT_INSTANCES:]
        for _, (root, _) in over:
            root.close()

    def drop(self) -> None:
        """Close all that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, (root, _) in idle:
            root.close()

    def close(self) -> None:
        """Close all, and keep no more."""
        self._closed = True
        self.drop()


def _is_empty(root: duckdb.DuckDBPyConnection) -> bool:
    """Whether only the database is there that every instance has, and nothing in it."""
    with suppress(Exception):
        told = root.execute(
            "SELECT (SELECT count(*) FROM duckdb_databases() WHERE NOT internal), "
            "(SELECT count(*) FROM duckdb_tables())"
        ).fetchone()
        return told == (1, 0)
    return False
