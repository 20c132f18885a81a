"""What the service and its query processes tell each other: a line of JSON each way. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from lakeworks.core.errors import RequestError

Event = Literal["ready", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """One query that a process is to run.

    Attributes:
        execution_id: What the catalog's history calls it.
        principal: Whose permissions hold; empty for the lake's owner.
        at: What readers saw at this moment (ISO 8601) or in the snapshot of this number.
        dialect: What it is written in.
        out: The file that takes the result, as an Arrow IPC stream. It appears whole or not.
        place: The bucket's prefix that the file is then brought to; empty where it stays.
        bytes_limit: How many bytes the query may scan; None for any number.
        timeout_s: How long it may run; None for any time.
        memory_bytes: What its process may take, where that is less than what any process may.
        cpu_s: How much processor time it may take.
        policy_version: What the service takes the principal's policies for.
    """

    execution_id: str
    sql: str
    out: str
    place: str = ""
    principal: str = ""
    workgroup: str = ""
    dialect: str = "duckdb"
    at: str | int | None = None
    limit: int | None = None
    bytes_limit: int | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None
    cpu_s: float | None = None
    policy_version: str = ""

    def to_line(self) -> str:
        """Return it as one line, without the line's end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


def moment_of(at: str | int | None) -> datetime | int | None:
    """Return what `QueryService.sql` takes for a job's `at`.

    Raises:
        RequestError: a text that is no moment.
    """
    if not isinstance(at, str):
        return at
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        raise RequestError(
            f"{at[:40]!r} is not a moment", "write it as 2026-11-22 or 2026-11-22T10:00:00"
        ) from None


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says of its job.

    Attributes:
        error: For `failed`: `code`, `kind` (the class's name), `problem` and `hint`.
        columns: For `succeeded`: name and type of each column, in Arrow's words.
    """

    event: Event
    execution_id: str = ""
    rows: int = 0
    result_bytes: int = 0
    scanned_bytes: int = 0
    seconds: float = 0.0
    error: dict[str, str] = field(default_factory=dict)
    columns: tuple[tuple[str, str], ...] = ()

    def to_line(self) -> str:
        """Return it as one line, without the line's end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what `to_line` wrote."""
        found: dict[str, Any] = json.loads(line)
        found["columns"] = tuple(tuple(one) for one in found.get("columns", ()))
        return cls(**found)
