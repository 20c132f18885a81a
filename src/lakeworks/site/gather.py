"""Gather what the site tells: from the project, the catalog, the tables' logs and the lineage.

Reads no row of any table, but for the rules' names in quarantine (`reasons.py`).
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from lakeworks.core.errors import LakeError
from lakeworks.core.names import LAYERS, QUARANTINE
from lakeworks.site import external
from lakeworks.site.facts import DatabaseFacts, PartFacts, RunFacts, SiteFacts, TableFacts
from lakeworks.site.reasons import counted
from lakeworks.site.tables import Known, table_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.runs import Run
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services

RUNS = 30
PARTS = 10
T = TypeVar("T")
_REQUESTS = 16
ASKED_WITHIN = timedelta(days=30)
_ORDER = {name: place for place, name in enumerate((*LAYERS, "raw"))}
_SAID = {
    "bronze": "What arrived, as it arrived: one table a source.",
    "silver": "Typed, cleaned and deduplicated.",
    "gold": "Ready to be used: joined, aggregated, named in the business's words.",
    "quarantine": "Rejected rows, each with the rule that rejected it.",
}


def gather(services: Services, lineage: Lineage) -> SiteFacts:
    """Return everything that the site tells of a lake, as it stands now."""
    catalog, project = services.catalog, services.project
    snapshot = catalog.current_snapshot()
    runs = [_run(run) for run in catalog.runs(RUNS)]
    parts: dict[str, list[PartFacts]] = {}
    for run in runs:
        for part in run.parts:
            mine = parts.setdefault(part.table, [])
            if part.status != "up to date" and len(mine) < PARTS:
                mine.append(part)
    heads = catalog.heads()
    _read_ahead(services, snapshot.tables)
    known = Known(
        services=services,
        heads=heads,
        published=snapshot.tables,
        graph=lineage.graph,
        tags=lineage.tags,
        judged=frozenset(catalog.quality_results.latest()),
        reasons=counted(services, snapshot.tables),
        parts=parts,
    )
    names = {*heads, *project.sources, *project.models, *snapshot.tables}
    described = _at_once(services, lambda name: table_facts(known, name), sorted(names))
    tables = {table.name: table for table in described}
    for entry in external.external_tables(services):
        tables.setdefault(entry.name, entry)
    moments = [snapshot.created_at] if snapshot.id else []
    moments += [run.at for run in runs[:1]]
    # From the lake's last event back, not from now: the same lake gives the same site.
    since = max(moments) - ASKED_WITHIN if moments else None
    asked = _asked(services, since)
    tables = {name: replace(tables[name], asked=asked.get(name, 0)) for name in sorted(tables)}
    moments += [t.state.updated_at for t in tables.values() if t.state.updated_at]
    return SiteFacts(
        lake=project.name,
        environment=project.environment.name,
        engine=project.environment.engine,
        snapshot=snapshot.id,
        as_of=max(moments, default=None),
        asked_since=since,
        databases=databases(tables.values(), external.database_descriptions(services)),
        tables=tables,
        runs=tuple(runs),
        graph=lineage.graph,
    )


def _read_ahead(services: Services, published: Mapping[TableName, int]) -> None:
    """Let the logs remember what readers see, so that nothing below waits for them in turn."""

    def read(name: TableName) -> None:
        # Who asks for it below tells what is wrong.
        with suppress(LakeError):
            services.storage.table(name).version(published[name])

    if services.storage.store.local_path("") is None:
        _at_once(services, read, published)


def _at_once(
    services: Services, work: Callable[[TableName], T], names: Iterable[TableName]
) -> list[T]:
    """Do something for each table; where the tables are in a bucket, for several at a time."""
    if services.storage.store.local_path("") is not None:
        return [work(name) for name in names]
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(work, names))


def _asked(services: Services, since: datetime | None) -> Counter[str]:
    """Return how many queries read each table; of the queries themselves nothing is told."""
    asked: Counter[str] = Counter()
    if since is not None:
        for read, count in services.catalog.query_history.reads(since=since):
            asked[str(read.table)] += count
    return asked


def databases(
    tables: Iterable[TableFacts], descriptions: dict[str, str]
) -> tuple[DatabaseFacts, ...]:
    """Return the databases: layers first, in the order of data's journey, quarantine last."""
    members: dict[str, list[str]] = {name: [] for name in descriptions}
    for table in tables:
        members.setdefault(table.database, []).append(table.name)

    def place(name: str) -> tuple[int, str]:
        return (99 if name == QUARANTINE else _ORDER.get(name, 50)), name

    return tuple(
        DatabaseFacts(
            name,
            descriptions.get(name) or _SAID.get(name, ""),
            tuple(sorted(members[name])),
        )
        for name in sorted(members, key=place)
    )


def _run(run: Run) -> RunFacts:
    report = run.report
    steps = report.get("steps") or ()
    seconds = report.get("seconds")
    return RunFacts(
        run_id=run.run_id,
        status=run.status,
        at=run.started_at,
        seconds=float(seconds) if seconds is not None else None,
        snapshot=report.get("snapshot"),
        parts=tuple(_part(run.run_id, run.started_at, step) for step in steps),
    )


def _part(run_id: str, at: datetime, step: dict[str, Any]) -> PartFacts:
    status = str(step.get("status", ""))
    return PartFacts(
        run_id=run_id,
        at=at,
        table=str(step.get("table", "")),
        status=status,
        read=int(step.get("rows_read") or 0),
        written=int(step.get("rows_written") or 0),
        quarantined=int(step.get("rows_quarantined") or 0),
        superseded=int(step.get("rows_superseded") or 0),
        seconds=float(step.get("seconds") or 0),
        note=_note(status, str(step.get("reason") or ""), str(step.get("error") or "")),
    )


def _note(status: str, reason: str, error: str) -> str:
    """Return why a step went as it did: of an error its code, as its message may quote data."""
    if status == "blocked":
        return error
    if error:
        code, bracket, _ = error.removeprefix("[").partition("]")
        return code if error.startswith("[") and bracket else "failed unexpectedly"
    return reason
