"""The data catalog's verbs, as Glue names them; each call is one transaction.

Names are folded to lower case where they are stored and asked for, as Glue does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog import partition_rows, rows, rules
from lakeworks.catalog.data_catalog.errors import (
    EntryChangedError,
    EntryExistsError,
    EntryNotFoundError,
)
from lakeworks.catalog.data_catalog.pruning import prepared
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.data_catalog.model import (
        DatabaseEntry,
        PartitionEntry,
        TableEntry,
        TableVersion,
    )
    from lakeworks.catalog.data_catalog.partition_filter import PartitionFilter
    from lakeworks.catalog.database import Database, Session


class DataCatalog:
    """Databases, tables, partitions. Safe to use from several threads and processes.

    `by` is who changes something, the operating system's user where it is left out.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_database(self, entry: DatabaseEntry) -> DatabaseEntry:
        """Make a database.

        Raises:
            EntryExistsError: the name is taken.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_database(entry)
        with self._database.writing() as session:
            if rows.has_database(session, entry.name):
                raise EntryExistsError.named("database", entry.name)
            rows.write_database(session, entry)
            return rows.database(session, entry.name)

    def ensure_database(self, name: str) -> None:
        """Make a database unless it is there."""
        from lakeworks.catalog.data_catalog.model import DatabaseEntry

        folded = rules.checked_database(DatabaseEntry(name))
        with self._database.reading() as session:
            if rows.has_database(session, folded.name):
                return
        with self._database.writing() as session:
            if not rows.has_database(session, folded.name):
                rows.write_database(session, folded)

    def get_database(self, name: str) -> DatabaseEntry:
        """Return one database.

        Raises:
            EntryNotFoundError: there is none; the hint names the nearest.
        """
        with self._database.reading() as session:
            return rows.database(session, name.lower())

    def list_databases(self) -> list[DatabaseEntry]:
        """Return every database, by name."""
        with self._database.reading() as session:
            return rows.databases(session)

    def update_database(self, entry: DatabaseEntry) -> DatabaseEntry:
        """Put an entry in place of the present one of its name.

        Raises:
            EntryNotFoundError: there is none.
        """
        entry = rules.checked_database(entry)
        with self._database.writing() as session:
            rows.database(session, entry.name)
            rows.write_database(session, entry)
            return rows.database(session, entry.name)

    def delete_database(self, name: str) -> None:
        """Delete a database's entry with those of its tables. Files stay where they are.

        Raises:
            EntryNotFoundError: there is none.
        """
        with self._database.writing() as session:
            folded = rows.database(session, name.lower()).name
            for entry in rows.tables(session, folded, after="", limit=None):
                rows.drop_table(session, rows.table_id(session, entry.name))
            rows.drop_database(session, folded)

    def create_table(
        self, entry: TableEntry, *, by: str | None = None, reason: str = ""
    ) -> TableEntry:
        """Make a table in a database that exists; its version is 0.

        Raises:
            EntryExistsError: the name is taken.
            EntryNotFoundError: there is no such database.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_table(entry)
        with self._database.writing() as session:
            if rows.find_table(session, entry.name) is not None:
                raise EntryExistsError.named("table", str(entry.name))
            return self._add(session, entry, by, reason)

    def get_table(self, name: TableName) -> TableEntry:
        """Return one table.

        Raises:
            EntryNotFoundError: there is none; the hint names the nearest.
        """
        with self._database.reading() as session:
            return rows.table(session, _folded(name))[1]

    def find_table(self, name: TableName) -> TableEntry | None:
        """Return one table, or None."""
        with self._database.reading() as session:
            found = rows.find_table(session, _folded(name))
        return None if found is None else found[1]

    def list_tables(
        self, database: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[TableEntry]:
        """Return tables by name.

        Args:
            database: Of one database, or of all.
            after: Only names after this one: the last of the page before. Of one database.
            limit: At most so many. Of one database.
        """
        folded = None if database is None else database.lower()
        with self._database.reading() as session:
            return rows.tables(session, folded, after=after, limit=limit)

    def table_names(self) -> list[TableName]:
        """Return the names of all tables, in order. Quicker than `list_tables`."""
        with self._database.reading() as session:
            return rows.table_names(session)

    def update_table(
        self,
        entry: TableEntry,
        *,
        by: str | None = None,
        reason: str = "",
        version: int | None = None,
        skip_archive: bool = False,
    ) -> TableEntry:
        """Put an entry in place of the present one, which becomes an archived version.

        Args:
            version: The version that the change was made from; None changes whatever is there.
            skip_archive: Do not keep the present entry.

        Raises:
            EntryChangedError: the table is at another version; nothing was changed.
            EntryNotFoundError: there is no such table.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_table(entry)
        with self._database.writing() as session:
            number, present = rows.table(session, entry.name)
            if version is not None and version != present.version:
                raise EntryChangedError.of(
                    str(entry.name), version, present.version, present.updated_by
                )
            if not skip_archive:
                rows.archive(session, number)
            return self._change(session, number, present, entry, by, reason)

    def put_table(
        self, entry: TableEntry, *, by: str | None = None, reason: str = ""
    ) -> TableEntry:
        """Make a table, its database too, or update it where something changed.

        Statistics alone make no new version; an equal entry changes nothing.
        """
        entry = rules.checked_table(entry)
        with self._database.reading() as session:
            found = rows.find_table(session, entry.name)
            if found is not None and rules.same(found[1], entry):
                return found[1]
        self.ensure_database(entry.name.database)
        with self._database.writing() as session:
            found = rows.find_table(session, entry.name)
            if found is None:
                return self._add(session, entry, by, reason)
            number, present = found
            if rules.same_but_statistics(present, entry):
                kept = replace(present, parameters=entry.parameters)
                rows.change_table(session, number, kept)
                return rows.table(session, entry.name)[1]
            rows.archive(session, number)
            return self._change(session, number, present, entry, by, reason)

    def delete_table(self, name: TableName) -> None:
        """Delete a table's entry, its versions and partitions. Files stay where they are.

        Raises:
            EntryNotFoundError: there is no such table.
        """
        with self._database.writing() as session:
            rows.drop_table(session, rows.table_id(session, _folded(name)))

    def versions(self, name: TableName) -> list[TableVersion]:
        """Return a table's versions, newest first: the present one and those archived."""
        with self._database.reading() as session:
            number, present = rows.table(session, _folded(name))
            return rows.versions(session, number, present)

    def version(self, name: TableName, version: int) -> TableVersion:
        """Return one version of a table.

        Raises:
            EntryNotFoundError: there is no such table or version.
        """
        with self._database.reading() as session:
            number, present = rows.table(session, _folded(name))
            found = rows.version(session, number, present, version)
        if found is None:
            raise EntryNotFoundError.version(str(name), version, present.version)
        return found

    def delete_version(self, name: TableName, version: int) -> None:
        """Delete an archived version.

        Raises:
            EntryNotFoundError: there is no such table, or no such archived version.
        """
        with self._database.writing() as session:
            number, present = rows.table(session, _folded(name))
            if not rows.drop_version(session, number, version):
                raise EntryNotFoundError.version(str(name), version, present.version)

    def create_partitions(self, name: TableName, entries: Iterable[PartitionEntry]) -> int:
        """Add partitions that are not there; return how many. All of them, or none.

        Raises:
            EntryExistsError: one is there, or comes twice.
            EntryRefusedError: values do not fit the table's partition keys.
        """
        return self._put(name, entries, anew=False)

    def put_partitions(self, name: TableName, entries: Iterable[PartitionEntry]) -> int:
        """Add partitions, or put them in place of those with the same values.

        Raises:
            EntryNotFoundError: there is no such table.
            EntryRefusedError: values do not fit the table's partition keys.
        """
        return self._put(name, entries, anew=True)

    def partitions(
        self, name: TableName, *, where: PartitionFilter | None = None
    ) -> list[PartitionEntry]:
        """Return partitions in the order of their keys, pruned inside the catalog.

        Raises:
            EntryNotFoundError: there is no such table.
            PartitionFilterError: the filter does not fit the table's keys.
        """
        with self._database.reading() as session:
            number, entry = rows.table(session, _folded(name))
            pruning = prepared(where, entry.partition_keys)
            return partition_rows.matching(session, number, pruning)

    def partition(self, name: TableName, values: Sequence[str]) -> PartitionEntry:
        """Return the partition of these values.

        Raises:
            EntryNotFoundError: there is no such table or partition.
        """
        with self._database.reading() as session:
            number = rows.table_id(session, _folded(name))
            found = partition_rows.one(session, number, values)
        if found is None:
            raise EntryNotFoundError.partition(str(name), values)
        return found

    def count_partitions(self, name: TableName) -> int:
        """Return how many partitions a table has."""
        with self._database.reading() as session:
            return partition_rows.count(session, rows.table_id(session, _folded(name)))

    def delete_partitions(
        self, name: TableName, values: Iterable[Sequence[str]] | None = None
    ) -> int:
        """Delete the entries of partitions by their values, or of all; return how many."""
        with self._database.writing() as session:
            number = rows.table_id(session, _folded(name))
            if values is None:
                return partition_rows.drop_all(session, number)
            texts = [partition_rows.values_text(one) for one in values]
            return partition_rows.drop(session, number, texts)

    def _add(
        self, session: Session, entry: TableEntry, by: str | None, reason: str
    ) -> TableEntry:
        rows.database(session, entry.name.database)
        who = rules.user() if by is None else by
        rows.add_table(session, replace(entry, version=0, updated_by=who, reason=reason))
        return rows.table(session, entry.name)[1]

    def _change(
        self,
        session: Session,
        number: int,
        present: TableEntry,
        entry: TableEntry,
        by: str | None,
        reason: str,
    ) -> TableEntry:
        who = rules.user() if by is None else by
        changed = replace(entry, version=present.version + 1, updated_by=who, reason=reason)
        rows.change_table(session, number, changed)
        return rows.table(session, entry.name)[1]

    def _put(self, name: TableName, entries: Iterable[PartitionEntry], *, anew: bool) -> int:
        given = list(entries)
        with self._database.writing() as session:
            number, entry = rows.table(session, _folded(name))
            by_values = rules.checked_partitions(entry, given, unique=not anew)
            there = partition_rows.known(session, number, list(by_values))
            if there and not anew:
                raise EntryExistsError.named("partition", f"{name} {next(iter(there))}")
            partition_rows.drop(session, number, list(there))
            partition_rows.add(session, number, entry.partition_keys, by_values.values(), there)
        return len(by_values)


def _folded(name: TableName) -> TableName:
    return TableName(name.database.lower(), name.table.lower())
