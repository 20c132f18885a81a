"""A small lake on disk: two tables, three snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog.store import Catalog
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.registry import open_engine
from lakeworks.query.service import QueryService
from lakeworks.storage.files import DataFile
from lakeworks.storage.layout import Storage
from lakeworks.storage.log_actions import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Engine

ORDERS = TableName.parse("silver.orders")
DAILY = TableName.parse("gold.daily")
SCHEMA = Schema((Field("id", Scalar("bigint")), Field("city", Scalar("string"))))


@dataclass(frozen=True)
class SmallLake:
    """Its parts; `folder` also holds a file that belongs to no table: `secret.csv`."""

    folder: Path
    catalog: Catalog
    storage: Storage
    engine: Engine
    query: QueryService

    def append(self, table: TableName, ids: list[int]) -> int:
        """Commit rows to a table without publishing them; return the version."""
        log = self.storage.table(table)
        latest = log.latest_version()
        version = 0 if latest is None else latest + 1
        name = f"part-{version}.parquet"
        path = self.folder / "tables" / table.database / table.table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cities = [f"city {i}" for i in ids]
        pq.write_table(pa.table({"id": ids, "city": cities}), path)
        file = DataFile(name, path.stat().st_size, len(ids), {}, {"numRecords": len(ids)})
        schema = SCHEMA if version == 0 else None
        return log.commit(Commit(version, "WRITE", added=(file,), schema=schema))


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLake]:
    folder = tmp_path_factory.mktemp("lake")
    (folder / "secret.csv").write_text("password\nhunter2\n")
    catalog = Catalog.open(f"sqlite:///{folder}/catalog.db")
    storage = Storage.open(str(folder))
    engine = open_engine("duckdb", temp_directory=str(folder / "staging"), threads=1)
    small = SmallLake(folder, catalog, storage, engine, QueryService(catalog, storage, engine))
    for day, ids in enumerate(([1, 2], [3], [4, 5, 6]), start=1):
        with clock.fixed(datetime(2026, 11, day, tzinfo=UTC)):
            changes: dict[TableName, int | None] = {ORDERS: small.append(ORDERS, ids)}
            if day == 2:
                changes[DAILY] = small.append(DAILY, [10])
            catalog.publish(f"run-{day}", changes)
    small.append(ORDERS, [7])  # committed, and not published
    yield small
    engine.close()
    catalog.close()
