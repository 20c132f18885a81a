"""What tables there are, what is in them, what happened to them, and their upkeep.

Figures come from the catalog where it has them; a log is opened only for what one table shows.
A version may be named wherever one makes sense: `silver.orders@v3`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownTableError, VersionTextError
from lakeworks.core import clock
from lakeworks.project.care import Retention, lasting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from lakeworks.catalog.store import Catalog
    from lakeworks.catalog.upkeep import TableVacuum
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableLog, TableVersion
    from lakeworks.storage.maintenance import Compaction


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One table in a list.

    Attributes:
        rows: Of the newest version, as are `size_bytes` and `updated_at`.
        version: The newest.
        published: The version that readers see, or None.
        left_out: Figures that are None since who asks may not see all of the table.
    """

    name: TableName
    layer: str
    rows: int | None
    size_bytes: int | None
    version: int
    published: int | None
    updated_at: datetime
    description: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionSummary:
    """One partition: its columns' values as Delta writes them, and how much it holds."""

    values: Mapping[str, str | None]
    rows: int
    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class TableDetail:
    """One version of one table.

    Attributes:
        version: The one that everything here describes.
        newest: The table's newest version.
        published: The version that readers see, or None.
        kept: Versions that some kept snapshot shows, oldest first: `lake vacuum` spares them.
        freshness_s: Seconds since the version was committed.
        bookmarks: How far its inputs were read, by application transaction.
        quarantined_rows: In the table's quarantine, now.
        score: Of the ruleset, in the last run that judged the table; None without rules.
        left_out: Figures that are None or empty since who asks may not see all of the table.
    """

    name: TableName
    description: str
    location: str
    version: int
    newest: int
    published: int | None
    kept: tuple[int, ...]
    rows: int | None
    size_bytes: int | None
    files: int | None
    schema: Schema
    partition_columns: tuple[str, ...]
    partitions: tuple[PartitionSummary, ...]
    updated_at: datetime
    freshness_s: float
    bookmarks: Mapping[str, int] = field(default_factory=dict)
    quarantined_rows: int | None = 0
    score: float | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableChange:
    """One commit of a table.

    Attributes:
        rows_added: Rows in the files it added, rows that were only rewritten included; None, as
            are the files, where who asks may not see all rows.
        data_change: False where it only rearranged rows.
        run_id: The run that made it; empty for other writers.
        snapshot: The first snapshot that showed it, or None when readers never saw it.
    """

    version: int
    at: datetime
    operation: str
    rows_added: int | None
    files_added: int | None
    files_removed: int | None
    data_change: bool
    run_id: str = ""
    snapshot: int | None = None


class Tables:
    """The lake's tables, quarantines included.

    Args:
        catalog: Knows heads and snapshots.
        storage: Holds the tables.
        descriptions: What the project says of its tables.
        retention: How long versions are kept that were replaced.
    """

    def __init__(
        self,
        catalog: Catalog,
        storage: Storage,
        descriptions: Mapping[TableName, str] | None = None,
        retention: Retention | None = None,
    ) -> None:
        self._catalog = catalog
        self._storage = storage
        self._descriptions = descriptions or {}
        self._retention = retention or Retention()

    def list(self) -> list[TableSummary]:
        """Return every table that the catalog knows, by name. Opens no table."""
        published = self._catalog.current_snapshot().tables
        return [
            TableSummary(
                name=name,
                layer=name.database,
                rows=head.rows,
                size_bytes=head.size_bytes,
                version=head.version,
                published=published.get(name),
                updated_at=head.updated_at,
                description=self._descriptions.get(name, ""),
            )
            for name, head in self._catalog.heads().items()
        ]

    def show(self, name: str | TableName, *, at: datetime | None = None) -> TableDetail:
        """Return everything there is to say of one version of a table.

        Args:
            name: `silver.orders`, or `silver.orders@v3` for one version; else the one that
                readers see, else the newest.
            at: Show what readers saw at that moment.

        Raises:
            UnknownTableError: no such table, or readers did not see it at that moment.
            VersionTextError: what follows the `@` is no version.
            VersionNotFoundError: the table has no such version.
        """
        table, version = self._resolve(name)
        log = self._storage.table(table)
        published = self._catalog.current_snapshot().tables.get(table)
        if version is None:
            version = published if at is None else self._seen_at(table, at)
        found = log.version(version)
        return self._detail(table, log, found, published)

    def history(self, name: str | TableName, limit: int | None = 20) -> Sequence[TableChange]:
        """Return what each commit did to a table, the latest first.

        Raises:
            UnknownTableError: no such table.
        """
        table = self.find(name)
        shown = self._catalog.published_changes(table)
        return [
            TableChange(
                version=entry.version,
                at=entry.committed_at,
                operation=entry.operation,
                rows_added=entry.rows_added,
                files_added=entry.files_added,
                files_removed=entry.files_removed,
                data_change=entry.data_change,
                run_id=str(entry.info.get("run_id", "")),
                snapshot=shown[entry.version][0] if entry.version in shown else None,
            )
            for entry in self._storage.table(table).history(limit)
        ]

    def optimize(
        self,
        name: str | TableName,
        *,
        zorder: Sequence[str] = (),
        target_file_bytes: int | None = None,
        wait_s: float | None = None,
    ) -> Compaction:
        """Merge a table's small files, or with `zorder` order all of them anew, and publish.

        Rows stay the same. Safe while readers and runs are active; waits for a run that holds
        the table.

        Args:
            name: The table.
            zorder: Columns that queries filter by, most important first.
            target_file_bytes: Size aimed at for one file, compressed; 128 MiB when left out.
            wait_s: How long to wait for a run that holds the table; None as long as it takes.

        Raises:
            UnknownTableError: no such table.
            UnpublishedVersionsError: the newest version is not the one that readers see.
            TableLockedError: a run holds the table and `wait_s` passed.
            MaintenanceRefusedError: a column of `zorder` cannot be sorted by.
        """
        from lakeworks.catalog import upkeep

        return upkeep.optimize(
            self._catalog,
            self._storage,
            self.find(name),
            zorder=zorder,
            target_file_bytes=target_file_bytes,
            wait_s=wait_s,
        )

    def vacuum(
        self,
        name: str | TableName | None = None,
        *,
        retention: timedelta | None = None,
        dry_run: bool = False,
        wait_s: float | None = None,
    ) -> Sequence[TableVacuum]:
        """Delete files that no kept snapshot needs, and the snapshots before `retention`.

        Whatever readers saw within `retention` can be read and rolled back to afterwards.

        Args:
            name: One table, or None for all of them.
            retention: How far back readers and rollbacks may go; as the project says when left
                out.
            dry_run: Only say what would be deleted; forget nothing.
            wait_s: How long to wait for a run that holds a table; None as long as it takes.

        Raises:
            UnknownTableError: no such table.
            UnpublishedVersionsError: the named table's newest version is not the one that
                readers see; with None such a table is left out, and its entry says why.
            TableLockedError: a run holds a table and `wait_s` passed.
            MaintenanceRefusedError: a version that must be kept cannot be read.
        """
        from lakeworks.catalog import upkeep

        return upkeep.vacuum(
            self._catalog,
            self._storage,
            None if name is None else self.find(name),
            retention=self._retention if retention is None else lasting(retention),
            dry_run=dry_run,
            wait_s=wait_s,
        )

    def find(self, name: str | TableName) -> TableName:
        """Return the table of that name.

        Raises:
            UnknownTableError: there is none; the hint names the nearest.
            VersionTextError: a version is named, where only the whole table makes sense.
        """
        table, version = self._resolve(name)
        if version is not None:
            raise VersionTextError.misplaced(str(name))
        return table

    def _resolve(self, name: str | TableName) -> tuple[TableName, int | None]:
        text, at, tail = str(name).partition("@")
        version = _version(str(name), tail) if at else None
        known = {str(n): n for n in self._catalog.heads()}
        if text not in known:
            # A table that the catalog forgot, or that another program wrote.
            known |= {str(n): n for n in self._storage.tables()}
        if text not in known:
            outside = map(str, self._catalog.data_catalog.outside_names())
            raise UnknownTableError.named(text, [*known, *outside])
        return known[text], version

    def _seen_at(self, table: TableName, moment: datetime) -> int:
        tables = self._catalog.snapshot_at(moment).tables
        if table not in tables:
            raise UnknownTableError.unseen(str(table), moment, (str(name) for name in tables))
        return tables[table]

    def _detail(
        self, table: TableName, log: TableLog, found: TableVersion, published: int | None
    ) -> TableDetail:
        quarantine = self._catalog.head(table.quarantine)
        kept = self._catalog.published_versions().get(table, set())
        return TableDetail(
            name=table,
            description=self._descriptions.get(table) or found.description,
            location=self._storage.table_root(table),
            version=found.version,
            newest=log.latest_version(at_least=found.version) or found.version,
            published=published,
            kept=tuple(sorted(kept)),
            rows=found.rows,
            size_bytes=found.size_bytes,
            files=len(found.files),
            schema=found.schema,
            partition_columns=found.partition_columns,
            partitions=_partitions(found.files, found.partition_columns),
            updated_at=found.committed_at,
            freshness_s=max(0.0, (clock.now() - found.committed_at).total_seconds()),
            bookmarks=dict(found.transactions),
            quarantined_rows=quarantine.rows if quarantine else 0,
            score=self._score(table),
        )

    def _score(self, table: TableName) -> float | None:
        last = self._catalog.quality_results.of_table(table, limit=1)
        return last[0].score if last else None


def _version(name: str, tail: str) -> int:
    matched = re.fullmatch(r"v?(\d{1,18})", tail)
    if matched is None:
        raise VersionTextError.unreadable(name)
    return int(matched[1])


def _partitions(
    files: Sequence[DataFile], columns: tuple[str, ...]
) -> tuple[PartitionSummary, ...]:
    if not columns:
        return ()
    groups: dict[tuple[str | None, ...], list[DataFile]] = {}
    for file in files:
        groups.setdefault(tuple(file.partition.get(c) for c in columns), []).append(file)
    # Null first, as its place among texts is nowhere defined.
    ordered = sorted(groups, key=lambda values: [(v is not None, v or "") for v in values])
    return tuple(
        PartitionSummary(
            values=dict(zip(columns, values, strict=True)),
            rows=sum(file.rows for file in groups[values]),
            size_bytes=sum(file.size_bytes for file in groups[values]),
            files=len(groups[values]),
        )
        for values in ordered
    )
