"""What is asked of the execution service, and what is known of it afterwards. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

from lakeworks.catalog.query_executions import KeptExecution
from lakeworks.catalog.query_history import QueryRecord
from lakeworks.project.workgroups import PRIMARY
from lakeworks.query.dialects.spoken import dialect_of

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
        dialect: What it is written in; the workgroup's where it is empty.
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
    dialect: str = ""

    def spoken_in(self, group: Workgroup) -> QueryRequest:
        """Return it with its dialect: the workgroup's where it does not say.

        Raises:
            UnknownDialectError: there is no such dialect.
        """
        return replace(self, dialect=dialect_of(self.dialect or group.dialect))


def allowed_s(group: Workgroup, asked_s: float | None) -> float | None:
    """Return how long a query may run, by its workgroup and its caller."""
    if asked_s is None or group.timeout_s is None:
        return asked_s if group.timeout_s is None else group.timeout_s
    return min(asked_s, group.timeout_s) if group.enforced else asked_s


def kept_of(
    seen: QueryExecution,
    service_id: str,
    *,
    result_place: str = "",
    result_of: str = "",
    reuse_key: str = "",
) -> KeptExecution:
    """Return an execution as the catalog keeps it."""
    return KeptExecution(
        seen.execution_id,
        service_id,
        seen.principal,
        seen.workgroup,
        seen.sql,
        seen.state,
        seen.submitted_at,
        seen.completed_at,
        seen.queued_s,
        seen.seconds,
        seen.rows,
        seen.scanned_bytes,
        seen.cost_usd,
        seen.reused,
        {"reason": seen.reason, "error": dict(seen.error), "columns": seen.columns},
        result_place,
        result_of,
        reuse_key,
    )


def seen_of(kept: KeptExecution) -> QueryExecution:
    """Return an execution as clients see it, from what the catalog keeps."""
    told = kept.told
    return QueryExecution(
        kept.execution_id,
        kept.sql,
        kept.principal,
        kept.workgroup,
        cast("State", kept.state),
        kept.submitted_at,
        kept.completed_at,
        str(told.get("reason", "")),
        dict(told.get("error", {})),
        kept.queued_s,
        kept.seconds,
        kept.rows,
        kept.scanned_bytes,
        kept.cost_usd,
        kept.reused,
        tuple((str(name), str(kind)) for name, kind in told.get("columns", ())),
    )


def record_of(seen: QueryExecution) -> QueryRecord:
    """Return an execution as the history of queries keeps it."""
    return QueryRecord(
        query_id=seen.execution_id,
        sql=seen.sql,
        started_at=seen.submitted_at,
        seconds=seen.seconds,
        rows=seen.rows,
        state=seen.state,
        error=f"{seen.error.get('code', '')} {seen.reason}".strip(),
        principal=seen.principal,
        workgroup=seen.workgroup,
        bytes_scanned=seen.scanned_bytes,
        details={
            "cost_usd": seen.cost_usd,
            "queued_s": seen.queued_s,
            "reused": seen.reused,
        },
    )


def told(error: LakeError) -> dict[str, str]:
    """Return what a client is told of an error."""
    return {
        "code": error.code,
        "kind": type(error).__name__,
        "problem": error.problem,
        "hint": error.hint,
    }
