"""The shapes of `tables/*.yml`, as the user writes them, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.declared_yaml import Tags, Texts
from lakeworks.project.external_declaration import TableFormat

Written = Annotated[str, Field(min_length=1)]
Mark = Annotated[str, Field(max_length=1)]


class ColumnYaml(DeclaredShape, BaseModel):
    """One entry of `columns:` or `partitions:`; a bare text is its `type`."""

    type: Written
    description: str = ""
    tags: Tags = {}

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, given: Any) -> Any:  # noqa: ANN401 - what the user wrote
        return {"type": given} if isinstance(given, str) else given


class ProjectionYaml(DeclaredShape, BaseModel):
    """One entry of `projection:`: Athena's properties of a partition column."""

    type: Literal["enum", "integer", "date", "injected"]
    values: Texts = ()
    range: Texts = ()
    interval: str | None = None
    interval_unit: str | None = None
    digits: str | None = None
    format: str | None = None


class OptionsYaml(DeclaredShape, BaseModel):
    """`options:` of a table: how rows are written in its files."""

    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    quote: Mark | None = None
    escape: Mark | None = None
    header: bool | None = None
    skip_lines: Annotated[int, Field(ge=0)] | None = None
    null_text: str | None = None
    item_delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    key_delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Written | None = None
    null_for_invalid: bool | None = None
    ignore_malformed: bool | None = None
    case_sensitive: bool | None = None
    dots_in_keys: bool | None = None
    keys: dict[str, str] | None = None
    json_path: Written | None = None
    row_tag: Written | None = None
    attribute_prefix: str | None = None
    value_tag: Written | None = None
    pattern: Written | None = None
    grok: Written | None = None
    grok_patterns: Written | None = None


class TableYaml(DeclaredShape, BaseModel):
    """A file of `tables/`: an external table."""

    table: str
    location: str
    format: TableFormat
    columns: dict[str, ColumnYaml] = {}
    partitions: dict[str, ColumnYaml] = {}
    projection: dict[str, ProjectionYaml] = {}
    location_template: Written | None = None
    options: OptionsYaml = OptionsYaml()
    description: str = ""
    owner: str = ""
    tags: Tags = {}
    parameters: dict[str, str] = {}
