"""The catalog as a principal sees it: runs, snapshots, entries, schemas, named queries."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownRunError
from lakeworks.permitted.entries import PermittedDataCatalog
from lakeworks.permitted.queries import PermittedQueries
from lakeworks.permitted.registry import PermittedRegistry
from lakeworks.permitted.runs import seen_run, seen_snapshot

if TYPE_CHECKING:
    from lakeworks.catalog.query_executions import KeptExecution
    from lakeworks.catalog.runs import Run
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.permitted.sight import Look, Sight

_LOOKED_AT = 1_000
_SUGGESTED = 20


class PermittedExecutions:
    """The principal's own queries at the SQL service; for a lake administrator, everybody's."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def recent(self, *, workgroup: str | None = None, limit: int = 50) -> list[KeptExecution]:
        """Return the last executions, newest first, of one workgroup or of all."""
        with self._sight.look("query history") as look:
            own = None if look.viewer.administers else str(self._sight.principal)
            records = self._sight.services.catalog.query_executions
            return records.recent(principal=own, workgroup=workgroup, limit=limit)


class PermittedCatalog:
    """What the lake remembers of itself, for one principal."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    @cached_property
    def data_catalog(self) -> PermittedDataCatalog:
        """Entries of databases and tables."""
        return PermittedDataCatalog(self._sight)

    @cached_property
    def schema_registry(self) -> PermittedRegistry:
        """Schemas of records."""
        return PermittedRegistry(self._sight)

    @cached_property
    def named_queries(self) -> PermittedQueries:
        """Queries that are kept under a name."""
        return PermittedQueries(self._sight)

    @cached_property
    def query_executions(self) -> PermittedExecutions:
        """What the SQL service was asked."""
        return PermittedExecutions(self._sight)

    def runs(self, limit: int = 20) -> list[Run]:
        """Return the last runs that touched what the principal may know of, newest first."""
        with self._sight.look("runs") as look:
            return self._runs(look, limit)

    def run(self, run_id: str) -> Run:
        """Return one run.

        Raises:
            UnknownRunError: there is none, or it touched nothing that the principal may know of.
        """
        with self._sight.look("run") as look:
            found = None
            with suppress(UnknownRunError):
                found = seen_run(look, self._sight.services.catalog.run(run_id))
            if found is None:
                recent = [run.run_id for run in self._runs(look, _SUGGESTED)]
                raise UnknownRunError.named(run_id, recent)
            return found

    def snapshots(self, limit: int = 20) -> list[Snapshot]:
        """Return the last snapshots with the tables that the principal may know of."""
        with self._sight.look("snapshots") as look:
            found = self._sight.services.catalog.snapshots(limit)
            seen = (seen_snapshot(look, one) for one in found)
            return [one for one in seen if one is not None]

    def _runs(self, look: Look, limit: int) -> list[Run]:
        looked_at = limit
        while True:
            found = self._sight.services.catalog.runs(looked_at)
            seen = [run for run in (seen_run(look, one) for one in found) if run is not None]
            if len(seen) >= limit or len(found) < looked_at or looked_at >= _LOOKED_AT:
                return seen[:limit]
            looked_at = min(4 * looked_at, _LOOKED_AT)
