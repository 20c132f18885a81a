"""Go back to an earlier snapshot, so that readers see it and the next run goes on from it.

Each table gets a new version that equals the earlier one, bookmarks included; then one catalog
transaction publishes them. Killed before that, readers still see the newer snapshot whole, and a
second `lake rollback` finishes the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownSnapshotError
from lakeworks.core import clock, events
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.errors import NoSnapshotError
from lakeworks.pipeline.publication import restore
from lakeworks.pipeline.state import State

if TYPE_CHECKING:
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services


def rollback(
    services: Services, run_id: str | None = None, *, wait_s: float | None = None
) -> Snapshot:
    """Publish an earlier snapshot again and return the new snapshot.

    Args:
        services: The project's parts.
        run_id: The run whose snapshot is wanted; None means the snapshot before the current one.
        wait_s: How long to wait for tables that a run holds.

    Raises:
        NoSnapshotError: nothing was published before.
        UnknownRunError: no such run published anything.
    """
    catalog = services.catalog
    target = _target(services, run_id)
    current = catalog.current_snapshot()
    tables = sorted(set(current.tables) | set(target.tables))
    rollback_id = clock.new_run_id()
    with catalog.locks.hold(
        tables,
        holder=rollback_id,
        wait_s=wait_s,
        on_wait=lambda holder: events.emit("run.waiting", holder=str(holder)),
    ) as lease:
        _check_kept(services, target)
        catalog.begin_run(rollback_id)
        state = State.read(services, [])
        for table in tables:
            state.refresh(table)
        changes: dict[TableName, int | None] = {}
        for table in tables:
            changes[table] = _go_back(table, target.tables.get(table), state)
        lease.check()
        published = catalog.publish(rollback_id, changes, kind="rollback")
        reason = f"rollback {rollback_id} to snapshot {target.id}"
        note_publication(services, changes, state.heads, reason)
        report = {"steps": [], "to_snapshot": target.id, "snapshot": published.id}
        catalog.end_run(rollback_id, "succeeded", report)
    return published


def _check_kept(services: Services, target: Snapshot) -> None:
    """See, before anything is changed, that no version of a snapshot was erased.

    Raises:
        VersionNotFoundError: one was; names the table and the oldest version that is left.
    """
    ended = services.catalog.erasures.ended_versions()
    for table, version in target.tables.items():
        if version < ended.get(table, (0, ""))[0]:
            services.storage.table(table).version(version)


def _target(services: Services, run_id: str | None) -> Snapshot:
    catalog = services.catalog
    if run_id is not None:
        return catalog.snapshot_of_run(run_id)
    try:
        earlier = catalog.snapshot_before(_origin(catalog, catalog.current_snapshot()))
    except (
        UnknownSnapshotError
    ):  # what was gone back to is not kept, so nothing older is either
        earlier = None
    if earlier is None:
        raise NoSnapshotError.none_before()
    return earlier


def _origin(catalog: Catalog, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot that first had the data of `snapshot`.

    After a rollback that is the older one it went back to, so that a second `lake rollback`
    goes further back. Every snapshot that is followed is older than the last.
    """
    changed = catalog.snapshot_of_data(snapshot)
    while changed is not None and changed.kind == "rollback":
        to = catalog.run(changed.run_id).report.get("to_snapshot")
        if to is None:  # it was killed before it could say
            break
        snapshot = catalog.snapshot(to)
        changed = catalog.snapshot_of_data(snapshot)
    return changed or snapshot


def _go_back(table: TableName, to: int | None, state: State) -> int | None:
    """Make the table's head equal version `to`; return the version to publish."""
    head = state.heads.get(table)
    if head is None or head.version == to:
        return to
    if to is None:
        if head.fingerprint or head.rows or any(v >= 0 for v in head.transactions.values()):
            restore(table, None, state)
        return None
    return restore(table, to, state)
