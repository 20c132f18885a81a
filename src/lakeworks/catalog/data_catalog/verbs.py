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
        freshen: Brings the entries of the lake's own tables up to date; called once, before
            they are first asked for.
    """

    def __init__(self, database: Database, freshen: Callable[[], None] | None = None) -> None:
        self._database = database
        self._freshen = freshen

    def _fresh(self, within: str | None = None) -> None:
        """Let the lake's own tables be brought up to date, if `within` may have any."""
        if self._freshen is None or (within and within not in MANAGED_DATABASES):
            return
        # Forgotten first: it asks the catalog itself.
        freshen, self._freshen = self._freshen, None
        freshen()


def folded(name: TableName) -> TableName:
    """Return a name as it is stored: in lower case, as Glue does."""
    return TableName(name.database.lower(), name.table.lower())
