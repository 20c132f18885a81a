"""What a query's WHERE clauses say of the partitions that it needs, and who reads that from it.

Only an optimisation: a condition may let more partitions through than the query needs, never
fewer, and whatever rows are read are still held to the query itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from lakeworks.core.types import Field, Schema
    from lakeworks.engines.remote_conditions import RemoteColumns, RemoteNeeds
    from lakeworks.storage.external import ExternalSource


@dataclass(frozen=True, slots=True)
class KeyTest:
    """One partition column held against plain values, all of its own kind.

    Attributes:
        column: Its name, in lower case.
        values: One; for `in`, any number.
    """

    column: str
    operator: Literal["=", "<", "<=", ">", ">=", "in"]
    values: tuple[int | str | date, ...]


@dataclass(frozen=True, slots=True)
class PartitionCondition:
    """Which partitions of one table a query can need.

    Attributes:
        any_of: For each place where the query names the table, tests that all hold for the
            partitions needed there; () is every partition. Without a place, none is needed.
        expressions: For each of these places, a SQL condition over the partition columns, as
            text, or empty for every partition.
        null_supplied: For each place, whether an outer join may fill the table's columns
            with nulls there.
        needs_rows: Whether the table is read at all; DESCRIBE reads none.
    """

    any_of: tuple[tuple[KeyTest, ...], ...] = ((),)
    expressions: tuple[str, ...] = ("",)
    null_supplied: tuple[bool, ...] = (False,)
    needs_rows: bool = True

    def equal_to(self, column: str) -> tuple[int | str | date, ...] | None:
        """Return the only values that a column may have, by equality or IN; None: any."""
        found: dict[int | str | date, None] = {}
        for tests in self.any_of:
            values = [
                test.values
                for test in tests
                if test.column == column.lower() and test.operator in {"=", "in"}
            ]
            if not values:
                return None
            found.update(dict.fromkeys(values[0]))
        return tuple(found)


EVERYWHERE = PartitionCondition()
NOWHERE = PartitionCondition((), (), (), needs_rows=False)


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """The columns of a table with partitions, as far as conditions name them.

    Attributes:
        partition: Name and type, as text, of each partition column, in their order.
        others: Names of all its other columns.
    """

    partition: tuple[tuple[str, str], ...]
    others: frozenset[str] = field(default_factory=frozenset)


class ExternalPlanner(Protocol):
    """What an engine is asked before external tables are bound. Safe to use from several threads."""

    def conditions(
        self, sql: str, tables: Mapping[str, KeyColumns]
    ) -> Mapping[str, PartitionCondition]:
        """Return, for tables with partitions, which of these a caller's query can need.

        Args:
            sql: A query that `names_read` accepts.
            tables: By dotted name in lower case.
        """
        ...

    def remote_needs(
        self,
        sql: str,
        tables: Mapping[str, RemoteColumns],
        partners: Mapping[str, RemoteColumns] | None = None,
    ) -> Mapping[str, RemoteNeeds]:
        """Return, for tables whose rows lie in another system, what a query needs of them.

        Args:
            sql: A query that `names_read` accepts.
            tables: By dotted name in lower case.
            partners: So, too: tables of the lake; joins with them are told.
        """
        ...

    def kept(
        self,
        condition: PartitionCondition,
        table: str,
        fields: Sequence[Field],
        rows: Sequence[tuple[str | None, ...]],
    ) -> list[int]:
        """Return the numbers of the partitions, given by their values, that a condition keeps.

        Raises:
            ExternalDataError: a value does not fit its column's type.
        """
        ...

    def held_schema(self, source: ExternalSource) -> Schema:
        """Return the columns that Parquet, Avro or ORC files hold.

        Args:
            source: Its schema says nothing yet; of its files, the first that hold rows count.
        """
        ...
