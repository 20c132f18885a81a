"""The catalogs of other systems, for a project's owner: what they show, what models read of them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import UnreadableTableError
from lakeworks.catalog.errors import CatalogBusyError, CatalogReadOnlyError
from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.ingest.federation.errors import FederationError, UnknownCatalogError
from lakeworks.project.catalog_declaration import federated
from lakeworks.project.errors import UNKNOWN_TABLE, Mistake
from lakeworks.storage.errors import StorageError

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.state import Services
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.project.declaration import Location

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ReadFromCatalogs:
    """The tables of catalogs that models read.

    Attributes:
        schemas: Their columns; None where they cannot be known now.
        doubts: Systems that cannot be asked: they may be reachable when a run needs them.
    """

    schemas: dict[TableName, Schema | None] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    doubts: list[Mistake] = field(default_factory=list)


def read_from_catalogs(services: Services) -> ReadFromCatalogs:
    """Describe every table of a catalog that a model reads."""
    found = ReadFromCatalogs()
    catalogs = federated(services.project)
    for model in services.project.models.values():
        for table in model.inputs:
            if table.database in catalogs and table not in found.schemas:
                _describe(table, model.at, services, found)
    return found


def _describe(
    table: TableName, at: Location, services: Services, found: ReadFromCatalogs
) -> None:
    found.schemas[table] = None
    catalog = federated(services.project)[table.database]
    try:
        schema = schema_outside(table, services)
        if schema is None:
            known = [str(one) for one in names_of(services, catalog.name)]
            problem = f"{catalog.at.file} shows no table {table}"
            hint = did_you_mean(str(table), known)
            found.mistakes.append(Mistake(at, problem, hint, UNKNOWN_TABLE))
        found.schemas[table] = schema
    except LakeError as error:
        found.doubts.append(Mistake(catalog.at, error.problem, error.hint, error.code))


def schema_outside(table: TableName, services: Services) -> Schema | None:
    """Return the columns of a table in a catalog; None where there is none.

    Raises:
        LakeError: its system cannot be asked.
    """
    if services.federated.covers(table):
        found = services.federated.find(table)
        return None if found is None else found.schema
    entry = services.external.find(table)
    return None if entry is None else services.external.empty(entry).schema


def names_of(services: Services, catalog: str) -> list[TableName]:
    """Return the tables of a catalog.

    Raises:
        LakeError: its system cannot be asked.
    """
    declared = services.project.catalogs[catalog]
    if declared.type == "parquet":
        return services.external.folder_names(declared)
    return services.federated.list_tables(declared)


@dataclass(frozen=True, slots=True)
class CatalogState:
    """Whether a catalog's system answers, and the tables that it shows.

    Attributes:
        error: Why it does not, in words for the lake's owner; None where it does.
        changed: How many entries of the data catalog were made, changed or dropped.
    """

    catalog: FederatedCatalog
    tables: tuple[TableName, ...] = ()
    seconds: float = 0.0
    error: LakeError | None = None
    changed: int = 0


class Federation:
    """The catalogs of a project, for its owner. Safe to use from several threads."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def states(self, name: str | None = None) -> list[CatalogState]:
        """Ask the system of one catalog, or of all, for its tables.

        Raises:
            UnknownCatalogError: no catalog has the name.
        """
        declared = self._services.project.catalogs
        if name is not None and name not in declared:
            raise UnknownCatalogError.named(name, declared)
        wanted = sorted(declared) if name is None else [name]
        return [self._state(declared[one]) for one in wanted]

    def tables(self, name: str) -> dict[TableName, Schema]:
        """Return the tables of a catalog with their columns; the data catalog takes note of them.

        Raises:
            UnknownCatalogError: no catalog has the name.
            LakeError: its system cannot be asked, or a table not be read.
        """
        [state] = self.states(name)
        if state.error is not None:
            raise state.error
        described = ((one, schema_outside(one, self._services)) for one in state.tables)
        found = {one: schema for one, schema in described if schema is not None}
        try:
            self._note(state)
        except (CatalogReadOnlyError, CatalogBusyError):
            logger.warning("the data catalog was not told of %s", name, exc_info=True)
        return found

    def refresh(self, name: str | None = None) -> list[CatalogState]:
        """Let the data catalog have the tables of one catalog, or of all, as they are now.

        The tables of a system that does not answer stay as they were.

        Raises:
            UnknownCatalogError: no catalog has the name.
            CatalogReadOnlyError: the lake's catalog cannot be written.
        """
        return [self._refreshed(state) for state in self.states(name)]

    def _refreshed(self, state: CatalogState) -> CatalogState:
        if state.error is not None:
            return state
        begin = time.monotonic()
        try:
            changed = self._note(state)
        except (FederationError, StorageError) as error:
            return replace(state, tables=(), error=error)
        return replace(state, changed=changed, seconds=state.seconds + time.monotonic() - begin)

    def _note(self, state: CatalogState) -> int:
        """Describe a catalog's tables to the data catalog; return how many entries changed."""
        from lakeworks.ingest.federation.entries import note

        services, data = self._services, self._services.catalog.data_catalog
        if state.catalog.type == "parquet":
            return sum(_settled(services, one) for one in state.tables)
        described = map(services.federated.find, state.tables)
        return note(data, state.catalog, [one for one in described if one is not None])

    def _state(self, catalog: FederatedCatalog) -> CatalogState:
        begin = time.monotonic()
        try:
            tables = tuple(names_of(self._services, catalog.name))
        except LakeError as error:
            return CatalogState(catalog, (), time.monotonic() - begin, error)
        return CatalogState(catalog, tables, time.monotonic() - begin)


def _settled(services: Services, folder: TableName) -> bool:
    """Whether the entry of a folder of Parquet files was made or changed."""
    before = services.catalog.data_catalog.find_table(folder)
    try:
        after = services.external.find(folder)
    except UnreadableTableError:  # no file says its columns yet
        return False
    return after is not None and (before is None or before.version != after.version)
