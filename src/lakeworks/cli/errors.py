"""What can be wrong with a command line itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class UsageError(RequestError):
    """The words of a command do not fit together."""

    code = "LW900"


class UnknownChoiceError(RequestError):
    """A word was given that is none of the known ones."""

    code = "LW901"

    @classmethod
    def among(cls, what: str, word: str, known: Iterable[str]) -> Self:
        """Say what the word should have been, and which it may have meant."""
        return cls(f"there is no {what} {word!r}", did_you_mean(word, known))


class FolderNotEmptyError(RequestError):
    """A folder that was to be filled holds something already."""

    code = "LW902"

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Name the folder; nothing in it was touched."""
        return cls(
            f"{folder} is not empty",
            "name a new folder, or delete this one first; nothing was changed",
        )


class BinaryOutputError(RequestError):
    """Binary output was about to be written to a terminal."""

    code = "LW903"

    @classmethod
    def of(cls, kind: str) -> Self:
        """Name the format and the two ways out."""
        return cls(
            f"{kind} is binary and standard output is a terminal",
            "add --output FILE, or redirect standard output",
        )


class MomentError(RequestError):
    """A point in time was written in a way that is not understood."""

    code = "LW904"

    @classmethod
    def unreadable(cls, written: str) -> Self:
        """Show how to write it."""
        return cls(
            f"{written!r} is not a point in time",
            "write it as 2026-11-22, 2026-11-22T04:42 or 2026-11-22T04:42:30+01:00 "
            "(UTC when no zone is given)",
        )


class NotInRunError(RequestError):
    """A run did nothing with a table."""

    code = "LW905"

    @classmethod
    def named(cls, table: str, run_id: str) -> Self:
        """Name both, and where to look."""
        told = "no run that is still kept" if run_id == "last" else f"run {run_id}"
        return cls(f"{told} made or read {table}", "lake history lists the runs of a lake")


class OptionsError(RequestError):
    """Options that do not go together, or whose value is not understood."""

    code = "LW906"

    @classmethod
    def together(cls, one: str, other: str) -> Self:
        """Two that need each other."""
        return cls(f"{one} and {other} go together", "give both, or neither")

    @classmethod
    def one_of(cls, one: str, other: str) -> Self:
        """Two of which exactly one is needed."""
        return cls(f"give either {one} or {other}")

    @classmethod
    def no_folder(cls, option: str, folder: Path) -> Self:
        """A file that is to be written where there is no folder."""
        return cls(f"{option}: there is no folder {folder}", "make it first")

    @classmethod
    def not_text(cls, option: str, file: Path) -> Self:
        """A file that holds something else than UTF-8."""
        return cls(f"{option}: {file} is not UTF-8 text", "save it with the encoding UTF-8")

    @classmethod
    def nobody(cls, option: str) -> Self:
        """A principal that is empty, such as a variable that is not set."""
        return cls(f"{option} names nobody", "name a principal, or leave the option out")

    @classmethod
    def behind(cls, option: str, command: str) -> Self:
        """One that stands before the command that it is for."""
        return cls(f"{option} stands before its command", f"write {command} … {option} …")

    @classmethod
    def age(cls, option: str, written: str) -> Self:
        """A span of time."""
        return cls(
            f"{option}: {written!r} is no span of time",
            "write minutes, hours, days, weeks or years, such as 30 days",
        )
