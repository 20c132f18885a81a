"""`lake.as_principal("ana")`: the lake's services, each bound to one principal.

    seen = lake.as_principal("role:analyst")
    seen.tables.list()
    seen.quality.profile("silver.orders")

The attributes are those of `Lake`, with the same methods and shapes, as far as they can be answered for
a principal. What is not here is the owner's alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

from lakeworks.permitted.errors import OwnerOnlyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    import pyarrow as pa

    from lakeworks.catalog.entries import Entries
    from lakeworks.catalog.tables import Tables
    from lakeworks.core.names import TableName
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.service import Governance
    from lakeworks.permitted.catalog import PermittedCatalog
    from lakeworks.permitted.entries import PermittedEntries
    from lakeworks.permitted.governance import PermittedGovernance
    from lakeworks.permitted.lineage import PermittedLineage
    from lakeworks.permitted.quality import PermittedQuality
    from lakeworks.permitted.quarantine import PermittedPipeline
    from lakeworks.permitted.sight import Sight
    from lakeworks.permitted.site import PermittedSite
    from lakeworks.permitted.tables import PermittedTables
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.service import Pipeline
    from lakeworks.pipeline.state import Services
    from lakeworks.query.results import QueryResult
    from lakeworks.query.service import QueryService
    from lakeworks.site.service import Site


class Owners(Protocol):
    """The owner's services, which the views look at: `lake.Lake` has them."""

    pipeline: Pipeline

    @property
    def tables(self) -> Tables:
        """Every table."""
        ...

    @property
    def lineage(self) -> Lineage:
        """All lineage."""
        ...

    @property
    def entries(self) -> Entries:
        """Figures of entries."""
        ...

    @property
    def site(self) -> Site:
        """The site of everything."""
        ...

    @property
    def query(self) -> QueryService:
        """SQL, as whoever is named."""
        ...


def seen_as(
    principal: str, owners: Owners, services: Services, governance: Governance
) -> PermittedLake:
    """Return the lake as a principal may see it; see `Lake.as_principal`."""
    from lakeworks.governance.principals import Principal
    from lakeworks.permitted.sight import Sight

    return PermittedLake(owners, Sight(services, governance, Principal.parse(principal)))


class PermittedLake:
    """The lake as one principal may see it.

    Attributes:
        principal: Whose view it is. What it may see is asked for anew at every call.
    """

    def __init__(self, owners: Owners, sight: Sight) -> None:
        self._owners = owners
        self._sight = sight
        self.principal: Principal = sight.principal

    @cached_property
    def tables(self) -> PermittedTables:
        """What tables there are, and what happened to them."""
        from lakeworks.permitted.tables import PermittedTables

        return PermittedTables(self._sight, self._owners.tables)

    @cached_property
    def quality(self) -> PermittedQuality:
        """Figures, profiles and suggested rules, over what the principal sees."""
        from lakeworks.permitted.quality import PermittedQuality

        return PermittedQuality(self._sight)

    @cached_property
    def lineage(self) -> PermittedLineage:
        """What derives from what, of what the principal may know of."""
        from lakeworks.permitted.lineage import PermittedLineage

        return PermittedLineage(self._sight, self._owners.lineage)

    @cached_property
    def catalog(self) -> PermittedCatalog:
        """Runs, snapshots, the data catalog, the schema registry, named queries."""
        from lakeworks.permitted.catalog import PermittedCatalog

        return PermittedCatalog(self._sight)

    @cached_property
    def entries(self) -> PermittedEntries:
        """Statistics and partitions of the data catalog's entries."""
        from lakeworks.permitted.entries import PermittedEntries

        return PermittedEntries(self._sight, self._owners.entries)

    @cached_property
    def pipeline(self) -> PermittedPipeline:
        """Quarantine, and to let its rows try again."""
        from lakeworks.permitted.quarantine import PermittedPipeline

        return PermittedPipeline(self._sight, self._owners.pipeline)

    @cached_property
    def governance(self) -> PermittedGovernance:
        """The principal's own permissions; for a lake administrator, the audit trail."""
        from lakeworks.permitted.governance import PermittedGovernance

        return PermittedGovernance(self._sight, self._sample)

    @cached_property
    def site(self) -> PermittedSite:
        """A static site that describes what the principal may know of the lake."""
        from lakeworks.permitted.site import PermittedSite

        return PermittedSite(self._sight, self._owners.site, self._owners.lineage)

    @cached_property
    def query(self) -> PermittedQuery:
        """SQL, under the principal's permissions."""
        return PermittedQuery(self._owners, str(self.principal))

    def exported(self, action: str, names: Sequence[str], file: object) -> None:
        """Tell the audit trail that an answer was written to a file."""
        self._sight.exported(action, names, str(file))

    def _sample(self, table: str, rows: int) -> pa.Table:
        from lakeworks.governance.classifying import sample_of

        with self.query.sql(sample_of(table, self.query.columns(table), rows)) as result:
            return result.to_arrow()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - there is none
        if name.startswith("_"):
            raise AttributeError(name)
        raise OwnerOnlyError.attribute(f"lake.{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the owner's lake open: whoever opened it closes it."""


class PermittedQuery:
    """The query service with its caller filled in."""

    def __init__(self, owners: Owners, principal: str) -> None:
        self._owners = owners
        self._principal = principal

    def sql(
        self,
        text: str,
        *,
        at: datetime | int | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> QueryResult:
        """Run one query under the principal's permissions; see `QueryService.sql`."""
        return self._owners.query.sql(
            text,
            at=at,
            limit=limit,
            timeout_s=timeout_s,
            parameters=parameters,
            caller=self._principal,
        )

    def visible(self) -> list[TableName]:
        """Return the published tables that the principal may read, by name."""
        return self._owners.query.visible(self._principal)

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Return the columns of a table that the principal sees: name and type.

        Raises:
            UnknownTableError: there is no such table, or the principal may not read it.
        """
        return self._owners.query.columns(name, self._principal)
