"""The figures that an engine gave, by which rules are judged. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoFigureError(Exception):
    """A figure that the engine could not give; the text says why."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to judge by.

    Attributes:
        metrics: Values by the names that `Context` handed out.
        rejected_by: How many rows each rule rejected, by its text, where it is judged by that.
        problems: Why figures are missing, by name.
        nothing_staged: Whether a run has no rows to publish, so that values prove nothing.
    """

    metrics: Mapping[str, Any]
    rejected_by: Mapping[str, int] | None = None
    rows_read: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)
    nothing_staged: bool = False

    def value(self, name: str) -> Any:  # noqa: ANN401 - whatever the SQL gave
        """Return a figure as the engine gave it.

        Raises:
            NoFigureError: it gave none.
        """
        if name in self.problems:
            raise NoFigureError(self.problems[name])
        return self.metrics[name]

    def count(self, name: str) -> int:
        """Return a figure that counts rows."""
        return int(self.value(name) or 0)

    def number(self, name: str) -> float | None:
        """Return a figure that is a number, or None where there is none."""
        value = self.value(name)
        return None if value is None else float(value)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a query of its own."""
        return list(self.value(name))
