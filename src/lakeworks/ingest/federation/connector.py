"""What every kind of other system does for the lake: name its tables, describe one, give its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.ingest.federation.errors import RemoteNameError

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.engines.remote_conditions import Condition
    from lakeworks.engines.remote_reading import RemoteRows
    from lakeworks.project.catalog_declaration import FederatedCatalog

_OTHER = re.compile(r"[^a-z0-9_]+")
FIXED = frozenset({"boolean", "tinyint", "smallint", "int", "bigint", "date", "double"})


@dataclass(frozen=True, slots=True)
class RemoteColumn:
    """One column, as the lake sees it and as the other system has it.

    Attributes:
        field: Its name and type in the lake.
        remote: Its name there.
        kind: Its type there, where conditions on it may be asked of the other system; empty
            where that might judge them otherwise than the lake does.
        read: How the value is asked for, in the other system's dialect; empty: by its name.
        whole: Whether a null here is a null there, and nothing else.
    """

    field: Field
    remote: str
    kind: str = ""
    read: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class RemoteTable:
    """One table of another system.

    Attributes:
        schema_name, remote: Where it is there.
        keys: Of DynamoDB, the names of partition key and sort key.
    """

    name: TableName
    catalog: FederatedCatalog
    schema_name: str
    remote: str
    columns: tuple[RemoteColumn, ...]
    keys: tuple[str, ...] = ()

    @property
    def schema(self) -> Schema:
        """Its columns in the lake."""
        return Schema(tuple(column.field for column in self.columns))

    def column(self, name: str) -> RemoteColumn | None:
        """Return the column of a name, without regard to case."""
        folded = name.casefold()
        return next((c for c in self.columns if c.field.name.casefold() == folded), None)

    def cheapest(self) -> RemoteColumn:
        """Return the column by which rows are counted."""
        fixed = (c for c in self.columns if str(c.field.type) in FIXED)
        return next(fixed, self.columns[0])


class Connector(Protocol):
    """Speaks with one other system. Safe to use from several threads."""

    def tables(self, schema: str) -> list[str]:
        """Return the names of the tables behind a database of the lake."""
        ...

    def table(self, name: TableName, schema: str, remote: str) -> RemoteTable | None:
        """Describe a table; None where there is none."""
        ...

    def rows(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> RemoteRows:
        """Say how some columns of the rows that may fulfil a condition are read.

        Args:
            limit: How many rows are enough, whichever they are.
        """
        ...


def lake_name(remote: str) -> str:
    """Return the name of a remote table or column as the lake writes names of tables."""
    name = _OTHER.sub("_", remote.lower()).strip("_") or "_"
    return f"_{name}" if name[0].isdigit() else name[:128]


def told_apart(table: RemoteTable, columns: list[RemoteColumn]) -> list[RemoteColumn]:
    """Return the columns to read, one at least, if each has a name of its own in the lake.

    Raises:
        RemoteNameError: some differ by case alone.
    """
    by_name: dict[str, list[str]] = {}
    for column in columns:
        by_name.setdefault(column.field.name.lower(), []).append(column.field.name)
    alike = [name for names in by_name.values() if len(names) > 1 for name in names]
    if alike:
        raise RemoteNameError.columns(str(table.name), table.catalog.at, alike)
    return columns or [table.cheapest()]


def overridden(column: RemoteColumn, text: str, read: str = "") -> RemoteColumn:
    """Return a column that its catalog gives another type."""
    field = Field(column.field.name, parse_hive_type(text))
    return RemoteColumn(field, column.remote, "", read or column.read, whole=column.whole)


def with_declared_types(table: RemoteTable, texts: dict[str, str] | None = None) -> RemoteTable:
    """Return a table whose columns have the types that its catalog gives them.

    Args:
        texts: For columns of the other system that are declared to be text: how they are read.
    """
    declared = {
        name.casefold(): kind
        for own, columns in table.catalog.columns.items()
        if own.casefold() == table.name.table
        for name, kind in columns.items()
    }
    if not declared:
        return table
    columns = []
    for column in table.columns:
        wanted = declared.get(column.field.name.casefold())
        if wanted is None:
            columns.append(column)
            continue
        is_text = parse_hive_type(wanted) == Scalar("string")
        read = (texts or {}).get(column.field.name, "") if is_text else ""
        columns.append(overridden(column, wanted, read))
    return RemoteTable(
        table.name, table.catalog, table.schema_name, table.remote, tuple(columns), table.keys
    )
