"""The shape of `openlineage:` of an environment, as the user writes it, checked by pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from lakeworks.project.declared_shape import DeclaredShape


def _joined(value: object) -> object:
    """A list of texts stands for them with commas between."""
    listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return ",".join(value) if listed else value  # type: ignore[arg-type]


def _as_properties(value: object) -> object:
    """Write numbers and truth values of a mapping as Java's and C's property files do."""
    if not isinstance(value, dict):
        return value
    return {
        key: str(one).lower() if isinstance(one, bool | int | float) else one
        for key, one in value.items()
    }


class KafkaYaml(DeclaredShape, BaseModel):
    """`kafka:` of `openlineage:`; a property may be written as a number or a truth value."""

    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    servers: Annotated[str, Field(min_length=1), BeforeValidator(_joined)]
    properties: Annotated[dict[str, str], BeforeValidator(_as_properties)] = {}


class OpenLineageYaml(DeclaredShape, BaseModel):
    """`openlineage:` of an environment: who is told what runs read and write."""

    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    file: str | None = None
    kafka: KafkaYaml | None = None
    namespace: str | None = None
    api_key: str | None = None
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
