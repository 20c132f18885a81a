"""Look for what is wrong with a lake itself, and say what to do about it.

Nothing is repaired here: a run mends what a killed run left, vacuum removes what nobody needs.
What a run that is under way has not finished yet is no finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.catalog.processes import is_alive
from lakeworks.catalog.upkeep import guarding
from lakeworks.core.errors import LakeError
from lakeworks.pipeline import doctor_secrets, doctor_tables
from lakeworks.pipeline.findings import Finding
from lakeworks.pipeline.state import FILES
from lakeworks.storage.layout import STAGING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.locks import LockHolder
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Source

__all__ = ["Finding", "examine"]

_ENGINE_SCRATCH = "engine-"
_PROBE = "doctor/conditional-write"
_NAMED = 3


def examine(services: Services) -> list[Finding]:
    """Return what was found, the worst first; empty for a healthy lake.

    Safe at any time, also while runs go on. On S3 it writes one small object to the scratch
    area and deletes it again, to see whether the store honours conditional writes.
    """
    damage = services.catalog.integrity()
    if damage:
        return [_damaged(services, damage)]
    secrets = list(doctor_secrets.examine(services.project))
    if any(finding.kind == doctor_secrets.UNRESOLVED for finding in secrets):
        return secrets  # what they open cannot be looked at
    who = _Holders.read(services)
    found = [
        *secrets,
        *_killed_runs(services, who),
        *_stale_locks(who),
        *_leftovers(services, who),
    ]
    found += [*_missing_extras(services), *_unconditional_store(services)]
    for source in services.project.sources.values():
        found += _vanished_files(services, source)
    tables = list(doctor_tables.examine(services.with_views()))
    # A run that took a table since then explains what was seen half done.
    who = who.joined(_Holders.read(services))
    found += [finding for table, finding in tables if not who.hold(table)]
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: rank[finding.severity])


@dataclass(frozen=True)
class _Holders:
    """Who holds tables now: the living and the dead."""

    living: list[LockHolder] = field(default_factory=list)
    dead: list[LockHolder] = field(default_factory=list)

    @classmethod
    def read(cls, services: Services) -> _Holders:
        dead = services.catalog.locks.stale()
        tokens = {holder.token for holder in dead}
        holders = services.catalog.locks.holders()
        return cls([h for h in holders if h.token not in tokens], dead)

    def joined(self, other: _Holders) -> _Holders:
        return _Holders([*self.living, *other.living], self.dead)

    def hold(self, table: TableName) -> bool:
        """Whether a living run may be writing `table`."""
        held = {holder.table for holder in self.living}
        return not held.isdisjoint(guarding(table))

    def runs(self) -> set[str]:
        return {holder.run_id for holder in self.living}


def _damaged(services: Services, damage: list[str]) -> Finding:
    return Finding(
        "damaged catalog",
        f"catalog {services.catalog.where}",
        f"its database is damaged: {'; '.join(damage[:_NAMED])}",
        "error",
        "put back a copy of the file from before; tables and landed files are not touched",
    )


def _killed_runs(services: Services, who: _Holders) -> Iterator[Finding]:
    for run in services.catalog.runs_under_way():
        if run.run_id not in who.runs() and is_alive(run.process) is not True:
            yield Finding(
                "killed run",
                f"run {run.run_id}",
                f"it ended without a word on {run.host} (process {run.pid})",
                "warning",
                "lake run goes on from there; nothing is lost or doubled",
            )


def _stale_locks(who: _Holders) -> Iterator[Finding]:
    runs: dict[str, list[LockHolder]] = {}
    for holder in who.dead:
        runs.setdefault(holder.run_id, []).append(holder)
    for run_id, holders in runs.items():
        first = holders[0]
        yield Finding(
            "stale lock",
            _listed([str(holder.table) for holder in holders]),
            f"held by run {run_id} on {first.host} (process {first.pid}), which is dead",
            "note",
            "nothing: the next run takes the lock over",
        )


def _leftovers(services: Services, who: _Holders) -> Iterator[Finding]:
    storage = services.storage
    living = who.runs() | {
        run.run_id for run in services.catalog.runs_under_way() if is_alive(run.process)
    }
    for name in storage.store.folders(STAGING):
        engine = name.removeprefix(_ENGINE_SCRATCH)
        used = name in living or (engine != name and _runs_here(engine.partition("-")[0]))
        # Spark empties its folder when it ends, and leaves it.
        if not used and any(storage.store.list(f"{STAGING}/{name}", unfinished=True)):
            yield Finding(
                "scratch files",
                f"scratch {name}",
                "left by a run or an engine that was killed",
                "note",
                f"delete {storage.staging.uri(name)}",
            )


def _runs_here(number: str) -> bool:
    return number.isdigit() and Path(f"/proc/{number}").exists()


def _missing_extras(services: Services) -> Iterator[Finding]:
    from lakeworks.engines.registry import missing_extras

    wanted: dict[str, str] = {}
    if services.storage.store.local_path("_") is None:
        wanted["s3"] = "the storage"
    for source in services.project.sources.values():
        if source.path.startswith("s3://") and source.landing == "in_place":
            wanted.setdefault("s3", f"source {source.table}")
        if source.format == "avro" or source.path.endswith(".avro"):
            wanted.setdefault("avro", f"source {source.table}")
    try:
        missing = missing_extras(services.project.environment.engine, wanted)
    except LakeError as error:
        yield Finding("engine", "the environment", error.problem, "error", error.hint)
        return
    for extra in missing:
        yield Finding(
            "missing extra",
            wanted[extra],
            f"it needs the extra '{extra}', which is not installed",
            "error",
            f"pip install 'lakeworks[{extra}]'",
        )


def _unconditional_store(services: Services) -> Iterator[Finding]:
    from lakeworks.storage.errors import AlreadyExistsError

    staging = services.storage.staging
    if staging.local_path("_") is not None:
        return
    try:
        staging.put(_PROBE, b"1")
        staging.put_if_absent(_PROBE, b"2")
    except AlreadyExistsError:
        return
    except LakeError as error:
        yield Finding("storage", staging.root, error.problem, "error", error.hint)
        return
    finally:
        staging.delete([_PROBE])
    yield Finding(
        "unconditional store",
        services.storage.store.root,
        "it ignores If-None-Match, so that one of two commits at the same moment is lost",
        "error",
        "use a store that honours conditional writes, such as S3 or MinIO",
    )


def _vanished_files(services: Services, source: Source) -> Iterator[Finding]:
    head = services.catalog.head(source.table)
    batch = head.transactions.get(FILES, 0) if head else 0
    if batch <= 0:
        return
    entries = services.catalog.ledger.entries(source.table, up_to=batch).values()
    landing = services.storage.landing
    below = f"{landing.root}/"
    landed = {
        e.landed_uri.removeprefix(below) for e in entries if e.landed_uri.startswith(below)
    }
    if landed:
        landed -= {entry.path for entry in landing.list(str(source.table))}
    if landed:
        from lakeworks.catalog.care.lifecycle import away

        landed -= away(services.storage, source.table)
    # Files that are read where they lie; those on S3 are asked for when they are read again.
    places = (e.landed_uri for e in entries if not e.landed_uri.startswith(below))
    gone = landed | {p for p in places if p.startswith("/") and not Path(p).exists()}
    if gone:
        yield Finding(
            "vanished landing files",
            str(source.table),
            f"{_files(len(gone))} that it was read from {'is' if len(gone) == 1 else 'are'} "
            f"gone: {_listed(sorted(gone))}",
            "warning",
            "put them back from a copy; the table keeps its rows, but a full refresh "
            "could not read them again",
        )


def _files(count: int) -> str:
    return f"{count:,} file{'s' if count != 1 else ''}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
