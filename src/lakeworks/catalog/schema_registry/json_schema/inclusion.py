"""Whether every document that one JSON Schema takes is taken by another, and if not, why.

Pure. What is found compatible is so for every document; what cannot be shown to be so counts as
broken, and says that it could not be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.json_schema import arrays, objects, scalars
from lakeworks.catalog.schema_registry.json_schema.alternatives import (
    Alternative,
    TooInvolvedError,
    alternatives,
    types_named,
)
from lakeworks.catalog.schema_registry.json_schema.disjoint import Disjoint
from lakeworks.catalog.schema_registry.json_schema.effective import APPLIED
from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.schema_registry.json_schema.nodes import Node

MOST_STEPS = 20_000
_MOST_SHOWN = 3


class Inclusion:
    """One comparison; it remembers which places it is comparing already."""

    def __init__(self) -> None:
        self._under_way: set[tuple[frozenset[Node], Node]] = set()
        self._steps = 0

    def violations(self, writer: Node, reader: Node) -> list[Violation]:
        """Return why the reader may refuse a document that the writer takes."""
        try:
            found = self.broken([writer], reader)
        except TooInvolvedError:
            return [
                Violation(
                    reader.path,
                    "too involved",
                    "the two definitions combine too many choices to be compared",
                    "use fewer anyOf, oneOf and if inside each other",
                )
            ]
        return list(dict.fromkeys(found))

    def broken(self, writers: Sequence[Node], reader: Node) -> list[Violation]:
        """Return why a document valid at all of `writers` may not be valid at `reader`.

        Raises:
            TooInvolvedError: after too many steps.
        """
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooInvolvedError
        if reader.schema in (True, {}):
            return []
        if any(one.says_same(reader) for one in writers):
            return []
        # A place that contains itself is settled by everything else it says.
        pair = (frozenset(writers), reader)
        if pair in self._under_way:
            return []
        self._under_way.add(pair)
        try:
            found: list[Violation] = []
            for one in alternatives(writers):
                found += self._alternative(one, reader)
            return list(dict.fromkeys(found))
        finally:
            self._under_way.discard(pair)

    def apart(self, one: Alternative, other: Node) -> bool:
        """Whether no document of an alternative is valid at `other`."""
        if any(not self.broken([other], excluded) for excluded in one.excluded):
            return True
        return Disjoint().holds(one, other)

    def _alternative(self, one: Alternative, reader: Node) -> list[Violation]:
        values = one.values()
        if values is not None:
            return _values(values, reader)
        found: list[Violation] = []
        for kind in sorted(one.types):
            found += self.typed(one, kind, reader)
        return found

    def typed(self, one: Alternative, kind: str, reader: Node) -> list[Violation]:
        """Return why documents of one alternative and type may not be valid at `reader`."""
        if reader.schema is False:
            return [_none_taken(reader)]
        if reader.has("$ref") and reader.document.refs_stand_alone:
            return self._referred(one, kind, reader)
        if reader.has("type") and kind not in types_named(reader.get("type")):
            return [_type_gone(reader, kind)]
        found = _values_limited(kind, reader)
        if reader.target() is not None or reader.has("$ref"):
            found += self._referred(one, kind, reader)
        for part in reader.children("allOf"):
            found += self.typed(one, kind, part)
        found += self._choices(one, kind, reader)
        found += self._of_type(one, kind, reader)
        return found + _unevaluated(kind, reader)

    def _of_type(self, one: Alternative, kind: str, reader: Node) -> list[Violation]:
        match kind:
            case "object":
                return objects.broken(self, one, reader)
            case "array":
                return arrays.broken(self, one, reader)
            case "string":
                return scalars.strings(one, reader)
            case "integer" | "number":
                return scalars.numbers(one, kind, reader)
            case _:
                return []

    def _referred(self, one: Alternative, kind: str, reader: Node) -> list[Violation]:
        target = reader.target()
        if target is None:
            return [_unknown(reader, "$ref", "a reference that leads nowhere here")]
        if target.schema in (True, {}) or any(p.says_same(target) for p in one.parts):
            return []
        pair = (frozenset(one.parts), target)
        if pair in self._under_way:
            return []
        self._under_way.add(pair)
        try:
            return self.typed(one, kind, target)
        finally:
            self._under_way.discard(pair)

    def _choices(self, one: Alternative, kind: str, reader: Node) -> list[Violation]:
        found: list[Violation] = []
        for key in ("anyOf", "oneOf"):
            branches = reader.children(key)
            if branches and not _has(one, reader, (key,)):
                found += self._any(one, kind, reader, key, branches)
        if reader.has("not") and not _has(one, reader, ("not",)):
            refused = reader.child("not")
            if not self.apart(one, refused):
                found.append(_unknown(refused, "not", f"no {kind} of the writer's is refused"))
        if reader.has("if") and not _has(one, reader, ("if", "then", "else")):
            found += self._conditional(one, kind, reader)
        return found

    def _any(
        self, one: Alternative, kind: str, reader: Node, key: str, branches: list[Node]
    ) -> list[Violation]:
        faults = [self.typed(one, kind, branch) for branch in branches]
        fitting = [i for i, fault in enumerate(faults) if not fault]
        if not fitting:
            nearest = min(faults, key=len)
            why = "; ".join(str(fault) for fault in nearest[:_MOST_SHOWN])
            return [
                Violation(
                    f"{reader.path}/{key}",
                    "no branch fits",
                    f"what the writer writes as {kind} fits no branch of {key} for certain; "
                    f"nearest: {why}",
                    f"keep a branch of {key} that takes it",
                )
            ]
        if key == "anyOf":
            return []
        for chosen in fitting:
            rest = [branch for i, branch in enumerate(branches) if i != chosen]
            if all(self.apart(one, branch) for branch in rest):
                return []
        return [
            Violation(
                f"{reader.path}/{key}",
                "branches overlap",
                f"what the writer writes as {kind} may fit more than one branch of oneOf, "
                "which refuses it",
                "use anyOf, or give each branch a required property with a const of its own",
            )
        ]

    def _conditional(self, one: Alternative, kind: str, reader: Node) -> list[Violation]:
        condition = reader.child("if")
        then = self.typed(one, kind, reader.child("then")) if reader.has("then") else []
        other = self.typed(one, kind, reader.child("else")) if reader.has("else") else []
        if not (then or other):
            return []
        if not other and self.apart(one, condition):
            return []
        if not then and not self.typed(one, kind, condition):
            return []
        if not other and then:
            return then if not self.apart(one, condition) else []
        return then + other


def _values_limited(kind: str, reader: Node) -> list[Violation]:
    for key in ("enum", "const"):
        if not reader.has(key):
            continue
        if kind in ("null", "boolean"):
            values = [None] if kind == "null" else [True, False]
            allowed = reader.get("enum", [reader.get("const")])
            gone = [value for value in values if not _among(value, allowed)]
            return [_value_gone(reader, value) for value in gone]
        return [
            Violation(
                reader.path,
                "values limited",
                f"the reader takes certain values only ({key}); the writer may write "
                f"any {kind}",
                f"leave {key} out, or list the values in the writer's schema first",
            )
        ]
    return []


def _has(one: Alternative, reader: Node, keys: tuple[str, ...]) -> bool:
    return any(part.says_same(reader, keys) for part in one.parts)


def _is_plain(reader: Node) -> bool:
    return not any(reader.has(key) for key in APPLIED)


def _unevaluated(kind: str, reader: Node) -> list[Violation]:
    key = {"object": "unevaluatedProperties", "array": "unevaluatedItems"}.get(kind, "")
    if not reader.has(key) or reader.get(key) in (True, {}):
        return []
    if _is_plain(reader) and not (key == "unevaluatedItems" and reader.has("contains")):
        return []
    return [_unknown(reader, key, "everything is evaluated")]


def _values(values: list[object], reader: Node) -> list[Violation]:
    gone = [value for value in values if not reader.document.takes(reader, value)]
    return [_value_gone(reader, value) for value in gone]


def _value_gone(reader: Node, value: object) -> Violation:
    return Violation(
        reader.path,
        "value removed",
        f"the writer may write {value!r}, which the reader does not take",
        f"keep {value!r} among what the reader takes",
    )


def _among(value: object, allowed: Sequence[object]) -> bool:
    return any(value is one or (type(value) is type(one) and value == one) for one in allowed)


def _type_gone(reader: Node, kind: str) -> Violation:
    said = reader.get("type")
    shown = " or ".join(said) if isinstance(said, list) else said
    return Violation(
        reader.path,
        "type narrowed",
        f"the writer may write a value of type {kind}, the reader takes {shown} only",
        f"let the reader's type include {kind}",
    )


def _none_taken(reader: Node) -> Violation:
    return Violation(
        reader.path,
        "nothing taken",
        "the writer may write a value here, where the reader takes none",
        "let the reader take it",
    )


def _unknown(reader: Node, key: str, what: str) -> Violation:
    return Violation(
        reader.path,
        "cannot be shown",
        f"it cannot be shown that {what} ({key})",
        f"keep {key} and what stands beside it as it was",
    )
