"""Work out afterwards which columns recorded queries used, and which bytes their filters left.

Queries do not pay for it: parsing SQL takes longer than many a query. It is done when advice is
asked for, once for each query.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import CatalogReadOnlyError
from lakeworks.core.errors import LakeError
from lakeworks.storage.pruning import Comparison, files_left

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.query_history import QueryRecord, TableRead
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.project.sql_uses import TableUses
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableVersion

MOST_AT_ONCE = 1_000
_VERSION_MARK = re.compile(r"@v\d+\b")
_ONLY_LOOKS = re.compile(r"\s*(?:explain(?!\s+analyze)|describe)\b", re.IGNORECASE)
_DATE_LENGTH = len("2026-01-01")


def examine_queries(catalog: Catalog, storage: Storage, *, most: int = MOST_AT_ONCE) -> int:
    """Work out the columns of the newest queries of which they are not known; return how many."""
    history = catalog.query_history
    waiting = history.unexamined(most)
    if not waiting:
        return 0
    heads = catalog.heads()
    schemas = {name: head.schema for name, head in heads.items()}
    examiner = _Examiner(storage, schemas)
    examined = [examiner.examined(record) for record in waiting]
    with suppress(CatalogReadOnlyError):  # then it is worked out each time
        history.examined(*examined)
    return len(examined)


class _Examiner:
    def __init__(self, storage: Storage, schemas: dict[TableName, Schema]) -> None:
        self._storage = storage
        self._schemas = schemas
        self._uses: dict[tuple[str, tuple[TableName, ...]], dict[str, TableUses]] = {}
        self._versions: dict[tuple[TableName, int], TableVersion | None] = {}

    def examined(self, record: QueryRecord) -> QueryRecord:
        if _ONLY_LOOKS.match(record.sql):
            nothing = (replace(read, bytes_scanned=0, uses={}) for read in record.tables)
            return replace(record, tables=tuple(nothing))
        tables = tuple(sorted({read.table for read in record.tables}))
        uses = self._uses.get((record.sql, tables))
        if uses is None:
            uses = self._uses[record.sql, tables] = self._found(record.sql, tables)
        reads = tuple(self._read(read, uses.get(str(read.table))) for read in record.tables)
        return replace(record, tables=reads)

    def _found(self, sql: str, tables: Iterable[TableName]) -> dict[str, TableUses]:
        from lakeworks.project.sql_uses import query_uses

        known = {str(t): self._schemas[t] for t in tables if t in self._schemas}
        return query_uses(_VERSION_MARK.sub("", sql), known)

    def _read(self, read: TableRead, uses: TableUses | None) -> TableRead:
        scanned = read.bytes_bound
        if uses is None:
            return replace(read, bytes_scanned=scanned, uses={})
        version = self._version(read) if uses.comparisons else None
        if version is not None:
            wanted = [
                Comparison(column, operator, tuple(_as_bound(v) for v in values))  # type: ignore[arg-type]
                for column, operator, values in uses.comparisons
            ]
            scanned = sum(found.size_bytes for found in files_left(version.files, wanted))
        return replace(read, bytes_scanned=scanned, uses=uses.columns)

    def _version(self, read: TableRead) -> TableVersion | None:
        if read.version is None:
            return None
        key = read.table, read.version
        if key not in self._versions:
            try:
                found = self._storage.table(read.table).version(read.version)
            except LakeError:  # vacuum was quicker: then all of it counts as scanned
                self._versions[key] = None
            else:
                self._versions[key] = found
        return self._versions[key]


def _as_bound(value: object) -> object:
    """Return a moment as the log's statistics write it: `2026-01-01 12:00` has a T there."""
    if isinstance(value, str) and len(value) > _DATE_LENGTH and value[_DATE_LENGTH] == " ":
        date, _, clock = value.partition(" ")
        if date.replace("-", "").isdigit() and clock[:2].isdigit():
            return f"{date}T{clock}"
    return value
