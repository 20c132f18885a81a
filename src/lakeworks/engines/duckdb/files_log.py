"""Read web server logs into bronze: one regular expression with named groups a line.

Groups of the common and combined formats get types; groups of a custom pattern are text unless
the source declares `types:`. A line that the pattern does not match is quarantined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core import log_patterns
from lakeworks.core.log_patterns import PATTERNS
from lakeworks.core.names import quote_literal
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb import text_fit
from lakeworks.engines.duckdb.files_sink import (
    BROKEN,
    DOUBTFUL,
    GOOD,
    SYSTEM_FIELDS,
    Gathered,
    Sink,
    path_list,
    rows_of,
    source_file_of,
    typed_nulls,
    with_fate,
)
from lakeworks.engines.duckdb.heads import heads_of
from lakeworks.engines.duckdb.json_rows import SYSTEM_COLUMNS, usable_name
from lakeworks.engines.errors import LogPatternError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from lakeworks.core.types import Type
    from lakeworks.engines.protocol import ArrivedFile, FileReading
    from lakeworks.storage.files import DataFile

_TYPES: dict[str, Type] = {name: Scalar(kind) for name, kind in log_patterns.TYPES.items()}
_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"
_SCANS, _ERRORS = "__lakeworks_log_scans", "__lakeworks_log_errors"
_LONGEST_LINE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Group:
    """Files that one scan reads together."""

    packing: str
    files: tuple[ArrivedFile, ...]


class LogReader:
    """Reads the log files of one `FileReading`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reading: FileReading) -> None:
        self.con = con
        self.reading = reading
        self.sink = Sink(con, reading)
        self.unreadable: dict[str, str] = {}
        named = str(reading.options.get("pattern") or "combined")
        self.built_in = named in PATTERNS
        self.pattern = PATTERNS.get(named, named)
        self.groups = _group_names(self.pattern)
        self.schema = self._schema()

    def _schema(self) -> Schema:
        known = self.reading.known or Schema()
        declared = self.reading.types
        types: Mapping[str, Type] = {} if declared == "infer" else declared
        fields = [
            Field(name, types.get(name) or self._own_type(name))
            for name in self.groups
            if name not in known
        ]
        grows = self.reading.known is None or self.reading.mode == "evolve"
        return Schema((*known, *fields)) if grows else known

    def _own_type(self, name: str) -> Type:
        return _TYPES.get(name, Scalar("string")) if self.built_in else Scalar("string")

    def plan(self) -> list[Group]:
        """Group files by how they are packed; leave empty ones out."""
        groups: dict[str, list[ArrivedFile]] = {}
        for file, head in heads_of(self.reading.files):
            if head.fault:
                self.unreadable[file.source_file] = head.fault
            elif not head.empty:
                groups.setdefault(head.packing, []).append(file)
        return [Group(packing, tuple(files)) for packing, files in groups.items()]

    def read(self, group: Group) -> Gathered:
        """Read one group; writes nothing of it when the engine fails."""
        self._drop_errors()
        files = self.sink.copy(self._select(group), self.schema)
        gathered = Gathered(added=files[GOOD], written=rows_of(files[GOOD]), schema=self.schema)
        if files[BROKEN] or files[DOUBTFUL]:
            refused = [*files[BROKEN], *files[DOUBTFUL]]
            gathered.rejected += self._refuse(files[BROKEN], "parse") + self._refuse(
                files[DOUBTFUL], "type"
            )
            gathered.quarantined += rows_of(refused)
            self.sink.discard(refused)
        self._broken(group, gathered)
        return gathered

    def _select(self, group: Group) -> str:
        source_file, join = source_file_of(group.files)
        texts = {name: f"nullif(found.g{n}, '')" for n, name in enumerate(self.groups)}
        having = {}
        left: list[tuple[str, str, str]] = []
        for name, text in texts.items():
            field = self.schema.get(name)
            if field is None:
                left.append((name, text, f"{text} IS NOT NULL"))
                continue
            value = f"nullif({text}, '-')" if self.built_in else text
            having[field.name] = _typed(value, field.type)
            wrong = _misfit(value, field.type)
            if wrong:
                left.append((name, value, wrong))
        fate = f"CASE WHEN NOT hit THEN {BROKEN} ELSE {GOOD} END"
        rescued = text_fit.as_json_object(left)
        if self.reading.mode == "strict" and left:
            fate = (
                f"CASE WHEN NOT hit THEN {BROKEN} "
                f"WHEN {text_fit.any_of(when for _, _, when in left)} THEN {DOUBTFUL} "
                f"ELSE {GOOD} END"
            )
            rescued = f"CASE WHEN {rescued} IS NOT NULL THEN line END"
        whole = Schema((*self.schema, *SYSTEM_FIELDS))
        items = [
            *typed_nulls(self.schema, having),
            self.sink.stamps(source_file),
            f"CASE WHEN NOT hit THEN line ELSE {rescued} END AS _rescued",
            with_fate(fate, whole),
        ]
        names = "[" + ", ".join(f"'g{n}'" for n in range(len(self.groups))) + "]"
        pattern = quote_literal(_without_names(self.pattern))
        lines = (
            f"SELECT line, filename, regexp_matches(line, {pattern}) AS hit, "
            f"regexp_extract(line, {pattern}, {names}) AS found "
            f"FROM {self._scan(group)} WHERE trim(line) <> ''"
        )
        return f"SELECT {', '.join(items)} FROM ({lines}) AS __rows {join}"

    def _scan(self, group: Group) -> str:
        return (
            f"read_csv({path_list(f.uri for f in group.files)}, columns = {{line: 'VARCHAR'}}, "
            "delim = '\x01', quote = '', escape = '', header = false, auto_detect = false, "
            f"filename = true, hive_partitioning = false, compression = '{group.packing}', "
            f"max_line_size = {_LONGEST_LINE_BYTES}, store_rejects = true, rejects_limit = 0, "
            f"rejects_scan = '{_SCANS}', rejects_table = '{_ERRORS}')"
        )

    def _refuse(self, files: list[DataFile], rule: str) -> list[DataFile]:
        if not files:
            return []
        errors = {
            "parse": "the line does not match the log pattern",
            "type": "values that do not fit, or fields the table does not have",
        }
        return self.sink.reject_select(
            f"SELECT _rescued AS row, '{rule}' AS rule, '{errors[rule]}' AS error, "
            "_source_file AS source_file, NULL::BIGINT AS source_row "
            f"FROM read_parquet({self.sink.uris(files)}, hive_partitioning = false)"
        )

    def _broken(self, group: Group, into: Gathered) -> None:
        """Quarantine lines that are not text."""
        places = ", ".join(
            f"({quote_literal(f.uri)}, {quote_literal(f.source_file)})" for f in group.files
        )
        files = self.sink.reject_select(
            "SELECT any_value(csv_line) AS row, 'parse' AS rule, "
            "any_value(error_message) AS error, source_file, line AS source_row "
            f"FROM {_ERRORS} JOIN {_SCANS} USING (scan_id, file_id) "
            f"JOIN (VALUES {places}) AS __name(uri, source_file) ON uri = file_path "
            "GROUP BY source_file, line"
        )
        into.rejected += files
        into.quarantined += rows_of(files)
        self._drop_errors()

    def _drop_errors(self) -> None:
        for name in (_ERRORS, _SCANS):
            self.con.execute(f"DROP TABLE IF EXISTS {name}")


def _typed(text: str, kind: Type) -> str:
    if kind == Scalar("timestamp"):
        parsed = f"try_strptime({text}, '{_TIME_FORMAT}')"
        return f"coalesce({parsed}, TRY_CAST({text} AS TIMESTAMPTZ))"
    return text_fit.typed(text, kind)


def _misfit(text: str, kind: Type) -> str:
    if kind == Scalar("timestamp"):
        return f"({text} IS NOT NULL AND {_typed(text, kind)} IS NULL)"
    return text_fit.misfit(text, kind)


def _group_names(pattern: str) -> tuple[str, ...]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LogPatternError.wrong(pattern, str(error)) from error
    names = tuple(compiled.groupindex)
    wrong = [n for n in names if not usable_name(n) or n.casefold() in SYSTEM_COLUMNS]
    if not names or len(names) != compiled.groups or wrong:
        raise LogPatternError.groups(pattern, wrong)
    return names


def _without_names(pattern: str) -> str:
    return re.sub(r"\(\?P<[^>]+>", "(", pattern)
