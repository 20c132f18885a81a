"""Validate, encode and decode records of one schema version."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.schema_registry import wire
from lakeworks.catalog.schema_registry.errors import RecordRefusedError, WireFormatError
from lakeworks.catalog.schema_registry.formats import ParsedSchema, parsed

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.entries import SchemaVersion
    from lakeworks.catalog.schema_registry.registry import SchemaRegistry
    from lakeworks.catalog.schema_registry.wire import Wire

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record, with the version that its header names.

    Attributes:
        message: The full name of its type, for Protobuf; else empty.
    """

    record: Any
    version: SchemaVersion
    message: str = ""


class RecordCoder:
    """Works with the records of one version; reads those of any version of the registry."""

    def __init__(self, version: SchemaVersion, registry: SchemaRegistry) -> None:
        self.version = version
        self.schema: ParsedSchema = parsed(version.data_format, version.definition)
        self._registry = registry
        self._known: dict[bytes, tuple[SchemaVersion, Any]] = {}
        self._plain = wire.glue_header(version.version_id)
        self._packed = wire.glue_header(version.version_id, compress=True)
        self._confluent = wire.confluent_header(version.serial)

    def fault(self, record: object) -> str | None:
        """Return where and why a record, as JSON, does not fit; None when it does."""
        return self.schema.fault(record)

    def encode(
        self,
        record: Any,  # noqa: ANN401
        *,
        header: Wire = "glue",
        compress: bool = False,
        message: str = "",
    ) -> bytes:
        """Return a record behind a header.

        Args:
            header: Glue's, or Confluent's, which knows no compression.
            compress: By zlib.
            message: The full name of a Protobuf type; the file's first when left out.

        Raises:
            RecordRefusedError: the record does not fit the schema; says where.
        """
        try:
            payload = self._payload(record, header, message)
        except ValueError as error:
            raise RecordRefusedError.of(self.version.title, str(error)) from None
        if header == "confluent":
            return self._confluent + payload
        return self._packed + zlib.compress(payload) if compress else self._plain + payload

    def decode(self, record: bytes) -> Decoded:
        """Return the record of bytes with a header of either kind, whatever version it names.

        Raises:
            WireFormatError: there is no header, or a damaged one.
            UnknownSchemaError: the header names a version that the registry does not have.
            RecordRefusedError: the payload cannot be read with that version.
        """
        framed = wire.taken_apart(record)
        found = self._known.get(framed.named)
        version, schema = found if found is not None else self._named(framed)
        try:
            if version.data_format != "PROTOBUF":
                return Decoded(schema.decode(framed.payload), version)
            message, payload = _message(schema, framed)
            return Decoded(schema.decode(payload, message), version, message)
        except ValueError as error:
            raise RecordRefusedError.undecodable(version.title, str(error)) from None

    def _payload(self, record: Any, header: Wire, message: str) -> bytes:  # noqa: ANN401
        schema: Any = self.schema
        if self.version.data_format != "PROTOBUF":
            return bytes(schema.encode(record))
        name = message or schema.message_name()
        places = schema.indexes_of(name)
        payload: bytes = schema.encode(record, name)
        if header == "confluent":
            return wire.indexes(places) + payload
        return wire.varint(schema.sorted_messages().index(name)) + payload

    def _named(self, framed: wire.Framed) -> tuple[SchemaVersion, Any]:
        """Return the version that a header names, parsed, and remember it."""
        version_id, serial = framed.version_id, framed.serial
        if version_id is not None:
            version = self._registry.get_schema_version_by_id(version_id)
        else:
            version = self._registry.get_schema_version_by_serial(serial or 0)
        found = version, parsed(version.data_format, version.definition)
        if len(self._known) < _REMEMBERED:
            self._known[framed.named] = found
        return found


def _message(schema: Any, framed: wire.Framed) -> tuple[str, bytes]:  # noqa: ANN401
    if framed.wire == "confluent":
        places, payload = wire.read_indexes(framed.payload)
        return schema.message_at(places), payload
    index, start = wire.read_varint(framed.payload)
    names = schema.sorted_messages()
    if index >= len(names):
        raise WireFormatError.damaged(f"the definition has no message number {index}")
    return names[index], framed.payload[start:]
