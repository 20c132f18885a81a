"""Rejected rows as a principal sees them: the quarantine of a table is a table with grants of its own.

A rejected row holds every column of its table, and may be told only to whoever may read the
quarantine table. Its tags are those of all the table's columns, so masks reach it too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.names import QUARANTINE, TableName
from lakeworks.permitted.errors import NotPermittedError
from lakeworks.pipeline.errors import ReplayError
from lakeworks.pipeline.quarantine import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.permitted.sight import Look, Sight
    from lakeworks.pipeline.report import RunReport
    from lakeworks.pipeline.service import Pipeline

_SUMMED = ("rule", "error", "quarantined_at")
_ORDERED = ("quarantined_at", "source_file", "source_row", "row")


class PermittedPipeline:
    """What a principal may ask of the pipeline: the quarantine, and to let its rows try again."""

    def __init__(self, sight: Sight, pipeline: Pipeline) -> None:
        self._sight = sight
        self._pipeline = pipeline

    def quarantine(self) -> list[Rejected]:
        """Return what is in the quarantine tables that the principal may read, by rule."""
        with self._sight.look("quarantine") as look:
            found: list[Rejected] = []
            for table in sorted(self._tables(look)):
                if look.access(table.quarantine) is not None:
                    look.asked(str(table.quarantine))
                    found += _summary(look, table)
            return sorted(found, key=lambda r: (-r.rows, r.table, r.rule))

    def quarantined_rows(self, table: str, *, limit: int | None = None) -> pa.Table:
        """Return the rejected rows of a table that the principal sees, the latest first.

        Raises:
            ReplayError: nothing that it may read is in quarantine.
        """
        with self._sight.look("quarantine rows", table) as look:
            name = self._readable(look, table)
            bound = "" if limit is None else f" LIMIT {int(limit)}"
            with look.figures.session(name.quarantine) as (session, relation, schema):
                order = [
                    f'"{column}"{" DESC" if column == "quarantined_at" else ""}'
                    for column in _ORDERED
                    if column in schema
                ]
                by = f" ORDER BY {', '.join(order)}" if order else ""
                rows = session.query(f"SELECT * FROM {relation} AS t{by}{bound}").read_all()
            if not rows.num_rows:
                raise ReplayError.nothing(name)
            return rows

    def replay(self, table: str) -> RunReport:
        """Let a table's rejected rows try again: takes INSERT on it, DELETE on its quarantine.

        And to see both whole, since every rejected row is judged and the report tells of all.

        Raises:
            ReplayError: nothing that it may read is in quarantine.
            NotPermittedError: one of these is lacking.
        """
        with self._sight.look("replay", table, kind="change") as look:
            name = self._readable(look, table)
            look.require("INSERT", name)
            look.require("DELETE", name.quarantine)
            if not (look.sees_whole(name) and look.sees_whole(name.quarantine)):
                raise NotPermittedError.unseen(str(self._sight.principal), str(name))
            report = self._pipeline.replay(table)
        return replace(report, steps=tuple(one for one in report.steps if one.table == name))

    def _readable(self, look: Look, written: str) -> TableName:
        name = TableName.parse(written)
        if name not in self._tables(look) or look.access(name.quarantine) is None:
            raise ReplayError.nothing(name)
        return name

    def _tables(self, look: Look) -> set[TableName]:
        project = self._sight.services.project
        declared = (*project.sources, *project.models)
        return {
            table
            for table in declared
            if table.quarantine.database == QUARANTINE
            and table.quarantine in look.snapshot.tables
        }


def _summary(look: Look, table: TableName) -> list[Rejected]:
    with look.figures.session(table.quarantine) as (session, relation, schema):
        rule, error, at = (f'"{column}"' if column in schema else "NULL" for column in _SUMMED)
        rows = session.query(
            f"SELECT CAST({rule} AS VARCHAR) AS rule, count(*) AS row_count, "
            f"CAST(min({error}) AS VARCHAR) AS example, CAST(max({at}) AS VARCHAR) AS latest "
            f"FROM {relation} AS t GROUP BY 1"
        ).read_all()
    return [
        Rejected(
            str(table), r["rule"] or "", r["row_count"], r["example"] or "", r["latest"] or ""
        )
        for r in rows.to_pylist()
    ]
