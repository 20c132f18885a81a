"""One crawl of one crawler: what its targets hold, compared with the catalog, and written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.crawlers import changes, found_tables, new_folders
from lakeworks.crawlers.classifiers.found import EMPTY
from lakeworks.crawlers.entries import DEPRECATED
from lakeworks.crawlers.errors import TargetMissingError, TooManyTablesError
from lakeworks.crawlers.names import suffixed, table_name
from lakeworks.project.crawler_declaration import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.catalog.store import Catalog
    from lakeworks.crawlers.entries import Entry
    from lakeworks.crawlers.found_tables import CrawledTarget, Surroundings
    from lakeworks.crawlers.partition_changes import TableChange
    from lakeworks.crawlers.report import CrawlReport
    from lakeworks.project.crawler_declaration import Crawler


@dataclass(slots=True)
class Crawling:
    """A crawl under way. `run` finds out; `write` changes the catalog."""

    crawler: Crawler
    catalog: Catalog
    around: Surroundings
    report: CrawlReport
    targets: list[CrawledTarget] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    planned: list[TableChange] = field(default_factory=list)
    known_folders: dict[str, set[str]] = field(default_factory=dict)
    incremental: bool = False

    @property
    def entries(self) -> DataCatalog:
        """The data catalog."""
        return self.catalog.data_catalog

    def run(self) -> None:
        """Find out what is there, and what would change. Nothing is written.

        Raises:
            TooManyTablesError: there are more tables than the crawler may make.
        """
        if self.crawler.tables:
            for name in self.crawler.tables:
                self._catalog_table(name)
        else:
            present = self._present()
            found: list[Entry] = []
            for target in self.crawler.targets:
                found += self._target(target, present)
            self._check_threshold(found)
            self._plan(found, present)
        self.report.tables = [change.report for change in self.planned]
        self._tell_strangers()

    def _tell_strangers(self) -> None:
        """Count the skipped files in the folders of each table: queries will meet them."""
        by_place = {one.location.rstrip("/"): one for one in self.report.tables}
        for place, reason in self.report.skipped:
            table = next((by_place[p] for p in _upwards(place) if p in by_place), None)
            if table is not None and reason != EMPTY and table.action != "missing":
                table.strangers += 1

    def write(self) -> None:
        """Change the catalog as it was planned. What was begun and killed is repeated whole."""
        if self.planned and self.crawler.database:
            self.entries.ensure_database(self.crawler.database)
        for change in self.planned:
            _write(self.entries, change, self.crawler.name)
        for target, folders in self.known_folders.items():
            self.catalog.crawls.keep_folders(self.crawler.name, target, folders)

    def _present(self) -> dict[str, TableEntry]:
        """Return the tables of the database by their place; those of crawlers before others."""
        found: dict[str, TableEntry] = {}
        for entry in self.entries.list_tables(self.crawler.database):
            place = entry.storage.location.rstrip("/")
            if place and (place not in found or changes.made_by(entry)):
                found[place] = entry
        return found

    def _target(self, target: Target, present: dict[str, TableEntry]) -> list[Entry]:
        try:
            crawled = found_tables.listed(target, self.around, self.report)
        except LakeError as error:
            self._fail(target, error)
            return []
        self.targets.append(crawled)
        known = None
        if self.crawler.recrawl == "crawl_new_folders_only":
            known = self.catalog.crawls.folders(self.crawler.name, target.path)
        objects = crawled.objects
        if known is not None:
            self.incremental = True
            objects = [one for one in objects if one[0].rpartition("/")[0] not in known]
            self.report.targets[-1].folders_known = len(known & crawled.folders())
        answers = found_tables.look(
            crawled, objects, self.crawler, self.around, target.sample_size
        )
        found_tables.tell(self.report, answers)
        files = [(path, size, one) for (path, size), one in zip(objects, answers, strict=True)]
        if self.crawler.recrawl == "crawl_new_folders_only":
            good = {
                path.rpartition("/")[0]
                for path, _, one in files
                if not found_tables.is_skipped(one)
            }
            self.known_folders[target.path] = good | (known or set())
        if known is not None:
            planned, files = new_folders.partitions(crawled, files, self, present)
            self.planned += planned
        grouping = found_tables.grouping_of(
            self.crawler, crawled.root, self.around.project_root
        )
        grouping = found_tables.beside_known(grouping, crawled, present.values())
        found = found_tables.entries(crawled, files, grouping, self.crawler, self.report)
        found += found_tables.delta_entries(crawled, self.crawler, self.around, self.report)
        return found

    def _fail(self, target: Target, error: LakeError) -> None:
        if not self.report.targets or self.report.targets[-1].path != target.path:
            raise error
        self.report.targets[-1].error = error.problem
        self.failed.append(target.path.rstrip("/"))

    def _check_threshold(self, found: list[Entry]) -> None:
        threshold = self.crawler.table_threshold
        if threshold is not None and len(found) > threshold:
            raise TooManyTablesError.found(self.crawler.name, len(found), threshold)

    def _plan(self, found: list[Entry], present: dict[str, TableEntry]) -> None:
        complete = not self.incremental
        taken = {entry.name.table for entry in present.values()}
        taken |= {entry.name.table for entry in self.entries.list_tables(self.crawler.database)}
        seen: dict[str, Entry] = {}
        for one in sorted(found, key=lambda entry: entry.place):
            if one.place in seen:  # targets may overlap
                continue
            seen[one.place] = one
            have = present.get(one.place)
            if have is None:
                self.planned.append(changes.created(self._named(one, taken), self.crawler))
            elif not changes.made_by(have):
                self.planned.append(changes.left_alone(have, one))
            else:
                self.planned.append(self._updated(have, one, complete=complete))
        if complete:
            self._plan_gone(present, seen)
        self.planned.sort(key=lambda change: str(change.report.name))

    def _named(self, found: Entry, taken: set[str]) -> Entry:
        name = table_name(found.place, self.crawler.table_prefix)
        if name in taken:
            name = suffixed(name, found.place)
        taken.add(name)
        table = replace(found.table, name=TableName(self.crawler.database, name))
        return replace(found, table=table)

    def _updated(self, have: TableEntry, found: Entry, *, complete: bool) -> TableChange:
        partitions = self.entries.partitions(have.name) if have.partition_keys else []
        change = changes.updated(
            have, partitions, found, self.crawler, deprecated_at=self._now(), complete=complete
        )
        return self._without_unread(change, {one.values: one.location for one in partitions})

    def _without_unread(
        self, change: TableChange, places: dict[tuple[str, ...], str]
    ) -> TableChange:
        """Keep partitions that still hold files, though none of them could be read this time."""
        marked = {one.values for one in change.put if DEPRECATED in one.parameters}
        stay = {
            values
            for values in (*change.drop, *marked)
            if places.get(values) and self._objects_below(places[values])
        }
        if stay:
            report = change.report
            dropped = sum(values in stay for values in change.drop)
            report.partitions_deleted -= dropped
            report.partitions += dropped
            report.partitions_deprecated -= len(marked & stay)
            change.drop = [values for values in change.drop if values not in stay]
            change.put = [
                one for one in change.put if one.values not in stay or one.values not in marked
            ]
        return change

    def _plan_gone(self, present: dict[str, TableEntry], seen: dict[str, Entry]) -> None:
        for place, entry in present.items():
            if place in seen or changes.made_by(entry) != self.crawler.name:
                continue
            if any(_within(place, failed) for failed in self.failed):
                continue
            left = [one for one in self._objects_below(place) if not _covered(one, seen)]
            if left:  # nobody can say what it is now, but something is there
                continue
            self.planned.append(changes.gone(entry, self.crawler.delete, self._now()))

    def _objects_below(self, location: str) -> list[str]:
        return [place for one in self.targets for place in one.places_below(location)]

    def _now(self) -> str:
        return str(int(self.report.started_at.timestamp() * 1000))

    def _catalog_table(self, name: TableName) -> None:
        """Bring one table of the catalog up to date by its own folder."""
        try:
            entry = self.entries.get_table(name)
        except EntryNotFoundError as error:
            raise TargetMissingError.table(str(name)) from error
        place = entry.storage.location.rstrip("/")
        if not place:
            raise TargetMissingError.table(str(name))
        target = Target(place, place)
        before = len(self.targets)
        found = self._target(target, {})
        if len(self.targets) == before:
            return
        fitting = [
            one
            for one in found
            if one.place == place
            and (one.classification == entry.classification or not entry.classification)
        ]
        for one in found:
            if one not in fitting:
                self.report.skip(one.place, f"it is {one.classification}, and {name} is not")
        for one in fitting:
            self.planned.append(self._updated(entry, one, complete=True))


def _write(catalog: DataCatalog, change: TableChange, crawler: str) -> None:
    name = change.report.name
    by = f"crawler {crawler}"
    if change.delete:
        catalog.delete_table(name)
        return
    if change.drop_all:
        catalog.delete_partitions(name)
    if change.entry is not None:
        catalog.put_table(change.entry, by=by, reason=_reason(change))
    if change.drop:
        catalog.delete_partitions(name, change.drop)
    if change.put:
        catalog.put_partitions(name, change.put)


def _reason(change: TableChange) -> str:
    if change.report.action == "created":
        return "found"
    if change.report.action == "deprecated":
        return "no longer there"
    return "; ".join(change.report.changes[:3]) or "looked at again"


def _covered(place: str, seen: dict[str, Entry]) -> bool:
    """Whether an object lies in a table that was found."""
    return any(one in seen for one in _upwards(place))


def _upwards(place: str) -> Iterator[str]:
    while place:
        yield place
        place = place.rpartition("/")[0]


def _within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder}/")
