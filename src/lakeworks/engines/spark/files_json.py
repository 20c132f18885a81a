"""Read JSON files on a cluster: the embedded engine's reader, its three parts spread over tasks.

A pass divides documents by whether they fit; a look at those that do not lets the schema grow, as
one decision for all of them; then they are settled. Large plain files of lines are passed over
in pieces; the line numbers of a piece's rejects go on from those of the pieces before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.file_pieces import is_packed, spans, weight_of
from lakeworks.engines.duckdb.file_tasks import JsonPart, LookAtJson, PassOverJson, SettleJson
from lakeworks.engines.duckdb.files_json import JsonReader, Passed
from lakeworks.engines.duckdb.files_sink import Gathered, rows_of
from lakeworks.engines.duckdb.json_doubts import Doubts
from lakeworks.engines.duckdb.json_rows import Evidence
from lakeworks.engines.spark.files import of_files, part_bytes, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.duckdb.file_tasks import JsonPassed
    from lakeworks.engines.duckdb.files_json import Group
    from lakeworks.engines.protocol import FileReading
    from lakeworks.engines.spark.tasks import Runner

LARGEST_PIECE_BYTES = 256 * 1024 * 1024


class SpreadJsonReader(JsonReader):
    """Reads the JSON files of one `FileReading` by tasks."""

    def __init__(self, runner: Runner, reading: FileReading) -> None:
        super().__init__(runner.statements.con, reading)
        self._runner = runner
        self._parts: list[tuple[JsonPart, JsonPassed]] = []

    def read(self, group: Group) -> Gathered:
        """Read one group; files that cannot be read are named in `unreadable`."""
        first_load = self._first_load
        gathered = super().read(group)
        if all(file.source_file in self.unreadable for file in group.files):
            self._first_load = first_load
        return gathered

    def _pass(self, group: Group) -> Passed:
        common = self._common_keys()
        parts = list(self._divided(group))
        tasks = [PassOverJson(part, self.schema, common) for part in parts]
        results = self._runner.run(tasks, [part.reading.files for part in parts])
        for passed in results:
            self.unreadable |= passed.unreadable
        self._parts = []
        total = Passed()
        for part, passed in zip(parts, results, strict=True):
            if part.span is not None and part.reading.files[0].source_file in self.unreadable:
                # Of a file that fails in one piece, no other piece counts.
                self.sink.discard([*passed.good, *passed.doubtful, *passed.broken])
                continue
            self._parts.append((part, passed))
            total.good += passed.good
            total.doubtful += passed.doubtful
            total.broken += passed.broken
        return total

    def _divided(self, group: Group) -> Iterator[JsonPart]:
        most = min(part_bytes(self._runner, self.reading), LARGEST_PIECE_BYTES)
        whole = [
            file
            for file in group.files
            if group.layout != "lines"
            or group.packing not in {"none", "auto_detect"}
            or is_packed(file)
            or weight_of(file) <= 2 * most
        ]
        bare = replace(group, files=())
        for files in parts_of(self._runner, self.reading, whole):
            yield JsonPart(of_files(self.reading, files), bare)
        kept = {file.source_file for file in whole}
        for file in group.files:
            if file.source_file not in kept:
                for span in spans(file.size_bytes, most):
                    yield JsonPart(of_files(self.reading, [file]), bare, span)

    def _look(self, done: Passed) -> Doubts | None:
        if not done.doubtful:
            return None
        parts = [(part, passed) for part, passed in self._parts if passed.doubtful]
        tasks = [
            LookAtJson(part.reading, Passed(doubtful=passed.doubtful), self.schema)
            for part, passed in parts
        ]
        doubts = Doubts(self.schema, settled=None)
        for seen in self._runner.run(tasks, [part.reading.files for part, _ in parts]):
            doubts.seen.join(seen.seen)
            for name, evidence in seen.misfits.items():
                doubts.misfits.setdefault(name, Evidence()).join(evidence)
        return doubts

    def _finish(  # the parts know their group
        self, group: Group, done: Passed, doubts: Doubts | None
    ) -> Gathered:
        del group
        if done.doubtful:
            self._grow(done, doubts)
        gathered = Gathered(schema=self.schema)
        tasks: list[SettleJson] = []
        for part, passed in self._numbered():
            if passed.doubtful or passed.broken:
                settled = Passed(passed.good, passed.doubtful, passed.broken)
                tasks.append(SettleJson(part, settled, self.schema))
            else:
                gathered.added += passed.good
                gathered.written += rows_of(passed.good)
        for one in self._runner.run(tasks, [task.part.reading.files for task in tasks]):
            gathered.take(one)
        self.sink.discard([*done.doubtful, *done.broken])
        return gathered

    def _numbered(self) -> Iterator[tuple[JsonPart, JsonPassed]]:
        """Yield the parts; those of pieces with how many lines come before them."""
        before: dict[str, int] = dict(self.reading.options.get("line_offsets") or {})
        for part, passed in self._parts:
            if part.span is None:
                yield part, passed
                continue
            name = part.reading.files[0].source_file
            options = {**part.reading.options, "line_offsets": dict(before)}
            yield replace(part, reading=replace(part.reading, options=options)), passed
            before[name] = before.get(name, 0) + passed.lines
