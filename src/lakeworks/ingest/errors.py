"""What can go wrong while files are taken in, in words, with a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence


class IngestError(LakeError):
    """Files could not be taken in."""

    code = "LW600"


class SourceFolderMissingError(RequestError):
    """A source's folder does not exist."""

    code = "LW601"

    @classmethod
    def at(cls, table: str, declared: str, folder: str) -> Self:
        """Name the source and the folder that was looked for."""
        return cls(
            f"the source of {table} reads {declared}, but there is no folder {folder}",
            "create the folder, or correct `path:` in the source's file",
        )


class FileChangedError(IngestError):
    """A file that was read before has changed, and its source declares that an error."""

    code = "LW602"

    @classmethod
    def named(cls, table: str, files: Sequence[str]) -> Self:
        """Name the files."""
        return cls(
            f"files of {table} changed after they were read: {_listed(files)}",
            "put the earlier files back, or set on_change: reload (or append) in the source",
        )

    @classmethod
    def not_grown(cls, table: str, file: str, reason: str) -> Self:
        """Say why what was appended to a file cannot be told from the rest."""
        return cls(
            f"file {file} of {table} changed other than by growing at its end: {reason}",
            "put the earlier beginning back, or set on_change: reload in the source",
        )


class LandingFailedError(IngestError):
    """A copy in the landing zone is not what was read."""

    code = "LW603"

    @classmethod
    def short(cls, file: str, copied_bytes: int, landed_bytes: int) -> Self:
        """Say how many bytes arrived."""
        return cls(
            f"the landing zone holds {landed_bytes:,} bytes of {file} instead of "
            f"{copied_bytes:,}",
            "check the storage, then run again; nothing was committed",
        )


class BatchTakenError(IngestError):
    """Another process began a batch of the same table meanwhile."""

    code = "LW604"
    retryable = True

    @classmethod
    def numbered(cls, table: str, expected: int, given: int) -> Self:
        """Name both batch numbers."""
        return cls(
            f"batch {expected} of {table} was begun by someone else (the next is {given})",
            "wait until the other run has ended, then run again",
        )


class UnknownFormatError(RequestError):
    """Nobody can tell what format a file has: it is set aside, and the others go on."""

    code = "LW605"

    @classmethod
    def of(cls, table: str, file: str) -> Self:
        """Name the file."""
        return cls(
            f"the format of {file} cannot be told from name or content",
            "set format: json, csv, parquet, avro or log in the source, then: "
            f"lake quarantine replay {table}",
        )


class UnaccountedRowsError(IngestError):
    """Rows read do not equal rows written and quarantined: a fault in Lakeworks."""

    code = "LW606"

    @classmethod
    def counted(cls, table: str, read: int, written: int, quarantined: int) -> Self:
        """Give all three counts."""
        return cls(
            f"{read:,} rows of {table} were read, but {written:,} were written and "
            f"{quarantined:,} quarantined",
            "nothing was committed; please report this with the files that were read",
        )


def _listed(files: Sequence[str]) -> str:
    shown = ", ".join(files[:5])
    return f"{shown} and {len(files) - 5} more" if len(files) > 5 else shown  # noqa: PLR2004
