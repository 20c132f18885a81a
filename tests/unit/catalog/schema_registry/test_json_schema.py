from __future__ import annotations

import json
from typing import Any

import pytest

from lakeworks.catalog.schema_registry.errors import InvalidSchemaError
from lakeworks.catalog.schema_registry.json_schema.schema import JsonSchema

NEWEST = "https://json-schema.org/draft/2020-12/schema"
OLDEST = "http://json-schema.org/draft-04/schema#"
CLOSED = {"additionalProperties": False}
A_TEXT = {"properties": {"a": {"type": "string"}}}
CAT = {"type": "object", "required": ["k"], "properties": {"k": {"const": "cat"}}}
DOG = {"type": "object", "required": ["k"], "properties": {"k": {"const": "dog"}}}
TREE = {
    "$ref": "#/definitions/t",
    "definitions": {
        "t": {"type": "object", "properties": {"left": {"$ref": "#/definitions/t"}}}
    },
}
CASES: list[tuple[str, Any, Any, list[tuple[str, str]]]] = [
    ("anything", {"type": "string"}, {}, []),
    ("nothing", {"type": "null"}, False, [("#", "value removed")]),
    ("a type may widen", {"type": "integer"}, {"type": "number"}, []),
    ("a type may not narrow", {"type": "number"}, {"type": "integer"}, [("#", "type narrowed")]),
    ("a list of types may grow", {"type": "string"}, {"type": ["string", "null"]}, []),
    ("a bound may loosen", {"minimum": 1}, {"minimum": 0}, []),
    ("a bound may not tighten", {"maximum": 5}, {"maximum": 4}, [("#/maximum", "maximum lowered")]),
    (
        "integers beyond a bound are integers from the next on",
        {"type": "integer", "exclusiveMinimum": 0},
        {"type": "integer", "minimum": 1},
        [],
    ),
    ("a multiple of a multiple", {"multipleOf": 6}, {"multipleOf": 1.5}, []),
    (
        "another multiple",
        {"multipleOf": 3},
        {"multipleOf": 2},
        [("#/multipleOf", "multiple narrowed")],
    ),
    ("an enum may grow", {"enum": [1]}, {"enum": [1, "x"]}, []),
    ("an enum may not shrink", {"enum": [1, 2]}, {"enum": [1]}, [("#", "value removed")]),
    ("values are tried one by one", {"enum": [1, 2]}, {"type": "integer", "maximum": 2}, []),
    ("a pattern counts", {"type": "string"}, {"pattern": "^a"}, [("#/pattern", "pattern added")]),
    ("a format counts", {"type": "string"}, {"format": "date"}, [("#/format", "format added")]),
    ("a property may be left out", {"required": ["a"]}, {}, []),
    ("a property may not be needed", {}, {"required": ["a"]}, [("#/required", "property required")]),
    (
        "open content may hold anything under a new name",
        {},
        A_TEXT,
        [("#/properties/a", "property added to open content")],
    ),
    ("closed content may grow", CLOSED, A_TEXT | CLOSED, []),
    (
        "closed content may not lose a name",
        A_TEXT | CLOSED,
        CLOSED,
        [("#/properties/a", "property removed from closed content")],
    ),
    ("content may not close", {}, CLOSED, [("#/additionalProperties", "content closed")]),
    (
        "what additionalProperties promised may be named",
        {"additionalProperties": {"type": "string"}},
        A_TEXT,
        [],
    ),
    (
        "patterns hold for names that they match",
        {"patternProperties": {"^a": {"type": "integer"}}},
        {"properties": {"ab": {"type": "number"}}},
        [],
    ),
    ("what is required has the dependency", {"required": ["a", "b"]},
     {"dependencies": {"a": ["b"]}}, []),
    (
        "a new dependency",
        {},
        {"dependencies": {"a": ["b"]}},
        [("#", "dependency added")],
    ),
    ("elements", {"items": {"type": "integer"}}, {"items": {"type": "string"}},
     [("#/items", "type narrowed")]),
    (
        "elements by place",
        {"$schema": NEWEST, "prefixItems": [{"type": "integer"}], "items": False},
        {"$schema": NEWEST, "items": {"type": "number"}},
        [],
    ),
    ("a branch more", {"anyOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}, CAT]}, []),
    ("one of branches that a constant tells apart", {"oneOf": [CAT]}, {"oneOf": [CAT, DOG]}, []),
    (
        "one of branches that overlap",
        {"oneOf": [A_TEXT]},
        {"oneOf": [A_TEXT, {"type": "object"}]},
        [("#/oneOf", "branches overlap")],
    ),
    ("not, unchanged", {"not": {"type": "null"}}, {"not": {"type": "null"}}, []),
    ("not, narrower", {"not": {"type": ["null", "array"]}}, {"not": {"type": "null"}}, []),
    ("a condition that is met", {"enum": [1]}, {"if": {"const": 1}, "then": {"type": "integer"}},
     []),
    ("a recursive definition", TREE, TREE | {"title": "x"}, []),
    ("draft 4 writes exclusive bounds apart", {"$schema": OLDEST, "minimum": 0,
     "exclusiveMinimum": True}, {"exclusiveMinimum": 0}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_inclusion(old: Any, new: Any, expected: list[tuple[str, str]]) -> None:
    found = JsonSchema.parse(json.dumps(new)).violations(JsonSchema.parse(json.dumps(old)))
    assert sorted({(one.path, one.kind) for one in found}) == expected


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("{", "no JSON"),
        ("3", "an object, true or false"),
        ('{"type": "text"}', "text"),
        ('{"$schema": "https://example.org/mine"}', "no known draft"),
        ('{"$ref": "https://example.org/other.json"}', "leaves the definition"),
        ('{"$ref": "file:///etc/passwd"}', "leaves the definition"),
        ('{"$ref": "#"}', "# leads back to itself"),
        ('{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}', "back"),
    ],
)
def test_what_is_no_json_schema_is_refused_with_the_reason(definition: str, said: str) -> None:
    with pytest.raises(InvalidSchemaError, match=said):
        JsonSchema.parse(definition)


def test_schemas_with_too_many_choices_are_not_called_compatible() -> None:
    choice = {"anyOf": [{"minimum": i} for i in range(7)]}
    many = {"allOf": [choice | {"title": str(i)} for i in range(7)]}
    schema = JsonSchema.parse(json.dumps({"allOf": [{"properties": {"a": many}}]}))
    new = JsonSchema.parse(json.dumps({"properties": {"a": {"maximum": 3}}}))
    assert [one.kind for one in new.violations(schema)] == ["too involved"]


def test_a_fault_says_where() -> None:
    schema = JsonSchema.parse('{"properties": {"a": {"items": {"format": "date"}}}}')
    assert schema.fault({"a": ["2026-01-01"]}) is None
    assert str(schema.fault({"a": ["2026-01-01", "soon"]})).startswith("$.a[1]: ")
