"""Let a thread of its own fetch what an iterator gives, a few pieces ahead of who takes them."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

T = TypeVar("T")
_PIECES = 4
_LOOK_S = 0.1


class Ahead(Generic[T]):
    """The pieces of an iterable, which runs in a thread of its own inside the block.

    What it raises is raised where its pieces are taken.
    """

    def __init__(self, pieces: Iterable[T]) -> None:
        self._pieces = pieces
        self._fetched: queue.Queue[tuple[T] | None] = queue.Queue(_PIECES)
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._fetch, name="ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while (piece := self._fetched.get()) is not None:
            yield piece[0]
        if self._failure is not None:
            raise self._failure

    def _fetch(self) -> None:
        try:
            for piece in self._pieces:
                if not self._give((piece,)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where pieces are taken
            self._failure = error
        self._give(None)

    def _give(self, piece: tuple[T] | None) -> bool:
        """Hand a piece over, and say whether anybody still takes them."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self._fetched.put(piece, timeout=_LOOK_S)
                return True
        return False
