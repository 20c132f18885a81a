"""Take typed rows out of JSON text on a cluster, as the embedded engine takes them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.engines.duckdb.json_column import typed_rows
from lakeworks.engines.spark.shipping import ship
from lakeworks.engines.spark.tasks import over_arrow
from lakeworks.engines.spark.types import spark_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.spark.session import SparkLakeSession


def json_rows(session: SparkLakeSession, name: str, column: str, schema: Schema) -> str:
    """Return a SELECT of typed rows from the JSON objects in a column of a bound name.

    The rows are a lazy frame, registered in the session under a name of its own.
    """
    ship(session.spark)
    text = f"`{column.replace('`', '``')}`"
    typed = over_arrow(_function(schema), spark_schema(schema))(text)
    rows = session.table(name).select(typed.alias("typed")).select("typed.*")
    own = f"json_rows_{secrets.token_hex(6)}"
    session.register(f"lakeworks.{own}", rows)
    return f"SELECT * FROM lakeworks.{quote_identifier(own)}"


def _function(schema: Schema) -> Callable[[pa.Array], pa.Array]:
    def run(texts: pa.Array) -> pa.Array:
        return typed_rows(texts, schema)

    return run
