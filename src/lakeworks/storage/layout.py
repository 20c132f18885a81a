"""Where everything of a lake lies below its storage root (ARCHITECTURE.md, "On disk")."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.storage.log import TableLog
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES = "tables"
LANDING = "landing"
STAGING = "staging"
_THREADS = 8


class Storage:
    """The storage of one lake. Opening it reads and makes nothing.

    Attributes:
        store: Rooted at the lake's storage.
        landing: Rooted at the raw zone.
        staging: Rooted at the scratch of runs, `<run_id>/…`.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.landing = store.child(LANDING)
        self.staging = store.child(STAGING)
        self._logs: dict[TableName, TableLog] = {}

    @classmethod
    def open(cls, url: str, options: Mapping[str, str] | None = None) -> Storage:
        """Return the storage at an absolute folder or `s3://bucket/prefix`.

        Raises:
            StorageRequestError: `url` or an option is wrong.
        """
        return cls(ObjectStore.open(url, options))

    def table(self, name: TableName) -> TableLog:
        """Return a table's log, whether the table exists or not; one and the same each time."""
        found = self._logs.get(name)
        if found is None:
            store = self.store.child(f"{TABLES}/{name.database}/{name.table}")
            found = self._logs.setdefault(name, TableLog(store))
        return found

    def table_root(self, name: TableName) -> str:
        """Return where a table's files lie: an absolute folder or `s3://…`."""
        return self.store.uri(f"{TABLES}/{name.database}/{name.table}")

    def staging_of(self, run_id: str) -> ObjectStore:
        """Return the scratch of one run."""
        return self.staging.child(run_id)

    def clear_staging(self, run_id: str) -> None:
        """Delete the scratch of one run, if there is any."""
        self.staging.delete_tree(run_id)

    def tables(self) -> list[TableName]:
        """Return the tables that exist, by name."""
        names = []
        for path in self.store.folders(TABLES, depth=2):
            with contextlib.suppress(NameRefusedError):  # not ours
                names.append(TableName.parse(path.replace("/", ".")))
        with ThreadPoolExecutor(_THREADS) as pool:
            there = pool.map(lambda name: self.table(name).exists(), names)
            return sorted(name for name, exists in zip(names, there, strict=True) if exists)
