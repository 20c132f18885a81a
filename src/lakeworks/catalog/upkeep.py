"""Optimize and vacuum: the storage's work, under the table's lock and published.

Readers see published versions, so a compaction is published like any change; and vacuum may
delete what no kept snapshot shows: data files, the beginnings of logs, records of old runs.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnpublishedVersionsError
from lakeworks.catalog.heads import Head
from lakeworks.core import clock, events
from lakeworks.core.names import QUARANTINE, TableName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from lakeworks.catalog.locks import Lease, LockHolder
    from lakeworks.catalog.store import Catalog
    from lakeworks.project.care import Retention
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableVersion
    from lakeworks.storage.maintenance import Compaction


RUN_RETENTION = timedelta(days=90)
_BOOKMARK = "lakeworks/"


@dataclass(frozen=True, slots=True)
class TableVacuum:
    """What was deleted of one table, or would be.

    Attributes:
        paths: Relative to the table's root.
        log_paths: Files of its log, of versions that can no longer be read.
        skipped: Why nothing was looked at; empty when it was.
    """

    table: TableName
    paths: tuple[str, ...] = ()
    size_bytes: int = 0
    dry_run: bool = False
    skipped: str = ""
    log_paths: tuple[str, ...] = ()


def optimize(  # noqa: PLR0913 - what, how and how long
    catalog: Catalog,
    storage: Storage,
    table: TableName,
    *,
    zorder: Sequence[str],
    target_file_bytes: int | None,
    wait_s: float | None,
    until_s: float | None = None,
) -> Compaction:
    """Merge or reorder a table's files and publish the result; see `Tables.optimize`."""
    from lakeworks.storage import maintenance

    run_id = clock.new_run_id()
    log = storage.table(table)
    with held(catalog, table, run_id, wait_s) as lease:
        now = settled(catalog, storage, table)
        done = maintenance.compact(
            log,
            target_file_bytes=target_file_bytes or maintenance.DEFAULT_TARGET_BYTES,
            zorder=zorder,
            # What the version says of the model that made it stays true of the same rows.
            info={**_lasting(now), "run_id": run_id},
            until_s=until_s,
        )
        if done.version is not None:
            lease.check()
            catalog.set_head(_head(table, log.version(done.version)))
            catalog.publish(run_id, {table: done.version}, kind="maintenance")
    return done


def vacuum(
    catalog: Catalog,
    storage: Storage,
    table: TableName | None,
    *,
    retention: Retention,
    dry_run: bool,
    wait_s: float | None,
) -> list[TableVacuum]:
    """Delete what no kept snapshot needs; see `Tables.vacuum`."""
    kept_for = retention.of_snapshots
    run_id = clock.new_run_id()
    if table is not None:
        _vacuumable(catalog, storage, table)
    if not dry_run:
        # Forgotten first: a snapshot whose files may be gone must not be offered for rollback.
        catalog.forget_snapshots(before=clock.now() - kept_for)
        catalog.forget_runs(before=clock.now() - max(RUN_RETENTION, kept_for))
    done = []
    needs = Needs(catalog, storage, clock.now() - kept_for)
    for name in sorted(catalog.heads()) if table is None else [table]:
        with held(catalog, name, run_id, wait_s):
            done.append(
                _vacuum_one(
                    needs, name, retention.of(name), dry_run=dry_run, strict=bool(table)
                )
            )
    return done


@dataclass
class Needs:
    """Which versions of a table snapshots and bookmarks need."""

    catalog: Catalog
    storage: Storage
    since: datetime

    def published(self, table: TableName) -> set[int]:
        """Return the versions that kept snapshots show, now."""
        return self.catalog.published_versions(since=self.since).get(table, set())

    def of_log(self, table: TableName) -> set[int]:
        """Return the same, and how far every reader had read in any of its own kept versions.

        What was added after a bookmark is found in the log; after a rollback the older one holds.
        """
        return self.published(table) | self._bookmarks.get(f"{_BOOKMARK}{table}", set())

    @cached_property
    def _bookmarks(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        kept = self.catalog.published_versions(since=self.since)
        for table, head in self.catalog.heads().items():
            log = self.storage.table(table)
            past = (
                log.version(v).transactions for v in kept.get(table, set()) - {head.version}
            )
            for transactions in (head.transactions, *past):
                for name, version in transactions.items():
                    found.setdefault(name, set()).add(version)
        return found


def _vacuum_one(
    needs: Needs,
    table: TableName,
    retention: timedelta,
    *,
    dry_run: bool,
    strict: bool,
) -> TableVacuum:
    from lakeworks.storage import maintenance
    from lakeworks.storage.log_cleanup import clean_log

    storage = needs.storage
    try:
        _vacuumable(needs.catalog, storage, table)
    except UnpublishedVersionsError as error:
        if strict:
            raise
        return TableVacuum(table, dry_run=dry_run, skipped=error.problem)
    log = storage.table(table)
    kept = needs.published(table)
    report = maintenance.vacuum(log, keep_versions=kept, retention=retention, dry_run=dry_run)
    cleaned = clean_log(
        log, needed=lambda: needs.of_log(table), at_least=retention, dry_run=dry_run
    )
    return TableVacuum(table, report.deleted, report.deleted_bytes, dry_run, log_paths=cleaned)


def _vacuumable(catalog: Catalog, storage: Storage, table: TableName) -> None:
    """Hold a table to what may be vacuumed: it is settled, or was dropped and is empty."""
    try:
        settled(catalog, storage, table)
    except UnpublishedVersionsError:
        if table in catalog.current_snapshot().tables or storage.table(table).version().files:
            raise


@contextmanager
def held(
    catalog: Catalog, table: TableName, run_id: str, wait_s: float | None
) -> Iterator[Lease]:
    """Keep every other writer of a table away inside the block.

    Raises:
        TableLockedError: a run holds it and `wait_s` passed.
    """

    def tell(holder: LockHolder) -> None:
        events.emit("run.waiting", holder=str(holder))

    with catalog.locks.hold(
        guarding(table), holder=run_id, wait_s=wait_s, on_wait=tell
    ) as lease:
        yield lease


def guarding(table: TableName) -> list[TableName]:
    """Return the tables whose locks keep every writer of `table` away.

    A quarantine is written under its target's lock. `quarantine.a_b_c` may belong to `a.b_c` or
    to `a_b.c`; a lock on a table that does not exist disturbs nobody.
    """
    if table.database != QUARANTINE:
        return [table]
    words = table.table.split("_")
    splits = (("_".join(words[:i]), "_".join(words[i:])) for i in range(1, len(words)))
    return [table, *(TableName(*parts) for parts in splits if all(parts))]


def settled(
    catalog: Catalog,
    storage: Storage,
    table: TableName,
    seen: Mapping[TableName, int] | None = None,
) -> TableVersion:
    """Return the table's newest version, which is the one that readers see.

    Args:
        seen: What readers see, where it was asked for just now.

    Raises:
        UnpublishedVersionsError: readers see another, or none.
    """
    newest = storage.table(table).version()
    shown = catalog.current_snapshot().tables if seen is None else seen
    published = shown.get(table)
    if newest.version != published:
        raise UnpublishedVersionsError.ahead(table, newest.version, published)
    return newest


def _lasting(version: TableVersion) -> dict[str, object]:
    return {key: value for key, value in version.info.items() if key != "restores"}


def _head(table: TableName, version: TableVersion) -> Head:
    return Head(
        table=table,
        version=version.version,
        transactions=dict(version.transactions),
        fingerprint=str(version.info.get("fingerprint", "")),
        rows=version.rows,
        size_bytes=version.size_bytes,
        schema=version.schema,
        updated_at=version.committed_at,
    )
