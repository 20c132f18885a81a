"""One process that runs queries, one at a time, seen from the service.

A process that has to be stopped is killed: whatever the query does, in whatever library, it ends
at once, and the service only loses a process, which it replaces.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.query.executions.jobs import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.query.executions.jobs import Job

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.25


class QueryProcess:
    """A running process. For one thread at a time, but for `kill`.

    Args:
        command: What starts it; it says `ready` on its standard output, then takes jobs.
        memory_bytes: What all of the process may take; beyond that it is killed.
    """

    def __init__(self, command: Sequence[str], *, memory_bytes: int | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._job_bytes: int | None = None
        self._job_cpu_s: float | None = None
        self._until_cpu_s: float | None = None
        self._reason = ""
        self._busy = threading.Event()
        self.jobs_done = 0
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # Ctrl-C at the service's terminal is for the service alone.
            start_new_session=True,
        )
        threading.Thread(target=self._watch, name="query-limits", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number in the operating system."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait_ready(self) -> bool:
        """Wait until it takes jobs; False where it ended before."""
        report = self._next()
        return report is not None and report.event == "ready"

    def run(self, job: Job, *, kill_after_s: float | None = None) -> Report | None:
        """Let it run a job and return what came of it; None where the process ended.

        Args:
            kill_after_s: The process is to keep the job's own limit of time; one that has not
                done so after this long is killed.
        """
        timer = None
        if kill_after_s is not None:
            timer = threading.Timer(kill_after_s, self.kill, ("it ran out of time",))
            timer.daemon = True
            timer.start()
        self._job_bytes = job.memory_bytes
        self._job_cpu_s = job.cpu_s
        self._until_cpu_s = None if job.cpu_s is None else cpu_seconds(self.pid) + job.cpu_s
        self._busy.set()
        try:
            if not self._tell(job):
                return None
            while True:
                report = self._next()
                if report is None or report.event in {"succeeded", "failed"}:
                    self.jobs_done += 1
                    return report
        finally:
            self._busy.clear()
            if timer is not None:
                timer.cancel()

    def kill(self, reason: str = "it was stopped") -> None:
        """End it at once. May be called from any thread, and again."""
        self._reason = self._reason or reason
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it end by itself, or kill it after a while."""
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reap()

    def last_words(self) -> str:
        """Say why it ended."""
        self._reap()
        if self._reason:
            return self._reason
        code = self._process.returncode
        if code is not None and code < 0:
            return f"it was killed by signal {-code} ({signal.Signals(-code).name})"
        return f"it ended with code {code}"

    def _tell(self, job: Job) -> bool:
        stdin = self._process.stdin
        if stdin is None:
            return False
        try:
            stdin.write(job.to_line() + "\n")
            stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def _next(self) -> Report | None:
        stdout = self._process.stdout
        line = stdout.readline() if stdout is not None else ""
        if not line.endswith("\n"):
            return None
        return Report.from_line(line)

    def _reap(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()

    def _watch(self) -> None:
        """Kill the process when it takes more memory or processor time than it may."""
        while self.alive:
            if self._busy.wait(1):
                limit = self._limit_bytes()
                if limit is not None and resident_bytes(self.pid) > limit:
                    self.kill(f"it took more than {limit // 2**20} MiB of memory")
                    return
                until_s, job_s = self._until_cpu_s, self._job_cpu_s
                if until_s is not None and cpu_seconds(self.pid) > until_s:
                    self.kill(f"it took more than {job_s:g} s of processor time")
                    return
            time.sleep(_LOOK_S)

    def _limit_bytes(self) -> int | None:
        limits = (self._memory_bytes, self._job_bytes)
        return min((one for one in limits if one is not None), default=None)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.split()[1]) * _PAGE_BYTES


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process took so far; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    # The program's name stands in parentheses and may hold blanks; user and system time follow.
    told = text.rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / _TICKS_A_SECOND
