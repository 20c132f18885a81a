"""Look for mistakes in the schemas of the registry that sources name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.project.errors import Mistake

if TYPE_CHECKING:
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Source


def record_schema_mistakes(services: Services) -> list[Mistake]:
    """Return a mistake for every source whose records cannot be held to the schema it names."""
    return [
        mistake
        for source in services.project.sources.values()
        if source.record_schema is not None
        for mistake in _mistakes(source, services)
    ]


def _mistakes(source: Source, services: Services) -> list[Mistake]:
    held = source.record_schema
    if held is None:
        return []
    registry = services.catalog.schema_registry
    try:
        coder = registry.coder(held.schema, held.version, registry=held.registry)
    except LakeError as error:
        problem = f"record_schema of {source.table}: {error.problem}"
        return [Mistake(source.at, problem, error.hint, error.code)]
    kind = coder.version.data_format
    if source.format == "avro" and kind != "AVRO":
        problem = f"Avro files are held to AVRO schemas; {held.schema!r} is {kind}"
        return [Mistake(source.at, f"record_schema of {source.table}: {problem}", "", "LW345")]
    return []
