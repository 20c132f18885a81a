"""The data files of a table, as storage lists them and engines read and write them.

Pure data: the vocabulary shared by the Delta log, the engines and the planner.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Field, Scalar, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping


# Names of the files that an engine of ours wrote: these hold their partition columns too. (A
# regular expression, as text: engines hand it to their own readers.)
OWN_FILE = (
    r"(?:part-[0-9a-f]{8}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|spark-[0-9a-f]{8}/(?:[^/]+/)*part-[^/]+)\.parquet"
)


# The column under which rows tell which they are, where a source asks for that.
ROW_ID = "__lakeworks_row"
FILE_MARK = 16


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a Delta table.

    Attributes:
        path: Relative to the table's root, as it is on disk: never URL-encoded.
        partition: Partition column to value in Delta's serialisation; None is null.
        stats: Delta's statistics: `numRecords`, `minValues`, `maxValues`, `nullCount`.
    """

    path: str
    size_bytes: int
    rows: int
    partition: Mapping[str, str | None] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableSource:
    """What an engine needs to read rows of a table: where its files are, and their schema.

    Attributes:
        root: The table's root: an absolute folder or `s3://…`, without a trailing slash.
        schema: All columns, partition columns included. Files may lack columns that were added
            later; those read as null.
        evolved: Whether files may differ in their columns.
        row_ids: A secret; with it the rows have one more column, `ROW_ID`, a text that tells
            the row from all others and says nothing to whoever lacks the secret.
        row_places: Whether these texts may tell where in its file a row is, which is quicker:
            for whoever sees all rows.
    """

    root: str
    schema: Schema
    files: tuple[DataFile, ...]
    partition_columns: tuple[str, ...] = ()
    evolved: bool = False
    row_ids: str = ""
    row_places: bool = False

    def with_row_ids(self, secret: str, *, places: bool = False) -> TableSource:
        """Return the same rows, each with its identifier under a secret; see `row_places`."""
        column = Field(ROW_ID, Scalar("string"))
        schema = Schema((*self.schema.fields, column))
        return replace(self, schema=schema, row_ids=secret, row_places=places)

    @property
    def own_schema(self) -> Schema:
        """The columns that the table itself has."""
        if not self.row_ids:
            return self.schema
        return Schema(tuple(field for field in self.schema if field.name != ROW_ID))

    def file_mark(self, file: DataFile) -> str:
        """Return how the identifiers of a file's rows begin."""
        told = f"{self.row_ids}{file.path}".encode()
        return hashlib.md5(told, usedforsecurity=False).hexdigest()[:FILE_MARK]

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """How many bytes the files take."""
        return sum(file.size_bytes for file in self.files)
