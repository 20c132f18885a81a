"""One request on its way through the query service: what is asked, by whom, under which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.query.auditing import QueryAudit
    from lakeworks.query.questions import Caller
    from lakeworks.query.recording import Recording
    from lakeworks.query.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Asking:
    """One request.

    Attributes:
        text: The statement, its parameters filled in.
        viewer: What its principal may see; None for the lake's owner, who sees everything.
        recording: Takes note of it for the history.
        audit: Its entry in the audit trail.
        at: The moment or snapshot that it reads; None for now.
        limit: How many rows it gives at most.
        timeout_s: How long it may run.
        dialect: What it is written in: `duckdb`, the lake's own, or `athena`.
    """

    text: str
    who: Caller
    viewer: Viewer | None
    recording: Recording
    audit: QueryAudit
    at: datetime | int | None = None
    limit: int | None = None
    timeout_s: float | None = None
    dialect: str = "duckdb"
