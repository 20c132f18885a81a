"""The DataFrame that reads a table's files, in the order and types of its schema.

Files of our engines hold their partition columns. Other writers leave them out and put them into
the log (and mostly the path): for their files the log's value is taken.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from lakeworks.core.types import Scalar, Schema
from lakeworks.engines.partition_folders import tell_all, value_of
from lakeworks.engines.spark.footers import groups_by_type, plain_path
from lakeworks.engines.spark.types import spark_schema, spark_type
from lakeworks.storage.files import FILE_MARK, OWN_FILE, ROW_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

    from lakeworks.storage.files import DataFile, TableSource

_HIVE_TYPES = frozenset({"string", "tinyint", "smallint", "int", "bigint", "date"})
_OWN_NAME = re.compile(OWN_FILE)
_PATH = "__lakeworks_path"


def frame_of(
    spark: SparkSession, source: TableSource, *, with_file: str | None = None
) -> DataFrame:
    """Return a table's rows, read from exactly the files that `source` lists.

    Columns that a file lacks are null; narrower types of older files are widened.

    Args:
        with_file: Also give each row's file, as `DataFile.path` spells it, under this name.
    """
    reader = _Reader(spark, source, with_file)
    own = [
        f for f in source.files if not source.partition_columns or _OWN_NAME.fullmatch(f.path)
    ]
    kept = {f.path for f in own}
    foreign = [f for f in source.files if f.path not in kept]
    parts = reader.plain(own)
    if foreign and reader.paths_tell(foreign):
        parts.append(reader.by_path(foreign))
    elif foreign:
        parts.append(reader.by_log(foreign))
    return reduce(lambda a, b: a.unionAll(b), parts) if parts else reader.empty()


class _Reader:
    """Builds the parts of one table's rows."""

    def __init__(self, spark: SparkSession, source: TableSource, with_file: str | None) -> None:
        self.spark = spark
        self.row_ids = source.row_ids
        self.source = replace(source, schema=source.own_schema, row_ids="")
        self.schema = self.source.schema
        self.with_file = with_file
        found = (self.schema.get(name) for name in source.partition_columns)
        self.partitions = tuple(field for field in found if field is not None)

    def plain(self, files: Sequence[DataFile]) -> list[DataFrame]:
        """Files that hold all their columns."""
        groups = groups_by_type(self.spark, self.source, files)
        return [self._select(self._scan(some, held), {}) for held, some in groups]

    def by_path(self, files: Sequence[DataFile]) -> DataFrame:
        """Files whose folders say `column=value` just as the log does: Spark prunes these."""
        reader = self.spark.read.schema(spark_schema(self.schema))
        reader = reader.option("basePath", self.source.root.replace("s3://", "s3a://", 1))
        return self._select(reader.parquet(*self._paths(files)), {})

    def by_log(self, files: Sequence[DataFile]) -> DataFrame:
        """Files whose partition values only the log knows."""
        from pyspark.sql import functions as f
        from pyspark.sql import types

        names = [f"__value{i}" for i in range(len(self.partitions))]
        text = types.StringType()
        rows = [
            (file.path, *(value_of(file.partition, p.name) or None for p in self.partitions))
            for file in files
        ]
        logged = self.spark.createDataFrame(
            rows,
            types.StructType([types.StructField(n, text) for n in ("__logged", *names)]),
        )
        scan = self._scan(files, self.schema).withColumn(_PATH, self._path())
        joined = scan.join(f.broadcast(logged), scan[_PATH] == logged["__logged"])
        values = {
            p.name: logged[name].cast(spark_type(p.type))
            for p, name in zip(self.partitions, names, strict=True)
        }
        told = [values.get(c.name, scan[_quoted(c.name)]).alias(c.name) for c in self.schema]
        if self.with_file:
            told.append(scan[_PATH].alias(self.with_file))
        if self.row_ids:
            told.append(self._row_id())
        return joined.select(*told)

    def empty(self) -> DataFrame:
        """No rows, with the table's columns."""
        from pyspark.sql import types

        wanted = spark_schema(self.schema)
        for added in (self.with_file, ROW_ID if self.row_ids else None):
            wanted = wanted.add(added, types.StringType()) if added else wanted
        return self.spark.createDataFrame([], wanted)

    def paths_tell(self, files: Sequence[DataFile]) -> bool:
        """Whether every file's folders name exactly the log's partition values."""
        if any(
            not isinstance(p.type, Scalar) or p.type.name not in _HIVE_TYPES
            for p in self.partitions
        ):
            return False
        return tell_all(files, self.partitions)

    def _scan(self, files: Sequence[DataFile], held: Schema) -> DataFrame:
        reader = self.spark.read.schema(spark_schema(held))
        return reader.parquet(*self._paths(files))

    def _select(self, scan: DataFrame, values: Mapping[str, Column]) -> DataFrame:
        from pyspark.sql import functions as f

        held = {field.name: field.dataType for field in scan.schema}
        told = []
        for column in self.schema:
            wanted = spark_type(column.type)
            value = values.get(column.name, f.col(_quoted(column.name)))
            if held[column.name] != wanted:
                value = value.cast(wanted).alias(column.name)
            told.append(value)
        if self.with_file:
            told.append(self._path().alias(self.with_file))
        if self.row_ids:
            told.append(self._row_id())
        return scan.select(*told)

    def _paths(self, files: Sequence[DataFile]) -> list[str]:
        return [plain_path(f"{self.source.root}/{file.path}") for file in files]

    def _row_id(self) -> Column:
        """Which row it is, of which file."""
        from pyspark.sql import functions as f

        file = f.concat(f.lit(self.row_ids), self._path())
        place = f.concat(file, f.lit(":"), f.col("_metadata.row_index").cast("string"))
        return f.concat(f.substring(f.md5(file), 1, FILE_MARK), f.md5(place)).alias(ROW_ID)

    def _path(self) -> Column:
        """Each row's file below the root. Spark tells it as a URI, percent signs and all."""
        from pyspark.sql import functions as f

        # `url_decode` reads forms, where a plus is a blank; in a path it is a plus.
        uri = f.url_decode(f.replace(f.col("_metadata.file_path"), f.lit("+"), f.lit("%2B")))
        start = f.lit(self.source.root.partition("://")[2] or self.source.root)
        return f.substring(uri, f.instr(uri, start) + f.length(start) + 1, f.length(uri))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
