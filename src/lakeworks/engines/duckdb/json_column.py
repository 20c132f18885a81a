"""Take typed columns out of JSON objects kept as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.engines.duckdb.types import to_duckdb

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.core.types import Schema


def typed_select(source: str, text: str, schema: Schema) -> str:
    """Return a SELECT of typed rows; what is no JSON, or does not fit, gives null.

    Args:
        source: What stands after FROM.
        text: The column's name, quoted.
        schema: The columns wanted.
    """
    wanted = json.dumps({f.name: to_duckdb(f.type) for f in schema}, ensure_ascii=False)
    fields = ", ".join(f"__object.{quote_identifier(f.name)}" for f in schema)
    valid = f"CASE WHEN json_valid({text}) THEN {text} END"
    return (
        f"SELECT {fields} FROM (SELECT json_transform({valid}, {quote_literal(wanted)}) "
        f"AS __object FROM {source}) AS __rows"
    )


def typed_rows(texts: pa.Array, schema: Schema) -> pa.Array:
    """Return the typed rows of an array of texts, as structs."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("__given", pa.table({"text": texts}))
        select = typed_select("__given", "text", schema)
        rows = con.execute(select).to_arrow_table()
        columns = [column.combine_chunks() for column in rows.columns]
        return pa.StructArray.from_arrays(columns, names=rows.column_names)
