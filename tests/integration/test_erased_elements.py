"""A person in elements of lists: the elements go, in tables, files as they arrived, rejected rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from privacy_shop import LAKE, contents, rows, write

from lakeworks import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = [
    {"n": 1, "customer": {"id": 42}, "lines": [{"id": 7, "sum": 1.1}]},
    {"n": 2, "customer": {"id": 7}, "lines": [{"id": 42, "sum": 2.2}, {"id": 142, "sum": 3.3}]},
    {"n": 42, "customer": {"id": 142}, "lines": []},
    {"n": 4, "customer": {"id": None}, "lines": [{"id": 42, "sum": 4.4}]},
]
LEFT = [{"n": 2, "customer": {"id": 7}, "lines": [{"id": 142, "sum": 3.3}]}, ORDERS[2]]
SUBJECT = ["bronze.orders.customer.id=42", "bronze.orders.lines.id=42"]
STRICT = """/*
load: append
quality: |
  Rules = [ ColumnValues "n" > 100 ]
on_violation: quarantine
*/
select n, customer, lines from bronze.orders
"""
LINE = {"type": "record", "name": "line", "fields": [
    {"name": "id", "type": ["null", "long"]}, {"name": "sum", "type": "double"}]}  # fmt: skip
SCHEMA = {"type": "record", "name": "o", "fields": [
    {"name": "n", "type": "long"},
    {"name": "customer", "type": {"type": "record", "name": "c", "fields": [
        {"name": "id", "type": ["null", "long"]}]}},
    {"name": "lines", "type": {"type": "array", "items": LINE}}]}  # fmt: skip


def as_json(path: Path) -> None:
    write(path, "".join(json.dumps(row) + "\n" for row in ORDERS))


def as_parquet(path: Path) -> None:
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ORDERS), path)


def as_avro(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        fastavro.writer(file, SCHEMA, ORDERS)


@pytest.mark.parametrize(
    ("kind", "arrive"), [("json", as_json), ("parquet", as_parquet), ("avro", as_avro)]
)
def test_elements_go_and_the_rows_of_others_stay(
    tmp_path: Path, kind: str, arrive: Callable[[Path], None]
) -> None:
    write(tmp_path / "lake.yml", LAKE)
    write(tmp_path / "sources/orders.yml",
          f"table: bronze.orders\nfrom: files\npath: arrivals\nformat: {kind}\n")  # fmt: skip
    write(tmp_path / "models/silver/strict.sql", STRICT)
    arrive(tmp_path / f"arrivals/1.{kind}")
    with Lake.open(tmp_path) as lake:
        lake.pipeline.run()
        out = tmp_path / "export"
        lake.privacy.export(SUBJECT, out)
        handed_out = {n["n"] for n in json.loads((out / "bronze.orders.json").read_text())}
        assert handed_out == {1, 4, None}  # of the second order the element alone
        (landed,) = out.glob("landing.*")
        assert "142" not in landed.read_text()
        report = lake.privacy.erase(SUBJECT)
        assert report.state == "done"
        assert plain(rows(lake, "bronze.orders")) == LEFT
        rejected = [json.loads(one["row"]) for one in rows(lake, "quarantine.silver_strict")]
        assert plain(rejected) == LEFT
        # What arrived says the same.
        lake.pipeline.run(full_refresh=True)
        assert plain(rows(lake, "bronze.orders")) == LEFT
        assert report.erased_rows > 0
        assert "42" not in {str(r["customer"]["id"]) for r in contents(lake)["bronze.orders"]}


def plain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told = [{name: row[name] for name in ("n", "customer", "lines")} for row in found]
    return sorted(told, key=lambda row: int(row["n"]))
