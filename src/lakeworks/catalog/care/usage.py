"""What a lake's files take up and cost: by layer, table, kind of file and storage class.

On a disk the storage class is the folder of the archive, and the cost is what the same files
would cost on S3. In a bucket, listings here do not tell classes: what the lifecycle rules will
have made of files of their age is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeworks.catalog.care.prices import Amount, Prices
from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.core.names import QUARANTINE, TableName
from lakeworks.storage.archive import ARCHIVE, Archive
from lakeworks.storage.contents import contents
from lakeworks.storage.layout import LANDING, STAGING, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.catalog.store import Catalog
    from lakeworks.project.care import CareSettings, LifecycleRule
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.objects import ObjectInfo

Kind = Literal["live", "history", "log", "orphans", "landing", "staging", "other"]
_DAY_S = 86_400
_STANDARD = "STANDARD"


@dataclass(frozen=True, slots=True)
class Used:
    """Some files of one table, or of none, of one kind in one storage class.

    Attributes:
        layer: A database, or `landing`, `staging`, `other`.
        kind: `live`: what readers see; `history`: what only earlier versions need; `orphans`:
            what no version needs; `landing`: files as they arrived.
        usd_month: What storing them on S3 costs a month.
    """

    layer: str
    table: TableName | None
    kind: Kind
    storage_class: str
    amount: Amount
    usd_month: float


@dataclass(frozen=True, slots=True)
class Usage:
    """All files of a lake.

    Attributes:
        by_class: What all of it would cost a month in each storage class, and to read once: a
            comparison, not advice; tables that are queried belong into no archive.
    """

    parts: tuple[Used, ...]
    by_class: dict[str, tuple[float, float]]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(one.amount.size_bytes for one in self.parts)

    @property
    def usd_month(self) -> float:
        """What storing all files costs a month."""
        return sum(one.usd_month for one in self.parts)


def measure(catalog: Catalog, storage: Storage, settings: CareSettings) -> Usage:
    """List everything below the lake's storage."""
    prices = Prices(settings.prices)
    found: dict[tuple[str, TableName | None, Kind, str], list[int]] = {}
    for layer, table, kind, storage_class, size in _entries(catalog, storage, settings):
        found.setdefault((layer, table, kind, storage_class), []).append(size)
    parts = []
    for (layer, table, kind, storage_class), sizes in found.items():
        amount = Amount.of(sizes)
        cost = prices.month(storage_class, amount)
        parts.append(Used(layer, table, kind, storage_class, amount, cost))
    parts.sort(key=lambda one: (one.layer, str(one.table or ""), one.kind, one.storage_class))
    everything = sum((one.amount for one in parts), Amount())
    compared = {
        name: (prices.month(name, everything), prices.reading(name, everything))
        for name in prices.classes
    }
    return Usage(tuple(parts), compared)


_Entry = tuple[str, TableName | None, Kind, str, int]


def _entries(catalog: Catalog, storage: Storage, settings: CareSettings) -> Iterator[_Entry]:
    seen = catalog.current_snapshot().tables
    for name in storage.tables():
        yield from _of_table(storage, settings, name, seen.get(name))
    yield from _landed(storage, settings)
    yield from _archived(storage)
    known = (TABLES, LANDING, ARCHIVE)
    for entry in storage.store.list(unfinished=True):
        folder = entry.path.partition("/")[0]
        if folder == STAGING:
            yield STAGING, None, "staging", _STANDARD, entry.size_bytes
        elif folder not in known:
            yield "other", None, "other", _STANDARD, entry.size_bytes


def _of_table(
    storage: Storage, settings: CareSettings, name: TableName, seen: int | None
) -> Iterator[_Entry]:
    log = storage.table(name)
    rule = settings.table_rule(name)
    try:
        live = {f.path for f in log.version().files}
        if seen is not None:
            live |= {f.path for f in log.version(seen).files}
        there = contents(log, live)
    except LakeError:  # `lake doctor` tells what is wrong with it; its files take up room
        everything = log.store.list(unfinished=True)
        yield from _rows(name, "live", everything, rule)
        return
    yield from _rows(name, "live", there.live, rule)
    yield from _rows(name, "history", there.history, rule)
    yield from _rows(name, "orphans", there.orphans, rule)
    yield from _rows(name, "log", there.log, None)


def _rows(
    name: TableName, kind: Kind, entries: Iterable[ObjectInfo], rule: LifecycleRule | None
) -> Iterator[_Entry]:
    layer = QUARANTINE if name.database == QUARANTINE else name.database
    for entry in entries:
        yield layer, name, kind, _class_by_rule(rule, entry), entry.size_bytes


def _landed(storage: Storage, settings: CareSettings) -> Iterator[_Entry]:
    in_bucket = storage.store.local_path("") is None
    for entry in storage.landing.list(unfinished=True):
        table = _table_of(entry.path)
        rule = settings.landing_rule(table) if table is not None and in_bucket else None
        yield LANDING, table, "landing", _class_by_rule(rule, entry), entry.size_bytes


def _archived(storage: Storage) -> Iterator[_Entry]:
    if storage.store.local_path("") is None:
        return
    archive = Archive(storage.store)
    for manifest in archive.manifests():
        if not manifest.expired:
            for one in manifest.files:
                table = manifest.arrival.table
                yield LANDING, table, "landing", manifest.storage_class, one.stored_bytes


def _class_by_rule(rule: LifecycleRule | None, entry: ObjectInfo) -> str:
    if rule is None:
        return _STANDARD
    return rule.class_at((clock.now() - entry.modified).total_seconds() / _DAY_S)


def _table_of(path: str) -> TableName | None:
    try:
        return TableName.parse(path.partition("/")[0])
    except LakeError:
        return None
