"""The entries of the data catalog. Pure; names are Glue's in snake case.

Every entry has `extra`: what its Glue JSON said beyond the fields here, unknown keys and empty
values included, so that `glue_json` can give back exactly what it read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core.names import TableName

EXTERNAL_TABLE = "EXTERNAL_TABLE"
MANAGED = "MANAGED"
VIRTUAL_VIEW = "VIRTUAL_VIEW"
MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
FEDERATED = "FEDERATED"
# The parameter that names the catalog of a federated table, as Glue's crawlers name it.
CATALOG = "connectionName"
# What Hive writes where a partition key is null.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# Glue knows no tags on tables and columns; as parameters they travel with the entry.
TAG_PREFIX = "lakeworks.tag."

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, or one partition key.

    Attributes:
        type: As Hive and Glue write it: `bigint`, `struct<a:int>`, `decimal(10,2)`.
    """

    name: str
    type: str = ""
    comment: str = ""
    parameters: Parameters = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """The tags that are declared on the column itself."""
        return tags_in(self.parameters)


@dataclass(frozen=True, slots=True)
class SerDe:
    """How rows are read from bytes: Glue's `SerdeInfo`."""

    name: str = ""
    library: str = ""
    parameters: Parameters = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A column that the rows of each bucket are sorted by; Glue's `Order`."""

    column: str
    sort_order: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StorageDescriptor:
    """Where rows lie and how they are written there."""

    columns: tuple[Column, ...] = ()
    location: str = ""
    input_format: str = ""
    output_format: str = ""
    serde: SerDe = field(default_factory=SerDe)
    compressed: bool = False
    parameters: Parameters = field(default_factory=dict)
    bucket_columns: tuple[str, ...] = ()
    number_of_buckets: int = 0
    sort_columns: tuple[SortColumn, ...] = ()
    stored_as_sub_directories: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseEntry:
    """One database.

    Attributes:
        created_at: Given by the catalog.
    """

    name: str
    description: str = ""
    location: str = ""
    parameters: Parameters = field(default_factory=dict)
    created_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the database."""
        return tags_in(self.parameters)


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table, as it is now or as one of its versions was.

    Attributes:
        name: Any name that Glue takes; `core.names.is_identifier` says of each part whether
            it can be queried unquoted.
        table_type: `EXTERNAL_TABLE`, `MANAGED` (the lake's own Delta tables), `VIRTUAL_VIEW`,
            `MATERIALIZED_VIEW` (one of the lake's own tables, filled by the text beside it),
            `FEDERATED` (a table of another system, as it was when somebody last looked).
        version: From 0, or -1 of an entry that is not in the catalog yet. The catalog gives it,
            and the moments, and notes whose change it was, and why.
    """

    name: TableName
    table_type: str = EXTERNAL_TABLE
    description: str = ""
    owner: str = ""
    storage: StorageDescriptor = field(default_factory=StorageDescriptor)
    partition_keys: tuple[Column, ...] = ()
    parameters: Parameters = field(default_factory=dict)
    version: int = -1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    updated_by: str = ""
    reason: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classification(self) -> str:
        """What the files are: `csv`, `json`, `parquet`, `delta`; empty where nobody said."""
        return self.parameters.get("classification", "")

    @property
    def managed(self) -> bool:
        """Whether it is one of the lake's own Delta tables, whose entry its runs keep."""
        return self.table_type in {MANAGED, MATERIALIZED_VIEW}

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the table as a whole."""
        return tags_in(self.parameters)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, partition keys last, as a SELECT of all columns shows them."""
        return (*self.storage.columns, *self.partition_keys)


@dataclass(frozen=True, slots=True)
class PartitionEntry:
    """One partition: its keys' values, as texts in the keys' order, and where its files lie.

    Attributes:
        values: `HIVE_NULL` stands for null.
        storage: Often only a location; what is empty is as the table's.
    """

    values: tuple[str, ...]
    storage: StorageDescriptor = field(default_factory=StorageDescriptor)
    parameters: Parameters = field(default_factory=dict)
    created_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """The folder of its files."""
        return self.storage.location


@dataclass(frozen=True, slots=True)
class TableVersion:
    """What a table was from `at` on, who made it so, and why."""

    version: int
    at: datetime
    by: str
    reason: str
    entry: TableEntry


def tags_in(parameters: Parameters) -> dict[str, str]:
    """Return the tags that parameters carry."""
    cut = len(TAG_PREFIX)
    return {key[cut:]: value for key, value in parameters.items() if key.startswith(TAG_PREFIX)}


def with_tags(parameters: Parameters, tags: Mapping[str, str]) -> dict[str, str]:
    """Return parameters that carry exactly these tags."""
    kept = {key: value for key, value in parameters.items() if not key.startswith(TAG_PREFIX)}
    return kept | {TAG_PREFIX + key: value for key, value in tags.items()}
