"""Places in a JSON Schema definition: children, references, and whether a value is taken there.

Pure, but for validating single values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOME = "urn:lakeworks:definition"


class Document:
    """One definition, with its anchors and what it calls its parts."""

    def __init__(self, root: dict[str, Any] | bool, draft: str) -> None:  # noqa: FBT001
        self.root = root
        self.draft = draft
        self._named: dict[str, tuple[str, ...]] = {}
        self._takers: dict[tuple[str, ...], Any] = {}
        self._index(root, ())

    @property
    def refs_stand_alone(self) -> bool:
        """Whether what stands beside a `$ref` is ignored."""
        return self.draft.startswith("draft-")

    def resolved(self, ref: str) -> Node | None:
        """Return the place that a reference names, or None."""
        base, _, fragment = ref.partition("#")
        start: tuple[str, ...] = ()
        if base and base != self._root_id():
            named = self._named.get(base)
            if named is None:
                return None
            start = named
        if not fragment:
            return self.at(start)
        if not fragment.startswith("/"):
            anchor = self._named.get(f"#{fragment}")
            return self.at(anchor) if anchor is not None else None
        steps = [
            unquote(one).replace("~1", "/").replace("~0", "~")
            for one in fragment[1:].split("/")
        ]
        return self.at((*start, *steps))

    def at(self, steps: tuple[str, ...]) -> Node | None:
        """Return the place that steps lead to, or None."""
        here: Any = self.root
        for step in steps:
            if isinstance(here, dict) and step in here:
                here = here[step]
            elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
                here = here[int(step)]
            else:
                return None
        return Node(here, self, steps) if isinstance(here, dict | bool) else None

    def nodes(self) -> Iterator[Node]:
        """Yield every object of the definition as a place."""
        waiting: list[tuple[Any, tuple[str, ...]]] = [(self.root, ())]
        while waiting:
            here, steps = waiting.pop()
            if isinstance(here, dict):
                yield Node(here, self, steps)
                waiting += [(one, (*steps, key)) for key, one in here.items()]
            elif isinstance(here, list):
                waiting += [(one, (*steps, str(i))) for i, one in enumerate(here)]

    def takes(self, node: Node, value: object) -> bool:
        """Whether a value is valid at a place."""
        taker = self._takers.get(node.steps)
        if taker is None:
            taker = self._takers[node.steps] = self._taker(node)
        return bool(taker.is_valid(value))

    def _taker(self, node: Node) -> Any:  # noqa: ANN401 - a validator
        from lakeworks.catalog.schema_registry.json_schema.schema import DRAFTS, jsonschema

        module = jsonschema()
        kind = getattr(module, DRAFTS[self.draft])
        if not node.steps or not isinstance(self.root, dict):
            return kind(node.schema, validate_formats=True)
        home = self._root_id() or _HOME
        place = "/".join(one.replace("~", "~0").replace("/", "~1") for one in node.steps)
        marked = {"$schema": _SCHEMA_URIS[self.draft]} | self.root
        registry = module.Registry([(home, marked)])
        ref = {"$schema": _SCHEMA_URIS[self.draft], "$ref": f"{home}#/{quote(place)}"}
        return kind(ref, validate_formats=True, registry=registry)

    def _root_id(self) -> str:
        if not isinstance(self.root, dict):
            return ""
        said = self.root.get("$id", self.root.get("id", ""))
        return said.rstrip("#") if isinstance(said, str) else ""

    def _index(self, here: object, steps: tuple[str, ...]) -> None:
        if isinstance(here, dict):
            for key in ("$id", "id", "$anchor", "$dynamicAnchor"):
                said = here.get(key)
                if isinstance(said, str) and said:
                    name = said if key in ("$id", "id") else f"#{said}"
                    self._named.setdefault(name, steps)
            for key, one in here.items():
                if key not in ("enum", "const", "default", "examples"):
                    self._index(one, (*steps, key))
        elif isinstance(here, list):
            for place, one in enumerate(here):
                self._index(one, (*steps, str(place)))


_SCHEMA_URIS = {
    "draft-04": "http://json-schema.org/draft-04/schema#",
    "draft-06": "http://json-schema.org/draft-06/schema#",
    "draft-07": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A schema at its place in a definition. Equal are places, not what stands there."""

    schema: dict[str, Any] | bool = field(compare=False)
    document: Document
    steps: tuple[str, ...]

    @classmethod
    def root(cls, document: Document) -> Node:
        """Return the definition's own place."""
        return cls(document.root, document, ())

    @property
    def path(self) -> str:
        """The place as messages name it."""
        return "#" + "".join(f"/{step}" for step in self.steps)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Return what a keyword says."""
        return self.schema.get(key, default) if isinstance(self.schema, dict) else default

    def has(self, key: str) -> bool:
        """Whether a keyword stands here."""
        return isinstance(self.schema, dict) and key in self.schema

    def child(self, *keys: str | int) -> Node:
        """Return the schema below some keywords."""
        here: Any = self.schema
        for key in keys:
            here = here[key]
        return Node(here, self.document, (*self.steps, *map(str, keys)))

    def children(self, key: str) -> list[Node]:
        """Return the schemas of a list."""
        given = self.get(key)
        return (
            [self.child(key, i) for i in range(len(given))] if isinstance(given, list) else []
        )

    def target(self) -> Node | None:
        """Return what a reference here names; None without one, or where it leads nowhere."""
        for key in ("$ref", "$recursiveRef", "$dynamicRef"):
            ref = self.get(key)
            if isinstance(ref, str):
                return self.document.resolved(ref)
        return None

    def says_same(self, other: Node, keys: tuple[str, ...] | None = None) -> bool:
        """Whether two places say the same, or say the same under some keywords."""
        mine, theirs = self.schema, other.schema
        if keys is not None:
            mine = {key: self.get(key) for key in keys if self.has(key)}
            theirs = {key: other.get(key) for key in keys if other.has(key)}
        if mine != theirs or json.dumps(mine, sort_keys=True) != json.dumps(
            theirs, sort_keys=True
        ):
            return False
        # The same reference may name something else in another definition.
        said = json.dumps(mine)
        refers = 'Ref": ' in said or '"$ref": ' in said
        return not refers or _same_but_root(self.document, other.document)


def _same_but_root(mine: Document, other: Document) -> bool:
    return mine.draft == other.draft and mine.root == other.root
