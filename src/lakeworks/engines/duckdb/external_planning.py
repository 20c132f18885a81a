"""What DuckDB tells of a query and of files before external tables are bound."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakeworks.core.types import Field, Schema
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.types import from_duckdb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import duckdb

    from lakeworks.engines.partition_conditions import KeyColumns, PartitionCondition
    from lakeworks.engines.remote_conditions import RemoteColumns, RemoteNeeds
    from lakeworks.storage.external import ExternalSource

_LOOKED_AT_FILES = 3


@dataclass(frozen=True, slots=True)
class DuckPlanner:
    """See `ExternalPlanner`.

    Attributes:
        connection: Opens a connection; files are reached with it.
        s3: How `s3://` is reached.
    """

    connection: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
    s3: Mapping[str, str | bool] | None

    def conditions(
        self, sql: str, tables: Mapping[str, KeyColumns]
    ) -> Mapping[str, PartitionCondition]:
        """Return which partitions a query can need."""
        from lakeworks.engines.duckdb.external_conditions import partition_conditions

        with self.connection() as con:
            return partition_conditions(con, sql, tables)

    def remote_needs(
        self,
        sql: str,
        tables: Mapping[str, RemoteColumns],
        partners: Mapping[str, RemoteColumns] | None = None,
    ) -> Mapping[str, RemoteNeeds]:
        """Return what a query needs of tables elsewhere."""
        from lakeworks.engines.duckdb.remote_needs import remote_needs

        with self.connection() as con:
            return remote_needs(con, sql, tables, partners)

    def kept(
        self,
        condition: PartitionCondition,
        table: str,
        fields: Sequence[Field],
        rows: Sequence[tuple[str | None, ...]],
    ) -> list[int]:
        """Return the numbers of the partitions that a condition keeps."""
        from lakeworks.engines.duckdb.external_matching import partitions_kept

        today = datetime.now(UTC).date()
        with self.connection() as con:
            return partitions_kept(con, condition, table, fields, rows, today=today)

    def held_schema(self, source: ExternalSource) -> Schema:
        """Return the columns that files hold, by the first few of them."""
        from lakeworks.engines.duckdb.external import described

        held = [file for file in source.files if file.size_bytes][:_LOOKED_AT_FILES]
        fields: dict[str, Field] = {}
        with self.connection() as con, translated(con):
            for file in held:
                for name, text in described(con, source, file, self.s3):
                    kind = from_duckdb(text, column=name)
                    fields.setdefault(name.casefold(), Field(name.lower(), kind))
        return Schema(tuple(fields.values()))
