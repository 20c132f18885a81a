"""Note one query in the catalog's history: what it read, how long it took, how it ended.

The record is handed to a thread of the catalog's: the query itself pays some microseconds.
"""

from __future__ import annotations

import getpass
import secrets
import time
from functools import cache
from typing import TYPE_CHECKING

from lakeworks.catalog.query_history import QueryRecord, QueryState, TableRead
from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.catalog.query_history import QueryHistory
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.storage.external import AnySource


class Recording:
    """One query on its way.

    Args:
        history: Takes the record in the end; None records nothing.
        sql: The query as it was written.
        principal: Whose permissions hold, if any.
        workgroup: Whose limits hold, if any.
    """

    def __init__(
        self,
        history: QueryHistory | None,
        sql: str,
        *,
        query_id: str = "",
        principal: str = "",
        workgroup: str = "",
    ) -> None:
        self.query_id = query_id or secrets.token_hex(16)
        self._history = history
        self._sql = sql
        self._who = principal, workgroup
        self._started_at = clock.now()
        self._begin = time.monotonic()
        self._reads: dict[tuple[TableName, int | None], TableRead] = {}

    def reads(
        self,
        sources: Mapping[str, AnySource],
        versions: Mapping[str, tuple[str, int]],
        snapshot: Snapshot | None,
    ) -> None:
        """Take note of the tables that are bound.

        Args:
            sources: By the name that the SQL reads them under.
            versions: The schema names that stand for a version, as `without_versions` made them.
            snapshot: What all other tables are read of.
        """
        if self._history is None:
            return
        published = snapshot.tables if snapshot else {}
        for written, source in sources.items():
            schema, _, name = written.rpartition(".")
            database, number = versions.get(schema, (schema, None))
            table = TableName.parse(f"{database}.{name}")
            version = published.get(table) if number is None else number
            self._reads[table, version] = TableRead(
                table, version, len(source.files), source.size_bytes
            )

    def begun(self) -> Callable[[int, float, BaseException | None], None]:
        """Return what is to be told when all rows were given, with how long that took."""
        started_s = time.monotonic() - self._begin

        def ended(rows: int, seconds: float, error: BaseException | None) -> None:
            self.ended(rows, started_s + seconds, error)

        return ended

    def failed(self, error: BaseException) -> None:
        """Take note that the query gave no row."""
        self.ended(0, time.monotonic() - self._begin, error)

    def ended(self, rows: int, seconds: float, error: BaseException | None) -> None:
        """Take note of the end: never raises."""
        if self._history is None:
            return
        principal, workgroup = self._who
        self._history.note(
            QueryRecord(
                query_id=self.query_id,
                sql=self._sql,
                started_at=self._started_at,
                seconds=seconds,
                rows=rows,
                state=_state(error),
                error=_told(error),
                user=_user(),
                principal=principal,
                workgroup=workgroup,
                tables=tuple(self._reads.values()),
            )
        )


def _state(error: BaseException | None) -> QueryState:
    if error is None:
        return "succeeded"
    stopped = not isinstance(error, Exception) or "Timeout" in type(error).__name__
    return "cancelled" if stopped else "failed"


def _told(error: BaseException | None) -> str:
    if error is None:
        return ""
    if isinstance(error, LakeError):
        return f"{error.code} {error.problem}"
    return type(error).__name__


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return ""
