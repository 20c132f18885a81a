"""Snapshots: the set of table versions that readers see, and its past.

A table's version is stored once for each change, with the snapshots between which it held, so
that ten thousand snapshots of five hundred tables take room for their changes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.errors import UnknownSnapshotError
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Session

_COLUMNS = "s.id, s.run_id, s.kind, s.created_us"
_EPOCH = from_microseconds(0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The versions of all tables that readers see together.

    Attributes:
        id: From 1, growing with time; 0 is the empty lake before the first publication.
        run_id: The run that published it.
        kind: `run`, `rollback`, `maintenance` or `erasure`.
    """

    id: int
    run_id: str
    kind: str
    created_at: datetime
    tables: Mapping[TableName, int]


EMPTY = Snapshot(0, "", "run", _EPOCH, {})


def current(session: Session) -> Snapshot:
    """Return the newest snapshot, or the empty one before the first."""
    rows = session.all(
        f"SELECT {_COLUMNS}, t.table_name, t.version FROM snapshots s "
        "LEFT JOIN snapshot_tables t ON t.until_id IS NULL "
        "WHERE s.id = (SELECT max(id) FROM snapshots) ORDER BY t.table_name"
    )
    return _snapshot(rows) if rows else EMPTY


def numbered(session: Session, number: int) -> Snapshot:
    """Return one snapshot.

    Raises:
        UnknownSnapshotError: there is none of that number.
    """
    if number == 0:
        return EMPTY
    # Two ranges of one index instead of an OR, which would read every change ever made.
    rows = session.all(
        f"SELECT {_COLUMNS}, t.table_name, t.version FROM snapshots s LEFT JOIN ("
        "SELECT table_name, version FROM snapshot_tables "
        "WHERE until_id IS NULL AND from_id <= :id UNION ALL "
        "SELECT table_name, version FROM snapshot_tables "
        "WHERE until_id > :id AND from_id <= :id"
        ") t ON 1 = 1 WHERE s.id = :id ORDER BY t.table_name",
        id=number,
    )
    if rows:
        return _snapshot(rows)
    ends = session.first("SELECT min(id), max(id) FROM snapshots") or (None, None)
    raise UnknownSnapshotError.numbered(number, oldest=ends[0] or 0, newest=ends[1] or 0)


def at(session: Session, moment: datetime) -> Snapshot:
    """Return the snapshot that readers saw at `moment`.

    Raises:
        UnknownSnapshotError: nothing that is still kept had been published by then.
    """
    row = session.first(
        "SELECT id FROM snapshots WHERE created_us <= :moment ORDER BY id DESC LIMIT 1",
        moment=microseconds(moment),
    )
    if row:
        return numbered(session, row[0])
    oldest = session.first("SELECT min(created_us) FROM snapshots")
    first = from_microseconds(oldest[0]) if oldest and oldest[0] is not None else None
    raise UnknownSnapshotError.before(moment, first)


def of_run(session: Session, run_id: str) -> Snapshot | None:
    """Return the last snapshot that a run published, or None."""
    row = session.first("SELECT max(id) FROM snapshots WHERE run_id = :run_id", run_id=run_id)
    return numbered(session, row[0]) if row and row[0] is not None else None


def newest(session: Session, limit: int) -> list[Snapshot]:
    """Return the last `limit` snapshots, newest first."""
    found = [current(session)]
    while found[-1].id and len(found) < limit:
        row = session.first("SELECT max(id) FROM snapshots WHERE id < :id", id=found[-1].id)
        if not row or row[0] is None:
            break
        found.append(numbered(session, row[0]))
    return [snapshot for snapshot in found if snapshot.id]


def of_data(session: Session, snapshot: Snapshot) -> Snapshot | None:
    """Return the newest snapshot, `snapshot` or older, that changed data, or None."""
    row = session.first(
        "SELECT max(id) FROM snapshots WHERE id <= :id AND kind <> 'maintenance'",
        id=snapshot.id,
    )
    return numbered(session, row[0]) if row and row[0] is not None else None


def before(session: Session, snapshot: Snapshot) -> Snapshot | None:
    """Return the snapshot whose data `snapshot` took the place of, or None.

    Maintenance changes no data, so what it published counts as the snapshot before it.
    """
    row = session.first(
        "SELECT max(id) FROM snapshots WHERE id < "
        "(SELECT max(id) FROM snapshots WHERE id <= :id AND kind <> 'maintenance')",
        id=snapshot.id,
    )
    return numbered(session, row[0]) if row and row[0] is not None else None


def publish(
    session: Session, run_id: str, changes: Mapping[TableName, int | None], kind: str
) -> Snapshot:
    """Make a snapshot of the current one and `changes`; the session is the only writer."""
    last = session.first("SELECT id, created_us FROM snapshots ORDER BY id DESC LIMIT 1")
    parent, parent_us = last or (None, 0)
    made = session.first(
        "INSERT INTO snapshots (run_id, kind, created_us, parent) "
        "VALUES (:run_id, :kind, :created_us, :parent) RETURNING id",
        run_id=run_id,
        kind=kind,
        # Clocks of several hosts differ; snapshots must be in the order of their times.
        created_us=max(microseconds(clock.now()), parent_us),
        parent=parent,
    )
    shown = dict(_open_ranges(session))
    number = made[0] if made else 0
    for table, version in changes.items():
        _change(session, str(table), shown.get(str(table)), version, number)
    return current(session)


def published_versions(session: Session, since: datetime | None) -> dict[TableName, set[int]]:
    """Return the versions of each table that a kept snapshot shows and that can be read.

    With `since`: only of snapshots that readers saw at that moment or later.
    """
    floor = floor_at(session, since) if since else 0
    found: dict[TableName, set[int]] = {}
    for name, version in session.all(
        "SELECT DISTINCT table_name, version FROM snapshot_tables t "
        "WHERE (until_id IS NULL OR until_id > :floor) AND NOT EXISTS (SELECT 1 FROM "
        "erased_versions e WHERE e.table_name = t.table_name AND t.version < e.below)",
        floor=floor,
    ):
        found.setdefault(TableName.parse(name), set()).add(version)
    return found


def floor_at(session: Session, moment: datetime) -> int:
    """Return the number of the snapshot that readers saw at `moment`, or 0."""
    row = session.first(
        "SELECT max(id) FROM snapshots WHERE created_us <= :moment", moment=microseconds(moment)
    )
    return (row[0] or 0) if row else 0


def forget_before(session: Session, number: int) -> int:
    """Delete the snapshots below `number`, never the newest; return how many."""
    session.run("DELETE FROM snapshot_tables WHERE until_id <= :id", id=number)
    return session.run(
        "DELETE FROM snapshots WHERE id < :id AND id < (SELECT max(id) FROM snapshots)",
        id=number,
    )


def changed_by(session: Session, table: TableName) -> dict[int, tuple[int, str, str]]:
    """Return, for each version of `table`, the first snapshot that showed it, run and kind."""
    rows = session.all(
        "SELECT t.version, s.id, s.run_id, s.kind FROM snapshot_tables t "
        "JOIN snapshots s ON s.id = t.from_id WHERE t.table_name = :table ORDER BY s.id DESC",
        table=str(table),
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _open_ranges(session: Session) -> Iterable[tuple[str, int]]:
    rows = session.all("SELECT table_name, version FROM snapshot_tables WHERE until_id IS NULL")
    return ((row[0], row[1]) for row in rows)


def _change(
    session: Session, table: str, shown: int | None, version: int | None, number: int
) -> None:
    if shown == version:
        return
    if shown is not None:
        session.run(
            "UPDATE snapshot_tables SET until_id = :id "
            "WHERE table_name = :table AND until_id IS NULL",
            id=number,
            table=table,
        )
    if version is not None:
        session.run(
            "INSERT INTO snapshot_tables (table_name, from_id, version) "
            "VALUES (:table, :id, :version)",
            table=table,
            id=number,
            version=version,
        )


def _snapshot(rows: list[tuple[Any, ...]]) -> Snapshot:
    number, run_id, kind, created_us = rows[0][:4]
    tables = {TableName.parse(row[4]): row[5] for row in rows if row[4] is not None}
    return Snapshot(number, run_id, kind, from_microseconds(created_us), tables)
