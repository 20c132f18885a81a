"""Which process holds something, and whether it still lives.

A process number is used again after a process ends, so a process is known by its number and
the moment it started; and numbers mean something only within one machine and, in containers,
one process namespace.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_START_TIME = 19  # the 22nd field of /proc/<pid>/stat, counted from the state


@dataclass(frozen=True, slots=True)
class Process:
    """One process, anywhere.

    Attributes:
        host: The machine's name, for people.
        machine: Equal for two processes if and only if they see each other's numbers.
        started: When it began, in the words of its operating system; empty when unknown.
    """

    host: str
    machine: str
    pid: int
    started: str


def this_process() -> Process:
    """Return the process that is running now."""
    return _described(os.getpid())


def is_alive(process: Process) -> bool | None:
    """Return whether `process` lives, or None where this machine cannot know."""
    if process.machine != _machine():
        return None
    if process.pid == os.getpid():
        return process.started == this_process().started
    started = _started(process.pid)
    if started is None:
        return False if _can_look() else None
    return not process.started or started == process.started


@lru_cache(maxsize=4)
def _described(pid: int) -> Process:
    # The number is an argument so that a forked child does not describe its parent.
    return Process(os.uname().nodename, _machine(), pid, _started(pid) or "")


@lru_cache(maxsize=1)
def _machine() -> str:
    parts = [os.uname().nodename]
    try:
        parts.append(
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        )
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - no path: "pid:[…]"
    except OSError:
        parts.append(sys.platform)
    return "/".join(parts)


def _can_look() -> bool:
    return Path("/bin/ps").exists() or Path("/proc/self/stat").exists()


def _started(pid: int) -> str | None:
    """Return when process `pid` began, or None when there is none or it is a zombie."""
    if Path("/proc/self/stat").exists():
        return _started_linux(pid)
    return _started_by_ps(pid) if _can_look() else None


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[_START_TIME]


def _started_by_ps(pid: int) -> str | None:
    import subprocess

    found = subprocess.run(  # noqa: S603 - a fixed program and a number
        ["/bin/ps", "-o", "lstart=,stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    )
    began, _, state = found.stdout.strip().rpartition(" ")
    return None if not began or state.startswith("Z") else began.strip()
