from __future__ import annotations

import pytest

from lakeworks.catalog.schema_registry.errors import InvalidSchemaError
from lakeworks.catalog.schema_registry.protobuf.schema import ProtobufSchema

CASES: list[tuple[str, str, str, list[str]]] = [
    ("a field more", "int32 a = 1;", "int32 a = 1; string b = 2;", []),
    ("a field less", "int32 a = 1; string b = 2;", "int32 a = 1;", []),
    ("another name", "int32 a = 1;", "int32 b = 1;", []),
    ("a type of the same group", "int32 a = 1;", "uint64 a = 1;", []),
    ("an enum is an integer", "E a = 1; enum E { X = 0; }", "int32 a = 1;", []),
    ("another group", "int32 a = 1;", "sint32 a = 1;", ["type changed"]),
    ("text to message", "string a = 1;", "M a = 1; message M {}", ["type changed"]),
    ("text once or often", "string a = 1;", "repeated string a = 1;", []),
    ("numbers once or often", "int32 a = 1;", "repeated int32 a = 1;", ["repetition changed"]),
    ("another number", "int32 a = 1;", "int32 a = 2;", ["number changed"]),
    ("a reserved number", "reserved 2;", "int32 b = 2;", ["reserved taken"]),
    ("one field into a oneof", "int32 a = 1;", "oneof o { int32 a = 1; string b = 2; }", []),
    ("two fields into a oneof", "int32 a = 1; int32 b = 2;",
     "oneof o { int32 a = 1; int32 b = 2; }", ["fields moved into oneof"]),
    ("out of a oneof", "oneof o { int32 a = 1; int32 b = 2; }", "int32 a = 1; int32 b = 2;", []),
    ("a oneof loses one", "oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; }",
     ["field removed from oneof"]),
    ("optional is no oneof of the user's", "optional int32 a = 1; optional int32 b = 2;",
     "int32 a = 1;", []),
    ("a message goes", "message M { int32 x = 1; }", "", ["message removed"]),
    ("a map's values", "map<string, int32> a = 1;", "map<string, string> a = 1;",
     ["type changed"]),
    ("a map to something else", "map<string, int32> a = 1;", "string a = 1;", ["type changed"]),
]  # fmt: skip


def proto(body: str, *, head: str = 'syntax = "proto3";') -> ProtobufSchema:
    return ProtobufSchema.parse(f"{head}\nmessage T {{ {body} }}")


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_changes(old: str, new: str, expected: list[str]) -> None:
    assert [one.kind for one in proto(new).violations(proto(old))] == expected


def test_proto2_counts_what_is_required() -> None:
    head = 'syntax = "proto2";'
    without = proto("optional int32 a = 1;", head=head)
    needed = proto("required int32 a = 1;", head=head)
    assert [one.kind for one in needed.violations(without)] == ["field required"]
    assert without.violations(needed) == []


def test_another_package_breaks() -> None:
    old, new = (proto("", head=f'syntax = "proto3"; package {name};') for name in ("a", "b"))
    assert [one.kind for one in new.violations(old)] == ["package changed"]


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("message T {", "line"),
        ('syntax = "proto3";', "no message"),
        ('syntax = "proto3"; import "other.proto"; message T {}', "other.proto"),
        ('syntax = "proto2"; message T { optional group G = 1 {} }', "groups"),
        ('syntax = "proto2"; message T { extensions 5 to 9; }', "extensions"),
    ],
)
def test_what_is_no_definition_is_refused_with_the_reason(definition: str, said: str) -> None:
    with pytest.raises(InvalidSchemaError, match=said):
        ProtobufSchema.parse(definition)


def test_googles_own_types_can_be_imported() -> None:
    head = 'syntax = "proto3"; import "google/protobuf/timestamp.proto";'
    schema = proto("google.protobuf.Timestamp at = 1;", head=head)
    assert schema.fault({"at": "2026-01-01T00:00:00Z"}) is None
    assert "at" in str(schema.fault({"at": "soon"}))


def test_comments_and_layout_mean_nothing() -> None:
    assert proto("int32 a = 1;").normal == proto("\n  int32   a = 1; // first\n").normal
