"""Where rows of arrived files go: data files of the bronze table, or its quarantine.

One COPY divides rows by `__fate`: what is `GOOD` is a data file at once; what is in doubt lies
beside it until it has been looked at again, its raw text in `_rescued`.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb import files_folders
from lakeworks.engines.duckdb.parquet_io import copy_out
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.protocol import FilesRead
from lakeworks.engines.written import free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from lakeworks.engines.protocol import ArrivedFile, FileReading
    from lakeworks.storage.files import DataFile

GOOD, DOUBTFUL, BROKEN = files_folders.GOOD, "1", "2"
LONGEST_ROW = 1 << 20
SYSTEM_FIELDS = (
    Field("_source_file", Scalar("string")),
    Field("_ingested_at", Scalar("timestamp")),
    Field("_run_id", Scalar("string")),
    Field("_rescued", Scalar("string")),
)
QUARANTINE_SCHEMA = Schema((
    Field("row", Scalar("string")),
    Field("rule", Scalar("string")),
    Field("error", Scalar("string")),
    Field("source_file", Scalar("string")),
    Field("source_row", Scalar("bigint")),
    Field("run_id", Scalar("string")),
    Field("quarantined_at", Scalar("timestamp")),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that does not enter the table."""

    row: str | None
    rule: str
    error: str
    source_file: str
    source_row: int | None = None

    def line(self) -> str:
        """Return the reject as one line of JSON."""
        row, error = self.row, self.error
        if row is not None and len(row) > LONGEST_ROW:
            row = row[:LONGEST_ROW]
            error = f"{error} (shown cut to {LONGEST_ROW:,} characters; landing has it whole)"
        values = (row, self.rule, error, self.source_file, self.source_row)
        text = json.dumps(dict(zip(REJECT_KEYS, values, strict=True)), ensure_ascii=True)
        return text + "\n"


REJECT_KEYS = ("row", "rule", "error", "source_file", "source_row")


@dataclass(slots=True)
class Gathered:
    """What one or several passes over files have written so far."""

    added: list[DataFile] = field(default_factory=list)
    rejected: list[DataFile] = field(default_factory=list)
    written: int = 0
    quarantined: int = 0
    schema: Schema = field(default_factory=Schema)
    unreadable: dict[str, str] = field(default_factory=dict)

    def take(self, other: Gathered) -> None:
        """Add what another pass gave; its schema, which grew from this one's, holds."""
        self.added += other.added
        self.rejected += other.rejected
        self.written += other.written
        self.quarantined += other.quarantined
        self.schema = other.schema
        self.unreadable |= other.unreadable

    def result(self) -> FilesRead:
        """Return it as the protocol wants it, system columns last."""
        return FilesRead(
            Schema((*self.schema, *SYSTEM_FIELDS)),
            tuple(self.added),
            tuple(self.rejected),
            self.written + self.quarantined,
            self.written,
            self.quarantined,
            dict(self.unreadable),
        )


class Sink:
    """Writes rows for one `FileReading`.

    Attributes:
        left: Paths of files that were only looked at and are still there.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, reading: FileReading) -> None:
        self.con = con
        self.reading = reading
        self.left: list[str] = []

    def stamps(self, source_file: str) -> str:
        """Return the select list of the system columns but `_rescued`."""
        moment = quote_literal(self.reading.moment)
        return (
            f"{source_file} AS _source_file, CAST({moment} AS TIMESTAMPTZ) AS _ingested_at, "
            f"{quote_literal(self.reading.run_id)} AS _run_id"
        )

    def copy(self, select: str, schema: Schema) -> dict[str, list[DataFile]]:
        """Write rows divided by `__fate`; return the files of each fate.

        `select` gives `__fate`, the data columns of `schema`, and the system columns.
        """
        if self.reading.partitions:
            select, schema = files_folders.with_values(select, schema, self.reading)
        files: dict[str, list[DataFile]] = {GOOD: [], DOUBTFUL: [], BROKEN: []}
        written = copy_out(
            self.con,
            select,
            self.reading.root,
            partition_by=[c for c in self.reading.partition_by if c in schema],
            divide_by=free_name(schema.names, "__fate"),
            schema=Schema((*schema, *SYSTEM_FIELDS)),
            table=self.reading.table,
            s3=self.reading.s3,
        )
        for one in written:
            files[one.divided or GOOD].append(one.file)
        return files

    def discard(self, files: Iterable[DataFile]) -> None:
        """Delete files that were only looked at; those in a bucket go together, later."""
        for file in files:
            if self.reading.root.startswith("s3://"):
                self.left.append(file.path)
                continue
            with contextlib.suppress(OSError):
                Path(self.reading.root, file.path).unlink()

    def uris(self, files: Sequence[DataFile]) -> str:
        """Return the files as a SQL list."""
        return path_list(f"{self.reading.root}/{file.path}" for file in files)

    def reject_select(self, select: str) -> list[DataFile]:
        """Quarantine rows; `select` gives the first five columns of a quarantine table."""
        moment = quote_literal(self.reading.moment)
        stamped = (
            f"SELECT * REPLACE (source_row + {self._line_offset()} AS source_row), "
            f"{quote_literal(self.reading.run_id)} AS run_id, "
            f"CAST({moment} AS TIMESTAMPTZ) AS quarantined_at FROM ({select})"
        )
        written = copy_out(
            self.con,
            stamped,
            self.reading.rejects_root,
            schema=QUARANTINE_SCHEMA,
            table=self.reading.table,
            s3=self.reading.s3,
        )
        return [one.file for one in written]

    def _line_offset(self) -> str:
        """Return how many lines of its file come before what was read, for files that grew."""
        offsets = self.reading.options.get("line_offsets") or {}
        whens = " ".join(f"WHEN {quote_literal(f)} THEN {n}" for f, n in offsets.items() if n)
        return f"CASE source_file {whens} ELSE 0 END" if whens else "0"

    def refuse(self, done: Gathered, into: Gathered) -> None:
        """Quarantine all rows of files that were read only to be refused: see `by_fit`."""
        if done.added:
            uris = self.uris(done.added)
            into.rejected += self.reject_select(
                files_folders.refusals(self.reading, done.schema, uris)
            )
            self.discard(done.added)
        into.rejected += done.rejected
        into.quarantined += done.written + done.quarantined
        into.unreadable |= done.unreadable

    def reject_lines(self, path: Path) -> list[DataFile]:
        """Quarantine what a file of `Reject.line`s holds."""
        columns = "{row: 'VARCHAR', rule: 'VARCHAR', error: 'VARCHAR', "
        columns += "source_file: 'VARCHAR', source_row: 'BIGINT'}"
        if not path.exists() or not path.stat().st_size:
            return []
        return self.reject_select(
            f"SELECT * FROM read_json({path_list([str(path)])}, columns = {columns}, "
            f"format = 'newline_delimited', maximum_object_size = {LONGEST_ROW * 16}, "
            "hive_partitioning = false)"
        )


class RejectFile:
    """A file of rejects, written row by row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: TextIO | None = None

    def add(self, reject: Reject) -> None:
        """Write one."""
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        self._file.write(reject.line())
        self.rows += 1

    def close(self) -> None:
        """Flush and close."""
        if self._file is not None:
            self._file.close()
            self._file = None


def path_list(uris: Iterable[str]) -> str:
    """Return paths as a SQL list that no glob character widens."""
    return "[" + ", ".join(quote_literal(_literal_glob(uri)) for uri in uris) + "]"


def _literal_glob(uri: str) -> str:
    if not any(mark in uri for mark in "*?["):
        return uri
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in uri)


def source_file_of(files: Sequence[ArrivedFile]) -> tuple[str, str]:
    """Return (expression over `filename`, join clause or '') that gives `_source_file`.

    Landed files end in their source file's path, so that cutting a fixed head off will do;
    anything else is looked up.
    """
    heads = {len(f.uri) - len(f.source_file) for f in files}
    if len(heads) == 1 and all(f.uri.endswith(f.source_file) for f in files):
        return f"substr(filename, {heads.pop() + 1})", ""
    pairs = ", ".join(
        f"({quote_literal(f.uri)}, {quote_literal(f.source_file)})" for f in files
    )
    return (
        "__name.source_file",
        f"JOIN (VALUES {pairs}) AS __name(uri, source_file) ON uri = filename",
    )


def with_fate(fate: str, schema: Schema) -> str:
    """Return the select item for a row's fate, under a name that no column has."""
    return f"{fate} AS {quote_identifier(free_name(schema.names, '__fate'))}"


def typed_nulls(schema: Schema, having: Mapping[str, str]) -> Iterator[str]:
    """Yield select items for every column: its expression, or null of its type."""
    for f in schema:
        expression = having.get(f.name, "NULL")
        yield f"CAST({expression} AS {to_duckdb(f.type)}) AS {quote_identifier(f.name)}"


def rows_of(files: Iterable[DataFile]) -> int:
    """Count the rows of files."""
    return sum(file.rows for file in files)
