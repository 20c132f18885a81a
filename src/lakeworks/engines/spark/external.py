"""Read external files in Spark's tasks, with the embedded engine's readers.

Each task binds some of the files in a DuckDB of its own and hands their rows on as Arrow batches: no
second judgement of what a value is, so nothing to keep equal.
"""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Schema
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.external import external_select
from lakeworks.engines.duckdb.file_tasks import Place, statements_at
from lakeworks.engines.errors import ExternalDataError
from lakeworks.engines.spark.shipping import ship
from lakeworks.engines.spark.types import spark_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from lakeworks.storage.external import ExternalFile, ExternalSource

MIB = 1024 * 1024
TASK_MEMORY_BYTES = 2048 * MIB
_TASK_BYTES = 128 * MIB
_TASK_FILES = 200


def external_frame(
    spark: SparkSession,
    source: ExternalSource,
    s3: Mapping[str, str | bool] | None,
    named: frozenset[str] | None = None,
) -> DataFrame:
    """Return the rows of an external table. Nothing is read yet.

    Args:
        named: As `columns_named` gives it: columns without a name among these are not read,
            and null. None: all are read.
    """
    from pyspark.sql import functions as f

    whole = spark_schema(source.schema)
    read = [one for one in source.schema if named is None or one.name.lower() in named]
    read = read or list(source.schema.fields[:1])  # rows have to be counted by something
    parts = list(_divided(source))
    if not parts:
        return spark.createDataFrame([], whole)
    ship(spark)
    packed = [pickle.dumps(part) for part in parts]
    reading = _reading(packed, [one.name for one in read], Place(s3, TASK_MEMORY_BYTES))
    numbers = spark.range(0, len(parts), 1, len(parts))
    with warnings.catch_warnings(action="ignore"):  # of a pandas that nothing here uses
        rows = numbers.mapInArrow(reading, spark_schema(Schema(tuple(read))))
    if len(read) == len(source.schema):
        return rows
    held = {one.name for one in read}
    return rows.select(
        *(
            rows[_quoted(one.name)]
            if one.name in held
            else f.lit(None).cast(one.dataType).alias(one.name)
            for one in whole
        )
    )


def columns_named(sql: str) -> frozenset[str] | None:
    """Return every name in a query, in lower case; None where it may read whole rows."""
    import sqlglot
    from sqlglot import exp

    from lakeworks.engines.spark.lake_sql import LakeSql

    tree = sqlglot.parse_one(sql, read=LakeSql)
    relations = {one.alias_or_name.lower() for one in tree.find_all(exp.Table, exp.Subquery)}
    relations |= {one.alias.lower() for one in tree.find_all(exp.CTE)}
    if any(_reads_rows(node, relations) for node in tree.walk()):
        return None
    return frozenset(one.name.lower() for one in tree.find_all(exp.Identifier))


def _reads_rows(node: object, relations: set[str]) -> bool:
    from sqlglot import exp

    match node:
        case exp.Star():
            return not isinstance(node.parent, exp.Count)
        case exp.Columns() | exp.Pivot():
            return True
        case exp.Join():
            return bool(node.method)
        case exp.Column():
            return not node.table and node.name.lower() in relations
        case _:
            return False


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _divided(source: ExternalSource) -> Iterator[ExternalSource]:
    some: list[ExternalFile] = []
    size_bytes = 0
    for file in source.files:
        if some and (size_bytes + file.size_bytes > _TASK_BYTES or len(some) >= _TASK_FILES):
            yield replace(source, files=tuple(some))
            some, size_bytes = [], 0
        some.append(file)
        size_bytes += file.size_bytes
    if some:
        yield replace(source, files=tuple(some))


def _reading(
    packed: list[bytes], columns: list[str], place: Place
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from rows_of(packed[number], columns, place)

    return read


def rows_of(packed: bytes, columns: list[str], place: Place) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the rows of a part. Runs where Spark likes."""
    source: ExternalSource = pickle.loads(packed)  # noqa: S301 - packed by the driver
    try:
        with statements_at(place) as statements, translated(statements.con):
            con = statements.con
            kept: list[object] = []

            def register(stream: object) -> str:
                kept.append(stream)
                con.register(f"__given_{len(kept)}", stream)
                return f"__given_{len(kept)}"

            select = external_select(con, source, register=register, s3=place.s3)
            chosen = ", ".join(quote_identifier(name) for name in columns)
            yield from con.sql(f"SELECT {chosen} FROM ({select})").to_arrow_reader()
    except LakeError as error:
        # It passes through Spark as a text.
        raise RuntimeError(ExternalDataError(error.problem, error.hint).as_text) from None
