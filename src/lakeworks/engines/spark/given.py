"""Let Spark read data that a caller brings: Arrow, and files that belong to no table."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from lakeworks.engines.protocol import GivenFormat
    from lakeworks.storage.fetched import FetchedSource

_PIECE_BYTES = 64 * 1024 * 1024


def arrow_frame(spark: SparkSession, data: Any) -> DataFrame:  # noqa: ANN401
    """Return the rows of a table, a dataset or a reader; they pass through this process.

    Of a reader no more is held here at a time than one piece; the others lie on Spark's disks.
    """
    import pyarrow as pa

    if isinstance(data, pa.RecordBatchReader):
        return _stream_frame(spark, data)
    return _table_frame(spark, data if isinstance(data, pa.Table) else data.to_table())


def _stream_frame(spark: SparkSession, reader: pa.RecordBatchReader) -> DataFrame:
    import pyarrow as pa
    from pyspark import StorageLevel

    frames: list[DataFrame] = []
    held: list[pa.RecordBatch] = []
    for batch in reader:
        held.append(batch)
        if sum(one.nbytes for one in held) >= _PIECE_BYTES:
            piece = _table_frame(spark, pa.Table.from_batches(held, reader.schema))
            frames.append(piece.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY))
            held = []
    if held or not frames:
        frames.append(_table_frame(spark, pa.Table.from_batches(held, reader.schema)))
    return reduce(lambda one, other: one.unionAll(other), frames)


def _table_frame(spark: SparkSession, table: pa.Table) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    # Left to itself it takes moments without a zone for moments in UTC.
    schema = from_arrow_schema(table.schema, prefer_timestamp_ntz=True)
    if table.num_rows == 0:  # it makes nothing of columns without any piece
        return spark.createDataFrame([], schema)
    return spark.createDataFrame(table, schema)


def fetched_table(source: FetchedSource) -> pa.Table:
    """Read the rows of another system: they pass through this process and its memory."""
    import pyarrow as pa

    from lakeworks.storage.parquet import arrow_schema

    whole = arrow_schema(source.schema)
    batches = list(source.batches())
    if not batches:
        return whole.empty_table()
    found = pa.Table.from_batches(batches)
    # Columns that nobody asks for were not read.
    columns = [
        found[f.name] if f.name in found.column_names else pa.nulls(found.num_rows, f.type)
        for f in whole
    ]
    return pa.table(columns, names=whole.names)


def files_frame(spark: SparkSession, uris: Sequence[str], format_: GivenFormat) -> DataFrame:
    """Return the rows of files; Spark guesses the types of CSV and JSON."""
    reader = spark.read.option("mergeSchema", "true")
    match format_:
        case "parquet":
            return reader.parquet(*uris)
        case "csv":
            return reader.csv(list(uris), header=True, inferSchema=True)
        case _:
            return reader.option("multiLine", str(_is_array(uris[0])).lower()).json(list(uris))


def _is_array(uri: str) -> bool:
    """Whether a file on this machine begins as a JSON array; others hold an object a line."""
    try:
        with open(uri, "rb") as source:  # noqa: PTH123 - a URI of Spark's may be no path
            return source.read(1_024).lstrip().startswith(b"[")
    except OSError:
        return False
