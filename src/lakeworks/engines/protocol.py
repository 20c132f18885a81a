"""What every engine does: bind tables, stream a SELECT, read arrived files, stage a load.

An engine knows neither catalog nor policy nor the Delta log: it is handed `TableSource`s and it
hands back `DataFile`s, which the caller commits. Nothing above `engines` names an engine. The
suite in `tests/contract` holds every engine to this page.

SQL comes in DuckDB's dialect, whichever engine runs it: the lake's dialect. An engine of another
dialect translates it at its own border, with equal results, or refuses it in `describe`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import pyarrow as pa

    from lakeworks.core.types import Field, Schema, Type
    from lakeworks.engines.caller import CallerQuery, QueryNames
    from lakeworks.engines.known import Known
    from lakeworks.engines.partition_conditions import ExternalPlanner
    from lakeworks.engines.secured import SecuredTable
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import DataFile, TableSource


@dataclass(frozen=True, slots=True)
class RowCheck:
    """One rule as a condition on a row.

    Attributes:
        rule: The rule's text, as quarantine shows it.
        condition: A SQL expression over the model's columns; a row passes where it is true
            (null does not pass). Empty when only `unique` is asked.
        unique: Columns whose combined value must occur once among the staged rows; null equals
            null, but rows in which all of them are null are not compared.
    """

    rule: str
    condition: str = ""
    unique: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditColumns:
    """`_processed_at`, `_run_id` and `_record_hash` (SHA-256 of the row's other columns)."""

    processed_at: str
    run_id: str


@dataclass(frozen=True, slots=True)
class StageRequest:
    """Rows to be made into data files of one table.

    Attributes:
        sql: A SELECT over bound names, in the lake's dialect.
        target: The table as it is, or None when it does not exist or is to be made anew.
        root: The table's root, where new files are written; they are not part of the table
            until the caller commits them.
        rejects_root: The root of the table that takes rejected rows.
        load: How the rows enter; `partitions` expects `touched` rows only.
        checks: Row-level rules whose failing rows are rejected instead of written.
        replaced_partitions: For `partitions`: the partitions to be replaced, as Delta
            serialises them.
    """

    sql: str
    table: str
    root: str
    rejects_root: str
    load: Literal["append", "merge", "replace", "partitions", "scd2"]
    run_id: str
    target: TableSource | None = None
    key: tuple[str, ...] = ()
    latest_by: str | None = None
    partition_by: tuple[str, ...] = ()
    checks: tuple[RowCheck, ...] = ()
    audit: AuditColumns | None = None
    moment: str = ""
    replaced_partitions: tuple[Mapping[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """Data files written but not yet committed.

    `read` counts the rows that the SELECT gave; read = written + rejected + superseded for
    every load (rows that replaced or closed an older row count as written).

    Attributes:
        rejected_by: How many of the rejected rows fail each check, by its rule's text (`key`
            and `latest_by` where a part of the key, or the moment, is null). A row that fails
            several counts under each; in quarantine it names the first, and all as its error.
    """

    schema: Schema
    added: tuple[DataFile, ...]
    removed: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]
    read: int
    written: int
    quarantined: int
    superseded: int
    rejected_by: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Data files that replace others, written but not yet committed."""

    added: tuple[DataFile, ...]
    removed: tuple[DataFile, ...]
    deleted_rows: int


FileFormat = Literal["json", "csv", "parquet", "avro", "log"]
GivenFormat = Literal["parquet", "csv", "json"]


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """One file of the landing zone that is to be read.

    Attributes:
        uri: Where it can be read now: absolute path or `s3://…`.
        source_file: What `_source_file` says of its rows.
        opener: Opens it, where `uri` is no path on this machine.
    """

    uri: str
    source_file: str
    size_bytes: int
    opener: Callable[[], BinaryIO] | None = field(default=None, compare=False, repr=False)

    def open(self) -> BinaryIO:
        """Open it for reading its bytes, packed as they may be."""
        if self.opener is not None:
            return self.opener()
        return Path(self.uri).open("rb")


@dataclass(frozen=True, slots=True)
class FileReading:
    """How arrived files are read into bronze rows.

    Attributes:
        known: The table's data columns so far (without the four system columns), or None.
        mode: What happens to new fields and misfits: design.md, `schema:`.
        options: Format-specific: `delimiter`, `quote`, `escape`, `header`, `encoding`,
            `null_values`, `skip_rows` for CSV; `pattern` (a regular expression with named
            groups) for logs; `array` for JSON arrays.
        types: Declared column types, `"infer"`, or empty for text (CSV and logs).
        partition_by: Columns by which the table's files are divided.
        partitions: Columns whose values the folders of `source_file` tell: `name=value`.
        root, rejects_root: Where data files and rejected rows are written.
        s3: How a bucket is reached, as `ObjectStore.s3_settings` returns it; the session's own.
    """

    table: str
    format: FileFormat
    files: Sequence[ArrivedFile]
    root: str
    rejects_root: str
    run_id: str
    moment: str
    known: Schema | None = None
    mode: Literal["evolve", "rescue", "strict"] = "evolve"
    options: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, Type] | Literal["infer"] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    s3: Mapping[str, str | bool] | None = field(default=None, repr=False)
    partitions: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesRead:
    """Bronze rows written as data files but not yet committed.

    Attributes:
        unreadable: Files the fast path could not read, with the engine's reason: nothing of
            them was written; the salvage path takes them.
    """

    schema: Schema
    added: tuple[DataFile, ...]
    rejected: tuple[DataFile, ...]
    read: int
    written: int
    quarantined: int
    unreadable: Mapping[str, str] = field(default_factory=dict)


class Session(Protocol):
    """One step's or one query's view of an engine. Close it; it frees what it holds."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def bind(self, name: str, source: AnySource) -> None:
        """Let SQL of this session read `source` as `database.table`. Reads nothing yet."""
        ...

    def describe(self, sql: str) -> Schema:
        """Return the columns that a SELECT gives, without running it.

        Raises:
            SqlError: the engine refuses it; says line, column and the nearest right name.
        """
        ...

    def query(
        self,
        sql: str,
        *,
        timeout_s: float | None = None,
        in_order: bool = False,
        estimates: bool = False,
    ) -> pa.RecordBatchReader:
        """Run one SELECT and stream its result; call at most one at a time.

        Args:
            in_order: Give the rows in the order of the data, on an engine that `keeps_order`.
            estimates: Let the engine's own estimates, and chance, stand where the SELECT asks
                for some. Never for SQL of models or callers: no two engines estimate alike.
        """
        ...

    def figures(self, sql: str) -> dict[str, Any]:
        """Return the one row of a SELECT of numbers, by column: figures cost no start of Arrow."""
        ...

    def known(self, name: str) -> Known | None:
        """Return what is known of a bound name at next to no cost, or None."""
        ...

    def distinct(self, column: str, known: Known, condition: str) -> str:
        """Return an aggregate in SQL that counts a column's different values cheaply.

        Exact, nulls left out, of the rows for which a condition is true (empty: all). Empty
        where grouping by the column is as good.
        """
        ...

    def frame(self, name: str) -> Any:  # noqa: ANN401 - a narwhals LazyFrame
        """Return a bound table as a narwhals lazy frame."""
        ...

    def register(self, name: str, frame: Any) -> None:  # noqa: ANN401
        """Let SQL read a narwhals lazy frame, made from `frame`s of this session, as `name`."""
        ...

    def bind_arrow(self, name: str, data: Any, *, once: bool = False) -> None:  # noqa: ANN401
        """Let SQL read Arrow data that a caller brings, as `name`.

        Args:
            data: A `pyarrow.Table` or a `pyarrow.dataset.Dataset`, which SQL reads where it is
                as long as the session lives; or a `pyarrow.RecordBatchReader`, which is read to
                its end here and now.
            once: Whether SQL reads the name once only: a reader's rows then need not be kept.
        """
        ...

    def bind_files(self, name: str, uris: Sequence[str], format_: GivenFormat) -> None:
        """Let SQL read the rows of files that belong to no table, as `name`.

        Columns of several files are joined by name, and types of CSV and JSON are guessed.
        """
        ...

    def stage(self, request: StageRequest) -> Staged:
        """Write a SELECT's rows as data files of a table; commit nothing."""
        ...

    def read_files(self, reading: FileReading) -> FilesRead:
        """Write the rows of arrived files as data files of a bronze table; commit nothing."""
        ...

    def sample_schema(self, reading: FileReading) -> Schema:
        """Return the columns that a first load of arrived files would most likely give.

        Looks at the beginnings of the files and writes nothing; files that cannot be read tell
        nothing, and without any that does the schema is empty.
        """
        ...

    def delete(self, target: TableSource, root: str, where: str) -> Rewritten:
        """Write anew the files of `target` with rows where `where` is true, without them."""
        ...

    def json_rows(self, name: str, column: str, schema: Schema) -> str:
        """Return a SELECT of typed rows from the JSON objects in a column of a bound table.

        A field that is missing, or does not fit its type, gives null.
        """
        ...

    def interrupt(self) -> None:
        """Stop what this session runs, from another thread."""
        ...


class Engine(Protocol):
    """A place where SQL runs. Safe to use from several threads, one session each.

    Attributes:
        keeps_order: Whether queries give rows in the order of what they read.
        is_quick: Whether a small query costs next to nothing, and may be asked to save work.
    """

    name: str
    keeps_order: bool
    is_quick: bool

    @property
    def external(self) -> ExternalPlanner:
        """What is asked before external tables are bound."""
        ...

    def check_ready(self) -> None:
        """Look, without starting anything, for what would stop every session.

        Raises:
            MissingExtraError: what the engine needs is not installed.
        """
        ...

    def session(self) -> Session:
        """Open a session of its own."""
        ...

    def names_read(self, sql: str) -> QueryNames:
        """Return the tables that a caller's query names, and what may be their columns.

        Raises:
            SqlError: it cannot be parsed.
            StatementRefusedError: it is not one query, or reads something else than tables.
        """
        ...

    def query_session(self, sources: Mapping[str, AnySource], *, scope: str = "") -> Session:
        """Open a session for a caller's SQL: it reads these tables (dotted name to source).

        It can reach no other file but those of tables that earlier queries of its scope read,
        change no setting, and write nothing. Queries of one `scope` (one caller under one state of
        the permissions) may have one session, one after the other; without one, each has its own.
        """
        ...

    def gate(self, sql: str) -> CallerQuery:
        """Examine the query of a caller who may not see everything.

        Its text is never changed: it is run as it is, or not at all.

        Raises:
            SqlError: it cannot be parsed.
            StatementRefusedError: it is not one query, reads something else than tables, or
                calls a function that is not known to compute from its arguments alone.
        """
        ...

    def governed_session(
        self, tables: Mapping[str, SecuredTable], query: CallerQuery, *, scope: str = ""
    ) -> Session:
        """Open a session that holds these tables (by dotted name), as a principal may see them.

        It is to run the query in which the gate found `query`; `scope` is as for `query_session`.
        """
        ...

    def interrupt(self) -> None:
        """Stop what every open session runs, from another thread."""
        ...

    def close(self) -> None:
        """Free everything; sessions still open are interrupted."""
        ...
