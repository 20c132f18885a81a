"""Read arrived files into bronze data files: choose the reader, set aside what it cannot read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from lakeworks.engines.duckdb import files_folders
from lakeworks.engines.duckdb.errors import lake_error
from lakeworks.engines.duckdb.files_sink import Gathered, Sink
from lakeworks.engines.errors import DiskFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb

    from lakeworks.core.errors import LakeError
    from lakeworks.core.types import Schema
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.engines.protocol import ArrivedFile, FileReading, FilesRead

logger = logging.getLogger(__name__)


class Group(Protocol):
    """Files that one scan reads together: a frozen dataclass."""

    @property
    def files(self) -> tuple[ArrivedFile, ...]:
        """The files."""
        ...


G = TypeVar("G", bound=Group)
G_contra = TypeVar("G_contra", bound=Group, contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class FormatReader(Protocol[G]):
    """Reads the files of one format for one `FileReading`.

    Attributes:
        schema: The data columns, as far as they are known by now.
        sink: Where it writes.
        unreadable: Files that are not even tried, with the reason.
    """

    schema: Schema
    sink: Sink
    unreadable: dict[str, str]

    def plan(self) -> Sequence[G]:
        """Look at the files, learn their schema, group those that read alike."""
        ...

    def read(self, group: G) -> Gathered:
        """Read one group in one scan; count nothing of it when the engine fails."""
        ...


def read_files(statements: Statements, reading: FileReading) -> FilesRead:
    """Write the rows of arrived files as data files; commit nothing.

    Files that the engine cannot read are told apart and named in `unreadable`.

    Raises:
        LakeError: something other than the files' content is wrong: a full disk, memory, an
            interrupt.
    """
    con = statements.con
    total = read_fitting(statements, reading, lambda part: _read(statements, part))
    salvaged = reading.options.get("rejects")
    if salvaged:
        add_salvaged(Sink(con, reading), Path(salvaged), total)
    return total.result()


def read_fitting(
    statements: Statements, reading: FileReading, read: Callable[[FileReading], Gathered]
) -> Gathered:
    """Read files by `read`; quarantine the rows of those whose folders' values do not fit."""
    fitting, refused = files_folders.by_fit(statements.con, reading)
    total = read(fitting)
    if refused is not None:
        sink = Sink(statements.con, reading)
        try:
            sink.refuse(read(refused), total)
        finally:
            statements.delete(reading.root, sink.left)
    return total


def _read(statements: Statements, reading: FileReading) -> Gathered:
    con = statements.con
    reader = reader_of(con, reading)
    total = Gathered()
    try:
        for group in planned(reader, reading):
            read_group(con, reader, group, total)
    finally:
        statements.delete(reading.root, reader.sink.left)
    return ended(total, reader, reading)


def planned(
    reader: FormatReader[G],
    reading: FileReading,
    plan: Callable[[], Sequence[G]] | None = None,
) -> Sequence[G]:
    """Return a reader's groups; afterwards it knows the columns that folders tell, too."""
    groups = (plan or reader.plan)()
    reader.schema = files_folders.columns_of(reader.schema, reading)
    return groups


def ended(total: Gathered, reader: FormatReader[Any], reading: FileReading) -> Gathered:
    """Return what reading all groups came to."""
    total.schema = files_folders.columns_of(reader.schema, reading)
    total.unreadable |= reader.unreadable
    return total


def sample_schema(con: duckdb.DuckDBPyConnection, reading: FileReading) -> Schema:
    """Return the data columns that the files' beginnings show; write nothing."""
    reader = reader_of(con, reading)
    planned(reader, reading)
    return reader.schema


class Reads(Protocol[G_contra, T_co]):
    """Reads files of one group at a time."""

    def read(self, group: G_contra) -> T_co:
        """Read them."""
        ...


class Total(Protocol[T_contra]):
    """What reading groups came to so far."""

    unreadable: dict[str, str]

    def take(self, other: T_contra) -> None:
        """Add what reading one more gave."""
        ...


def read_group(
    con: duckdb.DuckDBPyConnection, reader: Reads[G, T], group: G, total: Total[T]
) -> None:
    """Read a group into `total`; on failure without the file at fault, or by halves.

    Raises:
        LakeError: something other than the files' content is wrong.
    """
    import duckdb

    from lakeworks.core.errors import LakeError

    try:
        done = reader.read(group)
    except duckdb.Error as error:
        told: LakeError = lake_error(error, con)
        cause: BaseException | None = error
    except LakeError as error:
        told, cause = error, error.__cause__
    else:
        total.take(done)
        return
    if not _is_about_content(told, cause):
        raise told from cause
    logger.info("a group of %d files could not be read: %s", len(group.files), told.problem)
    if len(group.files) == 1:
        total.unreadable[group.files[0].source_file] = told.problem
        return
    for part in _parts(group, told):
        read_group(con, reader, part, total)


def _is_about_content(told: LakeError, cause: BaseException | None) -> bool:
    """Whether what went wrong is what files hold, not this program or the machine."""
    import duckdb

    # Named are those that are not: a damaged file may raise anything else.
    other = (
        duckdb.OutOfMemoryException,
        duckdb.InterruptException,
        duckdb.BinderException,
        duckdb.CatalogException,
        duckdb.ParserException,
        duckdb.FatalException,
        duckdb.PermissionException,
        duckdb.TransactionException,
    )
    about_content = isinstance(cause, duckdb.Error) and not isinstance(cause, other)
    return about_content and not isinstance(told, DiskFullError)


def _parts(group: G, told: LakeError) -> list[G]:
    from dataclasses import replace

    named = [file for file in group.files if file.uri in told.problem]
    if 0 < len(named) < len(group.files):
        rest = tuple(file for file in group.files if file not in named)
        divided = [tuple(named), rest]
    else:
        middle = len(group.files) // 2
        divided = [group.files[:middle], group.files[middle:]]
    return [cast("G", replace(cast("Any", group), files=part)) for part in divided]


def add_salvaged(sink: Sink, path: Path, total: Gathered) -> None:
    """Quarantine the rows that a file of rejects lists."""
    files = sink.reject_lines(path)
    total.rejected += files
    total.quarantined += sum(file.rows for file in files)


def reader_of(con: duckdb.DuckDBPyConnection, reading: FileReading) -> FormatReader[Any]:
    """Return what reads files of the reading's format."""
    match reading.format:
        case "json":
            from lakeworks.engines.duckdb.files_json import JsonReader

            return JsonReader(con, reading)
        case "csv":
            from lakeworks.engines.duckdb.files_csv import CsvReader

            return CsvReader(con, reading)
        case "log":
            from lakeworks.engines.duckdb.files_log import LogReader

            return LogReader(con, reading)
        case "parquet" | "avro":
            from lakeworks.engines.duckdb.files_tables import TableFileReader

            return TableFileReader(con, reading)
