"""What a crawl changes in the catalog, as the crawler's policies want it.

Pure: compares what was found with what the catalog says, and says what to write. Descriptions,
owners, tags and other parameters that people gave to a table stay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.crawlers.entries import CRAWLER_PARAMETER, DEPRECATED
from lakeworks.crawlers.partition_changes import (
    PartitionPolicy,
    TableChange,
    compare,
    inherited,
)
from lakeworks.crawlers.report import TableReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.data_catalog.model import Column, PartitionEntry, TableEntry
    from lakeworks.crawlers.entries import Entry
    from lakeworks.crawlers.report import Action
    from lakeworks.project.crawler_declaration import Crawler, DeleteBehavior

_COUNTS = frozenset({"sizeKey", "objectCount", "recordCount", "averageRecordSize"})
_SHOWN_CHANGES = 20


def created(found: Entry, crawler: Crawler) -> TableChange:
    """Return what makes a table that is new."""
    report = _report(found.table, found, "created")
    report.partitions = report.partitions_added = len(found.partitions)
    put = [inherited(one, found.table, crawler) for one in found.partitions]
    return TableChange(report, found.table, put)


def left_alone(present: TableEntry, found: Entry) -> TableChange:
    """Return nothing to do: someone else made this table."""
    report = _report(present, found, "left alone")
    report.changes.append(
        "no crawler made it: give it to one as a target, catalog: [" + str(present.name) + "]"
    )
    return TableChange(report)


def updated(
    present: TableEntry,
    partitions: Iterable[PartitionEntry],
    found: Entry,
    crawler: Crawler,
    *,
    deprecated_at: str,
    complete: bool = True,
) -> TableChange:
    """Return what brings a table up to what was found.

    Args:
        present: As the catalog has it, with its partitions.
        deprecated_at: What a partition that is gone is marked with.
        complete: Whether `found` is all there is; not, where only new folders were looked at.
    """
    wanted = _wanted(present, found.table, crawler, complete=complete)
    differences = list(_differences(present, found.table))
    entry = None if _equal(present, wanted) else wanted
    schema_changed = bool(list(_differences(present, wanted)))
    again = DEPRECATED in present.parameters and entry is not None
    report = _report(wanted, found, "updated" if schema_changed or again else "unchanged")
    if differences and not schema_changed and complete:
        differences = [f"not taken over: {one}" for one in differences]
    report.changes = differences[:_SHOWN_CHANGES] if complete else []
    if again:
        report.changes.append("it is there again")
    change = TableChange(report, entry)
    if len(present.partition_keys) != len(wanted.partition_keys):
        change.drop_all = True
        partitions = ()
    if len(found.table.partition_keys) != len(wanted.partition_keys):
        report.changes.append(
            "its partitions were not added: the table has other partition keys"
        )
        return change
    policy = PartitionPolicy(crawler, deprecated_at, complete)
    compare(change, wanted, partitions, found.partitions, policy)
    return change


def gone(present: TableEntry, behavior: DeleteBehavior, deprecated_at: str) -> TableChange:
    """Return what happens to a table that is no longer there."""
    report = TableReport(
        present.name,
        "missing",
        present.classification,
        present.storage.location,
        len(present.storage.columns),
        tuple(key.name for key in present.partition_keys),
    )
    if behavior == "delete_from_database":
        report.action = "deleted"
        return TableChange(report, delete=True)
    if behavior == "deprecate_in_database" and DEPRECATED not in present.parameters:
        report.action = "deprecated"
        marked = dict(present.parameters) | {DEPRECATED: deprecated_at}
        return TableChange(report, replace(present, parameters=marked))
    return TableChange(report)


def _wanted(
    present: TableEntry, found: TableEntry, crawler: Crawler, *, complete: bool
) -> TableEntry:
    """Return the entry that the policies want."""
    if not complete:
        return present
    if crawler.update == "log":
        # It is there again, whatever else the policy does not want to know.
        kept = {k: v for k, v in present.parameters.items() if k != DEPRECATED}
        return replace(present, parameters=kept)
    parameters = {k: v for k, v in present.parameters.items() if k != DEPRECATED}
    if crawler.merge_new_columns:
        names = {column.name.lower() for column in present.columns}
        new = tuple(c for c in found.storage.columns if c.name.lower() not in names)
        counted = {k: v for k, v in found.parameters.items() if k in _COUNTS}
        storage = replace(present.storage, columns=(*present.storage.columns, *new))
        return replace(present, storage=storage, parameters=parameters | counted)
    keys = _kept_keys(present.partition_keys, found.partition_keys)
    known = {column.name.lower(): column for column in present.storage.columns}
    taken = {key.name for key in keys}
    columns = tuple(
        _kept_column(known.get(column.name), column)
        for column in found.storage.columns
        if column.name not in taken
    )
    storage = replace(
        found.storage,
        columns=columns,
        location=present.storage.location,
        extra=present.storage.extra,
        bucket_columns=present.storage.bucket_columns,
        sort_columns=present.storage.sort_columns,
        number_of_buckets=present.storage.number_of_buckets,
        serde=replace(
            found.storage.serde,
            name=present.storage.serde.name,
            extra=present.storage.serde.extra,
        ),
    )
    stale = {
        "skip.header.line.count",
        "rowTag",
        "jsonPath",
        "grokPattern",
        "delimiter",
        "exclusions",
    }
    own = {k: v for k, v in parameters.items() if k not in stale or k in found.parameters}
    return replace(
        present,
        storage=storage,
        partition_keys=keys,
        parameters=own | dict(found.parameters),
    )


def _kept_keys(present: tuple[Column, ...], found: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the partition keys; names, types and comments that people gave them stay."""
    if len(present) != len(found):
        return found
    kept = tuple(
        have if have.name.lower() == new.name or new.name.startswith("partition_") else new
        for have, new in zip(present, found, strict=True)
    )
    # A name at another place was not given by people: the folders are others.
    return kept if len({key.name.lower() for key in kept}) == len(kept) else found


def _kept_column(present: Column | None, found: Column) -> Column:
    if present is None:
        return found
    return replace(present, name=found.name, type=found.type)


def _differences(present: TableEntry, found: TableEntry) -> Iterator[str]:
    """Say how the schemas differ, in words."""
    yield from _column_differences(present, found)
    if len(present.partition_keys) != len(found.partition_keys):
        before = ", ".join(key.name for key in present.partition_keys) or "none"
        after = ", ".join(key.name for key in found.partition_keys) or "none"
        yield f"partition keys were {before}, are {after}"
    for key in ("classification", "compressionType"):
        before, after = present.parameters.get(key, ""), found.parameters.get(key, "")
        if before != after:
            yield f"{key} was {before or 'not known'}, is {after}"
    if present.storage.serde.library != found.storage.serde.library:
        yield "another SerDe reads its files"
    elif present.storage.serde.parameters != found.storage.serde.parameters:
        yield "its SerDe has other settings"


def _column_differences(present: TableEntry, found: TableEntry) -> Iterator[str]:
    old = {column.name.lower(): column.type for column in present.storage.columns}
    new = {column.name.lower(): column.type for column in found.storage.columns}
    keys = {key.name.lower() for key in present.partition_keys}
    for name, kind in new.items():
        if name not in old and name not in keys:
            yield f"column {name} {kind} added"
        elif name in old and old[name] != kind:
            yield f"column {name} was {old[name]}, is {kind}"
    for name in old:
        if name not in new:
            yield f"column {name} is gone"


def _equal(one: TableEntry, other: TableEntry) -> bool:
    return (
        one.storage == other.storage
        and one.partition_keys == other.partition_keys
        and dict(one.parameters) == dict(other.parameters)
    )


def _report(table: TableEntry, found: Entry, action: Action) -> TableReport:
    counted: Mapping[str, str] = found.table.parameters
    return TableReport(
        table.name,
        action,
        found.classification,
        table.storage.location,
        len(table.storage.columns),
        tuple(key.name for key in table.partition_keys),
        int(counted.get("objectCount", "0")),
        int(counted.get("sizeKey", "0")),
    )


def made_by(entry: TableEntry) -> str:
    """Return the name of the crawler that keeps a table; empty where none does."""
    return entry.parameters.get(CRAWLER_PARAMETER, "")
