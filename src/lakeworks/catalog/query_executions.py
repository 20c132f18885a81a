"""Executions of the SQL service as the catalog keeps them, so that they outlive the service.

An execution is written when it is asked, and when it ends; beside it stands which service runs it.
Several services may share a catalog: each writes its own executions only, but for those of a
service that died, which whoever notices ends as failed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lakeworks.catalog import query_usage
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.processes import Process, is_alive, this_process
from lakeworks.catalog.query_usage import Usage
from lakeworks.core import clock
from lakeworks.core.redaction import scrubbed, scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session

SEEN_EVERY_S = 10.0
LOST_AFTER_S = 60.0
"""A service on another machine that was not seen for so long is taken for dead."""
_SERVICE_COLUMNS = "service_id, host, machine, pid, process_started, seen_us"
_COLUMNS = (
    "execution_id, service_id, principal, workgroup, query_text, state, submitted_us, "
    "completed_us, queued_s, seconds, row_count, scanned_bytes, cost_usd, reused, told, "
    "result_place, result_of, reuse_key"
)
_UNDER_WAY = "('queued', 'running')"


@dataclass(frozen=True, slots=True)
class KeptExecution:
    """One execution as it is kept.

    Attributes:
        told: What else clients are told: `reason`, `error`, `columns`; plain values.
        result_place: The folder or bucket's prefix that holds the result; empty without one.
        result_of: Whose result it is: an earlier execution's where that one answered.
        reuse_key: What equal questions have in common; empty where the result may not be reused.
    """

    execution_id: str
    service_id: str
    principal: str
    workgroup: str
    sql: str
    state: str
    submitted_at: datetime
    completed_at: datetime | None = None
    queued_s: float = 0.0
    seconds: float = 0.0
    rows: int = 0
    scanned_bytes: int = 0
    cost_usd: float = 0.0
    reused: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)
    result_place: str = ""
    result_of: str = ""
    reuse_key: str = ""


class ExecutionRecords:
    """The executions of a catalog. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, one: KeptExecution) -> None:
        """Keep an execution that was asked.

        Raises:
            CatalogError: the catalog cannot be written now.
        """
        with self._database.noting() as session:
            _write(session, one)

    def end(self, *ended: KeptExecution) -> None:
        """Keep how executions ended, and add each to what its workgroup used, once.

        Raises:
            CatalogError: the catalog cannot be written now; may be called again.
        """
        if not ended:
            return
        with self._database.noting() as session:
            for one in ended:
                _end(session, one)

    def get(self, execution_id: str) -> KeptExecution | None:
        """Return an execution, or None."""
        found = self._kept("WHERE execution_id = :id", id=execution_id)
        return found[0] if found else None

    def recent(
        self, *, principal: str | None = None, workgroup: str | None = None, limit: int = 50
    ) -> list[KeptExecution]:
        """Return the last executions, newest first; of one principal or workgroup, or of all."""
        wanted = {"principal": principal, "workgroup": workgroup}
        values = {name: value for name, value in wanted.items() if value is not None}
        tests = " AND ".join(f"{name} = :{name}" for name in values)
        where = f"WHERE {tests} " if tests else ""
        return self._kept(
            f"{where}ORDER BY submitted_us DESC LIMIT :limit", limit=limit, **values
        )

    def reusable(self, reuse_key: str, *, since: datetime) -> KeptExecution | None:
        """Return the last execution of a key that made a result of its own since a moment."""
        found = self._kept(
            "WHERE reuse_key = :key AND completed_us >= :since AND state = 'succeeded' "
            "AND reused = 0 AND result_place <> '' ORDER BY completed_us DESC LIMIT 1",
            key=reuse_key,
            since=microseconds(since),
        )
        return found[0] if found else None

    def times(self, workgroup: str, *, since: datetime) -> list[tuple[float, float]]:
        """Return how long each execution that ended since a moment waited and ran."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT queued_s, seconds FROM query_executions WHERE workgroup = :workgroup "
                "AND submitted_us >= :since AND completed_us IS NOT NULL",
                workgroup=workgroup,
                since=microseconds(since),
            )
        return [(float(queued), float(ran)) for queued, ran in rows]

    def ask_cancel(self, execution_id: str) -> None:
        """Let the service that runs an execution know that it is to stop it."""
        with self._database.noting() as session:
            session.run(
                "UPDATE query_executions SET cancel_asked = 1 "
                f"WHERE execution_id = :id AND state IN {_UNDER_WAY}",
                id=execution_id,
            )

    def expired(self, workgroup: str, *, before: datetime) -> list[KeptExecution]:
        """Return executions of a workgroup that ended before a moment and have a result."""
        return self._kept(
            "WHERE workgroup = :workgroup AND submitted_us < :before "
            "AND completed_us < :before AND result_place <> ''",
            workgroup=workgroup,
            before=microseconds(before),
        )

    def places(self) -> list[str]:
        """Return every folder and bucket in which results may be, of earlier settings, too."""
        with self._database.reading() as session:
            found = session.all(
                "SELECT DISTINCT result_place FROM query_executions WHERE result_place <> ''"
            )
        return sorted(row[0] for row in found)

    def without_results(self, execution_ids: Iterable[str]) -> None:
        """Note that the results of executions are gone."""
        with self._database.noting() as session:
            for one in execution_ids:
                session.run(
                    "UPDATE query_executions SET result_place = '', reuse_key = '' "
                    "WHERE execution_id = :id",
                    id=one,
                )

    def forget(self, workgroup: str, *, before: datetime) -> int:
        """Forget executions of a workgroup that ended before a moment; return how many."""
        with self._database.noting() as session:
            return session.run(
                "DELETE FROM query_executions WHERE workgroup = :workgroup "
                "AND submitted_us < :before AND completed_us < :before",
                workgroup=workgroup,
                before=microseconds(before),
            )

    def register(self, service_id: str) -> None:
        """Note that this process is a service, and is alive."""
        who = this_process()
        with self._database.noting() as session:
            session.run(
                f"INSERT INTO query_services ({_SERVICE_COLUMNS}) VALUES (:id, :host, :machine, "
                ":pid, :started, :seen) ON CONFLICT (service_id) DO UPDATE SET "
                "seen_us = excluded.seen_us",
                id=service_id,
                host=who.host,
                machine=who.machine,
                pid=who.pid,
                started=who.started,
                seen=session.now_us(),
            )

    def to_cancel(self, service_id: str) -> list[str]:
        """Return the executions of a service that another one was asked to stop."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT execution_id FROM query_executions WHERE service_id = :id "
                f"AND cancel_asked = 1 AND state IN {_UNDER_WAY}",
                id=service_id,
            )
        return [str(row[0]) for row in rows]

    def end_lost(self) -> int:
        """End as failed what services ran that are dead; return how many executions."""
        with self._database.reading() as session:
            services = session.all(f"SELECT {_SERVICE_COLUMNS} FROM query_services")
            now_us = session.now_us()
        dead = [str(row[0]) for row in services if _is_dead(row, now_us)]
        return sum(self.leave(one, "the service that ran it ended") for one in dead)

    def leave(self, service_id: str, reason: str) -> int:
        """End as failed what a service still ran, and forget the service; return how many."""
        problem = {"code": "LW816", "kind": "QueryProcessError", "problem": reason,
                   "hint": "ask the query again"}  # fmt: skip
        with self._database.noting() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM query_executions WHERE service_id = :id "
                f"AND state IN {_UNDER_WAY}",
                id=service_id,
            )
            for row in rows:
                told = {"reason": reason, "error": problem, "columns": []}
                _end(session, _execution(row), state="failed", told=told)
            session.run("DELETE FROM query_services WHERE service_id = :id", id=service_id)
        return len(rows)

    def _kept(self, tail: str, **values: Any) -> list[KeptExecution]:  # noqa: ANN401
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM query_executions {tail}", **values)
        return [_execution(row) for row in rows]


def _is_dead(row: Sequence[Any], now_us: int) -> bool:
    alive = is_alive(Process(str(row[1]), str(row[2]), int(row[3]), str(row[4])))
    if alive is not None:
        return not alive
    return now_us - int(row[5]) > LOST_AFTER_S * 1_000_000


def _write(session: Session, one: KeptExecution) -> None:
    session.run(
        f"INSERT INTO query_executions ({_COLUMNS}, cancel_asked) VALUES (:id, :service, "
        ":principal, :workgroup, :sql, :state, :submitted, :completed, :queued, :seconds, :rows, "
        ":scanned, :cost, :reused, :told, :place, :result_of, :key, 0) "
        "ON CONFLICT (execution_id) DO NOTHING",
        **_values(one),
    )


def _end(session: Session, one: KeptExecution, **changed: Any) -> None:  # noqa: ANN401
    one = replace(one, completed_at=one.completed_at or clock.now(), **changed)
    values = _values(one)
    new = session.run(
        f"UPDATE query_executions SET state = :state, completed_us = :completed, "
        "queued_s = :queued, seconds = :seconds, row_count = :rows, scanned_bytes = :scanned, "
        "cost_usd = :cost, told = :told, result_place = :place, result_of = :result_of, "
        f"reuse_key = :key WHERE execution_id = :id AND state IN {_UNDER_WAY}",
        **{name: value for name, value in values.items() if name in _ENDING},
    )
    if not new:
        # One that an earlier result answered ends as it begins; else, it is counted already.
        known = session.first(
            "SELECT 1 FROM query_executions WHERE execution_id = :id", id=one.execution_id
        )
        if known is not None:
            return
        _write(session, one)
    used = Usage(
        1, int(one.state == "failed"), int(one.state == "cancelled"), int(one.reused),
        one.scanned_bytes, one.cost_usd, one.queued_s, one.seconds,
    )  # fmt: skip
    query_usage.add(session, one.workgroup, one.submitted_at, used)


_ENDING = frozenset({"id", "state", "completed", "queued", "seconds", "rows", "scanned", "cost",
                     "told", "place", "result_of", "key"})  # fmt: skip


def _values(one: KeptExecution) -> dict[str, Any]:
    return {
        "id": one.execution_id,
        "service": one.service_id,
        "principal": one.principal,
        "workgroup": one.workgroup,
        # PostgreSQL's text cannot hold this character.
        "sql": scrubbed(one.sql).replace("\x00", ""),
        "state": one.state,
        "submitted": microseconds(one.submitted_at),
        "completed": None if one.completed_at is None else microseconds(one.completed_at),
        "queued": one.queued_s,
        "seconds": one.seconds,
        "rows": one.rows,
        "scanned": one.scanned_bytes,
        "cost": one.cost_usd,
        "reused": int(one.reused),
        "told": json.dumps(scrubbed_value(dict(one.told))).replace("\\u0000", ""),
        "place": one.result_place,
        "result_of": one.result_of,
        "key": one.reuse_key,
    }


def _execution(row: Sequence[Any]) -> KeptExecution:
    told: dict[str, Any] = {}
    with suppress(ValueError):
        told = json.loads(row[14])
    return KeptExecution(
        str(row[0]),
        str(row[1]),
        str(row[2]),
        str(row[3]),
        str(row[4]),
        str(row[5]),
        from_microseconds(row[6]),
        None if row[7] is None else from_microseconds(row[7]),
        float(row[8]),
        float(row[9]),
        int(row[10]),
        int(row[11]),
        float(row[12]),
        bool(row[13]),
        told,
        str(row[15]),
        str(row[16]),
        str(row[17]),
    )
