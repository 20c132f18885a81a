"""Open a project and wire its parts: the one place where services meet.

lake = Lake.open("shop")
lake.pipeline.run()
lake.query.sql("select * from gold.daily_sales").to_pandas()
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lakeworks.core.redaction import hide_environment
from lakeworks.pipeline.catalog_entries import Freshness
from lakeworks.pipeline.service import Pipeline
from lakeworks.pipeline.state import Services
from lakeworks.privacy.checking import privacy_mistakes
from lakeworks.project.errors import SecretError, SecretUnavailableError
from lakeworks.project.revealed import fresh_url, revealed_openlineage, tell_unchecked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from lakeworks.catalog.care.service import Care
    from lakeworks.catalog.entries import Entries
    from lakeworks.catalog.store import Catalog
    from lakeworks.catalog.tables import Tables
    from lakeworks.crawlers.service import Crawlers
    from lakeworks.engines.protocol import Engine
    from lakeworks.governance.service import Governance
    from lakeworks.permitted.lake import PermittedLake
    from lakeworks.pipeline.doctor import Finding
    from lakeworks.pipeline.federated import Federation
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.privacy.service import Privacy
    from lakeworks.project.declaration import Project
    from lakeworks.query.service import QueryService
    from lakeworks.query.table_quality import TableQuality
    from lakeworks.site.service import Site
    from lakeworks.storage.layout import Storage
    from lakeworks.storage.objects import ObjectStore


class Lake:
    """One project in one environment, with its catalog, storage and engine.

    Attributes:
        project: What the project declares.
        pipeline: Check, plan, run, roll back.
        catalog: Snapshots, runs, locks.
        storage: Tables and landing zone.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.project: Project = services.project
        self.catalog: Catalog = services.catalog
        self.storage: Storage = services.storage
        self.pipeline = Pipeline(services)
        services.more_checks = privacy_mistakes
        self.catalog.keep_fresh(Freshness(services))
        self._listening = ExitStack()
        if self.project.environment.openlineage is not None:
            self._listening.enter_context(_told(self))

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        environment: str | None = None,
        memory_limit: int | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open the project in `path`, or in the nearest folder above it.

        Args:
            path: A folder that holds `lake.yml`, or lies below one.
            environment: An entry of `environments:`; the first when left out.
            memory_limit: Bytes that the engine may take, instead of the environment's.
            threads: Cores that the engine may use, instead of the environment's.

        Raises:
            ProjectError: the project has mistakes; it lists all of them.
            CatalogError: the catalog cannot be opened.
            StorageError: the storage cannot be reached.
        """
        from lakeworks.project.loader import load_project

        project = load_project(Path(path), environment=environment)
        settings = project.environment
        settings = replace(
            settings,
            memory_limit=memory_limit or settings.memory_limit,
            threads=threads or settings.threads,
        )
        project = replace(project, environment=settings)
        return cls._of(project)

    @classmethod
    def check(cls, path: str | Path = ".", *, environment: str | None = None) -> Project:
        """Look for mistakes in the project in `path`, in all its files at once.

        Where some files are wrong, the rest is examined all the same: rules, columns, headers.
        Of data, only parts of some files are read. What may be a mistake, but may as well be in
        a part that was not, is no error: `core.events` tells it as `check.doubt`.

        Args:
            path: As for `open`.
            environment: As for `open`.

        Raises:
            ProjectError: with every mistake, each with file, line and the nearest right name.
            CatalogError: the catalog cannot be opened.
            StorageError: the storage cannot be reached.
        """
        from lakeworks.pipeline.check import check_examined
        from lakeworks.project.loader import examine_project

        examined = examine_project(Path(path), environment=environment)
        if examined.project is None:
            return check_examined(examined, None)
        try:
            with cls._of(examined.project) as lake:
                return check_examined(examined, lake._services)  # noqa: SLF001 - our own
        except (SecretError, SecretUnavailableError) as error:
            tell_unchecked(error)
        with (
            tempfile.TemporaryDirectory() as folder,
            cls._without_secrets(examined.project, folder) as lake,
        ):
            return check_examined(examined, lake._services)  # noqa: SLF001 - our own

    @classmethod
    def _of(cls, project: Project) -> Self:
        from lakeworks.catalog.store import Catalog
        from lakeworks.storage.layout import Storage

        hide_environment()
        settings = project.environment
        storage = Storage.open(settings.storage, settings.options)
        catalog = Catalog.open(
            settings.revealed(settings.catalog, "catalog"), fresh=fresh_url(settings)
        )

        def engine() -> Engine:
            return _engine(project, storage, _s3_store(project, storage))

        return cls(Services(project, catalog, storage, engine))

    @classmethod
    def _without_secrets(cls, project: Project, folder: str) -> Self:
        """Open an empty lake for a project, where nothing is reached that needs a secret."""
        from lakeworks.catalog.store import Catalog
        from lakeworks.storage.layout import Storage

        settings = replace(
            project.environment,
            storage=folder,
            catalog=f"sqlite:///{folder}/catalog.db",
            openlineage=None,
        )
        project = replace(project, environment=settings)
        storage = Storage.open(folder)
        catalog = Catalog.open(settings.catalog)
        return cls(Services(project, catalog, storage, lambda: _engine(project, storage, None)))

    @cached_property
    def query(self) -> QueryService:
        """SQL over the published snapshot."""
        from lakeworks.query.service import QueryService

        return QueryService(
            self.catalog,
            self.storage,
            self.engine,
            governance=self.governance,
            external=lambda: self._services.external,
            services=self._services,
            recorded=self.project.care.history.recorded,
        )

    @cached_property
    def federation(self) -> Federation:
        """The catalogs of other systems: their tables, and whether they answer."""
        from lakeworks.pipeline.federated import Federation

        return Federation(self._services)

    @cached_property
    def lineage(self) -> Lineage:
        """What derives from what, what a change reaches, and the tags of columns."""
        from lakeworks.pipeline.lineage import Lineage

        return Lineage(self._services)

    @cached_property
    def site(self) -> Site:
        """A static site that describes the whole lake."""
        from lakeworks.site.service import Site

        return Site(self._services, self.lineage)

    @cached_property
    def privacy(self) -> Privacy:
        """A person's data: found, erased, exported; and data that is kept no longer than declared."""
        from lakeworks.privacy.service import Privacy

        return Privacy(self._services, self.lineage, self.governance, lambda: self.query)

    @cached_property
    def governance(self) -> Governance:
        """Who may see what: decisions, grants, tags, the audit trail."""
        from lakeworks.governance.service import Governance

        return Governance(self.project, self.catalog, lambda: self.lineage.governing)

    @cached_property
    def tables(self) -> Tables:
        """What tables there are, their history, and their upkeep."""
        from lakeworks.catalog.tables import Tables

        described = {name: one.description for name, one in self.project.sources.items()}
        described |= {name: one.description for name, one in self.project.models.items()}
        described |= {name: one.description for name, one in self.project.tables.items()}
        return Tables(self.catalog, self.storage, described, self.project.retention)

    @cached_property
    def entries(self) -> Entries:
        """Statistics and partitions of the data catalog's entries."""
        from lakeworks.catalog.entries import Entries

        return Entries(self.catalog, self.storage, self.tables)

    def as_principal(self, principal: str) -> PermittedLake:
        """Return the lake as a principal (`ana`, `role:analyst/ana?team=eu`) may see it.

        Raises:
            PrincipalError: the text names nobody.
            NoPermissionsError: the lake has no policies.
        """
        from lakeworks.permitted.lake import seen_as

        return seen_as(principal, self, self._services, self.governance)

    @cached_property
    def care(self) -> Care:
        """The health of tables, what they cost, and what is due for them."""
        from lakeworks.catalog.care.service import Care

        return Care(self.project, self.catalog, self.storage, self.tables)

    @cached_property
    def crawlers(self) -> Crawlers:
        """What finds tables in folders and buckets, and keeps them in the data catalog."""
        from lakeworks.crawlers.found_tables import Surroundings
        from lakeworks.crawlers.service import Crawlers

        around = Surroundings(
            self.project.environment.options,
            str(self.project.root),
            self.storage.store.root,
        )
        return Crawlers(self.project.crawlers, self.catalog, around)

    @cached_property
    def quality(self) -> TableQuality:
        """How good the published tables are: scores, profiles, suggested rules."""
        from lakeworks.query.table_quality import TableQuality

        return TableQuality(self.project, self.catalog, self.storage, lambda: self.engine)

    @property
    def engine(self) -> Engine:
        """The environment's engine; made when first asked for."""
        return self._services.engine

    def doctor(self) -> list[Finding]:
        """Look for what is wrong with the lake itself; each finding says what to do."""
        from lakeworks.pipeline.doctor import examine

        return examine(self._services)

    def close(self) -> None:
        """Free the engine and the catalog's connections."""
        self._listening.close()
        self._services.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _told(lake: Lake) -> Iterator[None]:
    """Tell what this lake's runs do as OpenLineage events."""
    from lakeworks import __version__
    from lakeworks.core import events
    from lakeworks.observe import OpenLineageListener, Translator
    from lakeworks.observe.delivery import delivery_of

    settings = revealed_openlineage(lake.project.environment)
    services = lake._services  # noqa: SLF001 - our own
    translator = Translator(
        services, lake.lineage, version=__version__, namespace=settings.namespace
    )
    listener = OpenLineageListener(
        translator, delivery_of(settings), patience_s=settings.timeout_s
    )
    try:
        with events.listening(listener):
            yield
    finally:
        listener.close()


def _engine(project: Project, storage: Storage, remote: ObjectStore | None) -> Engine:
    from lakeworks.engines.registry import open_engine

    settings = project.environment
    local = storage.store.local_path("")
    # One engine removes its scratch when it closes; another's may live as long as the process.
    own = f"engine-{os.getpid()}-{settings.engine}"
    scratch = (local or project.root / ".lake") / "staging" / own
    return open_engine(
        settings.engine,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        temp_directory=str(scratch),
        s3=remote.s3_settings() if remote else None,
        fresh_s3=remote.s3_settings if remote and remote.credentials_expire else None,
        spark=settings.spark,
    )


def _s3_store(project: Project, storage: Storage) -> ObjectStore | None:
    """Return the bucket that the engine must reach; None when it reads and writes no objects."""
    from lakeworks.ingest.discover import split_pattern
    from lakeworks.storage.objects import ObjectStore

    places = [storage.store.root]
    places += [one.path for one in project.sources.values() if one.landing == "in_place"]
    places += [one.location for one in project.tables.values()]
    places += [one.location for one in project.catalogs.values()]
    places += [target.path for one in project.crawlers.values() for target in one.targets]
    for place in places:
        if place.startswith("s3://"):
            url, _ = split_pattern(place)
            return ObjectStore.open(url, project.environment.options)
    return None
