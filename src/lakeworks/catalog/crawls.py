"""The history of crawls, and the folders that each crawler has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.packing import packed, unpacked
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Database

KEPT_CRAWLS = 100
_COLUMNS = "crawl_id, crawler, status, started_us, ended_us, report_json"


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl.

    Attributes:
        status: `running`, `succeeded`, `failed`, or `killed` where its process died.
        report: What it found and changed, as `lake crawl --json` printed it.
    """

    crawl_id: str
    crawler: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


class Crawls:
    """What crawlers did. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, crawl_id: str, crawler: str) -> None:
        """Note that a crawl began, by whoever holds the crawler's lock.

        A crawl of the same crawler that never said how it ended was killed, then.
        """
        with self._database.writing() as session:
            session.run(
                "UPDATE crawls SET status = 'killed' "
                "WHERE crawler = :crawler AND status = 'running'",
                crawler=crawler,
            )
            session.run(
                "INSERT INTO crawls (crawl_id, crawler, status, started_us, report_json) "
                "VALUES (:id, :crawler, 'running', :now, '{}')",
                id=crawl_id,
                crawler=crawler,
                now=microseconds(clock.now()),
            )

    def end(self, crawl_id: str, status: str, report: Mapping[str, Any]) -> None:
        """Note how a crawl ended; of each crawler the last hundred are kept."""
        with self._database.writing() as session:
            session.run(
                "UPDATE crawls SET status = :status, ended_us = :now, report_json = :report "
                "WHERE crawl_id = :id",
                id=crawl_id,
                status=status,
                now=microseconds(clock.now()),
                report=packed(report),
            )
            session.run(
                "DELETE FROM crawls WHERE crawler = (SELECT crawler FROM crawls WHERE crawl_id = :id) "
                "AND started_us < (SELECT MIN(started_us) FROM (SELECT started_us FROM crawls "
                "WHERE crawler = (SELECT crawler FROM crawls WHERE crawl_id = :id) "
                f"ORDER BY started_us DESC LIMIT {KEPT_CRAWLS}) AS kept)",
                id=crawl_id,
            )

    def recent(self, crawler: str | None = None, *, limit: int = 20) -> list[Crawl]:
        """Return the last crawls, of one crawler or of all, newest first."""
        only = "WHERE crawler = :crawler " if crawler is not None else ""
        values = {} if crawler is None else {"crawler": crawler}
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM crawls {only}"
                "ORDER BY started_us DESC, crawl_id DESC LIMIT :limit",
                limit=limit,
                **values,
            )
        return [_crawl(row) for row in rows]

    def last(self) -> dict[str, Crawl]:
        """Return the last crawl of every crawler, without its report."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT crawl_id, crawler, status, started_us, ended_us, '{}' FROM crawls "
                "ORDER BY started_us, crawl_id"
            )
        return {row[1]: _crawl(row) for row in rows}

    def folders(self, crawler: str, target: str) -> frozenset[str] | None:
        """Return the folders of a target that a crawler knows; None before its first crawl."""
        with self._database.reading() as session:
            row = session.first(
                "SELECT folders_json FROM crawl_folders "
                "WHERE crawler = :crawler AND target = :target",
                crawler=crawler,
                target=target,
            )
        return None if row is None else frozenset(unpacked(row[0]))

    def keep_folders(self, crawler: str, target: str, folders: Iterable[str]) -> None:
        """Note the folders of a target that a crawler knows, in place of those before."""
        text = packed(sorted(folders))
        with self._database.writing() as session:
            session.run(
                "DELETE FROM crawl_folders WHERE crawler = :crawler AND target = :target",
                crawler=crawler,
                target=target,
            )
            session.run(
                "INSERT INTO crawl_folders (crawler, target, folders_json) "
                "VALUES (:crawler, :target, :folders)",
                crawler=crawler,
                target=target,
                folders=text,
            )


def _crawl(row: tuple[Any, ...]) -> Crawl:
    return Crawl(
        crawl_id=row[0],
        crawler=row[1],
        status=row[2],
        started_at=from_microseconds(row[3]),
        ended_at=None if row[4] is None else from_microseconds(row[4]),
        report=unpacked(row[5]),
    )
