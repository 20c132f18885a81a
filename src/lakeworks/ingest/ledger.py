"""What ingestion asks of the catalog: which files make up which batch of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lakeworks.catalog.ledger import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.names import TableName

__all__ = ["Ledger", "LedgerEntry"]


class Ledger(Protocol):
    """Remembers which files were taken in. The catalog has one; tests may have their own."""

    def entries(self, table: TableName, *, up_to: int) -> Mapping[str, LedgerEntry]:
        """Return the latest entry of each file among the batches 1 to `up_to`."""
        ...

    def last_batch(self, table: TableName) -> int:
        """Return the number of the newest batch that was begun, or 0."""
        ...

    def begin_batch(self, table: TableName, entries: Sequence[LedgerEntry]) -> int:
        """Note the files of the next batch, all or none, and return its number."""
        ...
