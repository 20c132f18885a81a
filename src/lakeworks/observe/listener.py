"""Hear what runs and statements do and tell it as OpenLineage events, never in their way.

Events are taken note of at once and worked on by a thread. A receiver that fails is told once a
run, as `openlineage.failed`; what it did not take is lost, and the run goes on.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.errors import LakeError
from lakeworks.observe.errors import UndeliveredError

if TYPE_CHECKING:
    from lakeworks.observe.delivery import Delivery
    from lakeworks.observe.openlineage import Translator

_FIRST = frozenset({"run.started", "statement.started"})
_LAST = frozenset({"run.ended", "run.failed", "statement.ended"})
_TOLD = _FIRST | _LAST | {"step.started", "step.ended"}


class OpenLineageListener:
    """Listens to `core.events`; use it with `events.listening`, then `close` it.

    Args:
        translator: Makes the events.
        delivery: Takes them.
        patience_s: How long the end of a run may wait for the receiver.
    """

    def __init__(
        self, translator: Translator, delivery: Delivery, *, patience_s: float
    ) -> None:
        self._translator = translator
        self._delivery = delivery
        self._patience_s = patience_s
        self._waiting: queue.SimpleQueue[events.Event | threading.Event | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._failed = False
        self._given_up = False

    def __call__(self, event: events.Event) -> None:
        """Take note of an event; at a run's end, wait for what is on its way."""
        if event.name not in _TOLD:
            return
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="lakeworks-openlineage", daemon=True
            )
            self._thread.start()
        if event.name in _FIRST:
            self._failed = self._given_up = False
        self._waiting.put(event)
        if event.name in _LAST:
            self._flush()

    def close(self) -> None:
        """End the thread; what still waits is dropped after the run's patience."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(self._patience_s)
            self._thread = None

    def _flush(self) -> None:
        done = threading.Event()
        self._waiting.put(done)
        if not done.wait(self._patience_s):
            self._given_up = True
            self._tell(UndeliveredError.late(max(self._waiting.qsize() - 1, 1)))

    def _work(self) -> None:
        while (one := self._waiting.get()) is not None:
            if isinstance(one, threading.Event):
                one.set()
            elif not self._given_up:
                self._send(one)
        self._delivery.close()

    def _send(self, event: events.Event) -> None:
        try:
            told = self._translator.translated(event)
            if told is not None:
                self._delivery.send(told)
        except LakeError as error:
            self._tell(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on and is told
            self._tell(UndeliveredError.untold(error))

    def _tell(self, error: LakeError) -> None:
        if not self._failed:
            self._failed = True
            events.emit("openlineage.failed", code=error.code, problem=str(error))
