"""Both engines erase the same: the same rows stay, in the same tables, with the same report."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, make_project, names_of, write

from lakeworks import Lake
from lakeworks.core import clock

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
    {"id": 2, "who": {"customer_id": "C-2", "at": "y"}, "n": 2},
    {"id": 3, "who": None, "n": 3},
]
RULES = """\
retention:
  old: {on: [bronze.orders], by: _ingested_at, keep: 30 days}
  empty: {columns: {pii: [email]}, by: _ingested_at, keep: 20 days, action: "null"}
"""
TAGGED = "columns:\n  email: {tags: {pii: email}}\n"


def test_both_engines_erase_the_same(tmp_path: Path) -> None:
    root = made(tmp_path / "shop")
    other = tmp_path / "other"
    shutil.copytree(root, other)
    found = [erased(root, "embedded"), erased(other, "cluster")]
    assert found[0] == found[1]


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
        arrive(root, 2)
        lake.pipeline.run()
    return root


def erased(root: Path, environment: str) -> tuple[Any, ...]:
    with Lake.open(root, environment=environment) as lake:
        report = lake.privacy.erase("customer=C-17")
        places = [{**asdict(place), "files": 0} for place in report.places]
        # What an engine spills goes with its process.
        left = names_of(lake, SUBJECT, "c-17", EMAIL)
        assert [one for one in left if not one.startswith("staging/engine-")] == []
        left = contents(lake)
        lake.pipeline.run()
        return report.state, report.columns, places, left, contents(lake)


def kept(root: Path, environment: str) -> tuple[Any, ...]:
    with (
        Lake.open(root, environment=environment) as lake,
        clock.fixed(clock.now() + timedelta(days=31)),
    ):
        report = lake.privacy.apply_retention()
        told = sorted((one.rule, one.table, one.rows, one.left) for one in report.done)
        return told, contents(lake)
