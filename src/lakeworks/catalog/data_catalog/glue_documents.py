"""Whole documents of Glue's JSON: what the AWS command line prints and takes. Pure.

Written is what creates: `{"DatabaseInput": …}`, `{"DatabaseName": …, "TableInput": …}`, so that a
document can be given to `aws glue create-table --cli-input-json`. Read are these, lists of
them, and what GetDatabases, GetTables and GetPartitions answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import GlueJsonError
from lakeworks.catalog.data_catalog.glue_json import (
    database_from_json,
    database_input,
    partition_from_json,
    partition_input,
    table_from_json,
    table_input,
)
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.data_catalog.model import DatabaseEntry, PartitionEntry, TableEntry

Json = dict[str, Any]
_OF_DATABASES = frozenset({"LocationUri", "CreateTableDefaultPermissions", "TargetDatabase"})
_OF_TABLES = frozenset({"StorageDescriptor", "PartitionKeys", "TableType", "DatabaseName"})
_LISTS = ("DatabaseList", "Databases", "TableList", "Tables", "Partitions")


@dataclass(slots=True)
class Document:
    """The entries of a document, in its order."""

    databases: list[DatabaseEntry] = field(default_factory=list)
    tables: list[TableEntry] = field(default_factory=list)
    partitions: dict[TableName, list[PartitionEntry]] = field(default_factory=dict)


def read_document(
    given: Any,  # noqa: ANN401 - JSON
    *,
    database: str | None = None,
    table: str | None = None,
) -> Document:
    """Read a document.

    Args:
        given: What JSON's reader returned.
        database: Where all its tables belong, whatever it says itself.
        table: Where its partitions belong, where it does not say.

    Raises:
        GlueJsonError: something in it is no database, table or partition.
    """
    reader = _Reader(database, table)
    try:
        reader.read(given, "")
    except RecursionError:
        raise GlueJsonError.too_deep() from None
    return reader.found


def table_document(entry: TableEntry, partitions: Sequence[PartitionEntry] = ()) -> Json:
    """Return what makes a table, and its partitions beside it."""
    told: Json = {"DatabaseName": entry.name.database, "TableInput": table_input(entry)}
    if partitions:
        told["PartitionInputList"] = [partition_input(one) for one in partitions]
    return told


def database_document(entry: DatabaseEntry, tables: Iterable[Json] = ()) -> Json:
    """Return what makes a database, and its tables beside it."""
    return {"DatabaseInput": database_input(entry), "Tables": list(tables)}


class _Reader:
    def __init__(self, database: str | None, table: str | None) -> None:
        self.found = Document()
        self._database = database
        self._table = table

    def read(self, given: Any, within: str | None) -> None:  # noqa: ANN401 - JSON
        if isinstance(given, list):
            for one in given:
                self.read(one, within)
        elif isinstance(given, Mapping):
            named = given.get("DatabaseName", within)
            if named is not None and not isinstance(named, str):
                raise GlueJsonError.expected("DatabaseName", "a text", named)
            self._read_object(given, named)
        else:
            raise GlueJsonError.expected("a document", "an object or a list", given)

    def _read_object(self, given: Mapping[str, Any], within: str | None) -> None:
        inside = within
        if "DatabaseInput" in given or isinstance(given.get("Database"), Mapping):
            self.found.databases.append(database_from_json(given))
            inside = self.found.databases[-1].name
        elif "TableInput" in given or isinstance(given.get("Table"), Mapping):
            self._read_table(given, inside)
        elif not self._read_bare(given, inside):
            return
        for name in _LISTS:
            if name in given:
                self.read(given[name], inside)

    def _read_bare(self, given: Mapping[str, Any], within: str | None) -> bool:
        """Read an object that says nowhere what it is; return whether it may hold others."""
        if "Values" in given:
            where = self._database or given.get("DatabaseName") or within
            self._add_partitions(where, given.get("TableName") or self._table, [given])
        elif "Name" in given:
            known = given.keys()
            if known & _OF_TABLES or (self._database and not known & _OF_DATABASES):
                self._read_table(given, within)
            else:
                self.found.databases.append(database_from_json(given))
        elif any(name in given for name in _LISTS):
            return True
        else:
            raise GlueJsonError.unknown(list(given))
        return False

    def _read_table(self, given: Mapping[str, Any], within: str | None) -> None:
        entry = table_from_json(given, database=self._database or within or None)
        self.found.tables.append(entry)
        listed = given.get("PartitionInputList")
        if listed:
            self._add_partitions(entry.name.database, entry.name.table, listed)

    def _add_partitions(
        self,
        database: str | None,
        table: Any,  # noqa: ANN401 - JSON
        given: Any,  # noqa: ANN401 - JSON
    ) -> None:
        if not database or not table:
            raise GlueJsonError.without_table()
        if not isinstance(table, str):
            raise GlueJsonError.expected("TableName", "a text", table)
        if not isinstance(given, list):
            raise GlueJsonError.expected("PartitionInputList", "a list", given)
        name = TableName(database.lower(), table.lower())
        kept = self.found.partitions.setdefault(name, [])
        kept += [partition_from_json(one) for one in given]
