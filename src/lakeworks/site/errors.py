"""What can go wrong when the site is written: LW860 to LW869."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError

if TYPE_CHECKING:
    from pathlib import Path


class NotASiteError(RequestError):
    """The folder to write to holds something else than a site of ours."""

    code = "LW860"

    @classmethod
    def found(cls, folder: Path) -> Self:
        """Refuse to take the place of a folder that others filled."""
        return cls(
            f"{folder} is no site that lake docs build made, and is not empty",
            "name another folder: --out DIR",
        )

    @classmethod
    def around(cls, folder: Path, inside: Path) -> Self:
        """Refuse a folder that holds what the site is made from."""
        return cls(
            f"{folder} holds {inside}: building there would replace it",
            "name a folder of its own: --out site",
        )


class SiteNotWrittenError(LakeError):
    """The site's files cannot be written."""

    code = "LW861"
    retryable = True

    @classmethod
    def because(cls, folder: Path, error: OSError) -> Self:
        """Say where and why; an earlier site is as it was."""
        return cls(
            f"the site cannot be written to {folder}: {error.strerror or error}",
            "a site that was there before is unchanged",
        )
