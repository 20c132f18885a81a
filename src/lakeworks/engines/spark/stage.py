"""Stage a load: run a SELECT once, divide its rows, and write the table's new files.

One Spark job writes good rows (divided by the table's partitions), rejected rows (by the rule
they fail) and, empty but for their number, rows that a later one supersedes, each into files of their
own. Then only the narrow part is looked at again: unique columns, and rows that the table has
already. Nothing is committed; what is not part of the result is deleted when the load ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.engines.loads import RECORD_HASH
from lakeworks.engines.reasons import QUARANTINE_SCHEMA, failed, keyless, momentless
from lakeworks.engines.spark import merge, scd2
from lakeworks.engines.spark.columns import SparkColumns
from lakeworks.engines.spark.duplicates import SUPERSEDED, chain, latest
from lakeworks.engines.spark.rejects import Refused, failures, quarantine_rows
from lakeworks.engines.spark.rewriting import Rows
from lakeworks.engines.spark.scratch import GOOD, Scratch
from lakeworks.engines.spark.uniqueness import take_out
from lakeworks.engines.staging import Loading, rows_in
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from lakeworks.engines.protocol import Staged, StageRequest
    from lakeworks.engines.reasons import Reason
    from lakeworks.engines.spark.rejects import Repeated
    from lakeworks.engines.spark.session import SparkLakeSession
    from lakeworks.engines.target import Settled


def stage(session: SparkLakeSession, request: StageRequest) -> Staged:
    """Write the rows of `request.sql` as data files; see `StageRequest`."""
    columns = SparkColumns.of(request, session.describe(request.sql))
    scratch = Scratch(session)
    work = _Load(request=request, columns=columns, session=session, scratch=scratch)
    with scratch.clearing():
        work.divide()
        work.check_unique()
        work.meet_target()
        work.write_rejects()
    return work.staged()


@dataclass(kw_only=True)
class _Load(Loading):
    """One load under way.

    Attributes:
        repeats: Of rules that ask for unique values: which values occur again.
    """

    session: SparkLakeSession
    scratch: Scratch
    columns: SparkColumns
    refused: list[Refused] = field(default_factory=list)
    repeats: list[Repeated] = field(default_factory=list)

    def divide(self) -> None:
        """Write all rows, each to the files of its kind."""
        reasons = self._reasons()
        kind = self.columns.free("__kind")
        rows = self._kinds(reasons, kind)
        written = self.scratch.write(
            self._settled(rows, kind),
            self.request.root,
            self.columns.final,
            partition_by=self.request.partition_by,
            divide_by=kind if reasons else None,
            last=self._last(),
            table=self.request.table,
        )
        self.read = sum(w.file.rows for w in written)
        events.emit("step.progress", table=self.request.table, rows=self.read)
        self.good = [w.file for w in written if w.divided in {GOOD, None}]
        out = [w.file for w in written if w.divided == SUPERSEDED]
        self.superseded = rows_in(out)
        self.scratch.discard(self.request.root, out)
        for i, (_, reason) in enumerate(reasons):
            files = [w.file for w in written if w.divided == f"rejected-{i}"]
            if files:
                also = tuple((other.rule, failing) for failing, other in reasons[i + 1 :])
                rows = self._rows(files).frame()
                self.refused.append(Refused(rows, rows_in(files), reason, also))
                self.scratch.discard(self.request.root, files)

    def check_unique(self) -> None:
        """Reject all rows that share a value which must be unique."""
        for check in self.request.checks:
            if check.unique and not self.columns.unique_by_key(check.unique):
                fresh = self._rows(self.good)
                taken = take_out(self.scratch, self.columns, fresh, check, self.refused)
                if taken is not None:
                    self.good = taken.left
                    self.refused += taken.refused
                    self.repeats.append(taken.repeated)

    def settle(self, target: TableSource) -> Settled:
        """Bring the good rows together with the table's, by key."""
        settle = merge.settle if self.request.load == "merge" else scd2.settle
        existing = Rows(self.session, target).as_of(self.columns.final)
        return settle(self.scratch, self.columns, existing, self._rows(self.good))

    def rewrite(self, target: TableSource, files: Sequence[DataFile]) -> list[DataFile]:
        """Write files of the table anew, with the columns that it now has."""
        existing = Rows(self.session, target).as_of(self.columns.final)
        return self._write(existing.frame(files))

    def write_rejects(self) -> None:
        """Write the quarantine rows; count for every rule the rejected rows that fail it."""
        if not self.refused:
            return
        judged = [one.judged(self.repeats, self.columns) for one in self.refused]
        for one in judged:
            self.count_failed(one.reason.rule, one.count)
        for rule, count in failures(judged):
            self.count_failed(rule, count)
        written = self.scratch.write(
            quarantine_rows(judged, self.columns), self.request.rejects_root, QUARANTINE_SCHEMA
        )
        self.rejected = [w.file for w in written]

    def _reasons(self) -> list[tuple[Column, Reason]]:
        """Return (condition, reason), in the order in which rows are judged."""
        from pyspark.sql import functions as f

        given = self.session.describe(self.request.sql)
        found = []
        for check in self.request.checks:
            if check.condition:
                passed = self.session.expression(check.condition, given)
                fails = ~f.coalesce(passed, f.lit(False))  # noqa: FBT003 - a literal
                found.append((fails, failed(check)))
        if (reason := keyless(self.columns)) is not None:
            found.append((self.columns.missing_key(), reason))
        if (reason := momentless(self.columns)) is not None:
            moment = self.columns.column(self.request.latest_by or "")
            found.append((moment.isNull(), reason))
        return found

    def _kinds(self, reasons: Sequence[tuple[Column, Reason]], kind: str) -> DataFrame:
        """Return the SELECT's rows as final columns, and what each row is."""
        from pyspark.sql import functions as f

        chosen = f.lit(GOOD)
        for i in reversed(range(len(reasons))):
            chosen = f.when(reasons[i][0], f.lit(f"rejected-{i}")).otherwise(chosen)
        given = self.session.sql(self.request.sql)
        return given.select(*self.columns.values(), chosen.alias(kind))

    def _settled(self, rows: DataFrame, kind: str) -> DataFrame:
        """Return rows of which one a key is good; the others that share it are empty."""
        from pyspark.sql import functions as f

        columns = self.columns
        if not columns.dedups or columns.all_meet_target:
            return rows
        rows = (chain if self.request.load == "scd2" else latest)(rows, columns, kind)
        stays = f.col(kind) != SUPERSEDED
        told = [f.when(stays, columns.column(n)).alias(n) for n in columns.final.names]
        return rows.select(*told, f.col(kind))

    def _last(self) -> dict[str, Column]:
        """Return the hash, if final columns give it: as noise, it makes shuffles large."""
        columns = self.columns
        if self.request.audit is None or not columns.hashes_late:
            return {}
        return {RECORD_HASH: columns.hashed()}

    def _rows(self, files: Sequence[DataFile]) -> Rows:
        """Return files of this load, all of which hold all columns."""
        source = TableSource(self.request.root, self.columns.final, tuple(files))
        return Rows(self.session, source)

    def _write(self, rows: DataFrame) -> list[DataFile]:
        written = self.scratch.write(
            rows,
            self.request.root,
            self.columns.final,
            partition_by=self.request.partition_by,
            table=self.request.table,
        )
        return [w.file for w in written]
