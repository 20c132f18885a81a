"""Crawl only folders that are new: partitions of tables that are known, or new tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.crawlers import changes
from lakeworks.crawlers.entries import Entry, Origin, entry_of
from lakeworks.crawlers.folders import Grouping, grouped
from lakeworks.crawlers.schemas import Schemas

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.crawlers.crawl import Crawling
    from lakeworks.crawlers.examining import Answer
    from lakeworks.crawlers.found_tables import CrawledTarget
    from lakeworks.crawlers.partition_changes import TableChange

File = tuple[str, int, "Answer | None"]


def partitions(
    target: CrawledTarget,
    files: list[File],
    crawling: Crawling,
    present: dict[str, TableEntry],
) -> tuple[list[TableChange], list[File]]:
    """Return what adds new folders to known tables, and the files that are in none of these."""
    by_table: dict[str, list[File]] = {}
    rest: list[File] = []
    for path, size_bytes, answer in files:
        place = _table_above(f"{target.root}/{path}", present)
        if place is None:
            rest.append((path, size_bytes, answer))
        else:
            relative = f"{target.root}/{path}"[len(place) + 1 :]
            by_table.setdefault(place, []).append((relative, size_bytes, answer))
    planned = [_added(place, found, crawling, present) for place, found in by_table.items()]
    return [change for change in planned if change is not None], rest


def _table_above(place: str, present: dict[str, TableEntry]) -> str | None:
    folder = place.rpartition("/")[0]
    while folder:
        if folder in present:
            return folder
        folder = folder.rpartition("/")[0]
    return None


def _added(
    place: str, files: list[File], crawling: Crawling, present: dict[str, TableEntry]
) -> TableChange | None:
    """Return what adds partitions to one table; note files that do not fit it."""
    table = present[place]
    report = crawling.report
    if not table.partition_keys:
        return None  # its new folders are read with it
    by_folder: dict[str, list[File]] = {}
    for file in files:
        by_folder.setdefault(file[0].rpartition("/")[0], []).append(file)
    found: list[Entry] = []
    schemas = Schemas()
    for held in by_folder.values():
        result = grouped(held, Grouping(combine=True), schemas)
        for path, reason in result.skipped:
            report.skip(f"{place}/{path}", reason)
        for one in result.tables:
            entry = entry_of(one, Origin(place, crawling.crawler.name), schemas)
            why = _misfit(entry, table)
            if why:
                report.skip(f"{place}/{one.group.leaves[0].path}", why)
            else:
                found.append(entry)
    if not found:
        return None
    together = Entry(found[0].table, tuple(p for one in found for p in one.partitions), place)
    known = crawling.entries.partitions(table.name)
    return changes.updated(
        table, known, together, crawling.crawler, deprecated_at="", complete=False
    )


def _misfit(entry: Entry, table: TableEntry) -> str:
    """Say why new files cannot be a partition of a table; empty where they can."""
    if len(entry.table.partition_keys) != len(table.partition_keys):
        return f"it lies at another depth than the partitions of {table.name}"
    for key in ("classification", "compressionType"):
        new, old = entry.table.parameters.get(key, ""), table.parameters.get(key, "")
        if new != old:
            return f"its {key} is {new}, and {table.name}'s is {old}"
    return ""
