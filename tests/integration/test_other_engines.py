"""Every table of the shop is what others read too: plain deltalake and Polars, row for row."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from deltalake import DeltaTable

from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

ORDERS = 1_500
SEED = 5


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The shop after two runs: columns were added, rows merged, partitions replaced."""
    project = tmp_path_factory.mktemp("others") / "shop"
    write_template(project, "shop")
    with Lake.open(project) as lake:
        for day in (1, 2):
            generate_shop(project / "landing", orders=ORDERS, seed=SEED, day=day)
            assert lake.pipeline.run().status == "succeeded"
        yield lake


def with_deltalake(root: str) -> pa.Table:
    return DeltaTable(root).to_pyarrow_table()


def with_polars(root: str) -> pa.Table:
    return pl.scan_delta(root).collect().to_arrow()


@pytest.mark.parametrize("database", ["bronze", "silver", "gold", "quarantine"])
@pytest.mark.parametrize("read", [with_deltalake, with_polars])
def test_all_tables_are_read_by_others_as_by_us(
    shop: Lake, database: str, read: Callable[[str], pa.Table]
) -> None:
    names = [name for name in shop.storage.tables() if name.database == database]
    declared = {
        name
        for name in (*shop.project.sources, *shop.project.models)
        if name.database == database
    }
    assert names
    assert declared <= set(names)
    for name in names:
        assert_same(shop, name, read)


@pytest.mark.parametrize("read", [with_deltalake, with_polars])
def test_what_upkeep_and_rollbacks_leave_is_read_by_others_too(
    orders_project: Path, arrive: Callable[..., Path], read: Callable[[str], pa.Table]
) -> None:
    with Lake.open(orders_project) as lake:
        for day in range(6):
            arrive(f"{day}.json", *orders(day * 10), "{torn")
            assert lake.pipeline.run().status == "succeeded"
            for name in lake.storage.tables():
                lake.storage.table(name).checkpoint_every = 4
        lake.pipeline.rollback()
        assert lake.pipeline.run().status == "succeeded"
        for name in lake.storage.tables():
            lake.tables.optimize(name)
        lake.tables.vacuum(retention=timedelta(0))
        log = lake.storage.table(TableName("silver", "orders")).store
        assert log.exists("_delta_log/_last_checkpoint")
        for name in lake.storage.tables():
            assert_same(lake, name, read)


def orders(start: int) -> list[dict[str, object]]:
    return [
        {"order_id": f"o{n}", "customer_id": f"c{n % 5}", "amount": n % 7,
         "updated_at": f"2026-0{n % 3 + 1}-01T00:00:00"}
        for n in range(start, start + 20)
    ]  # fmt: skip


def assert_same(lake: Lake, name: TableName, read: Callable[[str], pa.Table]) -> None:
    ours = lake.query.sql(f"select * from {name}").to_arrow()
    theirs = read(lake.storage.table_root(name))
    assert theirs.column_names == ours.column_names, str(name)
    assert theirs.num_rows == ours.num_rows > 0, str(name)
    assert rows_of(theirs) == rows_of(ours), str(name)


def rows_of(table: pa.Table) -> Counter[str]:
    """Return how often each row occurs, in no order."""
    return Counter(repr(plain(row)) for row in table.to_pylist())


def plain(value: Any) -> Any:
    """Return a value without the order of its fields."""
    if isinstance(value, dict):
        return sorted((key, plain(one)) for key, one in value.items())
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value
