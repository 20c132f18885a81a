"""What is new in a table since a version that a reader has seen.

The net of all commits in between: a file that came and went within them does not count, and
commits that only rearrange rows (`dataChange: false`) count for nothing. Where rearranging
hides the answer, the answer is "not complete", and the reader reads the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.storage.errors import ObjectNotFoundError
from lakeworks.storage.log_actions import Action, file_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableLog


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows that came and went between two versions, by file.

    Attributes:
        added: Files of rows that are new. All still exist, though a file that was compacted
            since is no longer part of the table: read it all the same.
        removed: Files whose rows went, or were written anew elsewhere.
        complete: Whether that is all. When False, the rest is empty and only reading the
            whole table is right.
    """

    added: tuple[DataFile, ...]
    removed: tuple[DataFile, ...]
    complete: bool


_UNKNOWN = Changes((), (), complete=False)


@dataclass(slots=True)
class _Net:
    """The running balance; keys are paths."""

    fresh: dict[str, DataFile] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    lost: dict[str, DataFile] = field(default_factory=dict)
    rearranged: set[str] = field(default_factory=set)
    clear: bool = True

    def apply(self, actions: Iterable[Action]) -> None:
        adds = [a["add"] for a in actions if "add" in a]
        removes = [a["remove"] for a in actions if "remove" in a]
        for body in removes:
            self._remove(file_of(body), data_change=body.get("dataChange", True))
        for body in adds:
            self._add(file_of(body), data_change=body.get("dataChange", True))

    def _remove(self, gone: DataFile, *, data_change: bool) -> None:
        if not data_change:
            if gone.path in self.fresh:
                self.moved.add(gone.path)
        elif gone.path in self.rearranged:
            self.clear = False  # old rows and new ones are mixed in it
        elif gone.path in self.fresh:
            del self.fresh[gone.path]
        else:
            self.lost[gone.path] = gone

    def _add(self, came: DataFile, *, data_change: bool) -> None:
        if came.path in self.moved:
            self.moved.discard(came.path)
        elif not data_change:
            self.rearranged.add(came.path)
        elif came.path in self.lost:
            del self.lost[came.path]
        else:
            self.fresh[came.path] = came


def net_changes(log: TableLog, since: int, until: int) -> Changes:
    """Return the net of the commits after `since`, up to `until`."""
    if since > until:
        return _UNKNOWN
    net = _Net()
    try:
        for actions in log.commits_between(since, until):
            net.apply(actions)
    except ObjectNotFoundError:
        return _UNKNOWN
    moved = net.moved & net.fresh.keys()
    if not net.clear or not all(log.store.exists(path) for path in moved):
        return _UNKNOWN
    return Changes(tuple(net.fresh.values()), tuple(net.lost.values()), complete=True)
