"""The end of a table's past: one checkpoint of now, and no file or line of log from before.

Not maintenance: it keeps nothing for readers of earlier versions, for what these hold is to be
gone. The order makes a kill harmless, and a second call finishes: the checkpoint, then the log
from its oldest entry on, then the data files.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core import events
from lakeworks.storage.contents import data_entries
from lakeworks.storage.errors import CorruptLogError, MaintenanceRefusedError
from lakeworks.storage.log_actions import LOG_FOLDER
from lakeworks.storage.log_checkpoint import read_checkpoint, write_checkpoint
from lakeworks.storage.log_listing import LAST_CHECKPOINT, list_log, version_of

if TYPE_CHECKING:
    from lakeworks.storage.log import TableLog


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went: paths relative to the table's root."""

    files: tuple[str, ...] = ()
    log_files: tuple[str, ...] = ()


def has_past(log: TableLog) -> bool:
    """Whether a table has files that its newest version does not need."""
    now = {found.path for found in log.version().files}
    return any(entry.path not in now for entry in data_entries(log))


def forget_past(log: TableLog) -> Forgotten:
    """Delete every version of a table but the newest, for good. Hold the table's lock.

    Raises:
        MaintenanceRefusedError: no checkpoint could be written, so nothing was deleted.
    """
    now = log.version()
    listing = list_log(log.store, whole=True)
    old = _log_before(log, now.version)
    if old:
        write_checkpoint(log.store)
        listing = list_log(log.store, whole=True)
        paths = listing.checkpoints.get(now.version)
        if paths is None or not _stands_for(log, paths):
            raise MaintenanceRefusedError.because(
                log.root,
                "no checkpoint stands for its newest version",
                "nothing of its past was deleted; the same command tries again",
            )
        _without_removes(log, paths)
        for path in old:  # one by one, for their order matters
            log.store.delete([path])
    log.forget()
    kept = {found.path for found in log.version().files}
    files = [entry.path for entry in data_entries(log) if entry.path not in kept]
    log.store.delete(files)
    if files or old:
        events.emit("table.past_forgotten", root=log.root, files=len(files), log_files=len(old))
    return Forgotten(tuple(files), tuple(old))


def _log_before(log: TableLog, version: int) -> list[str]:
    """Return the log's files of versions before one, the oldest first."""
    found = []
    for entry in log.store.list(LOG_FOLDER):
        number = version_of(entry.path.removeprefix(f"{LOG_FOLDER}/"))
        if number is not None and number < version:
            found.append((number, entry.path))
    return [path for _, path in sorted(found)]


def _stands_for(log: TableLog, paths: tuple[str, ...]) -> bool:
    try:
        actions = list(read_checkpoint(log.store, paths))
    except CorruptLogError:
        return False
    files = sum(1 for action in actions if "add" in action)
    kinds = {kind for action in actions for kind in action}
    return {"protocol", "metaData"} <= kinds and files == len(log.version().files)


def _without_removes(log: TableLog, paths: tuple[str, ...]) -> None:
    """Take out of a checkpoint what files were removed: their partitions hold values.

    These lines only tell other writers' vacuum which files it may delete, and these are deleted.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    left = size = 0
    for path in paths:
        table = pq.read_table(io.BytesIO(log.store.get(path)))
        if "remove" in table.schema.names:
            kept = table.filter(pc.is_null(table["remove"]))
            buffer = io.BytesIO()
            pq.write_table(kept, buffer)
            log.store.put(path, buffer.getvalue())
            table = kept
        left += table.num_rows
        size += len(log.store.get(path))
    hint: dict[str, Any] = json.loads(log.store.get(LAST_CHECKPOINT))
    hint.pop("checksum", None)
    hint["size"] = left
    if "sizeInBytes" in hint:
        hint["sizeInBytes"] = size
    log.store.put(LAST_CHECKPOINT, json.dumps(hint).encode())
