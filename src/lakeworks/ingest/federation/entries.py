"""The data catalog's entries of tables in other systems: as they were when the owner last looked.

An entry serves to list, describe and find a table without asking its system. What a query reads is
always what the system says then.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError, EntryRefusedError
from lakeworks.catalog.data_catalog.managed import glue_type
from lakeworks.catalog.data_catalog.model import (
    CATALOG,
    FEDERATED,
    Column,
    StorageDescriptor,
    TableEntry,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.ingest.federation.connector import RemoteTable
    from lakeworks.project.catalog_declaration import FederatedCatalog

logger = logging.getLogger(__name__)


def entry_of(table: RemoteTable) -> TableEntry:
    """Return the entry of a table as its system describes it."""
    catalog, parts = table.catalog, (table.schema_name, table.remote)
    # DynamoDB's tables have no schema: the beginning of their names stands for one.
    whole = table.remote if catalog.type == "dynamodb" else ".".join(filter(None, parts))
    return TableEntry(
        table.name,
        FEDERATED,
        description=catalog.description,
        storage=StorageDescriptor(
            tuple(Column(f.name, glue_type(str(f.type))) for f in table.schema), whole
        ),
        parameters={"classification": catalog.type, CATALOG: catalog.name},
    )


def note(data: DataCatalog, catalog: FederatedCatalog, tables: Iterable[RemoteTable]) -> int:
    """Keep the entries of a catalog's tables current; return how many changed.

    Args:
        tables: All that the catalog has: entries of others go.
    """
    known = {one.name: one for db in catalog.databases for one in data.list_tables(db)}
    found = {table.name: table for table in tables}
    changed = 0
    for name, table in found.items():
        present = known.get(name)
        if present is not None and present.table_type != FEDERATED:
            logger.warning("%s has another entry in the data catalog, which stays", name)
            continue
        entry = entry_of(table)
        try:
            put = data.put_table(entry, reason=f"declared in {catalog.at.file}")
        except EntryRefusedError as error:
            logger.warning("%s has no entry in the data catalog: %s", name, error.problem)
            continue
        changed += present is None or put.version != present.version
    gone = [one for one in known.values() if one.name not in found]
    return changed + _drop(data, [one for one in gone if one.table_type == FEDERATED])


def drop_undeclared(data: DataCatalog, catalogs: Mapping[str, FederatedCatalog]) -> int:
    """Let go of the entries of tables that no catalog shows any more; return how many.

    Args:
        catalogs: By the database of the lake that shows their tables.
    """

    def is_shown(entry: TableEntry) -> bool:
        catalog = catalogs.get(entry.name.database)
        if catalog is None or catalog.name != entry.parameters.get(CATALOG):
            return False
        schema = catalog.databases[entry.name.database]
        place = entry.storage.location
        return catalog.shows(
            place if catalog.type == "dynamodb" else place.removeprefix(f"{schema}.")
        )

    some = [one for one in data.list_tables() if one.table_type == FEDERATED]
    return _drop(data, [one for one in some if not is_shown(one)])


def _drop(data: DataCatalog, entries: Iterable[TableEntry]) -> int:
    dropped = 0
    for entry in entries:
        try:
            data.delete_table(entry.name)
        except EntryNotFoundError:  # another process was quicker
            continue
        dropped += 1
    return dropped
