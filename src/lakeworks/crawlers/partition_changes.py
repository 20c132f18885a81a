"""What a crawl changes in a table's partitions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.crawlers.entries import DEPRECATED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.data_catalog.model import PartitionEntry, TableEntry
    from lakeworks.crawlers.report import TableReport
    from lakeworks.project.crawler_declaration import Crawler


@dataclass(slots=True)
class TableChange:
    """What is written of one table.

    Attributes:
        entry: The table's new entry; None where it stays as it is.
        put: Partitions to write.
        drop: Values of partitions to delete.
        drop_all: Whether every partition of before goes: the keys are others now.
        delete: Whether the table goes.
    """

    report: TableReport
    entry: TableEntry | None = None
    put: list[PartitionEntry] = field(default_factory=list)
    drop: list[tuple[str, ...]] = field(default_factory=list)
    drop_all: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True)
class PartitionPolicy:
    """What is done about partitions.

    Attributes:
        deprecated_at: What one that is gone is marked with.
        complete: Whether what was found is all there is.
    """

    crawler: Crawler
    deprecated_at: str
    complete: bool


def compare(
    change: TableChange,
    table: TableEntry,
    present: Iterable[PartitionEntry],
    found: Iterable[PartitionEntry],
    policy: PartitionPolicy,
) -> None:
    """Add what is new, bring the rest up to date, and mark or drop what is gone."""
    report = change.report
    known = {one.values: one for one in present}
    seen: set[tuple[str, ...]] = set()
    for one in found:
        seen.add(one.values)
        wanted = inherited(one, table, policy.crawler)
        have = known.get(one.values)
        if have is None:
            report.partitions_added += 1
            change.put.append(wanted)
        elif policy.complete and not _same(have, wanted, policy.crawler):
            report.partitions_updated += 1
            change.put.append(_kept(have, wanted))
    report.partitions = len(seen | known.keys())
    if policy.complete:
        for values, have in known.items():
            if values not in seen:
                _gone(change, have, policy)


def inherited(found: PartitionEntry, table: TableEntry, crawler: Crawler) -> PartitionEntry:
    """Return a partition with the table's columns and SerDe, where the crawler says so."""
    if not crawler.inherit_from_table:
        return found
    return replace(found, storage=replace(table.storage, location=found.storage.location))


def _gone(change: TableChange, have: PartitionEntry, policy: PartitionPolicy) -> None:
    behavior = policy.crawler.delete
    if behavior == "delete_from_database":
        change.report.partitions_deleted += 1
        change.report.partitions -= 1
        change.drop.append(have.values)
    elif behavior == "deprecate_in_database" and DEPRECATED not in have.parameters:
        change.report.partitions_deprecated += 1
        marked = dict(have.parameters) | {DEPRECATED: policy.deprecated_at}
        change.put.append(replace(have, parameters=marked))
    else:
        change.report.partitions_missing += 1


def _kept(have: PartitionEntry, wanted: PartitionEntry) -> PartitionEntry:
    own = {k: v for k, v in have.parameters.items() if k != DEPRECATED}
    return replace(wanted, parameters=own | dict(wanted.parameters), extra=have.extra)


def _same(have: PartitionEntry, wanted: PartitionEntry, crawler: Crawler) -> bool:
    if DEPRECATED in have.parameters:
        return False
    if crawler.update == "log":
        return True
    parameters = dict(have.parameters)
    return (
        have.storage == replace(wanted.storage, extra=have.storage.extra)
        and parameters | dict(wanted.parameters) == parameters
    )
