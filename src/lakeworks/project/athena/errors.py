"""What Athena's dialect cannot say here. Codes LW840 to LW849."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import RequestError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(r"SQL line (\d+),")
_REFERENCE = "docs/reference/athena.md lists what works"


class AthenaSyntaxError(RequestError):
    """SQL in Athena's dialect that does not parse."""

    code = "LW840"

    @classmethod
    def at(cls, problem: str, line: int | None, column: int | None) -> Self:
        """Say where, by line and column from 1."""
        return cls(f"{_place(line, column)}{problem}", "this is read as Athena's SQL (Trino's)")


class AthenaUnsupportedError(RequestError):
    """A function, type or clause of Athena's dialect that does not work here."""

    code = "LW841"

    @property
    def line(self) -> int | None:
        """The line of the SQL, where it is told."""
        found = _LINE.match(self.problem)
        return int(found[1]) if found else None

    @classmethod
    def function(
        cls, name: str, line: int | None, column: int | None, *, known: Iterable[str], hint: str
    ) -> Self:
        """Name the function, and what comes near it."""
        near = nearest(name, known)
        said = hint or (f"the nearest is {near}; {_REFERENCE}" if near else _REFERENCE)
        return cls(f"{_place(line, column)}Athena's function {name} does not work here", said)

    @classmethod
    def call(cls, name: str, problem: str, line: int | None, column: int | None) -> Self:
        """Say what is wrong with the call of a function that works otherwise."""
        return cls(f"{_place(line, column)}Athena's {name}: {problem}", _REFERENCE)

    @classmethod
    def part(cls, told: str, line: int | None, column: int | None, hint: str = "") -> Self:
        """Name a clause, an operator or a type."""
        return cls(
            f"{_place(line, column)}{told} of Athena's dialect does not work here",
            hint or _REFERENCE,
        )


class AthenaTypeNeededError(AthenaUnsupportedError):
    """SQL of Athena's dialect whose meaning hangs on a type that is not known."""

    code = "LW846"


class UnknownDialectError(RequestError):
    """SQL is said to be in a dialect that the lake does not read."""

    code = "LW842"

    @classmethod
    def named(cls, name: str) -> Self:
        """Name those that it reads."""
        return cls(
            f"{name[:40]!r} is not a dialect in which the lake is asked",
            "write duckdb or athena",
        )


def _place(line: int | None, column: int | None) -> str:
    return "" if line is None or column is None else f"SQL line {line}, column {column}: "
