"""Read arrived files into bronze data files, side by side on a cluster.

The judgement of every value is that of the embedded engine, and so is the code: each of Spark's
tasks reads some files, or a piece of a large one, with a DuckDB of its own and writes its data
files, and only counts and lists of files come back. What one process must decide for all
files (the schema, above all) is decided here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.file_pieces import divided, weight_of
from lakeworks.engines.duckdb.file_tasks import LookAtCsv, Place, ReadGroup, statements_at
from lakeworks.engines.duckdb.files import (
    add_salvaged,
    ended,
    planned,
    read_fitting,
    reader_of,
)
from lakeworks.engines.duckdb.files import sample_schema as _sample_schema
from lakeworks.engines.duckdb.files_csv import CsvReader
from lakeworks.engines.duckdb.files_sink import Gathered, Sink
from lakeworks.engines.spark.tasks import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.types import Schema
    from lakeworks.engines.duckdb.files import FormatReader, Group
    from lakeworks.engines.protocol import ArrivedFile, FileReading, FilesRead
    from lakeworks.engines.spark.session import SparkLakeSession

MIB = 1024 * 1024
# A bound, of which most tasks touch a fifth: to read back rescued documents, which may be huge,
# a buffer of 512 MiB is laid out.
TASK_MEMORY_BYTES = 2048 * MIB
_LEAST_BYTES, _MOST_FILES = 16 * MIB, 500
# A task's data file comes near the size that readers like; Parquet and Avro are packed already.
_MOST_BYTES = {"json": 384 * MIB, "csv": 384 * MIB, "log": 384 * MIB}
_MOST_PACKED_BYTES = 128 * MIB
_ROUNDS = 2
# To look at so many bytes takes less time than to ask the cluster to.
_LOOKED_AT_HERE_BYTES = 64 * MIB


def read_files(session: SparkLakeSession, reading: FileReading) -> FilesRead:
    """Write the rows of arrived files as data files; commit nothing.

    Raises:
        LakeError: something other than the files' content is wrong.
    """
    place = Place(session.s3, TASK_MEMORY_BYTES)
    reading = replace(reading, s3=session.s3)
    with statements_at(place) as statements, translated(statements.con):
        runner = Runner(session.spark, statements, place, reading.root)
        read = _read_json if reading.format == "json" else _read
        total = read_fitting(statements, reading, lambda part: read(runner, part))
        salvaged = reading.options.get("rejects")
        if salvaged:
            add_salvaged(Sink(statements.con, reading), Path(salvaged), total)
    return total.result()


def sample_schema(session: SparkLakeSession, reading: FileReading) -> Schema:
    """Return the data columns that the files' beginnings show; write nothing, ask no cluster."""
    place = Place(session.s3, TASK_MEMORY_BYTES)
    with statements_at(place) as statements, translated(statements.con):
        return _sample_schema(statements.con, reading)


def part_bytes(runner: Runner, reading: FileReading) -> int:
    """Return how many bytes, unpacked, one task is to read at most."""
    total = sum(weight_of(file) for file in reading.files)
    share = total // (runner.cores() * _ROUNDS)
    return max(_LEAST_BYTES, min(share, _MOST_BYTES.get(reading.format, _MOST_PACKED_BYTES)))


def parts_of(
    runner: Runner, reading: FileReading, files: Sequence[ArrivedFile]
) -> list[tuple[ArrivedFile, ...]]:
    """Divide files among tasks."""
    most = part_bytes(runner, reading)
    return list(divided(files, most_bytes=most, most_files=_MOST_FILES))


def of_files(reading: FileReading, files: Sequence[ArrivedFile]) -> FileReading:
    """Return the reading of some of the files, ready to be sent to another machine."""
    from dataclasses import replace

    # Openers hold connections; the other side opens files by their address.
    return replace(reading, files=tuple(replace(file, opener=None) for file in files))


def _read_json(runner: Runner, reading: FileReading) -> Gathered:
    from lakeworks.engines.spark.files_json import SpreadJsonReader

    reader = SpreadJsonReader(runner, reading)
    total = Gathered()
    try:
        for group in planned(reader, reading):
            total.take(reader.read(group))
    finally:
        runner.statements.delete(reading.root, reader.sink.left)
    return ended(total, reader, reading)


def _read(runner: Runner, reading: FileReading) -> Gathered:
    reader = reader_of(runner.statements.con, reading)
    groups = planned(reader, reading, lambda: _groups(runner, reading, reader))
    tasks = [
        ReadGroup(of_files(reading, files), _bare(group), reader.schema)
        for group in groups
        for files in parts_of(runner, reading, group.files)
    ]
    total = Gathered()
    for done in runner.run(tasks, [task.reading.files for task in tasks]):
        total.take(done)
    return ended(total, reader, reading)


def _groups(runner: Runner, reading: FileReading, reader: FormatReader[Any]) -> Sequence[Group]:
    if not isinstance(reader, CsvReader):
        return reader.plan()
    if sum(weight_of(file) for file in reading.files) <= _LOOKED_AT_HERE_BYTES:
        return reader.planned(reader.look())
    parts = parts_of(runner, reading, reading.files)
    looks = runner.run([LookAtCsv(of_files(reading, files)) for files in parts], parts)
    return reader.planned(found for looked in looks for found in looked)


def _bare(group: Any) -> Any:  # noqa: ANN401 - a frozen dataclass of the format's own
    """Return a group without its files, which a task has of its reading."""
    from dataclasses import replace

    return replace(group, files=())
