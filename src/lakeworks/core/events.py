"""What happens in the lake, told to whoever listens.

Every package emits; only `observe` and the command line's progress listen. An event is a name
and plain values. A listener that fails never disturbs the work it listens to.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock
from lakeworks.core.redaction import scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `name` is dotted (`step.started`), `data` plain values."""

    name: str
    at: datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Span:
    """Work under way; set values in `data` and they are part of its end event."""

    data: dict[str, Any] = field(default_factory=dict)


_listeners: list[Callable[[Event], None]] = []


def emit(name: str, **data: Any) -> None:  # noqa: ANN401 - events carry any plain value
    """Tell every listener; return after they have seen it."""
    if not _listeners:
        return
    event = Event(name, clock.now(), scrubbed_value(data))
    for listener in tuple(_listeners):
        try:
            listener(event)
        except Exception:
            logger.exception("a listener failed on %s", name)


@contextmanager
def listening(listener: Callable[[Event], None]) -> Iterator[None]:
    """Hear every event emitted in this process, from any thread, inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def span(name: str, **data: Any) -> Iterator[Span]:  # noqa: ANN401
    """Emit `name.started`, then `name.ended` or `name.failed` with `seconds`."""
    current = Span(dict(data))
    emit(f"{name}.started", **data)
    begin = time.monotonic()
    try:
        yield current
    except BaseException as error:
        seconds = time.monotonic() - begin
        emit(f"{name}.failed", **current.data, seconds=seconds, error=str(error))
        raise
    emit(f"{name}.ended", **current.data, seconds=time.monotonic() - begin)
