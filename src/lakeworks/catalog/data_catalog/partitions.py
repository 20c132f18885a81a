"""The verbs of partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog import partition_rows, rows, rules
from lakeworks.catalog.data_catalog.errors import EntryExistsError, EntryNotFoundError
from lakeworks.catalog.data_catalog.pruning import prepared
from lakeworks.catalog.data_catalog.verbs import Verbs, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.catalog.data_catalog.model import PartitionEntry
    from lakeworks.catalog.data_catalog.partition_filter import PartitionFilter
    from lakeworks.catalog.database import Session
    from lakeworks.core.names import TableName


class PartitionVerbs(Verbs):
    """Add, find and delete partitions."""

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

    def put_partitions_of(self, entries: Mapping[TableName, Iterable[PartitionEntry]]) -> int:
        """Put the partitions of many tables in one transaction; return how many.

        Raises:
            EntryNotFoundError: one of the tables is not there; nothing was put.
            EntryRefusedError: values do not fit a table's partition keys; nothing was put.
        """
        given: dict[TableName, list[PartitionEntry]] = {}
        for name, some in entries.items():
            given.setdefault(folded(name), []).extend(some)
        with self._database.writing() as session:
            added = [
                row
                for name, some in given.items()
                for row in _rows(session, name, some, anew=True)
            ]
            # One statement for all of them: a server asks for a journey each.
            partition_rows.add(session, added)
        return len(added)

    def partitions(
        self, name: TableName, *, where: PartitionFilter | None = None
    ) -> list[PartitionEntry]:
        """Return partitions in the order of their keys, pruned inside the catalog.

        Raises:
            EntryNotFoundError: there is no such table.
            PartitionFilterError: the filter does not fit the table's keys.
        """
        with self._database.reading() as session:
            number, entry = rows.table(session, folded(name))
            pruning = prepared(where, entry.partition_keys)
            return partition_rows.matching(session, number, pruning)

    def partitions_page(
        self,
        name: TableName,
        *,
        where: PartitionFilter | None = None,
        after: Sequence[str] | None = None,
        limit: int = 1000,
    ) -> list[PartitionEntry]:
        """Return at most `limit` partitions, in the order of their values' texts.

        Args:
            where: Only partitions that match.
            after: The values of the last partition of the page before.

        Raises:
            EntryNotFoundError: there is no such table.
            PartitionFilterError: the filter does not fit the table's keys.
        """
        with self._database.reading() as session:
            number, entry = rows.table(session, folded(name))
            pruning = prepared(where, entry.partition_keys)
            return partition_rows.page(session, number, pruning, after=after, limit=limit)

    def partition(self, name: TableName, values: Sequence[str]) -> PartitionEntry:
        """Return the partition of these values.

        Raises:
            EntryNotFoundError: there is no such table or partition.
        """
        with self._database.reading() as session:
            number = rows.table_id(session, folded(name))
            found = partition_rows.one(session, number, values)
        if found is None:
            raise EntryNotFoundError.partition(str(name), values)
        return found

    def count_partitions(self, name: TableName) -> int:
        """Return how many partitions a table has."""
        with self._database.reading() as session:
            return partition_rows.count(session, rows.table_id(session, folded(name)))

    def delete_partitions(
        self, name: TableName, values: Iterable[Sequence[str]] | None = None
    ) -> int:
        """Delete the entries of partitions by their values, or of all; return how many."""
        with self._database.writing() as session:
            number = rows.table_id(session, folded(name))
            if values is None:
                return partition_rows.drop_all(session, number)
            texts = [partition_rows.values_text(one) for one in values]
            return partition_rows.drop(session, number, texts)

    def _put(self, name: TableName, entries: Iterable[PartitionEntry], *, anew: bool) -> int:
        given = list(entries)
        with self._database.writing() as session:
            added = _rows(session, folded(name), given, anew=anew)
            partition_rows.add(session, added)
        return len(added)


def _rows(
    session: Session, name: TableName, given: list[PartitionEntry], *, anew: bool
) -> list[partition_rows.Row]:
    """Return the rows to add; those in whose place they come are deleted."""
    number, entry = rows.table(session, name)
    by_values = rules.checked_partitions(entry, given, unique=not anew)
    there: dict[str, int] = {}
    if not partition_rows.is_empty(session, number):
        there = partition_rows.known(session, number, list(by_values))
    if there and not anew:
        raise EntryExistsError.named("partition", f"{name} {next(iter(there))}")
    partition_rows.drop(session, number, list(there))
    keys = entry.partition_keys
    return partition_rows.rows_of(session, number, keys, by_values.values(), there)
