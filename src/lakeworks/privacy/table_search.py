"""Look for a person in one table: its newest version, its past, files of no version, and its log."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.privacy.parquet_bounds import may_hold
from lakeworks.privacy.parquet_search import Found, search
from lakeworks.privacy.records import text_of
from lakeworks.storage.contents import data_entries
from lakeworks.storage.log_actions import LOG_FOLDER, file_of, parse_lines
from lakeworks.storage.log_checkpoint import read_checkpoint
from lakeworks.storage.log_schema import schema_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.privacy.parquet_search import Look
    from lakeworks.privacy.trace import Trace
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
        lost: Whether there is a past of which nothing tells by which columns it names persons.
    """

    table: TableName
    look: Look
    found: Found = field(default_factory=Found)
    files: list[DataFile] = field(default_factory=list)
    past: list[str] = field(default_factory=list)
    past_rows: int = 0
    log: bool = False
    lost: bool = False

    def __bool__(self) -> bool:
        return self.is_sure or self.lost

    @property
    def is_sure(self) -> bool:
        """Whether the person was seen in it."""
        return bool(self.found.rows or self.past or self.log)


def find(
    log: TableLog,
    table: TableName,
    look: Look,
    *,
    before: Look | None = None,
    concerned: bool = False,
) -> TableFound:
    """Look for the person in every file of a table, of all its versions.

    Args:
        log: Of the table.
        table: Its name.
        look: What to look for.
        before: What to look for in files and lines of earlier versions, if that is more.
        concerned: Whether the table is, or may be, made of the person's rows.
    """
    result = TableFound(table, look)
    before = before or look
    if not (before.columns or before.cells or before.texts or before.words or concerned):
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
        if told is not None and not may_hold(told, before):
            continue
        rows = _rows_in(log, path, before, told.partition if told else {})
        if rows:
            result.past.append(path)
            result.past_rows += rows
    result.log = _log_tells(lines, before, now)
    result.lost = concerned and _had_other_columns(lines, now)
    return result


def _had_other_columns(lines: list[list[Action]], now: TableVersion) -> bool:
    """Whether earlier versions have columns that the newest has no more."""
    known = {name.lower() for name in now.schema.names}
    for actions in lines:
        for action in actions:
            told = action.get("metaData", {}).get("schemaString")
            if told and not known.issuperset(n.lower() for n in schema_from_json(told).names):
                return True
    return False


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
    return any(
        _value_tells(name.lower(), value, look)
        for kind in ("minValues", "maxValues")
        for name, value in (one.stats.get(kind) or {}).items()
    )


def _value_tells(name: str, value: object, look: Look) -> bool:
    if text_of(value) in look.columns.get(name, ()):
        return True
    if not isinstance(value, str):
        return False
    keys, texts = look.cells.get(name), look.texts.get(name)
    return (
        (keys is not None and keys.words.within(value))
        or (texts is not None and bool(texts.records.judged({name: value})))
        or (look.words is not None and look.words.within(value))
    )


def with_words(look: Look, trace: Trace) -> Look:
    """Return a look that also finds where others' rows name the person."""
    return replace(look, words=trace.words)
