"""Write a result to a file in one of the formats of `results.FORMATS`, batch by batch.

A format's shape does not depend on how the rows were cut into batches.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakeworks.query.results import BINARY_FORMATS
from lakeworks.query.text_table import text_table
from lakeworks.query.values import as_text, json_values, plain, python_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from lakeworks.query.results import QueryResult


def write(result: QueryResult, format: str, out: Path | str | IO[Any]) -> int:  # noqa: A002
    """Write all rows and return how many; see `QueryResult.write`."""
    if format in BINARY_FORMATS:
        with _opened(out, "wb") as file:
            return _BINARY[format](result, file)
    with _opened(out, "w") as file, _as_text(file) as text:
        return _TEXT[format](result, text)


def _write_table(result: QueryResult, out: IO[str]) -> int:
    """Write as wide as the terminal, where there is one. Reads all rows first."""
    table = result.to_arrow()
    columns = [
        [value for chunk in column.chunks for value in python_values(chunk)]
        for column in table.columns
    ]
    width = shutil.get_terminal_size().columns if _is_terminal(out) else None
    out.write(text_table(result.columns, columns, width=width))
    return int(table.num_rows)


def _write_csv(result: QueryResult, out: IO[str]) -> int:
    """Write RFC 4180 with a header; null is nothing, an empty text is a pair of quotes."""
    out.write(_csv_line(list(result.columns)))
    rows = 0
    for batch in result.batches():
        columns = [[_csv_cell(v) for v in python_values(column)] for column in batch.columns]
        out.writelines(_csv_line(list(row)) for row in zip(*columns, strict=True))
        rows += batch.num_rows
    return rows


def _csv_cell(value: Any) -> str | None:  # noqa: ANN401
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return json.dumps(plain(value), ensure_ascii=False)
    return as_text(value)


def _csv_line(row: list[str | None]) -> str:
    if None not in row and "" not in row:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        return line.getvalue()
    return ",".join("" if cell is None else _quoted(cell) for cell in row) + "\n"


def _quoted(cell: str) -> str:
    if cell and not any(mark in cell for mark in ',"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def _write_json(result: QueryResult, out: IO[str]) -> int:
    rows = 0
    for line in _json_lines(result):
        out.write(",\n " if rows else "[")
        out.write(line)
        rows += 1
    out.write("]\n" if rows else "[]\n")
    return rows


def _write_json_lines(result: QueryResult, out: IO[str]) -> int:
    rows = 0
    for line in _json_lines(result):
        out.write(line + "\n")
        rows += 1
    return rows


def _json_lines(result: QueryResult) -> Iterator[str]:
    names = result.columns
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    for batch in result.batches():
        columns = [json_values(column) for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield encode(dict(zip(names, row, strict=True)))


def _write_parquet(result: QueryResult, out: IO[bytes]) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, result.schema, compression="zstd") as writer:
        return _each(result, writer.write_batch)


def _write_arrow(result: QueryResult, out: IO[bytes]) -> int:
    import pyarrow as pa

    with pa.ipc.new_stream(out, result.schema) as writer:
        return _each(result, writer.write_batch)


def _each(result: QueryResult, put: Callable[[pa.RecordBatch], None]) -> int:
    rows = 0
    for batch in result.batches():
        put(batch)
        rows += batch.num_rows
    return rows


@contextmanager
def _opened(out: Path | str | IO[Any], mode: str) -> Iterator[IO[Any]]:
    """Open a path, written whole or not at all; an open file is left open."""
    if not isinstance(out, Path | str):
        yield out
        return
    target = Path(out)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    encoding = None if "b" in mode else "utf-8"
    newline = None if "b" in mode else ""
    try:
        with unfinished.open(mode, encoding=encoding, newline=newline) as file:
            yield file
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _as_text(file: IO[Any]) -> Iterator[IO[str]]:
    """Give a file that takes text: a binary one is wrapped for the while, as UTF-8."""
    raw: Any = file
    if not isinstance(raw, io.RawIOBase | io.BufferedIOBase):
        yield file
        return
    wrapped = io.TextIOWrapper(raw, encoding="utf-8", newline="")  # type: ignore[type-var]
    try:
        yield wrapped
        wrapped.flush()
    finally:
        wrapped.detach()


def _is_terminal(out: IO[str]) -> bool:
    return bool(getattr(out, "isatty", lambda: False)())


_TEXT: dict[str, Callable[[QueryResult, IO[str]], int]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_json_lines,
}
_BINARY: dict[str, Callable[[QueryResult, IO[bytes]], int]] = {
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}
