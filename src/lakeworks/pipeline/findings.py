"""What the doctor says: one thing found, how bad it is, and what to do about it.

Pure data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: The same for all findings of one sort, such as `orphan files`.
        subject: What it was found in: a table, a run, the catalog.
        problem: What was found, without the subject.
        severity: `error`: data or runs are in danger; `warning`: something waits for a run or
            for you; `note`: it only takes room, or mends itself.
        advice: What to do.
    """

    kind: str
    subject: str
    problem: str
    severity: Severity
    advice: str

    @property
    def what(self) -> str:
        """The finding as one sentence."""
        return f"{self.subject}: {self.problem}"

    @property
    def serious(self) -> bool:
        """Whether data or runs are in danger."""
        return self.severity == "error"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
