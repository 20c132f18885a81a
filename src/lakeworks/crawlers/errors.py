"""What can go wrong with a crawl as a whole: LW610 to LW619.

A file that cannot be read is no error: the report names it with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownCrawlerError(RequestError):
    """No crawler has this name."""

    code = "LW610"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        names = list(known)
        hint = did_you_mean(name, names) or "declare one in a file of the folder crawlers"
        return cls(f"the project has no crawler {name!r}", hint)


class TargetMissingError(LakeError):
    """A crawler's target is not there."""

    code = "LW611"

    @classmethod
    def folder(cls, path: str) -> Self:
        """A folder that does not exist: perhaps a disk that is not mounted."""
        return cls(
            f"the target {path} is not there",
            "create the folder or mount its disk; tables found in it before are kept",
        )

    @classmethod
    def file(cls, path: str) -> Self:
        """A file, which is no folder."""
        return cls(f"the target {path} is a file", "name its folder, and exclude the others")

    @classmethod
    def table(cls, name: str) -> Self:
        """A catalog table that does not exist, or has no folder."""
        return cls(f"the catalog has no table {name} with a location", "look at lake catalog")


class TooManyTablesError(LakeError):
    """A crawl found more tables than its crawler may make; nothing was written."""

    code = "LW612"

    @classmethod
    def found(cls, crawler: str, count: int, threshold: int) -> Self:
        """Say how many, and what to do."""
        return cls(
            f"{crawler} found {count} tables, and its table_threshold is {threshold}: "
            "nothing was written",
            "exclude what is no table, set grouping: combine_compatible_schemas or table_level, "
            "or raise table_threshold; lake crawl --dry-run shows what it found",
        )


class CrawlerBusyError(LakeError):
    """Another process runs this crawler now."""

    code = "LW613"
    retryable = True

    @classmethod
    def held(cls, crawler: str, by: str) -> Self:
        """Say who."""
        return cls(f"{crawler} is being crawled already, by {by}", "wait for it to end")
