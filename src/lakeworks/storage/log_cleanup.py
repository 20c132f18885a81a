"""Delete the beginning of a table's log, where a checkpoint stands for it and nobody needs it.

As the Delta protocol has it: what was committed within `delta.logRetentionDuration` can be
travelled to. Deleted from the oldest on, so that whoever is stopped midway leaves a whole log.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from lakeworks.core import clock, events
from lakeworks.storage.errors import CorruptLogError
from lakeworks.storage.log_actions import LOG_FOLDER
from lakeworks.storage.log_checkpoint import read_checkpoint
from lakeworks.storage.log_listing import list_log, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from lakeworks.storage.log import TableLog
    from lakeworks.storage.log_listing import Listing
    from lakeworks.storage.objects import ObjectInfo

RETENTION = "delta.logRetentionDuration"
DEFAULT_LOG_RETENTION = timedelta(days=30)
_INTERVAL = re.compile(r"interval\s+(\d{1,9})\s+(week|day|hour|minute|second)s?", re.IGNORECASE)


def clean_log(
    log: TableLog,
    *,
    needed: Callable[[], Iterable[int]],
    at_least: timedelta = timedelta(0),
    dry_run: bool = False,
) -> tuple[str, ...]:
    """Delete log files that are older than the table's retention; return their paths.

    Every version from the oldest needed one on, and every one that was the newest at some moment
    within the retention, can be read afterwards; older ones are refused by name. Hold the table's lock.

    Args:
        log: The table.
        needed: Asked only when there is something to delete: versions that must stay readable,
            and those after which every commit must stay (bookmarks).
        at_least: What is younger stays, whatever the table says.
        dry_run: Only say what would be deleted.
    """
    # `delta.enableExpiredLogCleanup` is false in our tables, to keep other writers from this.
    cutoff = clock.now() - max(retention_of(log.version().properties), at_least)
    files = _files(log)
    listing = list_log(log.store, whole=True)
    base = listing.base_of(_newest_at(cutoff, files))
    if base <= 0 or not _expired(files, base, cutoff):
        return ()
    base = listing.base_of(min([base, *(version for version in needed() if version >= 0)]))
    found = _expired(files, base, cutoff)
    if not found or not _stands_for_all(log, listing, base):
        return ()
    if not dry_run:
        for _, entry in found:  # one by one, for their order matters
            log.store.delete([entry.path])
    events.emit("table.log_cleaned", root=log.root, files=len(found), dry_run=dry_run)
    return tuple(entry.path for _, entry in found)


def retention_of(properties: Mapping[str, str]) -> timedelta:
    """Return how long the log of a table with these properties is kept."""
    told = _INTERVAL.fullmatch(properties.get(RETENTION, "").strip())
    if told is None:
        return DEFAULT_LOG_RETENTION
    return timedelta(**{f"{told[2].lower()}s": int(told[1])})


def _files(log: TableLog) -> list[tuple[int, ObjectInfo]]:
    """Return commits and checkpoints, the oldest version first."""
    found = []
    for entry in log.store.list(LOG_FOLDER):
        version = version_of(entry.path.removeprefix(f"{LOG_FOLDER}/"))
        if version is not None:
            found.append((version, entry))
    return sorted(found, key=lambda one: (one[0], one[1].path))


def _newest_at(cutoff: datetime, files: Iterable[tuple[int, ObjectInfo]]) -> int:
    """Return the version that the table had at a moment, or -1."""
    commits = (one for one in files if one[1].path.endswith(".json"))
    return max((version for version, entry in commits if entry.modified <= cutoff), default=-1)


def _expired(
    files: Iterable[tuple[int, ObjectInfo]], base: int, cutoff: datetime
) -> list[tuple[int, ObjectInfo]]:
    """Return the log's beginning up to, but without, its base: only what is old enough."""
    found = []
    for version, entry in files:
        if version >= base or entry.modified > cutoff:
            break
        found.append((version, entry))
    return found


def _stands_for_all(log: TableLog, listing: Listing, base: int) -> bool:
    """Whether the checkpoint can be read, and the log goes on from it without a gap."""
    try:
        kinds = {k for a in read_checkpoint(log.store, listing.checkpoints[base]) for k in a}
        listing.check_whole(log.store, base, listing.latest or base)
    except CorruptLogError:
        return False
    return {"protocol", "metaData"} <= kinds
