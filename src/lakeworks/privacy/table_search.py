"""Look for a person in one table: its newest version, its past, files of no version, and its log."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.privacy.parquet_search import Found, may_hold, search
from lakeworks.privacy.text_search import text_of
from lakeworks.storage.contents import data_entries
from lakeworks.storage.log_actions import LOG_FOLDER, file_of, parse_lines
from lakeworks.storage.log_checkpoint import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.privacy.parquet_search import Look
    from lakeworks.privacy.tracing import Trace
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableLog, TableVersion
    from lakeworks.storage.log_actions import Action

_CHANGE_DATA = "_change_data"


@dataclass
class TableFound:
    """What of the person one table has.

    Attributes:
        found: In the newest version.
        files: Of that version, those with rows of the person.
        past: Files of earlier versions only, or of none, that have such rows.
        past_rows: How many, each file counted by itself.
        log: Whether the log's statistics or partitions tell a value of the past.
    """

    table: TableName
    look: Look
    found: Found = field(default_factory=Found)
    files: list[DataFile] = field(default_factory=list)
    past: list[str] = field(default_factory=list)
    past_rows: int = 0
    log: bool = False

    def __bool__(self) -> bool:
        return bool(self.found.rows or self.past or self.log)


def find(log: TableLog, table: TableName, look: Look) -> TableFound:
    """Look for the person in every file of a table, of all its versions."""
    result = TableFound(table, look)
    if not (look.columns or look.cells or look.words):
        return result
    now = log.version()
    for one in now.files:
        if not may_hold(one, look):
            continue
        with log.store.open_read(one.path) as file:
            found = search(file, look, one.partition)
        result.found.add(found)
        if found:
            result.files.append(one)
    current = {one.path for one in now.files}
    lines = list(_log_actions(log))
    stats = _past_files(lines)
    for path in _other_files(log, current):
        told = stats.get(path)
        if told is not None and not may_hold(told, look):
            continue
        rows = _rows_in(log, path, look, told.partition if told else {})
        if rows:
            result.past.append(path)
            result.past_rows += rows
    result.log = _log_tells(lines, look, now)
    return result


def _rows_in(log: TableLog, path: str, look: Look, partition: Mapping[str, str | None]) -> int:
    import pyarrow as pa

    try:
        with log.store.open_read(path) as file:
            found = search(file, look, partition)
    except (pa.ArrowException, OSError):
        return 1  # an unfinished file: whatever is in it, it is nobody's
    return found.rows + sum(found.mentions.values())


def _other_files(log: TableLog, current: set[str]) -> Iterator[str]:
    for entry in data_entries(log):
        if entry.path not in current:
            yield entry.path
    for entry in log.store.list(_CHANGE_DATA):
        yield entry.path


def _past_files(lines: list[list[Action]]) -> dict[str, DataFile]:
    """Return what the log says of the files that it ever added."""
    found: dict[str, DataFile] = {}
    for actions in lines:
        for action in actions:
            if "add" in action:
                one = file_of(action["add"])
                found[one.path] = one
    return found


def _log_actions(log: TableLog) -> Iterator[list[Action]]:
    for entry in log.store.list(LOG_FOLDER):
        if entry.path.endswith(".json"):
            yield list(parse_lines(log.store.get(entry.path)))
        elif ".checkpoint" in entry.path and entry.path.endswith(".parquet"):
            yield list(read_checkpoint(log.store, [entry.path]))


def _log_tells(lines: list[list[Action]], look: Look, now: TableVersion) -> bool:
    """Whether lines of the log about files that are no more tell a value of the person."""
    current = {one.path for one in now.files}
    for actions in lines:
        for action in actions:
            for kind in ("add", "remove"):
                if kind not in action:
                    continue
                one = file_of(action[kind])
                if one.path not in current and _stats_tell(one, look):
                    return True
    return False


def _stats_tell(one: DataFile, look: Look) -> bool:
    for name, value in one.partition.items():
        if value is not None and value in look.columns.get(name.lower(), ()):
            return True
    for kind in ("minValues", "maxValues"):
        for name, value in (one.stats.get(kind) or {}).items():
            if name.lower() in look.cells or look.words is not None:
                keys = look.cells.get(name.lower())
                if isinstance(value, str) and (
                    (keys is not None and keys.words.within(value))
                    or (look.words is not None and look.words.within(value))
                ):
                    return True
            if text_of(value) in look.columns.get(name.lower(), ()):
                return True
    return False


def with_words(look: Look, trace: Trace) -> Look:
    """Return a look that also finds where others' rows name the person."""
    return replace(look, words=trace.words)
