"""What can go wrong with the catalog: LW300 to LW319."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from lakeworks.core.names import TableName


_PASSWORD = re.compile(r"(://[^:/@]*):.*@")


class CatalogError(LakeError):
    """The catalog could not do what was asked of it."""

    code = "LW300"

    @classmethod
    def unexpected(cls, where: str, reason: str) -> Self:
        """The database refused for a reason that has no name of its own."""
        return cls(f"the catalog {where} failed: {reason}", "lake doctor checks the catalog")


class CatalogUrlError(RequestError):
    """The catalog's URL is not one that Lakeworks opens."""

    code = "LW301"

    @classmethod
    def unsupported(cls, url: str) -> Self:
        """Neither SQLite on disk nor PostgreSQL."""
        shown = _PASSWORD.sub(r"\1:***@", url)
        return cls(
            f"{shown!r} is not a catalog that Lakeworks opens",
            "write sqlite:///path/to/catalog.db or postgresql://user@host/database",
        )


class CatalogUnavailableError(CatalogError):
    """The catalog's file or server cannot be reached."""

    code = "LW302"
    retryable = True

    @classmethod
    def unreachable(cls, where: str, reason: str) -> Self:
        """A file that cannot be opened, or a server that does not answer."""
        return cls(
            f"the catalog {where} cannot be opened: {reason}",
            "check that its folder or server exists and that you may use it",
        )


class CatalogReadOnlyError(CatalogError):
    """The catalog may be read but not changed."""

    code = "LW303"

    @classmethod
    def at(cls, where: str) -> Self:
        """A file or folder without permission to write."""
        return cls(
            f"the catalog {where} cannot be written: it or its folder is read-only",
            "give yourself permission to write the file and its folder; queries need none",
        )


class CatalogFullError(CatalogError):
    """No space is left for the catalog."""

    code = "LW304"
    retryable = True

    @classmethod
    def at(cls, where: str) -> Self:
        """The disk below the catalog is full."""
        return cls(
            f"no space is left on the disk of the catalog {where}; nothing was changed",
            "free some space (lake vacuum removes old files), then try again",
        )


class CatalogBusyError(CatalogError):
    """Another process holds the catalog for longer than anyone should."""

    code = "LW305"
    retryable = True

    @classmethod
    def at(cls, where: str, waited_s: float) -> Self:
        """The database stayed locked."""
        return cls(
            f"the catalog {where} was locked by another process for {waited_s:.0f} seconds",
            "end whatever has the file open for writing, then try again",
        )


class CatalogCorruptError(CatalogError):
    """The catalog's file is damaged, or is no catalog."""

    code = "LW306"

    @classmethod
    def at(cls, where: str, reason: str) -> Self:
        """The database found its own file damaged."""
        return cls(
            f"the catalog {where} is damaged or is not a catalog: {reason}",
            "put back a copy of the file; the tables themselves are not touched by this",
        )


class CatalogTooNewError(RequestError):
    """The catalog was written by a later Lakeworks."""

    code = "LW307"

    @classmethod
    def at(cls, where: str, revision: str, known: str) -> Self:
        """`revision` is none that this version knows."""
        return cls(
            f"the catalog {where} has revision {revision}; this Lakeworks knows up to {known}",
            "pip install --upgrade lakeworks",
        )


class UnknownRunError(RequestError):
    """No run, or no published run, has that identifier."""

    code = "LW308"

    @classmethod
    def named(cls, run_id: str, recent: Iterable[str]) -> Self:
        """Suggest the nearest of the recent runs."""
        return cls(f"no run is called {run_id!r}", did_you_mean(run_id, recent))

    @classmethod
    def unpublished(cls, run_id: str, status: str, recent: Iterable[str]) -> Self:
        """The run exists but published nothing that is still kept."""
        kept = ", ".join(recent)
        return cls(
            f"run {run_id} ({status}) published no snapshot that is still kept",
            f"runs that did, newest first: {kept}" if kept else "nothing is published yet",
        )


class UnknownSnapshotError(RequestError):
    """No snapshot has that number, or none is that old."""

    code = "LW309"

    @classmethod
    def numbered(cls, number: int, *, oldest: int, newest: int) -> Self:
        """Say which numbers there are."""
        known = f"snapshots {oldest} to {newest} are kept" if newest else "there is none yet"
        return cls(f"there is no snapshot {number}", known)

    @classmethod
    def before(cls, moment: datetime, first: datetime | None) -> Self:
        """Nothing that is still kept had been published by `moment`."""
        return cls(
            f"no snapshot is as old as {moment.isoformat()}",
            f"the oldest is of {first.isoformat()}" if first else "nothing is published yet",
        )


class UnknownTableError(RequestError):
    """No table has that name."""

    code = "LW310"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest of the known tables."""
        others = [one for one in known if one != name]
        hint = did_you_mean(name, others) or "there are no tables yet: lake run makes them"
        hint = _instead_of(name) or hint
        return cls(f"there is no table {name!r}", hint)

    @classmethod
    def told_to(cls, principal: str, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest of the tables that a principal knows."""
        others = [one for one in known if one != name]
        hint = did_you_mean(name, others) or f"{principal} sees no table here"
        hint = _instead_of(name) or hint
        return cls(f"there is no table {name!r}", hint)

    @classmethod
    def is_view(cls, name: str, *, materialized: bool) -> Self:
        """A view has the name, where another kind of thing was asked for."""
        kind = "materialized view" if materialized else "view"
        more = "REFRESH MATERIALIZED" if materialized else "CREATE OR REPLACE"
        return cls(
            f"{name} is a {kind}", f"for it there are DROP {kind.upper()} and {more} VIEW"
        )

    @classmethod
    def unseen(cls, name: str, moment: datetime, known: Iterable[str]) -> Self:
        """The table was not published at `moment`; say what was."""
        seen = ", ".join(sorted(known))
        return cls(
            f"readers did not see {name} at {moment.isoformat()}",
            f"they saw {seen}" if seen else "nothing was published then",
        )


def _instead_of(name: str) -> str:
    """Return what tells of tables, where a database's own tables of tables are asked."""
    told = name.lower().startswith(("information_schema.", "pg_catalog."))
    return (
        "SHOW TABLES IN gold, SHOW COLUMNS IN gold.sales and DESCRIBE tell of tables"
        if told
        else ""
    )


class VersionTextError(RequestError):
    """What follows the `@` of a table is not a version."""

    code = "LW311"

    @classmethod
    def unreadable(cls, text: str) -> Self:
        """The text after `@` is something else than v and a number."""
        return cls(f"{text!r} names no version", "write it as silver.orders@v3")

    @classmethod
    def misplaced(cls, text: str) -> Self:
        """A version where only a whole table makes sense."""
        return cls(f"{text!r} names one version of a table", "name the table without @…")


class TableLockedError(LakeError):
    """Another run holds a table."""

    code = "LW312"
    retryable = True

    @classmethod
    def held(cls, table: TableName, run_id: str, *, host: str, pid: int, since: str) -> Self:
        """Say who holds it, where, and since when."""
        return cls(
            f"{table} is held by run {run_id} on {host} (process {pid}) since {since}",
            "wait for that run to end; if it died, its hold ends by itself",
        )


class LockLostError(LakeError):
    """A table's lock passed to another run, which took this one for dead."""

    code = "LW313"
    retryable = True

    @classmethod
    def lost(cls, tables: Iterable[str]) -> Self:
        """Name the tables that are no longer held."""
        return cls(
            f"this run lost its hold on {', '.join(tables)}: it could not say for "
            "30 seconds that it was alive",
            "run again; nothing was committed after the hold was lost",
        )


class UnpublishedVersionsError(LakeError):
    """A table's newest version is not the one that readers see."""

    code = "LW314"

    @classmethod
    def ahead(cls, table: TableName, head: int, published: int | None) -> Self:
        """Maintenance would publish rows that no run has published."""
        seen = "none is published" if published is None else f"version {published} is published"
        return cls(
            f"{table} is at version {head}, but {seen}",
            f"lake run --select {table} settles it; then try again",
        )


class UnknownTokenError(RequestError):
    """A token that is not there."""

    code = "LW316"

    @classmethod
    def named(cls, token_id: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        return cls(f"there is no token {token_id!r}", did_you_mean(token_id, known))


class UnknownNamedQueryError(RequestError):
    """A named query that is not there."""

    code = "LW317"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        return cls(f"there is no named query {name!r}", did_you_mean(name, known))


class NamedQueryNameError(RequestError):
    """A text that cannot name a query."""

    code = "LW318"

    @classmethod
    def of(cls, name: str) -> Self:
        """Say what can."""
        return cls(
            f"{name[:80]!r} cannot name a query",
            "use lower-case letters, digits and underscores",
        )
