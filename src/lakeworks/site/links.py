"""Where pages lie in the site, and how one leads to another. Pure."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.site.markup import anchor, url

if TYPE_CHECKING:
    from collections.abc import Collection

HOME, GRAPH, QUALITY, RUNS, TAGS = (
    "index.html", "lineage.html", "quality.html", "runs.html", "tags.html",
)  # fmt: skip
TABLES = "tables"
_PLAIN = re.compile(r"[a-z0-9_]{1,128}")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")


@functools.lru_cache(maxsize=50_000)
def table_path(name: str) -> str:
    """Return a table's page, from the site's root."""
    database, _, table = name.partition(".")
    return f"{TABLES}/{_file(database)}/{_file(table)}.html"


def database_path(name: str) -> str:
    """Return a database's page, from the site's root."""
    return f"{TABLES}/{_file(name)}.html"


def _file(name: str) -> str:
    """Return what a name is called in a path, the same on disk as in a URL, and nowhere special.

    The lake's own names are plain; external tables may be called anything that Glue takes.
    """
    if _PLAIN.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_OTHER.sub('-', name)[:60]}-{digest}"


@dataclass(frozen=True, slots=True)
class Links:
    """Relative links from a page that lies `depth` folders below the site's root.

    Attributes:
        known: The tables that have a page.
    """

    depth: int
    known: Collection[str]

    @property
    def root(self) -> str:
        """What leads to the site's root: empty, or `../../`."""
        return "../" * self.depth

    def to(self, path: str) -> str:
        """Return the link to a page."""
        return f"{self.root}{path}"

    def table(self, name: str, column: str = "") -> str | None:
        """Return the link to a table, or to a column on its page; None where it has no page."""
        if name not in self.known:
            return None
        hash_ = f"#{anchor(column)}" if column else ""
        return f"{self.root}{table_path(name)}{hash_}"

    def database(self, name: str) -> str:
        """Return the link to a database."""
        return f"{self.root}{database_path(name)}"

    def graph(self, name: str) -> str:
        """Return the link to a table in the picture of the whole lake."""
        return f"{self.root}{GRAPH}#focus={url(name)}"
