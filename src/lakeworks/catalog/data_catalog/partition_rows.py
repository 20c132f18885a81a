"""The data catalog's partitions in SQL. Each function works in a given transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import EntryRefusedError
from lakeworks.catalog.data_catalog.glue_json import partition_from_json, partition_input
from lakeworks.catalog.data_catalog.key_order import sortable
from lakeworks.catalog.data_catalog.model import PartitionEntry, StorageDescriptor
from lakeworks.catalog.data_catalog.pruning import INDEXED_KEYS, Pruning
from lakeworks.catalog.data_catalog.rows import compact
from lakeworks.catalog.moments import from_microseconds, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.data_catalog.model import Column, TableEntry
    from lakeworks.catalog.database import Session

_KEYS = tuple(f"k{number}" for number in range(INDEXED_KEYS))
_COLUMNS = (
    "table_id", "partition_values", *_KEYS, "location", "parameters_json", "shape_id",
    "created_us",
)  # fmt: skip
_SELECT = (
    "SELECT p.partition_values, p.location, p.parameters_json, p.created_us, p.shape_id "
    "FROM dc_partitions p WHERE p.table_id = :id"
)
_AT_ONCE = 500
Row = tuple[Any, ...]


def values_text(values: Sequence[str]) -> str:
    """Return what a partition is unique by."""
    return compact(list(values))


def known(session: Session, number: int, texts: Sequence[str]) -> dict[str, int]:
    """Return which of these partitions exist, and when each was made."""
    found: dict[str, int] = {}
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        names = {f"v{at}": text for at, text in enumerate(some)}
        marks = ", ".join(f":{name}" for name in names)
        rows = session.all(
            "SELECT partition_values, created_us FROM dc_partitions WHERE table_id = :id "
            f"AND partition_values IN ({marks})",
            id=number,
            **names,
        )
        found.update((row[0], row[1]) for row in rows)
    return found


def is_empty(session: Session, number: int) -> bool:
    """Whether a table has no partition."""
    row = session.first("SELECT 1 FROM dc_partitions WHERE table_id = :id LIMIT 1", id=number)
    return row is None


def add(session: Session, rows: Iterable[Row]) -> None:
    """Insert partitions that are not there."""
    session.insert_many("dc_partitions", _COLUMNS, rows)


def rows_of(
    session: Session,
    number: int,
    keys: Sequence[Column],
    entries: Iterable[PartitionEntry],
    made_us: dict[str, int],
) -> list[Row]:
    """Return the rows of a table's partitions; `made_us` keeps the age of those put anew."""
    now = session.now_us()
    shapes = _Shapes(session, number)
    rows: list[Row] = []
    kinds = [key.type for key in keys][:INDEXED_KEYS]
    padding = [None] * (INDEXED_KEYS - len(kinds))
    for entry in entries:
        text = values_text(entry.values)
        ordered = [sortable(*pair) for pair in zip(kinds, entry.values, strict=False)]
        parameters = compact(dict(entry.parameters)) if entry.parameters else ""
        shape = shapes.number(entry)
        rows.append((number, text, *ordered, *padding, entry.location, parameters, shape,
                     made_us.get(text, now)))  # fmt: skip
    return rows


def rekey(session: Session, number: int, entry: TableEntry) -> None:
    """Let a table's partitions be found by keys of other types.

    Raises:
        EntryRefusedError: there are partitions, with more or fewer values than keys.
    """
    found = matching(session, number, Pruning())
    wanted = len(entry.partition_keys)
    if any(len(one.values) != wanted for one in found):
        raise EntryRefusedError.because(
            str(entry.name),
            f"its {len(found):,} partitions have other keys",
            "delete the partitions first, then change the keys and add them again",
        )
    made_us = {
        values_text(one.values): microseconds(one.created_at) for one in found if one.created_at
    }
    session.run("DELETE FROM dc_partitions WHERE table_id = :id", id=number)
    add(session, rows_of(session, number, entry.partition_keys, found, made_us))


def drop(session: Session, number: int, texts: Sequence[str]) -> int:
    """Delete partitions by their values; return how many there were."""
    gone = 0
    for start in range(0, len(texts), _AT_ONCE):
        names = {f"v{at}": text for at, text in enumerate(texts[start : start + _AT_ONCE])}
        marks = ", ".join(f":{name}" for name in names)
        gone += session.run(
            f"DELETE FROM dc_partitions WHERE table_id = :id AND partition_values IN ({marks})",
            id=number,
            **names,
        )
    return gone


def drop_all(session: Session, number: int) -> int:
    """Delete every partition of a table."""
    gone = session.run("DELETE FROM dc_partitions WHERE table_id = :id", id=number)
    session.run("DELETE FROM dc_partition_shapes WHERE table_id = :id", id=number)
    return gone


def count(session: Session, number: int) -> int:
    """Return how many partitions a table has."""
    row = session.first("SELECT count(*) FROM dc_partitions WHERE table_id = :id", id=number)
    return int(row[0]) if row else 0


def one(session: Session, number: int, values: Sequence[str]) -> PartitionEntry | None:
    """Return the partition of these values, or None."""
    rows = session.all(
        f"{_SELECT} AND p.partition_values = :wanted", id=number, wanted=values_text(values)
    )
    return next(iter(_entries(session, number, rows)), None)


def matching(session: Session, number: int, pruning: Pruning) -> list[PartitionEntry]:
    """Return the partitions that a filter keeps, in the order of their keys."""
    condition = f" AND {pruning.sql}" if pruning.sql else ""
    rows = session.all(
        f"{_SELECT}{condition} ORDER BY {', '.join(f'p.{key}' for key in _KEYS)}",
        id=number,
        **pruning.values,
    )
    found = _entries(session, number, rows)
    return found if pruning.exact else [one for one in found if pruning.accepts(one.values)]


def page(
    session: Session,
    number: int,
    pruning: Pruning,
    *,
    after: Sequence[str] | None,
    limit: int,
) -> list[PartitionEntry]:
    """Return the next partitions that a filter keeps, in the order of their values' texts."""
    condition = f" AND {pruning.sql}" if pruning.sql else ""
    last = "" if after is None else values_text(after)
    found: list[PartitionEntry] = []
    while len(found) < limit:
        rows = session.all(
            f"{_SELECT} AND p.partition_values > :last{condition} "
            "ORDER BY p.partition_values LIMIT :most",
            id=number,
            last=last,
            most=limit,
            **pruning.values,
        )
        kept = _entries(session, number, rows)
        found += kept if pruning.exact else [o for o in kept if pruning.accepts(o.values)]
        if len(rows) < limit:
            break
        last = rows[-1][0]
    return found[:limit]


class _Shapes:
    """What partitions say beyond values, location and parameters: stored once for many."""

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._table = number
        rows = session.all(
            "SELECT fingerprint, shape_id FROM dc_partition_shapes WHERE table_id = :id",
            id=number,
        )
        self._known: dict[str, int] = {row[0]: row[1] for row in rows}
        self._last: tuple[PartitionEntry, int] | None = None

    def number(self, entry: PartitionEntry) -> int:
        """Return the number of an entry's shape; a new one is stored."""
        storage = replace(entry.storage, location="") if entry.location else entry.storage
        # Partitions come in runs of one shape; comparing is quicker than writing JSON.
        last = self._last
        if last is not None and last[0].storage == storage and last[0].extra == entry.extra:
            return last[1]
        bare = PartitionEntry((), storage, extra=entry.extra)
        text = compact(partition_input(bare))
        fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
        if fingerprint not in self._known:
            self._known[fingerprint] = self._store(fingerprint, text)
        self._last = (bare, self._known[fingerprint])
        return self._known[fingerprint]

    def _store(self, fingerprint: str, text: str) -> int:
        row = self._session.first(
            "INSERT INTO dc_partition_shapes (table_id, fingerprint, entry_json) "
            "VALUES (:id, :fingerprint, :entry) RETURNING shape_id",
            id=self._table,
            fingerprint=fingerprint,
            entry=text,
        )
        return int(row[0]) if row else 0


def _entries(
    session: Session, number: int, rows: list[tuple[Any, ...]]
) -> list[PartitionEntry]:
    if not rows:
        return []
    stored = session.all(
        "SELECT shape_id, entry_json FROM dc_partition_shapes WHERE table_id = :id", id=number
    )
    shapes = {row[0]: _Maker(partition_from_json(json.loads(row[1]))) for row in stored}
    return [shapes[row[4]].entry(row) for row in rows]


class _Maker:
    """Makes the entries of one shape: field by field, which `replace` takes thrice as long for."""

    def __init__(self, shape: PartitionEntry) -> None:
        self._columns = shape.storage.columns
        # All fields behind columns and location, in their order.
        self._rest = [getattr(shape.storage, one.name) for one in fields(shape.storage)[2:]]
        self._extra = shape.extra

    def entry(self, row: tuple[Any, ...]) -> PartitionEntry:
        text, location, parameters, created_us, _ = row
        return PartitionEntry(
            _values(text),
            StorageDescriptor(self._columns, location, *self._rest),
            json.loads(parameters) if parameters else {},
            _moment(created_us),
            self._extra,
        )


def _values(text: str) -> tuple[str, ...]:
    # Without a backslash nothing in it is escaped, so no value holds a quote either.
    if "\\" in text or text == "[]":
        return tuple(json.loads(text))
    return tuple(text[2:-2].split('","'))


# Partitions are put many at a time.
_moment = lru_cache(maxsize=1024)(from_microseconds)
