"""What ingestion asks of the catalog: which files make up which batch of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.names import TableName


class KnownFile(Protocol):
    """A file as an earlier batch took it in."""

    @property
    def source_file(self) -> str:
        """What `_source_file` says of its rows."""
        ...

    @property
    def batch(self) -> int:
        """The batch that holds it, from 1."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size."""
        ...

    @property
    def modified_ns(self) -> int:
        """When it was last changed, in nanoseconds since 1970."""
        ...

    @property
    def etag(self) -> str:
        """The object store's mark of its content, or empty."""
        ...

    @property
    def sha256(self) -> str:
        """Of its bytes, in hexadecimal, or empty."""
        ...

    @property
    def landed_uri(self) -> str:
        """Where the bytes are kept."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A `KnownFile` to be noted; the ledger gives it its batch."""

    source_file: str
    batch: int
    size_bytes: int
    modified_ns: int
    etag: str
    sha256: str
    landed_uri: str


class Ledger(Protocol):
    """Remembers which files were taken in. The catalog has one; tests may have their own."""

    def entries(self, table: TableName, *, up_to: int) -> Mapping[str, KnownFile]:
        """Return the latest entry of each file among the batches 1 to `up_to`."""
        ...

    def last_batch(self, table: TableName) -> int:
        """Return the number of the newest batch that was begun, or 0."""
        ...

    def begin_batch(self, table: TableName, entries: Sequence[LedgerEntry]) -> int:
        """Note the files of the next batch, all or none, and return its number."""
        ...
