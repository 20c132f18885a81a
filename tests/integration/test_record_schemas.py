"""Sources that name a schema of the registry: what breaks it goes to quarantine, all is counted."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

ORDER = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "status": {"enum": ["open", "paid"]}},
    "required": ["id", "status"],
}
OPEN = {"id": 1, "status": "open"}
NO_STATUS = {"id": 2}
LOST = {"id": 3, "status": "lost"}
AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["open", "paid"]}},
    ],
}  # fmt: skip


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project with one source that names a schema, on each engine."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "in").mkdir()
    environment = f"environments:\n  dev:\n    engine: {request.param}\n    threads: 2\n"
    if request.param == "spark":
        request.getfixturevalue("spark_engine")
        environment += "    memory_limit: 2GB\n"
        environment += "    spark: {settings: {spark.sql.shuffle.partitions: 4}}\n"
    (tmp_path / "lake.yml").write_text("name: held\n" + environment)
    (tmp_path / "sources/orders.yml").write_text(
        "table: bronze.orders\npath: in\nrecord_schema: {schema: orders}\n"
    )
    return tmp_path


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def quarantined(lake: Lake) -> list[dict[str, Any]]:
    sql = (
        "select row, rule, error, source_file, source_row from quarantine.bronze_orders "
        "order by source_file, source_row"
    )
    return list(lake.query.sql(sql).to_arrow().to_pylist())


def test_records_that_break_the_schema_are_quarantined_with_place_and_reason(
    root: Path,
) -> None:
    (root / "in/a.json").write_text(lines(OPEN, NO_STATUS) + '{"id": 4,\n' + lines(LOST, OPEN))
    (root / "in/b.json").write_bytes(gzip.compress(lines(OPEN, LOST).encode()))
    (root / "in/c.json").write_text(json.dumps([OPEN, NO_STATUS, OPEN], indent=1))
    (root / "in/d.json").write_text(lines(OPEN, OPEN))
    with Lake.open(root) as lake:
        lake.catalog.schema_registry.create_schema(
            "orders", json.dumps(ORDER), data_format="json"
        )
        step = lake.pipeline.run().step("bronze.orders")
        assert (step.status, step.rows_read) == ("succeeded", 12), step.error
        assert (step.rows_written, step.rows_quarantined) == (7, 5)
        found = quarantined(lake)
    assert [(r["source_file"], r["source_row"], r["rule"]) for r in found] == [
        ("a.json", 2, "schema"),
        ("a.json", 3, "parse"),
        ("a.json", 4, "schema"),
        ("b.json", 2, "schema"),
        ("c.json", 2, "schema"),
    ]
    assert json.loads(found[0]["row"]) == NO_STATUS
    assert found[0]["error"].startswith("schema 'orders' version 1: $: ")
    assert "status" in found[0]["error"]
    assert "lost" in found[2]["error"]


def test_a_file_of_which_every_record_breaks_the_schema_leaves_no_row(root: Path) -> None:
    (root / "in/a.json").write_text(lines(NO_STATUS, LOST))
    with Lake.open(root) as lake:
        lake.catalog.schema_registry.create_schema(
            "orders", json.dumps(ORDER), data_format="json"
        )
        step = lake.pipeline.run().step("bronze.orders")
        assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 0, 2)


def test_avro_files_are_held_by_their_own_schema_and_only_then_by_record(root: Path) -> None:
    if "spark" in (root / "lake.yml").read_text():
        pytest.skip("Avro files are read by the same code on both engines")
    wider = json.loads(json.dumps(AVRO))
    wider["fields"][1]["type"]["symbols"].append("lost")
    good, mixed = io.BytesIO(), io.BytesIO()
    fastavro.writer(good, fastavro.parse_schema(AVRO), [OPEN, OPEN])
    fastavro.writer(mixed, fastavro.parse_schema(wider), [OPEN, LOST, OPEN])
    (root / "in/a.avro").write_bytes(good.getvalue())
    (root / "in/b.avro").write_bytes(mixed.getvalue())
    with Lake.open(root) as lake:
        lake.catalog.schema_registry.create_schema(
            "orders", json.dumps(AVRO), data_format="avro"
        )
        step = lake.pipeline.run().step("bronze.orders")
        assert (step.status, step.rows_written, step.rows_quarantined) == ("succeeded", 4, 1)
        [found] = quarantined(lake)
    assert (found["source_file"], found["source_row"], found["rule"]) == ("b.avro", 2, "schema")
    assert json.loads(found["row"]) == LOST
    assert "'lost'" in found["error"]


def test_replay_judges_by_the_version_that_is_the_latest_then(root: Path) -> None:
    (root / "in/a.json").write_text(lines(OPEN, LOST))
    with Lake.open(root) as lake:
        registry = lake.catalog.schema_registry
        registry.create_schema("orders", json.dumps(ORDER), data_format="json")
        assert lake.pipeline.run().step("bronze.orders").rows_quarantined == 1
        looser = json.loads(json.dumps(ORDER))
        looser["properties"]["status"]["enum"].append("lost")
        assert registry.register_schema_version("orders", json.dumps(looser)).number == 2
        lake.pipeline.replay("bronze.orders")
        assert quarantined(lake) == []
        found = lake.query.sql("select count(*) as n from bronze.orders").to_arrow()
        assert found.to_pylist() == [{"n": 2}]


def test_check_finds_a_schema_that_is_not_registered(root: Path) -> None:
    with pytest.raises(ProjectError, match="has no schema 'orders'"):
        Lake.check(root)
    with Lake.open(root) as lake:
        lake.catalog.schema_registry.create_schema(
            "order", json.dumps(ORDER), data_format="json"
        )
    with pytest.raises(ProjectError, match="did you mean order"):
        Lake.check(root)


def test_a_format_that_carries_no_records_of_the_schema_is_refused(root: Path) -> None:
    declared = "table: bronze.orders\npath: in\nformat: csv\nrecord_schema: orders\n"
    (root / "sources/orders.yml").write_text(declared)
    with pytest.raises(ProjectError, match="record_schema is for JSON and Avro"):
        Lake.check(root)
