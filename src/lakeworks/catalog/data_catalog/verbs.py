"""What all verbs of the data catalog stand on: the database, and how names are written in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import LAYERS, QUARANTINE, TableName

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.catalog.database import Database

MANAGED_DATABASES = frozenset((*LAYERS, QUARANTINE))


class Verbs:
    """One group of verbs.

    Args:
        database: Holds the catalog's tables.
        freshen: Brings entries up to date before they are looked at: those of one table, of
            one database (None for the table) or all (None for both). It may ask the data
            catalog itself, and decides when there is nothing to do.
    """

    def __init__(
        self,
        database: Database,
        freshen: Callable[[str | None, str | None], None] | None = None,
    ) -> None:
        self._database = database
        self._freshen = freshen

    def _fresh(self, database: str | None = None, table: str | None = None) -> None:
        if self._freshen is not None:
            self._freshen(database, table)

    def _fresh_table(self, name: TableName) -> None:
        self._fresh(name.database.lower(), name.table.lower())


def folded(name: TableName) -> TableName:
    """Return a name as it is stored: in lower case, as Glue does."""
    return TableName(name.database.lower(), name.table.lower())
