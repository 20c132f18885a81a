"""How the files of an external table are read: from Glue's SerDes and parameters, and back. Pure.

AWS documents the parameters with each SerDe, https://docs.aws.amazon.com/athena/latest/ug/ :
`lazy-simple-serde`, `csv-serde`, `openx-json-serde`, `hive-json-serde`, `grok-serde`, `regex-serde`.
Two of ours keep what no SerDe says: `lakeworks.escape` (a quote in quotes is doubled, and nothing
else) and `lakeworks.pattern` (a log's pattern as it was declared).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import UnreadableTableError
from lakeworks.catalog.data_catalog.formats import (
    AVRO_SERDE,
    FORMATS,
    GROK_SERDE,
    JSON_SERDE,
    LAZY_SIMPLE_SERDE,
    OPEN_CSV_SERDE,
    ORC_SERDE,
    PARQUET_SERDE,
    REGEX_SERDE,
)
from lakeworks.catalog.data_catalog.model import MANAGED, MATERIALIZED_VIEW, VIRTUAL_VIEW
from lakeworks.core.log_patterns import PATTERNS
from lakeworks.storage.external import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.catalog.data_catalog.model import StorageDescriptor, TableEntry
    from lakeworks.storage.external import ExternalFormat

ESCAPE, PATTERN = "lakeworks.escape", "lakeworks.pattern"
SKIPPED_LINES = "skip.header.line.count"
NULL_FOR_INVALID = "use.null.for.invalid.data"
_LIBRARIES: dict[str, ExternalFormat] = {
    LAZY_SIMPLE_SERDE: "csv", OPEN_CSV_SERDE: "csv", JSON_SERDE: "json",
    "org.apache.hive.hcatalog.data.JsonSerDe": "json",
    "org.apache.hadoop.hive.serde2.JsonSerDe": "json",
    "com.amazon.ionhiveserde.IonHiveSerDe": "json",
    PARQUET_SERDE: "parquet", ORC_SERDE: "orc", AVRO_SERDE: "avro", GROK_SERDE: "log",
    REGEX_SERDE: "log", "org.apache.hadoop.hive.contrib.serde2.RegexSerDe": "log",
}  # fmt: skip
_CLASSIFICATIONS: dict[str, ExternalFormat] = {
    "csv": "csv", "tsv": "csv", "json": "json", "parquet": "parquet", "orc": "orc",
    "avro": "avro", "xml": "xml", "log": "log", "grok": "log",
}  # fmt: skip
_OTHER_TABLES = ("delta", "iceberg", "hudi")
# Hive's other spelling of a name, and `field.delim` left out.
_HIVE_DELIMITER, _ITEMS, _KEYS = "\x01", "\x02", "\x03"
_NAMED_GROUP = re.compile(r"\(\?P<[^>]+>")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What reads the files of a table."""

    format: ExternalFormat
    options: ReadOptions


def file_format(entry: TableEntry) -> FileFormat:
    """Return how the files of an external table are read.

    Raises:
        UnreadableTableError: it is a view, another kind of table, or nobody says what it is.
    """
    parameters = {key.lower(): value for key, value in entry.parameters.items()}
    kind = parameters.get("table_type", "").lower() or entry.classification.lower()
    if entry.table_type in {MANAGED, MATERIALIZED_VIEW, VIRTUAL_VIEW} or kind in _OTHER_TABLES:
        raise UnreadableTableError.kind(str(entry.name), kind or entry.table_type)
    if "Symlink" in entry.storage.input_format:
        raise UnreadableTableError.kind(str(entry.name), "table of links to files")
    found = _format(entry.storage, entry.classification)
    if found is None:
        raise UnreadableTableError.unknown(
            str(entry.name), entry.storage.serde.library or entry.classification
        )
    serde = {key.lower(): value for key, value in entry.storage.serde.parameters.items()}
    told = parameters | serde
    mapped = {
        key[len("mapping.") :]: value
        for key, value in entry.storage.serde.parameters.items()
        if key.lower().startswith("mapping.")
    }
    return FileFormat(found, _options(found, entry.storage.serde.library, told, mapped))


def _format(storage: StorageDescriptor, classification: str) -> ExternalFormat | None:
    kind = _CLASSIFICATIONS.get(classification.lower())
    library = storage.serde.library
    if not library and "rowTag" in storage.serde.parameters:
        return "xml"
    # Hive's default SerDe is written where nobody chose one.
    if library in {"", LAZY_SIMPLE_SERDE} and kind is not None and kind != "csv":
        return kind
    return _LIBRARIES.get(library) or (kind if not library else None)


def _options(
    format_: ExternalFormat, library: str, told: Mapping[str, str], keys: Mapping[str, str]
) -> ReadOptions:
    lenient = _is_true(told.get(NULL_FOR_INVALID))
    skipped = _whole(told.get(SKIPPED_LINES))
    match format_:
        case "csv" if library == OPEN_CSV_SERDE:
            return ReadOptions(
                delimiter=told.get("separatorchar", ","),
                quote=told.get("quotechar", '"'),
                escape=told.get(ESCAPE, told.get("escapechar", "\\")),
                skip_lines=skipped,
                null_text=told.get("serialization.null.format"),
                unix_dates=True,
                encoding=told.get("serialization.encoding", "utf-8"),
                null_for_invalid=lenient,
            )
        case "csv":
            delimiter = told.get("field.delim") or told.get("serialization.format", "")
            return ReadOptions(
                delimiter=_mark(delimiter) or _HIVE_DELIMITER,
                quote="",
                skip_lines=skipped,
                null_text=told.get("serialization.null.format", "\\N"),
                # Hive spelt it so at first.
                item_delimiter=_mark(
                    told.get("collection.delim") or told.get("colelction.delim")
                )
                or _ITEMS,
                key_delimiter=_mark(told.get("mapkey.delim")) or _KEYS,
                encoding=told.get("serialization.encoding", "utf-8"),
                null_for_invalid=lenient,
            )
        case "json":
            return ReadOptions(
                ignore_malformed=_is_true(told.get("ignore.malformed.json")),
                case_sensitive=told.get("case.insensitive", "true").lower() == "false",
                dots_in_keys=_is_true(told.get("dots.in.keys")),
                keys=keys,
                json_path=told.get("jsonpath", ""),
                null_for_invalid=lenient,
            )
        case "xml":
            return ReadOptions(
                row_tag=told.get("rowtag", ""),
                attribute_prefix=told.get("attributeprefix", "_"),
                value_tag=told.get("valuetag", "_VALUE"),
                null_for_invalid=lenient,
            )
        case "log":
            insensitive = _is_true(told.get("input.regex.case.insensitive"))
            regex = told.get("input.regex", "")
            return ReadOptions(
                pattern=told.get(PATTERN) or (f"(?i){regex}" if insensitive else regex),
                grok=told.get("input.format", "") or told.get("grokpattern", ""),
                grok_patterns=told.get("input.grokcustompatterns", ""),
                skip_lines=skipped,
                null_text=told.get("serialization.null.format"),
                encoding=told.get("serialization.encoding", "utf-8"),
                null_for_invalid=lenient,
            )
        case _:
            return ReadOptions()


def described_as(
    format_: ExternalFormat, options: ReadOptions
) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return how Glue says that files are so read.

    Returns:
        The key of `FORMATS`, the SerDe's parameters, and the table's.
    """
    table = {"classification": "grok" if options.grok else str(format_)}
    if options.skip_lines:
        table[SKIPPED_LINES] = str(options.skip_lines)
    serde = {NULL_FOR_INVALID: "TRUE"} if options.null_for_invalid else {}
    if options.encoding != "utf-8":
        serde["serialization.encoding"] = options.encoding
    if options.null_text is not None:
        serde["serialization.null.format"] = options.null_text
    kind, own = _OWN[format_](options) if format_ in _OWN else (format_, _PLAIN)
    return kind, serde | own, table


def _csv_parameters(options: ReadOptions) -> tuple[str, dict[str, str]]:
    if options.quote:
        return "quoted csv", {
            "separatorChar": options.delimiter,
            "quoteChar": options.quote,
            "escapeChar": options.escape or "\\",
            ESCAPE: options.escape,
        }
    return "csv", {
        "field.delim": options.delimiter,
        "serialization.format": options.delimiter,
        "collection.delim": options.item_delimiter,
        "mapkey.delim": options.key_delimiter,
    }


def _xml_parameters(options: ReadOptions) -> tuple[str, dict[str, str]]:
    return "xml", {
        "rowTag": options.row_tag,
        "attributePrefix": options.attribute_prefix,
        "valueTag": options.value_tag,
    }


def _log_parameters(options: ReadOptions) -> tuple[str, dict[str, str]]:
    if options.grok:
        custom = {"input.grokCustomPatterns": options.grok_patterns}
        return "grok", {"input.format": options.grok} | (
            custom if options.grok_patterns else {}
        )
    regex = _NAMED_GROUP.sub("(", PATTERNS.get(options.pattern, options.pattern))
    return "log", {"input.regex": regex, PATTERN: options.pattern}


def _json_parameters(options: ReadOptions) -> tuple[str, dict[str, str]]:
    found = {f"mapping.{column}": key for column, key in options.keys.items()}
    if options.json_path:
        found["jsonPath"] = options.json_path
    said = {
        "ignore.malformed.json": "TRUE" if options.ignore_malformed else "",
        "case.insensitive": "FALSE" if options.case_sensitive else "",
        "dots.in.keys": "TRUE" if options.dots_in_keys else "",
    }
    return "json", found | {name: text for name, text in said.items() if text}


_PLAIN = {"serialization.format": "1"}
_OWN: dict[str, Callable[[ReadOptions], tuple[str, dict[str, str]]]] = {
    "csv": _csv_parameters,
    "json": _json_parameters,
    "xml": _xml_parameters,
    "log": _log_parameters,
}


def _mark(text: str | None) -> str:
    """Return a delimiter, which Hive also writes as a number or an escape."""
    if text is None or len(text) == 1:
        return text or ""
    if re.fullmatch(r"\\?\d{1,3}", text):
        return chr(int(text.lstrip("\\")))
    escapes = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}
    found = re.fullmatch(r"\\u([0-9a-fA-F]{4})", text)
    return chr(int(found[1], 16)) if found else escapes.get(text, text)


def _is_true(text: str | None) -> bool:
    return (text or "").strip().lower() == "true"


def _whole(text: str | None) -> int:
    return int(text) if text and text.strip().isdecimal() else 0


__all__ = ["FORMATS", "FileFormat", "described_as", "file_format"]
