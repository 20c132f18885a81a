"""Query processes, kept ready: each takes the waiting query whose turn it is.

One thread a process. A process that dies fails its query alone; another takes its place. After a
number of queries a process is replaced anyway, so that what libraries leave behind stays bounded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.query.executions.process import QueryProcess
from lakeworks.query.executions.queueing import FairQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.query.executions.jobs import Job, Report

KILL_AFTER_S = 5.0
JOBS_PER_PROCESS = 500
_START_AGAIN_S = 1.0


@dataclass(eq=False, slots=True)
class Waiting:
    """A query that was handed in.

    Attributes:
        on_start: Called when it begins to run; where it returns False, it is left alone.
        on_end: Called with what came of it: a report, or why its process ended.
    """

    job: Job
    on_start: Callable[[], bool]
    on_end: Callable[[Report | str], None]
    process: QueryProcess | None = field(default=None)
    cancelled: bool = False


class QueryPool:
    """Processes that run queries.

    Args:
        command: Starts one process.
        processes: How many run side by side.
        memory_bytes: What one process may take.
        concurrent: How many queries of a workgroup may run at a time.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        processes: int,
        memory_bytes: int | None = None,
        concurrent: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._command = tuple(command)
        self._memory_bytes = memory_bytes
        self._concurrent = concurrent
        self._queue: FairQueue[Waiting] = FairQueue()
        self._turn = threading.Condition()
        self._closed = False
        self._running: set[QueryProcess] = set()
        self._threads = [
            threading.Thread(target=self._serve, name=f"query-process-{number}", daemon=True)
            for number in range(processes)
        ]
        for thread in self._threads:
            thread.start()

    def waiting(self, workgroup: str) -> int:
        """Return how many queries of a workgroup wait for a process."""
        with self._turn:
            return self._queue.waiting(workgroup)

    def running_pids(self) -> list[int]:
        """Return the processes that run a query now."""
        with self._turn:
            return [process.pid for process in self._running]

    def submit(self, query: Waiting) -> None:
        """Let a query wait for its turn; returns at once."""
        with self._turn:
            job = query.job
            self._queue.add(query, workgroup=job.workgroup, principal=job.principal)
            self._turn.notify()

    def cancel(self, query: Waiting) -> None:
        """Take a query back, or stop it where it runs. Its `on_end` is called once, as ever."""
        with self._turn:
            query.cancelled = True
            removed = self._queue.remove(query)
            process = query.process
        if removed:
            query.on_end("it was cancelled")
        elif process is not None:
            process.kill("it was cancelled")

    def close(self) -> None:
        """Stop what runs and let go of every process; what waits is not run."""
        with self._turn:
            self._closed = True
            for process in self._running:
                process.kill("the service stopped")
            self._turn.notify_all()
        for thread in self._threads:
            thread.join(10)

    def _serve(self) -> None:
        process: QueryProcess | None = None
        while True:
            process = self._living(process)
            query = self._next()
            if query is None:
                break
            # It may have died since, or what kept one from living may be over.
            process = self._living(process)
            if process is None:
                self._done(query, "no query process could be started")
                continue
            self._run(process, query)
            if process.jobs_done >= JOBS_PER_PROCESS:
                process.close()
        if process is not None:
            process.close()

    def _living(self, process: QueryProcess | None) -> QueryProcess | None:
        if process is not None and process.alive:
            return process
        if process is not None:
            process.close()
        return self._started()

    def _started(self) -> QueryProcess | None:
        try:
            process = QueryProcess(self._command, memory_bytes=self._memory_bytes)
        except OSError:
            with self._turn:
                self._turn.wait(_START_AGAIN_S)
            return None
        if process.wait_ready():
            return process
        process.close()
        with self._turn:
            if not self._closed:
                self._turn.wait(_START_AGAIN_S)
        return None

    def _next(self) -> Waiting | None:
        with self._turn:
            while not self._closed:
                found = self._queue.take(self._concurrent())
                if found is not None:
                    return found
                self._turn.wait()
            return None

    def _run(self, process: QueryProcess, query: Waiting) -> None:
        with self._turn:
            query.process = process
            begin = not (query.cancelled or self._closed)
            self._running.add(process)
        ended: Report | str = "it was cancelled"
        if begin and query.on_start():
            limit_s = query.job.timeout_s
            kill_after_s = None if limit_s is None else limit_s + KILL_AFTER_S
            report = process.run(query.job, kill_after_s=kill_after_s)
            ended = process.last_words() if report is None else report
        with self._turn:
            self._running.discard(process)
        self._done(query, ended)

    def _done(self, query: Waiting, ended: Report | str) -> None:
        with self._turn:
            query.process = None
            self._queue.ended(query.job.workgroup)
            # Others of its workgroup may have waited for it alone.
            self._turn.notify_all()
        query.on_end(ended)
