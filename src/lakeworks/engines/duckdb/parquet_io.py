"""Write a SELECT as Parquet files of a table, in one streaming COPY.

The files lie flat in the table's root under unique names: no partition value becomes a path, so
none can climb out of the folder, be too long for it, or be mistaken for null. Partition columns
stay in the files too; their values for the log come from the COPY itself.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb.encrypted import placed
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb
from lakeworks.engines.errors import DuplicateColumnError
from lakeworks.engines.stats import delta_stats
from lakeworks.engines.written import FILE_BYTES, Written, free_name, partition_columns
from lakeworks.storage.files import DataFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb


def copy_out(  # noqa: PLR0913 - one COPY has this many choices
    con: duckdb.DuckDBPyConnection,
    select: str,
    root: str,
    *,
    partition_by: Sequence[str] = (),
    divide_by: str | None = None,
    main: str | None = None,
    schema: Schema | None = None,
    table: str = "the table",
    s3: Mapping[str, str | bool] | None = None,
) -> list[Written]:
    """Write the rows of `select` as Parquet files in `root`; no rows, no files.

    Args:
        con: A connection in whose search path the SELECT's names are.
        select: A SELECT; it is run once.
        root: A folder, made when missing, or `s3://…`; no trailing slash.
        partition_by: Columns whose values divide the files and go into `DataFile.partition`.
            An empty string counts as null, in the file too: Delta cannot tell them apart.
        divide_by: A column of `select` that divides the files and is not written; pick its
            name with `free_name`.
        main: The value of `divide_by` whose rows are divided by `partition_by`; those of other
            values go into files of their own. All rows are partitioned when left out.
        schema: The files' columns, in order; found by describing `select` when left out. The
            rows are cast to it, so that only types that a table knows are written.
        table: Named in errors.
        s3: How a bucket is reached, as `ObjectStore.s3_settings` returns it.
    """
    if schema is None:
        described = select_schema(con, select, table=table)
        schema = Schema(tuple(f for f in described if f.name != divide_by))
    partition_by = partition_columns(schema, partition_by, table)
    keys = [free_name(schema.names, f"__part{i}") for i in range(len(partition_by))]
    other = "false"
    if divide_by is not None and main is not None:
        other = f"{quote_identifier(divide_by)} <> {quote_literal(main)}"
    columns = [_column(f, partition_by, other) for f in schema]
    columns += [
        f"CASE WHEN {other} THEN NULL ELSE {_partition_text(schema, name)} END "
        f"AS {quote_identifier(key)}"
        for name, key in zip(partition_by, keys, strict=True)
    ]
    divider = free_name(schema.names, "__divide")
    if divide_by is not None:
        columns.append(f"CAST({quote_identifier(divide_by)} AS VARCHAR) AS {divider}")
        keys = [divider, *keys]
    token = secrets.token_hex(4)
    options = _options(keys, token)
    body = f"SELECT {', '.join(columns)} FROM ({select}\n) AS __rows"
    with placed(con, root, s3 or {}) as place:
        try:
            with translated(con):
                result = con.execute(
                    f"COPY ({body}) TO {quote_literal(place)} ({options})"
                ).fetchall()
        except BaseException:
            _clear(place, token)
            raise
    named = dict(zip(keys[len(keys) - len(partition_by) :], partition_by, strict=True))
    return [_written(row, place, schema, named, divider) for row in result]


def select_schema(
    con: duckdb.DuckDBPyConnection, select: str, *, table: str = "the table"
) -> Schema:
    """Return the columns of a SELECT as a table would hold them, without running it.

    Raises:
        SqlError: DuckDB refuses the SELECT.
        UnsupportedTypeError: a column's type has no counterpart in a table.
        DuplicateColumnError: two columns have one name.
    """
    with translated(con, lines_before=1):
        described = con.execute(f"DESCRIBE\n{select}").fetchall()
    fields = tuple(Field(row[0], from_duckdb(row[1], column=row[0])) for row in described)
    seen: dict[str, str] = {}
    repeated = [f.name for f in fields if seen.setdefault(f.name.casefold(), f.name) != f.name]
    if len(seen) != len(fields):
        raise DuplicateColumnError.named(table, repeated or [f.name for f in fields])
    return Schema(fields)


def _column(field: Field, partition_by: Sequence[str], other: str) -> str:
    """Return a column as it is written; `other` is true of rows that are not partitioned."""
    name = quote_identifier(field.name)
    value = f"CAST({name} AS {to_duckdb(field.type)})"
    if field.name in partition_by and field.type == Scalar("string"):
        value = f"CASE WHEN {other} OR {value} <> '' THEN {value} END"
    return f"{value} AS {name}"


def _partition_text(schema: Schema, name: str) -> str:
    """Return an expression for a partition value in Delta's serialisation."""
    field = schema.get(name)
    assert field is not None, "checked by the caller"  # noqa: S101
    quoted = quote_identifier(field.name)
    value = f"CAST({quoted} AS {to_duckdb(field.type)})"
    match field.type:
        case Scalar("timestamp"):
            return f"CAST(timezone('UTC', {value}) AS VARCHAR)"
        case Scalar("string"):
            return f"nullif({value}, '')"
        case _:
            return f"CAST({value} AS VARCHAR)"


def _clear(root: str, token: str) -> None:
    """Delete what a COPY that failed had written; in a bucket unfinished uploads never show."""
    if not root.startswith("s3://"):
        for path in Path(root).glob(f"part-{token}-*"):
            path.unlink(missing_ok=True)


def _options(keys: Sequence[str], token: str) -> str:
    # Snappy writes and reads faster than zstd on local disks, at about twice the size.
    common = (
        "FORMAT parquet, COMPRESSION snappy, RETURN_STATS, "
        f"FILENAME_PATTERN 'part-{token}-{{uuid}}'"
    )
    if not keys:
        return f"{common}, APPEND, FILE_SIZE_BYTES {FILE_BYTES}, WRITE_EMPTY_FILE false"
    listed = ", ".join(quote_identifier(key) for key in keys)
    return (
        f"{common}, APPEND, PARTITION_BY ({listed}), WRITE_PARTITION_COLUMNS false, "
        "HIVE_FILE_PATTERN false"
    )


def _written(
    row: Sequence[Any], root: str, schema: Schema, named: dict[str, str], divider: str
) -> Written:
    filename, rows, size_bytes, _, columns, values = row
    values = values or {}
    partition = {column: values[key] for key, column in named.items()}
    stats = delta_stats(rows, columns, schema, leave_out=partition)
    path = filename.removeprefix(root).lstrip("/")
    return Written(DataFile(path, size_bytes, rows, partition, stats), values.get(divider))
