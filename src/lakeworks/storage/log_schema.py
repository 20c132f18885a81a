"""Between `core.types` and the schema JSON of the Delta log.

Pure. Names follow the Delta protocol, "Schema Serialization Format".
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lakeworks.core.types import (
    Array,
    Decimal,
    Field,
    Map,
    Scalar,
    Schema,
    Struct,
    Type,
    parse_type,
)

_DELTA_NAMES = {"tinyint": "byte", "smallint": "short", "int": "integer", "bigint": "long"}
_OUR_NAMES = {delta: ours for ours, delta in _DELTA_NAMES.items()}


def schema_to_json(schema: Schema) -> str:
    """Return the `schemaString` of a table with these columns."""
    return json.dumps(_struct_to_json(schema.fields), ensure_ascii=False, separators=(",", ":"))


def schema_from_json(text: str) -> Schema:
    """Read a `schemaString`.

    Raises:
        ValueError: it is not one, or has a type that Lakeworks does not know.
    """
    try:
        return Schema(_fields_from_json(json.loads(text)))
    except (KeyError, TypeError, AttributeError) as error:
        message = f"the schema does not follow the Delta protocol ({error})"
        raise ValueError(message) from error


def mentions(found: Type | Schema, scalar: str) -> bool:
    """Whether a type or schema holds `scalar` anywhere inside."""
    match found:
        case Scalar():
            return found.name == scalar
        case Array():
            return mentions(found.element, scalar)
        case Map():
            return mentions(found.key, scalar) or mentions(found.value, scalar)
        case Schema() | Struct():
            return any(mentions(f.type, scalar) for f in found.fields)
        case _:
            return False


def shape(schema: Schema) -> str:
    """Return a digest of the columns' names and types, equal when files look alike."""
    return hashlib.sha256(str(Struct(schema.fields)).encode()).hexdigest()[:32]


def _struct_to_json(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {"type": "struct", "fields": [_field_to_json(f) for f in fields]}


def _field_to_json(found: Field) -> dict[str, Any]:
    return {
        "name": found.name,
        "type": _type_to_json(found.type),
        "nullable": found.nullable,
        "metadata": {"comment": found.comment} if found.comment else {},
    }


def _type_to_json(found: Type) -> str | dict[str, Any]:
    match found:
        case Scalar():
            return _DELTA_NAMES.get(found.name, found.name)
        case Decimal():
            return str(found)
        case Array():
            element = _type_to_json(found.element)
            return {"type": "array", "elementType": element, "containsNull": True}
        case Map():
            return {
                "type": "map",
                "keyType": _type_to_json(found.key),
                "valueType": _type_to_json(found.value),
                "valueContainsNull": True,
            }
        case Struct():
            return _struct_to_json(found.fields)


def _fields_from_json(struct: dict[str, Any]) -> tuple[Field, ...]:
    return tuple(
        Field(
            f["name"],
            _type_from_json(f["type"]),
            f.get("nullable", True),
            (f.get("metadata") or {}).get("comment", ""),
        )
        for f in struct["fields"]
    )


def _type_from_json(found: str | dict[str, Any]) -> Type:
    if isinstance(found, str):
        if found in _OUR_NAMES:
            return Scalar(_OUR_NAMES[found])
        try:
            return parse_type(found)
        except Exception as error:
            message = f"type {found!r} is not known"
            raise ValueError(message) from error
    match found["type"]:
        case "array":
            return Array(_type_from_json(found["elementType"]))
        case "map":
            return Map(_type_from_json(found["keyType"]), _type_from_json(found["valueType"]))
        case "struct":
            return Struct(_fields_from_json(found))
        case other:
            message = f"type {other!r} is not known"
            raise ValueError(message)
