"""Statistics of columns, in Glue's shapes: who counted decides what is known.

`of_files` takes what the files of a Delta version say of themselves, and only what is exact:
nulls; the least and greatest number, date or decimal; distinct values where each file has one.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog import partition_rows, rows
from lakeworks.catalog.data_catalog.errors import EntryNotFoundError, EntryRefusedError
from lakeworks.catalog.data_catalog.verbs import Verbs, folded
from lakeworks.catalog.moments import from_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableVersion

# Glue's kinds, each with the member of `StatisticsData` that holds it.
MEMBERS = {
    "BOOLEAN": "BooleanColumnStatisticsData",
    "DATE": "DateColumnStatisticsData",
    "DECIMAL": "DecimalColumnStatisticsData",
    "DOUBLE": "DoubleColumnStatisticsData",
    "LONG": "LongColumnStatisticsData",
    "STRING": "StringColumnStatisticsData",
    "BINARY": "BinaryColumnStatisticsData",
}
_KINDS = {
    "boolean": "BOOLEAN", "tinyint": "LONG", "smallint": "LONG", "int": "LONG",
    "bigint": "LONG", "float": "DOUBLE", "double": "DOUBLE", "date": "DATE",
    "string": "STRING", "binary": "BINARY", "decimal": "DECIMAL",
}  # fmt: skip
_WHOLE_TABLE = ""
# Delta cuts longer texts, so that an end may be none of the values.
_ENDS = frozenset({"LONG", "DOUBLE", "DATE", "DECIMAL"})


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of one column's values.

    Attributes:
        kind: A key of `MEMBERS`.
        data: The members of Glue's shape: `NumberOfNulls`, `MaximumValue`, …
        analyzed_at: Given by the catalog.
    """

    column: str
    type: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    analyzed_at: datetime | None = None

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> ColumnStatistics:
        """Read Glue's `ColumnStatistics`.

        Raises:
            EntryRefusedError: its kind is none of Glue's.
        """
        told = given.get("StatisticsData") or {}
        kind = str(told.get("Type", ""))
        if kind not in MEMBERS:
            raise EntryRefusedError.because(
                f"statistics of {given.get('ColumnName')}", f"no kind {kind!r} is known"
            )
        data = dict(told.get(MEMBERS[kind]) or {})
        analyzed = given.get("AnalyzedTime")
        return cls(
            str(given.get("ColumnName", "")),
            str(given.get("ColumnType", "")),
            kind,
            data,
            datetime.fromtimestamp(analyzed, UTC)
            if isinstance(analyzed, int | float)
            else None,
        )

    def as_json(self) -> dict[str, Any]:
        """Return Glue's `ColumnStatistics`."""
        told: dict[str, Any] = {"ColumnName": self.column, "ColumnType": self.type}
        if self.analyzed_at is not None:
            told["AnalyzedTime"] = self.analyzed_at.timestamp()
        told["StatisticsData"] = {"Type": self.kind, MEMBERS[self.kind]: dict(self.data)}
        return told


class StatisticsVerbs(Verbs):
    """Statistics of columns. They are no part of a table's versions."""

    def update_column_statistics(
        self,
        name: TableName,
        statistics: Iterable[ColumnStatistics],
        *,
        partition: Sequence[str] | None = None,
    ) -> None:
        """Put statistics of some columns in place of those that are known of them.

        Args:
            partition: Of the partition of these values; None for the whole table.

        Raises:
            EntryNotFoundError: there is no such table.
            EntryRefusedError: the table has no such column.
        """
        with self._database.writing() as session:
            number, entry = rows.table(session, folded(name))
            names = {column.name.lower(): column.name for column in entry.columns}
            given = list(statistics)
            for one in given:
                if one.column.lower() not in names:
                    raise EntryRefusedError.because(
                        f"statistics of {name}", f"it has no column {one.column!r}"
                    )
            now = session.now_us()
            for one in given:
                session.run(
                    "INSERT INTO dc_column_statistics (table_id, partition_values, "
                    "column_name, statistics_json, analyzed_us) "
                    "VALUES (:id, :partition, :column, :told, :now) "
                    "ON CONFLICT (table_id, partition_values, column_name) DO UPDATE SET "
                    "statistics_json = excluded.statistics_json, "
                    "analyzed_us = excluded.analyzed_us",
                    id=number,
                    partition=_of(partition),
                    column=names[one.column.lower()],
                    told=rows.compact([one.type, one.kind, dict(one.data)]),
                    now=now,
                )

    def column_statistics(
        self,
        name: TableName,
        columns: Sequence[str] | None = None,
        *,
        partition: Sequence[str] | None = None,
    ) -> list[ColumnStatistics]:
        """Return what is known of columns, or of those named.

        Raises:
            EntryNotFoundError: there is no such table.
        """
        self._fresh_table(name)
        wanted = None if columns is None else {column.lower() for column in columns}
        with self._database.reading() as session:
            found = session.all(
                "SELECT column_name, statistics_json, analyzed_us FROM dc_column_statistics "
                "WHERE table_id = :id AND partition_values = :partition ORDER BY column_name",
                id=rows.table_id(session, folded(name)),
                partition=_of(partition),
            )
        return [
            _statistics(*row) for row in found if wanted is None or row[0].lower() in wanted
        ]

    def delete_column_statistics(
        self, name: TableName, column: str, *, partition: Sequence[str] | None = None
    ) -> None:
        """Forget what is known of a column.

        Raises:
            EntryNotFoundError: nothing is known of it.
        """
        with self._database.writing() as session:
            gone = session.run(
                "DELETE FROM dc_column_statistics WHERE table_id = :id "
                "AND partition_values = :partition AND lower(column_name) = :column",
                id=rows.table_id(session, folded(name)),
                partition=_of(partition),
                column=column.lower(),
            )
        if not gone:
            raise EntryNotFoundError.statistics(str(name), column)


def of_files(version: TableVersion) -> list[ColumnStatistics]:
    """Return what a Delta version's own log says exactly of its columns.

    Columns that some file says nothing of are left out; so are members that are not known.
    """
    found = []
    for column in version.schema:
        kind = _KINDS.get(str(column.type).partition("(")[0])
        if kind is None:
            continue
        data = _told(column.name, column.type, kind, version.files)
        if data:
            found.append(ColumnStatistics(column.name, str(column.type), kind, data))
    return found


def _told(
    column: str, type_: Type, kind: str, files: Sequence[DataFile]
) -> dict[str, Any] | None:
    nulls, lows, highs = 0, [], []
    for file in files:
        if column in file.partition:
            value = file.partition[column]
            nulls += file.rows if value is None else 0
            lows += [] if value is None else [value]
            highs += [] if value is None else [value]
            continue
        count = file.stats.get("nullCount", {}).get(column)
        if not isinstance(count, int):
            return None
        nulls += count
        if count == file.rows:
            continue
        lows.append(file.stats.get("minValues", {}).get(column))
        highs.append(file.stats.get("maxValues", {}).get(column))
    data: dict[str, Any] = {"NumberOfNulls": nulls}
    if kind in _ENDS and None not in lows and None not in highs:
        data |= _ends(kind, str(type_), lows, highs)
        if lows == highs:
            data["NumberOfDistinctValues"] = len({_number(kind, low) for low in lows})
    elif kind == "STRING" and (not lows or all(column in file.partition for file in files)):
        data["NumberOfDistinctValues"] = len(set(lows))
    return data


def _ends(kind: str, type_: str, lows: Sequence[Any], highs: Sequence[Any]) -> dict[str, Any]:
    if not lows:
        return {}
    low = min(_number(kind, one) for one in lows)
    high = max(_number(kind, one) for one in highs)
    return {"MinimumValue": _glue(kind, type_, low), "MaximumValue": _glue(kind, type_, high)}


def _number(kind: str, value: Any) -> Any:  # noqa: ANN401 - a number or a date
    match kind:
        case "DATE":
            return date.fromisoformat(str(value)[:10])
        case "DECIMAL":
            return Decimal(str(value))
        case "DOUBLE":
            return float(value)
        case _:
            return int(value)


def _glue(kind: str, type_: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    if kind == "DATE":
        # On the wire a date is the seconds at which it begins.
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if kind == "DECIMAL":
        scale = int(type_.rstrip(")").partition(",")[2] or 0)
        unscaled = int(value.scaleb(scale))
        length = max(1, (unscaled.bit_length() + 8) // 8)
        told = base64.b64encode(unscaled.to_bytes(length, "big", signed=True)).decode()
        return {"UnscaledValue": told, "Scale": scale}
    return value


def _statistics(column: str, told: str, analyzed_us: int) -> ColumnStatistics:
    type_, kind, data = json.loads(told)
    return ColumnStatistics(column, type_, kind, data, from_microseconds(analyzed_us))


def _of(partition: Sequence[str] | None) -> str:
    return _WHOLE_TABLE if partition is None else partition_rows.values_text(partition)
