"""What this machine, or the part of it that this process may use, has."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MEMORY_SHARE = 0.6
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_share_bytes() -> int:
    """Return 60 % of the memory that this process may use, in bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            total = min(total, int(path.read_text(encoding="ascii")))
    return int(total * MEMORY_SHARE)
