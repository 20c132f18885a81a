"""The shapes of `crawlers/*.yml`, as the user writes them, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from lakeworks.project.crawler_declaration import (
    ContainsHeader,
    DeleteBehavior,
    RecrawlBehavior,
    UpdateBehavior,
)
from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.declared_yaml import Texts

Name = Annotated[str, Field(min_length=1, max_length=255)]
Written = Annotated[str, Field(min_length=1)]


class TargetYaml(DeclaredShape, BaseModel):
    """One entry of `targets:`; a bare text is its `path`."""

    path: Written | None = None
    exclusions: Texts = ()
    sample_size: Annotated[int, Field(ge=1, le=249)] | None = None
    catalog: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:  # noqa: ANN401 - what the user wrote
        return {"path": given} if isinstance(given, str) else given


class GrokYaml(DeclaredShape, BaseModel):
    """`grok:` of a classifier."""

    name: Name
    classification: Name
    grok_pattern: Written
    custom_patterns: str = ""


class JsonYaml(DeclaredShape, BaseModel):
    """`json:` of a classifier."""

    name: Name
    json_path: Written


class XmlYaml(DeclaredShape, BaseModel):
    """`xml:` of a classifier."""

    name: Name
    classification: Name = "xml"
    row_tag: Written


class CsvClassifierYaml(DeclaredShape, BaseModel):
    """`csv:` of a classifier."""

    name: Name
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    quote_symbol: Annotated[str, Field(max_length=1)] = '"'
    contains_header: ContainsHeader = "unknown"
    header: Texts = ()
    custom_datatypes: Texts = ()
    disable_value_trimming: bool = True
    allow_single_column: bool = False
    serde: Literal["open_csv_serde", "lazy_simple_serde", "none"] = "none"


class ClassifierYaml(DeclaredShape, BaseModel):
    """One entry of `classifiers:`: exactly one of its keys."""

    grok: GrokYaml | None = None
    json_: JsonYaml | None = Field(None, alias="json")
    xml: XmlYaml | None = None
    csv: CsvClassifierYaml | None = None


class SchemaChangeYaml(DeclaredShape, BaseModel):
    """`schema_change_policy:` of a crawler."""

    update: UpdateBehavior | None = None
    delete: DeleteBehavior | None = None


class ConfigurationYaml(DeclaredShape, BaseModel):
    """`configuration:` of a crawler."""

    grouping: Literal["combine_compatible_schemas"] | None = None
    table_level: Annotated[int, Field(ge=1)] | None = None
    partitions: Literal["inherit_from_table"] | None = None
    tables: Literal["merge_new_columns"] | None = None
    table_threshold: Annotated[int, Field(ge=1)] | None = None


class CrawlerYaml(DeclaredShape, BaseModel):
    """One file of `crawlers/`."""

    nested: ClassVar[dict[tuple[str, ...], type[BaseModel]]] = {
        ("targets", "*"): TargetYaml,
        ("classifiers", "*"): ClassifierYaml,
        ("classifiers", "*", "grok"): GrokYaml,
        ("classifiers", "*", "json"): JsonYaml,
        ("classifiers", "*", "xml"): XmlYaml,
        ("classifiers", "*", "csv"): CsvClassifierYaml,
        ("schema_change_policy",): SchemaChangeYaml,
        ("configuration",): ConfigurationYaml,
    }

    crawler: Name | None = None
    description: Annotated[str, Field(max_length=2048)] = ""
    database: str | None = None
    table_prefix: Annotated[str, Field(max_length=128)] = ""
    targets: Annotated[tuple[TargetYaml, ...], Field(min_length=1)]
    classifiers: tuple[ClassifierYaml, ...] = ()
    schedule: str | None = None
    schema_change_policy: SchemaChangeYaml = Field(default_factory=SchemaChangeYaml)
    recrawl_policy: RecrawlBehavior = "crawl_everything"
    configuration: ConfigurationYaml = Field(default_factory=ConfigurationYaml)
