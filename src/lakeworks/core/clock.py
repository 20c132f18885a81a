"""The one place that asks for the time and makes identifiers of runs.

Tests replace the clock with `fixed`; everything else calls `now`.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIXED: ContextVar[datetime | None] = ContextVar("lakeworks_clock", default=None)


def now() -> datetime:
    """Return the current instant, in UTC, to the microsecond."""
    return _FIXED.get() or datetime.now(UTC)


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` (with a zone) inside the block, in this context."""
    token = _FIXED.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _FIXED.reset(token)


def new_run_id() -> str:
    """Return an identifier that sorts by time, such as `20261122T044230Z-9f3ac1d2`."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
