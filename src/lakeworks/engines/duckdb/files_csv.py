"""Read CSV files into bronze: text unless types are declared, columns matched by their names.

Files written alike are read in one scan. The engine sets aside lines that break the dialect,
with number and text; where an open quote swallowed the lines after it, those are read again.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb import csv_division, text_fit
from lakeworks.engines.duckdb.csv_dialect import (
    Dialect,
    dialect_of,
    fault_of,
    inferred,
    rows_of_lines,
)
from lakeworks.engines.duckdb.csv_ends import scans
from lakeworks.engines.duckdb.csv_width import MOST_FIELDS, width_of
from lakeworks.engines.duckdb.files_folders import without
from lakeworks.engines.duckdb.files_sink import (
    DOUBTFUL,
    GOOD,
    SYSTEM_FIELDS,
    Gathered,
    Reject,
    RejectFile,
    Sink,
    path_list,
    rows_of,
    source_file_of,
    typed_nulls,
    with_fate,
)
from lakeworks.engines.duckdb.heads import UNREADABLE, heads_of
from lakeworks.engines.duckdb.json_rows import SYSTEM_COLUMNS, usable_name
from lakeworks.engines.protocol import ArrivedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

    from lakeworks.core.types import Type
    from lakeworks.engines.duckdb.heads import Head, Packing
    from lakeworks.engines.protocol import FileReading
    from lakeworks.storage.files import DataFile

_SCANS, _ERRORS = "__lakeworks_csv_scans", "__lakeworks_csv_errors"
_STRING = Scalar("string")
# The engine holds the errors of a scan in memory of its own, whatever it is told to use.
_MOST_ERROR_BYTES = 256 * 1024 * 1024
_ENDS = {"\r\n": "\\r\\n", "\n": "\\n", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one dialect and header.

    Attributes:
        line_offset: For the rest of a broken file: how many lines came before it.
        wide: Whether the lines that are too wide are to be taken out before the engine reads.
        removed: Where lines were taken out: see `csv_division.Division`.
    """

    dialect: Dialect
    packing: Packing
    files: tuple[ArrivedFile, ...]
    line_offset: int = 0
    wide: bool = False
    removed: Sequence[int] = ()

    def number(self, line: int) -> int:
        """Return the number in its file of a line that has this one here."""
        there = line + self.line_offset
        return there + bisect_right(self.removed, there)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file's beginning shows.

    Attributes:
        dialect: How it is written; None when nothing is.
        fault: Why it cannot be read, or empty.
        sample: Values by column, where types are to be inferred.
        error_bytes: About what the engine would hold of errors for lines that are too wide.
    """

    source_file: str
    dialect: Dialect | None
    packing: Packing
    fault: str
    sample: Mapping[str, list[str]]
    error_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Columns:
    """How a group's columns enter the table: name, expression, type."""

    kept: tuple[tuple[str, str, Type], ...]
    unknown: tuple[tuple[str, str], ...]

    def misfits(self) -> list[tuple[str, str]]:
        found = ((name, text_fit.misfit(text, kind)) for name, text, kind in self.kept)
        return [(name, condition) for name, condition in found if condition]

    def left_over(self) -> list[tuple[str, str, str]]:
        texts = {name: text for name, text, _ in self.kept}
        misfits = [(name, texts[name], when) for name, when in self.misfits()]
        return [*misfits, *((n, text, f"{text} IS NOT NULL") for n, text in self.unknown)]


class CsvReader:
    """Reads the CSV files of one `FileReading`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reading: FileReading) -> None:
        self.con = con
        self.reading = reading
        self.sink = Sink(con, reading)
        self.unreadable: dict[str, str] = {}
        self.schema = reading.known or Schema()
        # By what columns the files have themselves, a header is known, and columns without one.
        self._own = None if reading.known is None else without(reading.known, reading)

    def plan(self) -> list[Group]:
        """Find every file's dialect and header; learn the schema; group files alike."""
        return [part for group in self.planned(self.look()) for part in self.apart(group)]

    def look(self) -> Iterator[Looked]:
        """Find every file's dialect and header."""
        sampled: set[tuple[Dialect, Packing]] = set()
        for file, head in heads_of(self.reading.files):
            dialect, fault, error_bytes = self._look(file, head)
            sample: dict[str, list[str]] = {}
            if self.reading.types == "infer" and dialect is not None and not fault:
                if (dialect, head.packing) not in sampled:
                    _sample(head, dialect, sample)
                sampled.add((dialect, head.packing))
            yield Looked(file.source_file, dialect, head.packing, fault, sample, error_bytes)

    def planned(self, looked: Iterable[Looked]) -> list[Group]:
        """Learn the schema from what was found of each file; group files alike."""
        groups: dict[tuple[Dialect, Packing, bool], list[ArrivedFile]] = {}
        samples: dict[str, list[str]] = {}
        sampled: set[tuple[Dialect, Packing]] = set()
        error_bytes = 0
        for file, found in zip(self.reading.files, looked, strict=True):
            if found.fault:
                self.unreadable[file.source_file] = found.fault
            elif found.dialect is not None:
                if (found.dialect, found.packing) not in sampled:
                    sampled.add((found.dialect, found.packing))
                    for name, values in found.sample.items():
                        samples.setdefault(name, []).extend(values)
                wide = error_bytes + found.error_bytes > _MOST_ERROR_BYTES
                error_bytes += 0 if wide else found.error_bytes
                groups.setdefault((found.dialect, found.packing, wide), []).append(file)
        planned = [
            Group(dialect, packing, tuple(files), wide=wide)
            for (dialect, packing, wide), files in groups.items()
        ]
        if self.reading.known is None or self.reading.mode == "evolve":
            for group in planned:
                self._learn(group.dialect.columns, samples)
        return planned

    def apart(self, group: Group) -> list[Group]:
        """Divide a group into scans each of which tells of every row."""
        if group.wide:
            return [replace(group, files=(file,)) for file in group.files]
        threads = int(self.con.execute("SELECT current_setting('threads')").fetchall()[0][0])
        parts = scans(group.files, group.dialect, group.packing, threads=threads)
        return [replace(group, files=files) for files in parts]

    def _look(self, file: ArrivedFile, head: Head) -> tuple[Dialect | None, str, int]:
        """Return how a file is written, None when nothing is; why it cannot be read; its errors."""
        if head.problem:
            return None, head.problem, 0
        dialect = dialect_of(head, self.reading.options, self._own)
        if dialect is None:
            return None, "" if head.whole else "it begins with 64 KiB of blank lines", 0
        fault = fault_of(head, dialect)
        if fault:
            return dialect, fault, 0
        width = width_of(file, head.packing, dialect)
        if width.most_fields > MOST_FIELDS:
            return dialect, f"a line has more than {MOST_FIELDS:,} fields", 0
        return dialect, "", width.error_bytes

    def _learn(self, names: tuple[str, ...], samples: dict[str, list[str]]) -> None:
        new = [name for name in names if name not in self.schema and _may_be_column(name)]
        fields = [Field(name, self._type(name, samples)) for name in new]
        self.schema = Schema((*self.schema, *fields))

    def _type(self, name: str, samples: dict[str, list[str]]) -> Type:
        if self.reading.types == "infer":
            return inferred(samples.get(name, []))
        folded = {declared.casefold(): t for declared, t in self.reading.types.items()}
        return folded.get(name.casefold(), _STRING)

    def read(self, group: Group) -> Gathered:
        """Read one group; writes nothing of it when the engine fails."""
        return self._without_wide(group) if group.wide else self._scanned(group)

    def _without_wide(self, group: Group) -> Gathered:
        """Read the one file of a group without its lines that are too wide."""
        [file] = group.files
        with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
            rejects = RejectFile(Path(folder, "rejects.json"))
            try:
                division = csv_division.divided(
                    file,
                    group.packing,
                    group.dialect,
                    nulls=self._nulls(),
                    place=Path(folder, "rest.csv"),
                    rejects=rejects,
                )
            except (*UNREADABLE, UnicodeDecodeError) as error:
                return self._unread(file, str(error))
            finally:
                rejects.close()
            if division.error_bytes > _MOST_ERROR_BYTES:
                return self._unread(
                    file, "its quotes leave no telling which lines are too wide"
                )
            rest = Group(division.dialect, "none", (division.rest,), removed=division.removed)
            gathered = self._scanned(rest)
            gathered.rejected += self.sink.reject_lines(rejects.path)
            gathered.quarantined += rejects.rows
        return gathered

    def _unread(self, file: ArrivedFile, why: str) -> Gathered:
        return Gathered(schema=self.schema, unreadable={file.source_file: why})

    def _scanned(self, group: Group) -> Gathered:
        self._drop_errors()
        columns = self._columns(group.dialect)
        files = self.sink.copy(self._select(group, columns), self.schema)
        gathered = Gathered(added=files[GOOD], written=rows_of(files[GOOD]), schema=self.schema)
        if files[DOUBTFUL]:
            gathered.rejected += self._refuse(files[DOUBTFUL])
            gathered.quarantined += rows_of(files[DOUBTFUL])
            self.sink.discard(files[DOUBTFUL])
        self._broken(group, gathered)
        return gathered

    def _columns(self, dialect: Dialect) -> _Columns:
        kept: list[tuple[str, str, Type]] = []
        unknown: list[tuple[str, str]] = []
        for number, name in enumerate(dialect.columns):
            have = self.schema.get(name)
            if have is not None and have.name not in {k[0] for k in kept}:
                kept.append((have.name, f"c{number}", have.type))
            else:
                unknown.append((name, f"c{number}"))
        return _Columns(tuple(kept), tuple(unknown))

    def _select(self, group: Group, columns: _Columns) -> str:
        source_file, join = source_file_of(group.files)
        having = {name: text_fit.typed(text, kind) for name, text, kind in columns.kept}
        items = list(typed_nulls(self.schema, having))
        fate, rescued = GOOD, text_fit.as_json_object(columns.left_over())
        if self.reading.mode == "strict":
            fate, rescued = self._strict(columns)
        whole = Schema((*self.schema, *SYSTEM_FIELDS))
        items += [
            self.sink.stamps(source_file),
            f"{rescued} AS _rescued",
            with_fate(fate, whole),
        ]
        return f"SELECT {', '.join(items)} FROM {self._scan(group)} AS __rows {join}"

    def _strict(self, columns: _Columns) -> tuple[str, str]:
        wrong = text_fit.any_of(condition for _, condition in columns.misfits())
        unknown = text_fit.any_of(f"{text} IS NOT NULL" for _, text in columns.unknown)
        fate = f"CASE WHEN {wrong} OR {unknown} THEN {DOUBTFUL} ELSE {GOOD} END"
        every = [(name, text, "true") for name, text, _ in columns.kept]
        every += [(name, text, "true") for name, text in columns.unknown]
        names = text_fit.names_where(
            [
                *columns.misfits(),
                *((name, f"{text} IS NOT NULL") for name, text in columns.unknown),
            ]
        )
        rule = f"CASE WHEN {unknown} THEN 'schema' ELSE 'type' END"
        told = (
            f"json_object('row', {text_fit.as_json_object(every)}, 'rule', {rule}, "
            f"'error', {names})::VARCHAR"
        )
        return fate, f"CASE WHEN {wrong} OR {unknown} THEN {told} END"

    def _refuse(self, files: list[DataFile]) -> list[DataFile]:
        uris = self.sink.uris(files)
        return self.sink.reject_select(
            "SELECT _rescued->>'row' AS row, _rescued->>'rule' AS rule, "
            "CASE _rescued->>'rule' WHEN 'schema' THEN 'fields the table does not have: ' "
            "ELSE 'values that do not fit: ' END || (_rescued->>'error') AS error, "
            "_source_file AS source_file, NULL::BIGINT AS source_row "
            f"FROM read_parquet({uris}, hive_partitioning = false)"
        )

    def _scan(self, group: Group) -> str:
        d = group.dialect
        names = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(d.columns)))
        nullstr = "[" + ", ".join(quote_literal(null) for null in self._nulls()) + "]"
        new_line = f"new_line = {quote_literal(_ENDS[d.new_line])}, " if d.new_line else ""
        return (
            f"read_csv({path_list(f.uri for f in group.files)}, columns = {{{names}}}, "
            f"delim = {quote_literal(d.delimiter)}, quote = {quote_literal(d.quote)}, "
            f"escape = {quote_literal(d.escape)}, header = false, skip = {d.skip}, "
            f"{new_line}"
            f"encoding = {quote_literal(d.encoding)}, nullstr = {nullstr}, "
            f"auto_detect = false, filename = true, hive_partitioning = false, "
            f"compression = '{group.packing}', store_rejects = true, rejects_limit = 0, "
            f"rejects_scan = '{_SCANS}', rejects_table = '{_ERRORS}')"
        )

    def _nulls(self) -> list[str]:
        return [str(null) for null in self.reading.options.get("null_values") or ("",)]

    def _broken(self, group: Group, into: Gathered) -> None:
        """Quarantine the lines that the scan set aside; read again what they swallowed."""
        rows = self.con.execute(
            "SELECT file_path, line, any_value(csv_line), list(DISTINCT error_message) "
            "FILTER (error_type <> 'TOO MANY COLUMNS'), "
            "max(column_idx) FILTER (error_type = 'TOO MANY COLUMNS'), "
            "bool_or(error_type = 'UNQUOTED VALUE') "
            f"FROM {_ERRORS} JOIN {_SCANS} USING (scan_id, file_id) GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        self._drop_errors()
        if not rows:
            return
        places = {file.uri: file for file in group.files}
        with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
            rejects = RejectFile(Path(folder, "rejects.json"))
            tails: list[Group] = []
            for uri, line, text, messages, fields, open_quote in rows:
                file = places[uri]
                # The engine shows blank lines above a broken one as a part of it.
                shown = text and text.lstrip("\r\n")
                first, _, rest = (shown or "").partition("\n")
                if open_quote and rest.strip():
                    shown = first
                    tails.append(self._tail(group, file, line, rest, folder, len(tails)))
                columns = len(group.dialect.columns)
                error = csv_division.told(messages or (), columns, fields or 0)
                number = group.number(line)
                rejects.add(Reject(shown, "parse", error, file.source_file, number))
            rejects.close()
            into.rejected += self.sink.reject_lines(rejects.path)
            into.quarantined += rejects.rows
            for tail in tails:
                into.take(self.read(tail))

    def _tail(
        self, group: Group, file: ArrivedFile, line: int, rest: str, folder: str, number: int
    ) -> Group:
        path = Path(folder, f"tail{number}.csv")
        path.write_text(rest, encoding="utf-8", newline="")
        dialect = replace(group.dialect, skip=0, encoding="utf-8", new_line="")
        arrived = ArrivedFile(str(path), file.source_file, path.stat().st_size)
        return replace(
            group,
            dialect=dialect,
            packing="none",
            files=(arrived,),
            line_offset=group.line_offset + line,
        )

    def _drop_errors(self) -> None:
        for name in (_ERRORS, _SCANS):
            self.con.execute(f"DROP TABLE IF EXISTS {quote_identifier(name)}")


def _may_be_column(name: str) -> bool:
    return usable_name(name) and name.casefold() not in SYSTEM_COLUMNS


def _sample(head: Head, dialect: Dialect, into: dict[str, list[str]]) -> None:
    text = head.data.decode(dialect.encoding, "replace")
    lines = text.splitlines()[dialect.skip :]
    if not head.whole:
        lines = lines[:-1]
    for row in rows_of_lines(lines, dialect.delimiter, dialect.quote, dialect.escape):
        if len(row) == len(dialect.columns):
            for name, value in zip(dialect.columns, row, strict=True):
                into.setdefault(name, []).append(value)
