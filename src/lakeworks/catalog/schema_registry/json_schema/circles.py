"""Find references that lead back to themselves at the same place of a document.

Pure. A definition may contain itself, as a tree does: each step then goes deeper into the document.
One that asks the same of the same value again has no meaning, and validators run in it forever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.schema_registry.json_schema.nodes import Document, Node

_SINGLE = ("not", "if", "then", "else")
_LISTS = ("allOf", "anyOf", "oneOf")
_NAMED = ("dependentSchemas", "dependencies")


def circle_in(document: Document) -> str | None:
    """Return the path of a place that leads back to itself, or None."""
    done: set[Node] = set()
    for start in document.nodes():
        above: dict[Node, None] = {}
        steps = [(start, _same_place(start))]
        above[start] = None
        while steps and start not in done:
            node, following = steps[-1]
            onward = next((one for one in following if one not in done), None)
            if onward is None:
                steps.pop()
                del above[node]
                done.add(node)
            elif onward in above:
                return onward.path
            else:
                above[onward] = None
                steps.append((onward, _same_place(onward)))
    return None


def _same_place(node: Node) -> Iterator[Node]:
    """Yield the schemas that are asked of the very value that this one is asked of."""
    target = node.target()
    if target is not None:
        yield target
    if node.has("$ref") and node.document.refs_stand_alone:
        return
    yield from (node.child(key) for key in _SINGLE if isinstance(node.get(key), dict))
    for key in _LISTS:
        yield from node.children(key)
    for key in _NAMED:
        said = node.get(key)
        names = said if isinstance(said, dict) else {}
        yield from (node.child(key, one) for one in names if isinstance(names[one], dict))
