"""Find what there is to do for a lake's tables, and what each thing is worth: nothing is changed.

A chore that gains most for the time that it takes comes first. Gains are in dollars a month, as
`advice.py` explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from lakeworks.catalog.care.advice import LOOK_BACK_DAYS, Demand, advise
from lakeworks.catalog.care.health import commits_since_checkpoint
from lakeworks.catalog.care.layout import layout_of
from lakeworks.catalog.care.lifecycle import Lifecycle
from lakeworks.catalog.care.prices import COMPUTE_USD_S, GB, Prices
from lakeworks.catalog.upkeep import RUN_RETENTION, Needs, settled
from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.storage import maintenance
from lakeworks.storage.contents import log_entries
from lakeworks.storage.log_checkpoint import CHECKPOINT_EVERY
from lakeworks.storage.log_cleanup import clean_log, retention_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.catalog.care.lifecycle import LifecycleAction
    from lakeworks.catalog.heads import Head
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableLog, TableVersion
    from lakeworks.storage.objects import ObjectInfo

ChoreKind = Literal[
    "compact", "zorder", "vacuum", "checkpoint", "statistics", "history", "runs", "lifecycle"
]
_DELETE_S = 0.0005
_REPLAY_S = 0.0005
_SMALL_GAIN_USD = 1e-7


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do.

    Attributes:
        table: None where it is about the whole lake.
        why: In a few words, with figures.
        gain_usd_month: What it saves.
        seconds: How long it will take, about.
        columns: Of a z-order.
        actions: Of lifecycle rules.
    """

    kind: ChoreKind
    table: TableName | None
    why: str
    gain_usd_month: float
    seconds: float
    columns: tuple[str, ...] = ()
    actions: tuple[LifecycleAction, ...] = ()

    @property
    def gain_a_second(self) -> float:
        """What its place in the queue hangs on."""
        return self.gain_usd_month / max(self.seconds, 1e-3)

    def __str__(self) -> str:
        return f"{self.kind} {self.table}" if self.table else self.kind


@dataclass(frozen=True, slots=True)
class NotNow:
    """Something that is left, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What there is to do, in order, and what is left out from the beginning."""

    chores: tuple[Chore, ...]
    left: tuple[NotNow, ...]


class Planner:
    """Looks for chores in one lake."""

    def __init__(self, project: Project, catalog: Catalog, storage: Storage) -> None:
        self._project = project
        self._catalog = catalog
        self._storage = storage
        self._prices = Prices(project.care.prices)
        self._local = storage.store.local_path("") is not None

    def plan(self, tables: Iterable[TableName] | None = None) -> Planned:
        """Return what is due, for some tables or for the whole lake."""
        heads = self._catalog.heads()
        wanted = sorted(heads if tables is None else tables)
        demands = self._demands()
        since = clock.now() - self._project.retention.of_snapshots
        needs = _KnownNeeds(self._catalog, self._storage, since)
        seen = self._catalog.current_snapshot().tables
        chores: list[Chore] = []
        left: list[NotNow] = []
        for name in wanted:
            try:
                newest = settled(self._catalog, self._storage, name, seen)
            except LakeError as error:
                left.append(NotNow(str(name), error.problem))
                continue
            look = _Look(self, name, newest, heads[name], demands.get(name, Demand()), needs)
            chores += look.chores()
        chores += self._lifecycle(None if tables is None else wanted, left)
        if tables is None:
            chores += self._of_the_lake()
        chores.sort(key=lambda one: (-one.gain_a_second, str(one)))
        return Planned(tuple(chores), tuple(left))

    def _demands(self) -> dict[TableName, Demand]:
        since = clock.now() - timedelta(days=LOOK_BACK_DAYS)
        reads: dict[TableName, list[object]] = {}
        for read, times in self._catalog.query_history.reads(since=since):
            reads.setdefault(read.table, []).append((read, times))
        return {name: Demand.of(found) for name, found in reads.items()}  # type: ignore[arg-type]

    def _lifecycle(
        self, tables: Iterable[TableName] | None, left: list[NotNow]
    ) -> Iterator[Chore]:
        lifecycle = Lifecycle(self._catalog, self._storage, self._project.care)
        by_table: dict[TableName, list[LifecycleAction]] = {}
        for action in lifecycle.due(tables):
            if action.kept_because:
                what = f"lifecycle {action.arrival.folder}"
                left.append(NotNow(what, action.kept_because))
            else:
                by_table.setdefault(action.arrival.table, []).append(action)
        for table, actions in by_table.items():
            size = sum(one.size_bytes for one in actions)
            files = sum(one.files for one in actions)
            saved = sum(self._saved(one) for one in actions)
            yield Chore(
                "lifecycle",
                table,
                f"{files:,} landed files move to {', '.join(sorted({a.to for a in actions}))}",
                max(saved, _SMALL_GAIN_USD),
                size / (50 * 1024 * 1024) + files * 0.01,
                actions=tuple(actions),
            )

    def _saved(self, action: LifecycleAction) -> float:
        size = action.size_bytes / GB
        before = self._prices.classes.get(action.before)
        after = self._prices.classes.get(action.to)
        return size * (
            (before.gb_month if before else 0.0) - (after.gb_month if after else 0.0)
        )

    def _of_the_lake(self) -> Iterator[Chore]:
        settings = self._project.care.history
        before = clock.now() - timedelta(seconds=settings.keep_s)
        old = self._catalog.query_history.superfluous(before=before, most=settings.most)
        if old:
            why = f"{old:,} queries are older than they are to be kept"
            yield Chore("history", None, why, _SMALL_GAIN_USD, 0.01 + old * 2e-5)
        kept = max(RUN_RETENTION, self._project.retention.of_snapshots)
        runs = self._catalog.old_runs(before=clock.now() - kept)
        if runs:
            why = f"{runs:,} runs ended long ago, and no snapshot is theirs"
            yield Chore("runs", None, why, _SMALL_GAIN_USD, 0.01 + runs * 1e-4)


class _KnownNeeds(Needs):
    """What is needed, asked for once: good enough for a plan, which deletes nothing."""

    @cached_property
    def _published(self) -> dict[TableName, set[int]]:
        return self.catalog.published_versions(since=self.since)

    def published(self, table: TableName) -> set[int]:
        return self._published.get(table, set())


@dataclass(frozen=True)
class _Look:
    """A look at one table."""

    planner: Planner
    name: TableName
    newest: TableVersion
    head: Head
    demand: Demand
    needs: Needs

    @property
    def log(self) -> TableLog:
        return self.planner._storage.table(self.name)  # noqa: SLF001 - our own

    @property
    def project(self) -> Project:
        return self.planner._project  # noqa: SLF001 - our own

    def chores(self) -> Iterator[Chore]:
        yield from self._files()
        entries = list(self.log.store.list(unfinished=True))
        yield from self._vacuum(entries)
        yield from self._checkpoint(log_entries(entries))
        yield from self._statistics()

    def _files(self) -> Iterator[Chore]:
        filtered = self.demand.filtered_bytes or {}
        found = layout_of(self.name, self.newest, columns=filtered)
        given = advise(
            found,
            self.newest.schema,
            self.newest.partition_columns,
            self.demand,
            local=self.planner._local,  # noqa: SLF001 - our own
        )
        by_kind = {one.kind: one for one in given}
        ordered = by_kind.get("zorder") if self.project.care.zorder else None
        chosen = ordered or by_kind.get("compact")
        if chosen is not None:
            kind: ChoreKind = "zorder" if chosen is ordered else "compact"
            yield Chore(
                kind,
                self.name,
                chosen.why,
                chosen.gain_usd_month,
                chosen.seconds,
                chosen.columns,
            )

    def _vacuum(self, entries: list[ObjectInfo]) -> Iterator[Chore]:
        kept_for = self.project.retention.of(self.name)
        cutoff = clock.now() - kept_for
        head = {f.path for f in self.newest.files}
        # A look that costs nothing decides whether the log must be read for the one that does.
        old = [e for e in entries if e.modified < cutoff and e.path not in head]
        try:
            files, size = self._superfluous(old, kept_for)
            cleaned = self._superfluous_log(old, kept_for)
        except LakeError:  # a run tells what is wrong with it, and so does doctor
            return
        if not files + cleaned:
            return
        gain = size / GB * self.planner._prices.classes["STANDARD"].gb_month  # noqa: SLF001
        yield Chore(
            "vacuum",
            self.name,
            f"{files:,} files ({size:,} bytes) and {cleaned:,} of its log are needed by no kept "
            "version",
            max(gain, _SMALL_GAIN_USD),
            0.02 + (files + cleaned) * _DELETE_S,
        )

    def _superfluous(self, old: list[ObjectInfo], kept_for: timedelta) -> tuple[int, int]:
        """Return how many old data files vacuum would delete, and their size."""
        if len(log_entries(old)) == len(old):
            return 0, 0
        kept = self.needs.published(self.name)
        found = maintenance.vacuum(
            self.log, keep_versions=kept, retention=kept_for, dry_run=True
        )
        return len(found.deleted), found.deleted_bytes

    def _superfluous_log(self, old: list[ObjectInfo], kept_for: timedelta) -> int:
        """Return how many old files of the log would be deleted."""
        since = clock.now() - max(kept_for, retention_of(self.newest.properties))
        of_log = log_entries(old)
        if not any(".checkpoint" in entry.path for entry in of_log):
            return 0
        if not any(entry.modified < since for entry in of_log):
            return 0
        cleaned = clean_log(
            self.log,
            needed=lambda: self.needs.of_log(self.name),
            at_least=kept_for,
            dry_run=True,
        )
        return len(cleaned)

    def _checkpoint(self, of_log: list[ObjectInfo]) -> Iterator[Chore]:
        behind = commits_since_checkpoint(of_log, self.newest.version)
        if behind <= CHECKPOINT_EVERY:
            return
        reads = max(self.demand.reads, 30)
        yield Chore(
            "checkpoint",
            self.name,
            f"readers replay {behind:,} commits",
            behind * reads * _REPLAY_S * COMPUTE_USD_S,
            0.1 + behind * _REPLAY_S,
        )

    def _statistics(self) -> Iterator[Chore]:
        if statistics_are_due(self.planner._catalog, self.name, self.newest):  # noqa: SLF001
            why = f"those of the data catalog are older than version {self.newest.version}"
            yield Chore("statistics", self.name, why, _SMALL_GAIN_USD, 0.005)


def statistics_are_due(catalog: Catalog, name: TableName, newest: TableVersion) -> bool:
    """Whether the table changed since its columns' statistics were put into the data catalog."""
    try:
        known = catalog.data_catalog.column_statistics(name)
    except LakeError:  # no entry, so no place for statistics
        return False
    from lakeworks.catalog.data_catalog.column_statistics import of_files

    moments = [one.analyzed_at for one in known if one.analyzed_at is not None]
    if moments and max(moments) > newest.committed_at:
        return False
    # The table's clock and the catalog's may differ, so what the statistics say decides.
    said = {one.column: dict(one.data) for one in known}
    return any(said.get(one.column) != dict(one.data) for one in of_files(newest))
