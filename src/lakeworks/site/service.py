"""`lake.site`: make the site of the lake as it stands now.

lake.site.build("site")
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.site.writing import check_place, write_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.site.facts import SiteFacts

_ASSETS = ("site.css", "site.js", "graph.js")


@dataclass(frozen=True, slots=True)
class Built:
    """A site that was made.

    Attributes:
        folder: Where it is; `index.html` in it is the first page.
        files: How many files it has.
    """

    folder: Path
    tables: int
    columns: int
    files: int
    size_bytes: int
    snapshot: int
    seconds: float


class Site:
    """A static site that describes the lake: every table, its columns, lineage and quality."""

    def __init__(self, services: Services, lineage: Lineage) -> None:
        self._services = services
        self._lineage = lineage

    @property
    def folder(self) -> Path:
        """Where the site goes unless another folder is named."""
        return self._services.project.root / "site"

    def facts(self) -> SiteFacts:
        """Return what the site would tell, as plain values."""
        from lakeworks.site.gather import gather

        return gather(self._services, self._lineage)

    def build(self, folder: str | Path = "site", *, facts: SiteFacts | None = None) -> Built:
        """Make the site, in place of an earlier one; the same lake gives the same bytes.

        Args:
            folder: Where to; made when it is not there.
            facts: What is told, instead of all.

        Raises:
            NotASiteError: the folder holds something else than a site of ours.
            SiteNotWrittenError: it cannot be written; an earlier site stays.
        """
        begun = time.perf_counter()
        place = Path(folder)
        storage = self._services.storage.store.local_path("")
        kept = [self._services.project.root, *([Path(storage)] if storage else [])]
        check_place(place, kept)
        facts = self.facts() if facts is None else facts
        with events.span("site.build", tables=len(facts.tables)):
            files, size_bytes = write_site(place, pages(facts))
        return Built(
            folder=place,
            tables=len(facts.tables),
            columns=sum(len(table.columns) for table in facts.tables.values()),
            files=files,
            size_bytes=size_bytes,
            snapshot=facts.snapshot,
            seconds=time.perf_counter() - begun,
        )


def pages(facts: SiteFacts) -> Iterator[tuple[str, str]]:
    """Yield every file of the site: its path below the site's folder, and its text."""
    from lakeworks.site import links
    from lakeworks.site.graph_script import graph_script
    from lakeworks.site.index import search_script
    from lakeworks.site.pages.overview import database_page, home_page
    from lakeworks.site.pages.runs import runs_page
    from lakeworks.site.pages.shell import Lake
    from lakeworks.site.pages.table import table_page
    from lakeworks.site.pages.whole import graph_page, quality_page, tags_page

    lake = Lake.of(facts)
    yield links.HOME, home_page(lake)
    yield links.GRAPH, graph_page(lake)
    yield links.QUALITY, quality_page(lake)
    yield links.TAGS, tags_page(lake)
    yield links.RUNS, runs_page(lake)
    for database in facts.databases:
        yield links.database_path(database.name), database_page(lake, database)
    for table in facts.tables.values():
        yield links.table_path(table.name), table_page(lake, table)
    yield "assets/search.js", search_script(facts.tables)
    yield "assets/graph-data.js", graph_script(facts)
    for name in _ASSETS:
        asset = resources.files("lakeworks.site").joinpath("assets", name)
        yield f"assets/{name}", asset.read_text(encoding="utf-8")
