"""Lineage as a tree of text, and as a Mermaid flowchart. Pure; deterministic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.view import how

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.lineage.graph import ColumnId, Direction
    from lakeworks.catalog.lineage.view import View

_CLASSES = {"files": "files", "source": "source"}


def tree(view: View, direction: Direction) -> list[str]:
    """Return one direction of a view as lines; what was shown before is not opened again."""
    below: dict[ColumnId, list[tuple[ColumnId, str]]] = {}
    for edge in view.edges:
        near, far = (edge.target, edge.source) if direction == "up" else (
            edge.source, edge.target)  # fmt: skip
        below.setdefault(near, []).append((far, edge.kind))
    return [_dotted(view.start), *_branches(view.start, below, "", {view.start}, view)]


def _branches(
    at: ColumnId,
    below: dict[ColumnId, list[tuple[ColumnId, str]]],
    indent: str,
    shown: set[ColumnId],
    view: View,
) -> Iterator[str]:
    children = sorted(below.get(at, ()))
    for position, (child, kind) in enumerate(children):
        last = position == len(children) - 1
        again = child in shown and child in below
        notes = [note for note in (how(kind), "shown above" if again else "") if note]
        if _dotted(child) in view.unresolved:
            notes.append("unresolved")
        told = f"  ({', '.join(notes)})" if notes else ""
        yield f"{indent}{'└─ ' if last else '├─ '}{_dotted(child)}{told}"
        if not again:
            shown.add(child)
            yield from _branches(child, below, indent + ("   " if last else "│  "), shown, view)


def mermaid(view: View) -> str:
    """Return a view as a Mermaid flowchart, as Markdown pages draw it."""
    names = {name: f"n{number}" for number, name in enumerate(sorted(view.nodes))}
    lines = ["flowchart LR"]
    for name, identifier in names.items():
        columns = "".join(f"<br/>{_safe(column)}" for column in view.columns.get(name, ()))
        label = f"{_safe(name)}{columns}"
        node = view.nodes[name]
        shape = f'[("{label}")]' if node.kind == "files" else f'["{label}"]'
        lines.append(f"  {identifier}{shape}:::{_CLASSES.get(node.kind, 'model')}")
    drawn = sorted({
        (names[e.source[0]], names[e.target[0]])
        for e in view.edges
        if e.source[0] in names and e.target[0] in names
    })  # fmt: skip
    lines += [f"  {source} --> {target}" for source, target in drawn]
    lines += [
        "  classDef files fill:#f4f4f5,stroke:#71717a,color:#18181b",
        "  classDef source fill:#fef3c7,stroke:#b45309,color:#18181b",
        "  classDef model fill:#ccfbf1,stroke:#0f766e,color:#18181b",
    ]
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Return a text without what ends a label or makes markup; Mermaid reads `#35;` as a sign."""
    return "".join(f"#{ord(c)};" if c in '"<>&#;|`' else c for c in text)


def _dotted(column: ColumnId) -> str:
    return ".".join(part for part in column if part)
