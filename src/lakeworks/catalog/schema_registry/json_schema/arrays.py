"""Arrays: their elements by place, how many, whether they differ, what they contain.

Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.json_schema.alternatives import alternatives
from lakeworks.catalog.schema_registry.json_schema.effective import (
    at_place,
    elements_of,
    prefix_of,
)
from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.json_schema.alternatives import Alternative
    from lakeworks.catalog.schema_registry.json_schema.inclusion import Inclusion
    from lakeworks.catalog.schema_registry.json_schema.nodes import Node


def broken(inclusion: Inclusion, one: Alternative, reader: Node) -> list[Violation]:
    """Return why arrays of an alternative may not be valid at `reader`."""
    found = _counts(one, reader)
    rest = elements_of(reader)
    prefix = prefix_of(reader)
    most = _most(one)
    compared = max([len(prefix), *(len(prefix_of(part)) for part in one.parts)])
    for place in range(compared):
        if place < most:
            wanted = prefix[place] if place < len(prefix) else rest
            found += inclusion.broken(at_place(one, place), wanted)
    if compared < most:
        found += inclusion.broken(at_place(one, compared), rest)
    if reader.get("uniqueItems") is True and most > 1 and not _unique(one):
        found.append(
            Violation(
                f"{reader.path}/uniqueItems",
                "uniqueItems added",
                "the reader takes arrays of different elements only; the writer may repeat one",
                "leave uniqueItems out",
            )
        )
    return found + _contains(inclusion, one, reader, compared)


def _counts(one: Alternative, reader: Node) -> list[Violation]:
    found: list[Violation] = []
    least = max((part.get("minItems", 0) for part in one.parts), default=0)
    wanted = reader.get("minItems", 0)
    if wanted > least:
        found.append(
            Violation(
                f"{reader.path}/minItems",
                "minItems raised",
                f"the reader takes at least {wanted} elements, the writer may write {least}",
                f"keep minItems at or below {least}",
            )
        )
    most, allowed = _most(one), reader.get("maxItems", math.inf)
    if allowed < most:
        found.append(
            Violation(
                f"{reader.path}/maxItems",
                "maxItems lowered",
                f"the reader takes at most {allowed} elements, the writer may write "
                f"{'any number' if most == math.inf else most}",
                "keep maxItems, or leave it out",
            )
        )
    return found


def _most(one: Alternative) -> float:
    """Return how many elements there can be."""
    most = min((part.get("maxItems", math.inf) for part in one.parts), default=math.inf)
    places = max((len(prefix_of(part)) for part in one.parts), default=0)
    for place in range(places + 1):
        if place < most and not alternatives(at_place(one, place)):
            return place
    return most


def _unique(one: Alternative) -> bool:
    return any(part.get("uniqueItems") is True for part in one.parts)


def _contains(
    inclusion: Inclusion, one: Alternative, reader: Node, compared: int
) -> list[Violation]:
    keys = ("contains", "minContains", "maxContains")
    if not reader.has("contains") or any(part.says_same(reader, keys) for part in one.parts):
        return []
    wanted = reader.child("contains")
    least = reader.get("minContains", 1)
    if not reader.has("maxContains"):
        if least == 0:
            return []
        for part in one.parts:
            if (
                part.has("contains")
                and part.get("minContains", 1) >= least
                and not inclusion.broken([part.child("contains")], wanted)
            ):
                return []
        longest = max((part.get("minItems", 0) for part in one.parts), default=0)
        if longest >= least and not any(
            inclusion.broken(at_place(one, place), wanted) for place in range(compared + 1)
        ):
            return []
    return [
        Violation(
            f"{reader.path}/contains",
            "contains added",
            "the reader takes arrays with certain elements only; the writer does not promise "
            "them",
            "leave contains as it was",
        )
    ]
