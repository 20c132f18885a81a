"""Parquet files of a table rewritten without an engine: merged, cast, and sorted if asked.

`deltalake` could merge them too, but leaves the partition columns out of the files, which our
files hold (ARCHITECTURE.md, "Reading and writing, fast"). Loaded only by maintenance.
"""

from __future__ import annotations

import math
import tempfile
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeworks.core.types import Array, Decimal, Map, Scalar, Schema, Struct, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lakeworks.storage.files import DataFile
    from lakeworks.storage.objects import ObjectStore

_ROW_GROUP_ROWS = 1 << 20
# Of sorted rows readers leave out whole groups, so these are smaller: as DuckDB's own are.
_SORTED_GROUP_ROWS = 122_880
_ROW_GROUP_BYTES = 64 * 1024 * 1024
_COPY_BYTES = 8 * 1024 * 1024
_KEY_BITS = 63
_MOST_BITS = 16
_SCALARS = {
    "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "int": pa.int32(),
    "bigint": pa.int64(), "float": pa.float32(), "double": pa.float64(), "string": pa.string(),
    "binary": pa.binary(), "date": pa.date32(), "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}  # fmt: skip


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the Arrow schema of a table's files."""
    return pa.schema([(f.name, arrow_type(f.type)) for f in schema])


def arrow_type(found: Type) -> pa.DataType:
    """Return the Arrow type that holds a column's values."""
    match found:
        case Scalar():
            return _SCALARS[found.name]
        case Decimal():
            return pa.decimal128(found.precision, found.scale)
        case Array():
            return pa.list_(arrow_type(found.element))
        case Map():
            return pa.map_(arrow_type(found.key), arrow_type(found.value))
        case Struct():
            return pa.struct([(f.name, arrow_type(f.type)) for f in found.fields])


def fits(store: ObjectStore, found: DataFile, schema: Schema) -> bool:
    """Whether a file's columns have the table's types already; missing columns are fine."""
    wanted = arrow_schema(schema)
    with store.open_read(found.path) as file:
        have = pq.ParquetFile(file, arrow_extensions_enabled=False).schema_arrow
    return all(
        name not in have.names or _alike(have.field(name).type, wanted.field(name).type)
        for name in wanted.names
    )


def distinct(store: ObjectStore, files: Iterable[DataFile], column: str) -> set[Any]:
    """Return the values of a flat column of some files."""
    found: set[Any] = set()
    for one in files:
        with store.open_read(one.path) as file:
            reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
            if column in reader.schema_arrow.names:
                found.update(pc.unique(reader.read(columns=[column])[column]).to_pylist())
    return found


def merge(store: ObjectStore, files: Sequence[DataFile], schema: Schema) -> Iterator[DataFile]:
    """Write one file with the rows of several of one partition, in their order."""
    wanted = arrow_schema(schema)
    batches = (batch for f in files for batch in _read(store, f, wanted))
    yield _write(store, files[0], _row_groups(batches, wanted), schema)


def merge_sorted(
    store: ObjectStore,
    files: Sequence[DataFile],
    schema: Schema,
    columns: Sequence[str],
    *,
    target_file_bytes: int,
) -> Iterator[DataFile]:
    """Write files with the rows of several of one partition, in Z-order of `columns`.

    All the rows are held in memory at once.
    """
    wanted = arrow_schema(schema)
    batches = [batch for f in files for batch in _read(store, f, wanted)]
    table = pa.Table.from_batches(batches, wanted)
    table = table.take(pc.sort_indices(z_values(table, columns)))
    count = max(1, math.ceil(sum(f.size_bytes for f in files) / target_file_bytes))
    rows = max(1, math.ceil(table.num_rows / count))
    for start in range(0, max(table.num_rows, 1), rows):
        part = table.slice(start, rows)
        groups = _row_groups(part.to_batches(), wanted)
        yield _write(store, files[0], groups, schema, group_rows=_SORTED_GROUP_ROWS)


def z_values(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Return for each row its place on the Z-order curve: the interleaved bits of its ranks."""
    bits = min(_MOST_BITS, _KEY_BITS // len(columns))
    scaled = [_scaled_rank(table[name], bits) for name in columns]
    key = pa.repeat(pa.scalar(0, pa.int64()), table.num_rows)
    for bit in range(bits):
        for at, rank in enumerate(scaled):
            one = pc.bit_wise_and(pc.shift_right(rank, bit), 1)
            key = pc.bit_wise_or(key, pc.shift_left(one, bit * len(columns) + at))
    return key


def _scaled_rank(column: pa.ChunkedArray, bits: int) -> pa.Array:
    plain = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    try:
        rank = pc.rank(plain, tiebreaker="dense")
    except pa.ArrowNotImplementedError:
        rank = pc.rank(plain.cast(pa.string()), tiebreaker="dense")
    rank = rank.cast(pa.int64())
    top = pc.max(rank).as_py() or 1
    step = max(1, math.ceil(top / (1 << bits)))
    return pc.divide(pc.subtract(rank, 1), step)


def _alike(have: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_nested(have) or have == wanted:
        return True  # nested types gain fields only, which every reader fills with null
    return bool(pa.types.is_integer(have) and pa.types.is_integer(wanted))


def _read(store: ObjectStore, found: DataFile, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    with store.open_read(found.path) as file:
        reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
        for batch in reader.iter_batches():
            yield _conformed(batch, wanted, found)


def _conformed(batch: pa.RecordBatch, wanted: pa.Schema, found: DataFile) -> pa.RecordBatch:
    have = {name.casefold(): at for at, name in enumerate(batch.schema.names)}
    columns = []
    for field in wanted:
        at = have.get(field.name.casefold())
        if at is not None:
            columns.append(_cast(batch.column(at), field.type))
        elif found.partition.get(field.name) is not None:  # written by others: only in the log
            value = pa.scalar(found.partition[field.name]).cast(field.type)
            columns.append(pa.repeat(value, batch.num_rows))
        else:
            columns.append(pa.nulls(batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


def _cast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Cast, through lists and structs too, where fields may be missing."""
    if column.type == wanted:
        return column
    if pa.types.is_struct(wanted):
        names = [column.type.field(i).name for i in range(column.type.num_fields)]
        parts = [
            _cast(pc.struct_field(column, names.index(f.name)), f.type)
            if f.name in names
            else pa.nulls(len(column), f.type)
            for f in wanted
        ]
        return pa.StructArray.from_arrays(parts, fields=list(wanted), mask=column.is_null())
    if pa.types.is_list(wanted):
        # Offsets keep what nulls and slices hide, so the values are cast as flatten gives them.
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        ends = pc.cumulative_sum(lengths).cast(pa.int32())
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        values = _cast(pc.list_flatten(column), wanted.value_type)
        return pa.ListArray.from_arrays(offsets, values, type=wanted, mask=column.is_null())
    return column.cast(wanted)


def _row_groups(batches: Iterable[pa.RecordBatch], wanted: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _ROW_GROUP_ROWS or size >= _ROW_GROUP_BYTES:
            yield pa.Table.from_batches(held, wanted)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held, wanted)


def _write(
    store: ObjectStore,
    like: DataFile,
    tables: Iterable[pa.Table],
    schema: Schema,
    *,
    group_rows: int = _ROW_GROUP_ROWS,
) -> DataFile:
    folder = like.path.rpartition("/")[0]
    path = f"{folder}/{uuid.uuid4()}.parquet".lstrip("/")
    place = store.local_path(path)
    with tempfile.TemporaryDirectory() as scratch:
        written = place or Path(scratch) / "part.parquet"
        try:
            with pq.ParquetWriter(written, arrow_schema(schema), compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table, row_group_size=group_rows)
            if place is None:
                store.write_stream(path, _chunks(written))
        except BaseException:
            written.unlink(missing_ok=True)
            raise
        size = written.stat().st_size
        metadata = pq.read_metadata(written)
    found = replace(like, path=path, size_bytes=size, rows=metadata.num_rows)
    return replace(found, stats=footer_stats(metadata, schema))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            yield chunk


def footer_stats(metadata: pq.FileMetaData, schema: Schema) -> dict[str, Any]:
    """Return Delta's statistics of a file's flat columns from its footer."""
    found: dict[str, Any] = {"numRecords": metadata.num_rows}
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    flat = {f.name: f.type for f in schema if isinstance(f.type, (Scalar, Decimal))}
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    for leaf in range(metadata.num_columns if groups else 0):
        name = groups[0].column(leaf).path_in_schema
        parts = [group.column(leaf).statistics for group in groups]
        if name not in flat or not all(part and part.has_null_count for part in parts):
            continue
        nulls[name] = sum(part.null_count for part in parts)
        valued = [part for part in parts if part.has_min_max]
        if len(valued) == sum(part.num_values > 0 for part in parts) and valued:
            least, most = min(p.min for p in valued), max(p.max for p in valued)
            pair = _stat(least), _stat(most)
            if None not in pair:
                low[name], high[name] = pair
    return {**found, "minValues": low, "maxValues": high, "nullCount": nulls}


def _stat(value: Any) -> Any:  # noqa: ANN401 - any JSON scalar, or None when there is no exact one
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        text = value.astimezone(UTC) if value.tzinfo else value
        stamp = text.replace(tzinfo=None).isoformat(timespec="microseconds")
        return f"{stamp}Z" if value.tzinfo else stamp
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Number):
        return float(value) if Number(repr(float(value))) == value else None
    return None
