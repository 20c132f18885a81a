"""Entries from Glue's JSON, and back, without loss: what is read and written again is equal.

Read are both the shapes one sends (`DatabaseInput`, `TableInput`, `PartitionInput`) and those
that Glue answers with (`Database`, `Table`, `Partition`). Unknown keys are kept, as are values
that say no more than their absence would. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import GlueJsonError
from lakeworks.catalog.data_catalog.glue_shapes import (
    DATABASE,
    PARTITION,
    TABLE,
    plain,
    read,
    written,
)
from lakeworks.catalog.data_catalog.model import DatabaseEntry, PartitionEntry, TableEntry
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

# What Glue says of an entry and takes from nobody.
_TOLD_BY_GLUE = frozenset({
    "CatalogId", "CreateTime", "CreatedBy", "CreationTime", "DatabaseName",
    "IcebergTableMetadata", "IsMaterializedView", "IsMultiDialectView",
    "IsRegisteredWithLakeFormation", "RLSProperties", "Status", "TableName", "UpdateTime",
    "VersionId",
})  # fmt: skip


def database_from_json(given: Mapping[str, Any]) -> DatabaseEntry:
    """Read a `DatabaseInput` or a `Database`.

    Raises:
        GlueJsonError: it is neither; the message names the key.
    """
    inner = _unwrapped(plain(given), "DatabaseInput", "Database")
    return DatabaseEntry(**read(DATABASE, inner, ""))


def database_input(entry: DatabaseEntry) -> Json:
    """Return the `DatabaseInput` of an entry."""
    return _without_told(written(DATABASE, entry))


def database_to_json(entry: DatabaseEntry) -> Json:
    """Return the `Database` that GetDatabase answers with."""
    return written(DATABASE, entry)


def table_from_json(given: Mapping[str, Any], *, database: str | None = None) -> TableEntry:
    """Read a `TableInput` or a `Table`.

    Args:
        given: The object, or one that holds it under its shape's name.
        database: Where the table belongs; needed where the JSON has no `DatabaseName`.

    Raises:
        GlueJsonError: it is neither; the message names the key.
    """
    given = plain(given)
    inner = _unwrapped(given, "TableInput", "Table")
    fields = read(TABLE, inner, "")
    within = database or inner.get("DatabaseName") or given.get("DatabaseName")
    if not isinstance(within, str):
        raise GlueJsonError.without_database(str(fields["name"]))
    return TableEntry(**{**fields, "name": TableName(within, fields["name"])})


def stored_table(given: Json, database: str) -> TableEntry:
    """Read a `TableInput` that `table_input` wrote, without looking for anything else."""
    fields = read(TABLE, given, "")
    return TableEntry(**{**fields, "name": TableName(database, fields["name"])})


def table_input(entry: TableEntry) -> Json:
    """Return the `TableInput` of an entry, as CreateTable and UpdateTable take it."""
    return _without_told(_table(entry))


def table_to_json(entry: TableEntry) -> Json:
    """Return the `Table` that GetTable answers with."""
    return _table(entry) | {"DatabaseName": entry.name.database}


def partition_from_json(given: Mapping[str, Any]) -> PartitionEntry:
    """Read a `PartitionInput` or a `Partition`.

    Raises:
        GlueJsonError: it is neither; the message names the key.
    """
    inner = _unwrapped(plain(given), "PartitionInput", "Partition")
    return PartitionEntry(**read(PARTITION, inner, ""))


def partition_input(entry: PartitionEntry) -> Json:
    """Return the `PartitionInput` of an entry."""
    return _without_told(written(PARTITION, entry))


def partition_to_json(entry: PartitionEntry, table: TableName) -> Json:
    """Return the `Partition` that GetPartition answers with."""
    told = written(PARTITION, entry)
    return told | {"DatabaseName": table.database, "TableName": table.table}


def _table(entry: TableEntry) -> Json:
    return written(TABLE, entry) | {"Name": entry.name.table}


def _unwrapped(given: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the object itself where it is wrapped under its shape's name."""
    for name in names:
        inner = given.get(name) if isinstance(given, dict) else None
        if isinstance(inner, dict) and "Name" not in given and "Values" not in given:
            return inner
    return given


def _without_told(told: Json) -> Json:
    return {key: value for key, value in told.items() if key not in _TOLD_BY_GLUE}
