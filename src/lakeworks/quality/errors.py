"""What may be wrong with a ruleset. Codes LW500 to LW599."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.quality.language.ruleset import Place


class DqdlError(RequestError):
    """A ruleset that cannot be read, or a rule that is not well formed.

    Attributes:
        problem: What is wrong, without the place, which `str` puts before it.
        place: File, line and column, or None.
        line: The line of the file, or None.
    """

    code = "LW500"

    def __init__(self, problem: str, hint: str = "", place: Place | None = None) -> None:
        super().__init__(problem, hint)
        self.args = (problem, hint, place)
        self.place = place

    @property
    def line(self) -> int | None:
        """The line of the file, from 1."""
        return self.place.line if self.place else None

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()

    @classmethod
    def at(cls, place: Place, problem: str, hint: str = "") -> Self:
        """Say what is wrong at `place`."""
        return cls(problem, hint, place)


class UnknownRuleError(DqdlError):
    """A rule type that the language does not have."""

    code = "LW501"

    @classmethod
    def named(cls, place: Place, name: str, known: Iterable[str]) -> Self:
        """Name the rule type and the nearest one that exists."""
        return cls.at(place, f"{name!r} is not a rule type", did_you_mean(name, known))


class NotEvaluatedError(DqdlError):
    """A part of the language that this version reads but does not evaluate."""

    code = "LW502"

    @classmethod
    def named(cls, place: Place, what: str, evaluated: Iterable[str] = ()) -> Self:
        """Name the part, and what is evaluated instead."""
        names = ", ".join(sorted(evaluated))
        return cls.at(
            place,
            f"{what} is not evaluated in this version",
            f"evaluated are {names}" if names else "",
        )


class UnknownOptionError(RequestError):
    """An option of evaluation, or its value, that there is not."""

    code = "LW520"

    @classmethod
    def named(cls, key: str, known: Iterable[str]) -> Self:
        """Name the option and those that exist."""
        return cls(f"there is no option {key!r}", f"known are {', '.join(known)}")

    @classmethod
    def valued(cls, key: str, value: object, known: Iterable[str]) -> Self:
        """Name the option, its value and the values that it may have."""
        return cls(f"the option {key} cannot be {value!r}", f"it is {' or '.join(known)}")


class UnsupportedDataError(RequestError):
    """Data of a kind that is not evaluated."""

    code = "LW521"

    @classmethod
    def of(cls, kind: str, known: str) -> Self:
        """Name the kind, and those that are."""
        return cls(f"{kind} is no data that can be evaluated", f"give {known}")


class UnreadableDataError(RequestError):
    """Data that cannot be read: no files, files of several formats, a frame Arrow refuses."""

    code = "LW522"

    @classmethod
    def missing(cls, path: str) -> Self:
        """There is nothing at a path."""
        return cls(
            f"there is no data at {path}", "give a file, a folder, a glob or a Delta table"
        )

    @classmethod
    def mixed(cls, path: str, suffixes: Iterable[str]) -> Self:
        """A folder or glob has files of several formats."""
        return cls(
            f"{path} has files of several formats: {', '.join(suffixes)}",
            "name those that belong together with a glob, such as folder/*.parquet",
        )

    @classmethod
    def unknown(cls, path: str, suffix: str, known: Iterable[str]) -> Self:
        """A file's name does not tell a format that is read."""
        what = f"ends in {suffix}" if suffix else "has no suffix"
        return cls(f"{path} {what}, which tells no format", f"known are {', '.join(known)}")

    @classmethod
    def failed(cls, what: str, reason: str) -> Self:
        """A library refuses to hand its data over."""
        return cls(f"{what} cannot be read: {' '.join(reason.split())}")


class EvaluationRequestError(RequestError):
    """Something else that `evaluate` was asked and cannot do."""

    code = "LW523"
