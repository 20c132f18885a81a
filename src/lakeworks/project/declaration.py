"""What a project declares, checked and frozen: the input of every later part.

Pure data. `loader.py` makes a `Project` from files, or raises all mistakes at once. Rules and
policies stay text here; the package that owns the language parses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.project.care import CareSettings, Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.project.crawler_declaration import Crawler
    from lakeworks.project.external_declaration import ExternalTable
    from lakeworks.project.limits import RejectLimit
    from lakeworks.project.openlineage import OpenLineageSettings
    from lakeworks.project.secret_references import Secrets
    from lakeworks.project.workgroups import Workgroup

FileFormat = Literal["json", "csv", "parquet", "avro", "log"]
SchemaMode = Literal["evolve", "rescue", "strict"]
OnChange = Literal["reload", "append", "error"]
Load = Literal["append", "merge", "replace", "partitions", "scd2"]
OnViolation = Literal["quarantine", "fail", "warn"]
SubmitTarget = Literal["emr-serverless", "emr", "glue", "spark-submit"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where something was declared: a path relative to the project, and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SubmitSettings:
    """`submit:` of an environment: where `lake submit` sends the project, and how.

    Attributes:
        to: Where to, unless the command says so.
        code: `s3://bucket/prefix`, or an absolute folder, that takes the files of a submission.
        execution_role_arn: The role that the job runs as; Glue takes a role's name as well.
        python_archive: A packed Python environment (`.tar.gz`) with Lakeworks' dependencies.
        spark_submit: The program; None for the one that lies beside PySpark or in SPARK_HOME.
        conf: Spark properties of the job.
        variables: Environment variables of the job: what `${NAME}` in lake.yml stands for.
        secrets: The same, by name or ARN of a secret in AWS Secrets Manager.
        include: Further files of the project's folder, as globs.
        unset: Keys that were left out because they name a variable that is not set, with it.
    """

    to: SubmitTarget | None = None
    code: str | None = None
    region: str | None = None
    application_id: str | None = None
    cluster_id: str | None = None
    execution_role_arn: str | None = None
    job_name: str | None = None
    glue_version: str = "5.1"
    worker_type: str = "G.1X"
    number_of_workers: int = 2
    timeout_minutes: int | None = None
    python_archive: str | None = None
    spark_submit: str | None = None
    master: str | None = None
    deploy_mode: Literal["client", "cluster"] = "client"
    conf: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    unset: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SparkSettings:
    """`spark:` of an environment: where Spark runs, and what it is started with.

    Attributes:
        master: `local[n]`, `spark://…`, `yarn` or `k8s://…`; None for this machine.
        remote: `sc://host:port` of a Spark Connect server, which is used as it is.
        settings: Spark properties.
        jars: Paths of jars.
        packages: Maven coordinates that Spark resolves when it starts.
        repositories: Further Maven repositories.
        delta: Whether Spark's own reader of Delta tables is there too.
    """

    master: str | None = None
    remote: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    jars: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    delta: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """One entry of `environments:` in lake.yml, with its variables filled in.

    Attributes:
        storage: An absolute folder, or `s3://bucket/prefix`.
        catalog: An SQLAlchemy URL; a relative SQLite path is made absolute by the loader.
        engine: `duckdb` or `spark`.
        memory_limit: Bytes the engine may hold, or None for its own default.
        threads: Threads the engine may use, or None for all cores.
        options: `s3:` settings (endpoint, region, access_key_id, secret_access_key,
            session_token, allow_http, virtual_hosted_style, sse, kms_key_id, bucket_key), by
            name. Those that are references to secrets are resolved when they are asked for.
        lines: The lines of lake.yml on which its keys stand: `engine`, `submit.code`; its own
            under the empty key.
        secrets: What references to secrets in the values stand for.
    """

    name: str
    storage: str
    catalog: str = field(repr=False)  # may hold a password, as may the options
    engine: str
    memory_limit: int | None = None
    threads: int | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    submit: SubmitSettings = field(default_factory=SubmitSettings)
    spark: SparkSettings = field(default_factory=SparkSettings)
    openlineage: OpenLineageSettings | None = None
    mask_salt: str = ""  # a reference
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    secrets: Secrets | None = field(default=None, repr=False, compare=False)

    def at(self, key: str) -> Location:
        """Return where `key`, such as `submit.code`, stands in lake.yml, or should stand."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return Location("lake.yml", self.lines.get(key, 1))

    def revealed(self, text: str, key: str) -> str:
        """Return a value of this environment with its secrets in place of their references.

        Raises:
            SecretError: a reference leads nowhere.
            SecretUnavailableError: whoever keeps a secret does not give it.
        """
        if self.secrets is None:
            return text
        return self.secrets.resolved(text, self.at(key), in_url=key == "catalog")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV source is written; None means: find out."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    encoding: str | None = None
    null_values: tuple[str, ...] = ("",)
    skip_rows: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One file of `sources/`: what comes in and the bronze table that it feeds.

    Attributes:
        path: An absolute folder or glob, or `s3://…`, as the loader resolved it.
        declared_path: `path` as the user wrote it.
        format: None means: guess from the file names, then from the content.
        types: Column types for CSV and logs, `"infer"`, or empty for text.
        log_pattern: `common`, `combined`, or a regular expression with named groups.
        landing: `copy` keeps every file in the landing zone; `in_place` trusts the source's
            folder to be one, and keeps only checksums.
        max_rejected: When a step fails for the rows that it rejects; None: never.
        freshness_s: How many seconds old the table may be, or None.
        retention_s: How long versions are kept that were replaced; None: as the lake says.
        columns: What is said of columns that its files have.
        owner: Who answers for the table.
        record_schema: What every record is held to before it enters the table.
        partitions: Columns whose values folders `name=value` tell, with their types; None where
            the source says nothing of folders.
    """

    table: TableName
    at: Location
    path: str
    declared_path: str
    format: FileFormat | None = None
    schema: SchemaMode = "evolve"
    on_change: OnChange = "reload"
    landing: Literal["copy", "in_place"] = "copy"
    csv: CsvOptions = field(default_factory=CsvOptions)
    log_pattern: str = "combined"
    types: Mapping[str, Type] | Literal["infer"] = field(default_factory=dict)
    description: str = ""
    partition_by: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    max_rejected: RejectLimit | None = None
    freshness_s: int | None = None
    retention_s: int | None = None
    columns: Mapping[str, ColumnNote] = field(default_factory=dict)
    owner: str = ""
    record_schema: RecordSchema | None = None
    partitions: Mapping[str, Type] | None = None


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """A schema of the registry, in one version or the latest one."""

    schema: str
    registry: str = "default-registry"
    version: int | Literal["latest"] = "latest"


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """What a declaration says of one column of its table.

    Attributes:
        declassify: Tags that the column does not take over from what it derives from, each
            with the reason.
    """

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    declassify: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quality:
    """A model's ruleset as text, and what a violation does.

    Attributes:
        text: DQDL.
        at: The line on which the DQDL begins, so that its errors can be placed.
        on_violation: For rules whose label `severity` does not say otherwise.
        references: Other tables that rules look at, by alias.
        options: How rules are evaluated, under the names of AWS Glue's options.
    """

    text: str
    at: Location
    on_violation: OnViolation = "quarantine"
    references: Mapping[str, TableName] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """One file of `models/`: a SELECT or a Python function that makes one table.

    Attributes:
        inputs: The tables that it reads, the driving input first.
        driving: The input whose new rows drive `append`, `merge`, `partitions` and `scd2`.
        incremental_on_declared: Whether the header said `incremental_on:`; then a query that
            aggregates its driving input still reads only what is new.
        row_wise: Whether each output row derives from one row of the driving input (no
            aggregate, window, DISTINCT, LIMIT or set operation over it).
        sql: The SELECT in DuckDB's dialect, or None for a Python model.
        sql_line: The line of the file on which the SELECT's text begins.
        in_athena: The SELECT as it is written, where that is in Athena's dialect: `sql` is its
            translation without the types of its inputs, which decide some of its meaning.
        function: The Python model, or None. It takes narwhals lazy frames by input alias and
            returns one.
        frame_inputs: For a Python model, parameter name to table.
        fingerprint: SHA-256 of what decides the rows: normalised SQL (or source text), load,
            key, latest_by, partition_by, quality, audit.
        max_rejected: When a step fails for the rows that it rejects; None: never.
        freshness_s: How many seconds old the table may be, or None.
        retention_s: How long versions are kept that were replaced; None: as the lake says.
        owner: Who answers for the table.
        lineage: For a Python model, what each of its columns is declared to derive from by
            value, as `alias.column`; None where it declares nothing.
        view: What it is called where the data catalog keeps its text, and no file does: `view`
            or `materialized view`.
        definer: As whose permissions the rows of a materialised view are computed; empty for
            the lake's owner.
        body: The SELECT that the catalog keeps; `sql` picks its columns.
        named: Those columns, each with what the body calls it.
        through: The views that its text reads, each behind those that it reads in turn, with
            their SELECTs.
        strange: Of these, the ones that others than its definer replaced since it was made, each
            with who did.
    """

    table: TableName
    at: Location
    load: Load
    inputs: tuple[TableName, ...]
    driving: TableName | None
    fingerprint: str
    sql: str | None = None
    sql_line: int = 1
    in_athena: str | None = None
    function: Callable[..., Any] | None = None
    frame_inputs: Mapping[str, TableName] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    latest_by: str | None = None
    partition_by: tuple[str, ...] = ()
    quality: Quality | None = None
    audit: bool = False
    incremental_on_declared: bool = False
    row_wise: bool = True
    description: str = ""
    columns: Mapping[str, ColumnNote] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    max_rejected: RejectLimit | None = None
    freshness_s: int | None = None
    retention_s: int | None = None
    owner: str = ""
    lineage: Mapping[str, tuple[str, ...]] | None = None
    view: str = ""
    definer: str = ""
    body: str = ""
    named: tuple[tuple[str, str], ...] = ()
    through: tuple[tuple[TableName, str], ...] = ()
    strange: tuple[tuple[TableName, str], ...] = ()

    @property
    def upstream(self) -> frozenset[TableName]:
        """The tables that must be made before it: its inputs, and those its rules look at."""
        references = self.quality.references.values() if self.quality else ()
        return frozenset((*self.inputs, *references))


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file of `policies/`: plain values, which `governance` gives their meaning.

    Attributes:
        lines: The line of each value, by its path joined by the unit separator.
    """

    file: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def at(self, *path: str | int) -> Location:
        """Return where a value stands, or the nearest one that holds it."""
        while path:
            line = self.lines.get("\x1f".join(map(str, path)))
            if line is not None:
                return Location(self.file, line)
            path = path[:-1]
        return Location(self.file, self.lines.get("", 1))


@dataclass(frozen=True, slots=True)
class Project:
    """A whole project as it stands on disk, valid in itself; `tables` are external ones."""

    root: Path
    name: str
    environment: Environment
    environments: tuple[str, ...]
    publish: Literal["run", "table"]
    sources: Mapping[TableName, Source]
    models: Mapping[TableName, Model]
    care: CareSettings = field(default_factory=CareSettings)
    policies: tuple[PolicyFile, ...] = ()
    crawlers: Mapping[str, Crawler] = field(default_factory=dict)
    tables: Mapping[TableName, ExternalTable] = field(default_factory=dict)
    workgroups: Mapping[str, Workgroup] = field(default_factory=dict)
    catalogs: Mapping[str, FederatedCatalog] = field(default_factory=dict)

    @property
    def retention(self) -> Retention:
        """How long versions are kept that were replaced: what tables say of themselves counts."""
        tables: tuple[Source | Model, ...] = (*self.sources.values(), *self.models.values())
        return self.care.retention.with_own({str(t.table): t.retention_s for t in tables})
