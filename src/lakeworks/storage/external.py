"""Files that make up a table without a Delta log, as the catalog finds them and engines read them.

Pure data: format, files with their partition's values, columns, and how rows are written in them.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.storage.fetched import FetchedSource
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.types import Field, Schema

ExternalFormat = Literal["json", "csv", "parquet", "avro", "orc", "xml", "log"]
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How rows are written in the files of one table, whatever SerDe said so.

    Attributes:
        delimiter: Between the values of a CSV line.
        quote: Encloses a value of CSV; empty: nothing does.
        escape: Stands before a quote within a quoted value; empty: a quote is doubled.
        skip_lines: Lines at the beginning of each CSV file that hold no row.
        null_text: What a null is written as, in CSV and in logs.
        item_delimiter: Between the items of a list, within a CSV value.
        key_delimiter: Between key and value of a map, within a CSV value.
        unix_dates: Whether dates may be days, and timestamps milliseconds, since 1970.
        encoding: Of CSV and logs, as Python names it.
        ignore_malformed: What is no JSON gives a row of nulls, instead of an error.
        case_sensitive: Whether JSON keys are held to the columns' names letter by letter.
        dots_in_keys: Whether a dot in a JSON key stands for an underscore in a name.
        keys: JSON key of columns whose name differs from it.
        null_for_invalid: A value that does not fit its column's type is null, not an error.
        row_tag: The XML element that is a row.
        attribute_prefix: Stands before an XML attribute's name in a column's.
        value_tag: The column of an XML element's text, beside its attributes and children.
        json_path: Where rows lie within a JSON document (`$.records[*]`); empty: it is one.
        pattern: The regular expression of a log line; groups give columns, by name or in order.
        grok: A grok expression of a log line, in place of a pattern.
        grok_patterns: Patterns of its own that the grok expression uses, one a line.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip_lines: int = 0
    null_text: str | None = None
    item_delimiter: str = "\x02"
    key_delimiter: str = "\x03"
    unix_dates: bool = False
    encoding: str = "utf-8"
    ignore_malformed: bool = False
    case_sensitive: bool = False
    dots_in_keys: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    null_for_invalid: bool = False
    row_tag: str = ""
    attribute_prefix: str = "_"
    value_tag: str = "_VALUE"
    json_path: str = ""
    pattern: str = ""
    grok: str = ""
    grok_patterns: str = ""


@dataclass(frozen=True, slots=True)
class ExternalFile:
    """One file, and the partition that it lies in.

    Attributes:
        uri: An absolute path, or `s3://…`; never URL-encoded.
        values: Of the partition columns, in their order; None is null.
    """

    uri: str
    size_bytes: int
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """What an engine needs to read rows of an external table.

    Attributes:
        name: The table's, for errors.
        schema: The columns in the files, then the partition columns.
        partition_columns: Those whose values come with each file instead of from within it.
        location: The table's folder, without a slash at its end; files may lie elsewhere.
    """

    name: str
    format: ExternalFormat
    schema: Schema
    files: tuple[ExternalFile, ...]
    partition_columns: tuple[str, ...] = ()
    options: ReadOptions = field(default_factory=ReadOptions)
    location: str = ""

    @property
    def rows(self) -> int:
        """How many rows the files hold: nobody knows before they are read."""
        return 0

    @property
    def size_bytes(self) -> int:
        """How many bytes the files take."""
        return sum(file.size_bytes for file in self.files)

    @property
    def data_fields(self) -> tuple[Field, ...]:
        """The columns that the files hold."""
        folded = {name.casefold() for name in self.partition_columns}
        return tuple(f for f in self.schema if f.name.casefold() not in folded)

    @property
    def partition_fields(self) -> tuple[Field, ...]:
        """The columns that the files' places tell, in the order of `ExternalFile.values`."""
        found = (self.schema.get(name) for name in self.partition_columns)
        return tuple(one for one in found if one is not None)

    def table_sources(self) -> Iterator[TableSource]:
        """Give Parquet files as engines read those of a Delta table: a source for each tree."""
        trees: dict[str, list[ExternalFile]] = {}
        for file in self.files:
            tree = self.location if self._is_told_by_path(file) else _tree(file.uri)
            trees.setdefault(tree, []).append(file)
        for tree, files in trees.items():
            root = tree if tree == self.location else _root([file.uri for file in files])
            yield TableSource(
                root,
                self.schema,
                tuple(self._data_file(file, root) for file in files),
                self.partition_columns,
                evolved=True,
            )

    def _is_told_by_path(self, file: ExternalFile) -> bool:
        below = file.uri.removeprefix(f"{self.location}/")
        if not self.location or below == file.uri:
            return False
        return not self.partition_columns or "/" in below

    def _data_file(self, file: ExternalFile, root: str) -> DataFile:
        values = dict(zip(self.partition_columns, file.values, strict=True))
        return DataFile(file.uri[len(root) + 1 :], file.size_bytes, 0, values)


# What SQL can read under a name.
AnySource = TableSource | ExternalSource | FetchedSource


def _tree(uri: str) -> str:
    """Return what files must share to have one root: a bucket, or a first folder."""
    if uri.startswith("s3://"):
        return uri[: uri.index("/", len("s3://"))]
    return uri[: uri.index("/", 1)] if "/" in uri[1:] else ""


def _root(uris: list[str]) -> str:
    """Return the folder of all files: one above theirs, so that each path has a folder in it.

    (A path without one may look like a file that an engine of ours wrote into a flat table,
    and such files hold their partition columns.)
    """
    tree = _tree(uris[0])
    folders = {posixpath.dirname(uri)[len(tree) :] for uri in uris}
    below = posixpath.dirname(posixpath.commonpath([f"/{f.lstrip('/')}" for f in folders]))
    return tree + below.rstrip("/")
