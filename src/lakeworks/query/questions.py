"""Who asks a query, and what the answer to it rests on. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _nobody(_: int) -> None:
    """Tell nobody: an answer that is never given again has nothing to tell."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query, read but not run.

    Attributes:
        versions: Every table that it names, with the version that it would read now.
        policy_version: Changes with whatever decides what the principal may see.
        repeatable: Whether asking again of the same versions must give the same answer: it
            calls nothing like `now()` or `random()`.
        given_again: Tells the audit trail that an earlier answer of so many rows is given
            instead of running the query; what it raises forbids that.
    """

    versions: tuple[tuple[str, int], ...] = ()
    policy_version: str = ""
    repeatable: bool = True
    given_again: Callable[[int], object] = field(default=_nobody, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks a query, and under which limits.

    Attributes:
        principal: Whose permissions hold; empty for the lake's owner.
        workgroup: Whose limits hold, for the history.
        query_id: What the history calls the query; one is made where it is empty.
        bytes_limit: How many bytes the files may have that the query reads.
    """

    principal: str = ""
    workgroup: str = ""
    query_id: str = ""
    bytes_limit: int | None = None
