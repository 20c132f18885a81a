"""What the rules of every run came to: outcomes, metrics and score of each table, kept.

The metrics of earlier runs are what dynamic rules (`RowCount > avg(last(10))`) and
DetectAnomalies compare with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.packing import packed, unpacked
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Database

KEPT_A_TABLE = 1_000
_SELECT = (
    "SELECT table_name, run_id, judged_us, committed, version, score, rows_read, "
    "rows_quarantined, outcomes, metrics FROM quality_results"
)


@dataclass(frozen=True, slots=True)
class QualityResult:
    """One table's ruleset, judged in one run.

    Attributes:
        committed: False where a rule kept the step from being committed: its figures are of
            rows that never entered the table, so they are no part of its history.
        version: The version that the step committed, or None.
        score: Share of the rules that passed, 0 to 1.
        outcomes: `{rule, outcome, failure_reason, evaluated_metrics}`, one a rule.
        metrics: Under Glue's names: `Column.order_id.Completeness`, `Dataset.*.RowCount`.
    """

    table: TableName
    run_id: str
    at: datetime
    committed: bool
    version: int | None
    score: float
    rows_read: int = 0
    rows_quarantined: int = 0
    outcomes: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


class QualityResults:
    """The results of every table, by run. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, result: QualityResult) -> None:
        """Keep one result; of each table the newest `KEPT_A_TABLE` stay."""
        with self._database.writing() as session:
            session.run(
                "INSERT INTO quality_results (table_name, run_id, judged_us, committed, version, "
                "score, rows_read, rows_quarantined, outcomes, metrics) VALUES (:table, :run_id, "
                ":judged_us, :committed, :version, :score, :read, :quarantined, :outcomes, "
                ":metrics)",
                table=str(result.table),
                run_id=result.run_id,
                judged_us=microseconds(result.at),
                committed=int(result.committed),
                version=result.version,
                score=result.score,
                read=result.rows_read,
                quarantined=result.rows_quarantined,
                outcomes=packed(list(result.outcomes)),
                metrics=packed(dict(result.metrics)),
            )
            oldest = session.first(
                "SELECT judged_us FROM quality_results WHERE table_name = :table "
                "ORDER BY judged_us DESC LIMIT 1 OFFSET :kept",
                table=str(result.table),
                kept=KEPT_A_TABLE - 1,
            )
            if oldest:
                session.run(
                    "DELETE FROM quality_results WHERE table_name = :table "
                    "AND judged_us < :oldest",
                    table=str(result.table),
                    oldest=oldest[0],
                )

    def of_table(self, table: TableName, *, limit: int = 50) -> list[QualityResult]:
        """Return a table's last results, newest first."""
        with self._database.reading() as session:
            rows = session.all(
                f"{_SELECT} WHERE table_name = :table ORDER BY judged_us DESC LIMIT :limit",
                table=str(table),
                limit=limit,
            )
        return [_result(row) for row in rows]

    def latest(self) -> dict[TableName, QualityResult]:
        """Return the last result of every table that has one."""
        with self._database.reading() as session:
            rows = session.all(
                f"{_SELECT} AS r WHERE judged_us = (SELECT max(judged_us) FROM quality_results "
                "WHERE table_name = r.table_name) ORDER BY table_name"
            )
        return {result.table: result for result in map(_result, rows)}

    def history(self, table: TableName, *, limit: int = 100) -> dict[str, list[float]]:
        """Return the metrics of the last committed results, by name, oldest first."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT metrics FROM quality_results WHERE table_name = :table AND committed = 1 "
                "ORDER BY judged_us DESC LIMIT :limit",
                table=str(table),
                limit=limit,
            )
        found: dict[str, list[float]] = {}
        for (text,) in reversed(rows):
            for name, value in unpacked(text).items():
                found.setdefault(name, []).append(float(value))
        return found


def _result(row: tuple[Any, ...]) -> QualityResult:
    return QualityResult(
        table=TableName.parse(row[0]),
        run_id=row[1],
        at=from_microseconds(row[2]),
        committed=bool(row[3]),
        version=row[4],
        score=row[5],
        rows_read=row[6],
        rows_quarantined=row[7],
        outcomes=tuple(unpacked(row[8])),
        metrics=unpacked(row[9]),
    )
