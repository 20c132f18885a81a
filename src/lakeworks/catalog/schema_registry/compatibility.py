"""Hold a new definition to a schema's compatibility mode, version by version.

Pure. BACKWARD: the new version reads what was written before. FORWARD: earlier versions read
what is written from now on. FULL: both. Without `_ALL` only the latest version counts, with it
every version from the checkpoint on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry.formats import ParsedSchema, parsed
from lakeworks.catalog.schema_registry.violations import Break

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.schema_registry.entries import Compatibility, SchemaVersion
    from lakeworks.catalog.schema_registry.violations import Direction, Violation

MOST_EXPLAINED = 20


@dataclass(frozen=True, slots=True)
class CompatibilityReport:
    """What comparing a definition with a schema's versions came to.

    Attributes:
        compared: The versions that the mode asks for.
        breaks: Every violation; empty when the definition may follow.
        closed: The mode is DISABLED and there is a version: none may follow.
    """

    schema: str
    mode: Compatibility
    compared: tuple[int, ...]
    breaks: tuple[Break, ...]
    closed: bool = False

    @property
    def compatible(self) -> bool:
        """Whether the definition may become the next version."""
        return not self.breaks and not self.closed

    def explained(self) -> str:
        """Return the violations, one a line."""
        if self.closed:
            return "  the mode DISABLED takes no new version"
        lines = [f"  {one}" for one in self.breaks[:MOST_EXPLAINED]]
        more = len(self.breaks) - MOST_EXPLAINED
        return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def directions(mode: Compatibility) -> tuple[Direction, ...]:
    """Return what a mode asks to hold."""
    match mode:
        case "BACKWARD" | "BACKWARD_ALL":
            return ("BACKWARD",)
        case "FORWARD" | "FORWARD_ALL":
            return ("FORWARD",)
        case "FULL" | "FULL_ALL":
            return ("BACKWARD", "FORWARD")
        case "NONE" | "DISABLED":
            return ()


def compared_versions(
    mode: Compatibility, versions: Sequence[SchemaVersion], checkpoint: int
) -> list[SchemaVersion]:
    """Return the versions that a new one is compared with, latest first."""
    newest_first = sorted(versions, key=lambda version: version.number, reverse=True)
    if not directions(mode):
        return []
    if mode.endswith("_ALL"):
        return [version for version in newest_first if version.number >= checkpoint]
    return newest_first[:1]


def compare(
    schema: str,
    mode: Compatibility,
    definition: ParsedSchema,
    versions: Sequence[SchemaVersion],
    checkpoint: int,
) -> CompatibilityReport:
    """Compare a definition with the versions that the mode asks for."""
    against = compared_versions(mode, versions, checkpoint)
    breaks: list[Break] = []
    for version in against:
        earlier = parsed(version.data_format, version.definition)
        for direction in directions(mode):
            found = between(definition, earlier, direction)
            breaks += [Break(version.number, direction, one) for one in found]
    closed = mode == "DISABLED" and bool(versions)
    return CompatibilityReport(
        schema, mode, tuple(version.number for version in against), tuple(breaks), closed
    )


def between(new: ParsedSchema, old: ParsedSchema, direction: Direction) -> list[Violation]:
    """Return what breaks in one direction."""
    return new.violations(old) if direction == "BACKWARD" else old.violations(new)
