"""Which waiting query runs next: every workgroup in turn, and in it every principal in turn.

Pure and not safe for threads: its owner holds a lock. One who asks a thousand queries waits for
one query of each other who waits, whatever the order of arrival.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Group(Generic[T]):
    """The waiting queries of one workgroup, by principal; the next one's turn is first."""

    waiting: OrderedDict[str, deque[T]] = field(default_factory=OrderedDict)
    running: int = 0

    @property
    def count(self) -> int:
        return sum(len(queue) for queue in self.waiting.values())


class FairQueue(Generic[T]):
    """Queries that wait, and how many of each workgroup run."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, _Group[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(group.count for group in self._groups.values())

    def waiting(self, workgroup: str) -> int:
        """Return how many queries of a workgroup wait."""
        group = self._groups.get(workgroup)
        return group.count if group else 0

    def running(self, workgroup: str) -> int:
        """Return how many queries of a workgroup run."""
        group = self._groups.get(workgroup)
        return group.running if group else 0

    def add(self, query: T, *, workgroup: str, principal: str) -> None:
        """Let a query wait for its turn."""
        group = self._groups.setdefault(workgroup, _Group())
        group.waiting.setdefault(principal, deque()).append(query)

    def take(self, concurrent: dict[str, int]) -> T | None:
        """Return the query whose turn it is, as one that runs now; None where none may.

        Args:
            concurrent: How many queries of each workgroup may run at a time; a workgroup that
                is not named may run any number.
        """
        for name in list(self._groups):
            group = self._groups[name]
            if not group.waiting or group.running >= concurrent.get(name, group.running + 1):
                continue
            principal, queue = next(iter(group.waiting.items()))
            found = queue.popleft()
            del group.waiting[principal]
            if queue:
                group.waiting[principal] = queue  # behind the others
            group.running += 1
            self._groups.move_to_end(name)
            return found
        return None

    def ended(self, workgroup: str) -> None:
        """Take note that a query that ran is done."""
        self._groups[workgroup].running -= 1

    def remove(self, query: T) -> bool:
        """Let a query wait no longer; return whether it did."""
        for group in self._groups.values():
            for principal, queue in list(group.waiting.items()):
                if query in queue:
                    queue.remove(query)
                    if not queue:
                        del group.waiting[principal]
                    return True
        return False
