"""Which of a table's older files hold a narrower type than Spark itself can widen.

Spark's Parquet reader widens most types; it refuses whole numbers of 64 bits read as doubles,
and small whole numbers read as decimals of few digits. A table has both after a JSON field was
first whole and then fractional. Such files are read as they are, and their rows are cast.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Schema, Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from lakeworks.core.types import Type
    from lakeworks.storage.files import DataFile, TableSource

_DIGITS = {"tinyint": 10, "smallint": 10, "int": 10, "bigint": 20}
_READERS = 8


def groups_by_type(
    spark: SparkSession, source: TableSource, files: Sequence[DataFile]
) -> list[tuple[Schema, list[DataFile]]]:
    """Divide files by the schema with which Spark can read them; most tables give one group.

    Looks into the files' footers only where the table's columns may have been widened in a way
    that Spark does not know.
    """
    if not files:
        return []
    doubtful = [f for f in source.schema if _may_differ(f.type)]
    if not source.evolved or not doubtful:
        return [(source.schema, list(files))]
    groups: dict[Schema, list[DataFile]] = {}
    for file, held in zip(files, _held(spark, source.root, files), strict=True):
        fields = tuple(
            Field(f.name, _read_as(f.type, held.get(f.name)), f.nullable, f.comment)
            for f in source.schema
        )
        groups.setdefault(Schema(fields), []).append(file)
    return list(groups.items())


def plain_path(path: str) -> str:
    """Return a file's path as Spark's readers take it: no mark in it is a pattern."""
    path = f"s3a://{path[5:]}" if path.startswith("s3://") else path
    return "".join(f"\\{mark}" if mark in "[]{}*?\\" else mark for mark in path)


def _may_differ(kind: Type) -> bool:
    match kind:
        case Scalar(name):
            return name == "double"
        case Decimal():
            return True
        case Array(element):
            return _may_differ(element)
        case Map(key, value):
            return _may_differ(key) or _may_differ(value)
        case Struct(fields):
            return any(_may_differ(f.type) for f in fields)


def _read_as(wanted: Type, held: Field | None) -> Type:
    """Return the type that Spark must be asked for, to read a column held as it is."""
    return wanted if held is None else _read_type(wanted, held.type)


def _read_type(wanted: Type, held: Type) -> Type:
    match wanted, held:
        case Scalar("double"), Scalar("bigint"):
            return held
        case Decimal(precision, scale), Scalar(name) if name in _DIGITS:
            return wanted if precision - scale >= _DIGITS[name] else held
        case Array(element), Array(inner):
            return Array(_read_type(element, inner))
        case Map(key, value), Map(held_key, held_value):
            return Map(_read_type(key, held_key), _read_type(value, held_value))
        case Struct(fields), Struct(inner_fields):
            inside = Schema(inner_fields)
            return Struct(
                tuple(Field(f.name, _read_as(f.type, inside.get(f.name))) for f in fields)
            )
        case _:
            return wanted


def _held(spark: SparkSession, root: str, files: Sequence[DataFile]) -> list[Schema]:
    """Return the schema in each file's footer."""
    paths = [f"{root}/{file.path}" for file in files]
    if all(Path(path).is_file() for path in paths):
        import pyarrow.parquet as pq

        return [_of_arrow(pq.read_schema(path)) for path in paths]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda path: _of_spark(spark, path), paths))


def _of_spark(spark: SparkSession, path: str) -> Schema:
    from lakeworks.engines.spark.types import schema_of

    return schema_of(spark.read.parquet(plain_path(path)).schema)


def _of_arrow(schema: pa.Schema) -> Schema:
    return Schema(tuple(Field(f.name, _kind(f.type)) for f in schema))


def _kind(kind: pa.DataType) -> Type:
    """Return an Arrow type as far as it matters here: whole numbers, and what nests them."""
    from pyarrow import types

    whole = {"int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint"}
    if types.is_struct(kind):
        return Struct(tuple(Field(f.name, _kind(f.type)) for f in kind))
    if types.is_list(kind) or types.is_large_list(kind):
        return Array(_kind(kind.value_type))
    if types.is_map(kind):
        return Map(_kind(kind.key_type), _kind(kind.item_type))
    return Scalar(whole.get(str(kind), "binary"))
