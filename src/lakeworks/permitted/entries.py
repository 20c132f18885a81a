"""The data catalog as a principal sees it: entries of what it may know of, with its columns only.

An entry tells names, types, comments and tags. Where files lie, how they are read, who changed an
entry and why, and every parameter but its format stay the owner's: they may name what is hidden.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.data_catalog.model import (
    FEDERATED,
    Column,
    DatabaseEntry,
    PartitionEntry,
    StorageDescriptor,
    TableEntry,
    with_tags,
)
from lakeworks.core.names import TableName, is_identifier
from lakeworks.permitted.errors import NotPermittedError, OwnerOnlyError
from lakeworks.permitted.sight import schema_of_entry

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog import PartitionFilter, TableVersion
    from lakeworks.catalog.data_catalog.column_statistics import ColumnStatistics
    from lakeworks.catalog.data_catalog.searching import ColumnTags, SearchHit
    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.catalog.entries import Entries
    from lakeworks.governance.decisions import TableAccess
    from lakeworks.permitted.sight import Look, Sight

_TOLD_PARAMETERS = ("classification",)
_PAGE = 1_000


class PermittedDataCatalog:
    """Databases, tables and their versions, as far as a principal may know of them."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    @property
    def _data(self) -> DataCatalog:
        return self._sight.services.catalog.data_catalog

    def list_databases(self) -> list[DatabaseEntry]:
        """Return the databases that hold something that the principal may know of, by name."""
        with self._sight.look("databases") as look:
            known = {name.database for name in self._names(look)}
            return [
                _seen_database(one)
                for one in self._data.list_databases()
                if one.name in known or _may_describe(look, one.name)
            ]

    def get_database(self, name: str) -> DatabaseEntry:
        """Return one database.

        Raises:
            EntryNotFoundError: there is none, or the principal may not know of it.
        """
        for one in self.list_databases():
            if one.name == name.lower():
                return one
        with self._sight.look("database", name):
            raise EntryNotFoundError.database(
                name.lower(), [one.name for one in self.list_databases()]
            )

    def table_names(self) -> list[TableName]:
        """Return the names of the tables that the principal may know of."""
        with self._sight.look("catalog tables") as look:
            return self._names(look)

    def list_tables(
        self, database: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[TableEntry]:
        """Return the entries that the principal may know of; see `DataCatalog.list_tables`."""
        with self._sight.look("catalog tables") as look:
            found: list[TableEntry] = []
            while limit is None or len(found) < limit:
                page = self._data.list_tables(database, after=after, limit=_PAGE)
                seen = (seen_entry(look, entry) for entry in page)
                found += [entry for entry in seen if entry is not None]
                if len(page) < _PAGE:
                    break
                last = page[-1].name
                after = str(last) if database is None else last.table
            return found if limit is None else found[:limit]

    def find_table(self, name: TableName) -> TableEntry | None:
        """Return an entry, or None."""
        with self._sight.look("catalog show", str(name)) as look:
            entry = self._data.find_table(name)
            return None if entry is None else seen_entry(look, entry)

    def get_table(self, name: TableName) -> TableEntry:
        """Return an entry.

        Raises:
            EntryNotFoundError: there is none, or the principal may not know of it.
        """
        with self._sight.look("catalog show", str(name)) as look:
            return self._entry(look, name)

    def versions(self, name: TableName) -> list[TableVersion]:
        """Return the versions of an entry, newest first, each with the columns that may be known.

        Raises:
            EntryNotFoundError: there is none, or the principal may not know of it.
        """
        with self._sight.look("catalog versions", str(name)) as look:
            self._entry(look, name)
            found = []
            for one in self._data.versions(name):
                entry = seen_entry(look, one.entry)
                if entry is not None:
                    found.append(replace(one, by="", reason="", entry=entry))
            return found

    def version(self, name: TableName, version: int) -> TableVersion:
        """Return one version of an entry.

        Raises:
            EntryNotFoundError: there is none, or the principal may not know of it.
        """
        found = self.versions(name)
        for one in found:
            if one.version == version:
                return one
        raise EntryNotFoundError.version(str(name), version, found[0].version if found else 0)

    def count_partitions(self, name: TableName) -> int | None:
        """Return how many partitions there are; None where the principal may not see them all."""
        with self._sight.look("catalog partitions", str(name)) as look:
            entry = self._entry(look, name)
            return self._data.count_partitions(name) if sees_partitions(look, entry) else None

    def search(
        self, text: str, *, limit: int = 20, tags: ColumnTags | None = None
    ) -> list[SearchHit]:
        """Return the tables that a question is about, by what the principal may know of them."""
        with self._sight.look("search") as look:
            return self._data.search(
                text, limit=limit, tags=tags, seen=lambda entry: seen_entry(look, entry)
            )

    def create_database(self, entry: DatabaseEntry) -> DatabaseEntry:
        """Make a database; takes CREATE_DATABASE on the catalog.

        Raises:
            NotPermittedError: the principal may not.
            OwnerOnlyError: a location is given, where the lake could be made to read.
        """
        with self._sight.look("create database", entry.name, kind="change") as look:
            look.require_on("CREATE_DATABASE", "catalog")
            if entry.location:
                raise OwnerOnlyError.command(
                    "lake catalog create-database --location",
                    "a location lets the lake read files there in its owner's name",
                )
            return _seen_database(self._data.create_database(entry))

    def delete_table(self, name: TableName) -> None:
        """Delete the entry of an external table; takes DROP on it.

        Raises:
            EntryNotFoundError: there is none, or the principal may not know of it.
            NotPermittedError: it may not drop it.
            OwnerOnlyError: the project declares the table.
        """
        with self._sight.look("drop", str(name), kind="change") as look:
            self._entry(look, name)
            look.require_on("DROP", str(name))
            entry = self._data.get_table(name)
            declared = name in self._sight.services.project.tables
            if declared or entry.managed or entry.table_type == FEDERATED:
                raise OwnerOnlyError.command(
                    "lake catalog drop", f"{name} is declared by the project"
                )
            self._data.delete_table(name)

    def delete_database(self, name: str) -> None:
        """Delete a database with its entries; takes DROP on it and on every table in it.

        Raises:
            NotPermittedError: the principal may not.
        """
        with self._sight.look("drop database", name, kind="change") as look:
            look.require_on("DROP", name)
            held = [one for one in self._data.table_names() if one.database == name.lower()]
            if not all(look.viewer.may("DROP", one) for one in held):
                raise NotPermittedError.lacks(str(self._sight.principal), "DROP", f"{name}.*")
            self._data.delete_database(name)

    def _names(self, look: Look) -> list[TableName]:
        entries = (seen_entry(look, entry) for entry in self._data.list_tables())
        return [entry.name for entry in entries if entry is not None]

    def _entry(self, look: Look, name: TableName) -> TableEntry:
        found = self._data.find_table(name)
        entry = None if found is None else seen_entry(look, found)
        if entry is None:
            raise EntryNotFoundError.table(str(name), [str(one) for one in self._names(look)])
        return entry


class PermittedEntries:
    """Statistics and partitions of entries, of what a principal sees."""

    def __init__(self, sight: Sight, entries: Entries) -> None:
        self._sight = sight
        self._entries = entries

    def statistics(self, name: TableName) -> list[ColumnStatistics]:
        """Return what is known of the columns that the principal sees as they are, in every row.

        Those of other columns are left out: `lake.quality.profile` computes them.

        Raises:
            EntryNotFoundError: there is no such table, or the principal may not know of it.
        """
        with self._sight.look("catalog statistics", str(name)) as look:
            access = self._access(look, name)
            if access is None or access.row_filter is not None:
                return []
            plain = {column.name.lower() for column in access.columns if column.is_plain}
            found = self._entries.statistics(name)
            return [one for one in found if one.column.lower() in plain]

    def partitions(
        self, name: TableName, where: PartitionFilter | None = None
    ) -> list[PartitionEntry]:
        """Return a table's partitions; none where the principal may not see them all.

        Raises:
            EntryNotFoundError: there is no such table, or the principal may not know of it.
        """
        with self._sight.look("catalog partitions", str(name)) as look:
            self._access(look, name)
            entry = self._sight.services.catalog.data_catalog.get_table(name)
            if not sees_partitions(look, entry):
                return []
            return [PartitionEntry(one.values) for one in self._entries.partitions(name, where)]

    def _access(self, look: Look, name: TableName) -> TableAccess | None:
        data = self._sight.services.catalog.data_catalog
        entry = data.find_table(name)
        if entry is None or seen_entry(look, entry) is None:
            known = (one for one in data.list_tables() if seen_entry(look, one) is not None)
            raise EntryNotFoundError.table(str(name), [str(one.name) for one in known])
        return look.access(name, schema_of_entry(entry))


def seen_entry(look: Look, entry: TableEntry) -> TableEntry | None:
    """Return what the principal may know of an entry; None where not even its name."""
    known = {column.lower() for column in look.columns(entry.name, schema_of_entry(entry))}
    if not known:
        return None
    columns, keys = (
        tuple(_seen_column(one) for one in some if one.name.lower() in known)
        for some in (entry.storage.columns, entry.partition_keys)
    )
    told = {key: entry.parameters[key] for key in _TOLD_PARAMETERS if key in entry.parameters}
    return TableEntry(
        entry.name,
        entry.table_type,
        entry.description,
        entry.owner,
        StorageDescriptor(columns),
        keys,
        with_tags(told, entry.tags),
        entry.version,
        entry.created_at,
        entry.updated_at,
    )


def sees_partitions(look: Look, entry: TableEntry) -> bool:
    """Whether the principal sees the keys of every row of a table as they are."""
    access = look.access(entry.name, schema_of_entry(entry))
    if access is None or access.row_filter is not None:
        return False
    plain = {column.name.lower() for column in access.columns if column.is_plain}
    return all(key.name.lower() in plain for key in entry.partition_keys)


def _seen_column(column: Column) -> Column:
    return Column(column.name, column.type, column.comment, with_tags({}, column.tags))


def _seen_database(entry: DatabaseEntry) -> DatabaseEntry:
    return DatabaseEntry(
        entry.name, entry.description, "", with_tags({}, entry.tags), entry.created_at
    )


def _may_describe(look: Look, database: str) -> bool:
    return is_identifier(database) and look.viewer.may("DESCRIBE", database)
