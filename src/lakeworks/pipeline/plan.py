"""A plan: what would run, why, and what it costs; frozen before anything happens."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.project.errors import Mistake

Action = Literal["read files", "build", "rebuild", "update", "none"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One table's part in a plan.

    Attributes:
        action: `read files` for a source; `build` makes a table for the first time, `rebuild`
            makes it anew, `update` adds what is new; `none` leaves it.
        reasons: Why, for people.
        rows: Input rows to be read, as far as they are known before the run.
        size_bytes: Input bytes to be read, likewise.
        seconds: Expected from the rate of this step's last run; None when it never ran.
        schema_changes: Columns that are added, dropped or change their type.
        affected: Tables that read what changes, each with what it would mean to them.
        redeclared: Keys of a source that were changed since files were read whose rows the
            table keeps.
    """

    table: TableName
    kind: Literal["source", "model"]
    action: Action
    reasons: tuple[str, ...] = ()
    rows: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None
    schema_changes: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    redeclared: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "table": str(self.table)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they would run.

    Attributes:
        to_publish: Tables that an earlier run left committed but unpublished.
        mistakes: Why steps of this plan would fail, with file and line.
    """

    steps: tuple[PlannedStep, ...]
    to_publish: tuple[TableName, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    @property
    def work(self) -> tuple[PlannedStep, ...]:
        """The steps that would do something."""
        return tuple(step for step in self.steps if step.action != "none")

    @property
    def is_empty(self) -> bool:
        """Whether a run would do nothing at all."""
        return not self.work and not self.to_publish

    def as_json(self) -> dict[str, Any]:
        """Return what `lake plan --json` prints."""
        return {
            "steps": [step.as_json() for step in self.steps],
            "to_publish": [str(table) for table in self.to_publish],
            "mistakes": [mistake.as_json() for mistake in self.mistakes],
        }
