"""Copies of the tables' newest versions, so that a run with nothing to do opens no table.

The Delta logs hold the truth: a head may be dropped at any time and is read again from the log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.schema_json import schema_from_json, schema_to_json
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Session
    from lakeworks.core.types import Schema

_SELECT = (
    "SELECT table_name, version, transactions, fingerprint, row_total, size_bytes, "
    "schema_json, updated_us FROM heads"
)


@dataclass(frozen=True, slots=True)
class Head:
    """A table's newest version, published or not.

    Attributes:
        transactions: Delta's application transactions, by name: the bookmarks.
        fingerprint: Of the model that made the version, or empty.
        rows: In all its files.
        size_bytes: Of all its files.
    """

    table: TableName
    version: int
    transactions: Mapping[str, int]
    fingerprint: str
    rows: int
    size_bytes: int
    schema: Schema
    updated_at: datetime


def read_heads(session: Session) -> dict[TableName, Head]:
    """Return every head, in order of the tables' names."""
    found = (_head(row) for row in session.all(f"{_SELECT} ORDER BY table_name"))
    return {head.table: head for head in found}


def read_head(session: Session, table: TableName) -> Head | None:
    """Return one table's head, or None."""
    row = session.first(f"{_SELECT} WHERE table_name = :table", table=str(table))
    return _head(row) if row else None


def write_head(session: Session, head: Head) -> None:
    """Note `head` in place of what was known of its table."""
    session.run(
        "INSERT INTO heads (table_name, version, transactions, fingerprint, row_total, "
        "size_bytes, schema_json, updated_us) VALUES (:table, :version, :transactions, "
        ":fingerprint, :row_total, :size_bytes, :schema_json, :updated_us) "
        "ON CONFLICT (table_name) DO UPDATE SET version = excluded.version, "
        "transactions = excluded.transactions, fingerprint = excluded.fingerprint, "
        "row_total = excluded.row_total, size_bytes = excluded.size_bytes, "
        "schema_json = excluded.schema_json, updated_us = excluded.updated_us",
        table=str(head.table),
        version=head.version,
        transactions=json.dumps(dict(head.transactions)),
        fingerprint=head.fingerprint,
        row_total=head.rows,
        size_bytes=head.size_bytes,
        schema_json=schema_to_json(head.schema),
        updated_us=microseconds(head.updated_at),
    )


def delete_head(session: Session, table: TableName) -> None:
    """Forget what is known of a table's newest version."""
    session.run("DELETE FROM heads WHERE table_name = :table", table=str(table))


def _head(row: tuple[Any, ...]) -> Head:
    return Head(
        table=TableName.parse(row[0]),
        version=row[1],
        transactions=json.loads(row[2]),
        fingerprint=row[3],
        rows=row[4],
        size_bytes=row[5],
        schema=schema_from_json(row[6]),
        updated_at=from_microseconds(row[7]),
    )
