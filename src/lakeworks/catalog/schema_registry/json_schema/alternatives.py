"""What a schema says of the documents that it takes, as alternatives without choices inside.

Pure. Each alternative takes at least the documents that its choice takes, so that what holds for
every alternative holds for every document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.schema_registry.json_schema.nodes import Node

MOST_ALTERNATIVES = 200
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_ALL = frozenset(TYPES)


class TooInvolvedError(Exception):
    """A comparison would take longer than anyone waits."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Documents that are valid at every one of some places.

    Attributes:
        parts: The places, of which only what stands directly there is looked at.
        excluded: Places at which they are not valid.
    """

    parts: tuple[Node, ...] = ()
    excluded: tuple[Node, ...] = ()

    @property
    def types(self) -> frozenset[str]:
        """The types that they may have; `number` here is one that is no integer."""
        found = _ALL
        for part in self.parts:
            if part.has("type"):
                found &= types_named(part.get("type"))
        return found

    def values(self) -> list[Any] | None:
        """Return the only values that they may be, or None when there is no such list."""
        lists = [list(part.get("enum")) for part in self.parts if part.has("enum")]
        lists += [[part.get("const")] for part in self.parts if part.has("const")]
        if not lists and self.types <= {"null", "boolean"}:
            lists = [
                [None] * ("null" in self.types) + [True, False] * ("boolean" in self.types)
            ]
        if not lists:
            return None
        shortest = min(lists, key=len)
        return [value for value in shortest if self._takes(value)]

    def _takes(self, value: object) -> bool:
        return all(part.document.takes(part, value) for part in self.parts) and not any(
            one.document.takes(one, value) for one in self.excluded
        )


@dataclass(slots=True)
class _Open:
    """An alternative whose choices are not all made yet."""

    waiting: list[Node]
    parts: list[Node] = field(default_factory=list)
    excluded: list[Node] = field(default_factory=list)

    def with_more(self, more: Sequence[Node], excluded: Sequence[Node] = ()) -> _Open:
        return _Open([*self.waiting, *more], list(self.parts), [*self.excluded, *excluded])


def alternatives(places: Sequence[Node]) -> list[Alternative]:
    """Return what documents that are valid at all of `places` may be.

    Raises:
        TooInvolvedError: there are too many.
    """
    done: list[Alternative] = []
    under_way = [_Open(list(places))]
    while under_way:
        one = under_way.pop()
        if not one.waiting:
            made = Alternative(tuple(one.parts), tuple(one.excluded))
            if made.types:
                done.append(made)
        else:
            under_way += _unfolded(one)
        if len(done) + len(under_way) > MOST_ALTERNATIVES:
            raise TooInvolvedError
    return done


def _unfolded(one: _Open) -> list[_Open]:
    node = one.waiting.pop()
    if node.schema is False:
        return []
    if node.schema is True or node in one.parts:
        return [one]
    target = node.target()
    if node.has("$ref") and node.document.refs_stand_alone:
        return [one.with_more([target] if target else [])]
    one.parts.append(node)
    more = [*([target] if target else []), *node.children("allOf")]
    opened = [one.with_more(more)]
    for key in ("anyOf", "oneOf"):
        branches = node.children(key)
        if branches:
            opened = [
                each.with_more([branch], _others(branches, branch) if key == "oneOf" else ())
                for each in opened
                for branch in branches
            ]
    if node.has("if") and (node.has("then") or node.has("else")):
        condition = node.child("if")
        then = [node.child("then")] if node.has("then") else []
        other = [node.child("else")] if node.has("else") else []
        opened = [
            made
            for each in opened
            for made in (
                each.with_more([condition, *then]),
                each.with_more(other, [condition]),
            )
        ]
    if node.has("not"):
        opened = [each.with_more([], [node.child("not")]) for each in opened]
    return opened


def _others(branches: list[Node], branch: Node) -> list[Node]:
    return [one for one in branches if one is not branch]


def types_named(said: object) -> frozenset[str]:
    """Return the types that a `type` keyword allows, integers apart from other numbers."""
    names = said if isinstance(said, list) else [said]
    found = {name for name in names if isinstance(name, str)}
    if "number" in found:
        found.add("integer")
    return frozenset(found)
