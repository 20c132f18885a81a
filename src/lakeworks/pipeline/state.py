"""Where every table stands: its head, its published version, and what is new in its inputs.

The catalog keeps copies of heads so that this costs one look per table: whether the next log
file exists. Only a table that moved without the catalog's knowledge is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.catalog.store import Head
from lakeworks.core import clock
from lakeworks.project.catalog_declaration import federated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine
    from lakeworks.engines.remote_reading import RemoteReader
    from lakeworks.governance.service import Governance
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.ingest.federation.tables import FederatedTables
    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.log import TableVersion

    MoreChecks = Callable[[Project, Mapping[TableName, Schema | None]], list[Mistake]]

FILES = "lakeworks/files"


def bookmark_of(table: TableName) -> str:
    """Return the name of the application transaction that says how far `table` was read."""
    return f"lakeworks/{table}"


@dataclass
class Services:
    """The parts that a run works with; the engine is made when it is first needed."""

    project: Project
    catalog: Catalog
    storage: Storage
    make_engine: Callable[[], Engine]
    more_checks: MoreChecks | None = None
    """What else `lake check` looks at: given the project and the columns of its tables."""
    also_views: frozenset[TableName] = frozenset()
    """Tables of the project whose names views of the data catalog have."""
    joined: bool = False
    """Whether the catalog's materialised views are among the project's models."""

    @cached_property
    def engine(self) -> Engine:
        """The environment's engine."""
        return self.make_engine()

    @cached_property
    def governance(self) -> Governance:
        """Who may see what; asked where rows are computed in a principal's name."""
        from lakeworks.governance.service import Governance
        from lakeworks.pipeline.lineage import Lineage

        return Governance(self.project, self.catalog, lambda: Lineage(self).governing)

    def with_views(self) -> Services:
        """Return the same parts with the catalog's materialised views as models beside others."""
        if self.joined:
            return self
        names = self.catalog.view_names()
        own = {*self.project.models, *self.project.sources, *self.project.tables}
        if not any(names.values()) and own.isdisjoint(names):
            return self
        views = self.catalog.data_catalog.views()
        from lakeworks.pipeline.catalog_views import conflicting, with_materialized

        found = replace(
            self,
            joined=True,
            project=with_materialized(self.project, views, self),
            make_engine=lambda: self.engine,
            also_views=frozenset(view.name for view in conflicting(self.project, views)),
        )
        # What decides is made of the whole lineage: once is enough.
        found.__dict__["governance"] = self.governance
        return found

    @cached_property
    def external(self) -> ExternalTables:
        """The tables of files outside the lake."""
        from lakeworks.ingest.external_tables import ExternalTables
        from lakeworks.storage.objects import ObjectStore

        options = self.project.environment.options
        return ExternalTables(
            self.catalog.data_catalog,
            lambda root: ObjectStore.open(root, options if root.startswith("s3://") else None),
            lambda: self.engine.external,
            self.project.tables,
            {
                name: one
                for name, one in federated(self.project).items()
                if one.type == "parquet"
            },
            own=self.storage.store.root,
        )

    @cached_property
    def remote_reader(self) -> RemoteReader:
        """What reads rows of other systems; no caller's SQL ever runs in it."""
        from lakeworks.engines.registry import open_remote_reader

        return open_remote_reader(f"{self.project.root}/.lake/staging/remote-{os.getpid()}")

    @cached_property
    def federated(self) -> FederatedTables:
        """The tables of the project's catalogs."""
        from lakeworks.ingest.federation.systems import federated_tables

        return federated_tables(
            self.project, lambda: self.remote_reader, lambda: self.engine.external
        )

    def outside(self, table: TableName) -> AnySource:
        """Return an external or federated table whole.

        Raises:
            UnknownTableError: it is not there.
            LakeError: it cannot be read.
        """
        from lakeworks.catalog.errors import UnknownTableError

        if table.database in federated(self.project) and self.federated.covers(table):
            source = self.federated.whole(table)
            if source is None:
                raise UnknownTableError.named(str(table), ())
            return source
        entry = self.external.find(table)
        if entry is None:
            raise UnknownTableError.named(str(table), ())
        return self.external.whole(entry)

    def close(self) -> None:
        """Free what is held."""
        if "remote_reader" in self.__dict__:
            self.remote_reader.close()
        if "engine" in self.__dict__:
            self.engine.close()
        self.catalog.close()


@dataclass
class State:
    """Heads and the published snapshot as one run sees them; steps update it."""

    services: Services
    heads: dict[TableName, Head] = field(default_factory=dict)
    snapshot: Snapshot | None = None

    @classmethod
    def read(cls, services: Services, tables: Iterable[TableName]) -> State:
        """Return where `tables` and their quarantines stand."""
        state = cls(services, services.catalog.heads(), services.catalog.current_snapshot())
        wanted = list(tables)
        for table in (*wanted, *(t.quarantine for t in wanted)):
            state.refresh(table)
        return state

    def refresh(self, table: TableName) -> Head | None:
        """Look whether the table moved since the catalog's copy was made; return its head."""
        known = self.heads.get(table)
        log = self.services.storage.table(table)
        latest = log.latest_version(at_least=known.version if known else None)
        if latest is None:
            if known is not None:
                self.services.catalog.drop_head(table)
                del self.heads[table]
            return None
        if known is not None and known.version == latest:
            return known
        return self.moved(table, log.version(latest))

    def moved(self, table: TableName, version: TableVersion) -> Head:
        """Note the table's new head here and in the catalog."""
        head = Head(
            table=table,
            version=version.version,
            transactions=dict(version.transactions),
            fingerprint=str(version.info.get("fingerprint", "")),
            rows=sum(file.rows for file in version.files),
            size_bytes=sum(file.size_bytes for file in version.files),
            schema=version.schema,
            updated_at=clock.now(),
        )
        self.services.catalog.set_head(head)
        self.heads[table] = head
        return head

    def unpublished(self, tables: Iterable[TableName]) -> dict[TableName, int]:
        """Return the tables whose head readers do not see yet, quarantines included."""
        published: Mapping[TableName, int] = self.snapshot.tables if self.snapshot else {}
        ahead: dict[TableName, int] = {}
        for table in tables:
            for name in (table, table.quarantine):
                head = self.heads.get(name)
                if head is not None and published.get(name) != head.version:
                    ahead[name] = head.version
        return ahead

    def bookmark(self, target: TableName, source: TableName) -> int:
        """Return the version of `source` that `target` has read, or -1."""
        head = self.heads.get(target)
        return head.transactions.get(bookmark_of(source), -1) if head else -1

    def files_batch(self, table: TableName) -> int:
        """Return the number of the last batch of files that is in a bronze table, or 0."""
        head = self.heads.get(table)
        return max(head.transactions.get(FILES, 0), 0) if head else 0


def iso(moment: datetime) -> str:
    """Return a moment as SQL and JSON write it: ISO 8601, UTC, microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
