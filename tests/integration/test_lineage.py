"""Lineage, impact and tags of the shop, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakeworks.cli.main import main


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lineage") / "shop"
    assert main(["init", str(folder), "--template", "shop"]) == 0
    assert main(["generate", "shop", "-C", str(folder), "--orders", "200", "--seed", "1"]) == 0
    assert main(["run", "-C", str(folder)]) == 0
    return folder


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_everything_of_the_shop_is_resolved(shop: Path) -> None:
    from lakeworks.lake import Lake

    with Lake.open(shop) as lake:
        graph = lake.lineage.graph
    assert graph.unresolved == {}
    assert [node.name for node in graph.nodes.values() if node.unresolved] == []


def test_lineage_has_the_columns_that_the_tables_have(shop: Path) -> None:
    from lakeworks.lake import Lake

    with Lake.open(shop) as lake:
        graph, heads = lake.lineage.graph, lake.catalog.heads()
    for table in lake.project.models:
        assert graph.nodes[str(table)].columns == heads[table].schema.names


def test_a_column_is_traced_through_a_python_model(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "lineage", "gold.product_performance.margin", "--up", "-C", str(shop))
    edges = {(edge["from"], edge["to"]) for edge in found["edges"]}
    assert ("silver.products.cost", "gold.product_performance.margin") in edges
    assert ("bronze.order_items.unit_price", "silver.order_items.line_amount") in edges
    assert found["unresolved"] == {}
    influences = {one["column"] for one in found["influenced_by"]}
    assert "silver.orders.order_status" in influences


def test_a_run_tells_what_it_read_and_wrote(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "lineage", "gold.daily_sales", "--run", "last", "-C", str(shop))
    assert [(read["name"], read["version"]) for read in found["reads"]] == [
        ("silver.order_items", 0), ("silver.orders", 0), ("silver.products", 0)]  # fmt: skip
    assert found["writes"]["version"] == 0
    (run,) = _json(capsys, "history", "-C", str(shop))["runs"]
    same = _json(capsys, "lineage", "bronze.orders", "--run", run["run_id"], "-C", str(shop))
    (read,) = same["reads"]
    assert (read["name"], read["batch"]) == ("landing/orders", 1)
    assert read["files"] > 0


def test_a_later_run_read_only_what_was_new(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    assert main(["init", str(folder)]) == 0
    assert main(["run", "-C", str(folder)]) == 0
    landing = next((folder / "landing").rglob("*.json"))
    landing.with_name("more.json").write_text(landing.read_text())
    assert main(["run", "-C", str(folder)]) == 0
    from lakeworks.lake import Lake

    with Lake.open(folder) as lake:
        steps = lake.catalog.runs(1)[0].report["steps"]
    (silver,) = [step for step in steps if step["table"] == "silver.events"]
    assert silver["reads"] == [{"name": "bronze.events", "version": 1, "since": 0}]


def test_a_run_that_did_nothing_with_a_table_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--select", "gold.daily_sales", "--full-refresh", "-C", str(shop)]) == 0
    run = _json(capsys, "history", "-C", str(shop))["runs"][0]["run_id"]
    assert main(["lineage", "gold.customer_360", "--run", run, "-C", str(shop)]) == 2
    assert "error[LW905]" in capsys.readouterr().err


def test_impact_reaches_the_last_reader(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "impact", "bronze.orders.order_amount", "-C", str(shop))
    affected = {one["table"]: one for one in found["affected"]}
    assert affected["silver.orders"]["columns"] == {"order_amount": "value"}
    assert affected["gold.customer_360"]["columns"]["segment"] == "influence"
    assert affected["gold.customer_360"]["last"]
    assert "gold.daily_traffic" not in affected


@pytest.mark.parametrize("command", ["lineage", "impact"])
def test_a_misspelt_column_suggests_the_right_one(
    command: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "silver.orders.order_amuont", "-C", str(shop)]) == 2
    told = capsys.readouterr().err
    assert "error[LW708]" in told
    assert "did you mean order_amount?" in told
    assert main([command, "silver.ordres", "-C", str(shop)]) == 2
    assert "did you mean silver.orders?" in capsys.readouterr().err


def test_show_tells_each_tag_with_its_origin(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "show", "gold.customer_360", "-C", str(shop))
    assert {"value": "email", "table": "silver.customers", "column": "email"} in (
        found["tags"]["email"]["pii"])  # fmt: skip
    assert found["tags"]["first_name"]["pii"][0]["table"] == "bronze.customers"


def test_a_picture_is_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop / "sales.svg"
    assert main(["lineage", "gold.daily_sales", "--svg", str(file), "-C", str(shop)]) == 0
    assert "written: 7 tables." in capsys.readouterr().out
    assert file.read_text().startswith("<svg ")


def test_plan_tells_whom_a_dropped_column_reaches_and_who_owns_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lake"
    for name, text in {
        "lake.yml": "name: test\n",
        "sources/s.yml": "table: bronze.s\npath: landing\nformat: csv\n",
        "landing/s.csv": "a,b\n1,2\n",
        "models/silver/m.sql": "select a, b from bronze.s",
        "models/silver/n.sql": "select a, b as c from silver.m",
        "models/gold/last.sql": "/*\nowner: sales\n*/\nselect c || '!' as d from silver.n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert main(["run", "-C", str(folder)]) == 0
    (folder / "models/silver/m.sql").write_text("select a from bronze.s")
    capsys.readouterr()
    assert main(["plan", "-C", str(folder)]) == 2
    told = capsys.readouterr().out
    assert "schema: drops b string" in told
    assert "then silver.n breaks" in told
    assert "then gold.last (owner: sales) is affected: d" in told


def test_check_warns_of_a_declassify_that_removes_nothing(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shop / "models/gold/daily_traffic.sql"
    text = model.read_text()
    model.write_text(text.replace("columns:\n", "columns:\n  day: {declassify: {pii: no}}\n"))
    try:
        capsys.readouterr()
        assert main(["check", "-C", str(shop)]) == 0
        told = capsys.readouterr().err
    finally:
        model.write_text(text)
    assert "warning[LW713]" in told
    assert "gold.daily_traffic.day removes nothing" in told


def test_a_declassify_without_a_reason_is_a_mistake(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shop / "models/gold/daily_traffic.sql"
    text = model.read_text()
    model.write_text(text.replace("columns:\n", 'columns:\n  day: {declassify: {pii: ""}}\n'))
    try:
        assert main(["check", "-C", str(shop)]) == 2
    finally:
        model.write_text(text)
    assert "declassify" in capsys.readouterr().err
