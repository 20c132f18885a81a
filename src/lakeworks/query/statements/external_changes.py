"""ALTER TABLE, MSCK REPAIR TABLE and DROP TABLE of external tables that are there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from lakeworks.catalog.data_catalog.file_formats import file_format
from lakeworks.catalog.data_catalog.model import Column, PartitionEntry, TableEntry
from lakeworks.query.known import external_entry, known_names, may_know
from lakeworks.query.statements.ddl import Ddl, check_properties, data_of, forget
from lakeworks.query.statements.errors import ExternalDdlError
from lakeworks.query.unload_places import readable_place

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.query.statements.writing import Writing


class Altering(Ddl):
    """A change of an external table that is there."""

    __slots__ = ()
    table: TableName
    permission = "ALTER"

    @property
    def target(self) -> str:
        """Its name."""
        return str(self.table)

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not."""
        self.entry(writing)
        return True

    def entry(self, writing: Writing) -> TableEntry:
        """Return the table's entry.

        Raises:
            UnknownTableError: there is no such table, as far as the caller knows.
            NotAllowedError: the caller may not change it.
            ExternalDdlError: it is no external table, or the project declares it.
        """
        from lakeworks.catalog.errors import UnknownTableError

        reader, viewer = writing.reader, writing.asking.viewer
        known = known_names(reader, viewer)
        if self.table not in known or not may_know(self.table, viewer):
            raise UnknownTableError.named(str(self.table), [str(one) for one in known])
        writing.check_may(f"{self.kind} {self.table}", self.permission, str(self.table))
        found = external_entry(reader, self.table)
        if found is None:
            raise ExternalDdlError.because(
                f"{self.table} is no external table", "models and sources say what tables are"
            )
        if "lakeworks.declared" in found.parameters:
            raise ExternalDdlError.because(f"{self.table} is declared in the project")
        return found


@dataclass(frozen=True, slots=True)
class AddColumns(Altering):
    """ALTER TABLE … ADD COLUMNS."""

    table: TableName
    columns: tuple[Column, ...]
    kind = "ALTER TABLE"

    def carry_out(self, writing: Writing) -> int:
        """Add them behind the others."""
        entry = self.entry(writing)
        taken = {column.name.lower() for column in entry.columns}
        for column in self.columns:
            if column.name in taken:
                raise ExternalDdlError.because(f"{self.table} has a column {column.name}")
        storage = replace(entry.storage, columns=(*entry.storage.columns, *self.columns))
        _update(writing, entry, replace(entry, storage=storage))
        return len(self.columns)


@dataclass(frozen=True, slots=True)
class SetProperties(Altering):
    """ALTER TABLE … SET TBLPROPERTIES."""

    table: TableName
    properties: dict[str, str]
    kind = "ALTER TABLE"

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and properties that lead elsewhere."""
        self.entry(writing)
        check_properties(writing, self.properties)
        return True

    def carry_out(self, writing: Writing) -> int:
        """Set them."""
        entry = self.entry(writing)
        changed = replace(entry, parameters={**entry.parameters, **self.properties})
        file_format(changed)
        _update(writing, entry, changed)
        return len(self.properties)


@dataclass(frozen=True, slots=True)
class AlterPartitions(Altering):
    """ALTER TABLE … ADD PARTITION, or DROP PARTITION.

    Attributes:
        parts: The value of each key, and the location where it is told.
    """

    table: TableName
    parts: tuple[tuple[dict[str, str], str], ...]
    drops: bool = False
    quietly: bool = False
    kind = "ALTER TABLE"

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and places that may not be read."""
        entry = self.entry(writing)
        for values, location in self.parts:
            _values(entry, values)
            if location:
                readable_place(writing, location)
        return True

    def carry_out(self, writing: Writing) -> int:
        """Add or drop them."""
        entry, data = self.entry(writing), data_of(writing)
        wanted = [(_values(entry, values), location) for values, location in self.parts]
        known = {one.values for one in data.partitions(self.table)}
        odd = [values for values, _ in wanted if (values in known) is not self.drops]
        if odd and not self.quietly:
            told = "has no partition" if self.drops else "has the partition"
            raise ExternalDdlError.because(f"{self.table} {told} {', '.join(odd[0])}")
        if self.drops:
            gone = [values for values, _ in wanted if values in known]
            data.delete_partitions(self.table, gone)
            return len(gone)
        return data.create_partitions(
            self.table,
            [_partition(entry, values, at) for values, at in wanted if values not in known],
        )


@dataclass(frozen=True, slots=True)
class Repair(Altering):
    """MSCK REPAIR TABLE: folders named `key=value` become partitions."""

    table: TableName
    kind = "MSCK REPAIR TABLE"

    def carry_out(self, writing: Writing) -> int:
        """Add those that the catalog does not have."""
        from lakeworks.storage.objects import ObjectStore

        entry, data = self.entry(writing), data_of(writing)
        keys = [key.name.lower() for key in entry.partition_keys]
        if not keys:
            raise ExternalDdlError.because(f"{self.table} has no partitions")
        options = dict(writing.services.project.environment.options or {})
        known = {one.values for one in data.partitions(self.table)}
        found = []
        above, _, last = entry.storage.location.rstrip("/").rpartition("/")
        store = ObjectStore.open(above, options)
        for folder in store.folders(last, depth=len(keys)):
            pairs = [part.partition("=") for part in folder.strip("/").split("/")]
            values = tuple(unquote(value) for _, _, value in pairs)
            if [name.lower() for name, _, _ in pairs] == keys and values not in known:
                at = f"{entry.storage.location.rstrip('/')}/{folder.strip('/')}/"
                found.append(_partition(entry, values, at))
        return data.create_partitions(self.table, found)


@dataclass(frozen=True, slots=True)
class DropExternal(Altering):
    """DROP TABLE of an external table."""

    table: TableName
    kind = "DROP TABLE"
    permission = "DROP"

    def carry_out(self, writing: Writing) -> int:
        """Drop the entry and what was granted on it; files stay."""
        forget(writing, self.table)
        data_of(writing).delete_table(self.table)
        return 1


def _update(writing: Writing, before: TableEntry, entry: TableEntry) -> None:
    data_of(writing).update_table(
        entry, by=writing.principal or None, reason="ALTER TABLE", version=before.version
    )


def _values(entry: TableEntry, told: dict[str, str]) -> tuple[str, ...]:
    keys = [key.name.lower() for key in entry.partition_keys]
    if sorted(keys) != sorted(told):
        raise ExternalDdlError.because(
            f"{entry.name} has the partition keys {', '.join(keys) or 'none'}"
        )
    return tuple(told[key] for key in keys)


def _partition(entry: TableEntry, values: tuple[str, ...], location: str) -> PartitionEntry:
    keys = [key.name.lower() for key in entry.partition_keys]
    # As Hive spells it: no value leads out of the table's folder.
    folder = "/".join(
        f"{key}={quote(value, safe=' -_.,+@~')}"
        for key, value in zip(keys, values, strict=True)
    )
    at = location or f"{entry.storage.location.rstrip('/')}/{folder}/"
    return PartitionEntry(values, replace(entry.storage, columns=(), location=at))
