"""External tables as a project declares them. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Location

TableFormat = Literal["json", "csv", "parquet", "avro", "orc", "xml", "log"]
# Their files say what columns they have.
SELF_DESCRIBING = ("parquet", "avro", "orc")


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """One column, or one partition column; the type is Hive's, as text."""

    name: str
    type: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """One file of `tables/`: files that lie somewhere, read as a table where they are.

    Attributes:
        location: An absolute folder or `s3://…`.
        declared_location: As the user wrote it.
        columns: Empty where the files say them.
        projection: Athena's properties, without `projection.` before them: `year.range`.
        location_template: Where a partition's files are, with `${column}`, as Athena
            spells it (`{column}` in the file); or empty.
        options: How rows are written, by the names of `storage.external.ReadOptions`.
        parameters: Further ones of the entry in the data catalog.
    """

    table: TableName
    at: Location
    location: str
    declared_location: str
    format: TableFormat
    columns: tuple[DeclaredColumn, ...] = ()
    partitions: tuple[DeclaredColumn, ...] = ()
    projection: Mapping[str, str] = field(default_factory=dict)
    location_template: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
