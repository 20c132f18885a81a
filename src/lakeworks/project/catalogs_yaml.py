"""The shape of one file of `catalogs/`, as the user writes it, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.declared_yaml import Texts

Port = Annotated[int, Field(ge=1, le=65_535)]


class ShownYaml(DeclaredShape, BaseModel):
    """`tables:`: patterns of remote tables."""

    include: Texts = ()
    exclude: Texts = ()


class CatalogYaml(DeclaredShape, BaseModel):
    """One file of `catalogs/`."""

    nested: ClassVar[dict[tuple[str, ...], object]] = {("tables",): ShownYaml}

    type: Literal["postgresql", "mysql", "sqlite", "dynamodb", "parquet"]
    catalog: str | None = None
    description: str = ""
    databases: dict[str, str | None] = Field(default_factory=dict)
    tables: ShownYaml = Field(default_factory=ShownYaml)
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)
    connect_timeout: Annotated[float, Field(ge=1, le=300)] = 10.0  # seconds
    host: str | None = None
    port: Port | None = None
    database: str | None = None
    user: str | None = None
    password: str | None = None
    tls: Literal["off", "on", "verify"] | None = None
    ca: str | None = None
    path: str | None = None
    location: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
