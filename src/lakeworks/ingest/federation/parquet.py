"""Folders of Parquet files as a catalog: each folder is a table, read as external tables are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.ingest.federation.connector import lake_name
from lakeworks.ingest.federation.errors import RemoteNameError
from lakeworks.project.external_declaration import DeclaredColumn, ExternalTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.ingest.external_files import Files
    from lakeworks.project.catalog_declaration import FederatedCatalog

KEPT_S = 60.0
_DEEPEST = 8


class ParquetFolders:
    """The tables of catalogs of the type `parquet`. Safe to use from several threads.

    Args:
        catalogs: By the database of the lake that shows them.
        files: Lists folders.
    """

    def __init__(self, catalogs: Mapping[str, FederatedCatalog], files: Files) -> None:
        self._catalogs = catalogs
        self._files = files
        self._kept: dict[str, tuple[float, dict[str, list[str]]]] = {}
        self._lock = threading.Lock()

    def declared(self, name: TableName) -> ExternalTable | None:
        """Return a folder as the declaration of an external table; None where there is none.

        Raises:
            RemoteNameError: several folders have the table's name.
            StorageError: folders cannot be listed.
        """
        catalog = self._catalogs.get(name.database)
        if catalog is None:
            return None
        folders = self._folders(name.database, catalog).get(name.table, [])
        if len(folders) > 1:
            raise RemoteNameError.several(str(name), catalog.at, folders)
        if not folders:
            return None
        place = f"{_place(catalog, name.database)}/{folders[0]}"
        return _table(name, catalog, place, self._keys(place))

    def names(self, catalog: FederatedCatalog | None = None) -> list[TableName]:
        """Return the names of the tables of a catalog, or of all."""
        return sorted(
            TableName(database, table)
            for database, owner in self._catalogs.items()
            if catalog is None or owner is catalog
            for table in self._folders(database, owner)
        )

    def _folders(self, database: str, catalog: FederatedCatalog) -> dict[str, list[str]]:
        """Return the folders that are tables, by the tables' names."""
        with self._lock:
            kept = self._kept.get(database)
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        found: dict[str, list[str]] = {}
        for folder in self._files.folders(_place(catalog, database)):
            if catalog.shows(folder):
                found.setdefault(lake_name(folder), []).append(folder)
        with self._lock:
            self._kept[database] = (time.monotonic(), found)
        return found

    def _keys(self, place: str) -> list[str]:
        """Return the partition columns that folders named `column=value` tell."""
        found: list[str] = []
        while len(found) < _DEEPEST:
            inner = [name for name in self._files.folders(place) if "=" in name]
            if not inner:
                break
            found.append(inner[0].partition("=")[0])
            place = f"{place}/{inner[0]}"
        return found


def _place(catalog: FederatedCatalog, database: str) -> str:
    return f"{catalog.location}/{catalog.databases[database]}".rstrip("/")


def _table(
    name: TableName, catalog: FederatedCatalog, place: str, keys: list[str]
) -> ExternalTable:
    declared = {
        column.casefold(): kind
        for table, columns in catalog.columns.items()
        if table.casefold() == name.table
        for column, kind in columns.items()
    }
    folded = {key.casefold() for key in keys}
    return ExternalTable(
        table=name,
        at=catalog.at,
        location=place,
        declared_location=place,
        format="parquet",
        columns=tuple(
            DeclaredColumn(column, kind)
            for column, kind in declared.items()
            if column not in folded
        ),
        partitions=tuple(
            DeclaredColumn(key, declared.get(key.casefold(), "string")) for key in keys
        ),
        description=catalog.description,
    )
