"""Commit a step's rows with its bookmarks, and mend what a killed run left half done.

The order is the whole protocol (ARCHITECTURE.md, "One step"): quarantine first, tagged with the
version that its target is about to get; then the target under exactly that version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.pipeline.state import bookmark_of
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import State
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableLog

QUARANTINE_SCHEMA = Schema((
    Field("row", Scalar("string")),
    Field("rule", Scalar("string")),
    Field("error", Scalar("string")),
    Field("source_file", Scalar("string")),
    Field("source_row", Scalar("bigint")),
    Field("run_id", Scalar("string")),
    Field("quarantined_at", Scalar("timestamp")),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What one step does to its table and to the table's quarantine.

    Attributes:
        schema: The table's schema afterwards.
        bookmarks: Application transactions to store with the rows.
        info: Kept in the commit: `fingerprint` of the model, `run_id`.
        quarantine_removed: Quarantine files that go: those of an earlier build of the table.
    """

    schema: Schema
    added: Sequence[DataFile]
    removed: Sequence[DataFile]
    rejected: Sequence[DataFile]
    bookmarks: Mapping[str, int]
    operation: str
    info: Mapping[str, Any]
    partition_columns: tuple[str, ...] = ()
    quarantine_removed: Sequence[DataFile] = ()


def commit(table: TableName, change: Change, state: State) -> int:
    """Make the change the table's next version; return that version.

    Raises:
        CommitConflictError: another writer took that version; nothing of the table changed.
    """
    storage = state.services.storage
    head = state.heads.get(table)
    version = head.version + 1 if head else 0
    if change.rejected or change.quarantine_removed:
        _commit_quarantine(table, change, version, state)
    log = storage.table(table)
    unchanged = head is not None and head.schema == change.schema
    log.commit(
        Commit(
            expected=version,
            added=tuple(change.added),
            removed=tuple(change.removed),
            operation=change.operation,
            schema=None if unchanged else change.schema,
            partition_columns=change.partition_columns,
            transactions=dict(change.bookmarks),
            info=dict(change.info),
        )
    )
    state.moved(table, log.version(version))
    return version


def heal(table: TableName, state: State) -> None:
    """Take back a quarantine commit whose target commit never happened."""
    quarantine = state.refresh(table.quarantine)
    if quarantine is None:
        return
    head = state.heads.get(table)
    reached = head.version if head else -1
    tag = bookmark_of(table)
    if quarantine.transactions.get(tag, -1) <= reached:
        return
    log = state.services.storage.table(table.quarantine)
    restore(table.quarantine, _last_true(log, quarantine.version, tag, reached), state)


def restore(table: TableName, to: int | None, state: State) -> int:
    """Commit a version that equals version `to` (None: an empty, never-built table)."""
    log = state.services.storage.table(table)
    head = state.heads[table]
    log.commit(emptied(log, head.version) if to is None else log.restore_commit(to))
    version = head.version + 1
    state.moved(table, log.version(version))
    return version


def emptied(log: TableLog, head: int) -> Commit:
    """Return the commit after which a table is as if it had never been loaded."""
    current = log.version(head)
    return Commit(
        expected=head + 1,
        added=(),
        removed=current.files,
        operation="RESTORE",
        schema=None,
        partition_columns=current.partition_columns,
        transactions=dict.fromkeys(current.transactions, -1),
        info={"fingerprint": ""},
    )


def _commit_quarantine(
    table: TableName, change: Change, target_version: int, state: State
) -> None:
    name = table.quarantine
    log = state.services.storage.table(name)
    head = state.heads.get(name)
    version = head.version + 1 if head else 0
    log.commit(
        Commit(
            expected=version,
            added=tuple(change.rejected),
            removed=tuple(change.quarantine_removed),
            operation="WRITE",
            schema=None if head else QUARANTINE_SCHEMA,
            partition_columns=(),
            transactions={bookmark_of(table): target_version},
            info={"run_id": change.info.get("run_id", "")},
        )
    )
    state.moved(name, log.version(version))


def _last_true(log: TableLog, head: int, tag: str, reached: int) -> int | None:
    """Return the newest version of a quarantine that no unfinished step wrote, or None."""
    for version in range(head - 1, -1, -1):
        if log.version(version).transactions.get(tag, -1) <= reached:
            return version
    return None
