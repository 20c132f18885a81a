"""What a crawl found and changed. Pure data, printed and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core.names import TableName

Action = Literal[
    "created", "updated", "unchanged", "deprecated", "deleted", "missing", "left alone"
]
# Of a folder of a million broken files the first tell enough; all of them are counted.
SHOWN_SKIPPED = 1_000


@dataclass(slots=True)
class TableReport:
    """One table.

    Attributes:
        action: `missing` is a table that is gone, and that the policy only logs; `left alone`
            one that no crawler made.
        changes: What changed of its schema, or would have, in words.
        strangers: How many files lie in its folders that are in no table: queries meet them.
    """

    name: TableName
    action: Action
    classification: str
    location: str
    columns: int = 0
    partition_keys: tuple[str, ...] = ()
    objects: int = 0
    size_bytes: int = 0
    partitions: int = 0
    partitions_added: int = 0
    partitions_updated: int = 0
    partitions_deprecated: int = 0
    partitions_deleted: int = 0
    partitions_missing: int = 0
    strangers: int = 0
    changes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether the catalog says something else of it now."""
        return self.action in {"created", "updated", "deprecated", "deleted"} or bool(
            self.partitions_added
            or self.partitions_updated
            or self.partitions_deprecated
            or self.partitions_deleted
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "table": str(self.name),
            "action": self.action,
            "classification": self.classification,
            "location": self.location,
            "columns": self.columns,
            "partition_keys": list(self.partition_keys),
            "objects": self.objects,
            "size_bytes": self.size_bytes,
            "partitions": self.partitions,
            "partitions_added": self.partitions_added,
            "partitions_updated": self.partitions_updated,
            "partitions_deprecated": self.partitions_deprecated,
            "partitions_deleted": self.partitions_deleted,
            "partitions_missing": self.partitions_missing,
            "files_not_recognised": self.strangers,
            "changes": self.changes,
        }


@dataclass(slots=True)
class TargetReport:
    """One target.

    Attributes:
        objects: Files that were found, without those left out.
        examined: How many of them were looked into.
        error: Why it could not be crawled; then nothing that was found in it before changes.
    """

    path: str
    objects: int = 0
    examined: int = 0
    size_bytes: int = 0
    excluded: int = 0
    hidden: int = 0
    folders_known: int = 0
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "path": self.path,
            "objects": self.objects,
            "examined": self.examined,
            "size_bytes": self.size_bytes,
            "excluded": self.excluded,
            "hidden": self.hidden,
            "folders_known": self.folders_known,
            "error": self.error,
        }


@dataclass(slots=True)
class CrawlReport:
    """One crawl.

    Attributes:
        classifiers: How many files each classifier recognised.
        skipped: Place and reason of files that are in no table; the first thousand.
        error: Why the whole crawl failed, where it did.
    """

    crawl_id: str
    crawler: str
    database: str
    started_at: datetime
    dry_run: bool = False
    status: Literal["succeeded", "failed"] = "succeeded"
    seconds: float = 0.0
    targets: list[TargetReport] = field(default_factory=list)
    tables: list[TableReport] = field(default_factory=list)
    classifiers: dict[str, int] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    skipped_count: int = 0
    error: str = ""
    error_code: str = ""

    @property
    def changed(self) -> bool:
        """Whether the catalog says something else now, or would."""
        return any(table.changed for table in self.tables)

    def skip(self, place: str, reason: str) -> None:
        """Note a file that is in no table."""
        self.skipped_count += 1
        if len(self.skipped) < SHOWN_SKIPPED:
            self.skipped.append((place, reason))

    def count(self, action: Action) -> int:
        """Return how many tables had this happen to them."""
        return sum(table.action == action for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as `lake crawl --json` prints them."""
        return {
            "crawl_id": self.crawl_id,
            "crawler": self.crawler,
            "database": self.database,
            "started_at": self.started_at.isoformat(),
            "dry_run": self.dry_run,
            "status": self.status,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            "targets": [target.as_json() for target in self.targets],
            "tables": [table.as_json() for table in self.tables],
            "classifiers": self.classifiers,
            "files_skipped": self.skipped_count,
            "skipped": [{"file": place, "reason": reason} for place, reason in self.skipped],
            "error": self.error,
            "code": self.error_code,
        }
