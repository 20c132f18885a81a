"""Read the CSV and log files of an external table where they lie.

Every value arrives as text; `external_values` gives it its type. A line with too few values ends
in nulls, and values beyond the last column are left out, as Hive's SerDes do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Array, Map, Struct
from lakeworks.engines.duckdb.csv_dialect import Dialect
from lakeworks.engines.duckdb.csv_ends import may_end_in_quotes
from lakeworks.engines.duckdb.external_parts import FILE_COLUMN, Scans, looked_at, no_rows
from lakeworks.engines.duckdb.external_values import LOG_MOMENT, Values
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.types import Type
    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.engines.duckdb.external_patterns import LinePattern
    from lakeworks.engines.duckdb.heads import Head, Packing
    from lakeworks.storage.external import ExternalFile, ExternalSource, ReadOptions

# So many values beyond the last column are left out of a line; more are an error.
_MOST_BEYOND = 32
# A scan of more files a thread does not tell of a quote that is never closed.
_DOUBTFUL_AT_ONCE = 2
_LONGEST_LINE_BYTES = 64 * 1024 * 1024
_NEVER = "\x7fnever\x7f"
# Python's names of encodings, as the engine spells them.
_ENCODINGS = {
    "utf-8": "utf-8", "utf8": "utf-8", "ascii": "utf-8", "us-ascii": "utf-8",
    "latin-1": "latin-1", "latin1": "latin-1", "iso-8859-1": "latin-1",
    "utf-16": "utf-16", "utf16": "utf-16",
}  # fmt: skip


def csv_select(source: ExternalSource, opener: Opener) -> str:
    """Return a SELECT of CSV files' rows."""
    options = source.options
    names = [f"c{n}" for n in range(len(source.data_fields))]
    values = Values(source.name, options.null_for_invalid, unix_dates=options.unix_dates)
    columns = [
        values.column(_shaped(_csv_text(source, name), f.type, source), f)
        for name, f in zip(names, source.data_fields, strict=True)
    ]
    scans, parts = Scans(source, values, str, columns), []
    for alike, files in _alike(source, opener).items():
        dialect = Dialect(
            options.delimiter,
            options.quote,
            alike.escape,
            (),
            options.skip_lines,
            alike.encoding,
        )
        whole, doubtful = _by_end(files, opener, alike.packing, dialect)
        if whole:
            parts.append(_scanned(scans, whole, _written(dialect, names, padded=True), alike))
        for at in range(0, len(doubtful), _DOUBTFUL_AT_ONCE):
            few = doubtful[at : at + _DOUBTFUL_AT_ONCE]
            parts.append(_scanned(scans, few, _written(dialect, names, padded=False), alike))
    return "\nUNION ALL\n".join(parts) or no_rows(source)


def log_select(source: ExternalSource, opener: Opener, pattern: LinePattern) -> str:
    """Return a SELECT of log files' rows; a line that the pattern does not match is all null."""
    values = Values(source.name, source.options.null_for_invalid, moment_format=LOG_MOMENT)
    null_text = source.options.null_text
    columns = []
    for f in source.data_fields:
        text = pattern.group(f.name)
        if null_text is not None:
            text = f"nullif({text}, {quote_literal(null_text)})"
        columns.append(values.column(text, f))
    fixed = (
        f"columns = {{line: 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', "
        f"skip = {source.options.skip_lines}, null_padding = true, strict_mode = false"
    )
    scans, parts = Scans(source, values, str, columns), []
    matched, wanted = pattern.matched("line"), pattern.wanted("line")
    lines = f"(SELECT {FILE_COLUMN}, {matched} FROM {{}} WHERE {wanted})"
    for alike, files in _alike(source, opener).items():
        parts.append(_scanned(scans, files, fixed, alike, rows=lines))
    return "\nUNION ALL\n".join(parts) or no_rows(source)


def _csv_text(source: ExternalSource, name: str) -> str:
    null_text = source.options.null_text
    text = f"__row.{name}"
    return text if null_text is None else f"nullif({text}, {quote_literal(null_text)})"


def _shaped(text: str, kind: Type, source: ExternalSource) -> str:
    """Return a text as lists, maps and structs of texts, by the delimiters of their depth."""
    options = source.options
    marks = [options.item_delimiter, options.key_delimiter, *map(chr, range(4, 9))]
    return _divided(text, kind, marks, 0)


def _divided(text: str, kind: Type, marks: list[str], depth: int) -> str:
    mark = quote_literal(marks[min(depth, len(marks) - 1)])
    next_mark = quote_literal(marks[min(depth + 1, len(marks) - 1)])
    filled = f"nullif({text}, '')"
    one = f"__p{depth}"
    match kind:
        case Array(element):
            inner = _divided(one, element, marks, depth + 1)
            return f"list_transform(string_split({filled}, {mark}), lambda {one}: {inner})"
        case Map(_, value):
            parts = f"string_split({one}, {next_mark})"
            held = _divided(f"{parts}[2]", value, marks, depth + 2)
            pairs = f"struct_pack(k := {parts}[1], v := {held})"
            entries = f"list_transform(string_split({filled}, {mark}), lambda {one}: {pairs})"
            return f"CASE WHEN {filled} IS NOT NULL THEN map_from_entries({entries}) END"
        case Struct(fields):
            parts = f"string_split({filled}, {mark})"
            held = ", ".join(
                f"{quote_identifier(f.name)} := "
                + _divided(f"{parts}[{n}]", f.type, marks, depth + 1)
                for n, f in enumerate(fields, 1)
            )
            return f"CASE WHEN {filled} IS NOT NULL THEN struct_pack({held}) END"
        case _:
            return text


def _scanned(
    scans: Scans, files: Sequence[ExternalFile], fixed: str, alike: _Alike, *, rows: str = "{}"
) -> str:
    """Return the SELECT of files that are written alike.

    Args:
        fixed: Options of the scan.
        rows: What makes rows of the scan that stands for `{}`.
    """

    def with_files(listed: str) -> str:
        scan = (
            f"read_csv({listed}, {fixed}, encoding = '{alike.encoding}', "
            f"compression = '{alike.packing}', header = false, auto_detect = false, "
            f"filename = '{FILE_COLUMN}', hive_partitioning = false, "
            f"nullstr = {quote_literal(_NEVER)}, max_line_size = {_LONGEST_LINE_BYTES})"
        )
        return rows.replace("{}", scan, 1)

    return replace(scans, scan=with_files).select(files)


def _written(dialect: Dialect, names: list[str], *, padded: bool) -> str:
    """Return the options that tell a scan how files are written.

    Args:
        padded: Whether lines may be too short or too long. Quoted line breaks and lines too
            short to be whole cannot both be told by many threads; and what is not strict
            reads three quotes in a row wrongly, so that values too many get columns.
    """
    fixed = (
        f"delim = {quote_literal(dialect.delimiter)}, quote = {quote_literal(dialect.quote)}, "
        f"escape = {quote_literal(dialect.escape)}, skip = {dialect.skip}"
    )
    if not padded:
        return f"{fixed}, columns = {_texts(names)}"
    columns = _texts([*names, *(f"x{n}" for n in range(_MOST_BEYOND))])
    parallel = str(not dialect.quote).lower()
    return f"{fixed}, columns = {columns}, null_padding = true, parallel = {parallel}"


def _texts(names: Sequence[str]) -> str:
    return "{" + ", ".join(f"{name}: 'VARCHAR'" for name in names) + "}"


def _by_end(
    files: Sequence[ExternalFile], opener: Opener, packing: Packing, dialect: Dialect
) -> tuple[list[ExternalFile], list[ExternalFile]]:
    """Divide files into those that surely do not end within quotes, and others.

    What follows a quote that nothing closes would be dropped without a word where lines may be
    too short; so the others' lines must be whole.
    """
    if not dialect.quote:
        return list(files), []
    doubtful = [may_end_in_quotes(opener.arrived(file), packing, dialect) for file in files]
    pairs = list(zip(files, doubtful, strict=True))
    return [f for f, doubt in pairs if not doubt], [f for f, doubt in pairs if doubt]


@dataclass(frozen=True, slots=True)
class _Alike:
    """What files share that one scan reads."""

    packing: Packing
    encoding: str
    escape: str


def _alike(source: ExternalSource, opener: Opener) -> dict[_Alike, list[ExternalFile]]:
    groups: dict[_Alike, list[ExternalFile]] = {}
    for file, head in looked_at(source, opener):
        escape = _escape(source.options, head)
        alike = _Alike(head.packing, _encoding(source, file, head), escape)
        groups.setdefault(alike, []).append(file)
    return groups


def _escape(options: ReadOptions, head: Head) -> str:
    """Return what stands before a quote in a file: such readers take a quote for it too."""
    if not options.quote:
        return ""
    said = options.escape or options.quote
    return said if f"{said}{options.quote}".encode() in head.data else options.quote


def _encoding(source: ExternalSource, file: ExternalFile, head: Head) -> str:
    declared = source.options.encoding
    said = head.encoding if head.encoding == "utf-16" else declared
    found = _ENCODINGS.get(said.strip().lower().replace("_", "-"))
    if found is None:
        known = ", ".join(sorted(set(_ENCODINGS.values())))
        problem = f"is written in {declared}, which is not read"
        raise ExternalDataError.met(source.name, file.uri, problem, f"known are {known}")
    return found
