"""Keep the data catalog's entries of the lake's own tables current.

Publications and rollbacks tell of the tables they changed. What they missed (a lake from before
there was a data catalog, a declaration that changed while no data did) is made up for when the
data catalog is first asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import CatalogReadOnlyError
from lakeworks.core.errors import LakeError

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


def freshen(services: Services) -> None:
    """Make the entries of all published tables what their versions and declarations say."""
    catalog = services.catalog
    tables = catalog.current_snapshot().tables
    known = catalog.data_catalog.managed_tables()
    changes = {**dict.fromkeys(known), **tables}
    try:
        _tell(services, changes, catalog.heads(), "")
    except CatalogReadOnlyError:
        logger.debug("the data catalog may lag behind: it cannot be written")


def _tell(
    services: Services,
    changes: Mapping[TableName, int | None],
    heads: Mapping[TableName, Head],
    reason: str,
) -> None:
    services.catalog.data_catalog.note_published(
        [
            _published(services, table, version, heads)
            for table, version in changes.items()
            if version is not None
        ],
        gone=[table for table, version in changes.items() if version is None],
        reason=reason,
    )


def _published(
    services: Services, table: TableName, version: int, heads: Mapping[TableName, Head]
) -> Published:
    from lakeworks.catalog.data_catalog.managed import Declared, Published

    log = services.storage.table(table)
    head = heads.get(table)
    # Only where a run that failed left the head ahead of what readers see is the log needed.
    known = head is not None and head.version == version
    schema = head.schema if head is not None and known else log.version(version).schema
    return Published(
        table,
        schema,
        services.storage.table_root(table),
        Declared.of(services.project, table),
        lambda: log.version(version).partition_columns,
    )
