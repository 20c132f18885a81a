"""Whether no document fits both of two places: by type, by value, by a property that tells.

Pure. Only what is certain counts; anything else is "maybe both".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.json_schema.alternatives import Alternative, alternatives
from lakeworks.catalog.schema_registry.json_schema.effective import at_name, is_required
from lakeworks.catalog.schema_registry.json_schema.scalars import bounds, lengths

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.json_schema.nodes import Node

_DEEPEST = 4


class Disjoint:
    """One question; it looks only so deep."""

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth

    def holds(self, one: Alternative, other: Node) -> bool:
        """Whether no document of `one` is valid at `other`."""
        return all(self._apart(one, branch) for branch in alternatives([other]))

    def _apart(self, one: Alternative, other: Alternative) -> bool:
        shared = one.types & other.types
        if not shared:
            return True
        for mine, theirs in ((one, other), (other, one)):
            values = mine.values()
            if values is not None:
                return not any(_taken(theirs, value) for value in values)
        return all(self._typed(one, other, kind) for kind in shared)

    def _typed(self, one: Alternative, other: Alternative, kind: str) -> bool:
        match kind:
            case "integer" | "number":
                low, high = bounds(one, kind)
                other_low, other_high = bounds(other, kind)
                return low > other_high or other_low > high
            case "string":
                low_length, high_length = lengths(one)
                other_shortest, other_longest = lengths(other)
                return low_length > other_longest or other_shortest > high_length
            case "object":
                return self._objects(one, other)
            case _:
                return False

    def _objects(self, one: Alternative, other: Alternative) -> bool:
        """Whether a property that one of them requires is another thing, or absent, in both."""
        if self._depth >= _DEEPEST:
            return False
        names = {
            str(name)
            for part in (*one.parts, *other.parts)
            for name in part.get("required", ()) or ()
            if isinstance(part.get("required"), list)
        }
        for name in sorted(names):
            # An optional property on one side may be left out there only if nobody needs it.
            if not (is_required(one, name) or is_required(other, name)):
                continue
            mine, theirs = at_name(one, name), at_name(other, name)
            deeper = Disjoint(self._depth + 1)
            if all(
                all(deeper._apart(a, b) for b in alternatives(theirs))
                for a in alternatives(mine)
            ):
                return True
        return False


def _taken(by: Alternative, value: object) -> bool:
    return all(part.document.takes(part, value) for part in by.parts)
