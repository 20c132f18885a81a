"""How healthy tables are: sizes of files, what old versions take up, what statistics cover."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.catalog.care.layout import Layout, last_zorder, layout_facts
from lakeworks.core import clock
from lakeworks.storage.contents import contents
from lakeworks.storage.file_layout import SizeBand, coverage, size_bands
from lakeworks.storage.log_listing import version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.care.advice import Advice
    from lakeworks.core.names import TableName
    from lakeworks.storage.log import TableLog, TableVersion
    from lakeworks.storage.objects import ObjectInfo

_MOST_OVERLAPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHealth(Layout):
    """One table's state, as far as its readers and its costs go.

    Attributes:
        bands: Files by size.
        history_bytes: Files that only earlier versions need.
        orphan_bytes: Files that no version needs.
        log_files: Commits and checkpoints; `commits_since_checkpoint` must be read one by one.
        retention_days: How long versions are kept that were replaced.
        covered: By column, the share of rows of which the log knows the bounds.
        zordered_by: The columns of the last z-order.
        advice: What would make it better.
    """

    bands: tuple[SizeBand, ...]
    history_files: int
    history_bytes: int
    orphan_files: int
    orphan_bytes: int
    log_files: int
    log_bytes: int
    commits_since_checkpoint: int
    retention_days: float
    changed_at: datetime
    covered: Mapping[str, float] = field(default_factory=dict)
    zordered_by: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def age_s(self) -> float:
        """Seconds since the last commit."""
        return max(0.0, (clock.now() - self.changed_at).total_seconds())


def examine(
    table: TableName, log: TableLog, seen: TableVersion, *, retention_days: float
) -> TableHealth:
    """Look at one table: its log, and a listing of its folder.

    Args:
        seen: The version that readers see.
    """
    newest = log.version()
    there = contents(log, {f.path for f in (*newest.files, *seen.files)})
    flat = [f.name for f in seen.schema if "<" not in str(f.type)]
    known = coverage(seen.files, seen.schema)
    return TableHealth(
        **layout_facts(table, seen, columns=flat[:_MOST_OVERLAPS]),
        bands=size_bands(seen.files),
        history_files=len(there.history),
        history_bytes=_size(there.history),
        orphan_files=len(there.orphans),
        orphan_bytes=_size(there.orphans),
        log_files=len(there.log),
        log_bytes=_size(there.log),
        commits_since_checkpoint=commits_since_checkpoint(there.log, newest.version),
        retention_days=retention_days,
        changed_at=newest.committed_at,
        covered={name: round(share, 4) for name, share in known.items()},
        zordered_by=last_zorder(log, seen.version),
    )


def commits_since_checkpoint(of_log: Iterable[ObjectInfo], newest: int) -> int:
    """Return how many commits a reader must replay one by one."""
    names = (entry.path.rpartition("/")[2] for entry in of_log)
    checkpoints = [version_of(name) for name in names if ".checkpoint" in name]
    return newest - max((v for v in checkpoints if v is not None), default=-1)


def _size(entries: Iterable[ObjectInfo]) -> int:
    return sum(entry.size_bytes for entry in entries)
