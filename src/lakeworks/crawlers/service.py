"""The crawlers of a project: which there are, which are due, and crawling.

lake.crawlers.crawl("clicks")
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import TableLockedError
from lakeworks.core import clock, events
from lakeworks.core.aws_schedule import parse_schedule
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName, is_identifier
from lakeworks.crawlers.errors import CrawlerBusyError, UnknownCrawlerError
from lakeworks.crawlers.report import CrawlReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.crawls import Crawl
    from lakeworks.catalog.store import Catalog
    from lakeworks.crawlers.found_tables import Surroundings
    from lakeworks.project.crawler_declaration import Crawler


@dataclass(frozen=True, slots=True)
class CrawlerState:
    """A crawler, its last crawl and its next one.

    Attributes:
        due: Whether `crawl_due` would crawl it now.
        next_at: When it is due next; None without a schedule, or when its time is over.
    """

    crawler: Crawler
    last: Crawl | None
    due: bool
    next_at: datetime | None


class Crawlers:
    """Finds tables in folders and buckets, and keeps their entries in the catalog."""

    def __init__(
        self, declared: Mapping[str, Crawler], catalog: Catalog, around: Surroundings
    ) -> None:
        self.declared = declared
        self.catalog = catalog
        self.around = around

    def states(self) -> list[CrawlerState]:
        """Return every crawler by name, with its last crawl and its next."""
        last = self.catalog.crawls.last()
        now = clock.now()
        return [
            self._state(crawler, last.get(name), now)
            for name, crawler in sorted(self.declared.items())
        ]

    def due(self) -> list[str]:
        """Return the names of crawlers whose time has come."""
        return [state.crawler.name for state in self.states() if state.due]

    def history(self, name: str | None = None, *, limit: int = 20) -> list[Crawl]:
        """Return the last crawls, of one crawler or of all, newest first."""
        if name is not None:
            self.named(name)
        return self.catalog.crawls.recent(name, limit=limit)

    def crawl(self, name: str, *, dry_run: bool = False) -> CrawlReport:
        """Crawl one crawler's targets and bring the catalog up to date.

        What cannot be read is told in the report, and changes nothing of what was known of it.

        Args:
            dry_run: Find out what would change, and change nothing.

        Raises:
            UnknownCrawlerError: the project has no such crawler.
            CrawlerBusyError: it is being crawled in another process.
        """
        crawler = self.named(name)
        crawl_id = clock.new_run_id()
        report = CrawlReport(crawl_id, name, crawler.database, clock.now(), dry_run)
        if dry_run:
            self._crawl(crawler, report)
            return report
        try:
            with self.catalog.locks.hold([lock_name(name)], holder=crawl_id, wait_s=0):
                self.catalog.crawls.begin(crawl_id, name)
                try:
                    self._crawl(crawler, report)
                finally:
                    self.catalog.crawls.end(crawl_id, report.status, report.as_json())
        except TableLockedError as error:
            by = error.problem.partition(" is held by ")[2]
            raise CrawlerBusyError.held(name, by) from error
        return report

    def crawl_all(
        self, names: Iterable[str] | None = None, *, dry_run: bool = False
    ) -> list[CrawlReport]:
        """Crawl one crawler after the other, by default every one of the project.

        Raises:
            UnknownCrawlerError: the project has no such crawler; nothing was crawled.
        """
        chosen = list(self.declared) if names is None else list(names)
        for name in chosen:
            self.named(name)
        return [self.crawl(name, dry_run=dry_run) for name in chosen]

    def _crawl(self, crawler: Crawler, report: CrawlReport) -> None:
        from lakeworks.crawlers.crawl import Crawling

        begin = time.monotonic()
        report.status = "failed"  # until it is known to have gone well
        try:
            with events.span("crawl", crawler=crawler.name):
                crawling = Crawling(crawler, self.catalog, self.around, report)
                crawling.run()
                if not report.dry_run:
                    crawling.write()
                report.status = "failed" if crawling.failed else "succeeded"
        except LakeError as error:
            report.error, report.error_code = str(error), error.code
        finally:
            report.seconds = time.monotonic() - begin

    def named(self, name: str) -> Crawler:
        """Return one crawler.

        Raises:
            UnknownCrawlerError: the project has no such crawler.
        """
        found = self.declared.get(name)
        if found is None:
            raise UnknownCrawlerError.named(name, self.declared)
        return found

    def _state(self, crawler: Crawler, last: Crawl | None, now: datetime) -> CrawlerState:
        if not crawler.schedule:
            return CrawlerState(crawler, last, due=False, next_at=None)
        schedule = parse_schedule(crawler.schedule)
        began = last.started_at if last is not None else None
        due = schedule.is_due(now, last=began)
        return CrawlerState(
            crawler, last, due, now if due else schedule.next_after(now, last=began)
        )


def lock_name(crawler: str) -> TableName:
    """Return the name under which a crawler is locked: it is one of no table."""
    if is_identifier(crawler):
        return TableName("crawler", crawler)
    digest = hashlib.md5(crawler.encode(), usedforsecurity=False).hexdigest()
    return TableName("crawler", f"_{digest}")
