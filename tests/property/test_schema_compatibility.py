"""Verdicts on compatibility against what happens when data of one schema meets the other."""

from __future__ import annotations

import io
import itertools
import json
import uuid
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import fastavro
import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lakeworks.catalog.schema_registry import wire
from lakeworks.catalog.schema_registry.avro.schema import AvroSchema
from lakeworks.catalog.schema_registry.errors import WireFormatError
from lakeworks.catalog.schema_registry.json_schema.schema import JsonSchema

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

QUIET = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

# Avro --------------------------------------------------------------------------------------

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
# Branches of one union are told apart by what Python values they are written from.
UNION_KINDS = (
    ("null",),
    ("boolean",),
    ("int", "long"),
    ("float", "double"),
    ("string", "bytes"),
)
SAMPLES: dict[str, list[Any]] = {
    "null": [None], "boolean": [True], "int": [7], "long": [8], "float": [0.5],
    "double": [0.25], "bytes": [b"ab"], "string": ["cd"],
}  # fmt: skip
DEFAULTS = {"null": None, "boolean": False, "int": 1, "long": 1, "float": 1.5, "double": 1.5,
            "bytes": "x", "string": "x"}  # fmt: skip


@st.composite
def avro_types(draw: DrawFn, path: str, depth: int) -> Any:
    """A type at a place; named ones are called after it, so that two schemas agree on names."""
    kinds = ["primitive", "enum", "fixed"]
    if depth:
        kinds += ["array", "map", "union", "record"]
    name = path + draw(st.sampled_from(["", "", "", "x"]))
    match draw(st.sampled_from(kinds)):
        case "primitive":
            return draw(st.sampled_from(PRIMITIVES))
        case "enum":
            symbols = draw(st.lists(st.sampled_from("ABC"), min_size=1, unique=True))
            made = {"type": "enum", "name": f"E{name}", "symbols": symbols}
            return made | ({"default": symbols[0]} if draw(st.booleans()) else {})
        case "fixed":
            return {"type": "fixed", "name": f"F{name}", "size": draw(st.integers(1, 2))}
        case "array":
            return {"type": "array", "items": draw(avro_types(f"{path}i", depth - 1))}
        case "map":
            return {"type": "map", "values": draw(avro_types(f"{path}v", depth - 1))}
        case "union":
            kinds_of = draw(
                st.lists(st.sampled_from(UNION_KINDS), min_size=1, max_size=3, unique=True)
            )
            return [draw(st.sampled_from(one)) for one in kinds_of]
        case _:
            return draw(avro_records(path, depth - 1))


@st.composite
def avro_records(draw: DrawFn, path: str, depth: int) -> dict[str, Any]:
    fields = []
    for name in draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True)):
        kind = draw(avro_types(f"{path}{name}", depth))
        field: dict[str, Any] = {"name": name, "type": kind}
        first = kind[0] if isinstance(kind, list) else kind
        if isinstance(first, str) and draw(st.booleans()):
            field["default"] = DEFAULTS[first]
        fields.append(field)
    return {"type": "record", "name": f"R{path}", "fields": fields}


def written(kind: Any) -> list[Any]:
    """Values that use every branch, symbol and element type of a schema at least once."""
    if isinstance(kind, str):
        return SAMPLES[kind]
    if isinstance(kind, list):
        return [value for one in kind for value in written(one)]
    match kind["type"]:
        case "enum":
            return list(kind["symbols"])
        case "fixed":
            return [b"z" * kind["size"]]
        case "array":
            return [written(kind["items"])]
        case "map":
            return [{str(i): value for i, value in enumerate(written(kind["values"]))}]
        case _:
            values = {field["name"]: written(field["type"]) for field in kind["fields"]}
            longest = max(map(len, values.values()))
            return [
                {name: each[i % len(each)] for name, each in values.items()}
                for i in range(longest)
            ]


def read_by(value: Any, writer: AvroSchema, reader: AvroSchema) -> bool:
    payload = io.BytesIO()
    fastavro.schemaless_writer(payload, writer.node, value)
    payload.seek(0)
    try:
        fastavro.schemaless_reader(payload, writer.node, reader.node)
    except Exception:  # noqa: BLE001 - whatever fastavro raises, it cannot read it
        return False
    return True


@QUIET
@given(avro_types("", 3), avro_types("", 3))
def test_an_avro_schema_is_compatible_exactly_when_fastavro_reads_everything(
    old: Any, new: Any
) -> None:
    writer, reader = AvroSchema.of(old), AvroSchema.of(new)
    readable = all(read_by(value, writer, reader) for value in written(old))
    assert (reader.violations(writer) == []) is readable


@QUIET
@given(avro_records("", 3), avro_records("", 3))
def test_an_avro_record_is_compatible_exactly_when_fastavro_reads_everything(
    old: Any, new: Any
) -> None:
    writer, reader = AvroSchema.of(old), AvroSchema.of(new)
    readable = all(read_by(value, writer, reader) for value in written(old))
    assert (reader.violations(writer) == []) is readable


@QUIET
@given(avro_types("", 3))
def test_every_avro_schema_reads_itself(kind: Any) -> None:
    assert AvroSchema.of(kind).violations(AvroSchema.of(kind)) == []


# JSON Schema --------------------------------------------------------------------------------

SCALARS: list[Any] = [None, True, False, 0, 1, 2, 3, 5, -1, 1.5, 2.5, "", "a", "ab", "abc", "1"]
NAMES = ("a", "b", "c", "xa")


@lru_cache(maxsize=1)
def instances() -> tuple[Any, ...]:
    """Many small documents, over the names and values that the schemas below speak of."""
    values: list[Any] = [None, True, 0, 1, 3, 1.5, "", "ab", [], [1], {}, {"a": 1}, {"b": "ab"}]
    found: list[Any] = [*SCALARS, [], {}]
    for size in (1, 2):
        found += [list(one) for one in itertools.product(values, repeat=size)]
        for names in itertools.combinations(NAMES, size):
            found += [
                dict(zip(names, one, strict=True))
                for one in itertools.product(values, repeat=size)
            ]
    found += [[1, 1, 1], [1, 2, 3], ["a", 1, None], {"a": 1, "b": 1, "c": 1}]
    found += [[[1, "a"], [2]], {"a": {"a": {"a": 1}}}, {"a": {"b": "ab"}, "b": [1, "a"]}]
    return tuple(found)


@st.composite
def pairs(draw: DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """Two schemas that differ here and there."""
    if draw(st.integers(0, 11)) == 0:
        one = draw(st.sampled_from([True, False, {}]))
        return one, draw(st.sampled_from([one, True, {}, {"type": "string"}]))
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for key, values in draw(
        st.lists(
            st.sampled_from(list(keywords(depth).items())), max_size=4, unique_by=lambda i: i[0]
        )
    ):
        before, after = draw(values)
        fate = draw(st.integers(0, 9))
        if fate != 0:
            old[key] = before
        if fate != 1:
            new[key] = before if fate < 6 and before == after else after
    return old, new


def both(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    """The same value twice, or two."""
    return st.one_of(values.map(lambda one: (one, one)), st.tuples(values, values))


TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
SMALL = both(st.integers(0, 3))
NUMBERS = both(st.sampled_from([-1, 0, 1, 1.5, 2, 5]))


@lru_cache(maxsize=4)
def keywords(depth: int) -> dict[str, st.SearchStrategy[tuple[Any, Any]]]:
    found = {
        "type": both(
            st.one_of(
                st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)
            )
        ),
        "enum": both(st.lists(st.sampled_from(SCALARS), min_size=1, max_size=4)),
        "const": both(st.sampled_from(SCALARS)),
        "minimum": NUMBERS, "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS, "exclusiveMaximum": NUMBERS,
        "multipleOf": both(st.sampled_from([1, 2, 0.5, 3])),
        "minLength": SMALL, "maxLength": SMALL,
        "pattern": both(st.sampled_from(["^a", "b$", "[0-9]"])),
        "minItems": SMALL, "maxItems": SMALL, "uniqueItems": both(st.booleans()),
        "minProperties": SMALL, "maxProperties": SMALL,
        "required": both(st.lists(st.sampled_from(NAMES), unique=True, max_size=2)),
        "dependentRequired": both(st.sampled_from([{"a": ["b"]}, {"a": []}, {"b": ["a", "c"]}])),
    }  # fmt: skip
    if depth:
        inner = pairs(depth - 1)
        found |= {
            "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=3).map(parted),
            "patternProperties": st.dictionaries(
                st.sampled_from(["^x", "a$"]), inner, max_size=2
            ).map(parted),
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "propertyNames": inner,
            "dependentSchemas": st.dictionaries(st.sampled_from("ab"), inner, max_size=1).map(
                parted
            ),
            "items": inner,
            "prefixItems": lists(inner),
            "contains": inner,
            "minContains": SMALL,
            "maxContains": SMALL,
            "unevaluatedItems": inner,
            "allOf": lists(inner), "anyOf": lists(inner), "oneOf": lists(inner),
            "not": inner, "if": inner, "then": inner, "else": inner,
        }  # fmt: skip
    return found


def parted(both_ways: dict[str, tuple[Any, Any]]) -> tuple[Any, Any]:
    old = {name: one for name, (one, _) in both_ways.items()}
    return old, {name: one for name, (_, one) in both_ways.items()}


def lists(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    whole = st.lists(inner, min_size=1, max_size=3).map(
        lambda found: ([one for one, _ in found], [one for _, one in found])
    )
    grown = st.tuples(whole, inner).map(lambda got: (got[0][0], [*got[0][1], got[1][1]]))
    return st.one_of(whole, grown)


DRAFT = "https://json-schema.org/draft/2020-12/schema"


def declared(schema: Any) -> str:
    return json.dumps({"$schema": DRAFT} | schema if isinstance(schema, dict) else schema)


@settings(QUIET, max_examples=300)
@given(pairs())
def test_what_a_compatible_json_schema_took_before_it_takes_now(pair: tuple[Any, Any]) -> None:
    old, new = (JsonSchema.parse(declared(one)) for one in pair)
    assume(not new.violations(old))
    taken = jsonschema_rs.Draft202012Validator(pair[0])
    for value in instances():
        if taken.is_valid(value):
            assert new.fault(value) is None, value


@settings(QUIET, max_examples=60)
@given(pairs())
def test_every_json_schema_takes_what_it_takes(pair: tuple[Any, Any]) -> None:
    for one in pair:
        schema = JsonSchema.parse(declared(one))
        assert schema.violations(JsonSchema.parse(declared(one))) == []


# Headers ------------------------------------------------------------------------------------


@given(st.uuids(), st.binary(), st.booleans())
def test_glues_header_is_taken_off_as_it_was_put_on(
    version: uuid.UUID, payload: bytes, compress: bool
) -> None:
    packed = zlib.compress(payload) if compress else payload
    framed = wire.taken_apart(wire.glue_header(str(version), compress=compress) + packed)
    assert (framed.wire, framed.version_id, framed.serial) == ("glue", str(version), None)
    assert framed.payload == payload


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 300), min_size=1, max_size=5),
    st.binary(),
)
def test_confluents_header_is_taken_off_as_it_was_put_on(
    serial: int, places: list[int], payload: bytes
) -> None:
    record = wire.confluent_header(serial) + wire.indexes(tuple(places)) + payload
    framed = wire.taken_apart(record)
    assert (framed.wire, framed.serial) == ("confluent", serial)
    assert wire.read_indexes(framed.payload) == (tuple(places), payload)


@given(st.binary(max_size=40))
def test_any_bytes_are_taken_apart_or_refused_as_damaged(record: bytes) -> None:
    try:
        framed = wire.taken_apart(record)
    except WireFormatError:
        return
    assert framed.wire in ("glue", "confluent")
