"""The data catalog: databases, tables and partitions in the words of the Glue Data Catalog."""

from __future__ import annotations

from lakeworks.catalog.data_catalog.model import (
    Column,
    DatabaseEntry,
    PartitionEntry,
    SerDe,
    SortColumn,
    StorageDescriptor,
    TableEntry,
    TableVersion,
)
from lakeworks.catalog.data_catalog.partition_filter import (
    AllOf,
    AnyOf,
    Comparison,
    Negation,
    PartitionFilter,
)
from lakeworks.catalog.data_catalog.service import DataCatalog

__all__ = [
    "AllOf",
    "AnyOf",
    "Column",
    "Comparison",
    "DataCatalog",
    "DatabaseEntry",
    "Negation",
    "PartitionEntry",
    "PartitionFilter",
    "SerDe",
    "SortColumn",
    "StorageDescriptor",
    "TableEntry",
    "TableVersion",
]
