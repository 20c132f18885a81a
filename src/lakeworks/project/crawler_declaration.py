"""What a project declares of its crawlers. Pure data; the words are those of Glue's CreateCrawler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Location

UpdateBehavior = Literal["update_in_database", "log"]
DeleteBehavior = Literal["deprecate_in_database", "delete_from_database", "log"]
RecrawlBehavior = Literal["crawl_everything", "crawl_new_folders_only"]
ContainsHeader = Literal["present", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class Target:
    """A folder or a prefix of a bucket.

    Attributes:
        path: An absolute folder, or `s3://bucket/prefix`.
        declared_path: As written, for messages.
        exclusions: Globs of what is left out.
        sample_size: At most so many files of each folder are looked into; None for all.
    """

    path: str
    declared_path: str
    exclusions: tuple[str, ...] = ()
    sample_size: int | None = None


@dataclass(frozen=True, slots=True)
class GrokClassifier:
    """Lines that a grok expression takes apart."""

    name: str
    classification: str
    grok_pattern: str
    custom_patterns: str = ""


@dataclass(frozen=True, slots=True)
class JsonClassifier:
    """Which elements of JSON documents are rows."""

    name: str
    json_path: str


@dataclass(frozen=True, slots=True)
class XmlClassifier:
    """Which XML element is a row."""

    name: str
    classification: str
    row_tag: str


@dataclass(frozen=True, slots=True)
class CsvClassifier:
    """How delimited text is written.

    Attributes:
        header: The columns' names.
        custom_datatypes: Their Hive types, in the same order.
    """

    name: str
    delimiter: str = ""
    quote_symbol: str = '"'
    contains_header: ContainsHeader = "unknown"
    header: tuple[str, ...] = ()
    custom_datatypes: tuple[str, ...] = ()
    disable_value_trimming: bool = True
    allow_single_column: bool = False
    serde: str = ""


Classifier = GrokClassifier | JsonClassifier | XmlClassifier | CsvClassifier


@dataclass(frozen=True, slots=True)
class Crawler:
    """One file of `crawlers/`.

    Attributes:
        database: Where tables are made; empty where only catalog tables are crawled.
        targets: Folders and prefixes; where there are some, `tables` is empty.
        tables: Tables of the catalog, whose own folders are crawled.
        update: What happens where a table's schema changed.
        delete: What happens where a table or partition is no longer there.
        combine: `CombineCompatibleSchemas`: one table a target wherever formats allow.
        table_level: The level at which tables lie, counted from the bucket (1) or, for
            folders, from the project's folder.
        inherit_from_table: Partitions have the table's columns, not their own.
        merge_new_columns: Of a changed schema, only new columns are taken over.
        table_threshold: More tables than that, and nothing is written.
    """

    name: str
    at: Location
    database: str = ""
    targets: tuple[Target, ...] = ()
    tables: tuple[TableName, ...] = ()
    description: str = ""
    table_prefix: str = ""
    schedule: str = ""
    classifiers: tuple[Classifier, ...] = ()
    update: UpdateBehavior = "update_in_database"
    delete: DeleteBehavior = "deprecate_in_database"
    recrawl: RecrawlBehavior = "crawl_everything"
    combine: bool = False
    table_level: int | None = None
    inherit_from_table: bool = False
    merge_new_columns: bool = False
    table_threshold: int | None = None
