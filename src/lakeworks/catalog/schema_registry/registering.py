"""Add a version to a schema, and find or refuse one, within a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry import rows
from lakeworks.catalog.schema_registry.compatibility import (
    CompatibilityReport,
    compare,
    compared_versions,
)
from lakeworks.catalog.schema_registry.entries import checked_definition
from lakeworks.catalog.schema_registry.errors import (
    IncompatibleSchemaError,
    UnknownSchemaError,
    VersionNeededError,
)
from lakeworks.catalog.schema_registry.formats import fingerprint, parsed

if TYPE_CHECKING:
    from lakeworks.catalog.database import Session
    from lakeworks.catalog.schema_registry.entries import SchemaEntry, SchemaVersion, Version


def register(session: Session, entry: SchemaEntry, definition: str) -> SchemaVersion:
    """Add a version; one that means the same as an earlier one is that one.

    Raises:
        IncompatibleSchemaError: with every violation.
    """
    new = parsed(entry.data_format, checked_definition(definition))
    like = fingerprint(new)
    same = rows.version_like(session, entry, like)
    if same is not None:
        return same
    report = compared(session, entry, definition)
    if report.closed:
        raise IncompatibleSchemaError.disabled(entry.name)
    if not report.compatible:
        raise IncompatibleSchemaError.because(
            entry.name, entry.compatibility, report.explained()
        )
    return rows.add_version(session, entry, definition, like)


def compared(session: Session, entry: SchemaEntry, definition: str) -> CompatibilityReport:
    """Compare a definition with the versions that the mode asks for."""
    return compare(
        entry.name,
        entry.compatibility,
        parsed(entry.data_format, checked_definition(definition)),
        rows.versions(session, entry.registry, entry.name),
        entry.checkpoint,
    )


def version(session: Session, entry: SchemaEntry, version: Version) -> SchemaVersion:
    """Return one version of a schema.

    Raises:
        UnknownSchemaError: there is none.
    """
    known = rows.versions(session, entry.registry, entry.name)
    number = entry.latest if version == "latest" else version
    for one in known:
        if one.number == number:
            return one
    raise UnknownSchemaError.version(entry.name, number, [one.number for one in known])


def check_needless(
    entry: SchemaEntry, known: list[SchemaVersion], gone: list[SchemaVersion]
) -> None:
    """Refuse to delete a version that is needed.

    Raises:
        VersionNeededError: one is.
    """
    needed = {one.number for one in _compared_by_all(entry, known)}
    for one in gone:
        if one.number == known[0].number:
            raise VersionNeededError.first(entry.name, one.number)
        if one.number == entry.checkpoint:
            raise VersionNeededError.checkpoint(entry.name, one.number)
        if one.number in needed:
            raise VersionNeededError.compared(entry.name, one.number, entry.compatibility)


def _compared_by_all(entry: SchemaEntry, known: list[SchemaVersion]) -> list[SchemaVersion]:
    """Return the versions that a mode over all versions promises to fit."""
    if not entry.compatibility.endswith("_ALL"):
        return []
    return compared_versions(entry.compatibility, known, entry.checkpoint)
