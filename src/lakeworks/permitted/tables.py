"""The lake's tables as a principal sees them: names and columns by DESCRIBE, figures by SELECT.

The answers have the shape of `lake.tables`. A figure of all rows is told to whoever sees all rows;
else it is computed over those that may be seen, or left out, and `left_out` names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.types import Schema
from lakeworks.pipeline.errors import UnknownNodeError
from lakeworks.query.errors import HiddenFailureError
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lakeworks.catalog.tables import TableChange, TableDetail, Tables, TableSummary
    from lakeworks.core.names import TableName
    from lakeworks.permitted.sight import Look, Sight

_INPUT = "lakeworks/"


@dataclass(frozen=True, slots=True)
class SeenCompaction:
    """What a compaction did; figures are None where its principal does not see the table whole."""

    version: int | None
    files_before: int | None = None
    files_after: int | None = None
    bytes_before: int | None = None
    bytes_after: int | None = None


class PermittedTables:
    """What tables there are for one principal, what is in them, what happened to them."""

    def __init__(self, sight: Sight, tables: Tables) -> None:
        self._sight = sight
        self._tables = tables

    def list(self) -> Sequence[TableSummary]:
        """Return the published tables that the principal may know of, by name.

        Rows and sizes are those of tables that it sees whole; others are left out.
        """
        with self._sight.look("tables") as look:
            known = {summary.name: summary for summary in self._tables.list()}
            names = [name for name in look.tables() if name in known]
            look.asked(*map(str, names))
            return [_summary(look, known[name]) for name in names]

    def show(self, name: str | TableName, *, at: datetime | None = None) -> TableDetail:
        """Return what the principal may know of one version of a table.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            HiddenFailureError: that version cannot be read.
            VersionTextError: what follows the `@` is no version.
        """
        with self._sight.look("show") as look:
            text, mark, version = str(name).partition("@")
            table = look.find(text)
            wanted = (
                f"{table}@{version}" if mark else f"{table}@v{self._seen_at(look, table, at)}"
            )
            try:
                found = self._tables.show(wanted)
            except VersionNotFoundError:
                number = int(version.removeprefix("v"))
                raise HiddenFailureError.version(text, number) from None
            if not look.columns(table, found.schema):
                raise look.unknown(table)
            newest = look.snapshot.tables[table] == found.version and not mark
            return _detail(look, found, counted=newest)

    def _seen_at(self, look: Look, table: TableName, moment: datetime | None) -> int:
        if moment is None:
            return look.snapshot.tables[table]
        seen = self._sight.services.catalog.snapshot_at(moment).tables
        if table not in seen:
            # Which tables there were then is not told: some of them may be hidden.
            raise look.unknown(table)
        return seen[table]

    def history(self, name: str | TableName, limit: int | None = 20) -> Sequence[TableChange]:
        """Return the versions of a table that readers saw, the latest first.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
        """
        with self._sight.look("history") as look:
            table = look.find(name)
            seen = [c for c in self._tables.history(table, limit) if c.snapshot is not None]
            if look.sees_whole(table):
                return seen
            return [
                replace(change, rows_added=None, files_added=None, files_removed=None)
                for change in seen
            ]

    def optimize(
        self,
        name: str | TableName,
        *,
        zorder: Sequence[str] = (),
        wait_s: float | None = None,
    ) -> SeenCompaction:
        """Merge a table's small files; takes ALTER on it.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            NotPermittedError: it may not alter it.
            UnknownNodeError: the principal knows of no such column.
        """
        with self._sight.look("optimize", kind="change") as look:
            table = look.find(name)
            look.require("ALTER", table)
            known = look.columns(table)
            for column in zorder:
                if column.lower() not in {one.lower() for one in known}:
                    raise UnknownNodeError.column(str(table), column, known)
            done = self._tables.optimize(table, zorder=zorder, wait_s=wait_s)
            if not look.sees_whole(table):
                return SeenCompaction(done.version)
            return SeenCompaction(
                done.version,
                done.files_before,
                done.files_after,
                done.bytes_before,
                done.bytes_after,
            )


def _summary(look: Look, summary: TableSummary) -> TableSummary:
    published = look.snapshot.tables[summary.name]
    told = replace(summary, version=published, published=published)
    if look.sees_whole(summary.name) and summary.version == published:
        return told
    return replace(told, rows=None, size_bytes=None, left_out=("rows", "size_bytes"))


def _detail(look: Look, found: TableDetail, *, counted: bool) -> TableDetail:
    table = found.name
    known = {column.lower() for column in look.columns(table, found.schema)}
    access = look.access(table, found.schema)
    whole = access is not None and access.unrestricted
    left_out = ["location", "score"]
    rows: int | None = found.rows
    if access is None or (access.row_filter is not None and not counted):
        rows = None
        left_out.append("rows")
    elif access.row_filter is not None:
        rows = look.figures.rows(table)
    if not whole:
        left_out += ["size_bytes", "files", "partitions"]
    rejected = found.quarantined_rows if look.sees_rejected(table) else None
    if rejected is None:
        left_out.append("quarantined_rows")
    return replace(
        found,
        location="",
        newest=look.snapshot.tables[table],
        kept=found.kept if access is not None else (),
        rows=rows,
        size_bytes=found.size_bytes if whole else None,
        files=found.files if whole else None,
        schema=Schema(tuple(f for f in found.schema if f.name.lower() in known)),
        partition_columns=tuple(c for c in found.partition_columns if c.lower() in known),
        partitions=found.partitions if whole else (),
        bookmarks=_inputs(look, found) if access is not None else {},
        quarantined_rows=rejected,
        score=None,
        left_out=tuple(sorted(left_out)),
    )


def _inputs(look: Look, found: TableDetail) -> dict[str, int]:
    """Return how far inputs were read that the principal may know of; of files, their batch."""
    known = {f"{_INPUT}{name}" for name in look.tables()}
    return {
        name: version
        for name, version in found.bookmarks.items()
        if name in known or name == f"{_INPUT}files"
    }
