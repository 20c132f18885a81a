"""Objects: properties named, by pattern and all others; required ones; how many; dependencies.

Pure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.json_schema.alternatives import alternatives
from lakeworks.catalog.schema_registry.json_schema.effective import (
    ANY,
    at_name,
    dependent,
    dependent_schemas,
    named,
    patterns_of,
    properties_of,
    required,
    rest_of,
)
from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.json_schema.alternatives import Alternative
    from lakeworks.catalog.schema_registry.json_schema.inclusion import Inclusion
    from lakeworks.catalog.schema_registry.json_schema.nodes import Node


def broken(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    """Return why objects of an alternative may not be valid at `reader`."""
    needed = required(one)
    found = [
        _now_required(one, reader, name)
        for name in reader.get("required", ()) or ()
        if isinstance(name, str) and name not in needed
    ]
    if not isinstance(reader.get("required", []), list):
        found = []
    found += _counts(one, reader)
    found += _properties(inclusion, one, reader)
    found += _others(inclusion, one, reader)
    found += _names(inclusion, one, reader)
    return found + _dependencies(inclusion, one, reader)


def _now_required(one: Alternative, reader: Node, name: str) -> Violation:
    known = any(name in properties_of(part) for part in one.parts)
    return Violation(
        f"{reader.path}/required",
        "property required",
        f"the reader requires {name!r}, which the writer "
        f"{'may leave out' if known else 'does not know'}",
        f"leave {name!r} optional (a default does not help: validators do not fill it in)",
    )


def _counts(one: Alternative, reader: Node) -> list[Violation]:
    found: list[Violation] = []
    stated = max((part.get("minProperties", 0) for part in one.parts), default=0)
    least = max(stated, len(required(one)))
    wanted = reader.get("minProperties", 0)
    if wanted > least:
        found.append(
            Violation(
                f"{reader.path}/minProperties",
                "minProperties raised",
                f"the reader takes at least {wanted} properties, the writer may write {least}",
                f"keep minProperties at or below {least}",
            )
        )
    most = min((_most(part) for part in one.parts), default=math.inf)
    allowed = reader.get("maxProperties", math.inf)
    if allowed < most:
        found.append(
            Violation(
                f"{reader.path}/maxProperties",
                "maxProperties lowered",
                f"the reader takes at most {allowed} properties, the writer may write more",
                "keep maxProperties, or leave it out",
            )
        )
    return found


def _most(part: Node) -> float:
    stated = part.get("maxProperties", math.inf)
    if rest_of(part).schema is False and not patterns_of(part):
        return float(min(stated, len(properties_of(part))))
    return float(stated)


def _properties(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    names = dict.fromkeys(properties_of(reader))
    for part in one.parts:
        names |= dict.fromkeys(properties_of(part))
    names |= dict.fromkeys(sorted(required(one)))
    found: list[Violation] = []
    for name in names:
        held = at_name(one, name)
        for wanted in named(reader, name):
            faults = inclusion.broken(held, wanted)
            if not faults:
                continue
            in_reader = name in properties_of(reader)
            if in_reader and _is_open(one, name):
                found.append(_added_to_open(reader, name))
            elif not in_reader and wanted.schema is False:
                found.append(_removed_from_closed(reader, name))
            else:
                found += faults
    return found


def _is_open(one: Alternative, name: str) -> bool:
    """Whether the writer says nothing about a property, so that anything may stand there."""
    return all(node.schema in (True, {}) for node in at_name(one, name))


def _added_to_open(reader: Node, name: str) -> Violation:
    return Violation(
        f"{reader.path}/properties/{name}",
        "property added to open content",
        f"the reader types {name!r}, of which the writer says nothing: documents may hold "
        "anything there",
        "additionalProperties: false in the earlier version would have kept the name free; "
        "now, leave the property without a type ({})",
    )


def _removed_from_closed(reader: Node, name: str) -> Violation:
    return Violation(
        f"{reader.path}/properties/{name}",
        "property removed from closed content",
        f"the writer may write {name!r}, which the reader does not know and does not let pass",
        f"keep {name!r}, or let additionalProperties take it",
    )


def _others(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    """Compare what holds for properties that neither names."""
    found: list[Violation] = []
    shared = {
        pattern
        for part in one.parts
        for pattern in patterns_of(part)
        if pattern in patterns_of(reader)
    }
    for pattern in patterns_of(reader):
        wanted = reader.child("patternProperties", pattern)
        held = [
            part.child("patternProperties", pattern)
            for part in one.parts
            if pattern in patterns_of(part)
        ]
        if held:
            found += inclusion.broken(held, wanted)
        else:
            found += _any_name(inclusion, one, wanted, frozenset())
    rest = rest_of(reader)
    if rest is not ANY:
        faults = _any_name(inclusion, one, rest, frozenset(shared))
        found += [_now_closed(reader)] if faults and rest.schema is False else faults
    return found


def _any_name(
    inclusion: Inclusion, one: Alternative, wanted: Node, except_patterns: frozenset[str]
) -> list[Violation]:
    """Return why a property of some other name may not be valid at `wanted`."""
    nearest: list[Violation] | None = None
    for part in one.parts:
        classes = [rest_of(part)] + [
            part.child("patternProperties", pattern)
            for pattern in patterns_of(part)
            if pattern not in except_patterns
        ]
        faults = [fault for each in classes for fault in inclusion.broken([each], wanted)]
        if not faults:
            return []
        nearest = faults if nearest is None or len(faults) < len(nearest) else nearest
    return inclusion.broken([ANY], wanted) if nearest is None else nearest


def _now_closed(reader: Node) -> Violation:
    return Violation(
        f"{reader.path}/additionalProperties",
        "content closed",
        "the reader takes no properties but those that it names; the writer may write others",
        "leave additionalProperties as it was",
    )


def _names(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    if not reader.has("propertyNames"):
        return []
    wanted = reader.child("propertyNames")
    if wanted.schema in (True, {}):
        return []
    for part in one.parts:
        if part.has("propertyNames") and not inclusion.broken(
            [_of_strings(part.child("propertyNames"))], wanted
        ):
            return []
        closed = rest_of(part).schema is False and not patterns_of(part)
        if closed and all(wanted.document.takes(wanted, name) for name in properties_of(part)):
            return []
    return [
        Violation(
            f"{reader.path}/propertyNames",
            "names limited",
            "the reader takes certain names of properties only; the writer may use others",
            "leave propertyNames as it was",
        )
    ]


def _of_strings(names: Node) -> Node:
    """Return the place of names, which are strings whatever it says."""
    if isinstance(names.schema, dict) and "type" not in names.schema:
        return replace(names, schema={"type": "string", **names.schema})
    return names


def _dependencies(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    found: list[Violation] = []
    for name, others in dependent(reader).items():
        promised = set(required(one))
        for part in one.parts:
            promised |= set(dependent(part).get(name, ()))
        missing = [other for other in others if other not in promised]
        if missing and alternatives(at_name(one, name)):
            found.append(_dependency(reader, name, f"needs {', '.join(map(repr, missing))}"))
    for name, wanted in dependent_schemas(reader).items():
        if not alternatives(at_name(one, name)):
            continue
        held = [
            schema
            for part in one.parts
            if (schema := dependent_schemas(part).get(name)) is not None
        ]
        if inclusion.broken([*one.parts, *held], wanted):
            found.append(_dependency(reader, name, "asks more of the whole object"))
    return found


def _dependency(reader: Node, name: str, what: str) -> Violation:
    return Violation(
        reader.path,
        "dependency added",
        f"in the reader, {name!r} {what}, which the writer does not promise",
        "leave the dependency out",
    )
