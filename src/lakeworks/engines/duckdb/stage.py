"""Stage a load: run a SELECT once, divide its rows, and write the table's new files.

One COPY writes good rows (divided by the table's partitions), rejected rows (by the rule they
fail) and rows whose key may occur twice, each into files of their own. Then only the narrow
part is looked at again: duplicated keys, unique columns, and rows that the table has already.
Nothing is committed; what is not part of the result is deleted when the session's scratch ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.names import quote_identifier as quoted
from lakeworks.core.names import quote_literal
from lakeworks.engines.duckdb import merge, scd2
from lakeworks.engines.duckdb.columns import Columns
from lakeworks.engines.duckdb.parquet_io import select_schema
from lakeworks.engines.duckdb.plain import is_plain
from lakeworks.engines.duckdb.progress import progress_told
from lakeworks.engines.duckdb.rejects import Failing, Refused, all_selects, quarantine_select
from lakeworks.engines.duckdb.rewriting import Rows
from lakeworks.engines.duckdb.statements import GOOD, bare
from lakeworks.engines.reasons import QUARANTINE_SCHEMA, failed, keyless, momentless, repeated
from lakeworks.engines.staging import Loading, rows_in
from lakeworks.engines.written import free_name
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.engines.protocol import RowCheck, Staged, StageRequest
    from lakeworks.engines.reasons import Reason
    from lakeworks.engines.target import Settled
    from lakeworks.engines.written import Written

_TWICE = "twice"


def stage(
    statements: Statements,
    request: StageRequest,
    frames: Mapping[str, str],
    *,
    expected_rows: int = 0,
) -> Staged:
    """Write the rows of `request.sql` as data files; see `StageRequest`.

    Args:
        statements: Of the session in which the SELECT's names are bound.
        request: What to load, and how.
        frames: The SQL behind names that are not tables.
        expected_rows: About how many rows the SELECT reads, for progress; 0 when not known.
    """
    sql = bare(request.sql)
    columns = Columns.of(request, select_schema(statements.con, sql, table=request.table))
    work = _Load(
        request=request, columns=columns, statements=statements, expected_rows=expected_rows
    )
    work.divide(sql, lambda: is_plain(statements.con, sql, frames))
    work.settle_duplicates()
    work.check_unique()
    work.meet_target()
    work.write_rejects()
    return work.staged()


@dataclass(kw_only=True)
class _Load(Loading):
    """One load under way.

    Attributes:
        twice: Files of good rows whose key may occur twice.
        repeats: Of rules that ask for unique values: when a rejected row's value occurs again.
    """

    statements: Statements
    columns: Columns
    expected_rows: int = 0
    twice: list[DataFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    repeats: list[Failing] = field(default_factory=list)

    def divide(self, sql: str, is_plain: Callable[[], bool]) -> None:
        """Write all rows, each to the files of its kind.

        Args:
            sql: The SELECT.
            is_plain: Whether it may be run twice; asked only where that would help.
        """
        reasons = self._reasons()
        dedups = self.columns.dedups and not self.columns.all_meet_target
        plain = dedups and is_plain()
        twice = self._hashes(f"({sql}\n)") if plain else None
        kind = free_name([*self.columns.final.names, *self.columns.given.names], "__kind")
        cases = [
            f"WHEN {condition} THEN {quote_literal(str(i))}"
            for i, (condition, _) in enumerate(reasons)
        ]
        if self.columns.all_meet_target:
            cases.append(f"WHEN true THEN '{_TWICE}'")
        elif twice is not None:
            cases.append(f"WHEN {self.columns.key_hash()} IN (FROM {twice}) THEN '{_TWICE}'")
        chosen = f"CASE {' '.join(cases)} ELSE '{GOOD}' END" if cases else f"'{GOOD}'"
        with progress_told(
            self.statements.con, table=self.request.table, rows=self.expected_rows
        ):
            written = self.statements.write(
                f"SELECT {self.columns.expressions()}, {chosen} AS {kind} "
                f"FROM ({sql}\n) AS __given",
                self.request.root,
                self.columns.final,
                partition_by=self.request.partition_by,
                divide_by=kind if cases else None,
            )
        self.read = sum(w.file.rows for w in written)
        events.emit("step.progress", table=self.request.table, rows=self.read)
        self.good = [w.file for w in written if w.divided in {GOOD, None}]
        self.twice = [w.file for w in written if w.divided == _TWICE]
        for i, (_, reason) in enumerate(reasons):
            later = tuple(Failing(other.rule, failing) for failing, other in reasons[i + 1 :])
            self._reject([w.file for w in written if w.divided == str(i)], reason, later)
        if dedups and not plain:
            self._split_duplicates()

    def settle_duplicates(self) -> None:
        """Keep the latest row of each key; the others are superseded."""
        if not self.twice or self.columns.all_meet_target:
            return
        rows = self._rows(self.twice).select()
        before = rows_in(self.twice)
        if self.request.load == "scd2":
            select = f"SELECT {self.columns.names()} FROM ({scd2.chain(rows, self.columns)})"
        else:
            select = merge.latest(rows, self.columns)
        kept = self._write(select)
        self.statements.discard(self.request.root, self.twice)
        self.superseded += before - rows_in(kept)
        self.good += kept
        self.twice = []

    def check_unique(self) -> None:
        """Reject all rows that share a value which must be unique."""
        for check in self.request.checks:
            if check.unique and not self.columns.unique_by_key(check.unique):
                self._check_unique(check)

    def settle(self, target: TableSource) -> Settled:
        """Bring the good rows together with the table's, by key."""
        settle = merge.settle if self.request.load == "merge" else scd2.settle
        existing = Rows(self.statements, target).as_of(self.columns.final)
        fresh = self._rows([*self.good, *self.twice])
        self.twice = []
        return settle(self.statements, self.columns, existing, fresh)

    def rewrite(self, target: TableSource, files: Sequence[DataFile]) -> list[DataFile]:
        """Write files of the table anew, with the columns that it now has."""
        existing = Rows(self.statements, target).as_of(self.columns.final)
        return self._write(f"SELECT * FROM {existing.select(files)} AS __rows")

    def write_rejects(self) -> None:
        """Write the quarantine rows; count for every rule the rejected rows that fail it."""
        if not self.refused:
            return
        self.refused = [one.with_also(self.repeats) for one in self.refused]
        for one in self.refused:
            self.count_failed(one.reason.rule, one.count)
            if one.also:
                counts = self.statements.run(one.counts())[0]
                for failing, count in zip(one.also, counts, strict=True):
                    self.count_failed(failing.rule, count)
        selects = [quarantine_select(one, self.columns) for one in self.refused]
        written = self.statements.write(
            all_selects(selects), self.request.rejects_root, QUARANTINE_SCHEMA
        )
        self.rejected = [w.file for w in written]

    def _reasons(self) -> list[tuple[str, Reason]]:
        """Return (condition, reason), in the order in which rows are judged."""
        found = [
            (f"({check.condition}\n) IS NOT TRUE", failed(check))
            for check in self.request.checks
            if check.condition
        ]
        if (reason := keyless(self.columns)) is not None:
            found.append((self.columns.missing_key(), reason))
        if (reason := momentless(self.columns)) is not None:
            found.append((f"{quoted(self.request.latest_by or '')} IS NULL", reason))
        return found

    def _hashes(self, rows: str) -> str | None:
        """Return the hashes of keys that occur twice, or None when all occur once."""
        name = self.statements.keep(
            f"SELECT {self.columns.key_hash()} AS h FROM {rows} AS __given "
            "GROUP BY ALL HAVING count(*) > 1",
            "twice",
        )
        return name if self.statements.value(f"SELECT count(*) FROM {name}") else None

    def _split_duplicates(self) -> None:
        """Take rows whose key occurs twice out of the good files, which hold all of them."""
        if not self.good:
            return
        rows = self._rows(self.good).select()
        hashes = self._hashes(rows)
        if hashes is None:
            return
        kind = free_name(self.columns.final.names, "__kind")
        written = self.statements.write(
            f"SELECT *, CASE WHEN {self.columns.key_hash()} IN (FROM {hashes}) "
            f"THEN '{_TWICE}' ELSE '{GOOD}' END AS {kind} FROM {rows} AS __rows",
            self.request.root,
            self.columns.final,
            partition_by=self.request.partition_by,
            divide_by=kind,
        )
        self.statements.discard(self.request.root, self.good)
        self.good = [w.file for w in written if w.divided == GOOD]
        self.twice = [w.file for w in written if w.divided == _TWICE]

    def _check_unique(self, check: RowCheck) -> None:
        fresh = self._rows([*self.good, *self.twice])
        names = [quoted(name) for name in check.unique]
        listed = ", ".join(names)
        here = quoted(free_name(check.unique, "__good"))
        # Rows rejected before count too: the rule's outcome is that of all rows. But a row is
        # rejected only for those beside it in the table.
        rows = " UNION ALL ".join([
            f"SELECT {listed}, true AS {here} FROM {fresh.select()} AS __rows",
            *(f"SELECT {listed}, false AS {here} FROM {one.rows}" for one in self.refused),
        ])  # fmt: skip
        # As DQDL counts: null equals null beside another value, and rows of nulls are left out.
        present = "(" + " OR ".join(f"{name} IS NOT NULL" for name in names) + ")"
        hashes = self.statements.keep(
            f"SELECT hash({listed}) AS h FROM ({rows}) AS __all WHERE {present} "
            "GROUP BY ALL HAVING count(*) > 1",
            "repeated",
        )
        if not self.statements.value(f"SELECT count(*) FROM {hashes}"):
            return
        values = self.statements.keep(
            f"SELECT {listed}, count_if({here}) AS {here} FROM ({rows}) AS __all "
            f"WHERE {present} AND hash({listed}) IN (FROM {hashes}) "
            f"GROUP BY {listed} HAVING count(*) > 1",
            "repeated",
        )
        same = " AND ".join(f"__rows.{name} IS NOT DISTINCT FROM __v.{name}" for name in names)
        self._take_out(fresh, check, f"{values} AS __v ON ({same} AND __v.{here} > 1)")
        again = f"EXISTS (SELECT 1 FROM {values} AS __v WHERE {same})"
        self.repeats.append(Failing(check.rule, again))

    def _take_out(self, fresh: Rows, check: RowCheck, values: str) -> None:
        """Move rows with a repeated value from the good files to the rejects."""
        hit = self.statements.run(
            f"SELECT __file, count(*) FROM {fresh.select(with_file=True)} AS __rows "
            f"SEMI JOIN {values} GROUP BY 1"
        )
        files = fresh.named(row[0] for row in hit)
        if not files:
            return
        touched = {file.path for file in files}
        rows = fresh.select(files)
        taken = f"(SELECT * FROM {rows} AS __rows SEMI JOIN {values}) AS __rows"
        count = sum(row[1] for row in hit)
        self.refused.append(Refused(taken, count, repeated(check)))
        left = self._write(
            f"SELECT {self.columns.names()} FROM {rows} AS __rows ANTI JOIN {values}"
        )
        self.statements.discard(self.request.root, files)
        was_twice = [f for f in self.twice if f.path in touched]
        self.good = [f for f in self.good if f.path not in touched]
        self.twice = [f for f in self.twice if f.path not in touched]
        # Of scd2's rows that are still to be settled, all are; their files need no parting.
        (self.twice if was_twice else self.good).extend(left)

    def _reject(
        self, files: list[DataFile], reason: Reason, later: tuple[Failing, ...]
    ) -> None:
        if files:
            rows = self._rows(files).select()
            self.refused.append(Refused(f"{rows} AS __rows", rows_in(files), reason, later))
            self.statements.discard(self.request.root, files)

    def _rows(self, files: Sequence[DataFile]) -> Rows:
        """Return files of this load, all of which hold all columns."""
        source = TableSource(self.request.root, self.columns.final, tuple(files))
        return Rows(self.statements, source)

    def _write(self, select: str) -> list[DataFile]:
        written: list[Written] = self.statements.write(
            select,
            self.request.root,
            self.columns.final,
            partition_by=self.request.partition_by,
        )
        return [w.file for w in written]
