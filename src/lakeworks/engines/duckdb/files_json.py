"""Read JSON files into bronze: lines, arrays and documents that span lines.

One pass takes each document apart as text and tests in the same scan that nothing in it is new
or misfit. Documents that fail the test are looked at one by one (`json_rows.py`); lines that are
no JSON are found again in their files for the quarantine (`json_lines.py`).
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core import events
from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Schema, widest
from lakeworks.engines.duckdb import json_doubts, json_rows
from lakeworks.engines.duckdb.files_sink import (
    BROKEN,
    DOUBTFUL,
    GOOD,
    SYSTEM_FIELDS,
    Gathered,
    RejectFile,
    Sink,
    path_list,
    rows_of,
    source_file_of,
    with_fate,
)
from lakeworks.engines.duckdb.heads import heads_of, json_layout, scan_packing
from lakeworks.engines.duckdb.json_lines import reject_malformed
from lakeworks.engines.duckdb.json_sql import json_shape, keys_of, struct_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from lakeworks.engines.duckdb.files_sink import Reject
    from lakeworks.engines.duckdb.heads import Head
    from lakeworks.engines.duckdb.json_doubts import Doubts
    from lakeworks.engines.duckdb.json_sql import KeyLists
    from lakeworks.engines.protocol import ArrivedFile, FileReading
    from lakeworks.storage.files import DataFile

logger = logging.getLogger(__name__)

LONGEST_DOCUMENT_BYTES = 16 * 1024 * 1024
_SAMPLED_FILES = 16
_SAMPLED_ROWS_OF_OBJECT = 1_000
_COMMON_SHAPES = 3
# Of misfits in a first load, above this share the column's type was guessed wrong.
_WRONG_GUESS_SHARE = 0.05
_PLACEHOLDER = Field("__nothing", json_rows.STRING)


@dataclass(frozen=True, slots=True)
class Group:
    """Files that one scan reads together."""

    layout: str
    packing: str
    files: tuple[ArrivedFile, ...]


@dataclass(slots=True)
class Sample:
    """What the first documents of some files show."""

    evidence: json_rows.Evidence = field(default_factory=json_rows.Evidence)
    documents: list[dict[str, Any]] = field(default_factory=list)

    def add(self, text: str | bytes) -> None:
        """Take one document into account; what is no object tells nothing."""
        try:
            document = json_rows.parse(text if isinstance(text, str) else text.decode())
        except (ValueError, RecursionError):
            return
        if isinstance(document, dict):
            self.evidence.add(document)
            self.documents.append(document)


@dataclass(slots=True)
class Passed:
    """The files of one pass, by the fate of their rows."""

    good: list[DataFile] = field(default_factory=list)
    doubtful: list[DataFile] = field(default_factory=list)
    broken: list[DataFile] = field(default_factory=list)


class JsonReader:
    """Reads the JSON files of one `FileReading`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reading: FileReading) -> None:
        self.con = con
        self.reading = reading
        self.sink = Sink(con, reading)
        self._heads: dict[str, Head] = {}
        self.sample = Sample()
        self._first_load = reading.known is None
        self._full = False
        self.schema = reading.known or Schema()
        self.unreadable: dict[str, str] = {}

    def plan(self) -> list[Group]:
        """Look at every file's beginning; learn the schema; group files that read alike."""
        groups: dict[tuple[str, str], list[ArrivedFile]] = {}
        for file, head in heads_of(self.reading.files):
            if head.fault:
                self.unreadable[file.source_file] = head.fault
            elif head.whole and len(head.data.strip()) == len(head.data) == 1:
                self.unreadable[file.source_file] = "the engine sees nothing in a single byte"
            elif not head.empty:
                layout = self._layout(head)
                packing = scan_packing(file.uri, head.packing)
                groups.setdefault((layout, packing), []).append(file)
                self._heads[file.uri] = head
        planned = [
            Group(layout, packing, tuple(sorted(files, key=self._turn)))
            for (layout, packing), files in groups.items()
        ]
        if self._first_load or self.reading.mode == "evolve":
            for group in planned:
                self._take_sample(group)
            self._grow_by(self.sample.evidence)
        return planned

    def _turn(self, file: ArrivedFile) -> tuple[bool, int]:
        """Packed files first, the longest first: several threads can end a plain one together."""
        return self._heads[file.uri].packing == "none", -file.size_bytes

    def _layout(self, head: Head) -> str:
        if self.reading.options.get("array"):
            return "array"
        return json_layout(head)

    def _take_sample(self, group: Group) -> None:
        step = max(1, len(group.files) // _SAMPLED_FILES)
        for file in group.files[::step][:_SAMPLED_FILES]:
            head = self._heads[file.uri]
            if group.layout == "lines" and head.data:
                for line in head.lines():
                    self.sample.add(line)
            else:
                for text in self._first_documents(group, file):
                    self.sample.add(text)

    def _first_documents(self, group: Group, file: ArrivedFile) -> list[str]:
        import duckdb

        scan = _scan(Group(group.layout, group.packing, (file,)))
        try:
            rows = self.con.execute(
                f"SELECT json::VARCHAR FROM {scan} LIMIT {_SAMPLED_ROWS_OF_OBJECT}"
            ).fetchall()
        except duckdb.Error:
            return []  # the pass itself says what is wrong, and the salvage reads it
        return [row[0] for row in rows if row[0] is not None]

    def read(self, group: Group) -> Gathered:
        """Read one group; writes nothing of it when the engine fails."""
        done = self._pass(group)
        doubts = self._look(done) if self._first_load else None
        wider = self._better_guess(done, doubts) if doubts else None
        if wider is not None:
            self.sink.discard([*done.good, *done.doubtful, *done.broken])
            self.schema = wider
            done, doubts = self._pass(group), None
        self._first_load = False
        return self._finish(group, done, doubts)

    def _pass(self, group: Group) -> Passed:
        return self.pass_over(group, self._common_keys())

    def pass_over(self, group: Group, common: Sequence[KeyLists]) -> Passed:
        """Divide documents into those that fit, are in doubt, or are none; as files of each.

        Args:
            group: Files that are read alike.
            common: Lists of keys that many documents have: see `json_shape`.
        """
        files = self.sink.copy(self._select(group, common), self._columns())
        return Passed(files[GOOD], files[DOUBTFUL], files[BROKEN])

    def _columns(self) -> Schema:
        return self.schema

    def _select(self, group: Group, common: Sequence[KeyLists]) -> str:
        known = self.schema if len(self.schema) else Schema((_PLACEHOLDER,))
        shape = json_shape(known, common)
        source_file, join = source_file_of(group.files)
        columns = "".join(
            f"{expression} AS {quote_identifier(name)}, "
            for name, expression in shape.columns
            if name in self.schema
        )
        fate = with_fate(
            f"CASE WHEN json IS NULL THEN {BROKEN} WHEN {shape.fits} THEN {GOOD} "
            f"ELSE {DOUBTFUL} END",
            Schema((*self.schema, *SYSTEM_FIELDS)),
        )
        taken = (
            f"SELECT json, filename, {shape.keys} AS keys, "
            f"json_transform(json, {quote_literal(shape.structure)}) AS raw FROM {_scan(group)}"
        )
        inner = (
            f"SELECT {columns}{self.sink.stamps(source_file)}, {fate}, json "
            f"FROM ({taken}) AS __taken {join}"
        )
        fate_name = fate.rpartition(" AS ")[2]
        return (
            f"SELECT * EXCLUDE (json), CASE WHEN {fate_name} = {DOUBTFUL} "
            f"THEN json::VARCHAR END AS _rescued FROM ({inner})"
        )

    def _common_keys(self) -> list[KeyLists]:
        shapes: Counter[KeyLists] = Counter()
        paths = [(path, frozenset(names)) for path, names in struct_paths(self.schema)]
        for document in self.sample.documents:
            keys = keys_of(document, paths)
            if keys is not None:
                shapes[keys] += 1
        return [keys for keys, _ in shapes.most_common(_COMMON_SHAPES)]

    def _look(self, done: Passed) -> Doubts | None:
        """Look at the documents in doubt, if there are any."""
        if not done.doubtful:
            return None
        uris = self.sink.uris(done.doubtful)
        strict = self.reading.mode == "strict"
        return json_doubts.look_at(self.con, uris, self.schema, strict=strict)

    def _better_guess(self, done: Passed, doubts: Doubts) -> Schema | None:
        """Return wider types where the sample of a first load misled, or None."""
        total = rows_of(done.good) + rows_of(done.doubtful)
        fields = []
        for f in self.schema:
            seen = doubts.misfits.get(f.name)
            if seen is None:
                fields.append(f)
                continue
            wide = widest(f.type, seen.type())
            if wide is None and sum(seen.kinds.values()) > total * _WRONG_GUESS_SHARE:
                wide = json_rows.STRING
            fields.append(Field(f.name, wide or f.type))
        return Schema(tuple(fields)) if tuple(fields) != self.schema.fields else None

    def _finish(self, group: Group, done: Passed, doubts: Doubts | None) -> Gathered:
        outcomes = self._outcomes(done, doubts) if done.doubtful else ()
        gathered = self.settle(group, done, outcomes)
        self.sink.discard([*done.doubtful, *done.broken])
        return gathered

    def settle(self, group: Group, done: Passed, outcomes: Iterable[str | Reject]) -> Gathered:
        """Write what documents in doubt became, and quarantine what is no JSON."""
        with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
            rejects = RejectFile(Path(folder, "rejects.json"))
            gathered = Gathered(added=list(done.good), written=rows_of(done.good))
            if done.broken:
                reject_malformed(self.con, self.sink.uris(done.broken), group.files, rejects)
            if done.doubtful:
                settled = Path(folder, "settled.json")
                json_doubts.settle(outcomes, settled, rejects)
                self._take_settled(settled, gathered)
            rejects.close()
            gathered.rejected = self.sink.reject_lines(rejects.path)
            gathered.quarantined = rejects.rows
        gathered.schema = self.schema
        return gathered

    def _outcomes(self, done: Passed, doubts: Doubts | None) -> Iterable[str | Reject]:
        """Let the schema grow where it may; return what becomes of documents in doubt."""
        doubts = self._grow(done, doubts)
        if doubts is not None and doubts.settled is not None and doubts.schema == self.schema:
            return doubts.settled
        uris = self.sink.uris(done.doubtful)
        strict = self.reading.mode == "strict"
        return json_doubts.outcomes(self.con, uris, self.schema, strict=strict)

    def _grow(self, done: Passed, doubts: Doubts | None) -> Doubts | None:
        """Let the schema grow where it may by what documents in doubt hold."""
        if self.reading.mode == "evolve":
            doubts = doubts or self._look(done)
        if doubts is not None and self.reading.mode == "evolve":
            self._grow_by(doubts.seen)
        return doubts

    def _grow_by(self, seen: json_rows.Evidence) -> None:
        self.schema, left = json_rows.grow(self.schema, seen)
        if left and not self._full:
            self._full = True
            table = self.reading.table
            most = json_rows.MOST_COLUMNS
            events.emit("ingest.columns_left", table=table, fields=left, most=most)
            logger.warning(
                "%s takes no more than %d columns by itself: the values of further fields "
                "are kept in _rescued",
                table,
                most,
            )

    def _take_settled(self, settled: Path, into: Gathered) -> None:
        if settled.stat().st_size:
            select = json_doubts.settled_select(settled, self.schema, self.sink)
            files = self.sink.copy(select, self.schema)
            into.added += files[GOOD]
            into.written += rows_of(files[GOOD])


def _scan(group: Group) -> str:
    layouts = {"lines": "newline_delimited", "array": "array", "documents": "unstructured"}
    # In arrays and documents an error ends the file, so that it must not pass in silence.
    lenient = "true" if group.layout == "lines" else "false"
    packing = "uncompressed" if group.packing == "none" else group.packing
    return (
        f"read_json_objects({path_list(f.uri for f in group.files)}, "
        f"format = '{layouts[group.layout]}', ignore_errors = {lenient}, filename = true, "
        f"compression = '{packing}', hive_partitioning = false, "
        f"maximum_object_size = {LONGEST_DOCUMENT_BYTES})"
    )
