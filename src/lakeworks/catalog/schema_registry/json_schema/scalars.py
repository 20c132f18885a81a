"""Numbers and strings: bounds, multiples, lengths, patterns and formats.

Pure.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.json_schema.alternatives import Alternative
    from lakeworks.catalog.schema_registry.json_schema.nodes import Node

# A bound and whether it is left out itself (1), so that bounds compare as pairs do.
Low = tuple[Fraction | float, int]
High = tuple[Fraction | float, int]


def numbers(one: Alternative, kind: str, reader: Node) -> list[Violation]:
    """Return why numbers of an alternative may not be valid at `reader`."""
    found: list[Violation] = []
    low, high = bounds(one, kind)
    least, most = _low(reader, kind), _high(reader, kind)
    if least is not None and least > low:
        found.append(_bound(reader, "minimum", _shown(least), _shown_or_none(low)))
    if most is not None and most < high:
        found.append(_bound(reader, "maximum", _shown(most), _shown_or_none(high)))
    step = _multiple(reader)
    if step is not None and not any(
        given % step == 0 for given in _multiples(one, kind) if step
    ):
        found.append(
            Violation(
                f"{reader.path}/multipleOf",
                "multiple narrowed",
                f"the reader takes multiples of {reader.get('multipleOf')} only",
                "leave multipleOf out, or let it divide the writer's",
            )
        )
    return found


def strings(one: Alternative, reader: Node) -> list[Violation]:
    """Return why strings of an alternative may not be valid at `reader`."""
    found: list[Violation] = []
    shortest, longest = lengths(one)
    least, most = reader.get("minLength", 0), reader.get("maxLength", math.inf)
    if least > shortest:
        found.append(_bound(reader, "minLength", least, shortest))
    if most < longest:
        found.append(_bound(reader, "maxLength", most, longest))
    for key in ("pattern", "format", "contentEncoding", "contentMediaType"):
        wanted = reader.get(key)
        if wanted is None or (key.startswith("content") and not _asserts_content(reader)):
            continue
        if not any(part.get(key) == wanted for part in one.parts):
            found.append(
                Violation(
                    f"{reader.path}/{key}",
                    f"{key} added",
                    f"the reader takes strings of the {key} {wanted!r} only; the writer does "
                    "not promise that",
                    f"leave {key} as it was in the writer's schema",
                )
            )
    return found


def _asserts_content(reader: Node) -> bool:
    # Later drafts only annotate; jsonschema-rs asserts what drafts 6 and 7 may.
    return reader.document.draft in ("draft-06", "draft-07")


def lengths(one: Alternative) -> tuple[float, float]:
    """Return the shortest and longest length of an alternative's strings."""
    shortest = max((part.get("minLength", 0) for part in one.parts), default=0)
    longest = min((part.get("maxLength", math.inf) for part in one.parts), default=math.inf)
    return shortest, longest


def bounds(one: Alternative, kind: str) -> tuple[Low, High]:
    """Return the lowest and highest number of an alternative, each with what it leaves out."""
    low: Low = (-math.inf, 0)
    high: High = (math.inf, 0)
    for part in one.parts:
        low = max(low, _low(part, kind) or low)
        high = min(high, _high(part, kind) or high)
    return low, high


def _low(part: Node, kind: str) -> Low | None:
    found = [
        (Fraction(str(value)), out)
        for value, out in _limits(part, "minimum")
        if value is not None
    ]
    if kind == "integer":
        found = [(Fraction(math.floor(v) + 1 if out else math.ceil(v)), 0) for v, out in found]
    return max(found, default=None)


def _high(part: Node, kind: str) -> High | None:
    found = [
        (Fraction(str(value)), -out)
        for value, out in _limits(part, "maximum")
        if value is not None
    ]
    if kind == "integer":
        found = [(Fraction(math.ceil(v) - 1 if out else math.floor(v)), 0) for v, out in found]
    return min(found, default=None)


def _limits(part: Node, key: str) -> list[tuple[Any, int]]:
    """Return (bound, 1 if it is left out) of draft 4's words and of later ones."""
    outer = part.get("exclusive" + key.capitalize())
    if isinstance(outer, bool):
        return [(part.get(key), int(outer))]
    return [(part.get(key), 0), (outer, 1)]


def _multiple(part: Node) -> Fraction | None:
    said = part.get("multipleOf")
    return Fraction(str(said)) if said is not None else None


def _multiples(one: Alternative, kind: str) -> list[Fraction]:
    given = [step for part in one.parts if (step := _multiple(part)) is not None]
    return [*given, Fraction(1)] if kind == "integer" else given


def _bound(reader: Node, key: str, wanted: object, given: object) -> Violation:
    sense = "raised" if key.startswith("min") else "lowered"
    side = "at least" if sense == "raised" else "at most"
    known = "no such bound" if given in (math.inf, -math.inf, None) else f"{given}"
    return Violation(
        f"{reader.path}/{key}",
        f"{key} {sense}",
        f"the reader takes {side} {wanted}, the writer promises {known}",
        f"keep {key} {'at or below' if sense == 'raised' else 'at or above'} {known}"
        if known != "no such bound"
        else f"leave {key} out",
    )


def _shown(bound: Low | High) -> str:
    value = bound[0]
    number = (
        str(value)
        if isinstance(value, Fraction) and value.denominator == 1
        else str(float(value))
    )
    return f"{number} (itself left out)" if bound[1] else number


def _shown_or_none(bound: Low | High) -> str | None:
    return _shown(bound) if math.isfinite(bound[0]) else None
