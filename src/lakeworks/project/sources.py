"""Read one file of `sources/`: what comes in, and the bronze table that it feeds."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.names import TableName
from lakeworks.core.types import parse_type
from lakeworks.project.declaration import CsvOptions, Location, RecordSchema, Source
from lakeworks.project.errors import (
    INCOMPLETE,
    MISPLACED,
    NAME_REFUSED,
    NOT_IN_THIS_VERSION,
    WRONG_VALUE,
)
from lakeworks.project.headers import check_columns, column_notes, table_or_none
from lakeworks.project.limits import age_s, check_limits, reject_limit
from lakeworks.project.locations import Refused, resolved
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lakeworks.project.declared_yaml import SourceYaml
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.yaml_lines import Document

KINDS = ("files",)
PATTERNS = ("common", "combined")
MAX_TYPE_CHARACTERS = 10_000
_OWN = frozenset({"_source_file", "_ingested_at", "_run_id", "_rescued"})
_NOT_IN_PATHS = ("array", "map", "struct", "binary")
_DECISIVE = frozenset(
    {"table", "from", "path", "format", "csv", "pattern", "types", "partitions"}
)


def read_source(
    text: str, file: str, mistakes: Mistakes, *, root: Path, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one source; note every mistake in it.

    The facts are plain JSON values; `source_of` makes a `Source` of them. With mistakes, they
    are what is sound, or None where that does not tell what is read and how.
    """
    from lakeworks.project.declared_yaml import SourceYaml, validated

    document = read_yaml(text, file, mistakes, variables=variables)
    if document is None:
        return None
    document.note_missing(mistakes, lambda _: False)
    declared = validated(SourceYaml, document, mistakes, needed=_DECISIVE)
    if declared is None:
        return None
    before = len(mistakes.found)
    table = table_or_none(declared.table, document.at("table"), mistakes)
    if table is not None and table.database != "bronze":
        problem = f"a source feeds a bronze table, not {table}"
        hint = f"write table: bronze.{table.table}"
        mistakes.add(document.at("table"), problem, hint, code=MISPLACED)
    _check_kind(declared, document, mistakes)
    path = "" if ("path",) in document.missing else _path(declared, document, root, mistakes)
    _check_format(declared, document, mistakes)
    if declared.types != "infer":
        _check_types("types", declared.types, document, mistakes)
    _check_partitions(declared, document, mistakes)
    check_columns("partition_by", declared.partition_by, document.at, mistakes)
    check_columns("columns", tuple(declared.columns), document.at, mistakes)
    limits = declared.max_rejected, declared.freshness
    check_limits(*limits, document.at, mistakes, retention=declared.retention)
    sound = path != "" and len(mistakes.found) == before
    return _facts(declared, path, document) if sound else None


def source_of(facts: Mapping[str, Any], file: str, root: Path) -> Source:
    """Make a `Source` of what `read_source` found."""
    values = dict(facts)
    types = values.pop("types", {})
    partitions = values.pop("partitions", None)
    path = values.pop("path")
    csv = values.pop("csv", {})
    max_rejected, freshness = values.pop("max_rejected", None), values.pop("freshness", None)
    retention = values.pop("retention", None)
    columns = column_notes(values.pop("columns", {}))
    held = values.pop("record_schema", None)
    if "null_values" in csv:
        csv = {**csv, "null_values": tuple(csv["null_values"])}
    return Source(
        table=TableName.parse(values.pop("table")),
        at=Location(file, values.pop("line")),
        path=str(root / path) if "://" not in path else path,
        csv=CsvOptions(**csv),
        types="infer" if types == "infer" else {k: parse_type(t) for k, t in types.items()},
        partitions=None
        if partitions is None
        else {name: parse_type(text) for name, text in partitions.items()},
        partition_by=tuple(values.pop("partition_by", ())),
        max_rejected=reject_limit(max_rejected) if max_rejected else None,
        freshness_s=age_s(freshness) if freshness else None,
        retention_s=age_s(retention) if retention else None,
        record_schema=RecordSchema(**held) if held else None,
        columns=columns,
        **values,
    )


def _facts(declared: SourceYaml, path: str, document: Document) -> dict[str, Any]:
    facts = declared.model_dump(exclude_defaults=True, by_alias=True, exclude={"from_", "csv"})
    if declared.csv is not None:
        facts["csv"] = declared.csv.model_dump(exclude_defaults=True)
    if declared.format is None and (declared.csv is not None or declared.pattern is not None):
        facts["format"] = "csv" if declared.csv is not None else "log"
    if "pattern" in facts:
        facts["log_pattern"] = facts.pop("pattern")
    return {
        **facts,
        "path": path,
        "declared_path": declared.path,
        "line": document.at("table").line,
    }


def _check_kind(declared: SourceYaml, document: Document, mistakes: Mistakes) -> None:
    if declared.from_ not in KINDS:
        hidden = document.is_hidden("from")
        shown = "named by the variable" if hidden else repr(declared.from_)
        problem = f"a source from {shown} is not part of this version"
        hint = did_you_mean(declared.from_, KINDS)
        mistakes.add(document.at("from"), problem, hint, code=NOT_IN_THIS_VERSION)


def _path(declared: SourceYaml, document: Document, root: Path, mistakes: Mistakes) -> str:
    found = resolved(root, declared.path)
    if isinstance(found, str):
        return found
    _refuse(found, document, mistakes)
    return ""


def _refuse(found: Refused, document: Document, mistakes: Mistakes) -> None:
    mistakes.add(document.at("path"), f"path {found.problem}", found.hint, code=NAME_REFUSED)


def _check_format(declared: SourceYaml, document: Document, mistakes: Mistakes) -> None:
    for key, given, wanted in (
        ("csv", declared.csv is not None, "csv"),
        ("pattern", declared.pattern is not None, "log"),
    ):
        if given and declared.format not in (None, wanted):
            problem = (
                f"{key} is for the format {wanted}, and this source's is {declared.format}"
            )
            mistakes.add(document.at(key), problem, f"leave {key} out", code=INCOMPLETE)
    if declared.csv is not None and declared.pattern is not None:
        problem = "csv and pattern exclude each other: a file is CSV or a log"
        mistakes.add(document.at("pattern"), problem, code=INCOMPLETE)
    if declared.types and declared.format not in (None, "csv", "log"):
        problem = f"types is for CSV and logs; {declared.format} files carry their own types"
        mistakes.add(document.at("types"), problem, "leave types out", code=INCOMPLETE)
    if declared.record_schema is not None and declared.format not in (None, "json", "avro"):
        problem = f"record_schema is for JSON and Avro, and this source's is {declared.format}"
        mistakes.add(document.at("record_schema"), problem, code=INCOMPLETE)
    if declared.pattern is not None and declared.pattern not in PATTERNS:
        _check_pattern(declared.pattern, document, mistakes)


def _check_pattern(pattern: str, document: Document, mistakes: Mistakes) -> None:
    at = document.at("pattern")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = re.compile(pattern).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        reason = "" if document.is_hidden("pattern") else f": {error}"
        mistakes.add(at, f"pattern is not a regular expression{reason}", code=WRONG_VALUE)
        return
    if not groups:
        hint = "name the columns: (?P<status>\\d+), or write common or combined"
        mistakes.add(at, "pattern has no named groups", hint, code=WRONG_VALUE)


def _check_types(
    key: str, types: Mapping[str, str], document: Document, mistakes: Mistakes
) -> None:
    for column, text in types.items():
        at = document.at(key, column)
        if document.is_hidden(key, column) or len(text) > MAX_TYPE_CHARACTERS:
            problem = f"{key}: the type of {column!r} is too long, or comes from a variable"
            mistakes.add(at, problem, "write it out", code=WRONG_VALUE)
            continue
        try:
            parse_type(text)
        except LakeError as error:
            mistakes.add(at, f"{key}.{column}: {error.problem}", error.hint, code=WRONG_VALUE)
        except (ValueError, RecursionError):
            mistakes.add(at, f"{key}: {text[:60]!r} is not a type", code=WRONG_VALUE)


def _check_partitions(declared: SourceYaml, document: Document, mistakes: Mistakes) -> None:
    partitions = declared.partitions or {}
    check_columns("partitions", tuple(partitions), document.at, mistakes)
    _check_types("partitions", partitions, document, mistakes)
    typed = {} if declared.types == "infer" else declared.types
    both = {name.casefold() for name in typed}
    for column, text in partitions.items():
        at = document.at("partitions", column)
        if column.casefold() in both:
            problem = f"{column!r} stands in types and in partitions"
            mistakes.add(at, problem, "leave it out of types", code=WRONG_VALUE)
        if column.casefold() in _OWN:
            problem = f"{column!r} is a column that every bronze table has"
            mistakes.add(at, problem, code=NAME_REFUSED)
        if text.strip().lower().startswith(_NOT_IN_PATHS):
            problem = f"partitions.{column}: the name of a folder holds no {text[:60]}"
            mistakes.add(at, problem, "write string", code=WRONG_VALUE)
