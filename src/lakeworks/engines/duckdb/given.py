"""Let SQL read data that a caller brings: Arrow, and files that belong to no table."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import GivenFormat
    from lakeworks.storage.fetched import FetchedSource

_HELD_BYTES = 256 * 1024 * 1024
_READERS = {
    "parquet": "read_parquet({}, hive_partitioning=false, union_by_name={})",
    "csv": "read_csv({}, hive_partitioning=false, union_by_name={})",
    "json": "read_json({}, hive_partitioning=false, union_by_name={})",
}


def arrow_select(con: duckdb.DuckDBPyConnection, name: str, data: object) -> str:
    """Return a SELECT of Arrow data that may be read more than once: a table or a dataset."""
    with translated(con):
        con.register(name, data)
    return _as_stored(con, quote_identifier(name))


def stream_select(
    con: duckdb.DuckDBPyConnection, name: str, reader: pa.RecordBatchReader
) -> str:
    """Return a SELECT of a stream that can be read once: its rows are kept by the engine.

    They are packed, and go to disk when memory does not hold them.
    """
    stream, kept = quote_identifier(f"{name}_stream"), quote_identifier(name)
    with translated(con):
        con.register(f"{name}_stream", reader)
        select = _as_stored(con, stream)
        con.execute(f"CREATE TABLE {kept} AS {select}")
        con.unregister(f"{name}_stream")
    return f"SELECT * FROM {kept}"


def fetched_select(
    con: duckdb.DuckDBPyConnection, source: FetchedSource, given: list[object]
) -> str:
    """Return a SELECT of rows from another system; they are read here and now.

    Few enough are kept as they came; others the engine keeps, packed, and on disk where they do
    not fit into memory.

    Args:
        given: Keeps what the SELECT reads as long as the session lives.
    """
    with closing(source.batches()) as batches:
        return _fetched(con, source, batches, given)


def _fetched(
    con: duckdb.DuckDBPyConnection,
    source: FetchedSource,
    batches: Iterator[pa.RecordBatch],
    given: list[object],
) -> str:
    import pyarrow as pa

    from lakeworks.storage.parquet import arrow_schema

    first: list[pa.RecordBatch] = []
    name = f"__given_{len(given)}"
    while source.size_bytes < _HELD_BYTES:
        batch = next(batches, None)
        if batch is None:
            schema = first[0].schema if first else arrow_schema(source.schema)
            data = pa.Table.from_batches(first, schema)
            given.append(data)
            with translated(con):
                con.register(name, data)
            return _with_all_columns(name, source.schema, schema.names)
        first.append(batch)
    reader = pa.RecordBatchReader.from_batches(first[0].schema, chain(first, batches))
    given.append(reader)
    try:
        stream_select(con, name, reader)
    except Exception:
        source.raise_failure()
        raise
    return _with_all_columns(name, source.schema, first[0].schema.names)


def _with_all_columns(name: str, schema: Schema, held: Sequence[str]) -> str:
    """Return a SELECT of a relation; columns that it has not, since nobody asks for them, are null."""
    parts = (
        quote_identifier(f.name)
        if f.name in held
        else f"CAST(NULL AS {to_duckdb(f.type)}) AS {quote_identifier(f.name)}"
        for f in schema
    )
    return f"SELECT {', '.join(parts)} FROM {quote_identifier(name)}"


def files_select(
    con: duckdb.DuckDBPyConnection, uris: Sequence[str], format_: GivenFormat
) -> str:
    """Return a SELECT of files' rows; columns are joined by name."""
    listed = "[" + ", ".join(map(quote_literal, uris)) + "]"
    call = _READERS[format_].format(listed, str(len(uris) > 1).lower())
    return _as_stored(con, call)


def _as_stored(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Return a SELECT whose columns have the types that `describe` tells of them."""
    with translated(con):
        described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    columns = []
    for name, type_text, *_ in described:
        column = quote_identifier(name)
        wanted = to_duckdb(from_duckdb(type_text, column=name))
        columns.append(
            column if wanted == type_text else f"CAST({column} AS {wanted}) AS {column}"
        )
    return f"SELECT {', '.join(columns)} FROM {relation}"
