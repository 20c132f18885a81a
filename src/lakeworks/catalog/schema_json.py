"""Schemas as JSON, without loss: `schema_from_json(schema_to_json(s)) == s` for every schema.

The text of a struct's type forgets comments and nullability of its fields, so structs are
written out.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from lakeworks.core.types import Array, Field, Map, Schema, Struct, Type, parse_type


def schema_to_json(schema: Schema) -> str:
    """Return `schema` as one line of JSON."""
    return json.dumps([_write_field(field) for field in schema], separators=(",", ":"))


def schema_from_json(text: str) -> Schema:
    """Read what `schema_to_json` wrote."""
    return Schema(tuple(_read_field(field) for field in json.loads(text)))


def _write_field(field: Field) -> list[Any]:
    return [field.name, _write(field.type), field.nullable, field.comment]


def _read_field(plain: list[Any]) -> Field:
    return Field(plain[0], _read(plain[1]), plain[2], plain[3])


def _write(kind: Type) -> Any:  # noqa: ANN401 - JSON
    match kind:
        case Array(element):
            return {"array": _write(element)}
        case Map(key, value):
            return {"map": [_write(key), _write(value)]}
        case Struct(fields):
            return {"struct": [_write_field(field) for field in fields]}
        case _:
            return str(kind)


def _read(plain: Any) -> Type:  # noqa: ANN401 - JSON
    match plain:
        case {"array": element}:
            return Array(_read(element))
        case {"map": [key, value]}:
            return Map(_read(key), _read(value))
        case {"struct": fields}:
            return Struct(tuple(_read_field(field) for field in fields))
        case _:
            return _simple(plain)


# The same few types occur in every schema: parsing each once is most of the time saved.
_simple = lru_cache(maxsize=256)(parse_type)
