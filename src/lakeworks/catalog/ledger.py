"""Which files make up which batch of a table, noted before the batch is read.

A batch counts as read if and only if its number is at most the table's `lakeworks/files`
transaction; that bookmark lives in the table's own commit, so nothing here can be believed
too early. `ingest` decides what is new; this module only remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.database import Database
    from lakeworks.core.names import TableName

_COLUMNS = (
    "table_name",
    "source_file",
    "batch",
    "size_bytes",
    "modified_ns",
    "etag",
    "sha256",
    "landed_uri",
)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One file as it was when a batch took it in.

    Attributes:
        source_file: What `_source_file` says of its rows.
        batch: The batch that holds it; from 1. `begin_batch` assigns it, whatever is given.
        modified_ns: When the file was last changed, in nanoseconds since 1970.
        etag: The object store's mark of its content, or empty.
        sha256: Of its bytes, in hexadecimal, or empty where it was not computed.
        landed_uri: Where the bytes are kept: an absolute path or `s3://…`.
    """

    source_file: str
    batch: int
    size_bytes: int
    modified_ns: int
    etag: str
    sha256: str
    landed_uri: str


class Ledger:
    """The files of every table, by batch. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, table: TableName, *, up_to: int) -> dict[str, LedgerEntry]:
        """Return the latest entry of each file among the batches 1 to `up_to`."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT source_file, batch, size_bytes, modified_ns, etag, sha256, landed_uri "
                "FROM ledger WHERE table_name = :table AND batch <= :up_to ORDER BY batch",
                table=str(table),
                up_to=up_to,
            )
        # In batch order, so that the last entry of a file is the one that stays.
        return {row[0]: LedgerEntry(*row) for row in rows}

    def last_batch(self, table: TableName) -> int:
        """Return the number of the newest batch that was begun, or 0."""
        with self._database.reading() as session:
            row = session.first(
                "SELECT last_batch FROM ledger_batches WHERE table_name = :table",
                table=str(table),
            )
        return int(row[0]) if row else 0

    def begin_batch(self, table: TableName, entries: Sequence[LedgerEntry]) -> int:
        """Note the files of the next batch, all or none, and return its number."""
        with self._database.writing() as session:
            row = session.first(
                "INSERT INTO ledger_batches (table_name, last_batch) VALUES (:table, 1) "
                "ON CONFLICT (table_name) DO UPDATE "
                "SET last_batch = ledger_batches.last_batch + 1 RETURNING last_batch",
                table=str(table),
            )
            batch = int(row[0]) if row else 1
            name = str(table)
            session.insert_many(
                "ledger",
                _COLUMNS,
                (
                    (
                        name,
                        entry.source_file,
                        batch,
                        entry.size_bytes,
                        entry.modified_ns,
                        entry.etag,
                        entry.sha256,
                        entry.landed_uri,
                    )
                    for entry in entries
                ),
            )
        return batch

    def touch(self, table: TableName, entries: Iterable[LedgerEntry]) -> None:
        """Note the present times of files whose content is still what a batch took in."""
        with self._database.writing() as session:
            for entry in entries:
                session.run(
                    "UPDATE ledger SET modified_ns = :modified_ns WHERE table_name = :table "
                    "AND source_file = :source_file AND batch = :batch AND sha256 = :sha256",
                    modified_ns=entry.modified_ns,
                    table=str(table),
                    source_file=entry.source_file,
                    batch=entry.batch,
                    sha256=entry.sha256,
                )

    def void_above(self, table: TableName, batch: int) -> None:
        """Forget every batch above `batch`: none of them was committed to the table.

        The next batch is `batch` + 1, also where the catalog is newer than the table and has
        never heard of the earlier ones.
        """
        with self._database.writing() as session:
            session.run(
                "DELETE FROM ledger WHERE table_name = :table AND batch > :batch",
                table=str(table),
                batch=batch,
            )
            session.run(
                "INSERT INTO ledger_batches (table_name, last_batch) VALUES (:table, :batch) "
                "ON CONFLICT (table_name) DO UPDATE SET last_batch = :batch",
                table=str(table),
                batch=batch,
            )
