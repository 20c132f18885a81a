"""Make the catalog's entries of the tables and partitions that were found.

Pure. Parameters are those that Glue's crawlers set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.formats import FORMATS
from lakeworks.catalog.data_catalog.model import (
    Column,
    PartitionEntry,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.core.exclusions import literal
from lakeworks.core.names import TableName
from lakeworks.crawlers.folders import Stats, partition_values
from lakeworks.crawlers.kinds import hive_text, merged
from lakeworks.crawlers.names import column_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.crawlers.classifiers.found import Details
    from lakeworks.crawlers.folders import FoundTable
    from lakeworks.crawlers.kinds import Columns
    from lakeworks.crawlers.schemas import Schemas

CRAWLER_PARAMETER = "UPDATED_BY_CRAWLER"
DEPRECATED = "DEPRECATED_BY_CRAWLER"
_VERSIONS = {
    "CrawlerSchemaSerializerVersion": "1.0",
    "CrawlerSchemaDeserializerVersion": "1.0",
}
_BUILT_IN = {"json", "csv", "parquet", "orc", "avro", "xml", "delta"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One table as it was found, and its partitions.

    Attributes:
        table: Without a name yet.
        place: The folder or file that it is made of.
    """

    table: TableEntry
    partitions: tuple[PartitionEntry, ...]
    place: str
    classifiers: tuple[str, ...] = ()

    @property
    def classification(self) -> str:
        """Glue's word for the format."""
        return self.table.classification


@dataclass(frozen=True, slots=True)
class Origin:
    """Where entries come from.

    Attributes:
        target: The absolute folder or `s3://` prefix that tables lie below.
        crawler: Its name, for `UPDATED_BY_CRAWLER`.
        exclusions: What was left out: queries leave it out, too.
    """

    target: str
    crawler: str
    exclusions: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """Return what a table's parameters say of it."""
        found = {CRAWLER_PARAMETER: self.crawler}
        if self.exclusions:
            root = literal(self.target)
            found["exclusions"] = json.dumps([f"{root}/{one}" for one in self.exclusions])
        return found


def entry_of(found: FoundTable, origin: Origin, schemas: Schemas) -> Entry:
    """Return the entry of a table, whose name is still to be given.

    Args:
        schemas: What the numbers in `found` stand for.
    """
    target = origin.target
    group = found.group
    location = below(target, found.path)
    keys = _keys(group.levels or ())
    columns = _columns(group.schemas, schemas, keys)
    stats = _total(leaf.stats for leaf in group.leaves)
    classification, compression, details = group.key
    quoted = any(leaf.quoted for leaf in group.leaves)
    storage = _storage(classification, dict(details), quoted=quoted)
    described = _VERSIONS | _described(classification, compression, details)
    storage = replace(
        storage,
        columns=columns,
        location=location if found.is_file else f"{location}/",
        compressed=compression != "none",
        # Without counts: a table is another version where its storage differs.
        parameters=described,
    )
    table = TableEntry(
        TableName("", ""),
        storage=storage,
        partition_keys=keys,
        parameters=described | origin.parameters() | _counted(stats),
    )
    partitions = _Partitions(found, target, table, schemas).all() if keys else ()
    return Entry(table, partitions, location, tuple(sorted(group.classifiers)))


def delta_entry(
    path: str, target: str, crawler: str, columns: Columns, keys: tuple[str, ...]
) -> Entry:
    """Return the entry of a Delta table, by the columns that its log tells."""
    location = below(target, path)
    form = FORMATS["delta"]
    kinds = {name.lower(): kind for name, kind in columns}
    parameters = _VERSIONS | {
        "classification": "delta",
        "table_type": "delta",
        "spark.sql.sources.provider": "delta",
    }
    partition_keys = tuple(
        Column(column_name(key), hive_text(kinds[key.lower()]))
        for key in keys
        if key.lower() in kinds
    )
    named = {key.name for key in partition_keys}
    storage = StorageDescriptor(
        columns=tuple(
            Column(column_name(name), hive_text(kind))
            for name, kind in columns
            if column_name(name) not in named
        ),
        location=f"{location}/",
        input_format=form.input_format,
        output_format=form.output_format,
        serde=form.serde({"serialization.format": "1", "path": f"{location}/"}),
        parameters=parameters,
    )
    table = TableEntry(
        TableName("", ""),
        storage=storage,
        partition_keys=partition_keys,
        parameters=parameters | {CRAWLER_PARAMETER: crawler},
    )
    return Entry(table, (), location, ("delta",))


def below(target: str, path: str) -> str:
    """Return the whole place of what lies at `path` below a target."""
    return f"{target}/{path}" if path else target


class _Partitions:
    """Makes the entries of a table's partitions; what many share is made once."""

    def __init__(
        self, found: FoundTable, target: str, table: TableEntry, schemas: Schemas
    ) -> None:
        self.found = found
        self.target = target
        self.table = table
        self.schemas = schemas
        self._storages: dict[int, StorageDescriptor] = {}

    def all(self) -> tuple[PartitionEntry, ...]:
        """Return every partition."""
        levels = self.found.group.levels or ()
        return tuple(
            PartitionEntry(
                partition_values(self.found.path, leaf.path, levels),
                replace(
                    self._storage(leaf.schema),
                    location=f"{below(self.target, leaf.path)}/",
                ),
                _counted(leaf.stats),
            )
            for leaf in self.found.group.leaves
        )

    def _storage(self, schema: int) -> StorageDescriptor:
        found = self._storages.get(schema)
        if found is None:
            columns = _columns((schema,), self.schemas, self.table.partition_keys)
            found = self._storages[schema] = replace(self.table.storage, columns=columns)
        return found


def _keys(levels: Iterable[str | None]) -> tuple[Column, ...]:
    """Return the partition keys. They are texts, as Glue's are: `01` stays what it is."""
    names: list[str] = []
    for number, level in enumerate(levels):
        name = f"partition_{number}" if level is None else column_name(level)
        while name in names:
            name += "_"
        names.append(name)
    return tuple(Column(name, "string") for name in names)


def _columns(
    numbers: Iterable[int], schemas: Schemas, keys: tuple[Column, ...]
) -> tuple[Column, ...]:
    """Return the columns of all these schemas; a partition key is no column besides."""
    # The widest first, so that the order of columns does not hang on which folder came first.
    ordered = sorted(numbers, key=lambda n: (-len(schemas.columns(n)), str(schemas.columns(n))))
    columns: Columns = ()
    for number in ordered:
        columns = merged(columns, schemas.columns(number))
    named = {key.name for key in keys}
    found: dict[str, Column] = {}
    for name, kind in columns:
        plain = column_name(name)
        if plain not in named and plain not in found:
            found[plain] = Column(plain, hive_text(kind))
    return tuple(found.values())


def _storage(
    classification: str, details: dict[str, str], *, quoted: bool
) -> StorageDescriptor:
    """Return how files are read: format classes, and the SerDe's settings."""
    kind = classification if classification in _BUILT_IN else "grok"
    if "rowTag" in details:
        kind = "xml"
    if kind == "csv" and (details.get("serde") or ("open" if quoted else "")).startswith(
        "open"
    ):
        kind = "quoted csv"
    form = FORMATS[kind]
    return StorageDescriptor(
        input_format=form.input_format,
        output_format=form.output_format,
        serde=form.serde(_serde_parameters(kind, details)),
    )


def _serde_parameters(kind: str, details: dict[str, str]) -> dict[str, str]:
    encoding = details.get("encoding")
    found = {"serialization.encoding": encoding} if encoding else {}
    match kind:
        case "csv":
            return found | {
                "field.delim": details["delimiter"],
                "serialization.format": details["delimiter"],
            }
        case "quoted csv":
            return found | {
                "separatorChar": details["delimiter"],
                "quoteChar": details["quote"] or '"',
                # A quote within quotes is doubled, as spreadsheets and databases write it.
                "lakeworks.escape": "",
                "serialization.format": "1",
            }
        case "grok":
            custom = details["custom_patterns"]
            return (
                found
                | {"input.format": details["grok"]}
                | ({"input.grokCustomPatterns": custom} if custom else {})
            )
        case "xml":
            return found | {"rowTag": details["rowTag"]}
        case "json" if "jsonPath" in details:
            return found | {"jsonPath": details["jsonPath"], "serialization.format": "1"}
        case _:
            return found | {"serialization.format": "1"}


def _described(classification: str, compression: str, details: Details) -> dict[str, str]:
    """Return the parameters that say what the files are."""
    told = dict(details)
    found = {
        "classification": classification,
        "compressionType": compression,
        "typeOfData": "file",
    }
    if classification == "csv":
        found |= {"delimiter": told["delimiter"], "columnsOrdered": "true"}
        found["areColumnsQuoted"] = "false"
        if told.get("header") == "1":
            found["skip.header.line.count"] = "1"
    for key in ("rowTag", "jsonPath"):
        if key in told:
            found[key] = told[key]
    if "grok" in told:
        found["grokPattern"] = told["grok"]
    return found


def _counted(stats: Stats) -> dict[str, str]:
    rows = round(stats.rows)
    return {
        "sizeKey": str(stats.size_bytes),
        "objectCount": str(stats.objects),
        "recordCount": str(rows),
        "averageRecordSize": str(round(stats.row_bytes / rows) if rows else 0),
    }


def _total(stats: Iterable[Stats]) -> Stats:
    objects = size_bytes = row_bytes = 0
    rows = 0.0
    for one in stats:
        objects += one.objects
        size_bytes += one.size_bytes
        rows += one.rows
        row_bytes += one.row_bytes
    return Stats(objects, size_bytes, rows, row_bytes)
