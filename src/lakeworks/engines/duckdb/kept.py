"""Sessions of a caller's queries, kept for the same caller's next ones.

Making an instance, binding tables in it and closing it takes longer than a small query. A session
that ended well is kept for a while, and lent to a query of the same scope whose tables it holds in
exactly the same definition: files, columns, masks, filters. Where it lacks some, a new one is made
that holds them as well, so a caller who goes on asking soon meets one that has all its tables.

A scope is one caller under one state of the permissions. Nothing of a session reaches another.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from lakeworks.engines.duckdb.session import DuckSession

KEPT_SESSIONS = 4
KEPT_S = 120.0
# What gives a session more than the tables it was made with.
_CHANGING = frozenset({"bind", "bind_arrow", "bind_files", "register", "secure"})
# What one session may hold: reading the list of its tables must stay cheap.
MOST_TABLES = 32
MOST_FILES = 4_096


@dataclass(slots=True)
class _Idle:
    """One session that nobody uses."""

    scope: str
    tables: Mapping[str, Any]
    session: DuckSession
    since_s: float = field(default_factory=time.monotonic)


class KeptSessions:
    """The idle sessions of an engine. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Idle] = []
        self._closed = False

    def lend(
        self,
        scope: str,
        tables: Mapping[str, Any],
        make: Callable[[Mapping[str, Any]], DuckSession],
    ) -> LentSession:
        """Return a session that holds `tables`; closing it gives it back.

        Args:
            tables: Name to definition; definitions are compared by value.
            make: Makes a session that holds the tables it is given.
        """
        self.drop(older_than_s=KEPT_S)
        found = self._taken(scope, tables)
        if found is not None and _holds(found.tables, tables):
            return LentSession(found.session, self._back(scope, found.tables))
        if found is not None:
            found.session.close()
            united = _united(found.tables, tables)
            # What an earlier query read may be gone since: files of old versions are deleted.
            with suppress(LakeError):
                return LentSession(make(united), self._back(scope, united))
        return LentSession(make(tables), self._back(scope, tables))

    def drop(self, *, older_than_s: float = 0.0) -> None:
        """Close the sessions that have been idle so long."""
        with self._lock:
            since_s = time.monotonic() - older_than_s
            old = [one for one in self._idle if one.since_s <= since_s]
            self._idle = [one for one in self._idle if one.since_s > since_s]
        for one in old:
            one.session.close()

    def close(self) -> None:
        """Close all, and keep no more."""
        self._closed = True
        self.drop()

    def _taken(self, scope: str, tables: Mapping[str, Any]) -> _Idle | None:
        """Take the session that holds most of what is wanted."""
        with self._lock:
            same = [one for one in self._idle if one.scope == scope]
            if not same:
                return None
            best = next((one for one in same if _holds(one.tables, tables)), same[-1])
            self._idle = [one for one in self._idle if one is not best]
        return best

    def _back(self, scope: str, tables: Mapping[str, Any]) -> Callable[[DuckSession], None]:
        def back(session: DuckSession) -> None:
            over: list[_Idle] = []
            with self._lock:
                if self._closed or not session.rests:
                    over = [_Idle(scope, tables, session)]
                else:
                    self._idle.append(_Idle(scope, tables, session))
                    over, self._idle = (
                        self._idle[:-KEPT_SESSIONS],
                        self._idle[-KEPT_SESSIONS:],
                    )
            for one in over:
                one.session.close()

        return back


class LentSession:
    """A session as long as one query uses it: nobody can reach it through this afterwards."""

    def __init__(self, session: DuckSession, back: Callable[[DuckSession], None]) -> None:
        self._session: DuckSession | None = session
        self._back = back
        self._changed = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the session has
        if self._session is None:
            raise RuntimeError("this session was closed")
        self._changed = self._changed or name in _CHANGING
        return getattr(self._session, name)

    def close(self) -> None:
        """Give it back; close it if it holds more than it did. May be called again."""
        session, self._session = self._session, None
        if session is not None:
            if self._changed:
                session.close()
            self._back(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _holds(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in held and held[name] == one for name, one in wanted.items())


def _united(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is wanted, with as much of what was held as one session should hold."""
    found = dict(wanted)
    files = sum(_files(one) for one in found.values())
    for name, one in held.items():
        files += _files(one)
        if name not in found and len(found) < MOST_TABLES and files <= MOST_FILES:
            found[name] = one
    return found


def _files(one: Any) -> int:  # noqa: ANN401 - a source, or a secured table over one
    return len(getattr(one, "source", one).files)
