"""Schemas of records as a principal sees them: those of sources that it may know whole.

A schema names every column of its source's table. So it is there for whoever may know of all of them,
and for lake administrators; to others it is as if nobody had registered it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lakeworks.catalog.schema_registry.entries import DEFAULT_REGISTRY
from lakeworks.catalog.schema_registry.errors import UnknownSchemaError

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry import (
        CompatibilityReport,
        SchemaEntry,
        SchemaVersion,
    )
    from lakeworks.catalog.schema_registry.records import RecordCoder
    from lakeworks.catalog.schema_registry.registry import SchemaRegistry
    from lakeworks.permitted.sight import Look, Sight

Version = int | Literal["latest"]


class PermittedRegistry:
    """The schema registry, read by a principal."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    @property
    def _kept(self) -> SchemaRegistry:
        return self._sight.services.catalog.schema_registry

    def list_schemas(self, registry: str | None = None) -> list[SchemaEntry]:
        """Return the schemas that the principal may know of, of one registry or of all."""
        with self._sight.look("registry list") as look:
            return [
                one
                for one in self._kept.list_schemas()
                if registry in {None, one.registry}
                and self._knows(look, one.registry, one.name)
            ]

    def get_schema(self, name: str, *, registry: str = DEFAULT_REGISTRY) -> SchemaEntry:
        """Return one schema.

        Raises:
            UnknownSchemaError: there is none, or the principal may not know of it.
        """
        with self._sight.look("registry show") as look:
            self._check(look, registry, name)
            return self._kept.get_schema(name, registry=registry)

    def list_schema_versions(
        self, name: str, *, registry: str = DEFAULT_REGISTRY
    ) -> list[SchemaVersion]:
        """Return a schema's versions, oldest first; raises as `get_schema` does."""
        with self._sight.look("registry list") as look:
            self._check(look, registry, name)
            return self._kept.list_schema_versions(name, registry=registry)

    def get_schema_version(
        self, name: str, version: Version = "latest", *, registry: str = DEFAULT_REGISTRY
    ) -> SchemaVersion:
        """Return one version of a schema; raises as `get_schema` does."""
        with self._sight.look("registry show") as look:
            self._check(look, registry, name)
            return self._kept.get_schema_version(name, version, registry=registry)

    def query_schema_version_metadata(
        self, name: str, *, version: Version = "latest", registry: str = DEFAULT_REGISTRY
    ) -> dict[str, list[str]]:
        """Return what was noted of a version; raises as `get_schema` does."""
        with self._sight.look("registry show") as look:
            self._check(look, registry, name)
            return self._kept.query_schema_version_metadata(
                name, version=version, registry=registry
            )

    def get_schema_versions_diff(
        self, name: str, first: int, second: int, *, registry: str = DEFAULT_REGISTRY
    ) -> str:
        """Return how two versions differ; raises as `get_schema` does."""
        with self._sight.look("registry diff") as look:
            self._check(look, registry, name)
            return self._kept.get_schema_versions_diff(name, first, second, registry=registry)

    def check_compatibility(
        self,
        name: str,
        definition: str,
        *,
        registry: str = DEFAULT_REGISTRY,
        compatibility: str | None = None,
    ) -> CompatibilityReport:
        """Say whether a definition may follow a schema; raises as `get_schema` does."""
        with self._sight.look("registry check") as look:
            self._check(look, registry, name)
            return self._kept.check_compatibility(
                name, definition, registry=registry, compatibility=compatibility
            )

    def coder(
        self, name: str, version: Version = "latest", *, registry: str = DEFAULT_REGISTRY
    ) -> RecordCoder:
        """Return what holds records to a version; raises as `get_schema` does."""
        with self._sight.look("registry validate") as look:
            self._check(look, registry, name)
            return self._kept.coder(name, version, registry=registry)

    def _check(self, look: Look, registry: str, name: str) -> None:
        if self._knows(look, registry, name):
            return
        known = [
            one.name
            for one in self._kept.list_schemas()
            if one.registry == registry and self._knows(look, registry, one.name)
        ]
        raise UnknownSchemaError.schema(registry, name, known)

    def _knows(self, look: Look, registry: str, name: str) -> bool:
        if look.viewer.administers:
            return True
        held = [
            source
            for source in self._sight.services.project.sources.values()
            if source.record_schema is not None
            and (source.record_schema.registry, source.record_schema.schema) == (registry, name)
        ]
        # Several tables may share it: it says nothing of one that it does not say of another.
        return any(look.knows_whole(source.table) for source in held)
