"""What can go wrong inside an engine, in words a user can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, MissingExtraError, RequestError, did_you_mean
from lakeworks.engines.hints import EXTRAS, INSTEAD, ONE_QUERY, spoken_in_athena

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.types import Type

MIB = 1024 * 1024


class SqlError(RequestError):
    """The engine refuses a SELECT before it reads a row.

    Attributes:
        line: Line of the SQL from 1, or None where the engine does not say.
        column: Character of that line from 1, or None.
        missing: The name of a column that no table has, where that is the problem.
        missing_field: The name of a field that a struct lacks, where that is the problem.
    """

    code = "LW401"

    def __init__(
        self, problem: str, hint: str = "", line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(problem, hint)
        self.args = (problem, hint, line, column)
        self.line = line
        self.column = column
        self.missing = ""
        self.missing_field = ""

    @classmethod
    def at(cls, problem: str, *, line: int | None, column: int | None, hint: str = "") -> Self:
        """Say where in the SQL the problem is."""
        place = f"SQL line {line}, column {column}: " if line is not None else ""
        return cls(place + problem, hint, line, column)


class ValueConversionError(LakeError):
    """A value met while the SQL ran cannot be what the SQL makes of it."""

    code = "LW402"

    @classmethod
    def met(cls, reason: str) -> Self:
        """Say which value failed, in the engine's words."""
        return cls(
            reason,
            "use try_cast(...) to get null instead, and a rule to send such rows to quarantine",
        )


class OutOfMemoryError(LakeError):
    """The engine reached its memory limit and could not go on on disk."""

    code = "LW403"
    retryable = True

    @classmethod
    def reached(cls, limit_bytes: int, reason: str) -> Self:
        """Say what the limit was."""
        return cls(
            f"the engine needs more than its memory limit of {limit_bytes // MIB} MiB: "
            f"{reason}",
            "raise memory_limit of the environment in lake.yml, or lower threads: each "
            "thread holds buffers of its own",
        )


class DiskFullError(LakeError):
    """No space is left where the engine writes tables or temporary files."""

    code = "LW404"
    retryable = True

    @classmethod
    def met(cls, reason: str) -> Self:
        """Say what could not be written."""
        return cls(
            f"no space is left on the disk: {reason}",
            "free space and run again: nothing was committed",
        )


class InterruptedQueryError(LakeError):
    """A query was stopped from outside."""

    code = "LW405"
    retryable = True

    @classmethod
    def stopped(cls) -> Self:
        """Say that it was asked to stop."""
        return cls("the query was interrupted", "run it again: nothing was committed")


class QueryTimeoutError(LakeError):
    """A query ran longer than it may."""

    code = "LW406"

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Say how long it was allowed to run."""
        return cls(
            f"the query was stopped after its time limit of {seconds:g} s",
            "read fewer columns or partitions, or allow more time",
        )


class SchemaNarrowedError(RequestError):
    """New rows have a type that the table's column cannot hold without loss."""

    code = "LW407"

    @classmethod
    def columns(cls, table: str, narrowed: Iterable[tuple[str, Type, Type]]) -> Self:
        """Name each column with its type in the table and the type offered."""
        told = "; ".join(f"{name} is {old} and would be {new}" for name, old, new in narrowed)
        return cls(
            f"table {table} cannot hold these rows without loss: {told}",
            "cast the column to the table's type in the model, or make the table anew: "
            f"lake run --full-refresh --select {table}",
        )


class UnsupportedTypeError(RequestError):
    """A column's type has no counterpart in a table."""

    code = "LW408"

    @classmethod
    def named(cls, text: str, column: str) -> Self:
        """Name the column and the engine's type."""
        where = f"column {column!r} has" if column else "found"
        return cls(
            f"{where} the type {text}, which a table cannot store",
            "cast it in the SELECT, for example to varchar",
        )


class DuplicateColumnError(RequestError):
    """Two columns of a SELECT have one name, without regard to case."""

    code = "LW409"

    @classmethod
    def named(cls, table: str, names: Sequence[str]) -> Self:
        """Name the columns that collide."""
        told = ", ".join(names)
        return cls(
            f"the columns of {table} repeat a name (upper and lower case count as one): {told}",
            "give each column of the SELECT a name of its own with AS",
        )


class UnknownColumnError(RequestError):
    """A header names a column that the SELECT does not give."""

    code = "LW410"

    @classmethod
    def named(cls, column: str, *, setting: str, table: str, known: Iterable[str]) -> Self:
        """Say which setting names it, and the nearest column."""
        return cls(
            f"{setting} of {table} names the column {column!r}, which its SELECT does not give",
            did_you_mean(column, known),
        )


class StorageAccessError(LakeError):
    """The engine could not read or write a file."""

    code = "LW411"
    retryable = True

    @classmethod
    def met(cls, reason: str) -> Self:
        """Give the engine's reason."""
        return cls(
            f"a file could not be read or written: {reason}",
            "check that the storage exists and may be read and written; "
            "lake doctor names files that are missing",
        )


class EngineFailedError(LakeError):
    """The engine failed in a way that has no name of its own."""

    code = "LW412"

    @classmethod
    def met(cls, reason: str) -> Self:
        """Give the engine's reason."""
        return cls(f"the engine failed: {reason}", "run lake doctor")


class UnknownEngineError(RequestError):
    """An environment names an engine that does not exist."""

    code = "LW413"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Name the engines that exist."""
        return cls(f"there is no engine {name!r}", did_you_mean(name, known))


class MissingExtensionError(MissingExtraError):
    """An extension of DuckDB is needed and its package is not installed."""

    code = "LW414"

    @classmethod
    def of_duckdb(cls, name: str, version: str, purpose: str) -> Self:
        """Name the extra, or else the package, that brings it."""
        extra = EXTRAS.get(name)
        package = f"lakeworks[{extra}]" if extra else f"duckdb-extension-{name}=={version}"
        return cls(
            f"{purpose} needs DuckDB's extension {name!r}, which is not installed",
            f"pip install '{package}'",
        )


class LoadError(RequestError):
    """A load lacks a setting, or cannot be applied to the rows that it got."""

    code = "LW416"

    @classmethod
    def without_key(cls, table: str, load: str) -> Self:
        """Say that the load needs a key."""
        return cls(f"{table} has load: {load} but no key", "add key: [column, …] to its header")

    @classmethod
    def reserved(cls, table: str, column: str) -> Self:
        """Say that the SELECT gives a column that the load itself adds."""
        return cls(
            f"the SELECT of {table} gives the column {column!r}, which its load adds itself",
            "rename the column in the SELECT",
        )


class MissingFilesError(LakeError):
    """A table's log names files that are not there."""

    code = "LW417"

    @classmethod
    def met(cls, reason: str) -> Self:
        """Give the engine's reason, which names the file."""
        return cls(
            f"a file that should be there is missing: {reason}",
            "lake doctor names every missing file and what to do; was the storage "
            "changed by hand, or vacuumed by another tool?",
        )


class LogPatternError(RequestError):
    """A log source's pattern cannot be used."""

    code = "LW430"

    @classmethod
    def wrong(cls, pattern: str, reason: str) -> Self:
        """Give the reason in the words of the regular expression's reader."""
        return cls(
            f"the log pattern {pattern!r} is not a regular expression: {reason}",
            "write common, combined, or a regular expression with named groups: (?P<name>…)",
        )

    @classmethod
    def groups(cls, pattern: str, names: Sequence[str]) -> Self:
        """Say that groups lack names, or have names that no column can have."""
        wrong = f"names that a column cannot have ({', '.join(names)})" if names else "no name"
        return cls(
            f"the log pattern {pattern!r} has groups with {wrong}",
            "name every group, (?P<name>…), or make it (?:…); names beginning with "
            "_source_file, _ingested_at, _run_id and _rescued are taken",
        )


class ExternalDataError(LakeError):
    """A file of an external table does not hold what its declaration says."""

    code = "LW450"
    # Begins a problem that passes through an engine as text, and ends it before the hint.
    MARK = "[LW450] "
    _END = " [hint: "

    @classmethod
    def told(cls, text: str) -> Self | None:
        """Return the error that an engine's message carries, or None when it carries none."""
        _, mark, rest = text.partition(cls.MARK)
        if not mark:
            return None
        problem, end, hint = rest.partition(cls._END)
        if not end:
            return cls(problem.split("\n", 1)[0].strip(), _EITHER_TYPE)
        return cls(problem.strip(), hint.partition("]")[0])

    @property
    def as_text(self) -> str:
        """What to raise within an engine, for `told` to find again."""
        return f"{self.MARK}{self.problem}{self._END}{self.hint}]"

    @classmethod
    def met(cls, table: str, uri: str, problem: str, hint: str = "") -> Self:
        """Name the file."""
        return cls(f"{uri}, a file of {table}, {problem}", hint)

    @classmethod
    def content(cls, problem: str) -> Self:
        """Say what an engine found in a file."""
        return cls(
            problem,
            "mend the file; what is no JSON can be read as a row of nulls with "
            "ignore_malformed: true in options (SerDe parameter ignore.malformed.json)",
        )

    @classmethod
    def unreadable(cls, problem: str) -> Self:
        """Say what an engine says of a file that it cannot read at all."""
        return cls(problem, "mend the file, or take it out of the table's folder")

    @classmethod
    def packed(cls, table: str, uri: str, packing: str) -> Self:
        """Say that a file is packed in a way that is not read."""
        problem = f"is packed as {packing}, which is not read"
        return cls.met(table, uri, problem, "pack it as gzip or zstd, or unpack it")


_EITHER_TYPE = (
    "declare the column as string, or set null_for_invalid: true in options "
    "(SerDe parameter use.null.for.invalid.data) to read such values as null"
)


class StatementRefusedError(RequestError):
    """A caller's SQL is something else than one query over tables."""

    code = "LW431"

    @classmethod
    def kind(cls, kind: str) -> Self:
        """Name the kind of statement."""
        if kind == "PIVOT without IN":
            return cls("PIVOT needs its columns named here", "write PIVOT … ON column IN (…)")
        hint = INSTEAD.get(kind, ONE_QUERY)
        return cls(f"a query cannot be {kind}", hint)

    @classmethod
    def number_of(cls, count: int) -> Self:
        """Say that there is not exactly one statement."""
        said = f"{count} statements were given" if count else "there is no statement"
        hint = "ask one after the other; lake shell takes several" if count else ONE_QUERY
        return cls(f"{said}, and a query is one", hint)

    @classmethod
    def function(cls, name: str, allowed: Iterable[str]) -> Self:
        """Name a table function that a query may not use."""
        return cls(
            f"a query reads tables of the lake, and {name}() is something else",
            f"files become tables through sources/; allowed are {', '.join(sorted(allowed))}",
        )

    @classmethod
    def uncalled(cls, name: str) -> Self:
        """Name a function that a query under permissions may not call."""
        return cls(
            f"a query under permissions cannot call {name}()",
            spoken_in_athena(name)
            or "it may call functions that compute from their arguments alone; "
            "docs/reference/sql-service.md lists them",
        )

    @classmethod
    def part(cls, kind: str) -> Self:
        """Name a part of SQL that a query under permissions may not have."""
        said = kind.lower().replace("_", " ")
        return cls(
            f"a query under permissions cannot have a part of the kind {said}", ONE_QUERY
        )
