"""Fewer, better ordered files; and the end of those that no version needs.

Compaction writes commits that change no row. Vacuum deletes files, and so is the only part of
Lakeworks that can lose data: what it may not touch is an argument, and doubt stops it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock, events
from lakeworks.storage.contents import data_entries, ever_named
from lakeworks.storage.errors import (
    CorruptLogError,
    MaintenanceRefusedError,
    ObjectNotFoundError,
    VersionNotFoundError,
)
from lakeworks.storage.log_actions import Commit, file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableLog, TableVersion
    from lakeworks.storage.objects import ObjectInfo

MIB = 1024 * 1024
DEFAULT_TARGET_BYTES = 128 * MIB
DEFAULT_RETENTION = timedelta(days=7)
SMALL_SHARE = 0.75
SORTED_AT_ONCE_BYTES = 512 * MIB


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did; `version` is None when there was nothing to do."""

    version: int | None
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class VacuumReport:
    """Files deleted, or with `dry_run`, that would be."""

    deleted: tuple[str, ...]
    deleted_bytes: int
    dry_run: bool


def compact(
    log: TableLog,
    *,
    target_file_bytes: int = DEFAULT_TARGET_BYTES,
    zorder: Sequence[str] = (),
    info: Mapping[str, Any] | None = None,
    until_s: float | None = None,
) -> Compaction:
    """Merge a table's small files; with `zorder`, write all of them anew in that order.

    Rows stay the same, and readers of other versions are not disturbed. Memory: one row group
    (64 MiB) when merging; with `zorder`, the rows of up to 512 MiB of files at once.

    Args:
        log: The table.
        target_file_bytes: Size aimed at for one file, compressed.
        zorder: Columns that queries filter by, most important first.
        info: Kept in the commit.
        until_s: A moment of `time.monotonic`: what is written by then is committed, the rest is
            left for the next time. At least one group of files is.

    Raises:
        CommitConflictError: another writer committed meanwhile; safe to retry.
        MaintenanceRefusedError: a column of `zorder` cannot be sorted by.
    """
    from lakeworks.storage import parquet

    now = log.version()
    _check_zorder(log, now, zorder)
    if zorder:
        groups = list(_groups(now.files, SORTED_AT_ONCE_BYTES))

        def write(files: Sequence[DataFile]) -> Iterator[DataFile]:
            return parquet.merge_sorted(
                log.store, files, now.schema, zorder, target_file_bytes=target_file_bytes
            )
    else:
        groups = mergeable(now.files, target_file_bytes=target_file_bytes)

        def write(files: Sequence[DataFile]) -> Iterator[DataFile]:
            return parquet.merge(log.store, files, now.schema)

    told = {"zorder": list(zorder), **(info or {})}
    return _rewrite(log, now, groups, write, told, until_s=until_s)


def mergeable(files: Iterable[DataFile], *, target_file_bytes: int) -> list[list[DataFile]]:
    """Return the groups of small files of which compaction makes one file each."""
    small = [f for f in files if f.size_bytes < target_file_bytes * SMALL_SHARE]
    return [g for g in _groups(small, target_file_bytes) if len(g) > 1]


def conform(log: TableLog, *, info: Mapping[str, Any] | None = None) -> Compaction:
    """Write anew the files whose column types are narrower than the table's.

    Call it after a commit that widened a type and before readers see it: not every engine
    casts a decimal, a double or a timestamp from what an older file holds.
    """
    from lakeworks.storage import parquet

    now = log.version()
    stale = [f for f in now.files if now.evolved and not parquet.fits(log.store, f, now.schema)]
    groups = [[f] for f in stale]
    return _rewrite(
        log, now, groups, lambda files: parquet.merge(log.store, files, now.schema), info or {}
    )


def vacuum(
    log: TableLog,
    *,
    keep_versions: Set[int],
    retention: timedelta = DEFAULT_RETENTION,
    dry_run: bool = False,
) -> VacuumReport:
    """Delete files that neither the head, nor a kept version, nor a recent version needs.

    Hold the table's lock: a running step's staged files look like orphans once they are older
    than `retention`.

    Args:
        log: The table.
        keep_versions: Versions that must stay readable: those of published snapshots.
        retention: Files written or removed from the table within it stay in any case.
        dry_run: Only say what would be deleted.

    Raises:
        MaintenanceRefusedError: a kept version cannot be read, so nothing is known to be
            safe to delete.
    """
    cutoff = clock.now() - retention
    needed = _needed(log, keep_versions)
    found = [
        entry
        for entry in data_entries(log)
        if entry.modified < cutoff and entry.path not in needed
    ]
    if found:
        recent = _removed_since(log, int(cutoff.timestamp() * 1000))
        found = [entry for entry in found if entry.path not in recent]
    if found and not dry_run:
        log.store.delete(entry.path for entry in found)
    size = sum(entry.size_bytes for entry in found)
    events.emit("table.vacuumed", root=log.root, files=len(found), bytes=size, dry_run=dry_run)
    return VacuumReport(tuple(entry.path for entry in found), size, dry_run)


def orphans(log: TableLog) -> list[ObjectInfo]:
    """Return the data files that no commit ever named: left by steps that were killed.

    A step that is running has such files too, until it commits.
    """
    head = {f.path for f in log.version().files} if log.exists() else set()
    found = [entry for entry in data_entries(log) if entry.path not in head]
    if not found:
        return []
    named = ever_named(log)
    return [entry for entry in found if entry.path not in named]


def _check_zorder(log: TableLog, now: TableVersion, zorder: Sequence[str]) -> None:
    for name in zorder:
        column = now.schema.get(name)
        if column is None or "<" in str(column.type) or name in now.partition_columns:
            flat = [
                f.name
                for f in now.schema
                if "<" not in str(f.type) and f.name not in now.partition_columns
            ]
            raise MaintenanceRefusedError.because(
                log.root,
                f"it cannot be ordered by {name!r}",
                f"choose from its flat, unpartitioned columns: {', '.join(flat)}",
            )


def _groups(files: Iterable[DataFile], most_bytes: int) -> Iterator[list[DataFile]]:
    """Yield files of one partition together, as many as make up `most_bytes`."""
    partitions: dict[tuple[tuple[str, str | None], ...], list[DataFile]] = {}
    for found in files:
        key = tuple(sorted(found.partition.items()))
        partitions.setdefault(key, []).append(found)
    for members in partitions.values():
        group: list[DataFile] = []
        size = 0
        for found in members:
            if group and size + found.size_bytes > most_bytes:
                yield group
                group, size = [], 0
            group.append(found)
            size += found.size_bytes
        yield group


def _rewrite(
    log: TableLog,
    now: TableVersion,
    groups: list[list[DataFile]],
    write: Callable[[Sequence[DataFile]], Iterator[DataFile]],
    info: Mapping[str, Any],
    *,
    until_s: float | None = None,
) -> Compaction:
    if not groups:
        return Compaction(None, len(now.files), len(now.files), now.size_bytes, now.size_bytes)
    added: list[DataFile] = []
    removed: list[DataFile] = []
    try:
        for group in groups:
            added += write(group)
            removed += group
            if until_s is not None and time.monotonic() > until_s:
                break
        _check_rows(log, removed, added)
        version = log.commit(
            Commit(
                now.version + 1,
                "OPTIMIZE",
                tuple(added),
                tuple(removed),
                info=info,
                data_change=False,
            )
        )
    except BaseException:
        log.store.delete(f.path for f in added)
        raise
    gain = sum(f.size_bytes for f in added) - sum(f.size_bytes for f in removed)
    count = len(now.files) + len(added) - len(removed)
    return Compaction(version, len(now.files), count, now.size_bytes, now.size_bytes + gain)


def _check_rows(log: TableLog, removed: list[DataFile], added: list[DataFile]) -> None:
    before, after = sum(f.rows for f in removed), sum(f.rows for f in added)
    if before != after:
        raise MaintenanceRefusedError.because(
            log.root,
            f"its log counts {before} rows in files that hold {after}",
            "nothing was changed; rebuild the table with lake run --full-refresh --select TABLE",
        )


def _needed(log: TableLog, versions: Set[int]) -> set[str]:
    if not log.exists():
        return set()
    needed = {f.path for f in log.version().files}
    for version in sorted(versions, reverse=True):
        try:
            needed |= {f.path for f in log.version(version).files}
        except (VersionNotFoundError, CorruptLogError) as error:
            raise MaintenanceRefusedError.because(
                log.root,
                f"version {version}, which a snapshot needs, cannot be read",
                error.hint,
            ) from error
    return needed


def _removed_since(log: TableLog, cutoff_ms: int) -> set[str]:
    """Return the files that commits since a moment took out of the table."""
    recent: set[str] = set()
    latest = log.latest_version()
    for version in range(-1 if latest is None else latest, -1, -1):
        try:
            actions = log.read_commit(version)
        except ObjectNotFoundError:
            break
        moments = (a["commitInfo"].get("timestamp") for a in actions if "commitInfo" in a)
        moment = next(moments, None)
        if moment is not None and moment < cutoff_ms:
            break
        recent |= {file_of(a["remove"]).path for a in actions if "remove" in a}
    return recent
