"""Write a DataFrame as Parquet files of a table, in one Spark job.

The job writes below the table's root into a folder of its own, `spark-…`, so that two jobs never
share Spark's `_temporary`, and whatever a killed one leaves is seen as an orphan. What its committer
committed is then read back by a listing. Rows are parted by hashes of the partition values, so no
value becomes a path. On this machine the files are then moved up, for a move costs nothing;
in a bucket it would copy every byte, so there they stay in the folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakeworks.core.types import Scalar
from lakeworks.engines.errors import EngineFailedError
from lakeworks.engines.spark.casting import as_type, quoted
from lakeworks.engines.spark.stats import (
    MIXED,
    UNKNOWN,
    first_values,
    footer_facts,
    only_value,
    partition_text,
)
from lakeworks.engines.spark.types import type_of
from lakeworks.engines.stats import delta_stats
from lakeworks.engines.stores import store_of
from lakeworks.engines.written import Written, free_name, partition_columns
from lakeworks.storage.files import DataFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow.parquet as pq
    from pyspark.sql import Column, DataFrame, SparkSession

    from lakeworks.core.types import Schema
    from lakeworks.storage.objects import ObjectStore

FOLDER = "spark-"
# A bucket has no folders, so Hadoop puts a mark for one that it leaves empty, which no listing of
# ours can name. With this in it, a folder never is.
_HELD = "_held"
_READERS = 8
_NULL = "__HIVE_DEFAULT_PARTITION__"


def write(  # noqa: PLR0913 - one job has this many choices
    spark: SparkSession,
    frame: DataFrame,
    root: str,
    schema: Schema,
    *,
    partition_by: Sequence[str] = (),
    divide_by: str | None = None,
    main: str | None = None,
    last: Mapping[str, Column] | None = None,
    table: str = "the table",
    s3: Mapping[str, str | bool] | None = None,
) -> list[Written]:
    """Write the rows of `frame` as Parquet files in `root`; no rows, no files.

    Args:
        spark: The session of `frame`.
        frame: It is run once.
        root: A folder, made when missing, or `s3://…`; no trailing slash.
        schema: The files' columns, in order; the frame's are cast to it.
        partition_by: Columns whose values divide the files and go into `DataFile.partition`.
            An empty string counts as null, in the file too: Delta cannot tell them apart.
        divide_by: A column of `frame` that divides the files and is not written; its values
            become folders for a while, so take them from a few plain words.
        main: The value of `divide_by` whose rows are divided by `partition_by`; those of other
            values go into files of their own. All rows are partitioned when left out.
        last: Columns of `schema` that are made of the others, where rows are written: what a
            shuffle need not carry.
        table: Named in errors.
        s3: For a bucket, how it is reached: as `ObjectStore.s3_settings` returns it.

    Raises:
        EngineFailedError: two partitions share a hash (never yet seen); safe to retry.
    """
    keys = partition_columns(schema, partition_by, table)
    if last and not last.keys().isdisjoint(keys):
        frame, last = frame.withColumns(dict(last)), None
    layout = _Layout(
        schema,
        keys,
        divide_by,
        main,
        free_name((*schema.names, divide_by or ""), "__part"),
        last or {},
    )
    store = store_of(root, s3 or {})
    folder = FOLDER + secrets.token_hex(4)
    place = f"{root}/{folder}"
    try:
        if store.local_path("") is None:
            store.put(f"{folder}/{_HELD}", b"")
        _run(spark, layout.prepared(frame), place, layout.folders)
        return _gather(store, folder, layout)
    except BaseException:
        with suppress(Exception):
            store.delete_tree(folder)
        raise


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one write's rows are parted into files."""

    schema: Schema
    keys: list[str]
    divide_by: str | None
    main: str | None
    part: str
    last: Mapping[str, Column]

    @property
    def folders(self) -> list[str]:
        """The columns that become folders."""
        parts = [self.part] if self.keys else []
        return [self.divide_by, *parts] if self.divide_by else parts

    def prepared(self, frame: DataFrame) -> DataFrame:
        """Return the rows as they are written, beside the columns that part them."""
        from pyspark.sql import functions as f

        held = {field.name.casefold(): field.dataType for field in frame.schema.fields}
        columns = []
        for field in self.schema:
            if field.name not in self.last:
                value = f.col(quoted(field.name))
                value = as_type(value, type_of(held[field.name.casefold()]), field.type)
                columns.append(value.alias(field.name))
        if self.divide_by:
            columns.append(f.col(quoted(self.divide_by)))
        frame = frame.select(*columns)
        if self.keys:
            frame = self._parted(frame)
        if not self.last and not any(map(self._may_be_blank, self.keys)):
            return frame
        stored = [self._stored(name).alias(name) for name in self.schema.names]
        return frame.select(*stored, *(f.col(quoted(name)) for name in self.folders))

    def _parted(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import functions as f

        seed = f.lit(secrets.randbits(62))
        hashed = f.xxhash64(seed, *(self._stored(key) for key in self.keys))
        frame = frame.withColumn(self.part, f.when(~self._is_whole(), hashed))
        # Spark parts these rows so that each folder gets few files, and cuts what is too large.
        return frame.hint("rebalance", *(f.col(quoted(name)) for name in self.folders))

    def _stored(self, name: str) -> Column:
        """Return a column as files hold it; what is made last is made of values as given."""
        from pyspark.sql import functions as f

        value = f.col(quoted(name))
        if self._may_be_blank(name):
            return f.when(~self._is_whole() & (value == ""), None).otherwise(value)
        return self.last.get(name, value)

    def _may_be_blank(self, name: str) -> bool:
        field = self.schema.get(name)
        return name in self.keys and field is not None and field.type == Scalar("string")

    def _is_whole(self) -> Column:
        """A condition: this row is not partitioned."""
        from pyspark.sql import functions as f

        if self.divide_by is None or self.main is None:
            return f.lit(False)  # noqa: FBT003 - a literal
        return ~f.col(quoted(self.divide_by)).eqNullSafe(f.lit(self.main))


def _run(spark: SparkSession, frame: DataFrame, place: str, folders: list[str]) -> None:
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    # The folder is new, and ours alone; in a bucket it is there already.
    writer = frame.write.mode("append").option("compression", "snappy")
    # Committing by task would show files of tasks that fail later.
    writer = writer.option("mapreduce.fileoutputcommitter.algorithm.version", "1")
    writer = writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    if folders:
        writer = writer.partitionBy(*folders)
    writer.parquet(f"s3a://{place[5:]}" if place.startswith("s3://") else place)


def _gather(store: ObjectStore, folder: str, layout: _Layout) -> list[Written]:
    """Return the files that the job committed, each where it is to stay."""
    listed = [info.path for info in store.list(folder)]
    paths = [path for path in listed if _is_committed(path)]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="footers") as pool:
        read = list(pool.map(lambda path: _written(store, path, layout), paths))
    found = [one for one in read if one.file.rows]
    local = store.local_path("")
    if local is None:
        kept = {one.file.path for one in found}
        store.delete(path for path in listed if path not in kept)
        return found
    moved = [_moved(local, one, folder.removeprefix(FOLDER)) for one in found]
    shutil.rmtree(local / folder, ignore_errors=True)
    return moved


def _is_committed(path: str) -> bool:
    _, *parts = path.split("/")
    hidden = any(part.startswith((".", "_")) and "=" not in part for part in parts)
    return not hidden and parts[-1].endswith(".parquet")


def _moved(root: Path, one: Written, token: str) -> Written:
    path = f"part-{token}-{uuid.uuid4()}.parquet"
    os.rename(root / one.file.path, root / path)  # noqa: PTH104 - as quick as can be
    return Written(replace(one.file, path=path), one.divided)


def _written(store: ObjectStore, path: str, layout: _Layout) -> Written:
    import pyarrow.parquet as pq

    divided = _divided(path, layout)
    with store.open_read(path) as stream:
        size_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        file = pq.ParquetFile(stream)
        metadata = file.metadata
        partition: dict[str, str | None] = dict.fromkeys(layout.keys)
        if layout.keys and metadata.num_rows and _is_main(divided, layout):
            partition = _partition(file, layout, path)
    stats = delta_stats(
        metadata.num_rows,
        footer_facts(metadata, layout.schema),
        layout.schema,
        leave_out=partition,
    )
    return Written(
        DataFile(path, size_bytes, metadata.num_rows, partition, stats),
        divided,
    )


def _is_main(divided: str | None, layout: _Layout) -> bool:
    return layout.divide_by is None or layout.main in {None, divided}


def _divided(path: str, layout: _Layout) -> str | None:
    if layout.divide_by is None:
        return None
    _, _, value = path.split("/")[1].partition("=")
    return None if value == _NULL else unquote(value)


def _partition(file: pq.ParquetFile, layout: _Layout, path: str) -> dict[str, str | None]:
    """Return the values that all of a file's rows have in the partition columns."""
    values = {key: only_value(file.metadata, layout.schema, key) for key in layout.keys}
    if any(value is MIXED for value in values.values()):
        raise EngineFailedError(
            f"two partitions came into one file: {path}",
            "run it again: files are then divided in another way",
        )
    unknown = [key for key, value in values.items() if value is UNKNOWN]
    if unknown:
        values |= first_values(file, unknown)
    kinds = {field.name: field.type for field in layout.schema}
    return {key: partition_text(value, kinds[key]) for key, value in values.items()}
