"""Keys of the lake's tables by which a query joins tables of other systems, as its caller sees them.

They are looked up in a session like the one that answers the query, over rows that the caller may
see and columns that it sees as they are. What is told to the other system is thus nothing that the
caller could not have written into the query.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.core.names import quote_identifier
from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError
from lakeworks.engines.remote_conditions import NEVER, ColumnTest, all_of
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.engines.remote_conditions import Condition, JoinKey
    from lakeworks.engines.secured import SecuredTable
    from lakeworks.query.viewer import Viewer

MOST_VALUES = 1_000
MOST_TEXT_BYTES = 64 * 1024
# Looking through more rows may take longer than it saves: of a whole table, and of a part of one.
MOST_ROWS = 100_000
MOST_FILTERED_ROWS = 10_000_000


class JoinKeys:
    """Looks up keys for one query. Safe to use from several threads.

    Args:
        tables: The lake's tables that the query reads, by the dotted name in lower case, each as
            the caller may see it.
        viewer: The caller; None for the owner.
        scope: Whose sessions may be used.
    """

    def __init__(
        self,
        engine: Engine,
        tables: Mapping[str, SecuredTable],
        viewer: Viewer | None,
        *,
        scope: str,
    ) -> None:
        self._engine = engine
        self._viewer = viewer
        self._scope = scope
        most = MOST_FILTERED_ROWS if engine.is_quick else -1
        self.tables = {name: one for name, one in tables.items() if _holds(one, most)}

    def __call__(self, key: JoinKey, timeout_s: float | None) -> Condition | None:
        """Return the test that the keys of a join are; None where none is worth asking.

        Raises:
            QueryTimeoutError: it took too long.
            InterruptedQueryError: the query was stopped.
        """
        table = self.tables.get(key.table)
        if table is None or not (key.condition or _holds(table, MOST_ROWS)):
            return None
        try:
            return self._looked_up(key, table, timeout_s)
        except (QueryTimeoutError, InterruptedQueryError):
            raise
        except (LakeError, ValueError, OverflowError):
            return None  # the query itself meets what is wrong, or never does

    def _looked_up(
        self, key: JoinKey, table: SecuredTable, timeout_s: float | None
    ) -> Condition | None:
        column = quote_identifier(key.other)
        place = ".".join(quote_identifier(part) for part in key.table.split(".", 1))
        where = f"{column} IS NOT NULL" + (f" AND ({key.condition})" if key.condition else "")
        some = (
            f"SELECT DISTINCT {column} AS k FROM {place} WHERE {where} LIMIT {MOST_VALUES + 1}"
        )
        ends = f"SELECT min({column}) AS low, max({column}) AS high FROM {place} WHERE {where}"
        with self._session(key.table, table, some) as session:
            values = sorted(row["k"] for row in _rows(session, some, timeout_s))
            if not values:
                return NEVER
            if len(values) <= MOST_VALUES:
                return ColumnTest(key.column, "in", tuple(values)) if _fit(values) else None
            if isinstance(values[0], str):
                return None  # texts are in another order elsewhere
            [row] = _rows(session, ends, timeout_s)
        return all_of([
            ColumnTest(key.column, ">=", (row["low"],)),
            ColumnTest(key.column, "<=", (row["high"],)),
        ])  # fmt: skip

    def _session(self, name: str, table: SecuredTable, sql: str) -> Session:
        if self._viewer is None:
            return self._engine.query_session({name: table.source}, scope=self._scope)
        gated = self._engine.gate(sql)
        return self._engine.governed_session({name: table}, gated, scope=self._scope)


def _holds(table: SecuredTable, most_rows: int) -> bool:
    """Whether a table of the lake has at most so many rows."""
    source = table.source
    return isinstance(source, TableSource) and source.rows <= most_rows


def _rows(session: Session, sql: str, timeout_s: float | None) -> list[dict[str, Any]]:
    reader = session.query(sql, timeout_s=timeout_s)
    found: list[dict[str, Any]] = reader.read_all().to_pylist()
    return found


def _fit(values: list[Any]) -> bool:
    """Whether every system can be asked for these values."""
    texts = [one for one in values if isinstance(one, str)]
    with suppress(UnicodeEncodeError):
        return not any("\0" in one for one in texts) and (
            sum(len(one.encode()) for one in texts) <= MOST_TEXT_BYTES
        )
    return False
