"""The sample shop: deterministic, dirty at the stated rates, and telling one story."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from lakeworks.samples import generate_orders, generate_shop
from lakeworks.samples.errors import SampleRequestError
from lakeworks.samples.world import DIRT

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = 4_000
FEEDS = {
    "access_log", "card_transactions", "customers", "order_items", "orders", "payments",
    "products", "sensor_readings", "support_tickets", "web_events",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory: Path = tmp_path_factory.mktemp("shop")
    generate_shop(directory, orders=ORDERS, seed=3)
    return directory


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def _lines(feed: Path) -> list[str]:
    return [line for path in sorted(feed.rglob("part-*")) for line in _text(path).splitlines()]


def _objects(feed: Path) -> tuple[list[dict[str, Any]], int]:
    """Return what can be parsed, and how many lines cannot."""
    good, torn = [], 0
    for line in _lines(feed):
        try:
            good.append(json.loads(line))
        except json.JSONDecodeError:
            torn += 1
    return good, torn


def _rows(feed: Path) -> list[dict[str, str]]:
    import csv

    return [
        row
        for path in sorted(feed.rglob("part-*"))
        for row in csv.DictReader(_text(path).splitlines())
    ]


def _digest(directory: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(directory)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def test_the_same_request_writes_the_same_bytes_however_many_files_at_once(
    tmp_path: Path,
) -> None:
    for name, workers in (("a", 1), ("b", 4)):
        generate_shop(tmp_path / name, orders=400, seed=9, workers=workers)
        generate_shop(tmp_path / name, orders=400, seed=9, day=2, workers=workers)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")


def test_another_seed_writes_other_bytes(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate_orders(tmp_path / str(seed), orders=100, seed=seed)
    assert _digest(tmp_path / "1") != _digest(tmp_path / "2")


def test_the_report_counts_every_row_and_file(tmp_path: Path) -> None:
    done = generate_shop(tmp_path, orders=300, seed=1)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert set(done.rows) == FEEDS
    assert done.files == len(files)
    assert done.size_bytes == sum(path.stat().st_size for path in files)
    assert done.rows["orders"] == len(_lines(tmp_path / "orders"))
    assert done.rows["customers"] == len(_rows(tmp_path / "customers"))
    cards = pa.concat_tables(
        pq.read_table(path) for path in sorted((tmp_path / "card_transactions").rglob("part-*"))
    )
    assert done.rows["card_transactions"] == cards.num_rows


def test_no_partial_file_is_left_behind(shop: Path) -> None:
    assert not [path for path in shop.rglob("*") if path.is_file() and path.name[0] == "."]


def test_every_order_is_there_once_apart_from_corrections_duplicates_and_torn_lines(
    shop: Path,
) -> None:
    found, torn = _objects(shop / "orders")
    known = {one["order_id"] for one in found}
    assert len(known) >= ORDERS - torn
    assert len(known) <= ORDERS
    assert 0 < torn < 0.003 * ORDERS
    again = len(found) + torn - ORDERS
    expected = ORDERS * (DIRT["order_corrected"] + DIRT["order_duplicate"])
    assert 0.4 * expected < again < 2 * expected


def test_a_correction_has_the_same_order_and_a_later_update(shop: Path) -> None:
    seen: dict[str, list[dict[str, Any]]] = {}
    for one in _objects(shop / "orders")[0]:
        seen.setdefault(one["order_id"], []).append(one)
    versions = [v for v in seen.values() if len({one["updated_at"] for one in v}) > 1]
    assert len(versions) > 5
    for first, *later in versions:
        created = {one["created_at"] for one in (first, *later)} - {"0000-00-00"}
        assert len(created) == 1
        assert all(one["updated_at"] >= first["updated_at"] for one in later)


def test_orders_are_dirty_at_about_the_stated_rates(tmp_path: Path) -> None:
    orders = 30_000
    generate_orders(tmp_path, orders=orders, seed=5)
    found, torn = _objects(tmp_path)
    counted = {
        "order_amount_text": sum(one["order_amount"] == "N/A" for one in found),
        "order_amount_negative": sum(
            one["order_amount"] != "N/A" and one["order_amount"] < 0 for one in found
        ),
        "order_null_customer": sum(one["customer_id"] is None for one in found),
        "order_bad_time": sum(one["created_at"] == "0000-00-00" for one in found),
        "order_torn_line": torn,
    }
    for flaw, count in counted.items():
        assert 0.6 * DIRT[flaw] < count / orders < 1.5 * DIRT[flaw], flaw


def test_the_amount_of_a_plain_order_is_the_sum_of_its_lines(shop: Path) -> None:
    exact = 0
    for one in _objects(shop / "orders")[0]:
        if not isinstance(one["order_amount"], float):
            continue
        lines = sum(round(100 * i["unit_price"]) * i["quantity"] for i in one["items"])
        exact += round(100 * one["order_amount"]) == lines
    assert exact > 0.9 * ORDERS


def test_order_items_tell_the_same_lines_as_the_orders(shop: Path) -> None:
    nested = {
        (one["order_id"], number): (item["product_id"], str(item["quantity"]))
        for one in _objects(shop / "orders")[0]
        for number, item in enumerate(one["items"], 1)
    }
    flat = {
        (row["order_id"], int(row["line_no"])): (row["product_id"], row["quantity"])
        for row in _rows(shop / "order_items")
    }
    assert set(nested) <= set(flat)
    differing = [key for key, line in nested.items() if flat[key] != line]
    assert 0 < len(differing) < 0.01 * len(nested)


def test_few_customers_place_many_of_the_orders(shop: Path) -> None:
    counts: dict[str, int] = {}
    for one in _objects(shop / "orders")[0]:
        counts[one["customer_id"]] = counts.get(one["customer_id"], 0) + 1
    ranked = sorted(counts.values(), reverse=True)
    tenth = ranked[: len(ranked) // 10]
    assert 0.2 < sum(tenth) / sum(ranked) < 0.6


def test_orders_come_from_customers_that_signed_up(shop: Path) -> None:
    known = {row["customer_id"] for row in _rows(shop / "customers")}
    buyers = {one["customer_id"] for one in _objects(shop / "orders")[0]} - {None}
    assert buyers <= known


def test_postal_codes_keep_leading_zeros(shop: Path) -> None:
    codes = [row["zip"] for row in _rows(shop / "customers")]
    assert all(len(code) == 5 for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_every_ticket_file_is_a_json_array(shop: Path) -> None:
    tickets = [
        one
        for path in (shop / "support_tickets").rglob("part-*")
        for one in json.loads(_text(path))
    ]
    statuses = {one["status"] for one in tickets}
    assert statuses == {"open", "resolved"}
    assert all(one["messages"][0]["author"] == "customer" for one in tickets)
    scores = [
        int(one["satisfaction"]) for one in tickets if (one["satisfaction"] or "x").isdigit()
    ]
    assert scores
    assert all(20 <= score <= 100 for score in scores)


def test_purchases_name_orders_of_the_same_customer(shop: Path) -> None:
    buyer = {one["order_id"]: one["customer_id"] for one in _objects(shop / "orders")[0]}
    events = [
        one for one in _objects(shop / "web_events")[0] if one["event_type"] == "purchase"
    ]
    assert len(events) > 0.05 * ORDERS
    known = [one for one in events if buyer.get(one["order_id"]) is not None]
    assert all(buyer[one["order_id"]] == one["customer_id"] for one in known)


def test_log_lines_are_in_the_combined_format_but_for_a_few(shop: Path) -> None:
    import re

    combined = re.compile(
        r'[\d.]+ - - \[\d{2}/\w{3}/\d{4}:[\d:]{8} \+0000\] "(GET|POST) \S+ HTTP/1\.1" '
        r'\d{3} \d+ "-" "[^"]+"'
    )
    lines = _lines(shop / "access_log")
    broken = [line for line in lines if not combined.fullmatch(line)]
    assert 0 < len(broken) < 0.01 * len(lines)


def test_the_second_day_brings_a_new_field_and_one_folder_a_feed(tmp_path: Path) -> None:
    generate_shop(tmp_path, orders=ORDERS, seed=3)
    before = set(tmp_path.rglob("part-*"))
    assert not any("coupon_code" in one for one in _objects(tmp_path / "orders")[0])
    done = generate_shop(tmp_path, orders=ORDERS, seed=3, day=2)
    new = set(tmp_path.rglob("part-*")) - before
    assert {path.parent.name for path in new} == {"2026-01-01"}
    assert len(new) == done.files
    added = _objects(tmp_path / "orders" / "2026-01-01")[0]
    assert all("coupon_code" in one for one in added)
    assert any(int(one["order_id"][1:]) >= ORDERS for one in added)
    assert "loyalty_tier" in _text(next((tmp_path / "customers" / "2026-01-01").iterdir()))


def test_days_follow_each_other_without_gap_or_overlap(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        generate_shop(tmp_path, orders=600, seed=1, day=day)
    numbers = {int(row["order_id"][1:]) for row in _rows(tmp_path / "order_items")}
    assert numbers == set(range(max(numbers) + 1))


@pytest.mark.parametrize(("compress", "share"), [(True, 1), (False, 0)])
def test_compression_can_be_asked_for_or_refused(
    tmp_path: Path, *, compress: bool, share: int
) -> None:
    generate_shop(tmp_path, orders=50, seed=1, day=2, compress=compress)
    texts = [p for p in tmp_path.rglob("part-*") if p.suffix != ".parquet"]
    assert sum(path.suffix == ".gz" for path in texts) == share * len(texts)


def test_orders_alone_come_in_the_asked_number_of_files(tmp_path: Path) -> None:
    done = generate_orders(tmp_path, orders=1_000, seed=1, files=4, compressed_share=0.5)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "part-0001.json",
        "part-0002.json.gz",
        "part-0003.json",
        "part-0004.json.gz",
    ]
    assert done.rows["orders"] == len(_lines(tmp_path)) >= 1_000


@pytest.mark.parametrize(
    "wrong", [{"orders": 0}, {"orders": 10, "day": 0}, {"orders": 10, "days": 0}]
)
def test_impossible_numbers_are_refused_with_their_range(
    tmp_path: Path, wrong: dict[str, int]
) -> None:
    with pytest.raises(SampleRequestError, match=r"choose .* between"):
        generate_shop(tmp_path, seed=1, **wrong)
    assert not list(tmp_path.iterdir())


def test_one_order_is_a_world_too(tmp_path: Path) -> None:
    done = generate_shop(tmp_path, orders=1, seed=1)
    assert done.rows["orders"] == 1
