"""Let SQL read the files that Python opens, ORC and XML, as streams of Arrow batches.

A stream begins anew for each scan and holds one batch at a time, so that files may be larger than
memory. It needs none of the engine's access to files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Field, Map, Scalar, Struct
from lakeworks.engines.duckdb.external_parts import no_rows, partition_items
from lakeworks.engines.duckdb.external_values import LOG_MOMENT, Values
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from lakeworks.core.types import Type
    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.storage.external import ExternalFile, ExternalSource


def stream_select(
    source: ExternalSource, opener: Opener, register: Callable[[object], str]
) -> str:
    """Return a SELECT of the rows of files that Python reads: ORC, XML, logs by odd patterns.

    Args:
        source: The table.
        opener: Opens its files.
        register: Takes the stream; returns the name under which SQL reads it.
    """
    files = [file for file in source.files if file.size_bytes]
    if not files:
        return no_rows(source)
    if source.format != "orc":
        columns = _columns([Field(f.name, _as_text(f.type)) for f in source.data_fields])
        moments = LOG_MOMENT if source.format == "log" else ""
        values = Values(source.name, source.options.null_for_invalid, moment_format=moments)
        items = [
            f"{values.column(f'__row.c{n}', f)} AS {quote_identifier(f.name)}"
            for n, f in enumerate(source.data_fields)
        ]
        read = _text_reader(source)(source, opener, columns)
    else:
        from lakeworks.engines.duckdb.external_orc import orc_columns, orc_reader

        held = orc_columns(source, opener, files)
        columns = [(f"c{n}", kind) for n, (_, kind) in enumerate(held)]
        items = [
            f"CAST(__row.c{n} AS {to_duckdb(f.type)}) AS {quote_identifier(f.name)}"
            for n, f in enumerate(source.data_fields)
        ]
        read = orc_reader(source, opener, held)
    name = register(_Stream(source, files, columns, read))
    texts = [f"__row.p{n}" for n in range(len(source.partition_columns))]
    items += partition_items(source, Values(source.name), texts)
    return f"SELECT {', '.join(items)} FROM {quote_identifier(name)} AS __row"


def _text_reader(
    source: ExternalSource,
) -> Callable[..., Callable[[ExternalFile], Iterator[pa.RecordBatch]]]:
    if source.format == "xml":
        from lakeworks.engines.duckdb.external_xml import xml_reader

        return xml_reader
    from lakeworks.engines.duckdb.external_lines import line_reader

    return line_reader


class _Stream:
    """The rows of all files, with their partitions' values as text. May be read many times."""

    def __init__(
        self,
        source: ExternalSource,
        files: list[ExternalFile],
        columns: list[tuple[str, pa.DataType]],
        read: Callable[[ExternalFile], Iterator[pa.RecordBatch]],
    ) -> None:
        import pyarrow as pa

        self._source = source
        self._files = files
        self._read = read
        values = [(f"p{n}", pa.string()) for n in range(len(source.partition_columns))]
        self._schema = pa.schema([*columns, *values])

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            for file in self._files:
                for batch in self._read(file):
                    values = [
                        pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
                        for value in file.values
                    ]
                    yield pa.RecordBatch.from_arrays(
                        [*batch.columns, *values], schema=self._schema
                    )
        except ExternalDataError as error:
            # It passes through the engine as a text.
            raise RuntimeError(error.as_text) from error


def _columns(fields: list[Field]) -> list[tuple[str, pa.DataType]]:
    return [(f"c{n}", arrow_type(f.type)) for n, f in enumerate(fields)]


def _as_text(kind: Type) -> Type:
    match kind:
        case Array(element):
            return Array(_as_text(element))
        case Map(_, value):
            return Map(Scalar("string"), _as_text(value))
        case Struct(fields):
            return Struct(tuple(Field(f.name, _as_text(f.type)) for f in fields))
        case _:
            return Scalar("string")


def arrow_type(kind: Type) -> pa.DataType:
    """Return the Arrow type of text in the shape of a type."""
    import pyarrow as pa

    match kind:
        case Array(element):
            return pa.list_(arrow_type(element))
        case Map(key, value):
            return pa.map_(arrow_type(key), arrow_type(value))
        case Struct(fields):
            return pa.struct([pa.field(f.name, arrow_type(f.type)) for f in fields])
        case _:
            return pa.string()
