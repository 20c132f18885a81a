"""Describe the tables of the data catalog that the lake does not manage itself, in place.

Their figures are unknown: nobody reads their files for a page. Of an entry's parameters only those
are told that say how its files are laid out; others may hold what is nobody's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.model import CATALOG, FEDERATED
from lakeworks.site import declared
from lakeworks.site.facts import (
    ColumnFacts,
    PartitionFacts,
    StateFacts,
    TableFacts,
    TagFact,
    VersionFacts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.data_catalog.model import Column, TableEntry
    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services

VERSIONS, PARTITIONS, MOST_READ = 20, 60, 2_000
_TOLD = (
    "projection.",
    "storage.location.template",
    "skip.header.line.count",
    "compressionType",
)


def external_tables(services: Services) -> list[TableFacts]:
    """Return the tables that lie where others put them, and views."""
    catalog = services.catalog.data_catalog
    return [
        _table(services, catalog, entry) for entry in catalog.list_tables() if not entry.managed
    ]


def schema_versions(services: Services, name: TableName) -> tuple[VersionFacts, ...]:
    """Return how a managed table's columns and description changed, who did it and why."""
    catalog = services.catalog.data_catalog
    if catalog.find_table(name) is None:
        return ()
    return _versions(catalog, name)


def database_descriptions(services: Services) -> dict[str, str]:
    """Return the data catalog's databases and what it says of them."""
    catalog = services.catalog.data_catalog
    return {entry.name: entry.description for entry in catalog.list_databases()}


def _table(services: Services, catalog: DataCatalog, entry: TableEntry) -> TableFacts:
    keys = tuple(column.name for column in entry.partition_keys)
    count = catalog.count_partitions(entry.name) if keys else 0
    return TableFacts(
        name=str(entry.name),
        kind="view" if entry.table_type == "VIRTUAL_VIEW" else "external",
        description=entry.description,
        owner=entry.owner,
        tags=entry.tags,
        columns=tuple(_column(entry, column, keys) for column in entry.columns),
        state=StateFacts(published=True, updated_at=entry.updated_at),
        facts=tuple(_facts(services, entry)),
        partition_columns=keys,
        partitions=_partitions(catalog, entry, keys) if count <= MOST_READ else (),
        partition_count=count,
        schema_versions=_versions(catalog, entry.name),
    )


def _column(entry: TableEntry, column: Column, keys: tuple[str, ...]) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        type=column.type,
        description=column.comment,
        tags=tuple(
            TagFact(tag, value, str(entry.name), column.name)
            for tag, value in sorted(column.tags.items())
        ),
        role=("partition",) if column.name in keys else (),
    )


def _facts(services: Services, entry: TableEntry) -> Iterator[tuple[str, str]]:
    storage = entry.storage
    told = {
        "Format": entry.classification,
        "Catalog": entry.parameters.get(CATALOG, "") if entry.table_type == FEDERATED else "",
        "Location": declared.location(services, storage.location),
        "SerDe": storage.serde.library,
    }
    yield from ((name, value) for name, value in told.items() if value)
    if storage.compressed:
        yield "Compressed", "yes"
    if storage.number_of_buckets > 0:
        yield "Buckets", f"{storage.number_of_buckets} by {', '.join(storage.bucket_columns)}"
    for name, value in sorted(entry.parameters.items()):
        if name.startswith(_TOLD):
            yield name, declared.without_user(value)


def _partitions(
    catalog: DataCatalog, entry: TableEntry, keys: tuple[str, ...]
) -> tuple[PartitionFacts, ...]:
    """Return the last partitions; what has a tag is no value to be shown."""
    hidden = {column.name for column in entry.partition_keys if column.tags}
    return tuple(
        PartitionFacts(
            ", ".join(
                f"{key}={'hidden' if key in hidden else value}"
                for key, value in zip(keys, one.values, strict=False)
            ),
            None, None, None,
        )
        for one in reversed(catalog.partitions(entry.name)[-PARTITIONS:])
    )  # fmt: skip


def _versions(catalog: DataCatalog, name: TableName) -> tuple[VersionFacts, ...]:
    return tuple(
        VersionFacts(one.version, one.at, one.reason, who=one.by)
        for one in catalog.versions(name)[:VERSIONS]
    )
