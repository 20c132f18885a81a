"""Go back to an earlier snapshot, so that readers see it and the next run goes on from it.

Each table gets a new version that equals the earlier one, bookmarks included; then one catalog
transaction publishes them. Killed before that, readers still see the newer snapshot whole, and a
second `lake rollback` finishes the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core import clock, events
from lakeworks.pipeline.errors import NoSnapshotError
from lakeworks.pipeline.publication import restore
from lakeworks.pipeline.state import State

if TYPE_CHECKING:
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services

_LOOK_BACK = 1000


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
        catalog.begin_run(rollback_id)
        state = State.read(services, [])
        for table in tables:
            state.refresh(table)
        changes: dict[TableName, int | None] = {}
        for table in tables:
            changes[table] = _go_back(table, target.tables.get(table), state)
        lease.check()
        published = catalog.publish(rollback_id, changes, kind="rollback")
        report = {"steps": [], "to_snapshot": target.id, "snapshot": published.id}
        catalog.end_run(rollback_id, "succeeded", report)
    return published


def _target(services: Services, run_id: str | None) -> Snapshot:
    catalog = services.catalog
    if run_id is not None:
        return catalog.snapshot_of_run(run_id)
    kept = catalog.snapshots(_LOOK_BACK)
    place = _origin(services, kept)
    earlier = [snapshot for snapshot in kept if snapshot.id < place]
    if not earlier:
        raise NoSnapshotError.none_before()
    return earlier[0]


def _origin(services: Services, kept: list[Snapshot]) -> int:
    """Return the number of the snapshot whose content readers see now.

    After a rollback that is the older one it went back to, so that a second `lake rollback`
    goes further back; upkeep changes no content, so what it was done to counts.
    """
    for snapshot in kept:
        if snapshot.kind == "rollback":
            report = services.catalog.run(snapshot.run_id).report or {}
            return int(report.get("to_snapshot", snapshot.id))
        if snapshot.kind == "run":
            return snapshot.id
    return 0


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
