"""The tags of a table's columns in `lake show`: each with the column that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.cli import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.lineage.tags import Found
    from lakeworks.project.declaration import ColumnNote


def with_tags(
    plain: object,
    tags: Mapping[str, Found],
    notes: Mapping[str, ColumnNote],
    owner: str,
) -> dict[str, Any]:
    """Return a table's JSON with its owner, tags, and what its columns gave up."""
    told: dict[str, Any] = dict(plain) if isinstance(plain, dict) else {}
    told["owner"] = owner or None
    told["tags"] = {
        column: {
            tag: [origin.as_json() for origin in origins] for tag, origins in found.items()
        }
        for column, found in tags.items()
    }
    told["declassified"] = {
        column: dict(note.declassify) for column, note in notes.items() if note.declassify
    }
    return told


def print_tags(tags: Mapping[str, Found], notes: Mapping[str, ColumnNote]) -> None:
    """Print a line a tag; nothing where there are none."""
    rows = [
        [column, f"{tag}: {origin.value}", f"{origin.table}.{origin.column}"]
        for column, found in tags.items()
        for tag, origins in found.items()
        for origin in origins
    ]
    rows += [
        [column, f"not {tag}", f"declassified: {reason}"]
        for column, note in notes.items()
        for tag, reason in note.declassify.items()
    ]
    if rows:
        say.line()
        say.table(["column", "tag", "from"], rows)
