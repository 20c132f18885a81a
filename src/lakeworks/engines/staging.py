"""What a load has written so far, and how its rows meet those of the table.

The steps that are alike on every engine; an engine adds how rows are read, settled and written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.engines.protocol import Staged
from lakeworks.engines.target import replaced_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.loads import LoadColumns
    from lakeworks.engines.protocol import StageRequest
    from lakeworks.engines.target import Settled
    from lakeworks.storage.files import DataFile, TableSource


@dataclass(kw_only=True)
class Loading(ABC):
    """One load under way.

    Attributes:
        good: Files of rows that enter the table.
        removed: Files of the table that they replace.
        rejected_by: How many of the rejected rows fail each rule.
        read: Rows that the SELECT gave.
        others: Rows among the good files that the table had before.
    """

    request: StageRequest
    columns: LoadColumns
    good: list[DataFile] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)
    rejected: list[DataFile] = field(default_factory=list)
    rejected_by: dict[str, int] = field(default_factory=dict)
    read: int = 0
    superseded: int = 0
    others: int = 0

    @abstractmethod
    def settle(self, target: TableSource) -> Settled:
        """Bring the good rows together with the table's, by key."""

    @abstractmethod
    def rewrite(self, target: TableSource, files: Sequence[DataFile]) -> list[DataFile]:
        """Write files of the table anew, with the columns that it now has."""

    def meet_target(self) -> None:
        """Settle the new rows with those that the table holds."""
        target = self.request.target
        if target is None:
            return
        if self.request.load == "replace":
            self.removed = list(target.files)
            return
        rewritten: list[DataFile] = []
        if self.request.load == "partitions":
            self.removed = replaced_files(target, self.request.replaced_partitions)
        elif self.request.load in {"merge", "scd2"}:
            done = self.settle(target)
            self.good = list(done.fresh)
            rewritten, self.removed = list(done.rewritten), list(done.removed)
            self.superseded += done.superseded
            self.others = done.carried
        if self.columns.rewrite_all:
            gone = {file.path for file in self.removed}
            left = [file for file in target.files if file.path not in gone]
            if left:
                rewritten += self.rewrite(target, left)
                self.removed += left
        self.good += rewritten
        self.others += rows_in(rewritten)

    def count_failed(self, rule: str, count: int) -> None:
        """Note rejected rows that fail a rule."""
        if count:
            self.rejected_by[rule] = self.rejected_by.get(rule, 0) + count

    def staged(self) -> Staged:
        """Return the result."""
        return Staged(
            schema=self.columns.final,
            added=tuple(self.good),
            removed=tuple(self.removed),
            rejected=tuple(self.rejected),
            read=self.read,
            written=rows_in(self.good) - self.others,
            quarantined=rows_in(self.rejected),
            superseded=self.superseded,
            rejected_by=self.rejected_by,
        )


def rows_in(files: Sequence[DataFile]) -> int:
    """Return how many rows files hold."""
    return sum(file.rows for file in files)
