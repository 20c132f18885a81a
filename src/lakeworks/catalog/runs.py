"""Runs: when each began and ended, who ran it, and what it reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.packing import packed, unpacked
from lakeworks.catalog.processes import Process, is_alive
from lakeworks.core import clock
from lakeworks.core.redaction import scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Session

RUNNING = "running"
KILLED = "killed"
_SELECT = (
    "SELECT run_id, status, started_us, ended_us, host, machine, pid, process_started, report "
    "FROM runs"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        status: `running`, `killed`, or what the run ended with.
        report: What `end_run` was given; empty before.
    """

    run_id: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    process: Process
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The name of the machine it ran on."""
        return self.process.host

    @property
    def pid(self) -> int:
        """The number of the process it ran in."""
        return self.process.pid


_SUPERFLUOUS = (
    "ended_us < :moment AND run_id NOT IN (SELECT run_id FROM snapshots) "
    "AND run_id NOT IN (SELECT run_id FROM runs ORDER BY started_us DESC, run_id DESC "
    "LIMIT :keep)"
)


def begin(session: Session, run_id: str, process: Process) -> None:
    """Note that a run began, and that those before it whose process is gone were killed."""
    for run in under_way(session):
        if is_alive(run.process) is False:
            mark_killed(session, run.run_id)
    session.run(
        "INSERT INTO runs (run_id, status, started_us, host, machine, pid, process_started, "
        "report) VALUES (:run_id, :status, :started_us, :host, :machine, :pid, :started, '{}')",
        run_id=run_id,
        status=RUNNING,
        started_us=microseconds(clock.now()),
        host=process.host,
        machine=process.machine,
        pid=process.pid,
        started=process.started,
    )


def end(session: Session, run_id: str, status: str, report: Mapping[str, Any]) -> bool:
    """Note how a run ended; return whether there is such a run."""
    return bool(
        session.run(
            "UPDATE runs SET status = :status, ended_us = :ended_us, report = :report "
            "WHERE run_id = :run_id",
            run_id=run_id,
            status=status,
            ended_us=microseconds(clock.now()),
            report=packed(scrubbed_value(dict(report))),
        )
    )


def mark_killed(session: Session, run_id: str) -> None:
    """Note that a run's process ended without a word."""
    session.run(
        "UPDATE runs SET status = :killed, ended_us = :ended_us "
        "WHERE run_id = :run_id AND status = :running",
        killed=KILLED,
        running=RUNNING,
        ended_us=microseconds(clock.now()),
        run_id=run_id,
    )


def forget_before(session: Session, moment: datetime, keep: int) -> int:
    """Delete the records of runs that ended before `moment`, no snapshot's, never the newest."""
    return session.run(
        f"DELETE FROM runs WHERE {_SUPERFLUOUS}",
        moment=microseconds(moment),
        keep=keep,
    )


def count_before(session: Session, moment: datetime, keep: int) -> int:
    """Return how many runs `forget_before` would forget."""
    row = session.first(
        f"SELECT count(*) FROM runs WHERE {_SUPERFLUOUS}",
        moment=microseconds(moment),
        keep=keep,
    )
    return int(row[0]) if row else 0


def under_way(session: Session) -> list[Run]:
    """Return the runs that began and did not end, oldest first."""
    rows = session.all(
        f"{_SELECT} WHERE status = :running ORDER BY started_us, run_id", running=RUNNING
    )
    return [_run(row) for row in rows]


def newest(session: Session, limit: int) -> list[Run]:
    """Return the last `limit` runs, newest first."""
    rows = session.all(
        f"{_SELECT} ORDER BY started_us DESC, run_id DESC LIMIT :limit", limit=limit
    )
    return [_run(row) for row in rows]


def named(session: Session, run_id: str) -> Run | None:
    """Return one run, or None."""
    row = session.first(f"{_SELECT} WHERE run_id = :run_id", run_id=run_id)
    return _run(row) if row else None


def recent_ids(session: Session, limit: int = 50) -> list[str]:
    """Return the last runs' identifiers, newest first."""
    rows = session.all(
        "SELECT run_id FROM runs ORDER BY started_us DESC, run_id DESC LIMIT :limit",
        limit=limit,
    )
    return [row[0] for row in rows]


def _run(row: tuple[Any, ...]) -> Run:
    return Run(
        run_id=row[0],
        status=row[1],
        started_at=from_microseconds(row[2]),
        ended_at=None if row[3] is None else from_microseconds(row[3]),
        process=Process(host=row[4], machine=row[5], pid=row[6], started=row[7]),
        report=unpacked(row[8]),
    )
