"""The care of one lake's tables: their health, what they cost, what is due, where old files go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.care.advice import LOOK_BACK_DAYS, Demand, advise
from lakeworks.catalog.care.errors import NoBucketError, NothingArchivedError
from lakeworks.catalog.care.health import TableHealth, examine
from lakeworks.catalog.care.lifecycle import RESTORED_FOR, Lifecycle
from lakeworks.catalog.care.maintain import Maintainer, Maintenance
from lakeworks.catalog.care.uses import examine_queries
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.care.lifecycle import LifecycleAction
    from lakeworks.catalog.care.usage import Usage
    from lakeworks.catalog.store import Catalog
    from lakeworks.catalog.tables import Tables
    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project
    from lakeworks.storage.archive_manifest import Manifest
    from lakeworks.storage.layout import Storage

_DAY_S = 86_400


class Care:
    """Looks after the tables of a lake."""

    def __init__(
        self, project: Project, catalog: Catalog, storage: Storage, tables: Tables
    ) -> None:
        self._project = project
        self._catalog = catalog
        self._storage = storage
        self._tables = tables

    def health(self, names: Iterable[str | TableName] | None = None) -> list[TableHealth]:
        """Look at some tables, or at all that readers see: files, old versions, advice.

        Raises:
            UnknownTableError: no such table.
        """
        examine_queries(self._catalog, self._storage)
        seen = self._catalog.current_snapshot().tables
        wanted = sorted(seen) if names is None else [self._tables.find(n) for n in names]
        since = clock.now() - timedelta(days=LOOK_BACK_DAYS)
        reads = self._catalog.query_history.reads(since=since)
        return [
            self._health(
                name, seen.get(name), Demand.of(r for r in reads if r[0].table == name)
            )
            for name in wanted
        ]

    def maintain(
        self,
        names: Iterable[str | TableName] | None = None,
        *,
        budget_s: float | None = None,
        dry_run: bool = False,
    ) -> Maintenance:
        """Do what is due, for some tables or the whole lake; see `Maintainer.run`.

        Raises:
            UnknownTableError: no such table.
        """
        wanted = None if names is None else [self._tables.find(name) for name in names]
        maintainer = Maintainer(self._project, self._catalog, self._storage)
        return maintainer.run(wanted, budget_s=budget_s, dry_run=dry_run)

    def storage(self) -> Usage:
        """Return what all files of the lake take up, and what they would cost a month."""
        from lakeworks.catalog.care.usage import measure

        return measure(self._catalog, self._storage, self._project.care)

    def lifecycle_due(self) -> list[LifecycleAction]:
        """Return what the lifecycle rules ask for now."""
        return list(self._lifecycle.due())

    def archived(self) -> Sequence[Manifest]:
        """Return what left the landing zone: archived arrivals, and those that expired."""
        return self._lifecycle.archive.manifests() if self._lifecycle.acts_here else []

    def apply_lifecycle(self, *, budget_s: float | None = None) -> Maintenance:
        """Carry out the lifecycle rules, and nothing else.

        Raises:
            NoBucketError: the lake lies in a bucket, which carries them out itself.
        """
        if not self._lifecycle.acts_here:
            raise NoBucketError.here(self._storage.store.root)
        maintainer = Maintainer(self._project, self._catalog, self._storage)
        return maintainer.run(budget_s=budget_s, kinds={"lifecycle"})

    def restore(
        self, name: str | TableName, *, keep_for: timedelta = RESTORED_FOR
    ) -> list[Manifest]:
        """Put what was archived of a table's landing files back for a time.

        Raises:
            NothingArchivedError: nothing of it is in the archive.
            TableLockedError: a run holds the table.
        """
        from lakeworks.catalog.upkeep import held
        from lakeworks.core.names import TableName

        table = name if isinstance(name, TableName) else TableName.parse(name)
        if not self._lifecycle.acts_here:
            raise NoBucketError.restores(self._storage.store.root)
        with held(self._catalog, table, clock.new_run_id(), None):
            done = self._lifecycle.restore(table, keep_for=keep_for)
        if not done:
            raise NothingArchivedError.of(str(table))
        return done

    def lifecycle_configuration(self) -> dict[str, Any]:
        """Return the rules as S3's PutBucketLifecycleConfiguration takes them."""
        from lakeworks.catalog.care.s3_lifecycle import (
            bucket_and_prefix,
            lifecycle_configuration,
        )

        _, prefix = bucket_and_prefix(self._project.environment.storage)
        declared = {*self._project.sources, *self._project.models, *self._catalog.heads()}
        return lifecycle_configuration(self._project.care, declared, prefix=prefix)

    @property
    def _lifecycle(self) -> Lifecycle:
        return Lifecycle(self._catalog, self._storage, self._project.care)

    def _health(self, name: TableName, seen: int | None, demand: Demand) -> TableHealth:
        log = self._storage.table(name)
        version = log.version(seen)
        kept_for = self._project.retention.of(name)
        found = examine(name, log, version, retention_days=kept_for.total_seconds() / _DAY_S)
        local = self._storage.store.local_path("") is not None
        advice = advise(found, version.schema, version.partition_columns, demand, local=local)
        return replace(found, advice=advice)
