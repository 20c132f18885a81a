"""Spark's types and Lakeworks' types, in both directions.

Pure. `timestamp` is an instant (Spark's `TimestampType`, shown in UTC by the session's zone),
`timestamp_ntz` a wall-clock reading. Every column may be null, as Delta's columns may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Schema, Struct
from lakeworks.engines.errors import UnsupportedTypeError
from lakeworks.engines.spark.errors import NotOnSparkError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType, StructType

    from lakeworks.core.types import Type

_CLASSES = {
    "boolean": "BooleanType", "tinyint": "ByteType", "smallint": "ShortType",
    "int": "IntegerType", "bigint": "LongType", "float": "FloatType", "double": "DoubleType",
    "string": "StringType", "binary": "BinaryType", "date": "DateType",
    "timestamp": "TimestampType", "timestamp_ntz": "TimestampNTZType",
}  # fmt: skip
_WORDS = {
    **{name: word for word, name in _CLASSES.items()},
    # What SQL can give and a table stores as text, as `engines/duckdb/types.py` does.
    "NullType": "string", "VarcharType": "string", "CharType": "string",
}  # fmt: skip


def spark_schema(schema: Schema) -> StructType:
    """Return the Spark schema of a table's columns."""
    from pyspark.sql import types

    return types.StructType([types.StructField(f.name, spark_type(f.type)) for f in schema])


def spark_type(kind: Type) -> DataType:
    """Return the Spark type that holds `kind`."""
    from pyspark.sql import types

    match kind:
        case Scalar(name):
            found: DataType = getattr(types, _CLASSES[name])()
            return found
        case Decimal(precision, scale):
            return types.DecimalType(precision, scale)
        case Array(element):
            return types.ArrayType(spark_type(element))
        case Map(key, value):
            return types.MapType(spark_type(key), spark_type(value))
        case Struct(fields):
            return spark_schema(Schema(fields))


def schema_of(struct: StructType) -> Schema:
    """Return the columns of a table that holds rows of a Spark schema.

    Raises:
        UnsupportedTypeError: a column has a type that no table can hold.
    """
    return Schema(tuple(Field(f.name, type_of(f.dataType, column=f.name)) for f in struct))


def type_of(kind: DataType, *, column: str = "") -> Type:
    """Return the type of a table's column that holds Spark's `kind`.

    Args:
        column: Named in the error.

    Raises:
        UnsupportedTypeError: an interval, a variant, or a type unknown here.
    """
    from pyspark.sql import types

    match kind:
        case types.DecimalType():
            return Decimal(kind.precision, kind.scale)
        case types.ArrayType():
            return Array(type_of(kind.elementType, column=column))
        case types.MapType():
            key = type_of(kind.keyType, column=column)
            return Map(key, type_of(kind.valueType, column=column))
        case types.StructType():
            return Struct(
                tuple(Field(f.name, type_of(f.dataType, column=column)) for f in kind.fields)
            )
        case _:
            word = _WORDS.get(type(kind).__name__)
            if word is None:
                raise UnsupportedTypeError.named(kind.simpleString(), column)
            return Scalar(word)


def typed(rows: DataFrame, schema: Schema) -> DataFrame:
    """Return rows with the names and types of `schema`, taken by position.

    A value that its type cannot hold fails when the rows are computed.

    Raises:
        NotOnSparkError: Spark gives another number of columns.
    """
    from pyspark.sql import functions as f

    wanted = spark_schema(schema)
    held = rows.schema
    if [(h.name, h.dataType) for h in held] == [(w.name, w.dataType) for w in wanted]:
        return rows
    places = [f"__{i}" for i in range(len(held))]
    renamed = rows.toDF(*places)
    order = _order([h.name for h in held], [w.name for w in wanted])
    taken = [(places[at], held[at]) for at in order]
    return renamed.select(
        *(
            (f.col(p) if h.dataType == w.dataType else f.col(p).cast(w.dataType)).alias(w.name)
            for (p, h), w in zip(taken, wanted, strict=True)
        )
    )


def _order(held: list[str], wanted: list[str]) -> list[int]:
    """Return the places of the wanted columns; a `*` over USING puts shared ones first in Spark."""
    if len(held) != len(wanted):
        raise NotOnSparkError.part("what this SELECT gives", "name its columns")
    given = [name.casefold() for name in held]
    asked = [name.casefold() for name in wanted]
    if len(set(given)) == len(given) and sorted(given) == sorted(asked):
        return [given.index(name) for name in asked]
    return list(range(len(held)))
