"""What every data format can do with a definition; each is imported when it is first used."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.entries import DataFormat
    from lakeworks.catalog.schema_registry.violations import Violation

PURPOSE = "the schema registry"


class ParsedSchema(Protocol):
    """A definition that its format's parser took."""

    @property
    def normal(self) -> str:
        """The definition without what means nothing: layout, order of keys, comments."""
        ...

    def violations(self, writer: Any) -> list[Violation]:  # noqa: ANN401 - of the same format
        """Return why this schema cannot read what `writer` wrote; empty when it can."""
        ...

    def fault(self, value: object) -> str | None:
        """Return where and why a JSON value does not fit, or None when it does."""
        ...

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a record
        """Return a record's payload, without any header.

        Raises:
            ValueError: it does not fit; says where and why.
        """
        ...

    def decode(self, payload: bytes) -> Any:  # noqa: ANN401 - a record
        """Return the record of a payload.

        Raises:
            ValueError: it cannot be read.
        """
        ...


def fingerprint(parsed: ParsedSchema) -> str:
    """Return what two definitions have in common exactly when they mean the same."""
    return hashlib.sha256(parsed.normal.encode()).hexdigest()


@lru_cache(maxsize=256)
def parsed(data_format: DataFormat, definition: str) -> ParsedSchema:
    """Return a definition, parsed.

    Raises:
        InvalidSchemaError: its format's parser refuses it.
        MissingExtraError: the extra `registry` is not installed.
    """
    match data_format:
        case "AVRO":
            from lakeworks.catalog.schema_registry.avro.schema import AvroSchema

            return AvroSchema.parse(definition)
        case "JSON":
            from lakeworks.catalog.schema_registry.json_schema.schema import JsonSchema

            return JsonSchema.parse(definition)
        case "PROTOBUF":
            from lakeworks.catalog.schema_registry.protobuf.schema import ProtobufSchema

            return ProtobufSchema.parse(definition)
