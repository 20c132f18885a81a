"""Start, follow, cancel and read query executions, under the limits of workgroups.

The words and states are Athena's (StartQueryExecution, GetQueryExecution, StopQueryExecution,
https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html).
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock, events
from lakeworks.query.executions import accounts
from lakeworks.query.executions.errors import (
    NotSucceededError,
    QueryProcessError,
    UnknownExecutionError,
    UnknownWorkgroupError,
    WorkgroupRefusesError,
)
from lakeworks.query.executions.jobs import Job, Report
from lakeworks.query.executions.pool import Waiting
from lakeworks.query.executions.records import QueryExecution, QueryRequest, allowed_s, told
from lakeworks.query.executions.results import reuse_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from lakeworks.catalog.query_history import QueryHistory
    from lakeworks.project.workgroups import Period, Workgroup
    from lakeworks.query.executions.pool import QueryPool
    from lakeworks.query.executions.results import ResultStore
    from lakeworks.query.questions import Question

KEPT_EXECUTIONS = 10_000


@dataclass(slots=True)
class _Kept:
    """What the service holds of an execution."""

    seen: QueryExecution
    result_of: str
    key: str | None
    waiting: Waiting | None = None
    done: threading.Event = field(default_factory=threading.Event)


class QueryExecutions:
    """The service of one lake. Safe to use from several threads.

    Args:
        workgroups: Those that there are, `primary` among them.
        identities: Gives the names that a principal acts under, as `Workgroup.principals`
            spells them.
        examine: Says what a query rests on, and raises what running it would raise at once.
        history: The catalog's.
        results: Where results are kept.
        pool: Runs what is asked.
    """

    def __init__(
        self,
        workgroups: Mapping[str, Workgroup],
        *,
        examine: Callable[[QueryRequest], Question],
        identities: Callable[[str], frozenset[str]] = lambda principal: frozenset((principal,)),
        history: QueryHistory,
        results: ResultStore,
        pool: QueryPool,
    ) -> None:
        self._workgroups = workgroups
        self._examine = examine
        self._identities = identities
        self._history = history
        self._results = results
        self._pool = pool
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._by_key: dict[str, str] = {}

    def start(self, asked: QueryRequest) -> str:
        """Ask a query and return its execution's identifier at once.

        Raises:
            UnknownWorkgroupError: no such workgroup, or the principal may not use it.
            WorkgroupRefusesError: it is disabled or full, or its bytes or budget are used up.
            LakeError: what is wrong with the query at first sight: SQL, tables, permissions.
        """
        group = self._group(asked.workgroup, asked.principal)
        bytes_limit = self._bytes_left(group)
        question = self._examine(asked)
        execution_id = secrets.token_hex(16)
        seen = QueryExecution(
            execution_id, asked.sql, asked.principal, group.name, "queued", clock.now()
        )
        key = reuse_key(asked, question) if question.repeatable else None
        own = asked.reuse_s is not None and not group.enforced
        earlier = self._earlier(key, (asked.reuse_s or 0) if own else group.reuse_s)
        if earlier is not None:
            return self._reused(seen, earlier, key)
        job = Job(
            execution_id,
            asked.sql,
            str(self._results.path(execution_id)),
            principal=asked.principal,
            workgroup=group.name,
            at=asked.at,
            limit=asked.limit,
            bytes_limit=bytes_limit,
            timeout_s=allowed_s(group, asked.timeout_s),
            memory_bytes=group.memory_bytes,
        )
        return self._queued(seen, job, key)

    def get(self, execution_id: str, *, principal: str = "") -> QueryExecution:
        """Return how an execution stands.

        Raises:
            UnknownExecutionError: there is none, or another principal asked it.
        """
        return self._one(execution_id, principal).seen

    def wait(
        self, execution_id: str, *, principal: str = "", timeout_s: float | None = None
    ) -> QueryExecution:
        """Wait until an execution ended, or so many seconds; return how it stands then."""
        kept = self._one(execution_id, principal)
        kept.done.wait(timeout_s)
        return kept.seen

    def cancel(self, execution_id: str, *, principal: str = "") -> QueryExecution:
        """Stop an execution, wherever it is; one that ended stays as it is."""
        kept = self._one(execution_id, principal)
        if kept.waiting is not None and not kept.done.is_set():
            self._pool.cancel(kept.waiting)
            kept.done.wait(10)
        return kept.seen

    def result_path(self, execution_id: str, *, principal: str = "") -> Path:
        """Return the file of a result: an Arrow IPC stream.

        Raises:
            NotSucceededError: it has none.
            ResultGoneError: it is no longer kept.
        """
        kept = self._one(execution_id, principal)
        if kept.seen.state != "succeeded":
            raise NotSucceededError.state(execution_id, kept.seen.state, kept.seen.reason)
        return self._results.found(kept.result_of)

    def result(self, execution_id: str, *, principal: str = "") -> pa.RecordBatchReader:
        """Return the rows of a result; raises as `result_path` does."""
        import pyarrow as pa

        source = pa.memory_map(str(self.result_path(execution_id, principal=principal)))
        return pa.ipc.open_stream(source)

    def recent(self, *, principal: str | None = None, limit: int = 50) -> list[QueryExecution]:
        """Return the last executions, newest first; of one principal, or of all (None)."""
        with self._lock:
            found = [kept.seen for kept in reversed(self._kept.values())]
        if principal is not None:
            found = [one for one in found if one.principal == principal]
        return found[:limit]

    def usage(self, workgroup: str) -> dict[str, Any]:
        """Return what a workgroup used this hour, day and month, and how its budget stands."""
        group = self._group(workgroup, None)
        used = self._used(group, ("hour", "day", "month"))
        spent = self._spent(group)
        state, share = accounts.budget_state(group, spent)
        return {
            "workgroup": group.name,
            "scanned_bytes": used,
            "cost_usd": spent,
            "budget": {"usd": group.budget_usd, "state": state, "share": share},
            "waiting": self._pool.waiting(group.name),
        }

    def usages(self, principal: str = "") -> list[dict[str, Any]]:
        """Return the accounts of every workgroup that a principal may use."""
        return [
            {"description": group.description, "enabled": group.enabled, **self.usage(name)}
            for name, group in sorted(self._workgroups.items())
            if not principal or self._may_use(group, principal)
        ]

    def prune(self) -> int:
        """Delete results that are kept long enough; return how many files."""
        longest = max(group.retention_s for group in self._workgroups.values())
        return self._results.prune(older_than_s=longest)

    def close(self) -> None:
        """Stop what runs and let go of the processes."""
        self._pool.close()

    def _group(self, name: str, principal: str | None) -> Workgroup:
        found = self._workgroups.get(name)
        if found is None or (principal and not self._may_use(found, principal)):
            raise UnknownWorkgroupError.named(
                name,
                (
                    one.name
                    for one in self._workgroups.values()
                    if not principal or self._may_use(one, principal)
                ),
            )
        return found

    def _may_use(self, group: Workgroup, principal: str) -> bool:
        """Whether a principal may use a workgroup; one without principals is everyone's."""
        return not group.principals or not self._identities(principal).isdisjoint(
            group.principals
        )

    def _bytes_left(self, group: Workgroup) -> int | None:
        """Return how many bytes one more query may scan; None for any number.

        Raises:
            WorkgroupRefusesError: no more query may be asked.
        """
        if not group.enabled:
            raise WorkgroupRefusesError.disabled(group.name)
        waiting = self._pool.waiting(group.name)
        if waiting >= group.queued:
            raise WorkgroupRefusesError.full(group.name, waiting)
        left = accounts.left_bytes(group.bytes_per, self._used(group, tuple(group.bytes_per)))
        if left is not None and left[1] <= 0:
            raise WorkgroupRefusesError.used_up(group.name, left[0], group.bytes_per[left[0]])
        if group.budget_usd is not None:
            state, _ = accounts.budget_state(group, self._spent(group))
            if state == "spent":
                raise WorkgroupRefusesError.spent(group.name, group.budget_usd)
        limits = (group.bytes_limit, left[1] if left else None)
        return min((one for one in limits if one is not None), default=None)

    def _used(self, group: Workgroup, periods: tuple[Period, ...]) -> dict[Period, int]:
        if not periods:
            return {}
        now = clock.now()
        return {
            period: self._history.used(group.name, since=accounts.begin_of(period, now))[0]
            for period in periods
        }

    def _spent(self, group: Workgroup) -> float:
        since = accounts.begin_of("month", clock.now())
        return self._history.used(group.name, since=since)[1]

    def _one(self, execution_id: str, principal: str) -> _Kept:
        with self._lock:
            kept = self._kept.get(execution_id)
        if kept is None or (principal and kept.seen.principal != principal):
            raise UnknownExecutionError.named(execution_id)
        return kept

    def _earlier(self, key: str | None, reuse_s: int) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(self._by_key.get(key or "", ""))
        if kept is None or kept.seen.completed_at is None or reuse_s <= 0:
            return None
        age_s = (clock.now() - kept.seen.completed_at).total_seconds()
        if age_s > reuse_s or not self._results.path(kept.result_of).is_file():
            return None
        return kept

    def _reused(self, seen: QueryExecution, earlier: _Kept, key: str | None) -> str:
        done = replace(
            seen,
            state="succeeded",
            completed_at=clock.now(),
            rows=earlier.seen.rows,
            columns=earlier.seen.columns,
            reused=True,
        )
        kept = _Kept(done, earlier.result_of, key)
        kept.done.set()
        self._keep(kept)
        self._note(done)
        return done.execution_id

    def _queued(self, seen: QueryExecution, job: Job, key: str | None) -> str:
        kept = _Kept(seen, seen.execution_id, key)
        kept.waiting = Waiting(
            job, lambda: self._began(kept), lambda ended: self._ended(kept, ended)
        )
        self._keep(kept)
        self._note(seen)
        self._pool.submit(kept.waiting)
        return seen.execution_id

    def _keep(self, kept: _Kept) -> None:
        with self._lock:
            self._kept[kept.seen.execution_id] = kept
            if len(self._kept) > KEPT_EXECUTIONS:
                oldest = next(one for one, k in self._kept.items() if k.done.is_set())
                forgotten = self._kept.pop(oldest)
                if forgotten.key and self._by_key.get(forgotten.key) == oldest:
                    del self._by_key[forgotten.key]

    def _began(self, kept: _Kept) -> bool:
        waited_s = (clock.now() - kept.seen.submitted_at).total_seconds()
        kept.seen = replace(kept.seen, state="running", queued_s=max(0.0, waited_s))
        return True

    def _ended(self, kept: _Kept, ended: Report | str) -> None:
        seen = replace(kept.seen, completed_at=clock.now())
        if isinstance(ended, Report) and ended.event == "succeeded":
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
        if seen.state == "succeeded" and kept.key:
            with self._lock:
                self._by_key[kept.key] = seen.execution_id
        self._note(seen)
        kept.done.set()
        self._tell_budget(seen)

    def _without_result(
        self, seen: QueryExecution, kept: _Kept, ended: Report | str
    ) -> QueryExecution:
        self._results.drop(seen.execution_id)
        cancelled = kept.waiting is not None and kept.waiting.cancelled
        if cancelled:
            return replace(seen, state="cancelled", reason="it was cancelled")
        if isinstance(ended, Report):
            reason = ended.error.get("problem", "")
            return replace(seen, state="failed", reason=reason, error=dict(ended.error))
        error = QueryProcessError.ended(ended)
        return replace(seen, state="failed", reason=error.problem, error=told(error))

    def _note(self, seen: QueryExecution) -> None:
        from lakeworks.catalog.query_history import QueryRecord

        self._history.note(
            QueryRecord(
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
        )

    def _tell_budget(self, seen: QueryExecution) -> None:
        group = self._workgroups[seen.workgroup]
        if group.budget_usd is None or not seen.cost_usd:
            return
        after = self._spent(group)
        was, _ = accounts.budget_state(group, after - seen.cost_usd)
        state, share = accounts.budget_state(group, after)
        if state != was:
            events.emit(
                "workgroup.budget", workgroup=group.name, state=state, share=share,
                spent_usd=after,
            )  # fmt: skip
