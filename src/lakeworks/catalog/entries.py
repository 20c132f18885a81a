"""Figures of an entry of the data catalog: what was noted, and what a Delta log says exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog import PartitionEntry, PartitionFilter, TableEntry
    from lakeworks.catalog.data_catalog.column_statistics import ColumnStatistics
    from lakeworks.catalog.store import Catalog
    from lakeworks.catalog.tables import Tables
    from lakeworks.core.names import TableName
    from lakeworks.storage.layout import Storage


class Entries:
    """Columns' statistics and partitions of the lake's own tables and of external ones."""

    def __init__(self, catalog: Catalog, storage: Storage, tables: Tables) -> None:
        self._catalog = catalog
        self._storage = storage
        self._tables = tables

    def statistics(self, name: TableName) -> list[ColumnStatistics]:
        """Return what is known of a table's columns, in their order.

        Raises:
            EntryNotFoundError: there is no such table.
        """
        from lakeworks.catalog.data_catalog.column_statistics import of_files

        data = self._catalog.data_catalog
        entry = data.get_table(name)
        noted = {one.column: one for one in data.column_statistics(name)}
        version = self._catalog.current_snapshot().tables.get(name)
        if entry.managed and version is not None:
            # Of the version that readers see now: nothing that was noted can be newer.
            files = of_files(self._storage.table(name).version(version))
            noted |= {one.column: one for one in files}
        order = [column.name for column in entry.columns]
        return sorted(
            noted.values(),
            key=lambda one: order.index(one.column) if one.column in order else 0,
        )

    def partitions(
        self, name: TableName, where: PartitionFilter | None = None
    ) -> list[PartitionEntry]:
        """Return a table's partitions that fit a filter; of the lake's own as readers see them.

        Raises:
            EntryNotFoundError: there is no such table.
        """
        data = self._catalog.data_catalog
        entry = data.get_table(name)
        if not entry.managed or not entry.partition_keys:
            return data.partitions(entry.name, where=where)
        return self._published(entry, where)

    def _published(
        self, entry: TableEntry, where: PartitionFilter | None
    ) -> list[PartitionEntry]:
        from lakeworks.catalog.data_catalog.model import HIVE_NULL, PartitionEntry
        from lakeworks.catalog.data_catalog.pruning import prepared

        fits = prepared(where, entry.partition_keys).accepts
        version = self._catalog.current_snapshot().tables.get(entry.name)
        if version is None:
            return []
        found = [
            tuple(HIVE_NULL if value is None else value for value in part.values.values())
            for part in self._tables.show(f"{entry.name}@v{version}").partitions
        ]
        return [PartitionEntry(values, entry.storage) for values in found if fits(values)]
