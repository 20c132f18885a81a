"""What can go wrong between a plan and its publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.names import TableName
    from lakeworks.quality import Evaluation


class PipelineError(LakeError):
    """A run could not do its work."""

    code = "LW700"


class SelectionError(RequestError):
    """`--select` names no table of the project."""

    code = "LW701"

    @classmethod
    def unknown(cls, pattern: str, tables: Iterable[TableName]) -> Self:
        """No table is meant by `pattern`; suggest the nearest."""
        known = [str(table) for table in tables]
        return cls(
            f"--select {pattern!r} names no table of this project",
            did_you_mean(pattern.strip("+"), known),
        )


class RulesFailedError(LakeError):
    """A ruleset failed on what was staged, so nothing of it was published.

    Attributes:
        evaluation: Of the whole ruleset, rules that passed included.
    """

    code = "LW702"

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.evaluation: Evaluation | None = None

    @classmethod
    def failed(
        cls,
        table: TableName,
        reasons: Iterable[str],
        *,
        evaluation: Evaluation,
    ) -> Self:
        """Name the table and each failed rule with its figure."""
        listed = "; ".join(reasons)
        error = cls(
            f"{table}: {listed}",
            "the table keeps its last good version; mend the data or the rule, then lake run",
        )
        error.evaluation = evaluation
        return error


class ReferenceMissingError(LakeError):
    """A rule refers to a table that has no data yet."""

    code = "LW707"

    @classmethod
    def named(cls, table: TableName, alias: str, reference: TableName) -> Self:
        """Name the model, the alias and the table behind it."""
        return cls(
            f"{table}: its rules refer to {alias}, which is {reference}, and that has no data yet",
            f"lake run makes {reference} first",
        )


class TooManyRejectedError(LakeError):
    """A step rejected more rows than its `max_rejected` allows, so nothing of it was committed.

    Attributes:
        rejected, read: Rows.
    """

    code = "LW706"

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.rejected = 0
        self.read = 0

    @classmethod
    def counted(
        cls,
        table: TableName,
        limit: object,
        *,
        rejected: int,
        read: int,
        reasons: Iterable[str],
    ) -> Self:
        """Give the figures, the limit and what the rows failed most."""
        share = 100 * rejected / read if read else 100.0
        most = "; ".join(reasons)
        error = cls(
            f"{table}: {rejected:,} of {read:,} rows ({share:.3g}%) were rejected, and "
            f"max_rejected is {limit}{': ' + most if most else ''}",
            "the table keeps its last good version, and the next run reads the same rows again; "
            "mend the data or the rules, or raise max_rejected",
        )
        error.rejected, error.read = rejected, read
        return error


class FrameModelError(LakeError):
    """A Python model raised, or did not return a lazy frame."""

    code = "LW703"

    @classmethod
    def raised(cls, table: TableName, at: str, error: BaseException) -> Self:
        """Name the model, the line and what was raised."""
        return cls(
            f"{table}: {at}: {type(error).__name__}: {error}", "mend the model, then lake run"
        )

    @classmethod
    def wrong_result(cls, table: TableName, at: str, got: object) -> Self:
        """The function returned something else than a narwhals LazyFrame."""
        return cls(
            f"{table}: {at}: the model returned {type(got).__name__}, not a narwhals LazyFrame",
            "return a frame derived from the frames it was given, without collecting it",
        )


class NoSnapshotError(RequestError):
    """There is no earlier snapshot to go back to."""

    code = "LW704"

    @classmethod
    def none_before(cls) -> Self:
        """Nothing was published before the current snapshot."""
        return cls(
            "there is no earlier snapshot to roll back to", "lake history lists the snapshots"
        )


class ReplayError(RequestError):
    """The rows of a quarantine table cannot be replayed."""

    code = "LW705"

    @classmethod
    def nothing(cls, table: TableName) -> Self:
        """The table has no quarantined rows."""
        return cls(
            f"{table} has no rows in quarantine", "lake quarantine lists the tables that have"
        )


class DefinerError(LakeError):
    """A materialised view cannot be computed as whoever made it."""

    code = "LW714"

    @classmethod
    def unseen(cls, view: TableName, definer: str, table: str) -> Self:
        """Name the table that the definer may not read, or not any more."""
        return cls(
            f"{view} is computed as {definer}, who may not read {table}",
            "grant SELECT on it to the definer, or let somebody who may make the view anew",
        )

    @classmethod
    def replaced(cls, view: TableName, definer: str, inner: TableName, by: str) -> Self:
        """Name the view that somebody else replaced, and who."""
        return cls(
            f"{view} is computed as {definer or 'its owner'}, and {by} replaced "
            f"{inner}, which it reads",
            f"look at it (SHOW CREATE VIEW {inner}), then make {view} anew",
        )

    @classmethod
    def refused(cls, view: TableName, definer: str, problem: str) -> Self:
        """Say why its text may not be run."""
        return cls(
            f"{view} is computed as {definer}, who may not run its text: {problem}",
            "make the view anew",
        )


class NotFilledError(LakeError):
    """A materialised view reads a table that readers do not see yet."""

    code = "LW715"

    @classmethod
    def reads(cls, view: TableName, table: TableName) -> Self:
        """Name both."""
        return cls(f"{view} reads {table}, which has no data yet", f"lake run --select {table}")


class RedeclaredSourceError(LakeError):
    """A table has rows that were read by another declaration of its source; never raised."""

    code = "LW716"

    @classmethod
    def since(cls, table: TableName, keys: Iterable[str]) -> Self:
        """Name the keys that changed, and both ways out."""
        return cls(
            f"{table} has rows of files that were read before its source was changed: "
            f"{', '.join(keys)}",
            f"lake run --full-refresh --select {table} reads all landed files again; "
            f"lake run --keep-read --select {table} leaves their rows as they are",
        )


class SourceFoldersError(LakeError):
    """A source and the folders of its files do not agree; never raised."""

    code = "LW717"

    @classmethod
    def unnamed(cls, table: TableName, names: Iterable[str]) -> Self:
        """Name the columns that folders look like, and how they become such."""
        listed = ", ".join(names)
        return cls(
            f"the files of {table} lie in folders that tell {listed}, and its source makes no "
            "columns of them",
            f"partitions: [{listed}] does, partitions: {{}} leaves it",
        )

    @classmethod
    def untold(cls, table: TableName, name: str) -> Self:
        """Name the column that no folder tells."""
        return cls(
            f"partitions of {table} names {name}, and none of its files lies below a folder "
            f"{name}=…",
            "folders below path count, and below its first part with *, ? or [",
        )


class UnknownNodeError(RequestError):
    """Lineage was asked for something that the project does not declare."""

    code = "LW708"

    @classmethod
    def named(cls, text: str, known: Iterable[str]) -> Self:
        """No table is called that; suggest the nearest."""
        return cls(
            f"{text!r} is no table or column of this project",
            did_you_mean(text, known) or "write database.table or database.table.column",
        )

    @classmethod
    def column(cls, table: str, column: str, known: Iterable[str]) -> Self:
        """The table has no such column; suggest the nearest."""
        return cls(f"{table} has no column {column!r}", did_you_mean(column, known))


class RowsLostError(LakeError):
    """A statement wrote another number of rows than its query gave."""

    code = "LW712"

    @classmethod
    def counted(cls, table: TableName, *, given: int, written: int) -> Self:
        """Say both numbers."""
        return cls(
            f"the query gave {given:,} rows and {written:,} would have entered {table}: "
            "nothing was written",
            "this is a fault of Lakeworks; the statement may be asked again",
        )


class StatementTableError(LakeError):
    """A model or source of the name of a table or view that a statement made."""

    code = "LW709"

    @classmethod
    def named(cls, table: TableName, file: str) -> Self:
        """Name both."""
        return cls(
            f"{file} declares {table}, and a statement (CREATE TABLE … AS) made a table of that "
            "name: its rows are kept",
            f"name the model otherwise, or DROP TABLE {table} first",
        )

    @classmethod
    def view(cls, table: TableName, file: str) -> Self:
        """The same of a view: what is granted on it would be granted on the table."""
        return cls(
            f"{file} declares {table}, and the data catalog has a view of that name",
            f"name the table otherwise, or DROP VIEW {table} first",
        )
