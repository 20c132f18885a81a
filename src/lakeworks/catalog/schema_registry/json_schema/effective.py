"""Which schemas hold for a property or an element, over all places that hold for a document.

Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.json_schema.nodes import Document, Node

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.json_schema.alternatives import Alternative

APPLIED = (
    "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas",
)  # fmt: skip
_ANYWHERE = Document(root=True, draft="2020-12")
ANY = Node.root(_ANYWHERE)


@lru_cache(maxsize=1024)
def matches(pattern: str, name: str) -> bool | None:
    """Whether a pattern is found in a name; None where Python cannot tell."""
    try:
        return re.search(pattern, name) is not None
    except (re.error, RecursionError, OverflowError):
        return None


def properties_of(part: Node) -> dict[str, object]:
    """Return the properties that a place names."""
    found = part.get("properties")
    return found if isinstance(found, dict) else {}


def patterns_of(part: Node) -> list[str]:
    """Return the patterns of names that a place gives schemas to."""
    found = part.get("patternProperties")
    return list(found) if isinstance(found, dict) else []


def rest_of(part: Node) -> Node:
    """Return the schema of properties that a place does not name."""
    if part.has("additionalProperties"):
        return part.child("additionalProperties")
    if part.has("unevaluatedProperties") and _evaluates_alone(part):
        return part.child("unevaluatedProperties")
    return ANY


def _evaluates_alone(part: Node) -> bool:
    """Whether nothing beside a place's own keywords can evaluate properties or elements."""
    return not part.document.refs_stand_alone and not any(part.has(key) for key in APPLIED)


def named(part: Node, name: str) -> list[Node]:
    """Return the schemas that one place gives to a property."""
    found = [part.child("properties", name)] if name in properties_of(part) else []
    unsure = False
    for pattern in patterns_of(part):
        matched = matches(pattern, name)
        if matched:
            found.append(part.child("patternProperties", pattern))
        unsure = unsure or matched is None
    if not found and not unsure:
        found.append(rest_of(part))
    return found


def at_name(one: Alternative, name: str) -> list[Node]:
    """Return the schemas that hold for a property."""
    return [node for part in one.parts for node in named(part, name)] or [ANY]


def is_required(one: Alternative, name: str) -> bool:
    """Whether every document has the property."""
    return name in required(one)


def required(one: Alternative) -> frozenset[str]:
    """Return the properties that every document has."""
    names: set[str] = set()
    for part in one.parts:
        said = part.get("required")
        if isinstance(said, list):
            names |= {name for name in said if isinstance(name, str)}
    while True:
        more = {
            other
            for part in one.parts
            for name, others in dependent(part).items()
            if name in names
            for other in others
        } - names
        if not more:
            return frozenset(names)
        names |= more


def dependent(part: Node) -> dict[str, list[str]]:
    """Return which properties a property asks for, in any draft's words."""
    found: dict[str, list[str]] = {}
    for key in ("dependencies", "dependentRequired"):
        said = part.get(key)
        if isinstance(said, dict):
            found |= {name: others for name, others in said.items() if isinstance(others, list)}
    return found


def dependent_schemas(part: Node) -> dict[str, Node]:
    """Return which schema a property asks for, in any draft's words."""
    found: dict[str, Node] = {}
    for key in ("dependencies", "dependentSchemas"):
        said = part.get(key)
        if isinstance(said, dict):
            found |= {
                name: part.child(key, name)
                for name, other in said.items()
                if isinstance(other, dict | bool)
            }
    return found


def prefix_of(part: Node) -> list[Node]:
    """Return the schemas of an array's first elements."""
    if part.document.draft == "2020-12":
        return part.children("prefixItems")
    return part.children("items")


def elements_of(part: Node) -> Node:
    """Return the schema of elements after the first ones."""
    if part.document.draft == "2020-12":
        key = "items"
    else:
        key = "additionalItems" if isinstance(part.get("items"), list) else "items"
    if isinstance(part.get(key), dict | bool):
        return part.child(key)
    if part.has("unevaluatedItems") and _evaluates_alone(part) and not part.has("contains"):
        return part.child("unevaluatedItems")
    return ANY


def at_place(one: Alternative, place: int) -> list[Node]:
    """Return the schemas that hold for the element at a place."""
    found: list[Node] = []
    for part in one.parts:
        prefix = prefix_of(part)
        found.append(prefix[place] if place < len(prefix) else elements_of(part))
    return found or [ANY]
