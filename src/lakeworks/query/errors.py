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
