"""What DynamoDB is asked, and what its values are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.core.types import Array, Field, Map, Scalar, Struct
from lakeworks.core.types import Decimal as DecimalType
from lakeworks.engines.remote_conditions import ColumnTest, Either, Every
from lakeworks.ingest.federation.connector import RemoteColumn, RemoteTable
from lakeworks.ingest.federation.dynamodb_requests import MOST_KEYS, requests_for
from lakeworks.ingest.federation.dynamodb_values import as_json, inferred_kind, value_of
from lakeworks.project.catalog_declaration import FederatedCatalog
from lakeworks.project.declaration import Location

CATALOG = FederatedCatalog("app", Location("catalogs/app.yml", 1), "dynamodb", {"app": ""})
COLUMNS = tuple(
    RemoteColumn(Field(name, Scalar("string")), name, kind)
    for name, kind in {"user": "S", "at": "N", "size": "N", "note": "S", "list": ""}.items()
)
TABLE = RemoteTable(TableName("app", "events"), CATALOG, "", "events", COLUMNS, ("user", "at"))
USER = ColumnTest("user", "=", ("ann",))


def asked(condition: Any) -> list[tuple[str, dict[str, Any]]]:
    found = requests_for(TABLE, COLUMNS[:2], condition)
    return [(one.operation, dict(one.parameters)) for one in found]


def test_a_fixed_partition_key_is_a_query() -> None:
    condition = Every(
        (USER, ColumnTest("at", ">=", (5,)), ColumnTest("note", "prefix", ("x",)))
    )
    [(operation, told)] = asked(condition)
    assert operation == "query"
    assert told["KeyConditionExpression"] == "#n0 = :v0 AND #n1 >= :v1"
    assert told["FilterExpression"] == "begins_with(#n2, :v2)"
    assert told["ExpressionAttributeNames"] == {"#n0": "user", "#n1": "at", "#n2": "note"}
    assert told["ExpressionAttributeValues"] == {
        ":v0": {"S": "ann"}, ":v1": {"N": "5"}, ":v2": {"S": "x"},
    }  # fmt: skip
    assert told["ProjectionExpression"] == "#n0, #n1"


def test_several_keys_are_several_queries_and_too_many_a_scan() -> None:
    assert [name for name, _ in asked(ColumnTest("user", "in", ("a", "b", "a")))] == [
        "query"
    ] * 2
    many = tuple(str(number) for number in range(MOST_KEYS + 1))
    assert [name for name, _ in asked(ColumnTest("user", "in", many))] == ["scan"]


def test_a_key_in_an_or_is_a_scan() -> None:
    [(operation, told)] = asked(Either((USER, ColumnTest("size", ">", (Decimal("1.5"),)))))
    assert operation == "scan"
    assert told["FilterExpression"] == "(#n0 = :v0 OR #n2 > :v1)"


def test_what_is_null_is_missing_or_null() -> None:
    [(_, told)] = asked(ColumnTest("note", "is null"))
    assert told["FilterExpression"] == (
        "(attribute_not_exists(#n2) OR attribute_type(#n2, :v0))"
    )
    assert told["ExpressionAttributeValues"] == {":v0": {"S": "NULL"}}


@pytest.mark.parametrize(
    "condition",
    [
        ColumnTest("list", "=", ("x",)), ColumnTest("size", "=", ("5",)),
        ColumnTest("note", "=", (5,)),
        ColumnTest("user", "=", ("",)),
        ColumnTest("size", "=", (True,)), ColumnTest("size", "=", (0.5,)),
        None,
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_not_asked(condition: ColumnTest | None) -> None:
    [(operation, told)] = asked(condition)
    assert operation == "scan"
    assert "FilterExpression" not in told


def test_numbers_keep_all_their_digits() -> None:
    digits = "12345678901234567890.123456789012345678"
    assert value_of({"N": digits}, DecimalType(38, 18)) == Decimal(digits)
    assert value_of({"N": "9007199254740993"}, Scalar("bigint")) == 9007199254740993
    assert as_json({"L": [{"N": digits}, {"NULL": True}]}) == f"[{digits}, null]"


def test_nested_values_become_what_is_declared() -> None:
    value = {"M": {"a": {"N": "1"}, "b": {"L": [{"S": "x"}]}}}
    struct = Struct((Field("a", Scalar("int")), Field("b", Array(Scalar("string")))))
    assert value_of(value, struct) == {"a": 1, "b": ["x"]}
    assert value_of({"SS": {"b", "a"}}, Array(Scalar("string"))) == ["a", "b"]
    assert value_of({"M": {"k": {"S": "v"}}}, Map(Scalar("string"), Scalar("string"))) == [
        ("k", "v")
    ]
    assert (
        as_json({"M": {'q"': {"BOOL": True}, "b": {"B": b"\x00"}}})
        == '{"q\\"": true, "b": "AA=="}'
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"S": "5"}, "bigint"),
        ({"N": "1.5"}, "int"),
        ({"N": "1"}, "string"),
        ({"M": {}}, "string"),
    ],
)
def test_a_value_of_another_kind_is_an_error(value: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValueError, match="an item holds"):
        value_of(value, Scalar(kind))


def test_whole_numbers_of_64_bits_are_told_from_others() -> None:
    assert inferred_kind({"N": "5"}) == "WHOLE"
    assert inferred_kind({"N": str(1 << 63)}) == "N"
    assert inferred_kind({"N": "0.5"}) == "N"
    assert inferred_kind({"S": "5"}) == "S"
