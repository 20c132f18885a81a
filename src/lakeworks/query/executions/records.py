"""What is asked of the execution service, and what is known of it afterwards. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.project.workgroups import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lakeworks.core.errors import LakeError
    from lakeworks.project.workgroups import Workgroup

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class QueryExecution:
    """One query that was asked of the service.

    Attributes:
        reason: Why it failed or was cancelled.
        error: For `failed`: `code`, `kind`, `problem`, `hint`.
        queued_s, seconds: How long it waited, and how long the engine ran.
        scanned_bytes: What it read; 0 where an earlier result answered.
        cost_usd: What Athena would bill.
        reused: Whether an earlier result answered.
    """

    execution_id: str
    sql: str
    principal: str
    workgroup: str
    state: State
    submitted_at: datetime
    completed_at: datetime | None = None
    reason: str = ""
    error: Mapping[str, str] = field(default_factory=dict)
    queued_s: float = 0.0
    seconds: float = 0.0
    rows: int = 0
    scanned_bytes: int = 0
    cost_usd: float = 0.0
    reused: bool = False
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What a caller asks.

    Attributes:
        principal: Whose permissions hold; empty for the lake's owner.
        at: As for `QueryService.sql`: a moment in ISO 8601, or a snapshot's number.
        timeout_s, reuse_s: The caller's own; where the workgroup enforces its settings, a time
            limit can only be shorter, and a result's age is the workgroup's.
    """

    sql: str
    principal: str = ""
    workgroup: str = PRIMARY
    at: str | int | None = None
    limit: int | None = None
    timeout_s: float | None = None
    reuse_s: int | None = None


def allowed_s(group: Workgroup, asked_s: float | None) -> float | None:
    """Return how long a query may run, by its workgroup and its caller."""
    if asked_s is None or group.timeout_s is None:
        return asked_s if group.timeout_s is None else group.timeout_s
    return min(asked_s, group.timeout_s) if group.enforced else asked_s


def told(error: LakeError) -> dict[str, str]:
    """Return what a client is told of an error."""
    return {
        "code": error.code,
        "kind": type(error).__name__,
        "problem": error.problem,
        "hint": error.hint,
    }
