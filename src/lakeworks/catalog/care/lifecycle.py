"""Carry out lifecycle rules on a lake on a disk: which arrivals are due, and what becomes of them.

An arrival moves only once its batch is in its table, and is let go only where every kept snapshot
of the table has it and no row of it waits in quarantine. Files of tables are never touched here:
vacuum deletes what no version needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.storage.archive import Archive
from lakeworks.storage.archive_errors import FilesExpiredError
from lakeworks.storage.archive_manifest import EXPIRED, Arrival

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.project.care import CareSettings, LifecycleRule
    from lakeworks.storage.archive_manifest import Manifest
    from lakeworks.storage.layout import Storage

FILES = "lakeworks/files"
RESTORED_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """One arrival that is due, or would be.

    Attributes:
        to: A storage class, or `EXPIRED`.
        before: Where it is now: `STANDARD` is the landing zone.
        kept_because: Why it stays all the same; empty where it goes.
    """

    arrival: Arrival
    before: str
    to: str
    files: int
    size_bytes: int
    kept_because: str = ""


class Lifecycle:
    """The rules of one lake on a disk, and the arrivals that they are about."""

    def __init__(self, catalog: Catalog, storage: Storage, settings: CareSettings) -> None:
        self._catalog = catalog
        self._storage = storage
        self._settings = settings
        self.archive = Archive(storage.store)

    @property
    def acts_here(self) -> bool:
        """Whether rules are carried out here; a bucket carries out those that it was given."""
        return self._storage.store.local_path("") is not None

    def due(self, tables: Iterable[TableName] | None = None) -> Iterator[LifecycleAction]:
        """Yield what the rules ask for now, the oldest arrivals of each table first."""
        if not self.acts_here or not any(rule.is_landing for rule in self._settings.lifecycle):
            return
        wanted = None if tables is None else set(tables)
        places: dict[Arrival, Manifest | None] = dict.fromkeys(self.archive.landed())
        places |= {one.arrival: one for one in self.archive.manifests()}
        now = clock.now()
        needs: dict[TableName, _Needs] = {}
        for arrival in sorted(places):
            table = arrival.table
            rule = self._settings.landing_rule(table)
            if rule is None or (wanted is not None and table not in wanted):
                continue
            need = needs.setdefault(table, _Needs(self._catalog, self._storage, table))
            found = self._action(arrival, places[arrival], rule, need, now)
            if found is not None:
                yield found

    def apply(self, action: LifecycleAction) -> None:
        """Carry out one action; hold the table's lock.

        Raises:
            ArchiveDamagedError: a copy reads differently; what is good was kept.
        """
        if action.to == EXPIRED:
            self.archive.expire(action.arrival)
        else:
            self.archive.move(action.arrival, action.to)

    def restore(
        self, table: TableName, *, keep_for: timedelta = RESTORED_FOR
    ) -> list[Manifest]:
        """Put copies of all archived arrivals of a table back into the landing zone."""
        return [
            self.archive.restore(one, keep_for=keep_for)
            for one in self.archive.manifests(table)
            if not one.expired
        ]

    def _action(
        self,
        arrival: Arrival,
        manifest: Manifest | None,
        rule: LifecycleRule,
        need: _Needs,
        now: datetime,
    ) -> LifecycleAction | None:
        age = arrival.age_days(now)
        before = manifest.storage_class if manifest else "STANDARD"
        expires = rule.expire_days is not None and age >= rule.expire_days
        to = EXPIRED if expires else rule.class_at(age)
        if manifest is not None and before in {EXPIRED, to}:
            # Done but for the end, which a kill may have cut off.
            return (
                None
                if self.archive.is_settled(manifest)
                else self._of(arrival, manifest, before)
            )
        if to == before or (to == "STANDARD" and not expires):
            return None
        return self._of(arrival, manifest, to, need.keeps(arrival, expires=expires))

    def _of(
        self, arrival: Arrival, manifest: Manifest | None, to: str, kept_because: str = ""
    ) -> LifecycleAction:
        sizes = self.archive.size_of_landed(arrival) if manifest is None else (
            [one.size_bytes for one in manifest.files])  # fmt: skip
        before = manifest.storage_class if manifest else "STANDARD"
        return LifecycleAction(arrival, before, to, len(sizes), sum(sizes), kept_because)


class _Needs:
    """What still needs the files that landed for one table."""

    def __init__(self, catalog: Catalog, storage: Storage, table: TableName) -> None:
        self._catalog = catalog
        self._storage = storage
        self._table = table

    def keeps(self, arrival: Arrival, *, expires: bool) -> str:
        """Say why an arrival must stay; empty where it may go."""
        if arrival.batch > self._in_table:
            return "it is not in its table yet"
        if not expires:
            return ""
        if arrival.batch > self._in_every_snapshot:
            return "a kept snapshot is older: after a rollback it would be read again"
        waiting = self._quarantined
        prefix = f"{self._storage.landing.root}/{arrival.folder}/"
        entries = self._catalog.ledger.entries(self._table, up_to=self._in_table).values()
        of_arrival = {e.source_file for e in entries if e.landed_uri.startswith(prefix)}
        if any(name in waiting for name in of_arrival):
            return "rows of it are in quarantine: lake quarantine replays or deletes them"
        return ""

    @cached_property
    def _in_table(self) -> int:
        head = self._catalog.head(self._table)
        published = self._catalog.current_snapshot().tables.get(self._table)
        if head is None or head.version != published:
            return 0
        return head.transactions.get(FILES, 0)

    @cached_property
    def _in_every_snapshot(self) -> int:
        versions = self._catalog.published_versions().get(self._table, set())
        log = self._storage.table(self._table)
        try:
            batches = [log.version(v).transactions.get(FILES, 0) for v in sorted(versions)]
        except LakeError:  # what cannot be read says nothing, so nothing goes
            return 0
        return min(batches, default=0)

    @cached_property
    def _quarantined(self) -> set[str]:
        """Return the files of which rows are in quarantine; members count as their archive."""
        log = self._storage.table(self._table.quarantine)
        if not log.exists():
            return set()
        from lakeworks.storage import parquet

        values = parquet.distinct(log.store, log.version().files, "source_file")
        found = {str(value) for value in values if value}
        return {name.split("!", 1)[0] for name in found} | found


def bring_back(storage: Storage, table: TableName, uris: Iterable[str]) -> int:
    """Make sure that landed files are there to be read again; return how many came back.

    Files that no archive knows are left to whoever reads them.

    Raises:
        FilesExpiredError: a lifecycle rule has deleted some of them.
        ArchiveDamagedError: an archived file is not what was put there.
    """
    if storage.store.local_path("") is None:
        return 0
    root = f"{storage.landing.root}/"
    missing = {
        uri.removeprefix(root)
        for uri in uris
        if uri.startswith(root) and not storage.landing.exists(uri.removeprefix(root))
    }
    if not missing:
        return 0
    archive = Archive(storage.store)
    wanted = [
        (one, {f"{one.arrival.folder}/{f.path}" for f in one.files} & missing)
        for one in archive.manifests(table)
    ]
    gone = [(one, names) for one, names in wanted if names and one.expired]
    if gone:
        count = sum(len(names) for _, names in gone)
        raise FilesExpiredError.of(table, count, max(one.arrival.day for one, _ in gone))
    for one, names in wanted:
        if names:
            archive.restore(one, keep_for=RESTORED_FOR)
    return sum(len(names) for _, names in wanted)


def away(storage: Storage, table: TableName) -> set[str]:
    """Return the landed files that the archive has, or that expired, by their landing paths."""
    if storage.store.local_path("") is None:
        return set()
    archive = Archive(storage.store)
    return {
        f"{one.arrival.folder}/{file.path}"
        for one in archive.manifests(table)
        for file in one.files
        if one.expired or archive.holds(one, file)
    }
