"""Runs keep the data catalog's entries of their tables: schema, who, when, why."""

from __future__ import annotations

import getpass
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.data_catalog.service import DataCatalog
from lakeworks.catalog.errors import CatalogBusyError
from lakeworks.cli.main import main
from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

BRONZE = TableName("bronze", "orders")
SILVER = TableName("silver", "orders")


def order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "order_id": f"o{number}",
        "customer_id": "c",
        "amount": 10.5,
        "updated_at": "2026-01-01T10:00:00",
        **more,
    }


def versions(lake: Lake, table: TableName) -> list[tuple[int, str]]:
    return [(one.version, one.reason) for one in lake.catalog.data_catalog.versions(table)]


def test_a_run_gives_every_table_its_entry(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), "{torn")
    with Lake.open(orders_project) as lake:
        report = lake.pipeline.run()
        published = lake.catalog.current_snapshot().tables
        data = lake.catalog.data_catalog
        assert set(data.table_names()) == set(published)
        entry = data.get_table(BRONZE)
        assert (entry.version, entry.updated_by) == (0, getpass.getuser())
        assert entry.reason == f"run {report.run_id}"
        assert entry.storage.location == lake.storage.table_root(BRONZE)
        columns = {column.name: column.type for column in entry.columns}
        shown = lake.tables.show("bronze.orders")
        assert columns == {
            field.name: str(field.type).replace("timestamp_ntz", "timestamp")
            for field in shown.schema
        }
        assert "bronze.orders" in data.get_table(BRONZE.quarantine).description


def test_only_a_run_that_changes_a_schema_makes_a_version(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        first = lake.pipeline.run()
        arrive("b.json", order(2))
        lake.pipeline.run()
        assert versions(lake, BRONZE) == [(0, f"run {first.run_id}")]
        arrive("c.json", order(3, coupon="x"))
        third = lake.pipeline.run()
        assert versions(lake, BRONZE) == [
            (1, f"run {third.run_id}"),
            (0, f"run {first.run_id}"),
        ]
        names = [column.name for column in lake.catalog.data_catalog.get_table(BRONZE).columns]
        assert "coupon" in names


def test_a_rollback_is_a_version_with_the_columns_of_then(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
        before = lake.catalog.data_catalog.get_table(BRONZE)
        arrive("b.json", order(2, coupon="x"))
        lake.pipeline.run()
        lake.pipeline.rollback()
        after = lake.catalog.data_catalog.get_table(BRONZE)
        assert after.columns == before.columns
        assert after.version == 2
        assert after.reason.startswith("rollback ")


def test_a_run_with_nothing_to_do_asks_the_data_catalog_nothing(
    orders_project: Path, arrive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    asked: list[object] = []
    monkeypatch.setattr(DataCatalog, "note_published", lambda *_, **__: asked.append(1))
    with Lake.open(orders_project) as lake:
        assert lake.pipeline.run().status == "nothing to do"
        assert lake.query.sql("select 1 as n").rows() == [{"n": 1}]
    assert asked == []


def test_a_lake_from_before_gets_its_entries_when_they_are_first_asked_for(
    orders_project: Path, arrive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive("a.json", order(1))
    with monkeypatch.context() as old:
        old.setattr(DataCatalog, "note_published", lambda *_, **__: 0)
        with Lake.open(orders_project) as lake:
            lake.pipeline.run()
    with Lake.open(orders_project) as lake:
        found = lake.catalog.data_catalog.list_tables()
        assert {one.name for one in found} == set(lake.catalog.current_snapshot().tables)
        assert lake.catalog.data_catalog.get_table(SILVER).reason.startswith(
            "declared in models/"
        )


def test_a_changed_declaration_is_in_the_entry_although_no_data_changed(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    path = orders_project / "sources" / "orders.yml"
    path.write_text(
        path.read_text()
        + "description: As they came\nowner: ann\ntags: {tier: raw}\n"
        + "columns: {amount: {description: In euros, tags: {unit: eur}}}\n"
    )
    with Lake.open(orders_project) as lake:
        entry = lake.catalog.data_catalog.get_table(BRONZE)
        assert (entry.description, entry.owner, entry.tags) == (
            "As they came",
            "ann",
            {"tier": "raw"},
        )
        (amount,) = [column for column in entry.columns if column.name == "amount"]
        assert (amount.comment, amount.tags) == ("In euros", {"unit": "eur"})
        assert entry.reason == "declared in sources/orders.yml"
        assert [hit.table for hit in lake.catalog.data_catalog.search("euros")] == [BRONZE]


def test_entries_that_cannot_be_written_fail_no_run(
    orders_project: Path,
    arrive: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def busy(*_: object, **__: object) -> int:
        raise CatalogBusyError.at("here", 30)

    arrive("a.json", order(1))
    with monkeypatch.context() as broken, Lake.open(orders_project) as lake:
        broken.setattr(DataCatalog, "note_published", busy)
        assert lake.pipeline.run().status == "succeeded"
    assert "the data catalog was not told of run" in caplog.text
    with Lake.open(orders_project) as lake:
        assert lake.catalog.data_catalog.find_table(SILVER) is not None


def test_what_a_rollback_takes_away_has_no_entry_any_more(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    gold = orders_project / "models" / "gold" / "customers.sql"
    text = gold.read_text()
    gold.unlink()
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    gold.write_text(text)
    name = TableName("gold", "customers")
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
        assert lake.catalog.data_catalog.find_table(name) is not None
        lake.pipeline.rollback()
        assert lake.catalog.data_catalog.find_table(name) is None


def test_a_declared_external_table_is_there_before_it_is_first_queried(
    orders_project: Path,
) -> None:
    folder = orders_project / "tables"
    folder.mkdir()
    (orders_project / "clicks").mkdir()
    columns = "columns: {id: bigint}\n"
    (folder / "clicks.yml").write_text(
        f"table: raw.clicks\nlocation: clicks\nformat: csv\n{columns}"
    )
    (folder / "empty.yml").write_text("table: raw.empty\nlocation: nowhere\nformat: parquet\n")
    name = TableName("raw", "clicks")
    with Lake.open(orders_project) as lake:
        assert [c.name for c in lake.catalog.data_catalog.get_table(name).columns] == ["id"]
        assert lake.catalog.data_catalog.table_names() == [name]
    (folder / "clicks.yml").write_text(
        f"table: raw.clicks\nlocation: clicks\nformat: csv\ndescription: Taps\n{columns}"
    )
    with Lake.open(orders_project) as lake:
        assert [hit.table for hit in lake.catalog.data_catalog.search("taps")] == [name]
        assert (
            lake.catalog.data_catalog.get_table(name).reason == "declared in tables/clicks.yml"
        )


def test_search_finds_the_tags_that_follow_data(
    orders_project: Path, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = orders_project / "sources" / "orders.yml"
    path.write_text(path.read_text() + "columns: {customer_id: {tags: {pii: person}}}\n")
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    capsys.readouterr()
    assert main(["search", "pii", "-C", str(orders_project), "--json"]) == 0
    found = {one["table"]: one["matches"] for one in json.loads(capsys.readouterr().out)}
    assert {"bronze.orders", "silver.orders", "gold.customers"} <= set(found)
    assert "gold.monthly" not in found
    assert found["gold.customers"] == [
        {"where": "tag", "column": "customer_id", "text": "pii: person"}
    ]


def test_partitions_statistics_and_tags_of_the_lakes_own_tables_are_shown(
    orders_project: Path, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "-C", str(orders_project), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    path = orders_project / "sources" / "orders.yml"
    path.write_text(path.read_text() + "columns: {customer_id: {tags: {pii: person}}}\n")
    arrive("a.json", order(1), order(2, updated_at="2026-02-01T10:00:00", amount=3))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    months = told("catalog", "partitions", "silver.orders")
    assert [one["Values"] for one in months] == [["2026-01"], ["2026-02"]]
    (later,) = told("catalog", "partitions", "silver.orders", "--where", "month > '2026-01'")
    assert later["Values"] == ["2026-02"]
    known = {
        one["ColumnName"]: one["StatisticsData"]
        for one in told("catalog", "statistics", "silver.orders")
    }
    assert known["month"]["StringColumnStatisticsData"] == {
        "NumberOfNulls": 0,
        "NumberOfDistinctValues": 2,
    }
    amount = known["amount"]["DecimalColumnStatisticsData"]
    assert amount["MinimumValue"] == {"UnscaledValue": "ASw=", "Scale": 2}
    shown = told("catalog", "show", "silver.orders")
    assert shown["tags"]["columns"] == {"customer_id": {"pii": ["person"]}}
    assert shown["kind"] == "managed"
    for command in ("show", "partitions", "statistics", "versions"):
        assert main(["catalog", command, "silver.orders", "-C", str(orders_project)]) == 0
    text = capsys.readouterr().out
    for expected in ("pii: person", "2026-02", "3.00", "made"):
        assert expected in text


def test_a_table_whose_files_are_gone_hides_no_other_from_the_list(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
        root = Path(lake.storage.table_root(SILVER))
        names = lake.catalog.data_catalog.table_names()
        # As a lake from before: no entries, and one table broken, its head unknown.
        for name in names:
            lake.catalog.data_catalog.delete_table(name)
        lake.catalog.drop_head(SILVER)
    shutil.rmtree(root)
    with Lake.open(orders_project) as lake:
        assert set(lake.catalog.data_catalog.table_names()) == set(names) - {SILVER}
