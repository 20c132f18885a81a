"""What the commits of a table did and when, from the latest back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakeworks.storage.errors import (
    ObjectNotFoundError,
    TableNotFoundError,
    VersionNotFoundError,
)
from lakeworks.storage.log_actions import Action, commit_path, file_of
from lakeworks.storage.log_state import own_info

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.storage.log import TableLog


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One commit.

    Attributes:
        operation: What its writer called it: `append`, `merge`, `RESTORE`, …
        rows_added: Rows in the files it added, rows that were only rewritten included.
        writer: The program that wrote it.
        info: `Commit.info`; empty for other writers'.
    """

    version: int
    committed_at: datetime
    operation: str
    files_added: int
    files_removed: int
    rows_added: int
    bytes_added: int
    data_change: bool
    writer: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)
    transactions: Mapping[str, int] = field(default_factory=dict)


def history(log: TableLog, limit: int | None) -> Iterator[HistoryEntry]:
    """Yield the commits whose log files are still there, the latest first."""
    latest = log.latest_version()
    if latest is None:
        raise TableNotFoundError.at(log.root)
    oldest = -1 if limit is None else max(-1, latest - limit)
    for version in range(latest, oldest, -1):
        try:
            actions = log.read_commit(version)
        except ObjectNotFoundError:
            return
        yield _entry(log, version, actions)


def version_at(log: TableLog, moment: datetime) -> int:
    """Return the latest version committed at or before `moment`."""
    latest = log.latest_version()
    if latest is None:
        raise TableNotFoundError.at(log.root)
    low, high, first = 0, latest, None
    while low <= high:
        middle = (low + high) // 2
        committed = _committed_at(log, middle)
        if committed is None or committed <= moment:  # cleaned versions are old
            low = middle + 1
        else:
            high, first = middle - 1, committed
    if high < 0 or _committed_at(log, high) is None:
        first = first or log.version(latest).committed_at
        raise VersionNotFoundError.before(log.root, moment, first)
    return high


def _committed_at(log: TableLog, version: int) -> datetime | None:
    try:
        return _entry(log, version, log.read_commit(version)).committed_at
    except ObjectNotFoundError:
        return None


def _entry(log: TableLog, version: int, actions: list[Action]) -> HistoryEntry:
    info: dict[str, Any] = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
    adds = [a["add"] for a in actions if "add" in a]
    removes = [a["remove"] for a in actions if "remove" in a]
    return HistoryEntry(
        version=version,
        committed_at=_moment(log, version, info),
        operation=info.get("operation", ""),
        files_added=len(adds),
        files_removed=len(removes),
        rows_added=sum(max(file_of(add).rows, 0) for add in adds),
        bytes_added=sum(add.get("size") or 0 for add in adds),
        data_change=any(body.get("dataChange", True) for body in (*adds, *removes)),
        writer=info.get("engineInfo", ""),
        info=own_info(info),
        transactions={a["txn"]["appId"]: a["txn"]["version"] for a in actions if "txn" in a},
    )


def _moment(log: TableLog, version: int, info: Mapping[str, Any]) -> datetime:
    if info.get("timestamp"):
        return datetime.fromtimestamp(info["timestamp"] / 1000, UTC)
    entry = log.store.info(commit_path(version))
    return entry.modified if entry else datetime.fromtimestamp(0, UTC)
