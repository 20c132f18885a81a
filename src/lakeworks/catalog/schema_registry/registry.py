"""The schema registry's verbs, as Glue names them.

Each call is one transaction. A definition is parsed and compared inside the writing one, so that
two callers cannot each register a version that breaks the other's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.schema_registry import registering, rows
from lakeworks.catalog.schema_registry.entries import (
    DEFAULT_REGISTRY,
    MOST_METADATA,
    Registry,
    SchemaEntry,
    SchemaVersion,
    Version,
    checked_definition,
    checked_description,
    checked_format,
    checked_mode,
    checked_name,
    checked_pair,
    version_range,
)
from lakeworks.catalog.schema_registry.errors import (
    InvalidSchemaError,
    RegistryLimitError,
    SchemaExistsError,
    UnknownSchemaError,
)
from lakeworks.catalog.schema_registry.formats import fingerprint, parsed

if TYPE_CHECKING:
    from lakeworks.catalog.database import Database
    from lakeworks.catalog.schema_registry.compatibility import CompatibilityReport
    from lakeworks.catalog.schema_registry.records import RecordCoder


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a definition is a schema of its format, and if not, why."""

    valid: bool
    error: str = ""


class SchemaRegistry:
    """Registries, schemas and their versions. Safe to use from several threads and processes.

    Where `registry` is left out, it is Glue's `default-registry`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_registry(self, name: str, *, description: str = "") -> Registry:
        """Make a registry.

        Raises:
            SchemaExistsError: the name is taken.
            RegistryLimitError: Glue would not take the name.
        """
        checked_name("schema registry", name)
        with self._database.writing() as session:
            if any(one.name == name for one in rows.registries(session)):
                raise SchemaExistsError.registry(name)
            rows.add_registry(session, name, checked_description(description))
            return rows.registry(session, name)

    def list_registries(self) -> list[Registry]:
        """Return every registry, by name."""
        with self._database.reading() as session:
            return rows.registries(session)

    def get_registry(self, name: str = DEFAULT_REGISTRY) -> Registry:
        """Return one registry."""
        with self._database.reading() as session:
            return rows.registry(session, name)

    def update_registry(self, name: str, *, description: str) -> Registry:
        """Describe a registry anew."""
        with self._database.writing() as session:
            rows.registry(session, name)
            session.run(
                "UPDATE registries SET description = :description, updated_us = :now "
                "WHERE registry_name = :name",
                description=checked_description(description),
                now=session.now_us(),
                name=name,
            )
            return rows.registry(session, name)

    def delete_registry(self, name: str) -> None:
        """Delete a registry with all its schemas. Cannot be undone."""
        with self._database.writing() as session:
            rows.registry(session, name)
            rows.drop_registry(session, name)

    def create_schema(
        self,
        name: str,
        definition: str | None = None,
        *,
        data_format: str,
        compatibility: str = "BACKWARD",
        registry: str = DEFAULT_REGISTRY,
        description: str = "",
    ) -> SchemaEntry:
        """Make a schema, with its first version where a definition is given.

        Raises:
            SchemaExistsError: the registry has one of that name.
            InvalidSchemaError: the definition is no schema of its format.
        """
        entry = {
            "registry": registry,
            "schema": checked_name("schema", name),
            "description": checked_description(description),
            "data_format": checked_format(data_format),
            "compatibility": checked_mode(compatibility),
        }
        with self._database.writing() as session:
            rows.ensure_default(session, registry)
            if any(one.name == name for one in rows.schemas(session, registry)):
                raise SchemaExistsError.schema(registry, name)
            rows.add_schema(session, entry)
            if definition is not None:
                registering.register(session, rows.schema(session, registry, name), definition)
            return rows.schema(session, registry, name)

    def list_schemas(self, registry: str | None = None) -> list[SchemaEntry]:
        """Return the schemas of one registry, or of all."""
        with self._database.reading() as session:
            if registry not in (None, DEFAULT_REGISTRY):
                rows.registry(session, str(registry))
            return rows.schemas(session, registry)

    def get_schema(self, name: str, *, registry: str = DEFAULT_REGISTRY) -> SchemaEntry:
        """Return one schema.

        Raises:
            UnknownSchemaError: there is none; the hint names the nearest.
        """
        with self._database.reading() as session:
            return rows.schema(session, registry, name)

    def update_schema(
        self,
        name: str,
        *,
        registry: str = DEFAULT_REGISTRY,
        compatibility: str | None = None,
        checkpoint: Version | None = None,
        description: str | None = None,
    ) -> SchemaEntry:
        """Change a schema's compatibility, checkpoint or description.

        Versions that are there are not compared again. As in Glue, a new compatibility moves
        the checkpoint to the latest version, unless one is given.
        """
        with self._database.writing() as session:
            entry = rows.schema(session, registry, name)
            if compatibility is not None:
                mode = checked_mode(compatibility)
                entry = replace(entry, compatibility=mode, checkpoint=entry.latest)
            if checkpoint is not None:
                number = registering.version(session, entry, checkpoint).number
                entry = replace(entry, checkpoint=number)
            if description is not None:
                entry = replace(entry, description=checked_description(description))
            rows.change_schema(session, entry)
            return rows.schema(session, registry, name)

    def delete_schema(self, name: str, *, registry: str = DEFAULT_REGISTRY) -> None:
        """Delete a schema with all its versions. Cannot be undone."""
        with self._database.writing() as session:
            rows.schema(session, registry, name)
            rows.drop_schema(session, registry, name)

    def check_schema_version_validity(self, data_format: str, definition: str) -> Validity:
        """Say whether a definition is a schema of its format; registers nothing."""
        try:
            parsed(checked_format(data_format), checked_definition(definition))
        except (InvalidSchemaError, RegistryLimitError) as error:
            return Validity(valid=False, error=error.problem)
        return Validity(valid=True)

    def check_compatibility(
        self,
        name: str,
        definition: str,
        *,
        registry: str = DEFAULT_REGISTRY,
        compatibility: str | None = None,
    ) -> CompatibilityReport:
        """Say whether a definition may become the next version, and if not, why.

        Args:
            compatibility: Judge by this mode instead of the schema's own.
        """
        with self._database.reading() as session:
            entry = rows.schema(session, registry, name)
            mode = checked_mode(compatibility or entry.compatibility)
            entry = replace(entry, compatibility=mode)
            return registering.compared(session, entry, definition)

    def register_schema_version(
        self, name: str, definition: str, *, registry: str = DEFAULT_REGISTRY
    ) -> SchemaVersion:
        """Add a version; one that means the same as an earlier one is that one.

        Raises:
            IncompatibleSchemaError: with every violation; nothing was registered.
            InvalidSchemaError: the definition is no schema of its format.
        """
        with self._database.writing() as session:
            return registering.register(
                session, rows.schema(session, registry, name), definition
            )

    def get_schema_version(
        self, name: str, version: Version = "latest", *, registry: str = DEFAULT_REGISTRY
    ) -> SchemaVersion:
        """Return one version.

        Raises:
            UnknownSchemaError: there is none.
        """
        with self._database.reading() as session:
            return registering.version(session, rows.schema(session, registry, name), version)

    def get_schema_version_by_id(self, version_id: str) -> SchemaVersion:
        """Return the version of a UUID.

        Raises:
            UnknownSchemaError: this registry never gave it, or the version was deleted.
        """
        with self._database.reading() as session:
            found = rows.version_by(session, "version_id", version_id)
        if found is None:
            raise UnknownSchemaError.identifier(version_id)
        return found

    def get_schema_version_by_serial(self, serial: int) -> SchemaVersion:
        """Return the version of a number as Confluent's header carries it.

        Raises:
            UnknownSchemaError: this registry never gave it, or the version was deleted.
        """
        with self._database.reading() as session:
            found = rows.version_by(session, "serial", serial)
        if found is None:
            raise UnknownSchemaError.identifier(str(serial))
        return found

    def get_schema_by_definition(
        self, name: str, definition: str, *, registry: str = DEFAULT_REGISTRY
    ) -> SchemaVersion:
        """Return the version that means the same as a definition.

        Raises:
            UnknownSchemaError: there is none.
        """
        with self._database.reading() as session:
            entry = rows.schema(session, registry, name)
            like = fingerprint(parsed(entry.data_format, definition))
            found = rows.version_like(session, entry, like)
        if found is None:
            raise UnknownSchemaError.definition(name)
        return found

    def list_schema_versions(
        self, name: str, *, registry: str = DEFAULT_REGISTRY
    ) -> list[SchemaVersion]:
        """Return a schema's versions, oldest first."""
        with self._database.reading() as session:
            return rows.versions(session, registry, rows.schema(session, registry, name).name)

    def delete_schema_versions(
        self, name: str, versions: str | int, *, registry: str = DEFAULT_REGISTRY
    ) -> list[int]:
        """Delete a version, `3`, or a range, `3-5`; return their numbers. Cannot be undone.

        Raises:
            VersionNeededError: one is the first, the checkpoint, or one that the mode
                compares with; none was deleted.
        """
        first, last = version_range(versions)
        with self._database.writing() as session:
            entry = rows.schema(session, registry, name)
            known = rows.versions(session, registry, name)
            gone = [one for one in known if first <= one.number <= last]
            if not gone:
                raise UnknownSchemaError.version(name, first, [one.number for one in known])
            registering.check_needless(entry, known, gone)
            rows.drop_versions(session, gone)
        return [one.number for one in gone]

    def get_schema_versions_diff(
        self, name: str, first: Version, second: Version, *, registry: str = DEFAULT_REGISTRY
    ) -> str:
        """Return the unified diff of two versions' texts; empty when they are equal."""
        from lakeworks.catalog.schema_registry.texts import difference

        with self._database.reading() as session:
            entry = rows.schema(session, registry, name)
            return difference(
                registering.version(session, entry, first),
                registering.version(session, entry, second),
            )

    def put_schema_version_metadata(
        self,
        name: str,
        key: str,
        value: str,
        *,
        version: Version = "latest",
        registry: str = DEFAULT_REGISTRY,
    ) -> None:
        """Give a version a pair; a second value of a key stands beside the first, as in Glue.

        Raises:
            RegistryLimitError: Glue would not take it, or the version has ten already.
        """
        checked_pair(key, value)
        with self._database.writing() as session:
            entry = rows.schema(session, registry, name)
            found = registering.version(session, entry, version)
            known = rows.metadata(session, found.version_id)
            if (key, value) in known:
                return
            if len(known) >= MOST_METADATA:
                raise RegistryLimitError.metadata(MOST_METADATA)
            session.run(
                "INSERT INTO registry_metadata (version_id, key, value, created_us) "
                "VALUES (:id, :key, :value, :now)",
                id=found.version_id,
                key=key,
                value=value,
                now=session.now_us(),
            )

    def remove_schema_version_metadata(
        self,
        name: str,
        key: str,
        value: str,
        *,
        version: Version = "latest",
        registry: str = DEFAULT_REGISTRY,
    ) -> bool:
        """Take a pair away; return whether it was there."""
        with self._database.writing() as session:
            found = registering.version(session, rows.schema(session, registry, name), version)
            gone = session.run(
                "DELETE FROM registry_metadata WHERE version_id = :id AND key = :key "
                "AND value = :value",
                id=found.version_id,
                key=key,
                value=value,
            )
        return gone > 0

    def query_schema_version_metadata(
        self, name: str, *, version: Version = "latest", registry: str = DEFAULT_REGISTRY
    ) -> dict[str, list[str]]:
        """Return a version's metadata: the values of each key, the newest first."""
        with self._database.reading() as session:
            found = registering.version(session, rows.schema(session, registry, name), version)
            pairs = rows.metadata(session, found.version_id)
        values: dict[str, list[str]] = {}
        for key, value in pairs:
            values.setdefault(key, []).append(value)
        return values

    def coder(
        self,
        name: str,
        version: Version = "latest",
        *,
        registry: str = DEFAULT_REGISTRY,
    ) -> RecordCoder:
        """Return what validates, encodes and decodes records of one version."""
        from lakeworks.catalog.schema_registry.records import RecordCoder

        return RecordCoder(self.get_schema_version(name, version, registry=registry), self)
