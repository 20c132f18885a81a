"""What is asked of DynamoDB for a query: Query where its conditions fix the partition key, else Scan.

Pure. Constants travel beside the expressions, never in them. DynamoDB compares only values of one kind,
as the columns do, so that its judgement is the lake's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakeworks.engines.remote_conditions import (
    ColumnTest,
    Either,
    Every,
    kept,
    plain_tests,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.engines.remote_conditions import Condition, Value
    from lakeworks.ingest.federation.connector import RemoteColumn, RemoteTable

MOST_KEYS = 100
_MOST_VALUES = 100  # of one IN
_MOST_TESTS = 250  # an expression has at most 300 operators
_RANGES = ("=", "<", "<=", ">", ">=", "prefix")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, to be repeated until it has given all pages."""

    operation: str
    parameters: Mapping[str, Any]


@dataclass(slots=True)
class _Names:
    """Places for names and values, which expressions stand for them by."""

    table: RemoteTable
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """Return the place of a name."""
        for place, known in self.names.items():
            if known == attribute:
                return place
        place = f"#n{len(self.names)}"
        self.names[place] = attribute
        return place

    def value(self, value: Value) -> str:
        """Return the place of a value."""
        place = f":v{len(self.values)}"
        self.values[place] = _written(value)
        return place

    def column(self, test: ColumnTest) -> RemoteColumn | None:
        """Return the column that a test is on, where it can be asked."""
        return self.table.column(test.column)


def requests_for(
    table: RemoteTable, columns: tuple[RemoteColumn, ...], condition: Condition | None
) -> list[Request]:
    """Return what is asked for some attributes of the items that may fulfil a condition."""
    askable = kept(condition, lambda test: _can_be_asked(test, table.column(test.column)))
    plain = plain_tests(askable)
    keys = _key_values(table, plain)
    if keys is None:
        return [_request(table, columns, askable, "scan")]
    others = _without_keys(askable, table)
    return [_request(table, columns, others, "query", key, plain) for key in keys]


def _request(
    table: RemoteTable,
    columns: tuple[RemoteColumn, ...],
    condition: Condition | None,
    operation: str,
    key: Value | None = None,
    plain: tuple[ColumnTest, ...] = (),
) -> Request:
    names = _Names(table)
    told: dict[str, Any] = {"TableName": table.remote}
    told["ProjectionExpression"] = ", ".join(names.name(column.remote) for column in columns)
    if key is not None:
        told["KeyConditionExpression"] = _key_condition(names, key, plain)
    if condition is not None and _size(condition) <= _MOST_TESTS:
        told["FilterExpression"] = _expression(condition, names)
    told["ExpressionAttributeNames"] = names.names
    if names.values:
        told["ExpressionAttributeValues"] = names.values
    return Request(operation, told)


def _can_be_asked(test: ColumnTest, column: RemoteColumn | None) -> bool:
    if column is None:
        return False
    if test.operator in {"is null", "is not null"}:
        return True
    if not column.kind or len(test.values) > _MOST_VALUES:
        return False
    kinds = {"S": str, "N": (int, Decimal), "BOOL": bool}
    right = all(
        isinstance(value, kinds[column.kind])  # type: ignore[arg-type]
        and (column.kind == "BOOL" or not isinstance(value, bool))
        and not isinstance(value, date)
        for value in test.values
    )
    # An empty text is no key to DynamoDB, which refuses to be asked for one.
    return right and "" not in test.values


def _key_values(table: RemoteTable, plain: tuple[ColumnTest, ...]) -> list[Value] | None:
    """Return the values that the partition key may have; None: any."""
    if not table.keys:
        return None
    for test in plain:
        column = table.column(test.column)
        if column is None or column.remote != table.keys[0]:
            continue
        if test.operator in {"=", "in"} and len(test.values) <= MOST_KEYS:
            return list(dict.fromkeys(test.values))
    return None


def _key_condition(names: _Names, key: Value, plain: tuple[ColumnTest, ...]) -> str:
    table = names.table
    told = f"{names.name(table.keys[0])} = {names.value(key)}"
    ranged = table.keys[1] if len(table.keys) > 1 else None
    for test in plain:
        column = table.column(test.column)
        if column is not None and column.remote == ranged and test.operator in _RANGES:
            return f"{told} AND {_test(test, names)}"  # it takes one condition on the sort key
    return told


def _without_keys(condition: Condition | None, table: RemoteTable) -> Condition | None:
    """Return what a filter of a Query may hold: nothing on keys."""

    def is_free(test: ColumnTest) -> bool:
        column = table.column(test.column)
        return column is not None and column.remote not in table.keys

    return kept(condition, is_free)


def _expression(condition: Condition, names: _Names) -> str:
    match condition:
        case ColumnTest():
            return _test(condition, names)
        case Every(parts):
            return "(" + " AND ".join(_expression(part, names) for part in parts) + ")"
        case Either(parts):
            return "(" + " OR ".join(_expression(part, names) for part in parts) + ")"


def _test(test: ColumnTest, names: _Names) -> str:
    column = names.column(test)
    assert column is not None  # noqa: S101 - `kept` let only known ones through
    name = names.name(column.remote)
    match test.operator:
        case "is null":
            places = f"attribute_not_exists({name})"
            return f"({places} OR attribute_type({name}, {names.value('NULL')}))"
        case "is not null":
            return f"attribute_exists({name})"
        case "in":
            return f"{name} IN ({', '.join(map(names.value, test.values))})"
        case "prefix":
            return f"begins_with({name}, {names.value(test.values[0])})"
        case operator:
            return f"{name} {operator} {names.value(test.values[0])}"


def _size(condition: Condition) -> int:
    match condition:
        case ColumnTest():
            return max(len(condition.values), 1)
        case Every(parts) | Either(parts):
            return sum(map(_size, parts))


def _written(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case _:
            return {"S": str(value)}
