"""What lies in a table's folder: files of its newest version, of older ones, of none, its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.storage.local import TEMPORARY
from lakeworks.storage.log_actions import LOG_FOLDER, file_of
from lakeworks.storage.log_checkpoint import read_checkpoint
from lakeworks.storage.log_listing import list_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.storage.log import TableLog
    from lakeworks.storage.objects import ObjectInfo


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of one table's folder, each in one of four.

    Attributes:
        live: Of the versions that readers or writers see now.
        history: Of earlier versions only.
        orphans: Of no version: left by killed steps, or of one that still runs.
        log: Commits and checkpoints.
    """

    live: tuple[ObjectInfo, ...]
    history: tuple[ObjectInfo, ...]
    orphans: tuple[ObjectInfo, ...]
    log: tuple[ObjectInfo, ...]


def log_entries(entries: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """Return those entries of a table's folder that are its log."""
    return [entry for entry in entries if entry.path.startswith(f"{LOG_FOLDER}/")]


def contents(log: TableLog, live: Iterable[str]) -> Contents:
    """Divide a table's files.

    Args:
        log: The table.
        live: Paths of the files that count as live.
    """
    now = set(live)
    found: tuple[list[ObjectInfo], list[ObjectInfo], list[ObjectInfo]] = ([], [], [])
    entries = list(data_entries(log))
    named = ever_named(log) if any(entry.path not in now for entry in entries) else set()
    for entry in entries:
        kind = 0 if entry.path in now else 1 if entry.path in named else 2
        found[kind].append(entry)
    of_log = tuple(log.store.list(LOG_FOLDER))
    return Contents(tuple(found[0]), tuple(found[1]), tuple(found[2]), of_log)


def data_entries(log: TableLog) -> Iterator[ObjectInfo]:
    """Yield the files that lie in a table's folder, its own log left out.

    An empty object in a bucket is no file: Spark and consoles mark folders so.
    """
    in_bucket = log.store.local_path("") is None
    for entry in log.store.list(unfinished=True):
        if _is_data(entry.path) and (entry.size_bytes or not in_bucket):
            yield entry


def _is_data(path: str) -> bool:
    """Whether a path may be a data file, or a leftover of an interrupted write."""
    first, _, _ = path.partition("/")
    if path.rpartition("/")[2].startswith(TEMPORARY):
        return True
    # Other programs keep their own things under `_`; a partition column may begin with it too.
    return not first.startswith("_") or "=" in first


def ever_named(log: TableLog) -> set[str]:
    """Return the data files that any commit that can still be read has named."""
    listing = list_log(log.store, whole=True)
    named: set[str] = set()
    for version in listing.commits:
        for action in log.read_commit(version):
            bodies = (action[kind] for kind in ("add", "remove") if kind in action)
            named |= {file_of(body).path for body in bodies}
    if listing.cleaned:
        for paths in listing.checkpoints.values():
            actions = read_checkpoint(log.store, paths)
            named |= {file_of(a["add"]).path for a in actions if "add" in a}
    return named
