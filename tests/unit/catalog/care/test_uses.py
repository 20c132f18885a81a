"""Recorded queries are examined once, afterwards: their columns, and the bytes filters leave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog.care.uses import examine_queries
from lakeworks.catalog.query_history import QueryRecord, TableRead
from lakeworks.catalog.store import Catalog
from lakeworks.catalog.upkeep import _head
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.storage.files import DataFile
from lakeworks.storage.layout import Storage
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS = TableName("silver", "orders")
SCHEMA = Schema((Field("id", Scalar("bigint")), Field("at", Scalar("timestamp_ntz"))))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(f"sqlite:///{tmp_path}/catalog.db") as opened:
        yield opened


@pytest.fixture
def storage(tmp_path: Path, catalog: Catalog) -> Storage:
    """Two files of a hundred bytes: ids 0 to 9 of January, 10 to 19 of February."""
    made = Storage.open(str(tmp_path))
    log = made.table(ORDERS)
    files = []
    for at in range(2):
        log.store.put(f"{at}.parquet", b"x" * 100)
        low = {"id": at * 10, "at": f"2026-0{at + 1}-01T00:00:00.000"}
        high = {"id": at * 10 + 9, "at": f"2026-0{at + 1}-28T00:00:00.000"}
        stats = {"numRecords": 5, "minValues": low, "maxValues": high}
        files.append(DataFile(f"{at}.parquet", 100, 5, {}, stats))
    log.commit(Commit(0, "WRITE", added=tuple(files), schema=SCHEMA))
    catalog.set_head(_head(ORDERS, log.version(0)))
    return made


def asked(catalog: Catalog, sql: str, version: int = 0) -> None:
    read = TableRead(ORDERS, version, 2, 200)
    catalog.query_history.record(
        QueryRecord(sql, sql, datetime(2026, 3, 1, tzinfo=UTC), tables=(read,))
    )


@pytest.mark.parametrize(
    ("sql", "scanned"),
    [
        ("select * from silver.orders", 200),
        ("select * from silver.orders where id = 12", 100),
        ("select * from silver.orders@v0 where id > 100", 0),
        ("select * from silver.orders where at < '2026-01-15 00:00:00'", 100),
        ("explain select * from silver.orders", 0),
        ("select * from silver.orders where id = 1 or id = 11", 200),
    ],
)  # fmt: skip
def test_the_bytes_that_filters_leave_are_found(
    catalog: Catalog, storage: Storage, sql: str, scanned: int
) -> None:
    asked(catalog, sql)
    assert examine_queries(catalog, storage) == 1
    (found,) = catalog.query_history.recent()
    assert found.bytes_scanned == scanned
    assert examine_queries(catalog, storage) == 0


def test_a_version_that_is_gone_counts_as_read_whole(
    catalog: Catalog, storage: Storage
) -> None:
    asked(catalog, "select * from silver.orders where id = 1", version=7)
    examine_queries(catalog, storage)
    (found,) = catalog.query_history.recent()
    assert found.bytes_scanned == 200
    assert found.tables[0].uses == {"filter": ("id",)}
