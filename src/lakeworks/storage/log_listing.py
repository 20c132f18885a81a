"""Which commits and checkpoints a table's log folder holds.

A log may have ten thousand files, so what `_last_checkpoint` says is used to skip most of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.storage.errors import CorruptLogError, ObjectNotFoundError
from lakeworks.storage.log_actions import LOG_FOLDER, commit_path

if TYPE_CHECKING:
    from lakeworks.storage.objects import ObjectStore

LAST_CHECKPOINT = f"{LOG_FOLDER}/_last_checkpoint"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a log, or of its end.

    Attributes:
        commits: Versions with a commit file, rising.
        checkpoints: Version to the paths of a whole checkpoint of it.
    """

    commits: tuple[int, ...] = ()
    checkpoints: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def latest(self) -> int | None:
        """The highest version, or None when there is no table."""
        ends = [*self.commits[-1:], *self.checkpoints]
        return max(ends) if ends else None

    @property
    def cleaned(self) -> bool:
        """Whether the log's beginning was deleted, which a checkpoint allows."""
        return bool(self.checkpoints) and self.commits[:1] != (0,)

    def base_of(self, version: int) -> int:
        """Return the newest checkpoint at or before `version`, or -1."""
        return max((v for v in self.checkpoints if v <= version), default=-1)

    def check_whole(self, store: ObjectStore, base: int, version: int) -> None:
        """Make sure that no commit is missing after `base` up to `version`.

        Raises:
            CorruptLogError: names the first that is.
        """
        have = set(self.commits)
        for number in range(base + 1, version + 1):
            if number not in have:
                raise CorruptLogError.gap(store.uri(commit_path(number)), number)


def version_of(name: str) -> int | None:
    """Return the version that a file of a log is a commit or a checkpoint of, or None."""
    found = _COMMIT.fullmatch(name) or _CHECKPOINT.fullmatch(name)
    return int(found.group(1)) if found else None


def list_log(store: ObjectStore, *, up_to: int | None = None, whole: bool = False) -> Listing:
    """Return the log's files, from the newest useful checkpoint on.

    Args:
        store: The table's root.
        up_to: The version that is wanted; None means the latest.
        whole: List all of it, checkpoint or not.
    """
    hint = None if whole else _hint(store)
    if hint is not None and (up_to is None or hint <= up_to):
        found = _list_from(store, hint)
        if hint in found.checkpoints:
            return found
    return _list_from(store, 0)


def _hint(store: ObjectStore) -> int | None:
    """Return the version of `_last_checkpoint`: only a hint, so a broken one is no hint."""
    try:
        found = json.loads(store.get(LAST_CHECKPOINT))
    except (ObjectNotFoundError, ValueError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, int) else None


def _list_from(store: ObjectStore, version: int) -> Listing:
    # "00…07" sorts before "00…07.checkpoint.parquet" and "00…07.json"
    after = f"{LOG_FOLDER}/{version:020}"
    commits: list[int] = []
    parts: dict[int, dict[int, list[str]]] = {}
    for entry in store.list_after(LOG_FOLDER, after):
        name = entry.path.removeprefix(f"{LOG_FOLDER}/")
        if found := _COMMIT.fullmatch(name):
            commits.append(int(found.group(1)))
        elif found := _CHECKPOINT.fullmatch(name):
            of = parts.setdefault(int(found.group(1)), {})
            of.setdefault(int(found.group(3) or 1), []).append(entry.path)
    whole = {
        number: tuple(paths)
        for number, kinds in parts.items()
        for count, paths in kinds.items()
        if len(paths) == count
    }
    return Listing(tuple(sorted(commits)), whole)
