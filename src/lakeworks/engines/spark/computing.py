"""Functions of a Spark session that the embedded engine computes where the rows are."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from lakeworks.engines.spark.shipping import ship
from lakeworks.engines.spark.types import spark_type

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from lakeworks.engines.duckdb.row_expressions import RowExpression


def register(spark: SparkSession, name: str, computed: RowExpression) -> None:
    """Let SQL of a session call an expression by a name, with one struct of what it takes."""
    import pyarrow as pa
    from pyspark.sql.pandas import functions

    ship(spark)
    function = _function(computed)
    # Spark tells the kind of function by its types, which it has to find as objects.
    [taken] = inspect.signature(function).parameters
    function.__annotations__ = {taken: pa.Array, "return": pa.Array}
    made: Any = functions.arrow_udf
    with warnings.catch_warnings(action="ignore"):  # of a pandas that nothing here uses
        spark.udf.register(name, made(function, spark_type(computed.type)))


def _function(computed: RowExpression) -> Callable[[pa.Array], pa.Array]:
    def compute(batch: pa.Array) -> pa.Array:
        return computed.over(batch)

    return compute
