"""A person whose number stands under a key of JSON in a column of text: too short for a word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from privacy_shop import LAKE, rows, write

from lakeworks import Lake

if TYPE_CHECKING:
    from pathlib import Path

PAYLOADS = {
    1: '{"customer_id": 17, "page": "a"}',
    2: '{"customer_id": 170, "visits": 17}',
    3: ' [{"who": {"Customer_ID": "17"}}, {"who": {"customer_id": 3}}]',
    4: '17 {"customer_id": 17}',  # no JSON: a number that may count anything
    5: None,
    6: '{"broken": "\\ud800", "customer_id": 17.0}',
}
THEIRS, OTHERS = {1, 3, 6}, {2, 4, 5}
FILES = {
    "lake.yml": LAKE,
    "sources/customers.yml": "table: bronze.customers\npath: arrivals/customers\nformat: json\n",
    "arrivals/customers/1.json": '{"customer_id": 17}\n{"customer_id": 170}\n',
    "policies/privacy.yml": "subjects:\n  shopper: {column: customer_id}\n",
    "models/silver/events.sql": "/*\nload: append\n*/\nselect n, payload from bronze.events\n",
}


@pytest.fixture(params=["json", "parquet"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for name, text in FILES.items():
        write(tmp_path / name, text)
    kind = request.param
    write(tmp_path / "sources/events.yml",
          f"table: bronze.events\npath: arrivals/events\nformat: {kind}\n")  # fmt: skip
    events = [{"n": n, "payload": payload} for n, payload in PAYLOADS.items()]
    if kind == "json":
        lines = "".join(json.dumps(one) + "\n" for one in events)
        write(tmp_path / "arrivals/events/1.json", lines)
    else:
        (tmp_path / "arrivals/events").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(events), tmp_path / "arrivals/events/1.parquet")
    return tmp_path


def numbers(lake: Lake, table: str) -> set[int]:
    return {int(row["n"]) for row in rows(lake, table)}


@pytest.mark.parametrize("name", ["customer_id", "shopper"])
def test_json_in_a_text_says_whose_its_row_is(root: Path, name: str) -> None:
    with Lake.open(root) as lake:
        lake.pipeline.run()
        out = root / "export"
        lake.privacy.export([f"{name}=17"], out)
        for place in ("bronze.events", "silver.events"):
            handed_out = json.loads((out / f"{place}.json").read_text())
            assert {one["n"] for one in handed_out} == THEIRS
        landed = json.loads((out / "landing.bronze.events.json").read_text())
        assert {one["record"]["n"] for one in landed} == THEIRS
        report = lake.privacy.erase([f"{name}=17"])
        assert report.state == "done"
        assert numbers(lake, "bronze.events") == numbers(lake, "silver.events") == OTHERS
        lake.pipeline.run(full_refresh=True)  # what arrived says the same
        assert numbers(lake, "bronze.events") == OTHERS


def test_who_is_to_stay_out_is_found_under_keys_of_json(root: Path) -> None:
    write(
        root / "sources/notes.yml", "table: bronze.notes\npath: arrivals/notes\nformat: csv\n"
    )
    write(root / "arrivals/notes/1.csv", "n,note\n1,all well\n")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        erased = lake.privacy.erase("shopper=17")
        lake.privacy.keep_out(erased.erasure_id, "shopper=17")
        assert lake.privacy.erase_again() == []
        write(
            root / "arrivals/notes/2.csv",
            'n,note\n2,"[{""Customer_ID"": ""\\ud800""}, {""customer_id"": 17}]"\n',
        )
        lake.pipeline.run()
        (report,) = lake.privacy.erase_again()
        assert report.state == "done"
        assert numbers(lake, "bronze.notes") == {1}


def test_a_name_of_one_table_says_nothing_of_keys_elsewhere(root: Path) -> None:
    with Lake.open(root) as lake:
        lake.pipeline.run()
        lake.privacy.erase(["bronze.customers.customer_id=17"])
        assert numbers(lake, "bronze.events") == THEIRS | OTHERS
        assert len(rows(lake, "bronze.customers")) == 1
