"""The tables of a project's catalogs: found by name, described, and read as a query needs them.

What is asked of another system is decided here, from what the query needs and what its caller may
see. The caller's conditions count on columns that it sees as they are, its row filter on all. The rows
then pass the filter and the masks in the reader that the project trusts, so nothing that is hidden
reaches the caller's session, nor the count of bytes that the caller is told.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName, quote_identifier
from lakeworks.engines.remote_conditions import EVERYTHING, NEVER, RemoteColumns, all_of
from lakeworks.engines.remote_reading import RemoteReadError
from lakeworks.engines.secured import SecuredColumn, SecuredTable
from lakeworks.ingest.federation.connector import FIXED, lake_name, told_apart
from lakeworks.ingest.federation.errors import (
    CatalogUnreachableError,
    RemoteNameError,
    RemoteRefusedError,
    RemoteValueError,
    UnknownCatalogError,
)
from lakeworks.storage.fetched import FetchedSource, no_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.partition_conditions import ExternalPlanner
    from lakeworks.engines.remote_conditions import Condition, JoinKey, RemoteNeeds
    from lakeworks.engines.remote_reading import RemoteReader
    from lakeworks.ingest.federation.connector import Connector, RemoteColumn, RemoteTable
    from lakeworks.project.catalog_declaration import FederatedCatalog

KEPT_S = 60.0
_SHORTEST_S = 0.001
# Systems in which a column may hold values of other types than its own.
_LOOSE = frozenset({"sqlite", "dynamodb"})
_COLUMN = re.compile(r" when casting from source column (.+)$")


# Gives the test that a join's keys are for a table elsewhere, within so many seconds; None: no test.
LookUp = Callable[["JoinKey", "float | None"], "Condition | None"]


class SeenRows(FetchedSource):
    """Rows of a table elsewhere that passed the filter and the masks of who asks.

    Attributes:
        seen: What these were.
    """

    def __init__(
        self,
        table: RemoteTable,
        seen: SecuredTable,
        batches: Callable[[float | None], Generator[pa.RecordBatch, None, None]],
    ) -> None:
        super().__init__(str(table.name), _seen(table, seen), batches)
        self.seen = seen


class FederatedTables:
    """The tables of the catalogs of one project. Safe to use from several threads.

    Args:
        catalogs: By the database of the lake that shows them.
        connect: Makes what speaks with a catalog's system.
        reader: Reads rows; called when some are first read.
        planner: Asked what a query needs.
    """

    def __init__(
        self,
        catalogs: Mapping[str, FederatedCatalog],
        connect: Callable[[FederatedCatalog], Connector],
        reader: Callable[[], RemoteReader],
        planner: Callable[[], ExternalPlanner],
    ) -> None:
        self._catalogs = catalogs
        self._connect = connect
        self._reader = reader
        self._planner = planner
        self._connectors: dict[str, Connector] = {}
        self._kept: dict[TableName, tuple[float, RemoteTable]] = {}
        self._lists: dict[str, tuple[float, Mapping[str, list[str]]]] = {}
        self._lock = threading.Lock()

    def covers(self, name: TableName) -> bool:
        """Whether a name is one of a catalog's, whether or not there is a table."""
        return name.database in self._catalogs

    def find(self, name: TableName) -> RemoteTable | None:
        """Return a table as its system describes it; None where there is none.

        Raises:
            FederationError: the system cannot be asked.
        """
        catalog = self._catalogs.get(name.database)
        if catalog is None:
            return None
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        found = self._described(name, catalog)
        with self._lock:
            if found is None:
                self._kept.pop(name, None)
            else:
                self._kept[name] = (time.monotonic(), found)
        return found

    def _described(self, name: TableName, catalog: FederatedCatalog) -> RemoteTable | None:
        connector, schema = self._connector(catalog), catalog.databases[name.database]
        with self._explained(catalog, str(name)):
            named = self._listed(name.database, catalog).get(name.table)
            if named is None:  # it may be new there
                named = self._listed(name.database, catalog, anew=True).get(name.table, [])
            if len(named) > 1:
                raise RemoteNameError.several(str(name), catalog.at, named)
            return connector.table(name, schema, named[0]) if named else None

    def list_tables(self, catalog: FederatedCatalog | None = None) -> list[TableName]:
        """Return the names of the tables of a catalog, or of all.

        Raises:
            FederationError: a system cannot be asked.
        """
        found = []
        for database, owner in self._catalogs.items():
            if catalog is not None and owner is not catalog:
                continue
            with self._explained(owner, database):
                names = self._listed(database, owner, anew=True)
            found += [TableName(database, table) for table in names]
        return sorted(found)

    def remembered(self) -> list[TableName]:
        """Return the names of the tables that were listed before; nothing is asked."""
        with self._lock:
            lists = {database: list(kept) for database, (_, kept) in self._lists.items()}
        return sorted(TableName(one, name) for one, names in lists.items() for name in names)

    def remember(self, database: str) -> None:
        """List the tables of one database, unless that was done just now.

        Raises:
            FederationError: its system cannot be asked.
        """
        with self._explained(self._catalogs[database], database):
            self._listed(database, self._catalogs[database])

    @property
    def catalogs(self) -> list[FederatedCatalog]:
        """All catalogs, by name."""
        found = {one.name: one for one in self._catalogs.values()}
        return [found[name] for name in sorted(found)]

    def catalog(self, name: str) -> FederatedCatalog:
        """Return the catalog of a name.

        Raises:
            UnknownCatalogError: there is none.
        """
        known = {one.name: one for one in self.catalogs}
        if name not in known:
            raise UnknownCatalogError.named(name, known)
        return known[name]

    def needs(
        self,
        sql: str,
        tables: Mapping[str, SecuredTable],
        partners: Mapping[str, SecuredTable] | None = None,
    ) -> Mapping[str, RemoteNeeds]:
        """Return what a query needs of tables as its caller may see them.

        Args:
            sql: A query that the engine accepts.
            tables: By the dotted name, in lower case, under which the query reads them.
            partners: So, too: tables of the lake, whose keys `fetched` may look up.
        """
        columns = {name: _columns(table) for name, table in tables.items()}
        joined = {name: _columns(table) for name, table in (partners or {}).items()}
        return self._planner().remote_needs(sql, columns, joined)

    def fetched(
        self,
        table: RemoteTable,
        secured: SecuredTable,
        needs: RemoteNeeds | None = None,
        keys: LookUp | None = None,
    ) -> SeenRows:
        """Return the rows that a query needs of a table, as its caller may see them.

        Its schema is that of all columns that may be seen; those that the query does not name
        are not read.

        Args:
            keys: Looks up the keys by which the query joins the table, when rows are read.
        """
        needed = EVERYTHING if needs is None else needs
        if not needed.needs_rows:
            return SeenRows(table, secured, no_rows)
        return SeenRows(table, secured, partial(self._rows, table, secured, needed, keys))

    def whole(self, name: TableName) -> SeenRows | None:
        """Return all rows of a table as they are; None where there is none."""
        table = self.find(name)
        return None if table is None else self.fetched(table, as_it_is(table))

    def close(self) -> None:
        """Let go of what is known and made."""
        with self._lock:
            self._connectors.clear()
            self._kept.clear()
            self._lists.clear()

    def _rows(
        self,
        table: RemoteTable,
        secured: SecuredTable,
        needs: RemoteNeeds,
        keys: LookUp | None,
        timeout_s: float | None,
    ) -> Generator[pa.RecordBatch, None, None]:
        shown = SecuredTable(secured.source, _named(table, secured, needs), secured.row_filter)
        place = f"{quote_identifier(table.name.database)}.{quote_identifier(table.name.table)}"
        # What the columns and the filter themselves name and say is found as in any query. (But
        # without the columns' own names: a mask that shows a constant needs no value from there.)
        own = self._planner().remote_needs(
            shown.computed(place), {str(table.name): _all_columns(table)}
        )[str(table.name)]
        read = told_apart(table, [c for c in table.columns if _is_named(c, own)])
        # A hidden row whose value does not fit would else tell which conditions it fulfils.
        hides = secured.row_filter is not None and _may_misfit(table, read)
        begun_s = time.monotonic()
        asked_for = [] if hides else _asked_for(needs, keys, timeout_s)
        if NEVER in asked_for:
            return
        if timeout_s is not None:
            timeout_s = max(timeout_s - (time.monotonic() - begun_s), _SHORTEST_S)
        condition = all_of([own.condition, *asked_for])
        is_whole = condition is None and secured.row_filter is None
        limit = needs.limit if is_whole else None
        with self._explained(table.catalog, str(table.name)):
            asked = self._connector(table.catalog).rows(table, tuple(read), condition, limit)
            only = "" if needs.limit is None else f" LIMIT {needs.limit}"
            yield from self._reader().rows(
                asked,
                lambda relation: shown.select(relation, guarded=False) + only,
                timeout_s=timeout_s,
            )

    def _listed(
        self, database: str, catalog: FederatedCatalog, *, anew: bool = False
    ) -> Mapping[str, list[str]]:
        """Return the remote tables that a catalog shows, by their names in the lake."""
        with self._lock:
            kept = self._lists.get(database)
        if kept is not None and not anew and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        schema = catalog.databases[database]
        prefix = schema if catalog.type == "dynamodb" else ""
        found: dict[str, list[str]] = {}
        for remote in self._connector(catalog).tables(schema):
            if catalog.shows(remote):
                found.setdefault(lake_name(remote.removeprefix(prefix)), []).append(remote)
        with self._lock:
            self._lists[database] = (time.monotonic(), found)
        return found

    def _connector(self, catalog: FederatedCatalog) -> Connector:
        with self._lock:
            found = self._connectors.get(catalog.name)
            if found is None:
                found = self._connectors[catalog.name] = self._connect(catalog)
            return found

    def _explained(self, catalog: FederatedCatalog, what: str) -> _Explained:
        return _Explained(self, catalog, what)

    def forget(self, catalog: FederatedCatalog) -> None:
        """Describe the tables of a catalog anew when they are next asked for."""
        with self._lock:
            for name in [n for n in self._kept if n.database in catalog.databases]:
                del self._kept[name]
            for database in catalog.databases:
                self._lists.pop(database, None)


@dataclass(slots=True)
class _Explained:
    """Tells what a reader says of another system in words for the lake's owner."""

    tables: FederatedTables
    catalog: FederatedCatalog
    what: str

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise what the lake's owner understands."""
        if not isinstance(error, RemoteReadError):
            return
        self.tables.forget(self.catalog)
        at = self.catalog.at
        if error.kind == "connection":
            raise CatalogUnreachableError.of(self.catalog.name, at, error.text) from None
        if error.kind == "value":
            found = _COLUMN.search(error.text)
            column, reason = (
                (found[1], error.text[: found.start()]) if found else ("", error.text)
            )
            raise RemoteValueError.of(self.what, column, at, reason) from None
        raise RemoteRefusedError.of(self.what, at, error.text) from None


def as_it_is(table: RemoteTable) -> SecuredTable:
    """Return all of a table: what its owner sees."""
    columns = (
        SecuredColumn(c.field.name, quote_identifier(c.field.name)) for c in table.columns
    )
    nothing = FetchedSource(str(table.name), table.schema, no_rows)
    return SecuredTable(nothing, tuple(columns))


def as_fetched(source: FetchedSource) -> SecuredTable:
    """Return what a session is given: rows that hold what may be seen, and nothing else."""
    columns = (SecuredColumn(f.name, quote_identifier(f.name)) for f in source.schema)
    return SecuredTable(source, tuple(columns))


def _seen(table: RemoteTable, secured: SecuredTable) -> Schema:
    from lakeworks.core.types import Schema

    fields = (table.schema.get(column.name) for column in secured.columns)
    return Schema(tuple(field for field in fields if field is not None))


def _columns(secured: SecuredTable) -> RemoteColumns:
    schema = secured.source.schema
    plain, others = [], []
    for column in secured.columns:
        field = schema.get(column.name)
        if field is not None and column.plain:
            plain.append((field.name.lower(), str(field.type)))
        else:
            others.append(column.name.lower())
    return RemoteColumns(tuple(plain), frozenset(others))


def _all_columns(table: RemoteTable) -> RemoteColumns:
    return RemoteColumns(tuple((f.name.lower(), str(f.type)) for f in table.schema))


def _named(
    table: RemoteTable, secured: SecuredTable, needs: RemoteNeeds
) -> tuple[SecuredColumn, ...]:
    """Return the columns that a query may name; rows have to be counted by one at least."""
    if needs.columns is None:
        return secured.columns
    named = tuple(c for c in secured.columns if c.name.lower() in needs.columns)
    if named:
        return named
    fixed = (c for c in secured.columns if _is_fixed(table, c))
    return (next(fixed, secured.columns[0]),)


def _is_fixed(table: RemoteTable, column: SecuredColumn) -> bool:
    field = table.schema.get(column.name)
    return field is not None and str(field.type) in FIXED


def _may_misfit(table: RemoteTable, read: list[RemoteColumn]) -> bool:
    """Whether reading these columns can fail on a value that some row holds."""
    return table.catalog.type in _LOOSE or any(not column.kind for column in read)


def _asked_for(
    needs: RemoteNeeds, keys: LookUp | None, timeout_s: float | None
) -> list[Condition | None]:
    joined = [] if keys is None else [keys(one, timeout_s) for one in needs.joins]
    return [needs.condition, *joined]


def _is_named(column: RemoteColumn, needs: RemoteNeeds) -> bool:
    return needs.columns is None or column.field.name.lower() in needs.columns
