"""What the site tells, as plain values: gathered once, then only drawn.

Pure. Everything here describes data and none of it is data: no row values, no minima or maxima,
no messages that may quote a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lakeworks.catalog.lineage.graph import LineageGraph

Kind = Literal["source", "model", "external", "quarantine", "table", "view"]
KIND_WORDS: Mapping[str, str] = {
    "source": "source", "model": "model", "external": "external table", "view": "view",
    "quarantine": "quarantine", "table": "table", "files": "files",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TagFact:
    """A tag of a column, and the column on which it was declared; itself, where the two agree."""

    tag: str
    value: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column.

    Attributes:
        role: What the table uses it for: `key`, `partition`, `latest by`.
        declassified: Tags that it gives up, each with the reason.
    """

    name: str
    type: str
    description: str = ""
    tags: tuple[TagFact, ...] = ()
    role: tuple[str, ...] = ()
    declassified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One rule's last outcome; `figure` is a share or a count of rows, never a value of a row."""

    rule: str
    outcome: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """What a table's rules came to.

    Attributes:
        score: Of the last run that judged it, 0 to 1.
        trend: The scores of its last runs, oldest first.
    """

    score: float
    trend: tuple[float, ...]
    at: datetime
    run_id: str
    committed: bool
    rules: tuple[RuleFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One version of a table: a commit, or a change of an external table's declaration."""

    version: int
    at: datetime | None
    what: str
    rows_added: int | None = None
    files: str = ""
    who: str = ""
    published: bool = False


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One partition; `value` is hidden where the partition columns carry tags."""

    value: str
    rows: int | None
    size_bytes: int | None
    files: int | None


@dataclass(frozen=True, slots=True)
class PartFacts:
    """A table's part in one run."""

    run_id: str
    at: datetime
    table: str
    status: str
    read: int
    written: int
    quarantined: int
    superseded: int
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run."""

    run_id: str
    status: str
    at: datetime
    seconds: float | None
    snapshot: int | None
    parts: tuple[PartFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """A model's text: its file, the declaring header and what computes."""

    language: Literal["sql", "python"]
    file: str
    text: str
    header: str = ""
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class StateFacts:
    """A table's data in figures; of an external table most are unknown.

    Attributes:
        version: The one that readers see, else the newest.
        published: Whether readers see any.
        newest: The newest version, where it is not the one that readers see.
    """

    rows: int | None = None
    size_bytes: int | None = None
    files: int | None = None
    version: int | None = None
    newest: int | None = None
    published: bool = False
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Everything the site says of one table.

    Attributes:
        freshness_s: How old it may be, as declared.
        remarks: What a reader should know first: not built yet, changed since its last run.
        facts: Further facts, as label and text.
        versions: Of the data, newest first.
        schema_versions: Of the data catalog's entry, newest first: columns, description.
        partition_count: How many partitions there are, of which `partitions` are shown.
        reasons: Rows in its quarantine by the rule that put them there; None: not counted.
        asked: How many queries read it since `SiteFacts.asked_since`.
    """

    name: str
    kind: Kind
    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[ColumnFacts, ...] = ()
    state: StateFacts = field(default_factory=StateFacts)
    freshness_s: int | None = None
    quality: QualityFacts | None = None
    ruleset: str = ""
    on_violation: str = ""
    remarks: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    partition_columns: tuple[str, ...] = ()
    partitions: tuple[PartitionFacts, ...] = ()
    partition_count: int = 0
    versions: tuple[VersionFacts, ...] = ()
    schema_versions: tuple[VersionFacts, ...] = ()
    parts: tuple[PartFacts, ...] = ()
    code: CodeFacts | None = None
    quarantined_rows: int = 0
    reasons: tuple[tuple[str, int], ...] | None = ()
    asked: int = 0

    @property
    def database(self) -> str:
        """The database that it is in."""
        return self.name.partition(".")[0]

    @property
    def short(self) -> str:
        """Its name within its database."""
        return self.name.partition(".")[2]


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """One database; its tables are in `SiteFacts.tables`."""

    name: str
    description: str = ""
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The whole lake.

    Attributes:
        as_of: The moment that the site describes: of the last thing that happened in the lake.
        tables: By name, in order.
        seen_by: The principal whose view this is; empty for the owner's, who sees everything.
    """

    lake: str
    environment: str
    engine: str
    snapshot: int
    as_of: datetime | None
    databases: tuple[DatabaseFacts, ...]
    tables: Mapping[str, TableFacts]
    runs: tuple[RunFacts, ...]
    graph: LineageGraph
    asked_since: datetime | None = None
    seen_by: str = ""
