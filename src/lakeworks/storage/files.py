"""The data files of a table, as storage lists them and engines read and write them.

Pure data: the vocabulary shared by the Delta log, the engines and the planner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.types import Schema


# Names of the files that an engine of ours wrote: these hold their partition columns too. (A
# regular expression, as text: engines hand it to their own readers.)
OWN_FILE = (
    r"(?:part-[0-9a-f]{8}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|spark-[0-9a-f]{8}/(?:[^/]+/)*part-[^/]+)\.parquet"
)


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
    """

    root: str
    schema: Schema
    files: tuple[DataFile, ...]
    partition_columns: tuple[str, ...] = ()
    evolved: bool = False

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """How many bytes the files take."""
        return sum(file.size_bytes for file in self.files)
