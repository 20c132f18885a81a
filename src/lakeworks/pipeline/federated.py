"""The catalogs of other systems, for a project's owner: what they show, what models read of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.ingest.federation.errors import UnknownCatalogError
from lakeworks.project.catalog_declaration import federated
from lakeworks.project.errors import UNKNOWN_TABLE, Mistake

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.state import Services
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.project.declaration import Location


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
    """

    catalog: FederatedCatalog
    tables: tuple[TableName, ...] = ()
    seconds: float = 0.0
    error: LakeError | None = None


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
        """Return the tables of a catalog with their columns.

        Raises:
            UnknownCatalogError: no catalog has the name.
            LakeError: its system cannot be asked, or a table not be read.
        """
        [state] = self.states(name)
        if state.error is not None:
            raise state.error
        described = ((one, schema_outside(one, self._services)) for one in state.tables)
        return {one: schema for one, schema in described if schema is not None}

    def _state(self, catalog: FederatedCatalog) -> CatalogState:
        begin = time.monotonic()
        try:
            tables = tuple(names_of(self._services, catalog.name))
        except LakeError as error:
            return CatalogState(catalog, (), time.monotonic() - begin, error)
        return CatalogState(catalog, tables, time.monotonic() - begin)
