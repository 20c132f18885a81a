from __future__ import annotations

import json
from typing import Any

import pytest

from lakeworks.catalog.schema_registry.avro.schema import AvroSchema
from lakeworks.catalog.schema_registry.errors import InvalidSchemaError


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


LINKED = record(field("next", ["null", "R"]), field("v", "int"))
CASES: list[tuple[str, Any, Any, list[tuple[str, str]]]] = [
    ("numbers widen", "int", "double", []),
    ("numbers do not narrow", "long", "int", [("$", "type changed")]),
    ("text and bytes exchange", "string", "bytes", []),
    ("a union may grow", ["null", "int"], ["null", "string", "int"], []),
    ("a union may not shrink", ["null", "int"], "int", [("$", "union branch removed")]),
    ("a type may become a union", "int", ["null", "long"], []),
    ("a type must be in the union", "boolean", ["null", "long"], [("$", "type not in union")]),
    (
        "a field needs a default",
        record(field("a", "int")),
        record(field("a", "int"), field("b", "int")),
        [("$.b", "field without default")],
    ),
    (
        "a field with a default",
        record(field("a", "int")),
        record(field("a", "int"), field("b", "int", default=1)),
        [],
    ),
    (
        "a field may go",
        record(field("a", "int"), field("b", "int")),
        record(field("a", "int")),
        [],
    ),
    (
        "an alias stands for the old name",
        record(field("a", "int")),
        record(field("b", "long", aliases=["a"])),
        [],
    ),
    (
        "a record's name counts, without its namespace",
        record(name="x.R"),
        record(name="y.R"),
        [],
    ),
    ("another name", record(), record(name="S"), [("$", "name changed")]),
    ("another name with an alias", record(), record(name="S", aliases=["R"]), []),
    ("an enum may grow", enum("A"), enum("A", "B"), []),
    ("an enum may not shrink", enum("A", "B"), enum("A"), [("$", "enum symbol removed")]),
    ("unless it has a default", enum("A", "B"), enum("A", default="A"), []),
    (
        "a fixed keeps its size",
        {"type": "fixed", "name": "F", "size": 2},
        {"type": "fixed", "name": "F", "size": 3},
        [("$", "fixed size changed")],
    ),
    ("a decimal keeps its scale", decimal(9, 2), decimal(9, 3), [("$", "decimal changed")]),
    (
        "elements and values are compared in depth",
        {"type": "array", "items": {"type": "map", "values": enum("A", "B")}},
        {"type": "array", "items": {"type": "map", "values": enum("A")}},
        [("$[]{}", "enum symbol removed")],
    ),
    (
        "records that hold themselves are compared once",
        LINKED,
        record(field("next", ["null", "R"]), field("v", "boolean")),
        [("$.v", "type changed")],
    ),
]


@pytest.mark.parametrize(
    ("writer", "reader", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_resolution(writer: Any, reader: Any, expected: list[tuple[str, str]]) -> None:
    found = AvroSchema.of(reader).violations(AvroSchema.of(writer))
    assert [(one.path, one.kind) for one in found] == expected
    assert all(one.problem and one.hint for one in found)


def test_a_violation_says_what_would_be_compatible() -> None:
    [found] = AvroSchema.of("int").violations(AvroSchema.of("long"))
    assert str(found) == (
        "$: the writer writes long, the reader expects int (long may become float or double)"
    )


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("{", "no JSON"),
        ('{"type": "what"}', "what"),
        ("3", "a name, an object or an array"),
        ('{"type": "fixed", "name": "F", "size": "x"}', "no number"),
        ('{"type": "record", "name": "R"}', "fields"),
        (json.dumps(record(field("a", "int", default="x"))), "Default value <x>"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_avro_schema_is_refused_with_the_reason(definition: str, said: str) -> None:
    with pytest.raises(InvalidSchemaError, match=said):
        AvroSchema.parse(definition)


def test_a_definition_may_be_a_bare_name() -> None:
    assert AvroSchema.parse("string") == AvroSchema.parse('"string"')


ORDER = AvroSchema.of(
    record(
        field("id", "long"),
        field("state", enum("A", "B"), default="A"),
        field("note", ["null", "string", record(field("t", "string"), name="N")], default=None),
        field("tags", {"type": "array", "items": "bytes"}, default=[]),
    )
)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"id": 1}, None),
        ({"id": 1, "note": {"t": "x"}, "tags": ["é"]}, None),
        ({"id": 1, "note": {"string": "x"}}, None),
        ({"id": "1"}, "$.id: expected long, found '1'"),
        ({"id": True}, "$.id: expected long, found True"),
        ({"id": 2**63}, f"$.id: expected long, found {2**63}"),
        ({}, "$: the field 'id' is missing and has no default"),
        ({"id": 1, "more": 1}, "$: R has no field 'more'"),
        ({"id": 1, "state": "C"}, "$.state: expected one of A, B, found 'C'"),
        ({"id": 1, "tags": ["€"]}, "$.tags[0]: expected bytes, found '€'"),
        ({"id": 1, "note": {"t": 1}}, "$.note.t: expected string, found 1"),
        ([], "$: expected an object of R, found []"),
    ],
)
def test_a_json_value_that_does_not_fit_is_told_by_place(
    value: object, fault: str | None
) -> None:
    found = ORDER.fault(value)
    assert (
        found == fault if fault is None else str(found).startswith("$") and fault in str(found)
    )
