"""Write a stream of rows as files of a format that others read: Parquet, ORC, JSON lines, text.

Files stay near one size; with partitions, each folder `column=value` has its own, and the column is
in the folder's name alone, as Hive and Athena read it. Text holds a backslash before what would end
a field, and for null a backslash and N, as Hive's does; CSV has a header and quotes.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from lakeworks.query.statements.errors import WriteOptionError
from lakeworks.query.values import as_text, json_values, plain, python_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

# By format, the ways to pack it; the first is Athena's default.
FORMATS: dict[str, tuple[str, ...]] = {
    "PARQUET": ("GZIP", "SNAPPY", "ZSTD", "NONE"),
    "ORC": ("ZLIB", "SNAPPY", "ZSTD", "NONE"),
    "JSON": ("GZIP", "NONE"),
    "CSV": ("GZIP", "NONE"),
    "TEXTFILE": ("GZIP", "NONE"),
}
FILE_ROWS = 5_000_000
GROUP_ROWS = 122_880
OPEN_FILES = 100
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_SOH = "\x01"


@dataclass(frozen=True, slots=True)
class UnloadFormat:
    """How files are written.

    Attributes:
        packing: One of the format's in `FORMATS`.
        delimiter: Between fields of text; empty for the format's own.
    """

    name: str
    packing: str
    delimiter: str = ""

    @property
    def suffix(self) -> str:
        """How names of files end."""
        ends = {"PARQUET": ".parquet", "ORC": ".orc", "JSON": ".json", "CSV": ".csv"}
        packed = ".gz" if self.packing == "GZIP" and self.name != "PARQUET" else ""
        return ends.get(self.name, ".txt") + packed


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def write_files(
    rows: pa.RecordBatchReader,
    folder: Path,
    form: UnloadFormat,
    partitions: Sequence[str],
    run_id: str,
) -> None:
    """Write all rows below a folder.

    Raises:
        WriteOptionError: a column's type does not go into the format.
    """
    import pyarrow as pa

    files = _Files(folder, form, run_id)
    inner = pa.schema([one for one in rows.schema if one.name not in partitions])
    if partitions and not len(inner):
        raise WriteOptionError.value(
            "partitioned_by", ", ".join(partitions), ("some of the columns, not all",)
        )
    try:
        for batch in rows:
            if not partitions:
                files.write("", batch)
                continue
            for below, part in _divided(batch, partitions, inner):
                files.write(below, part)
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise WriteOptionError.value("format", form.name, (f"another: {error}",)) from None
    finally:
        files.close()


@dataclass
class _Files:
    """The files under way, by the folder that they are in."""

    folder: Path
    form: UnloadFormat
    run_id: str
    number: int = 0
    open: dict[str, tuple[_Writer, int]] = field(default_factory=dict)

    def write(self, below: str, batch: pa.RecordBatch) -> None:
        writer, rows = self.open.pop(below, (None, 0))
        if writer is None:
            writer = self._begun(below, batch.schema)
        writer.write(batch)
        if rows + batch.num_rows >= FILE_ROWS:
            writer.close()
            return
        self.open[below] = (writer, rows + batch.num_rows)
        if len(self.open) > OPEN_FILES:  # the one that was written to the longest ago
            oldest = next(iter(self.open))
            self.open.pop(oldest)[0].close()

    def close(self) -> None:
        for writer, _ in self.open.values():
            writer.close()
        self.open = {}

    def _begun(self, below: str, schema: pa.Schema) -> _Writer:
        self.number += 1
        folder = self.folder / below if below else self.folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.run_id}_{self.number:05}{self.form.suffix}"
        match self.form.name:
            case "PARQUET":
                return _Parquet(path, schema, self.form.packing)
            case "ORC":
                return _Orc(path, self.form.packing)
            case _:
                return _Text(path, schema, self.form)


class _Parquet:
    """Rows are gathered into groups that readers can skip: a batch each would be far too small."""

    def __init__(self, path: Path, schema: pa.Schema, packing: str) -> None:
        import pyarrow.parquet as pq

        # Level 1 takes a fifth of the time of zlib's own choice, for a tenth more bytes.
        level = 1 if packing == "GZIP" else None
        self._writer = pq.ParquetWriter(
            path, schema, compression=packing.lower(), compression_level=level
        )
        self._held: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held))
        self._held, self._rows = [], 0


class _Orc:
    def __init__(self, path: Path, packing: str) -> None:
        from pyarrow import orc

        kind = "uncompressed" if packing == "NONE" else packing.lower()
        self._writer = orc.ORCWriter(str(path), compression=kind)

    def write(self, batch: pa.RecordBatch) -> None:
        import pyarrow as pa

        self._writer.write(pa.Table.from_batches([batch]))

    def close(self) -> None:
        self._writer.close()


class _Text:
    """JSON lines, CSV, or fields with a mark between them."""

    def __init__(self, path: Path, schema: pa.Schema, form: UnloadFormat) -> None:
        opened: IO[bytes] = path.open("wb")
        self._raw = opened
        packed: Any = opened
        if form.packing == "GZIP":
            packed = gzip.GzipFile("", "wb", compresslevel=1, fileobj=opened, mtime=0)
        self._file = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        self._names = schema.names
        self._form = form
        self._delimiter = form.delimiter or ("," if form.name == "CSV" else _SOH)
        if form.name == "CSV":
            self._file.write(_csv_line(self._names, self._delimiter))

    def write(self, batch: pa.RecordBatch) -> None:
        if self._form.name == "JSON":
            encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
            columns = [json_values(column) for column in batch.columns]
            self._file.writelines(
                encode(dict(zip(self._names, row, strict=True))) + "\n"
                for row in zip(*columns, strict=True)
            )
            return
        cells = [[_text(v) for v in python_values(column)] for column in batch.columns]
        line = _csv_line if self._form.name == "CSV" else _fields
        self._file.writelines(line(row, self._delimiter) for row in zip(*cells, strict=True))

    def close(self) -> None:
        self._file.close()
        self._raw.close()


def _text(value: Any) -> str | None:  # noqa: ANN401 - any value a column can hold
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict | tuple):
        return json.dumps(plain(value), ensure_ascii=False)
    return as_text(value)


def _csv_line(row: Sequence[str | None], delimiter: str) -> str:
    line = io.StringIO()
    if None not in row and "" not in row:
        csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(row)
        return line.getvalue()
    # Null is nothing, an empty text is a pair of quotes.
    return delimiter.join("" if one is None else _quoted(one, delimiter) for one in row) + "\n"


def _quoted(cell: str, delimiter: str) -> str:
    if cell and not any(mark in cell for mark in (delimiter, '"', "\r", "\n")):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def _fields(row: Sequence[str | None], delimiter: str) -> str:
    return (
        delimiter.join("\\N" if one is None else _escaped(one, delimiter) for one in row) + "\n"
    )


def _escaped(cell: str, delimiter: str) -> str:
    for mark, written in (
        ("\\", "\\\\"),
        (delimiter, f"\\{delimiter}"),
        ("\n", "\\n"),
        ("\r", "\\r"),
    ):
        cell = cell.replace(mark, written)
    return cell


def _divided(
    batch: pa.RecordBatch, partitions: Sequence[str], inner: pa.Schema
) -> list[tuple[str, pa.RecordBatch]]:
    """Return the rows by their folder, without the columns that it names."""
    import pyarrow as pa

    keys = [[_text(v) for v in python_values(batch.column(name))] for name in partitions]
    places: dict[tuple[str | None, ...], list[int]] = {}
    for at, values in enumerate(zip(*keys, strict=True)):
        places.setdefault(values, []).append(at)
    rest = batch.select(inner.names)
    return [
        (
            "/".join(
                f"{quote(name, safe='')}={quote(value, safe=' ') if value else _HIVE_NULL}"
                for name, value in zip(partitions, values, strict=True)
            ),
            rest.take(pa.array(at)),
        )
        for values, at in places.items()
    ]
