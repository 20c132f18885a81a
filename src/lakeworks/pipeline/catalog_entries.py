"""Keep the data catalog's entries of the lake's own tables current.

Publications and rollbacks tell of the tables they changed. What they missed (a lake from before
there was a data catalog, a declaration that changed while no data did) is made up for when the
data catalog is first asked.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import CatalogBusyError, CatalogReadOnlyError
from lakeworks.core.errors import LakeError
from lakeworks.project.catalog_declaration import federated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.data_catalog.managed import Published
    from lakeworks.catalog.heads import Head
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services

logger = logging.getLogger(__name__)


def note_publication(
    services: Services,
    changes: Mapping[TableName, int | None],
    heads: Mapping[TableName, Head],
    reason: str,
) -> None:
    """Tell the data catalog what was just published.

    Args:
        changes: The version that each table got; None: readers no longer see it.
        heads: The tables' newest versions.
        reason: Why.
    """
    try:
        _tell(services, changes, heads, reason)
    except (LakeError, ValueError):
        # Readers see the new snapshot already: that the entries lag behind must not make a
        # failure of it. They are brought up to date when they are next asked for.
        logger.warning("the data catalog was not told of %s", reason, exc_info=True)


class Freshness:
    """Brings entries up to date before somebody looks at them, once in a process.

    Those of the lake's own tables to what is published and declared; those of tables that
    `tables/*.yml` declares to their declarations.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._managed = False
        self._dropped = False
        self._lock = threading.Lock()
        self._here = threading.local()

    def __call__(self, database: str | None, table: str | None) -> None:
        """Take care of one table, of one database, or of all."""
        # What brings entries up to date asks for entries itself.
        if getattr(self._here, "busy", False):
            return
        self._here.busy = True
        try:
            with self._lock:
                self._freshen(database, table)
        except CatalogReadOnlyError:
            logger.debug("the data catalog may lag behind: it cannot be written")
        except CatalogBusyError:
            logger.warning("the data catalog may lag behind", exc_info=True)
        finally:
            self._here.busy = False

    def _freshen(self, database: str | None, table: str | None) -> None:
        from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES

        if not self._managed and (database is None or database in MANAGED_DATABASES):
            # First, so that what fails is not tried for every entry that is asked for.
            self._managed = True
            _settle_managed(self._services)
        if not self._dropped and database is None:
            self._dropped = True
            self._services.external.drop_undeclared()
            _drop_undeclared(self._services)
        for name in self._services.project.tables:
            if database in {None, name.database} and table in {None, name.table}:
                self._settle(name, alone=table is not None)

    def _settle(self, name: TableName, *, alone: bool) -> None:
        try:
            self._services.external.settle(name)
        except LakeError:
            if alone:
                raise
            # One folder that cannot be read hides no other table from a list.
            logger.warning("the entry of %s may lag behind", name, exc_info=True)


def _drop_undeclared(services: Services) -> None:
    if services.catalog.data_catalog.outside_names():
        from lakeworks.ingest.federation.entries import drop_undeclared

        drop_undeclared(services.catalog.data_catalog, federated(services.project))


def _settle_managed(services: Services) -> None:
    catalog = services.catalog
    tables = catalog.current_snapshot().tables
    known = catalog.data_catalog.managed_tables()
    _tell(services, {**dict.fromkeys(known), **tables}, catalog.heads(), "")


def _tell(
    services: Services,
    changes: Mapping[TableName, int | None],
    heads: Mapping[TableName, Head],
    reason: str,
) -> None:
    seen = (
        _published(services, table, version, heads)
        for table, version in changes.items()
        if version is not None
    )
    services.catalog.data_catalog.note_published(
        [one for one in seen if one is not None],
        gone=[table for table, version in changes.items() if version is None],
        reason=reason,
    )


def _published(
    services: Services, table: TableName, version: int, heads: Mapping[TableName, Head]
) -> Published | None:
    """Return a table as readers see it; None where it cannot be read, which others report."""
    from lakeworks.catalog.data_catalog.managed import Declared, Published

    log = services.storage.table(table)
    declared = Declared.of(services.project, table)
    head = heads.get(table)

    def partition_columns() -> tuple[str, ...]:
        try:
            return log.version(version).partition_columns
        except LakeError:
            return declared.partition_by

    try:
        # Only where a failed run left the head ahead of what readers see is the log needed.
        known = head is not None and head.version == version
        schema = head.schema if head is not None and known else log.version(version).schema
    except LakeError:
        logger.warning("the entry of %s may lag behind", table, exc_info=True)
        return None
    root = services.storage.table_root(table)
    return Published(table, schema, root, declared, partition_columns)
