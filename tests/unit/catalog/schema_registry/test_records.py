from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.schema_registry.errors import (
    RecordRefusedError,
    UnknownSchemaError,
    WireFormatError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.catalog.schema_registry import SchemaRegistry

AVRO = '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}'
JSON = '{"properties": {"id": {"type": "integer"}}, "required": ["id"]}'
PROTO = """syntax = "proto3";
message B { int64 id = 1; message C {} message A { message D { string s = 1; } } }
message Z { int64 id = 1; }"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    with Catalog.open(f"sqlite:///{tmp_path}/catalog.db") as catalog:
        for name, definition in (("avro", AVRO), ("json", JSON), ("protobuf", PROTO)):
            catalog.schema_registry.create_schema(name, definition, data_format=name)
        yield catalog.schema_registry


@pytest.mark.parametrize("name", ["avro", "json"])
@pytest.mark.parametrize("how", [{}, {"compress": True}, {"header": "confluent"}])
def test_records_come_back_with_the_version_that_wrote_them(
    registry: SchemaRegistry, name: str, how: dict[str, Any]
) -> None:
    encoded = registry.coder(name).encode({"id": 7}, **how)
    found = registry.coder("protobuf").decode(encoded)
    assert (found.record, found.version.schema) == ({"id": 7}, name)


@pytest.mark.parametrize(
    ("header", "message", "start"),
    [
        ("glue", "B", b"\x00"),
        ("glue", "B.A", b"\x01"),
        ("glue", "B.A.D", b"\x02"),
        ("glue", "B.C", b"\x03"),
        ("glue", "Z", b"\x04"),
        ("confluent", "B", b"\x00"),
        ("confluent", "B.A.D", b"\x06\x00\x02\x00"),
        ("confluent", "Z", b"\x02\x02"),
    ],
)
def test_protobuf_says_which_message_it_is(
    registry: SchemaRegistry, header: Any, message: str, start: bytes
) -> None:
    coder = registry.coder("protobuf")
    record: dict[str, Any] = {"s": "x"} if message == "B.A.D" else {}
    encoded = coder.encode(record, header=header, message=message)
    assert encoded[18 if header == "glue" else 5 :].startswith(start)
    assert (coder.decode(encoded).message, coder.decode(encoded).record) == (message, record)


def test_glues_header_is_as_glue_writes_it(registry: SchemaRegistry) -> None:
    coder = registry.coder("avro")
    encoded = coder.encode({"id": 1})
    assert encoded == b"\x03\x00" + uuid.UUID(coder.version.version_id).bytes + b"\x02"
    assert coder.encode({"id": 1}, compress=True)[1] == 5


@pytest.mark.parametrize("name", ["avro", "json", "protobuf"])
def test_a_record_that_does_not_fit_is_refused(registry: SchemaRegistry, name: str) -> None:
    with pytest.raises(RecordRefusedError, match=f"schema '{name}' version 1"):
        registry.coder(name).encode({"id": "seven"})


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"", "there are none"),
        (b"\x07abc", "0x07"),
        (b"\x03\x00abc", "18, not 5"),
        (b"\x03\x07" + bytes(16), "0x07 is unknown"),
        (b"\x03\x05" + bytes(16) + b"\xff" * 9, "cannot be unpacked"),
        (b"\x00\x00", "5, not 2"),
    ],
)
def test_damaged_headers_are_told(registry: SchemaRegistry, record: bytes, said: str) -> None:
    with pytest.raises(WireFormatError, match=said):
        registry.coder("avro").decode(record)


def test_a_packed_payload_that_is_cut_off_is_told(registry: SchemaRegistry) -> None:
    coder = registry.coder("json")
    with pytest.raises(WireFormatError, match="cut off"):
        coder.decode(coder.encode({"id": 1}, compress=True)[:-3])


def test_a_version_of_another_registry_is_told(registry: SchemaRegistry) -> None:
    with pytest.raises(UnknownSchemaError, match=str(uuid.UUID(int=1))):
        registry.coder("avro").decode(b"\x03\x00" + uuid.UUID(int=1).bytes)
    with pytest.raises(UnknownSchemaError, match="999"):
        registry.coder("avro").decode(b"\x00" + (999).to_bytes(4, "big"))


def test_a_payload_with_more_bytes_than_the_record_is_refused(registry: SchemaRegistry) -> None:
    coder = registry.coder("avro")
    with pytest.raises(RecordRefusedError, match="1 bytes are left"):
        coder.decode(coder.encode({"id": 1}) + b"x")
