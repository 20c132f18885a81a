"""What can go wrong with the care of tables: LW370 to LW379."""

from __future__ import annotations

from typing import Self

from lakeworks.core.errors import LakeError, RequestError


class TooManyRulesError(RequestError):
    """A bucket takes only so many lifecycle rules."""

    code = "LW370"

    @classmethod
    def counted(cls, count: int, most: int) -> Self:
        """Say how many there would be."""
        return cls(
            f"the lifecycle of this lake takes {count:,} rules, and a bucket takes {most:,}",
            "a rule that is an exception to a wider one spells that out table by table: declare "
            "fewer exceptions",
        )


class NoBucketError(RequestError):
    """Something is asked of a bucket, and the lake lies on a disk; or the other way round."""

    code = "LW371"

    @classmethod
    def here(cls, storage: str) -> Self:
        """Rules are to be carried out here, where S3 does so itself."""
        return cls(
            f"{storage} is a bucket, which carries out lifecycle rules itself",
            "lake lifecycle export writes what aws s3api put-bucket-lifecycle-configuration takes",
        )

    @classmethod
    def restores(cls, storage: str) -> Self:
        """Files are to be brought back here that only S3 can bring back."""
        return cls(
            f"{storage} is a bucket, whose archived files only S3 brings back",
            "aws s3api restore-object does so, file by file; S3 Batch Operations for many",
        )


class NothingArchivedError(LakeError):
    """There is nothing to bring back."""

    code = "LW372"

    @classmethod
    def of(cls, table: str) -> Self:
        """Name the table."""
        return cls(
            f"nothing that arrived for {table} is in the archive",
            "lake lifecycle show lists it",
        )


class UnreadableBudgetError(RequestError):
    """A time that cannot be read."""

    code = "LW373"

    @classmethod
    def written(cls, text: str) -> Self:
        """Show what was written."""
        return cls(f"{text[:40]!r} is no time", "write minutes or hours, such as 10m")
