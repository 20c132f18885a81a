"""What can go wrong with files that were archived or let go: LW219 and LW220."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.storage.errors import StorageError

if TYPE_CHECKING:
    from datetime import date

    from lakeworks.core.names import TableName


class ArchiveDamagedError(StorageError):
    """A file of the archive is gone, or is not what was put there."""

    code = "LW219"

    @classmethod
    def gone(cls, where: str) -> Self:
        """A file that a manifest names."""
        return cls(f"{where} is gone", "put it back from a copy; its manifest says what it was")

    @classmethod
    def differs(cls, path: str) -> Self:
        """A file whose checksum is another."""
        return cls(
            f"the archived copy of {path} is not what arrived",
            "put it back from a copy of the archive; nothing was deleted",
        )

    @classmethod
    def manifest(cls, where: str) -> Self:
        """A manifest that cannot be read."""
        return cls(f"{where} is no manifest of the archive", "put it back from a copy")


class FilesExpiredError(StorageError):
    """Files that are to be read again were deleted by a lifecycle rule."""

    code = "LW220"

    @classmethod
    def of(cls, table: TableName, count: int, day: date) -> Self:
        """Name the table, how many files, and when the newest of them arrived."""
        files = "1 file" if count == 1 else f"{count:,} files"
        return cls(
            f"{table} cannot be made anew: {files} that it was read from expired, the last of "
            f"them arrived on {day}",
            "its rows are in the table and stay there; to read everything again, put the files "
            "back where the source reads them, under new names",
        )
