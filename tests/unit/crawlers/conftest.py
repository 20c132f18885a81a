"""A folder, a catalog and crawlers over it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lakeworks.catalog.data_catalog.model import PartitionEntry, TableEntry
from lakeworks.catalog.store import Catalog
from lakeworks.core.names import TableName
from lakeworks.crawlers.found_tables import Surroundings
from lakeworks.crawlers.report import CrawlReport, TableReport
from lakeworks.crawlers.service import Crawlers
from lakeworks.project.crawler_declaration import Crawler, Target
from lakeworks.project.declaration import Location


@dataclass
class Place:
    """What tests write into, crawl, and look at."""

    root: Path
    catalog: Catalog
    crawlers: dict[str, Crawler] = field(default_factory=dict)

    def write(self, path: str, content: str | bytes | dict[str, Any] | None = None) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict) or content is None:
            content = json.dumps(content or {"a": 1}) + "\n"
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def remove(self, path: str) -> None:
        place = self.root / path
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    def declare(self, name: str = "c", *targets: Target, **said: Any) -> Crawler:
        chosen = targets or (Target(str(self.root), "."),)
        values = {"database": "raw", "targets": chosen, **said}
        self.crawlers[name] = Crawler(name, Location("crawlers/c.yml", 1), **values)
        return self.crawlers[name]

    def target(self, path: str = "", **said: Any) -> Target:
        return Target(str(self.root / path).rstrip("/"), path, **said)

    @property
    def service(self) -> Crawlers:
        around = Surroundings({}, str(self.root), "", 0)
        return Crawlers(self.crawlers, self.catalog, around)

    def crawl(self, name: str = "c", *, dry_run: bool = False) -> CrawlReport:
        if name not in self.crawlers:
            self.declare(name)
        return self.service.crawl(name, dry_run=dry_run)

    def table(self, name: str) -> TableEntry:
        return self.catalog.data_catalog.get_table(TableName("raw", name))

    def tables(self) -> list[str]:
        return [entry.name.table for entry in self.catalog.data_catalog.list_tables("raw")]

    def partitions(self, name: str) -> dict[tuple[str, ...], PartitionEntry]:
        found = self.catalog.data_catalog.partitions(TableName("raw", name))
        return {one.values: one for one in found}

    def columns(self, name: str) -> dict[str, str]:
        return {one.name: one.type for one in self.table(name).storage.columns}


def what(report: CrawlReport) -> dict[str, str]:
    """Return what happened to each table."""
    return {table.name.table: table.action for table in report.tables}


@pytest.fixture
def happened() -> Callable[[CrawlReport], dict[str, str]]:
    return what


@pytest.fixture
def only() -> Callable[[CrawlReport], TableReport]:
    def one(report: CrawlReport) -> TableReport:
        (table,) = report.tables
        return table

    return one


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog whose tables are made: that takes longer than most crawls here."""
    file = tmp_path_factory.mktemp("catalog") / "catalog.db"
    Catalog.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def place(tmp_path: Path, empty_catalog: Path) -> Iterator[Place]:
    root = tmp_path / "land"
    root.mkdir()
    shutil.copy(empty_catalog, tmp_path / "catalog.db")
    with Catalog.open(f"sqlite:///{tmp_path}/catalog.db") as catalog:
        yield Place(root, catalog)
