"""Federated tables in a caller's query: found by name, fetched as the caller may see them.

They are fetched when the session is opened that reads them; until then a source is a promise.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName, quote_identifier
from lakeworks.query.errors import BytesLimitError, ExternalVersionError
from lakeworks.query.external import NO_VERSION, is_external
from lakeworks.storage.fetched import FetchedSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.engines.remote_conditions import RemoteNeeds
    from lakeworks.engines.secured import SecuredTable
    from lakeworks.ingest.federation.connector import RemoteTable
    from lakeworks.ingest.federation.tables import FederatedTables
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.query.asking import Asking
    from lakeworks.query.join_keys import JoinKeys
    from lakeworks.query.reading import Parts
    from lakeworks.query.viewer import Viewer
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import TableSource

# The scope of the owner's sessions; a principal's begins with its kind.
OWNER = "owner"
_SHORTEST_S = 0.001
_AT_ONCE = 8


def federated(parts: Parts) -> FederatedTables | None:
    """Return the tables of the project's catalogs; None where it declares none."""
    services = parts.services
    if services is None or all(
        one.type == "parquet" for one in services.project.catalogs.values()
    ):
        return None
    return services.federated


def is_federated(parts: Parts, name: TableName) -> bool:
    """Whether a catalog has a table of that name.

    Raises:
        FederationError: the catalog's system cannot be asked.
    """
    tables = federated(parts)
    return tables is not None and tables.covers(name) and tables.find(name) is not None


def is_outside(parts: Parts, name: TableName, *, version: str = "") -> bool:
    """Whether a name is that of an external or a federated table.

    Args:
        version: How the query asks for an earlier state of it, if it does.

    Raises:
        ExternalVersionError: it is, and the query asks for an earlier state.
        FederationError: the system of a catalog cannot be asked.
    """
    tables = federated(parts)
    if tables is None or not tables.covers(name):
        return is_external(parts.external, name, version=version)
    if tables.find(name) is None:
        return False
    if version:
        raise ExternalVersionError.federated(str(name), version)
    return True


def outside_names(parts: Parts) -> list[TableName]:
    """Return the names of external and federated tables; of systems that answer."""
    found = [] if parts.external is None else parts.external().names()
    tables = federated(parts)
    if tables is None:
        return found

    def listed(catalog: FederatedCatalog) -> list[TableName]:
        with suppress(LakeError):
            return tables.list_tables(catalog)
        return []

    # One that does not answer keeps nobody waiting for the others.
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="catalogs") as pool:
        for names in pool.map(listed, tables.catalogs):
            found += names
    return found


def suggested_names(parts: Parts, written: str) -> list[TableName]:
    """Return external and federated tables whose names may stand in a hint, hidden ones too.

    No system is asked but the one whose tables are misspelt, and that only where the data catalog
    has none of them.
    """
    services = parts.services
    noted = parts.catalog.data_catalog.outside_names()
    tables = federated(parts)
    if tables is not None:
        database = written.partition(".")[0].strip().lower()
        known = {name.database for name in noted}
        if database not in known and tables.covers(TableName(database, "_")):
            with suppress(LakeError):
                tables.remember(database)
        noted += tables.remembered()
    return noted if services is None else [*noted, *services.project.tables]


def outside_source(parts: Parts, name: TableName) -> AnySource:
    """Return an external or federated table's columns, as a source without rows.

    Raises:
        UnknownTableError: it is not there any more.
    """
    from lakeworks.ingest.federation.tables import as_it_is

    tables = federated(parts)
    table = tables.find(name) if tables is not None else None
    if table is not None:
        return as_it_is(table).source
    entry = parts.external().find(name) if parts.external is not None else None
    if entry is None or parts.external is None:
        raise UnknownTableError.named(str(name), ())
    return parts.external().empty(entry)


def federated_sources(
    parts: Parts,
    texts: Sequence[tuple[str, frozenset[str]]],
    named: Mapping[str, tuple[TableName, int]],
    viewer: Viewer | None,
    sources: Mapping[str, TableSource],
) -> dict[str, FetchedSource]:
    """Return the federated tables of a query, each with the rows that it needs and may see.

    Args:
        texts: The query's SQL and that of the views that it reads, each with what it names. A
            table that several name is read whole.
        named: Everything that it reads, by the name under which it does.
        sources: The lake's own tables among these.
    """
    known = federated(parts)
    if known is None or all(number != NO_VERSION for _, number in named.values()):
        return {}
    tables: dict[str, RemoteTable] = {}
    for written, (name, number) in named.items():
        table = known.find(name) if number == NO_VERSION else None
        if table is not None:
            tables[written] = table
    secured = {written: _seen(table, viewer) for written, table in tables.items()}
    keys = _join_keys(parts, sources, named, viewer)
    needs: dict[str, RemoteNeeds] = {}
    for sql, names in texts:
        alone = {
            name: one
            for name, one in secured.items()
            if name in names and sum(name in others for _, others in texts) == 1
        }
        beside = {name: one for name, one in keys.tables.items() if name in names}
        needs |= known.needs(sql, alone, beside) if alone else {}
    return {
        written: known.fetched(table, secured[written], needs.get(written), keys)
        for written, table in tables.items()
    }


def _join_keys(
    parts: Parts,
    sources: Mapping[str, TableSource],
    named: Mapping[str, tuple[TableName, int]],
    viewer: Viewer | None,
) -> JoinKeys:
    """Return what looks up keys of the lake's own tables, as the caller sees these."""
    from lakeworks.engines.secured import SecuredColumn, SecuredTable
    from lakeworks.query.join_keys import JoinKeys

    seen: dict[str, SecuredTable] = {}
    for name, source in sources.items():
        if viewer is not None:
            with suppress(UnknownTableError):  # the query's own session tells of it
                seen[name] = secured_of(named[name][0], source, viewer)
            continue
        columns = (SecuredColumn(f.name, quote_identifier(f.name)) for f in source.schema)
        seen[name] = SecuredTable(source, tuple(columns))
    scope = OWNER if viewer is None else viewer.scope
    return JoinKeys(parts.engine, seen, viewer, scope=scope)


def _seen(table: RemoteTable, viewer: Viewer | None) -> SecuredTable:
    from lakeworks.ingest.federation.tables import as_it_is

    whole = as_it_is(table)
    return whole if viewer is None else viewer.secured(table.name, whole.source)


def secured_of(name: TableName, source: AnySource, viewer: Viewer) -> SecuredTable:
    """Return what may be seen of a source; of rows that were fetched so, all."""
    if not isinstance(source, FetchedSource):
        return viewer.secured(name, source)
    from lakeworks.ingest.federation.tables import as_fetched

    return as_fetched(source)


def restrictions(source: AnySource, shown: SecuredTable) -> SecuredTable:
    """Return what the audit trail is told of: the masks and the filter that rows passed."""
    seen: SecuredTable | None = getattr(source, "seen", None)
    return shown if seen is None else seen


def limit(sources: Mapping[str, AnySource], asking: Asking) -> None:
    """Hold what is fetched to the limits of one request, in bytes and in time."""
    limit_bytes, begun_s = asking.who.bytes_limit, time.monotonic()
    fetched = [one for one in sources.values() if isinstance(one, FetchedSource)]

    def told(_: int) -> None:
        total_bytes = sum(source.size_bytes for source in sources.values())
        if limit_bytes is not None and total_bytes > limit_bytes:
            raise BytesLimitError.over(total_bytes, limit_bytes)

    for source in fetched:
        source.limit(told, lambda: left_s(asking, begun_s))


def left_s(asking: Asking, begun_s: float) -> float | None:
    """Return how long a request may go on that began at a moment of the monotonic clock."""
    if asking.timeout_s is None:
        return None
    return max(asking.timeout_s - (time.monotonic() - begun_s), _SHORTEST_S)
