"""What can be wrong with a query that is no fault of the engine's. Codes LW800 to LW899."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnqualifiedTableError(RequestError):
    """A table named without its database."""

    code = "LW800"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the tables of that name."""
        names = sorted(known)
        same = [full for full in names if full.split(".")[-1] == name]
        hint = f"did you mean {' or '.join(same)}?" if same else did_you_mean(name, names)
        return cls(f"{name!r} is not a table of the lake: write database.table", hint)


class ResultSpentError(LakeError):
    """A streamed result was read a second time."""

    code = "LW801"

    @classmethod
    def streamed(cls) -> Self:
        """Say how to read it more than once."""
        return cls(
            "this result was streamed to its end and is gone",
            "run the query again, or keep the table that to_arrow() returns",
        )


class UnknownFormatError(RequestError):
    """A result was asked for in a format that does not exist."""

    code = "LW802"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Name the formats that exist."""
        return cls(f"there is no format {name!r}", did_you_mean(name, known))


class HiddenFailureError(LakeError):
    """A query of a principal failed for a reason that is not the principal's to know."""

    code = "LW803"

    @classmethod
    def of(cls, code: str) -> Self:
        """Name the reason by its code alone."""
        return cls(
            f"the query failed ({code})",
            "the lake's owner finds the reason by this code in docs/errors.md and lake doctor",
        )

    @classmethod
    def version(cls, name: str, version: int) -> Self:
        """Say that a version cannot be read, not why."""
        return cls(
            f"version {version} of {name} cannot be read",
            "read the newest one: leave out what follows the @",
        )


class BytesLimitError(RequestError):
    """A query would scan more than it may."""

    code = "LW812"

    @classmethod
    def over(cls, scanned_bytes: int, limit_bytes: int) -> Self:
        """Say both figures."""
        return cls(
            f"the query would scan {scanned_bytes:,} bytes, and may scan {limit_bytes:,}",
            "name fewer tables, or filter by partition columns; the limit is the "
            "workgroup's, or what is left of it in this hour, day or month",
        )


class NoPermissionsError(RequestError):
    """A principal is named in a lake without policies."""

    code = "LW804"

    @classmethod
    def none(cls) -> Self:
        """Say how to begin."""
        return cls(
            "this lake has no policies, so nobody but its owner may read it",
            "declare roles and grants in policies/, or grant with lake grant",
        )


class ExternalVersionError(RequestError):
    """A version of an external table, which has none."""

    code = "LW830"

    @classmethod
    def asked(cls, name: str, version: str) -> Self:
        """Say how the query asks for it."""
        return cls(
            f"{name} is an external table, whose files have no versions: {version} cannot be read",
            "read it as it is now, or let a model (load: replace) make a table of it",
        )

    @classmethod
    def federated(cls, name: str, version: str) -> Self:
        """Say the same of a table of another system."""
        return cls(
            f"{name} lies in another system, which has no versions: {version} cannot be read",
            "read it as it is now, or let a model (load: replace) make a table of it",
        )


class ParameterError(RequestError):
    """A statement and the values for it do not fit."""

    code = "LW805"

    @classmethod
    def missing(cls, place: str, known: Iterable[str]) -> Self:
        """Name the place that no value was given for."""
        return cls(f"no value was given for the parameter {place}", did_you_mean(place, known))

    @classmethod
    def left_over(cls, names: Iterable[str]) -> Self:
        """Name the values that the statement has no place for."""
        told = ", ".join(names)
        return cls(
            f"the statement has no place for the values {told}",
            "write ? for each value in turn, or $name for a named one",
        )

    @classmethod
    def too_long(cls, most: int) -> Self:
        """Say how long a statement may become."""
        return cls(
            f"with its values the statement has more than {most:,} characters",
            "write large values as rows of a file or a table, and read that",
        )

    @classmethod
    def without_literal(cls, value: object) -> Self:
        """Name the type."""
        return cls(
            f"a value of the type {type(value).__name__} cannot stand in SQL as it is",
            "give text, numbers, dates, times, bytes, lists or mappings of these",
        )


class NothingToShowError(RequestError):
    """SHOW of something that a table or view does not have."""

    code = "LW844"

    @classmethod
    def because(cls, problem: str, hint: str = "") -> Self:
        """Say what it does not have."""
        return cls(problem, hint)


class PreparedStatementError(RequestError):
    """A prepared statement that is not there, or not the caller's to change or to execute so."""

    code = "LW843"

    @classmethod
    def unknown(cls, name: str, workgroup: str, known: Iterable[str]) -> Self:
        """Suggest the nearest name of the workgroup."""
        return cls(
            f"the workgroup {workgroup} has no prepared statement {name!r}",
            did_you_mean(name, known),
        )

    @classmethod
    def foreign(cls, name: str) -> Self:
        """Say whose it is to change."""
        return cls(
            f"the prepared statement {name!r} is another principal's",
            "whoever made it, an administrator or the lake's owner may replace or deallocate it",
        )

    @classmethod
    def writing(cls, name: str) -> Self:
        """Refuse to write in the caller's name what another principal prepared."""
        return cls(
            f"the prepared statement {name!r} writes, and another principal prepared it",
            "prepare it yourself: what writes in your name is yours to word",
        )

    @classmethod
    def values(cls, name: str, wanted: int, given: int) -> Self:
        """Compare the numbers of places and of values."""
        return cls(
            f"the prepared statement {name!r} has {wanted} ?, and {given} values came",
            "EXECUTE name USING value, … has one for each ? in turn",
        )

    @classmethod
    def nested(cls, word: str) -> Self:
        """Refuse what would prepare itself."""
        return cls(
            f"{word} cannot be prepared",
            "prepare a query, or a statement that writes",
        )


class StatementSyntaxError(RequestError):
    """A statement that does not read as its kind does."""

    code = "LW806"

    @classmethod
    def at(cls, text: str, at: int, problem: str) -> Self:
        """Say where, by line and column from 1."""
        before = text[:at]
        line = before.count("\n") + 1
        column = at - (before.rfind("\n") + 1) + 1
        kind = " ".join(text.split()[:2])[:40]
        return cls(
            f"{problem} (line {line}, column {column}, in {kind} …)",
            "docs/reference/sql-service.md has the form of every statement",
        )


class ViewUnreadableError(RequestError):
    """What a view reads is not there, or has changed, or is not the caller's to see."""

    code = "LW831"

    @classmethod
    def because(cls, name: str, problem: str) -> Self:
        """Say what is wrong with it, to the lake's owner."""
        return cls(
            f"the view {name} cannot be read: {problem}",
            f"make it anew with CREATE OR REPLACE VIEW {name}, or DROP VIEW {name}",
        )

    @classmethod
    def hidden(cls, name: str) -> Self:
        """Say that it cannot be read, not why: a view runs with the permissions of its caller."""
        return cls(
            f"the view {name} cannot be read",
            "it reads what you may not see, or what is not there any more: ask its owner",
        )

    @classmethod
    def circle(cls, names: Iterable[str]) -> Self:
        """Name the views that read each other."""
        told = list(names)
        return cls(
            f"the view {told[0]} reads itself: {' reads '.join(told)}",
            "make one of them anew without the other",
        )

    @classmethod
    def too_deep(cls, name: str, most: int) -> Self:
        """Say how many views may stand on each other."""
        return cls(
            f"the view {name} stands on more than {most} others, one below the other",
            "make a materialised view of one between",
        )

    @classmethod
    def version(cls, name: str, version: int) -> Self:
        """There is no such version of it."""
        return cls(
            f"the view {name} has no version {version}",
            f"lake catalog versions {name} lists those that are kept",
        )


class NameTakenError(RequestError):
    """Something cannot be made, as its name belongs to something else."""

    code = "LW832"

    @classmethod
    def by(cls, name: str, kind: str) -> Self:
        """Name what has it; without a kind, not even that."""
        return cls(
            f"{name} is {kind}" if kind else f"the name {name} cannot be given",
            "choose another name, or drop it first" if kind else "choose another name",
        )


class NotAllowedError(RequestError):
    """A statement that its caller may not give."""

    code = "LW833"

    @classmethod
    def to(cls, what: str, permission: str, on: str) -> Self:
        """Say which permission it takes, whether there is such a thing or not."""
        return cls(f"you may not {what}", f"it takes {permission} on {on}")


class ViewDefinitionError(RequestError):
    """No view can be made as a statement says."""

    code = "LW834"

    @classmethod
    def because(cls, name: str, problem: str, hint: str = "") -> Self:
        """Say what is wrong."""
        return cls(f"{name} cannot be made: {problem}", hint)
