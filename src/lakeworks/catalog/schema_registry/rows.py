"""The registry's statements: what is read and written within one transaction."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds
from lakeworks.catalog.schema_registry.entries import (
    DEFAULT_REGISTRY,
    Registry,
    SchemaEntry,
    SchemaVersion,
)
from lakeworks.catalog.schema_registry.errors import UnknownSchemaError

if TYPE_CHECKING:
    from lakeworks.catalog.database import Session

_REGISTRIES = "SELECT registry_name, description, created_us, updated_us FROM registries"
_SCHEMAS = (
    "SELECT s.registry_name, s.schema_name, s.description, s.data_format, s.compatibility, "
    "s.checkpoint, coalesce((SELECT max(v.number) FROM registry_versions AS v "
    "WHERE v.registry_name = s.registry_name AND v.schema_name = s.schema_name), 0), "
    "s.last_number + 1, s.created_us, s.updated_us FROM registry_schemas AS s"
)
_VERSIONS = (
    "SELECT v.registry_name, v.schema_name, v.number, v.version_id, v.serial, s.data_format, "
    "v.definition, v.status, v.created_us FROM registry_versions AS v "
    "JOIN registry_schemas AS s ON s.registry_name = v.registry_name "
    "AND s.schema_name = v.schema_name"
)
_OF_SCHEMA = "v.registry_name = :registry AND v.schema_name = :schema"


def registries(session: Session) -> list[Registry]:
    """Return every registry, by name."""
    return [_registry(row) for row in session.all(f"{_REGISTRIES} ORDER BY registry_name")]


def registry(session: Session, name: str) -> Registry:
    """Return one registry.

    Raises:
        UnknownSchemaError: there is none.
    """
    row = session.first(f"{_REGISTRIES} WHERE registry_name = :name", name=name)
    if row is None:
        raise UnknownSchemaError.registry(name, [one.name for one in registries(session)])
    return _registry(row)


def ensure_default(session: Session, name: str) -> None:
    """Make Glue's default registry when something is first put into it."""
    if name != DEFAULT_REGISTRY:
        registry(session, name)
    elif not session.first("SELECT 1 FROM registries WHERE registry_name = :name", name=name):
        add_registry(session, name, "Schemas that were given no registry.")


def add_registry(session: Session, name: str, description: str) -> None:
    """Note a registry."""
    session.run(
        "INSERT INTO registries (registry_name, description, created_us, updated_us) "
        "VALUES (:name, :description, :now, :now)",
        name=name,
        description=description,
        now=session.now_us(),
    )


def drop_registry(session: Session, name: str) -> None:
    """Forget a registry and everything in it."""
    for one in schemas(session, name):
        drop_schema(session, name, one.name)
    session.run("DELETE FROM registries WHERE registry_name = :name", name=name)


def schemas(session: Session, registry_name: str | None) -> list[SchemaEntry]:
    """Return the schemas of one registry, or of all."""
    where = "WHERE s.registry_name = :registry " if registry_name is not None else ""
    values = {"registry": registry_name} if registry_name is not None else {}
    rows = session.all(f"{_SCHEMAS} {where}ORDER BY s.registry_name, s.schema_name", **values)
    return [_schema(row) for row in rows]


def schema(session: Session, registry_name: str, name: str) -> SchemaEntry:
    """Return one schema.

    Raises:
        UnknownSchemaError: there is no such registry or schema.
    """
    row = session.first(
        f"{_SCHEMAS} WHERE s.registry_name = :registry AND s.schema_name = :schema",
        registry=registry_name,
        schema=name,
    )
    if row is None:
        if registry_name != DEFAULT_REGISTRY:
            registry(session, registry_name)
        known = [one.name for one in schemas(session, registry_name)]
        raise UnknownSchemaError.schema(registry_name, name, known)
    return _schema(row)


def add_schema(session: Session, entry: dict[str, Any]) -> None:
    """Note a schema without versions."""
    session.run(
        "INSERT INTO registry_schemas (registry_name, schema_name, description, data_format, "
        "compatibility, checkpoint, last_number, created_us, updated_us) VALUES (:registry, "
        ":schema, :description, :data_format, :compatibility, 0, 0, :now, :now)",
        now=session.now_us(),
        **entry,
    )


def change_schema(session: Session, entry: SchemaEntry) -> None:
    """Note what of a schema may change."""
    session.run(
        "UPDATE registry_schemas SET description = :description, "
        "compatibility = :compatibility, checkpoint = :checkpoint, updated_us = :now "
        "WHERE registry_name = :registry AND schema_name = :schema",
        registry=entry.registry,
        schema=entry.name,
        description=entry.description,
        compatibility=entry.compatibility,
        checkpoint=entry.checkpoint,
        now=session.now_us(),
    )


def drop_schema(session: Session, registry_name: str, name: str) -> None:
    """Forget a schema and its versions."""
    drop_versions(session, versions(session, registry_name, name))
    session.run(
        "DELETE FROM registry_schemas WHERE registry_name = :registry AND schema_name = :schema",
        registry=registry_name,
        schema=name,
    )


def versions(session: Session, registry_name: str, name: str) -> list[SchemaVersion]:
    """Return a schema's versions, oldest first."""
    rows = session.all(
        f"{_VERSIONS} WHERE {_OF_SCHEMA} ORDER BY v.number", registry=registry_name, schema=name
    )
    return [_version(row) for row in rows]


def version_by(session: Session, column: str, value: str | int) -> SchemaVersion | None:
    """Return the version whose `version_id` or `serial` is `value`, or None."""
    row = session.first(f"{_VERSIONS} WHERE v.{column} = :value", value=value)
    return _version(row) if row is not None else None


def version_like(
    session: Session, entry: SchemaEntry, fingerprint: str
) -> SchemaVersion | None:
    """Return the version of a schema that means the same, or None."""
    row = session.first(
        f"{_VERSIONS} WHERE {_OF_SCHEMA} AND v.fingerprint = :fingerprint "
        "ORDER BY v.number LIMIT 1",
        registry=entry.registry,
        schema=entry.name,
        fingerprint=fingerprint,
    )
    return _version(row) if row is not None else None


def add_version(
    session: Session, entry: SchemaEntry, definition: str, fingerprint: str
) -> SchemaVersion:
    """Note a schema's next version; the first becomes its checkpoint."""
    identifier = str(uuid.uuid4())
    place = {"registry": entry.registry, "schema": entry.name, "number": entry.next}
    session.run(
        "INSERT INTO registry_versions (version_id, registry_name, schema_name, number, status, "
        "definition, fingerprint, created_us) VALUES (:version_id, :registry, :schema, :number, "
        "'AVAILABLE', :definition, :fingerprint, :now)",
        version_id=identifier,
        definition=definition,
        fingerprint=fingerprint,
        now=session.now_us(),
        **place,
    )
    session.run(
        "UPDATE registry_schemas SET last_number = :number, updated_us = :now, "
        "checkpoint = CASE WHEN checkpoint = 0 THEN :number ELSE checkpoint END "
        "WHERE registry_name = :registry AND schema_name = :schema",
        now=session.now_us(),
        **place,
    )
    found = version_by(session, "version_id", identifier)
    if found is None:
        raise UnknownSchemaError.identifier(identifier)
    return found


def drop_versions(session: Session, gone: list[SchemaVersion]) -> None:
    """Forget versions and their metadata."""
    for version in gone:
        for table in ("registry_metadata", "registry_versions"):
            session.run(f"DELETE FROM {table} WHERE version_id = :id", id=version.version_id)


def metadata(session: Session, version_id: str) -> list[tuple[str, str]]:
    """Return a version's pairs, the newest value of each key first."""
    rows = session.all(
        "SELECT key, value FROM registry_metadata WHERE version_id = :id "
        "ORDER BY key, created_us DESC, value",
        id=version_id,
    )
    return [(row[0], row[1]) for row in rows]


def _registry(row: tuple[Any, ...]) -> Registry:
    return Registry(row[0], row[1], from_microseconds(row[2]), from_microseconds(row[3]))


def _schema(row: tuple[Any, ...]) -> SchemaEntry:
    return SchemaEntry(
        registry=row[0],
        name=row[1],
        description=row[2],
        data_format=row[3],
        compatibility=row[4],
        checkpoint=row[5],
        latest=row[6],
        next=row[7],
        created_at=from_microseconds(row[8]),
        updated_at=from_microseconds(row[9]),
    )


def _version(row: tuple[Any, ...]) -> SchemaVersion:
    return SchemaVersion(
        registry=row[0],
        schema=row[1],
        number=row[2],
        version_id=row[3],
        serial=row[4],
        data_format=row[5],
        definition=row[6],
        status=row[7],
        created_at=from_microseconds(row[8]),
    )
