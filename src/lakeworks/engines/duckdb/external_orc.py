"""Read ORC files stripe by stripe into Arrow batches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa
    from pyarrow import orc

    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.storage.external import ExternalFile, ExternalSource


def orc_schema(source: ExternalSource, opener: Opener, file: ExternalFile) -> pa.Schema:
    """Return the columns of a file."""
    with _opened(source, opener, file) as reader:
        return reader.schema


def orc_columns(
    source: ExternalSource, opener: Opener, files: Sequence[ExternalFile]
) -> list[tuple[str, pa.DataType]]:
    """Return the name and the type in the files of each of the table's columns, in its order.

    The widest type is that of the first file that holds the column; `_cast` refuses loss.
    """
    import pyarrow as pa

    wanted = [f.name for f in source.data_fields]
    found: dict[str, pa.DataType] = {}
    for file in files:
        with _opened(source, opener, file) as reader:
            for field in reader.schema:
                found.setdefault(field.name.casefold(), field.type)
        if all(name.casefold() in found for name in wanted):
            break
    return [(name, found.get(name.casefold(), pa.null())) for name in wanted]


def orc_reader(
    source: ExternalSource, opener: Opener, columns: Sequence[tuple[str, pa.DataType]]
) -> Callable[[ExternalFile], Iterator[pa.RecordBatch]]:
    """Return what gives the batches of a file."""

    def read(file: ExternalFile) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with _opened(source, opener, file) as reader:
            names = {field.name.casefold(): field.name for field in reader.schema}
            held = [names.get(name.casefold()) for name, _ in columns]
            chosen = [name for name in held if name is not None]
            for number in range(reader.nstripes):
                # A stripe is read without its columns only to count its rows.
                stripe = reader.read_stripe(number, columns=chosen)
                arrays = [
                    pa.nulls(stripe.num_rows, kind)
                    if name is None
                    else stripe.column(name).cast(kind)
                    for name, (_, kind) in zip(held, columns, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, [f"c{n}" for n in range(len(columns))])

    return read


@contextmanager
def _opened(
    source: ExternalSource, opener: Opener, file: ExternalFile
) -> Iterator[orc.ORCFile]:
    import pyarrow as pa
    from pyarrow import orc

    arrived = opener.arrived(file)
    with arrived.open() as stream:
        try:
            held = pa.OSFile(file.uri) if arrived.opener is None else pa.PythonFile(stream, "r")
            yield orc.ORCFile(held)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).split("\n", 1)[0]
            problem = f"is no ORC that can be read: {reason}"
            raise ExternalDataError.met(source.name, file.uri, problem) from error
