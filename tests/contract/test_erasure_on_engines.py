"""Both engines erase the same: the same rows stay, in the same tables, with the same report."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, make_project, names_of, write

from lakeworks import Lake
from lakeworks.core import clock
from lakeworks.privacy.erasing import Eraser, ErasureRequest
from lakeworks.privacy.returning import KeptOut, Returns, marks_of
from lakeworks.privacy.subjects import Wanted

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark_engine")]

ENVIRONMENTS = """name: shop
environments:
  embedded: {storage: .lake, threads: 2}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {settings: {spark.sql.shuffle.partitions: 4}}
"""
NESTED = [
    {"id": 1, "who": {"customer_id": "C-17", "at": "x"}, "n": 1},
    {
        "id": 2,
        "who": {"customer_id": "C-2", "at": "y"},
        "n": 2,
        "all": [
            {"customer_id": "C-17", "sum": 1.5},
            {"customer_id": "C-3", "lines": [{"customer_id": "C-17"}, {"customer_id": "C-4"}]},
        ],
    },
    {"id": 3, "who": None, "n": 3},
    {"id": 4, "who": None, "all": [{"customer_id": "C-17"}]},
    {"id": 5, "who": {"customer_id": "C-5"}, "all": []},
    {"id": 6, "text": '{"by": {"customer_id": "C-17"}}'},
    {"id": 7, "text": '{"by": {"customer_id": "C-170"}}'},
]
LEFT = [{"customer_id": "C-3", "sum": None, "lines": [{"customer_id": "C-4"}]}]
RULES = """\
retention:
  old: {on: [bronze.orders], by: _ingested_at, keep: 30 days}
  empty: {columns: {pii: [email]}, by: _ingested_at, keep: 20 days, action: "null"}
"""
MADE = """
create view silver.v as select customer as who, amount, order_id from silver.orders
create view silver.up as select upper(customer_id) as who_up, city from silver.customers
create materialized view gold.per as select who as person, sum(amount) as s from silver.v group by who
create materialized view gold.hashed as select md5(who) as h, count(*) as n from silver.v group by 1
create materialized view gold.towns as select city, count(*) as n from silver.customers group by city
create table gold.renamed as select who as klient, amount from silver.v
create table gold.derived as select who_up, md5(who_up) as h from silver.up
"""
HASHES = [hashlib.md5(one, usedforsecurity=False).hexdigest() for one in (b"c-17", b"C-17")]
TAGGED = "columns:\n  email: {tags: {pii: email}}\n"


def test_both_engines_erase_the_same(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    other = tmp_path / "other"
    shutil.copytree(root, other)
    found = [erased(root, "embedded"), erased(other, "cluster")]
    assert found[0] == found[1]
    tables = found[0][-1]
    assert {row["person"] for row in tables["gold.per"]} == {"c-170", "c-2", "c-3"}
    assert {row["who_up"] for row in tables["gold.derived"]} == {"C-170", "C-2", "C-3"}
    nested = {row["id"]: row["all"] for row in tables["bronze.nested"]}
    assert nested == {2: LEFT, 3: None, 5: [], 7: None}
    assert "Graz1" not in str(tables["gold.towns"])


def test_both_engines_keep_the_same(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    write(root / "policies/retention.yml", RULES)
    with (root / "sources/customers.yml").open("a") as file:
        file.write(TAGGED)
    other = tmp_path / "other"
    shutil.copytree(root, other)
    found = [kept(root, "embedded"), kept(other, "cluster")]
    assert found[0] == found[1]
    assert {one["email"] for one in found[0][1]["bronze.customers"]} == {None}


def made(root: Path) -> Path:
    make_project(root)
    write(root / "lake.yml", ENVIRONMENTS)
    write(root / "sources/nested.yml",
          "table: bronze.nested\nfrom: files\npath: arrivals/nested\nformat: json\n")  # fmt: skip
    write(root / "arrivals/nested/1.json", "".join(json.dumps(row) + "\n" for row in NESTED))
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for statement in MADE.strip().splitlines():
            with lake.query.sql(statement) as done:
                done.rows()
        arrive(root, 2)
        lake.pipeline.run()
    return root


def erased(root: Path, environment: str) -> tuple[Any, ...]:
    with Lake.open(root, environment=environment) as lake:
        report = lake.privacy.erase("customer=C-17")
        places = [{**asdict(place), "files": 0} for place in report.places]
        # What an engine spills goes with its process.
        left = names_of(lake, SUBJECT, "c-17", EMAIL, *HASHES)
        assert [one for one in left if not one.startswith("staging/engine-")] == []
        left = contents(lake)
        lake.pipeline.run()
        marks = marks_of([Wanted("customer", "C-17"), Wanted("customer", "C-2")], ())
        wanted = [KeptOut("", **mark) for mark in marks]
        tracer = Eraser(lake.pipeline._services, lake.lineage, ErasureRequest(())).tracer()
        assert {*Returns(lake.pipeline._services, tracer).found(wanted).values()} == {"C-2"}
        told = report.unidentified, report.not_reached
        return report.state, report.columns, places, told, left, contents(lake)


def kept(root: Path, environment: str) -> tuple[Any, ...]:
    with (
        Lake.open(root, environment=environment) as lake,
        clock.fixed(clock.now() + timedelta(days=31)),
    ):
        report = lake.privacy.apply_retention()
        told = sorted((one.rule, one.table, one.rows, one.left) for one in report.done)
        return told, contents(lake)
