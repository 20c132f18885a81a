"""How one version of a table is laid out in files: what the log says, without a look at the folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.storage.errors import CorruptLogError, ObjectNotFoundError
from lakeworks.storage.file_layout import Partitions, overlap, partitions, target_bytes
from lakeworks.storage.maintenance import mergeable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.storage.log import TableLog, TableVersion

_LOOKED_BACK = 50


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one version.

    Attributes:
        target_file_bytes: The size of file that suits a table of this size.
        files_merged: How many files there would be after compaction.
        small_files: Files well below the target that others can be merged with, holding
            `small_bytes`.
        partitions: None for a table without partitions.
        overlap: By column, the share of bytes that `column = value` makes a reader scan.
    """

    table: TableName
    version: int
    rows: int
    files: int
    size_bytes: int
    target_file_bytes: int
    files_merged: int
    small_files: int
    small_bytes: int
    partitions: Partitions | None = None
    overlap: Mapping[str, float] = field(default_factory=dict)

    @property
    def small_share(self) -> float:
        """The share of files that are small."""
        return self.small_files / self.files if self.files else 0.0


def layout_facts(
    table: TableName, version: TableVersion, *, columns: Iterable[str]
) -> dict[str, Any]:
    """Return the fields of a `Layout`.

    Args:
        columns: Those of which the overlap is wanted.
    """
    target = target_bytes(version.size_bytes)
    groups = mergeable(version.files, target_file_bytes=target)
    small = [f for group in groups for f in group]
    flat = {f.name for f in version.schema if "<" not in str(f.type)}
    return {
        "table": table,
        "version": version.version,
        "rows": version.rows,
        "files": len(version.files),
        "size_bytes": version.size_bytes,
        "target_file_bytes": target,
        "files_merged": len(version.files) - sum(len(group) - 1 for group in groups),
        "small_files": len(small),
        "small_bytes": sum(f.size_bytes for f in small),
        "partitions": partitions(version.files),
        "overlap": {c: round(overlap(version.files, c), 4) for c in columns if c in flat},
    }


def layout_of(table: TableName, version: TableVersion, *, columns: Iterable[str]) -> Layout:
    """Return how a version is laid out."""
    return Layout(**layout_facts(table, version, columns=columns))


def last_zorder(log: TableLog, version: int) -> tuple[str, ...]:
    """Return the columns by which a table was sorted last, in the commits still at hand."""
    for number in range(version, max(-1, version - _LOOKED_BACK), -1):
        try:
            actions = log.read_commit(number)
        except (ObjectNotFoundError, CorruptLogError):
            break
        told: Mapping[str, Any] = next(
            (a["commitInfo"] for a in actions if "commitInfo" in a), {}
        )
        own = told.get("lakeworks")
        if isinstance(own, dict) and own.get("zorder") and told.get("operation") == "OPTIMIZE":
            return tuple(own["zorder"])
    return ()
