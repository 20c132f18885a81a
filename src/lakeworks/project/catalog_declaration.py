"""Federated catalogs as a project declares them: databases elsewhere. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Location, Project

CatalogType = Literal["postgresql", "mysql", "sqlite", "dynamodb", "parquet"]
TlsMode = Literal["off", "on", "verify"]


@dataclass(frozen=True, slots=True)
class FederatedCatalog:
    """One file of `catalogs/`.

    Attributes:
        path: Of a SQLite file, absolute.
        location: Of Parquet files: an absolute folder or `s3://…`.
        settings: How it is reached, by the names of its keys: `host`, `user`, `password`, ….
        databases: A database of the lake to the schema that stands behind it: a schema of
            PostgreSQL, a database of MySQL, `main` of SQLite, the beginning of DynamoDB's table
            names, a folder below `location`.
        include: Patterns of the remote tables that are there; empty for all.
        exclude: Patterns of those that are not.
        columns: For tables of the lake, by name without database: types of columns, as text.
        connect_s: How long to wait for a server to answer at all.
        lines: The lines of its keys, by their path joined by dots.
    """

    name: str
    at: Location
    type: CatalogType
    databases: Mapping[str, str]
    path: str = ""
    location: str = ""
    tls: TlsMode = "on"
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)  # passwords
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    description: str = ""
    connect_s: float = 10.0
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def shows(self, remote: str) -> bool:
        """Whether a remote table of that name is one of the catalog's."""
        wanted = not self.include or any(fnmatchcase(remote, one) for one in self.include)
        return wanted and not any(fnmatchcase(remote, one) for one in self.exclude)

    def line(self, key: str) -> Location:
        """Return where a key stands, or the file's beginning."""
        from lakeworks.project.declaration import Location

        return Location(self.at.file, self.lines.get(key, self.at.line))


def federated(project: Project) -> dict[str, FederatedCatalog]:
    """Return the databases whose tables lie in another system, each with its catalog."""
    return {name: one for one in project.catalogs.values() for name in one.databases}


def lies_outside(project: Project, table: TableName) -> bool:
    """Whether a table is external or federated: read where it is, and without versions."""
    return table in project.tables or any(
        table.database in one.databases for one in project.catalogs.values()
    )
