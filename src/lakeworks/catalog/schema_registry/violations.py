"""Why one schema cannot read what another wrote: each change, where it is, and what would do.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["BACKWARD", "FORWARD"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason why data of the writer's schema may not be readable by the reader's.

    Attributes:
        path: Where in the reader's schema (in the writer's, where only that has the place).
        kind: A stable word for what changed: `field without default`, `type changed`.
        problem: What changed, in one sentence.
        hint: What would be compatible.
    """

    path: str
    kind: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class Break:
    """A violation, with the direction that it breaks and the version it was found against.

    Attributes:
        direction: BACKWARD: the new version cannot read what `version` wrote. FORWARD: the
            other way round.
    """

    version: int
    direction: Direction
    violation: Violation

    def __str__(self) -> str:
        who = (
            f"the new version cannot read what version {self.version} wrote"
            if self.direction == "BACKWARD"
            else f"version {self.version} cannot read what the new version writes"
        )
        return f"{self.direction}, {who}: {self.violation}"
