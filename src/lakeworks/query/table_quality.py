"""How good the lake's tables are: scores and their trend, completeness, accuracy, freshness.

Figures come from what runs left behind (results of rules in the catalog, statistics in the
tables' logs); only duplicates of declared keys, profiles and suggestions read the data.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core import clock
from lakeworks.core.names import QUARANTINE, TableName, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lakeworks.catalog.quality_results import QualityResult
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.project.declaration import Model, Project
    from lakeworks.quality.profiling.profile import Profile
    from lakeworks.quality.profiling.suggest import Suggestion
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableVersion

TREND_RUNS = 10
_DATA = "quality.data"


@dataclass(frozen=True, slots=True)
class TableScore:
    """One table's line of the scorecard; None where a figure cannot be known.

    Attributes:
        score: Share of the rules that passed in the last run that judged the table, 0 to 1.
        trend: The scores of its last runs, oldest first, the last one included.
        completeness: Share of cells that are not null, over the data columns.
        accuracy: Share of rows that entered the table, of those and the ones in its quarantine.
        age_s: Seconds since the published version was committed.
        freshness_s: How old it may be, as declared.
        duplicates: Share of rows beyond the first of each key, where a key is declared.
        left_out: Figures that are None since who asks may not see all that they are made of.
    """

    table: TableName
    rows: int | None
    score: float | None
    trend: tuple[float, ...]
    completeness: float | None
    accuracy: float | None
    age_s: float
    freshness_s: int | None
    duplicates: float | None
    left_out: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool | None:
        """Whether it is as fresh as declared; None where nothing is declared."""
        return None if self.freshness_s is None else self.age_s <= self.freshness_s


class TableQuality:
    """The quality of published tables. Safe to use from several threads.

    Args:
        engine: Gives the engine when data must be read.
    """

    def __init__(
        self,
        project: Project,
        catalog: Catalog,
        storage: Storage,
        engine: Callable[[], Engine],
    ) -> None:
        self._project = project
        self._catalog = catalog
        self._storage = storage
        self._engine = engine

    def scorecard(self) -> list[TableScore]:
        """Return every published table's figures, in the order of names."""
        snapshot = self._catalog.current_snapshot()
        names = sorted(name for name in snapshot.tables if name.database != QUARANTINE)
        return [self.score(name) for name in names]

    def score(self, table: TableName | str) -> TableScore:
        """Return one published table's figures.

        Raises:
            UnknownTableError: readers see no such table.
        """
        name, version = self._published(table)
        results = self._catalog.quality_results.of_table(name, limit=TREND_RUNS)
        quarantine = self._catalog.current_snapshot().tables.get(name.quarantine)
        rejected = (
            self._version(name.quarantine, quarantine).rows if quarantine is not None else 0
        )
        seen = version.rows + rejected
        return TableScore(
            table=name,
            rows=version.rows,
            score=results[0].score if results else None,
            trend=tuple(result.score for result in reversed(results)),
            completeness=_completeness(version),
            accuracy=version.rows / seen if seen else None,
            age_s=max(0.0, (clock.now() - version.committed_at).total_seconds()),
            freshness_s=self._freshness_s(name),
            duplicates=self._duplicates(name, version),
        )

    def history(self, table: TableName | str, *, limit: int = 20) -> list[QualityResult]:
        """Return what the rules of a table's last runs came to, newest first.

        Raises:
            UnknownTableError: there is no such table.
        """
        name = self._known(table)
        return self._catalog.quality_results.of_table(name, limit=limit)

    def profile(self, table: TableName | str) -> Profile:
        """Describe every column of a published table, in one scan.

        Raises:
            UnknownTableError: readers see no such table.
        """
        from lakeworks.quality.profiling.profile import profile

        name, version = self._published(table)
        with self._reading(name, version) as (session, relation):
            return profile(session, relation, version.schema, rows=version.rows)

    def suggest(self, table: TableName | str) -> list[Suggestion]:
        """Suggest rules that a published table keeps, each with its evidence.

        Raises:
            UnknownTableError: readers see no such table.
        """
        name, version = self._published(table)
        with self._reading(name, version) as (session, relation):
            return suggested(session, relation, version.schema, rows=version.rows)

    def _duplicates(self, name: TableName, version: TableVersion) -> float | None:
        model = self._project.models.get(name)
        if model is None or not model.key or not version.rows:
            return None
        with self._reading(name, version) as (session, relation):
            return duplicates(session, relation, model)

    def _freshness_s(self, name: TableName) -> int | None:
        model, source = self._project.models.get(name), self._project.sources.get(name)
        declared = model or source
        return declared.freshness_s if declared else None

    @contextmanager
    def _reading(self, name: TableName, version: TableVersion) -> Iterator[tuple[Session, str]]:
        with self._engine().session() as session:
            session.bind(_DATA, version.source(self._storage.table_root(name)))
            yield session, _DATA

    def _published(self, table: TableName | str) -> tuple[TableName, TableVersion]:
        tables = self._catalog.current_snapshot().tables
        name = _named(table, list(tables))
        return name, self._version(name, tables[name])

    def _known(self, table: TableName | str) -> TableName:
        declared = (*self._project.sources, *self._project.models, *self._catalog.heads())
        return _named(table, list(dict.fromkeys(declared)))

    def _version(self, name: TableName, number: int) -> TableVersion:
        return self._storage.table(name).version(number)


def suggested(
    session: Session, relation: str, schema: Schema, *, rows: int
) -> list[Suggestion]:
    """Suggest rules that a bound relation keeps, each with its evidence.

    Args:
        session: In which the relation is bound.
        relation: Its quoted name.
        schema: Its columns.
        rows: How many rows it has, as near as is known.
    """
    from lakeworks.quality import compile_ruleset, parse
    from lakeworks.quality.evaluation.gathering import gather
    from lakeworks.quality.profiling.profile import profile
    from lakeworks.quality.profiling.suggest import as_ruleset, confirmed, suggestions

    found = suggestions(profile(session, relation, schema, rows=rows))
    if not found:
        return []
    # What a sample suggests is proved on all rows.
    compiled = compile_ruleset(parse(as_ruleset(found)), schema)
    figures = gather(compiled, session, relation=relation)
    return confirmed(found, compiled.judge(figures))


def duplicates(session: Session, relation: str, model: Model) -> float | None:
    """Return the share of a relation's rows beyond the first of each key of a model."""
    key = ", ".join(quote_identifier(column) for column in model.key)
    current = " WHERE is_current" if model.load == "scd2" else ""
    found = session.query(
        "SELECT coalesce(sum(n), 0) AS n, count(*) AS keys FROM "
        f"(SELECT count(*) AS n FROM {relation} AS t{current} GROUP BY {key}) AS k"
    ).read_all()
    row = found.to_pylist()[0]
    return (int(row["n"]) - row["keys"]) / int(row["n"]) if row["n"] else None


def _named(table: TableName | str, known: Sequence[TableName]) -> TableName:
    for name in known:
        if str(name) == str(table):
            return name
    raise UnknownTableError.named(str(table), [str(name) for name in known])


def _completeness(version: TableVersion) -> float | None:
    """Return the share of cells that are not null, from the statistics in the table's log."""
    columns = [f.name for f in version.schema if not f.name.startswith("_")]
    nulls = cells = 0
    for file in version.files:
        counted = file.stats.get("nullCount") or {}
        for column in columns:
            count = counted.get(column)
            if isinstance(count, int):
                nulls += count
                cells += file.rows
    return (cells - nulls) / cells if cells else None
