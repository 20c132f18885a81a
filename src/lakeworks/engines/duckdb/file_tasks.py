"""The parts into which reading arrived files is divided, each done by one process on its own.

A cluster is handed these as data and runs each wherever it likes, more than once if a machine is
lost: a task deletes nothing that it did not write itself, and what it reports is all that counts.
"""

from __future__ import annotations

import pickle
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb import json_doubts
from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.file_pieces import cut_out
from lakeworks.engines.duckdb.files import read_group, reader_of
from lakeworks.engines.duckdb.files_csv import CsvReader
from lakeworks.engines.duckdb.files_json import JsonReader, Passed
from lakeworks.engines.duckdb.files_sink import Gathered
from lakeworks.engines.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import duckdb

    from lakeworks.core.types import Schema
    from lakeworks.engines.duckdb.files_csv import Looked
    from lakeworks.engines.duckdb.files_json import Group as JsonGroup
    from lakeworks.engines.duckdb.json_doubts import Doubts
    from lakeworks.engines.duckdb.json_sql import KeyLists
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.engines.protocol import ArrivedFile, FileReading


@dataclass(frozen=True, slots=True)
class Place:
    """What a process may use for one task.

    Attributes:
        s3: How `s3://` is reached, or None.
        memory_limit_bytes: Held at most; what does not fit goes to its disk.
    """

    s3: Mapping[str, str | bool] | None
    memory_limit_bytes: int


class Task(Protocol):
    """One part of the work: pickled, and pickled is its result."""

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> Any:  # noqa: ANN401
        """Do it."""
        ...


def run_packed(packed: bytes, place: Place) -> bytes:
    """Run a packed task; return its packed result, or the error that a user is to see."""
    task: Task = pickle.loads(packed)  # noqa: S301 - packed by the process that asks
    try:
        with statements_at(place) as statements, translated(statements.con):
            result: Any = task.run(statements, place.s3)
    except LakeError as error:
        error.__traceback__ = None
        result = error
    return pickle.dumps(result)


@contextmanager
def statements_at(place: Place) -> Iterator[Statements]:
    """Open a DuckDB that serves for one task."""
    with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
        engine = DuckEngine(
            temp_directory=str(Path(folder, "spill")),
            memory_limit=place.memory_limit_bytes,
            threads=1,
            s3=place.s3,
        )
        try:
            yield engine.statements()
        finally:
            engine.close()


@contextmanager
def connection_at(place: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that serves for one question."""
    with statements_at(place) as statements:
        yield statements.con


@dataclass(frozen=True, slots=True)
class LookAtCsv:
    """Find how CSV files are written."""

    reading: FileReading

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> list[Looked]:
        """Look at each file of the reading."""
        return list(CsvReader(statements.con, _reachable(self.reading, s3)).look())


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """Read files of one group to the end: CSV, logs, Parquet, Avro.

    Attributes:
        group: What the format's reader calls one, without its files.
        schema: The table's columns, as the plan for all files has them.
    """

    reading: FileReading
    group: Any
    schema: Schema

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> Gathered:
        """Read them; name the files that cannot be."""
        reading = _reachable(self.reading, s3)
        group = replace(self.group, files=tuple(reading.files))
        reader = reader_of(statements.con, reading)
        reader.schema = self.schema
        total = Gathered(schema=self.schema)
        try:
            parts = reader.apart(group) if isinstance(reader, CsvReader) else [group]
            for part in parts:
                read_group(statements.con, reader, part, total)
        finally:
            statements.delete(reading.root, reader.sink.left)
        return total


@dataclass(slots=True)
class JsonPassed(Passed):
    """What one task's pass over JSON gave.

    Attributes:
        lines: How many lines end in the piece of a file, where it was a piece.
    """

    unreadable: dict[str, str] = field(default_factory=dict)
    lines: int = 0

    def take(self, other: Passed) -> None:
        """Add what another pass gave."""
        self.good += other.good
        self.doubtful += other.doubtful
        self.broken += other.broken


@dataclass(frozen=True, slots=True)
class JsonPart:
    """Some JSON files of a group, or a piece of one.

    Attributes:
        span: The bytes in which the piece's lines begin, if only a piece of the one file is
            to be read.
    """

    reading: FileReading
    group: JsonGroup
    span: tuple[int, int] | None = None

    @contextmanager
    def opened(
        self, s3: Mapping[str, str | bool] | None
    ) -> Iterator[tuple[FileReading, JsonGroup, int]]:
        """Give the reading, its group and the lines of a piece, which lies on this machine."""
        reading = _reachable(self.reading, s3)
        place = nullcontext("") if self.span is None else tempfile.TemporaryDirectory()
        with place as folder:
            if self.span is None:
                yield reading, replace(self.group, files=tuple(reading.files)), 0
                return
            [file] = reading.files
            made, lines = cut_out(file, self.span, Path(folder))
            files = (made,) if made.size_bytes else ()
            yield reading, replace(self.group, files=files), lines


@dataclass(frozen=True, slots=True)
class PassOverJson:
    """Divide the documents of JSON files into those that fit, are in doubt, or are none."""

    part: JsonPart
    schema: Schema
    common: list[KeyLists]

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> JsonPassed:
        """Write each kind to files of its own."""
        with self.part.opened(s3) as (reading, group, lines):
            reader = JsonReader(statements.con, reading)
            reader.schema = self.schema
            total = JsonPassed(lines=lines)
            if group.files:
                read_group(statements.con, _Pass(reader, self.common), group, total)
        return total


@dataclass(frozen=True, slots=True)
class LookAtJson:
    """Look at documents in doubt for fields and types not known yet."""

    reading: FileReading
    passed: Passed
    schema: Schema

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> Doubts:
        """Return what they show, without the documents."""
        reader = JsonReader(statements.con, _reachable(self.reading, s3))
        uris = reader.sink.uris(self.passed.doubtful)
        strict = self.reading.mode == "strict"
        doubts = json_doubts.look_at(statements.con, uris, self.schema, strict=strict)
        doubts.settled = None
        return doubts


@dataclass(frozen=True, slots=True)
class SettleJson:
    """Make rows of documents in doubt, and quarantine what is no JSON."""

    part: JsonPart
    passed: Passed
    schema: Schema

    def run(self, statements: Statements, s3: Mapping[str, str | bool] | None) -> Gathered:
        """Write them; what the pass wrote is counted too, and left where it is."""
        part = self.part if self.passed.broken else replace(self.part, span=None)
        with part.opened(s3) as (reading, group, _):
            reader = JsonReader(statements.con, reading)
            reader.schema = self.schema
            uris = reader.sink.uris(self.passed.doubtful)
            outcomes = json_doubts.outcomes(
                statements.con, uris, self.schema, strict=reading.mode == "strict"
            )
            return reader.settle(group, self.passed, outcomes)


@dataclass(frozen=True, slots=True)
class _Pass:
    """Reads no more of a group than its pass."""

    reader: JsonReader
    common: list[KeyLists]

    def read(self, group: JsonGroup) -> Passed:
        return self.reader.pass_over(group, self.common)


def _reachable(reading: FileReading, s3: Mapping[str, str | bool] | None) -> FileReading:
    """Return the reading with files that open from here."""
    return replace(reading, files=tuple(_openable(reading.files, s3)))


def _openable(
    files: Iterable[ArrivedFile], s3: Mapping[str, str | bool] | None
) -> Iterator[ArrivedFile]:
    stores: dict[str, Any] = {}
    for file in files:
        if not file.uri.startswith("s3://"):
            yield file
            continue
        bucket, _, path = file.uri.removeprefix("s3://").partition("/")
        if bucket not in stores:
            stores[bucket] = store_of(f"s3://{bucket}", s3 or {})
        opener: partial[BinaryIO] = partial(stores[bucket].open_read, path)
        yield replace(file, opener=opener)
