"""Definitions as people read them, and the difference between two.

Pure.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.entries import SchemaVersion


def laid_out(version: SchemaVersion) -> str:
    """Return a definition with one fact a line; Protobuf as it was written."""
    if version.data_format == "PROTOBUF":
        return version.definition
    try:
        return json.dumps(json.loads(version.definition), indent=2, ensure_ascii=False) + "\n"
    except ValueError:
        # An Avro definition may be a bare name.
        return version.definition


def difference(first: SchemaVersion, second: SchemaVersion) -> str:
    """Return the unified diff of two versions."""
    before, after = (laid_out(one).splitlines() for one in (first, second))
    names = [f"{one.schema} version {one.number}" for one in (first, second)]
    return "\n".join(difflib.unified_diff(before, after, names[0], names[1], lineterm=""))
