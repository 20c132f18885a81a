"""An Avro definition: parsed by fastavro, resolved and explained here."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from lakeworks.catalog.schema_registry.errors import InvalidSchemaError
from lakeworks.catalog.schema_registry.formats import PURPOSE
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

    from lakeworks.catalog.schema_registry.violations import Violation

_DEEPEST = 64


@dataclass(frozen=True)
class AvroSchema:
    """One definition.

    Attributes:
        node: The schema with full names, types by name where they occur again.
        named: Every record, enum and fixed, by its full name.
    """

    normal: str
    node: Any
    named: dict[str, Any] = field(compare=False)

    @classmethod
    def parse(cls, definition: str) -> Self:
        """Parse a definition.

        Raises:
            InvalidSchemaError: fastavro refuses it, or a default does not fit its field.
            MissingExtraError: fastavro is not installed.
        """
        written = _json(definition)
        return cls.of(written)

    @classmethod
    def of(cls, written: Any) -> Self:  # noqa: ANN401 - JSON
        """Make a schema of JSON, such as the header of an Avro file holds.

        Raises:
            InvalidSchemaError: it is no Avro schema.
        """
        from lakeworks.catalog.schema_registry.avro.plain_values import default_faults

        named: dict[str, Any] = {}
        # fastavro remembers a definition that it has parsed by a mark inside it.
        fresh = json.loads(json.dumps(written))
        _check_shape(fresh)
        try:
            node = fastavro().parse_schema(fresh, named_schemas=named, _write_hint=False)
        except Exception as error:  # noqa: BLE001
            # A parser of a hostile definition raises whatever its code stumbles over.
            reason = str(error) or type(error).__name__
            raise InvalidSchemaError.of("Avro", reason) from None
        parsed = cls(json.dumps(written, sort_keys=True), node, named)
        for fault in default_faults(parsed):
            raise InvalidSchemaError.of("Avro", fault, "give the field a default of its type")
        return parsed

    def violations(self, writer: AvroSchema) -> list[Violation]:
        """Return why this schema cannot read what `writer` wrote."""
        from lakeworks.catalog.schema_registry.avro.resolution import Resolution

        return Resolution(writer, self).violations()

    def fault(self, value: object) -> str | None:
        """Return where and why a JSON value does not fit."""
        from lakeworks.catalog.schema_registry.avro.plain_values import fault

        return fault(self, value)

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a record
        """Return the binary encoding of a record."""
        target = io.BytesIO()
        try:
            self._write(target, self._ready, value, strict_allow_default=True)
        except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
            raise ValueError(str(error) or type(error).__name__) from None
        return target.getvalue()

    def decode(self, payload: bytes) -> Any:  # noqa: ANN401 - a record
        """Return the record of a binary encoding."""
        source = io.BytesIO(payload)
        try:
            value = self._read(source, self._ready, None)
        except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
            raise ValueError(str(error) or type(error).__name__) from None
        left = len(payload) - source.tell()
        if left:
            raise ValueError(f"{left} bytes are left after the record")
        return value

    @cached_property
    def _ready(self) -> Any:  # noqa: ANN401 - a schema that fastavro need not parse again
        return fastavro().parse_schema(json.loads(self.normal))

    @cached_property
    def _write(self) -> Any:  # noqa: ANN401 - a function of fastavro
        return fastavro().schemaless_writer

    @cached_property
    def _read(self) -> Any:  # noqa: ANN401 - a function of fastavro
        return fastavro().schemaless_reader

    def looked_up(self, node: Any) -> Any:  # noqa: ANN401 - JSON
        """Return what a name stands for, or the node itself."""
        return self.named.get(node, node) if isinstance(node, str) else node


def fastavro() -> ModuleType:
    """Import fastavro.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import fastavro as module
    except ImportError:
        raise MissingExtraError.needed("registry", PURPOSE) from None
    return module


def _json(definition: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(definition)
    except RecursionError:
        raise InvalidSchemaError.of("Avro", "it is nested too deeply") from None
    except ValueError as error:
        bare = definition.strip()
        if bare.isidentifier():
            return bare
        raise InvalidSchemaError.of("Avro", f"it is no JSON: {error}") from None


def _check_shape(written: Any) -> None:  # noqa: ANN401 - JSON
    if not isinstance(written, str | dict | list):
        raise InvalidSchemaError.of("Avro", "a schema is a name, an object or an array")
    level, depth = [written], 0
    while level:
        depth += 1
        if depth > _DEEPEST * 4:
            raise InvalidSchemaError.of("Avro", "it is nested too deeply")
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                _check_object(one)
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = inner


def _check_object(one: dict[str, Any]) -> None:
    """Refuse what fastavro takes for something else.

    Raises:
        InvalidSchemaError: a record names no fields, or a fixed no size.
    """
    if one.get("type") in ("record", "error") and "fields" not in one:
        raise InvalidSchemaError.of("Avro", "a record has no fields")
    if one.get("type") == "fixed" and not isinstance(one.get("size"), int):
        raise InvalidSchemaError.of("Avro", "the size of a fixed is no number")
