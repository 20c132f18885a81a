"""Make columns of one type columns of another, struct fields by their names.

Pure. Spark's own cast takes a struct's fields in their order, which would mix up values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Map, Schema, Struct
from lakeworks.engines.spark.types import spark_type

if TYPE_CHECKING:
    from pyspark.sql import Column

    from lakeworks.core.types import Type


def quoted(name: str) -> str:
    """Return a column's name as `functions.col` takes it."""
    return "`" + name.replace("`", "``") + "`"


def as_type(column: Column, held: Type, wanted: Type) -> Column:
    """Return a column as another type; fields that it lacks are null."""
    from pyspark.sql import functions as f

    if held == wanted:
        return column
    match held, wanted:
        case Struct(), Struct():
            return _as_struct(column, held, wanted)
        case Array(element), Array(other):
            return f.transform(column, lambda item: as_type(item, element, other))
        case Map(key, value), Map(other_key, other_value):
            if value != other_value:
                column = f.transform_values(
                    column, lambda _, item: as_type(item, value, other_value)
                )
            if key != other_key:
                column = f.transform_keys(column, lambda item, _: as_type(item, key, other_key))
            return column
        case _:
            return column.cast(spark_type(wanted))


def _as_struct(column: Column, held: Struct, wanted: Struct) -> Column:
    from pyspark.sql import functions as f

    mine = Schema(held.fields)
    parts = []
    for field in wanted.fields:
        have = mine.get(field.name)
        if have is None:
            value = f.lit(None).cast(spark_type(field.type))
        else:
            value = as_type(column.getField(have.name), have.type, field.type)
        parts.append(value.alias(field.name))
    return f.when(column.isNotNull(), f.struct(*parts))
