"""The shapes of a project's YAML, as the user writes it, checked by pydantic.

Loaded only when a file is new or changed: importing pydantic and building these classes costs
more than loading a whole unchanged project. All scalars arrive as text (see `yaml_lines.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from lakeworks.core.errors import did_you_mean, nearest
from lakeworks.project import care_yaml as care
from lakeworks.project.declaration import (
    FileFormat,
    Load,
    OnChange,
    OnViolation,
    SchemaMode,
    SubmitTarget,
)
from lakeworks.project.declared_shape import DeclaredShape, known_keys
from lakeworks.project.errors import UNKNOWN_KEY, WRONG_VALUE
from lakeworks.project.openlineage_yaml import KafkaYaml, OpenLineageYaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.project.errors import Mistakes
    from lakeworks.project.yaml_lines import Document


def _listed(value: object) -> object:
    """One text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _typed(value: object) -> object:
    """Accept `infer`, or a mapping of column to type."""
    texts = value.values() if isinstance(value, dict) else (None,)
    if value == "infer" or all(isinstance(text, str) for text in texts):
        return value
    if any(isinstance(text, str) and text.count("(") > text.count(")") for text in texts):
        raise ValueError('a comma divides {…}: quote a type that holds one, "decimal(10, 2)"')
    raise ValueError("write infer, or a mapping of column to type")


def _partitions(value: object) -> object:
    """Accept a mapping of column to type, or a list of columns, which are text."""
    if isinstance(value, dict):
        return _typed(value)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, "string")
    raise ValueError("write a mapping of column to type, or a list of columns")


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Tags = dict[str, str]
MAX_THREADS = 1024
MAX_SHOWN = 60
Shape = TypeVar("Shape", bound=DeclaredShape)


class _Declared(DeclaredShape, BaseModel):
    pass


class S3Yaml(_Declared):
    """`s3:` of an environment."""

    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    skip_signature: bool | None = None
    allow_http: bool | None = None
    virtual_hosted_style: bool | None = None
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = None
    kms_key_id: Annotated[str, Field(min_length=1)] | None = None
    bucket_key: bool | None = None


class SubmitYaml(_Declared):
    """`submit:` of an environment: where `lake submit` sends the project, and how."""

    to: SubmitTarget | None = None
    code: str | None = None
    region: str | None = None
    application_id: str | None = None
    cluster_id: str | None = None
    execution_role_arn: str | None = None
    job_name: str | None = None
    glue_version: str = "5.1"
    worker_type: str = "G.1X"
    number_of_workers: Annotated[int, Field(ge=2, le=1000)] = 2
    timeout_minutes: Annotated[int, Field(ge=5, le=10080)] | None = None
    python_archive: str | None = None
    spark_submit: str | None = None
    master: str | None = None
    deploy_mode: Literal["client", "cluster"] = "client"
    conf: dict[str, str] = {}
    variables: dict[str, str] = {}
    secrets: dict[str, str] = {}
    include: Texts = ()


class SparkYaml(_Declared):
    """`spark:` of an environment: where Spark runs, and what it is started with."""

    master: str | None = None
    remote: Annotated[str, Field(pattern=r"^sc://")] | None = None
    settings: dict[str, str] = {}
    jars: Texts = ()
    packages: Texts = ()
    repositories: Texts = ()
    delta: bool = False


class SecretsYaml(_Declared):
    """`secrets:` of an environment: where AWS Secrets Manager is, how long a value is used."""

    region: str | None = None
    endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = None
    profile: str | None = None
    keep: str | None = None


class EnvironmentYaml(_Declared):
    """One entry of `environments:`."""

    storage: str | None = None
    catalog: str | None = None
    engine: str = "duckdb"
    memory_limit: str | None = None
    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)] | None = None
    s3: S3Yaml = Field(default_factory=S3Yaml)
    submit: SubmitYaml = Field(default_factory=SubmitYaml)
    spark: SparkYaml = Field(default_factory=SparkYaml)
    openlineage: OpenLineageYaml | None = None
    mask_salt: str = ""
    secrets: SecretsYaml = Field(default_factory=SecretsYaml)


class LakeYaml(_Declared):
    """`lake.yml`."""

    name: str
    publish: Literal["run", "table"] = "run"
    environments: dict[str, EnvironmentYaml] = {}
    retention: care.Retentions = {}
    query_history: care.QueryHistoryYaml = Field(default_factory=care.QueryHistoryYaml)
    maintenance: care.MaintenanceYaml = Field(default_factory=care.MaintenanceYaml)
    lifecycle: dict[str, care.LifecycleYaml] = {}
    prices: dict[str, Annotated[float, Field(ge=0)]] = {}


class CsvYaml(_Declared):
    """`csv:` of a source."""

    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    quote: Annotated[str, Field(max_length=1)] | None = None
    escape: Annotated[str, Field(max_length=1)] | None = None
    header: bool | None = None
    encoding: str | None = None
    null_values: Texts = ("",)
    skip_rows: Annotated[int, Field(ge=0)] = 0


class ColumnYaml(_Declared):
    """One entry of `columns:` of a source or in a model's header."""

    description: str = ""
    tags: Tags = {}
    declassify: dict[str, Annotated[str, Field(min_length=1)]] = {}


class RecordSchemaYaml(_Declared):
    """A schema of the registry that every record is held to; a bare name is its `schema`."""

    schema_: Annotated[str, Field(min_length=1)] = Field(alias="schema")
    registry: Annotated[str, Field(min_length=1)] = "default-registry"
    version: Literal["latest"] | Annotated[int, Field(ge=1)] = "latest"

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:  # noqa: ANN401 - what the user wrote
        return {"schema": given} if isinstance(given, str) else given


class SourceYaml(_Declared):
    """One file of `sources/`."""

    table: str
    from_: str = Field("files", alias="from")
    path: str
    format: FileFormat | None = None
    schema_: SchemaMode = Field("evolve", alias="schema")
    on_change: OnChange = "reload"
    landing: Literal["copy", "in_place"] = "copy"
    csv: CsvYaml | None = None
    pattern: str | None = None
    types: Annotated[Any, BeforeValidator(_typed)] = Field(default_factory=dict)
    description: str = ""
    partition_by: Texts = ()
    partitions: Annotated[dict[str, str], BeforeValidator(_partitions)] | None = None
    tags: Tags = {}
    max_rejected: str | None = None
    freshness: str | None = None
    retention: str | None = None
    columns: dict[str, ColumnYaml] = {}
    owner: str = ""
    record_schema: RecordSchemaYaml | None = None


class HeaderYaml(_Declared):
    """A SQL model's header, or what a Python model's decorator was given."""

    table: str | None = None
    load: Load = "replace"
    key: Texts = ()
    latest_by: str | None = None
    partition_by: Texts = ()
    quality: str | None = None
    on_violation: OnViolation = "quarantine"
    references: dict[str, str] = {}
    quality_options: dict[str, str] = {}
    columns: dict[str, ColumnYaml] = {}
    dialect: str = "duckdb"
    audit: bool = False
    incremental_on: str | None = None
    description: str = ""
    tags: Tags = {}
    max_rejected: str | None = None
    freshness: str | None = None
    retention: str | None = None
    owner: str = ""


class PythonHeaderYaml(HeaderYaml):
    """What `@model` adds to a header."""

    inputs: dict[str, str]
    row_wise: bool = False
    lineage: dict[str, Texts] | None = None


_NESTED: dict[tuple[str, ...], type[DeclaredShape]] = {
    ("environments", "*"): EnvironmentYaml,
    ("environments", "*", "s3"): S3Yaml,
    ("environments", "*", "submit"): SubmitYaml,
    ("environments", "*", "secrets"): SecretsYaml,
    ("environments", "*", "openlineage"): OpenLineageYaml,
    ("environments", "*", "openlineage", "kafka"): KafkaYaml,
    ("query_history",): care.QueryHistoryYaml,
    ("maintenance",): care.MaintenanceYaml,
    ("lifecycle", "*"): care.LifecycleYaml,
    ("csv",): CsvYaml,
    ("columns", "*"): ColumnYaml,
}


def validated(
    shape: type[Shape],
    document: Document,
    mistakes: Mistakes,
    *,
    needed: frozenset[str] = frozenset(),
) -> Shape | None:
    """Return the document as `shape`; note every mistake in it.

    Returns:
        What is left without the keys that hold mistakes, so that the rest can be examined as
        well; None where nothing sound is left, or one of the keys in `needed` holds one.
    """
    if not isinstance(document.value, dict):
        problem = "keys with values are expected, such as `name: shop`"
        mistakes.add(document.at(), problem, code=WRONG_VALUE)
        return None
    try:
        return shape.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        meant = _meant(details, shape)
        for detail in details:
            path = tuple(detail["loc"])
            if path in document.missing or (detail["type"] == "missing" and path in meant):
                continue
            problem, hint, code = _told(detail, path, shape, document)
            mistakes.add(document.at(*path), problem, hint, code=code)
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        return None if wrong & needed else _rest(shape, document.value, wrong)


def _meant(details: Iterable[Any], shape: type[BaseModel]) -> set[tuple[str | int, ...]]:
    """Return which keys are there, but misspelt: that they are missing says nothing more."""
    found = set()
    for detail in details:
        path = tuple(detail["loc"])
        if detail["type"] == "extra_forbidden":
            meant = nearest(str(path[-1]), known_keys(_shape_at(path[:-1], shape)))
            found.add((*path[:-1], meant or ""))
    return found


def _rest(shape: type[Shape], values: dict[Any, Any], wrong: set[str]) -> Shape | None:
    """Return what is left of a document without the keys that are wrong, or None."""
    try:
        return shape.model_validate({k: v for k, v in values.items() if str(k) not in wrong})
    except ValidationError:
        return None


def _told(
    detail: Any,  # noqa: ANN401 - pydantic's ErrorDetails
    path: tuple[str | int, ...],
    shape: type[BaseModel],
    document: Document,
) -> tuple[str, str, str]:
    """Put one of pydantic's errors into plain words, without a value that must stay hidden."""
    kind, value = detail["type"], detail["input"]
    key = ".".join(str(part) for part in path)
    if kind == "extra_forbidden":
        known = known_keys(_shape_at(path[:-1], shape))
        hint = did_you_mean(str(path[-1]), known, most=len(known))
        if value is None and " " in str(path[-1]):
            hint = "a comma divides {…}: quote a text that holds one"
        return f"unknown key {path[-1]!r}", hint, UNKNOWN_KEY
    if kind == "missing":
        return f"the key '{key}' is missing", f"write {key}: …", WRONG_VALUE
    shown = _shown(value, hidden=document.is_hidden(*path))
    if kind == "literal_error":
        choices = _choices(path, shape)
        hint = did_you_mean(value, choices) if isinstance(value, str) and choices else ""
        one_of = f" of {', '.join(choices)}" if choices else ""
        return f"{key}: {shown} is not one{one_of}", hint, WRONG_VALUE
    expected = _EXPECTED.get(kind)
    if expected is not None:
        return f"{key}: {expected} is expected, not {shown}", "", WRONG_VALUE
    if kind == "value_error":
        return f"{key}: {detail['ctx']['error']}", "", WRONG_VALUE
    return f"{key}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", "", WRONG_VALUE


_MAPPING = "a mapping of keys to values"
_EXPECTED = {
    "string_type": "a text",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}


def _shown(value: object, *, hidden: bool) -> str:
    if hidden:
        return "the variable's value"
    if isinstance(value, str):
        return repr(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return "nothing" if value is None else f"a {type(value).__name__}"


def _shape_at(path: tuple[str | int, ...], shape: type[BaseModel]) -> type[BaseModel]:
    own: dict[tuple[str, ...], type[BaseModel]] = getattr(shape, "nested", {})
    for pattern, nested in {**_NESTED, **own}.items():
        if len(pattern) == len(path) and all(
            want in ("*", have) for want, have in zip(pattern, path, strict=True)
        ):
            return nested
    return shape


def _choices(path: tuple[str | int, ...], shape: type[BaseModel]) -> list[str]:
    """Return the texts that a field accepts: the arguments of its Literal."""
    owner = _shape_at(path[:-1], shape)
    for name, field in owner.model_fields.items():
        if path[-1] == (field.alias or name):
            return [choice for choice in _flat(field.annotation) if isinstance(choice, str)]
    return []


def _flat(annotation: object) -> list[object]:
    """Return the innermost arguments of a type: of `Literal["a"] | None`, `a` and NoneType."""
    parts = get_args(annotation)
    if not parts:
        return [annotation]
    return [inner for part in parts for inner in _flat(part)]
