"""Say how a source's files are to be read: its declaration in the engine's terms.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.protocol import FileReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.project.declaration import FileFormat, Source

SYSTEM_FIELDS = (
    Field("_source_file", Scalar("string")),
    Field("_ingested_at", Scalar("timestamp")),
    Field("_run_id", Scalar("string")),
    Field("_rescued", Scalar("string")),
)
_SYSTEM_NAMES = frozenset(f.name for f in SYSTEM_FIELDS)


def reading_of(
    source: Source,
    *,
    root: str,
    rejects_root: str,
    run_id: str,
    moment: str,
    known: Schema | None = None,
) -> FileReading:
    """Return the reading of a source, for now of no file; `known` may hold system columns."""
    columns = data_columns(known) if known is not None else Schema()
    partitions = tuple(Field(name, kind) for name, kind in (source.partitions or {}).items())
    return FileReading(
        table=str(source.table),
        format="json",
        files=(),
        root=root,
        rejects_root=rejects_root,
        run_id=run_id,
        moment=moment,
        # A table whose first files were all set aside has no columns to hold later files to.
        known=columns if tells_of_files(columns, partitions) else None,
        mode=source.schema,
        types=source.types,
        partition_by=source.partition_by,
        partitions=partitions,
    )


def options_of(source: Source, kind: FileFormat) -> dict[str, Any]:
    """Return the options of a format, as `FileReading` names them."""
    if kind == "log":
        return {"pattern": source.log_pattern}
    if kind != "csv":
        return {}
    csv = source.csv
    return {
        "delimiter": csv.delimiter,
        "quote": csv.quote,
        "escape": csv.escape,
        "header": csv.header,
        "encoding": csv.encoding,
        "null_values": csv.null_values,
        "skip_rows": csv.skip_rows,
    }


def tells_of_files(columns: Schema, partitions: Sequence[Field]) -> bool:
    """Whether there is a column among these that files have, and not their folders only."""
    told = Schema(tuple(partitions))
    return any(name not in told for name in columns.names)


def data_columns(schema: Schema) -> Schema:
    """Return the columns of a bronze table without the system columns."""
    return Schema(tuple(f for f in schema if f.name not in _SYSTEM_NAMES))
