"""Bind an external table: a SELECT over its files, in the types that were declared.

What DuckDB reads itself (Parquet, Avro, CSV, JSON, log lines) it reads at its own speed from
exactly the files that the source lists; ORC and XML come to it as streams of Arrow batches that
Python opens, so that they need no access to files at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.extensions import load_extension
from lakeworks.engines.duckdb.external_parts import FILE_COLUMN, Opener, Scans, no_rows
from lakeworks.engines.duckdb.external_values import Values
from lakeworks.engines.duckdb.reading import paths_list, source_select, uri
from lakeworks.engines.duckdb.types import to_duckdb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

    from lakeworks.storage.external import ExternalFile, ExternalSource

# Formats whose files the engine opens by name; those of the others Python opens.
_OPENED_BY_ENGINE = frozenset({"parquet", "avro", "csv", "json", "log"})


def external_select(
    con: duckdb.DuckDBPyConnection,
    source: ExternalSource,
    *,
    register: Callable[[object], str],
    s3: Mapping[str, str | bool] | None = None,
) -> str:
    """Return a SELECT of an external table's rows.

    Args:
        con: Asked for the columns of files; a first pass over JSON runs on it.
        source: The table, with the files that are to be read.
        register: Takes a stream of Arrow batches; returns the name under which SQL reads it.
        s3: How `s3://` is reached.

    Raises:
        ExternalDataError: a file cannot be what the table's declaration says.
    """
    if not source.files:
        return no_rows(source)
    opener = Opener(s3)
    match source.format:
        case "parquet":
            return _parquet(con, source)
        case "avro":
            return _avro(con, source)
        case "csv":
            from lakeworks.engines.duckdb.external_text import csv_select

            return csv_select(source, opener)
        case "json":
            from lakeworks.engines.duckdb.external_json import json_select

            return json_select(con, source, opener)
        case "log":
            from lakeworks.engines.duckdb.external_patterns import line_pattern
            from lakeworks.engines.duckdb.external_text import log_select

            columns = [f.name for f in source.data_fields]
            declared = source.options.pattern
            pattern = None if source.options.grok else line_pattern(con, declared, columns)
            if pattern is not None:
                return log_select(source, opener, pattern)
        case _:
            pass
    from lakeworks.engines.duckdb.external_streams import stream_select

    return stream_select(source, opener, register)


def opened_paths(source: ExternalSource) -> set[str]:
    """Return the names by which the engine opens files: what a shut session must still read."""
    if source.format == "parquet":
        return {
            uri(one.root, file.path) for one in source.table_sources() for file in one.files
        }
    if source.format in _OPENED_BY_ENGINE:
        return {file.uri for file in source.files}
    return set()


def _parquet(con: duckdb.DuckDBPyConnection, source: ExternalSource) -> str:
    return "\nUNION ALL\n".join(source_select(con, one) for one in source.table_sources())


def _avro(con: duckdb.DuckDBPyConnection, source: ExternalSource) -> str:
    """Return the SELECT of Avro files, each group of one schema in a scan of its own."""
    load_extension(con, "avro", purpose="reading Avro files")
    groups: dict[tuple[str, ...], list[ExternalFile]] = {}
    for file in source.files:
        if file.size_bytes:
            names = tuple(name for name, _ in described(con, source, file, None))
            groups.setdefault(names, []).append(file)
    values = Values(source.name)
    parts = []
    for names, files in groups.items():
        held = {name.casefold(): f"__row.{quote_identifier(name)}" for name in names}
        columns = [
            f"CAST({held.get(f.name.casefold(), 'NULL')} AS {to_duckdb(f.type)})"
            for f in source.data_fields
        ]
        parts.append(Scans(source, values, _avro_scan, columns).select(files))
    return "\nUNION ALL\n".join(parts) or no_rows(source)


def described(
    con: duckdb.DuckDBPyConnection,
    source: ExternalSource,
    file: ExternalFile,
    s3: Mapping[str, str | bool] | None,
) -> list[tuple[str, str]]:
    """Return name and type of each column in a Parquet, Avro or ORC file."""
    listed = paths_list([file.uri])
    match source.format:
        case "avro":
            load_extension(con, "avro", purpose="reading Avro files")
            scan = _avro_scan(listed)
        case "parquet":
            scan = f"read_parquet({listed}, hive_partitioning = false)"
        case _:
            from lakeworks.engines.duckdb.external_orc import orc_schema

            con.register("__lakeworks_held", orc_schema(source, Opener(s3), file).empty_table())
            scan = "__lakeworks_held"
    with translated(con):
        rows = con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    return [(row[0], row[1]) for row in rows if row[0] != FILE_COLUMN]


def _avro_scan(listed: str) -> str:
    return f"read_avro({listed}, filename = '{FILE_COLUMN}')"
