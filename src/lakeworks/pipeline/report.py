"""What a run did, in the shape that `lake run --json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lakeworks.core.names import TableName

StepStatus = Literal["succeeded", "up to date", "failed", "blocked"]
RunStatus = Literal["succeeded", "failed", "nothing to do"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule of a step's ruleset: its text, Passed, Failed or Error, and why."""

    rule: str
    outcome: str
    failure_reason: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """One input of a step, as the step saw it.

    Attributes:
        name: A table, or where a source's files lie.
        version: Of the table.
        since: The table's version up to which it had been read; only what came after was read.
            None where it was read whole.
        batch: The number of the files' batch in the ledger, which lists them.
        files, size_bytes: Of the batch.
    """

    name: str
    version: int | None = None
    since: int | None = None
    batch: int | None = None
    files: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StepReport:
    """One table's part in a run.

    For every ingest and every row-preserving step, rows_read = rows_written +
    rows_quarantined + rows_superseded.

    Attributes:
        reason: Why the step ran as it did, for people.
        reads: What it read, of a step that did something.
        redeclared: Keys of a source that were changed since files were read whose rows the
            table keeps.
        score: Share of the ruleset's rules that passed, 0 to 1; None without rules.
    """

    table: TableName
    status: StepStatus
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_superseded: int = 0
    version: int | None = None
    seconds: float = 0.0
    score: float | None = None
    error: str | None = None
    reason: str = ""
    outcomes: tuple[RuleOutcome, ...] = ()
    reads: tuple[Read, ...] = ()
    redeclared: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values, with the keys that design.md fixes first."""
        plain = asdict(self)
        plain["table"] = str(self.table)
        plain["seconds"] = round(self.seconds, 3)
        plain["reads"] = [
            {key: value for key, value in asdict(read).items() if value is not None}
            for read in self.reads
        ]
        plain["outcomes"] = [asdict(outcome) for outcome in self.outcomes]
        return plain


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did to every table of its selection.

    Attributes:
        snapshot: The snapshot that readers see afterwards; a failed run leaves it as it was.
    """

    run_id: str
    status: RunStatus
    snapshot: int
    seconds: float
    steps: tuple[StepReport, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the object that `lake run --json` prints."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "snapshot": self.snapshot,
            "seconds": round(self.seconds, 3),
            "steps": [step.as_json() for step in self.steps],
        }

    @property
    def is_redeclared(self) -> bool:
        """Whether a table keeps rows that another declaration of its source gave."""
        return any(step.redeclared for step in self.steps)

    def step(self, table: str) -> StepReport:
        """Return the report of one table, named as `database.table`."""
        return next(step for step in self.steps if str(step.table) == table)
