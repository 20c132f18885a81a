"""Find the files of external tables: entry of the catalog, partitions that a query needs, files.

Partitions come from the table's projection, else from the catalog, else, for tables that a project
declares, from the folders themselves. Only folders of partitions that are needed are listed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import UnreadableTableError
from lakeworks.catalog.data_catalog.file_formats import file_format
from lakeworks.catalog.data_catalog.formats import (
    LAZY_SIMPLE_SERDE,
    OPEN_CSV_SERDE,
    REGEX_SERDE,
)
from lakeworks.catalog.data_catalog.model import EXTERNAL_TABLE, HIVE_NULL
from lakeworks.catalog.data_catalog.partition_filter import AllOf, AnyOf, Comparison
from lakeworks.catalog.data_catalog.projection import projection_of
from lakeworks.core.errors import LakeError
from lakeworks.core.exclusions import Exclusions, PatternError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.types import Field, Schema
from lakeworks.engines.partition_conditions import EVERYWHERE, KeyColumns
from lakeworks.ingest.external_entries import DECLARED, DISCOVERED, entry_of, fingerprint
from lakeworks.ingest.external_files import Files, discovered, strays
from lakeworks.ingest.federation.parquet import ParquetFolders
from lakeworks.storage.external import ExternalSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.catalog.data_catalog.model import Column, PartitionEntry, TableEntry
    from lakeworks.catalog.data_catalog.partition_filter import PartitionFilter
    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.core.names import TableName
    from lakeworks.engines.partition_conditions import (
        ExternalPlanner,
        KeyTest,
        PartitionCondition,
    )
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.project.external_declaration import ExternalTable
    from lakeworks.storage.objects import ObjectStore

_LOOKED_AT_FILES = 3
_BY_POSITION = {LAZY_SIMPLE_SERDE, OPEN_CSV_SERDE, REGEX_SERDE}
# What the owner of an entry begins with that a principal made.
_PRINCIPALS = ("user:", "role:", "group:", "account:", "session:")
Values = tuple[str | None, ...]
# Values of a partition's columns, and its folder.
Partition = tuple[Values, str]


class ExternalTables:
    """The external tables of the data catalog, as engines read them.

    Args:
        catalog: Gives entries and partitions.
        store: Opens a folder or an `s3://` prefix.
        planner: Asked what a query needs and what files hold; called when it must be.
        declared: The tables that the project declares: their entries are made from that.
        folders: Tables that catalogs of Parquet files have, which are declared by being there.
        own: The folder of the lake's own storage, whose files are no external table's.
    """

    def __init__(
        self,
        catalog: DataCatalog,
        store: Callable[[str], ObjectStore],
        planner: Callable[[], ExternalPlanner],
        declared: Mapping[TableName, ExternalTable] | None = None,
        folders: Mapping[str, FederatedCatalog] | None = None,
        *,
        own: str = "",
    ) -> None:
        self._catalog = catalog
        self._files = Files(store)
        self._planner = planner
        self._declared = declared or {}
        self._folders = ParquetFolders(folders, self._files) if folders else None
        self._settled: set[TableName] = set()
        self._own = "" if own.startswith("s3://") else os.path.realpath(own) if own else ""

    def find(self, name: TableName) -> TableEntry | None:
        """Return the entry of an external table; None where there is none of that name."""
        self.settle(name)
        entry = self._catalog.find_table(name)
        if entry is None or entry.table_type != EXTERNAL_TABLE or self._is_undeclared(entry):
            return None
        return entry

    def names(self) -> list[TableName]:
        """Return the names of all external tables."""
        known = (
            entry.name
            for entry in self._catalog.list_tables()
            if entry.table_type == EXTERNAL_TABLE and not self._is_undeclared(entry)
        )
        return sorted({*known, *self._declared, *self.folder_names()})

    def folder_names(self, catalog: FederatedCatalog | None = None) -> list[TableName]:
        """Return the names of the tables that catalogs of Parquet files have."""
        return self._folders.names(catalog) if self._folders else []

    def settle(self, name: TableName) -> None:
        """Make the entry of a declared table where its declaration is new or changed.

        Raises:
            UnreadableTableError: its files are to say its columns, and there is none.
        """
        if name in self._settled:
            return
        declared = self._declaration(name)
        if declared is None:
            return
        known = self._catalog.find_table(name)
        if known is None or known.parameters.get(DECLARED) != fingerprint(declared):
            entry = self.entry(name)
            reason = f"declared in {declared.at.file}"
            self._catalog.put_table(entry, reason=reason)
        self._settled.add(name)

    def settle_all(self) -> None:
        """Make the entries of all declared tables whose files, if they must, say their columns."""
        for name in self._declared:
            with suppress(UnreadableTableError):
                self.settle(name)

    def drop_undeclared(self) -> None:
        """Let go of the entries whose declarations are gone."""
        for entry in self._catalog.list_tables():
            if self._is_undeclared(entry):
                self._catalog.delete_table(entry.name)

    def _is_undeclared(self, entry: TableEntry) -> bool:
        """Whether a declaration made an entry, and is no longer there."""
        return DECLARED in entry.parameters and self._declaration(entry.name) is None

    def _declaration(self, name: TableName) -> ExternalTable | None:
        found = self._declared.get(name)
        return self._folders.declared(name) if found is None and self._folders else found

    def known_schemas(self) -> dict[TableName, Schema]:
        """Return the columns of the declared tables that have an entry; nothing is changed."""
        found = {}
        for name in self._declared:
            entry = self._catalog.find_table(name)
            if entry is not None:
                with suppress(UnreadableTableError):
                    found[name] = schema_of(entry)[0]
        return found

    def entry(self, name: TableName) -> TableEntry:
        """Return the entry that a declared table is to have; the catalog is not changed.

        Raises:
            UnreadableTableError: its files are to say its columns, and there is none.
        """
        declared = self._declaration(name)
        if declared is None:
            raise UnreadableTableError.no_location(str(name))
        if declared.columns:
            return entry_of(declared)
        files = self._files.below([((), _folder(declared.location))])
        some = tuple(islice((file for file in files if file.size_bytes), _LOOKED_AT_FILES))
        if not some:
            raise UnreadableTableError.no_files(str(name), declared.location)
        source = ExternalSource(str(name), declared.format, Schema(), some)
        return entry_of(declared, self._planner().held_schema(source))

    def has_files(self, location: str) -> bool:
        """Whether any file lies at a location."""
        return next(self._files.below([((), _folder(location))]), None) is not None

    def whole(self, entry: TableEntry) -> ExternalSource:
        """Return a table with all its files.

        Raises:
            UnreadableTableError: its entry does not say how it is read.
            ProjectionError: its partitions cannot be told without a query.
        """
        return self._source(entry, EVERYWHERE)

    def empty(self, entry: TableEntry) -> ExternalSource:
        """Return a table's columns, without a file."""
        schema, keys = schema_of(entry)
        form = file_format(entry)
        return ExternalSource(str(entry.name), form.format, schema, (), keys, form.options)

    def needed(
        self,
        sql: str,
        entries: Mapping[str, TableEntry],
        *,
        plain: Callable[[TableEntry, Schema], frozenset[str]] | None = None,
    ) -> dict[str, ExternalSource]:
        """Return tables with the files that a query can need.

        Args:
            sql: A query that the engine accepts.
            entries: By the dotted name, in lower case, under which the query reads them.
            plain: Names, in lower case, the columns of a table that the query sees as they
                are: what it says of any other says nothing of a partition. None: of all.

        Raises:
            UnreadableTableError: an entry does not say how its table is read.
            ProjectionError: the query does not say which partitions of a table it wants.
            ExternalDataError: a partition's value does not fit its column's type.
        """
        conditions: Mapping[str, PartitionCondition] = {}
        if any(entry.partition_keys for entry in entries.values()):
            keyed = {name: _columns(entry, plain) for name, entry in entries.items()}
            conditions = self._planner().conditions(sql, keyed)
        return {
            name: self._source(entry, conditions.get(name, EVERYWHERE))
            for name, entry in entries.items()
        }

    def _source(self, entry: TableEntry, condition: PartitionCondition) -> ExternalSource:
        empty = self.empty(entry)
        location = _folder(entry.storage.location)
        if not location:
            raise UnreadableTableError.no_location(str(entry.name))
        if not condition.needs_rows:
            return replace(empty, location=location)
        if not entry.partition_keys:
            files = tuple(self._files.below([((), location)]))
        else:
            partitions = self._partitions(entry, condition)
            kept = self._kept(empty, condition, [one[:2] for one in partitions])
            unlike = {values: why for values, _, why in partitions if why}
            for values, _ in kept if unlike else ():
                if values in unlike:
                    raise UnreadableTableError.partition(empty.name, values, unlike[values])
            files = tuple(self._files.below(kept, around=location))
        excluded = _excluded(entry)
        if excluded is not None:
            files = tuple(file for file in files if not excluded.match(file.uri))
        # Who made the table was held to the place that it named, not to where links lead by now.
        if strays(files, self._own, linked=not entry.owner.startswith(_PRINCIPALS)):
            raise UnreadableTableError.strays(empty.name)
        return replace(empty, files=files, location=location)

    def _partitions(
        self, entry: TableEntry, condition: PartitionCondition
    ) -> list[tuple[Values, str, str]]:
        """Return values, folder, and why it cannot be read, of the partitions that may count."""
        projection = projection_of(entry, datetime.now(UTC))
        if projection is not None:
            found: dict[tuple[str | None, ...], str] = {}
            for tests in condition.any_of:
                compared = [Comparison(t.column, t.operator, t.values) for t in tests]
                found.update(projection.partitions(compared))
            return [(values, folder, "") for values, folder in found.items()]
        if entry.parameters.get(DISCOVERED) == "discovered":
            return [(*one, "") for one in discovered(self._files, entry, condition)]
        entries = self._catalog.partitions(entry.name, where=_filter(entry, condition))
        return [
            (
                tuple(None if value == HIVE_NULL else value for value in one.values),
                _folder(one.location) or _hive_folder(entry, one.values),
                _unlike(entry, one),
            )
            for one in entries
        ]

    def _kept(
        self, source: ExternalSource, condition: PartitionCondition, partitions: list[Partition]
    ) -> list[Partition]:
        if not all(condition.expressions):
            return partitions
        values = [values for values, _ in partitions]
        numbers = self._planner().kept(condition, source.name, source.partition_fields, values)
        return [partitions[number] for number in numbers]


def schema_of(entry: TableEntry) -> tuple[Schema, tuple[str, ...]]:
    """Return a table's columns, partition columns last, and the names of these.

    Raises:
        UnreadableTableError: a column's type cannot be read.
    """
    keys = {key.name.casefold() for key in entry.partition_keys}
    columns = [c for c in entry.storage.columns if c.name.casefold() not in keys]
    fields = tuple(_field(entry, column) for column in (*columns, *entry.partition_keys))
    return Schema(fields), tuple(key.name for key in entry.partition_keys)


def _excluded(entry: TableEntry) -> Exclusions | None:
    """Return what a crawler left out of a table's folder; None when there is nothing."""
    text = entry.parameters.get("exclusions")
    if not text:
        return None
    try:
        patterns = json.loads(text)
        return Exclusions(tuple(str(one) for one in patterns))
    except (ValueError, TypeError, PatternError) as error:
        problem = f"the parameter exclusions of {entry.name} is no list of patterns: {error}"
        raise UnreadableTableError(problem) from error


def _folder(location: str) -> str:
    """Return a location as the lake writes it: Hadoop has other words for S3 and folders."""
    for scheme in ("s3a://", "s3n://"):
        if location.startswith(scheme):
            location = "s3://" + location[len(scheme) :]
    return location.removeprefix("file://").rstrip("/")


def _field(entry: TableEntry, column: Column) -> Field:
    try:
        return Field(column.name, parse_hive_type(column.type), comment=column.comment)
    except LakeError as error:
        raise UnreadableTableError.column(
            str(entry.name), column.name, error.problem
        ) from error


def _columns(
    entry: TableEntry, plain: Callable[[TableEntry, Schema], frozenset[str]] | None
) -> KeyColumns:
    schema, keys = schema_of(entry)
    told = {name.lower() for name in keys}
    if plain is not None:
        told &= plain(entry, schema)
    partition = tuple((f.name.lower(), str(f.type)) for f in schema if f.name.lower() in told)
    return KeyColumns(
        partition, frozenset(f.name.lower() for f in schema if f.name.lower() not in told)
    )


def _filter(entry: TableEntry, condition: PartitionCondition) -> AnyOf | None:
    """Return what the catalog is asked; None for all partitions.

    A value that is none of its key's type to the catalog (`2024-2-29`) may be one to the engine,
    or an error: those are let through.
    """
    if not all(condition.any_of):
        return None
    texts = {key.name.lower() for key in entry.partition_keys if key.type.lower() == "string"}

    def asked(test: KeyTest) -> PartitionFilter:
        compared = Comparison(test.column, test.operator, test.values)
        if test.column in texts:
            return compared
        return AnyOf((compared, Comparison(test.column, "is unreadable")))

    return AnyOf(tuple(AllOf(tuple(map(asked, tests))) for tests in condition.any_of))


def _unlike(entry: TableEntry, partition: PartitionEntry) -> str:
    """Return how a partition's files are written otherwise than its table's, or ''.

    What is matched by name may differ in its columns; CSV and logs are matched by position.
    """
    own, table = partition.storage, entry.storage
    if own.serde.library and own.serde != table.serde:
        return "another SerDe"
    if own.columns and table.serde.library in _BY_POSITION:
        names = [[c.name.lower() for c in held] for held in (own.columns, table.columns)]
        if any(a != b for a, b in zip(*names, strict=False)):
            return f"other columns ({', '.join(names[0])})"
    return ""


def _hive_folder(entry: TableEntry, values: Iterable[str]) -> str:
    names = (key.name for key in entry.partition_keys)
    parts = "".join(f"/{name}={value}" for name, value in zip(names, values, strict=True))
    return f"{entry.storage.location.rstrip('/')}{parts}"
