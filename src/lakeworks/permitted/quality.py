"""How good tables are for a principal: every figure over what it sees, computed now.

What runs noted is of all rows, rejected ones too. It is told only to whoever sees all of the table,
of its quarantine and of the tables that its rules refer to; else it is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.core.names import QUARANTINE
from lakeworks.query.table_quality import TREND_RUNS, TableScore, duplicates, suggested

if TYPE_CHECKING:
    from lakeworks.catalog.quality_results import QualityResult
    from lakeworks.core.names import TableName
    from lakeworks.permitted.sight import Look, Sight
    from lakeworks.quality.profiling.profile import Profile
    from lakeworks.quality.profiling.suggest import Suggestion


class PermittedQuality:
    """The quality of what a principal sees of the published tables."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def scorecard(self) -> list[TableScore]:
        """Return the figures of every table of which the principal sees rows."""
        with self._sight.look("quality") as look:
            return [
                self._score(look, name)
                for name in look.tables()
                if name.database != QUARANTINE and look.access(name) is not None
            ]

    def score(self, table: TableName | str) -> TableScore:
        """Return one table's figures.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            NotPermittedError: it may see no value of it.
        """
        with self._sight.look("quality score") as look:
            return self._score(look, self._readable(look, table))

    def history(self, table: TableName | str, *, limit: int = 20) -> list[QualityResult]:
        """Return what rules came to, newest first; nothing where not all that they saw is seen.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            NotPermittedError: it may see no value of it.
        """
        with self._sight.look("quality history") as look:
            return self._results(look, self._readable(look, table), limit)

    def profile(self, table: TableName | str) -> Profile:
        """Describe what the principal sees of a table, column by column.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            NotPermittedError: it may see no value of it.
        """
        from lakeworks.quality.profiling.profile import profile

        with self._sight.look("quality profile") as look:
            name = self._readable(look, table)
            rows = look.figures.rows(name)
            with look.figures.session(name) as (session, relation, schema):
                return profile(session, relation, schema, rows=rows)

    def suggest(self, table: TableName | str) -> list[Suggestion]:
        """Suggest rules that hold for what the principal sees of a table.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
            NotPermittedError: it may see no value of it.
        """
        with self._sight.look("quality suggest") as look:
            name = self._readable(look, table)
            rows = look.figures.rows(name)
            with look.figures.session(name) as (session, relation, schema):
                return suggested(session, relation, schema, rows=rows)

    def left_out(self, table: TableName | str) -> bool:
        """Whether what runs noted of a table's rules may not be told to the principal."""
        with self._sight.look("quality history") as look:
            return not self._sees_what_rules_saw(look, self._readable(look, table))

    def _readable(self, look: Look, table: TableName | str) -> TableName:
        name = look.find(table)
        look.require("SELECT", name)
        if look.access(name) is None:
            raise look.unknown(name)
        return name

    def _score(self, look: Look, name: TableName) -> TableScore:
        look.asked(str(name))
        project = self._sight.services.project
        model, source = project.models.get(name), project.sources.get(name)
        declared = model or source
        rows, complete = look.figures.completeness(name)
        results = self._results(look, name, TREND_RUNS)
        left_out = (
            [] if self._sees_what_rules_saw(look, name) else ["score", "trend", "accuracy"]
        )
        return TableScore(
            table=name,
            rows=rows,
            score=results[0].score if results else None,
            trend=tuple(result.score for result in reversed(results)),
            completeness=complete,
            accuracy=None if left_out else self._accuracy(look, name, rows),
            age_s=self._age_s(look, name),
            freshness_s=declared.freshness_s if declared else None,
            duplicates=self._duplicates(look, name) if rows else None,
            left_out=tuple(left_out),
        )

    def _duplicates(self, look: Look, name: TableName) -> float | None:
        model, access = self._sight.services.project.models.get(name), look.access(name)
        if model is None or not model.key or access is None:
            return None
        wanted = {*model.key, *(["is_current"] if model.load == "scd2" else [])}
        seen = {column.name.lower() for column in access.columns}
        if not seen.issuperset(column.lower() for column in wanted):
            return None
        with look.figures.session(name) as (session, relation, _):
            return duplicates(session, relation, model)

    def _accuracy(self, look: Look, name: TableName, rows: int) -> float | None:
        quarantine = name.quarantine
        rejected = look.figures.rows(quarantine) if quarantine in look.snapshot.tables else 0
        return rows / (rows + rejected) if rows + rejected else None

    def _age_s(self, look: Look, name: TableName) -> float:
        version = self._sight.services.storage.table(name).version(look.snapshot.tables[name])
        return max(0.0, (clock.now() - version.committed_at).total_seconds())

    def _results(self, look: Look, name: TableName, limit: int) -> list[QualityResult]:
        if not self._sees_what_rules_saw(look, name):
            return []
        return self._sight.services.catalog.quality_results.of_table(name, limit=limit)

    def _sees_what_rules_saw(self, look: Look, name: TableName) -> bool:
        model = self._sight.services.project.models.get(name)
        needed = [name]
        if model is not None and model.quality is not None:
            needed += model.quality.references.values()
        return look.sees_rejected(name) and all(look.sees_whole(one) for one in needed)
