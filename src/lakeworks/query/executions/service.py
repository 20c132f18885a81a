"""Start, follow, cancel and read query executions, under the limits of workgroups.

The words and states are Athena's (StartQueryExecution, GetQueryExecution, StopQueryExecution,
https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html). What a service
runs it has in memory; what ended, and what other services run, is asked of the catalog.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import CatalogError
from lakeworks.catalog.query_executions import SEEN_EVERY_S
from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.query.executions import accounts
from lakeworks.query.executions.errors import (
    NotSucceededError,
    QueryProcessError,
    ResultGoneError,
    UnknownExecutionError,
)
from lakeworks.query.executions.jobs import Job, Report
from lakeworks.query.executions.pool import Waiting
from lakeworks.query.executions.records import (
    ENDED,
    QueryExecution,
    QueryRequest,
    allowed_s,
    kept_of,
    record_of,
    seen_of,
    told,
)
from lakeworks.query.executions.results import reuse_key
from lakeworks.query.executions.retention import prune

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    import pyarrow as pa

    from lakeworks.catalog.query_executions import ExecutionRecords, KeptExecution
    from lakeworks.catalog.query_history import QueryHistory
    from lakeworks.query.executions.limits import Limits
    from lakeworks.query.executions.pool import QueryPool
    from lakeworks.query.executions.results import ResultPlaces, ResultStore
    from lakeworks.query.questions import Question

logger = logging.getLogger(__name__)

MOST_IN_MEMORY = 10_000
_LOOK_S = 0.25


@dataclass(slots=True)
class _Kept:
    """What the service holds of an execution of its own."""

    seen: QueryExecution
    result_of: str
    key: str
    place: str = ""
    waiting: Waiting | None = None
    done: threading.Event = field(default_factory=threading.Event)


class QueryExecutions:
    """The service of one lake. Safe to use from several threads.

    Args:
        limits: The workgroups and their accounts.
        examine: Says what a query rests on, and raises what running it would raise at once.
        records, history: The catalog's.
        results: Where results are kept.
        pool: Runs what is asked.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        examine: Callable[[QueryRequest], Question],
        records: ExecutionRecords,
        history: QueryHistory,
        results: ResultPlaces,
        pool: QueryPool,
    ) -> None:
        self.limits = limits
        self.service_id = secrets.token_hex(8)
        self._examine = examine
        self._records = records
        self._history = history
        self._results = results
        self._pool = pool
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._unwritten: dict[str, KeptExecution] = {}
        self._closed = threading.Event()
        records.register(self.service_id)
        records.end_lost()
        self._upkeep = threading.Thread(target=self._keep_up, name="executions", daemon=True)
        self._upkeep.start()

    def start(self, asked: QueryRequest) -> str:
        """Ask a query and return its execution's identifier at once.

        Raises:
            UnknownWorkgroupError: no such workgroup, or the principal may not use it.
            WorkgroupRefusesError: it is disabled or full, or its bytes or budget are used up.
            LakeError: what is wrong with the query at first sight: SQL, tables, permissions.
        """
        group = self.limits.group(asked.workgroup, asked.principal)
        asked = asked.spoken_in(group)
        bytes_limit = self.limits.bytes_left(group)
        question = self._examine(asked)
        execution_id = secrets.token_hex(16)
        seen = QueryExecution(
            execution_id, asked.sql, asked.principal, group.name, "queued", clock.now()
        )
        key = reuse_key(asked, question) if question.repeatable else ""
        own = asked.reuse_s is not None and not group.enforced
        earlier = self._earlier(key, (asked.reuse_s or 0) if own else group.reuse_s)
        if earlier is not None:
            question.given_again(seen_of(earlier).rows)
            return self._reused(seen, earlier)
        out, place = self._results.written_to(group.name, execution_id)
        job = Job(
            execution_id,
            asked.sql,
            str(out),
            place=place,
            principal=asked.principal,
            workgroup=group.name,
            dialect=asked.dialect,
            at=asked.at,
            limit=asked.limit,
            bytes_limit=bytes_limit,
            timeout_s=allowed_s(group, asked.timeout_s),
            memory_bytes=group.memory_bytes,
            cpu_s=group.cpu_s,
            policy_version=question.policy_version,
        )
        return self._queued(seen, job, key)

    def get(self, execution_id: str, *, principal: str = "") -> QueryExecution:
        """Return how an execution stands.

        Raises:
            UnknownExecutionError: there is none, or another principal asked it.
        """
        kept = self._mine(execution_id)
        if kept is not None:
            return _of(kept.seen, principal)
        return _of(seen_of(self._recorded(execution_id)), principal)

    def wait(
        self, execution_id: str, *, principal: str = "", timeout_s: float | None = None
    ) -> QueryExecution:
        """Wait until an execution ended, or so many seconds; return how it stands then."""
        kept = self._mine(execution_id)
        if kept is not None:
            _of(kept.seen, principal)
            kept.done.wait(timeout_s)
            return kept.seen
        # Another service runs it, or ran it.
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (found := self.get(execution_id, principal=principal)).state not in ENDED:
            if until is not None and time.monotonic() >= until:
                break
            time.sleep(_LOOK_S)
        return found

    def cancel(self, execution_id: str, *, principal: str = "") -> QueryExecution:
        """Stop an execution, wherever it is; one that ended stays as it is."""
        found = self.get(execution_id, principal=principal)
        kept = self._mine(execution_id)
        if kept is None:
            if found.state not in ENDED:
                self._records.ask_cancel(execution_id)  # the service that runs it looks for it
            return found
        if kept.waiting is not None and not kept.done.is_set():
            self._pool.cancel(kept.waiting)
            kept.done.wait(10)
        return kept.seen

    def open_result(self, execution_id: str, *, principal: str = "") -> tuple[BinaryIO, int]:
        """Return the bytes of a result, an Arrow IPC stream, and how many there are.

        Nobody but who asked the query may read them: not the lake's owner either.

        Raises:
            NotSucceededError: it has none.
            ResultGoneError: it is no longer kept.
        """
        store, result_of = self._located(execution_id, principal)
        return store.open(result_of)

    def result(self, execution_id: str, *, principal: str = "") -> pa.RecordBatchReader:
        """Return the rows of a result; raises as `open_result` does."""
        import pyarrow as pa

        store, result_of = self._located(execution_id, principal)
        if store.remote or not store.has(result_of):
            return pa.ipc.open_stream(store.open(result_of)[0])
        return pa.ipc.open_stream(pa.memory_map(str(store.path(result_of))))

    def recent(self, *, principal: str | None = None, limit: int = 50) -> list[QueryExecution]:
        """Return the last executions, newest first; of one principal, or of all (None)."""
        recorded = self._records.recent(principal=principal, limit=limit)
        found = {one.execution_id: seen_of(one) for one in recorded}
        with self._lock:
            mine = [kept.seen for kept in self._kept.values()]
        for seen in mine:  # what it knows better, or could not write yet
            if principal is None or seen.principal == principal:
                found[seen.execution_id] = seen
        ordered = sorted(found.values(), key=lambda one: one.submitted_at, reverse=True)
        return ordered[:limit]

    def prune(self) -> int:
        """Delete results that their workgroups kept long enough; return how many."""
        gone, count = prune(self.limits.workgroups, self._records, self._results)
        with self._lock:
            for one in gone & self._kept.keys():
                self._kept[one].place = ""
        return count

    def close(self) -> None:
        """Stop what runs and let go of the processes; what did not end is recorded as failed."""
        self._closed.set()
        self._pool.close()
        self._upkeep.join(SEEN_EVERY_S)
        try:
            self._write_again()
            self._records.leave(self.service_id, "the service stopped")
        except CatalogError:
            logger.warning("what the service left could not be recorded", exc_info=True)

    def _mine(self, execution_id: str) -> _Kept | None:
        with self._lock:
            return self._kept.get(execution_id)

    def _recorded(self, execution_id: str) -> KeptExecution:
        found = self._records.get(execution_id)
        if found is None:
            raise UnknownExecutionError.named(execution_id)
        return found

    def _located(self, execution_id: str, principal: str) -> tuple[ResultStore, str]:
        """Return where a result lies, and whose it is."""
        kept = self._mine(execution_id)
        if kept is not None:
            seen, place, result_of = kept.seen, kept.place, kept.result_of
        else:
            recorded = self._recorded(execution_id)
            seen, place = seen_of(recorded), recorded.result_place
            result_of = recorded.result_of
        if seen.principal != principal:
            raise UnknownExecutionError.named(execution_id)
        if seen.state != "succeeded":
            raise NotSucceededError.state(execution_id, seen.state, seen.reason)
        if not place:
            raise ResultGoneError.of(execution_id)
        return self._results.at(place), result_of

    def _earlier(self, key: str, reuse_s: int) -> KeptExecution | None:
        if not key or reuse_s <= 0:
            return None
        since = clock.now() - timedelta(seconds=reuse_s)
        found = self._records.reusable(key, since=since)
        if found is None or not self._results.at(found.result_place).has(found.result_of):
            return None
        return found

    def _reused(self, seen: QueryExecution, earlier: KeptExecution) -> str:
        before = seen_of(earlier)
        done = replace(seen, state="succeeded", completed_at=clock.now(), rows=before.rows,
                       columns=before.columns, reused=True)  # fmt: skip
        kept = _Kept(done, earlier.result_of, "", earlier.result_place)
        self._keep(kept)
        self._history.note(record_of(done))
        self._write_end(kept)
        kept.done.set()
        return done.execution_id

    def _queued(self, seen: QueryExecution, job: Job, key: str) -> str:
        kept = _Kept(seen, seen.execution_id, key)
        kept.waiting = Waiting(
            job, lambda: self._began(kept), lambda ended: self._ended(kept, ended)
        )
        self._keep(kept)
        self._history.note(record_of(seen))
        try:
            self._records.begin(kept_of(seen, self.service_id))
        except CatalogError:
            # Its end is written all the same, as soon as the catalog takes it.
            logger.warning("execution %s could not be recorded yet", seen.execution_id)
        self._pool.submit(kept.waiting)
        return seen.execution_id

    def _keep(self, kept: _Kept) -> None:
        with self._lock:
            self._kept[kept.seen.execution_id] = kept
            if len(self._kept) > MOST_IN_MEMORY:
                oldest = next((one for one, k in self._kept.items() if k.done.is_set()), None)
                if oldest is not None and oldest not in self._unwritten:
                    del self._kept[oldest]

    def _began(self, kept: _Kept) -> bool:
        waited_s = (clock.now() - kept.seen.submitted_at).total_seconds()
        kept.seen = replace(kept.seen, state="running", queued_s=max(0.0, waited_s))
        return True

    def _ended(self, kept: _Kept, ended: Report | str) -> None:
        seen = replace(kept.seen, completed_at=clock.now())
        if isinstance(ended, Report) and ended.event == "succeeded":
            kept.place = self._results.of(seen.workgroup).place
            seen = replace(
                seen,
                state="succeeded",
                rows=ended.rows,
                seconds=ended.seconds,
                scanned_bytes=ended.scanned_bytes,
                columns=ended.columns,
                cost_usd=accounts.cost_usd(ended.scanned_bytes, "succeeded"),
            )
        else:
            seen = self._without_result(seen, kept, ended)
        kept.seen = seen
        self._history.note(record_of(seen))
        self._write_end(kept)
        kept.done.set()

    def _without_result(
        self, seen: QueryExecution, kept: _Kept, ended: Report | str
    ) -> QueryExecution:
        with suppress(OSError, LakeError):
            self._results.drop(seen.workgroup, seen.execution_id)
        ran_s = (clock.now() - seen.submitted_at).total_seconds() - seen.queued_s
        seen = replace(seen, seconds=max(0.0, ran_s) if seen.state == "running" else 0.0)
        cancelled = kept.waiting is not None and kept.waiting.cancelled
        if cancelled:
            return replace(seen, state="cancelled", reason="it was cancelled")
        if isinstance(ended, Report):
            reason = ended.error.get("problem", "")
            return replace(seen, state="failed", reason=reason, error=dict(ended.error))
        error = QueryProcessError.ended(ended)
        return replace(seen, state="failed", reason=error.problem, error=told(error))

    def _write_end(self, kept: _Kept) -> None:
        """Record an end, and what it cost; where the catalog does not take it, later."""
        recorded = kept_of(
            kept.seen,
            self.service_id,
            result_place=kept.place,
            result_of=kept.result_of,
            reuse_key=kept.key,
        )
        try:
            self._records.end(recorded)
            self.limits.tell_budget(kept.seen)
        except CatalogError:
            with self._lock:
                self._unwritten[recorded.execution_id] = recorded
            logger.warning("the end of %s could not be recorded yet", recorded.execution_id)

    def _write_again(self) -> None:
        with self._lock:
            late = list(self._unwritten.values())
        self._records.end(*late)
        with self._lock:
            for one in late:
                self._unwritten.pop(one.execution_id, None)

    def _keep_up(self) -> None:
        """Say that this service lives, and do what others asked of it or left undone."""
        while not self._closed.wait(SEEN_EVERY_S):
            try:
                self._records.register(self.service_id)
                self._write_again()
                for one in self._records.to_cancel(self.service_id):
                    self.cancel(one)
                self._records.end_lost()
            except CatalogError:
                logger.warning("the catalog does not answer", exc_info=True)


def _of(seen: QueryExecution, principal: str) -> QueryExecution:
    """Return an execution that a principal may know of; the lake's owner may of all."""
    if principal and seen.principal != principal:
        raise UnknownExecutionError.named(seen.execution_id)
    return seen
