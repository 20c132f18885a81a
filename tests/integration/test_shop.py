"""The shop from files to gold: no row lost, gold as computed by hand, two days as one."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.pipeline.report import RunReport

ORDERS = 3_000
SEED = 11
SYSTEM = {"_source_file", "_ingested_at", "_run_id", "_rescued", "_processed_at"}
Row = dict[str, Any]


@dataclass
class Shop:
    """A lake after its first day."""

    lake: Lake
    rows: dict[str, int]
    report: RunReport

    def ask(self, sql: str) -> list[Row]:
        return self.lake.query.sql(sql).rows()

    def count(self, table: str) -> int:
        return int(self.ask(f"select count(*) as n from {table}")[0]["n"])


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    project = tmp_path_factory.mktemp("one") / "shop"
    write_template(project, "shop")
    written = generate_shop(project / "landing", orders=ORDERS, seed=SEED)
    with Lake.open(project) as lake:
        yield Shop(lake, dict(written.rows), lake.pipeline.run())


@pytest.fixture(scope="module")
def truth(first_day: Shop) -> Truth:
    return Truth(first_day.lake.project.root / "landing")


# --- What the files say, read without Lakeworks and without SQL ---


class Truth:
    """Silver as the models promise it, computed in plain Python from the landing files."""

    def __init__(self, landing: Path) -> None:
        self.landing = landing
        self.orders = _latest(
            filter(_good_order, self._objects("orders")), "order_id", "updated_at"
        )
        self.completed = {
            key: one
            for key, one in self.orders.items()
            if one["order_status"].lower() == "completed"
        }
        self.customers = _latest(
            (row for row in self._rows("customers") if row["email"].strip()),
            "customer_id",
            "updated_at",
        )
        self.events = _latest(
            (one for one in self._objects("web_events") if one["event_type"]),
            "event_id",
            "received_at",
        )
        self.tickets = _latest(
            (one for one in self._arrays("support_tickets") if one["customer_id"]),
            "ticket_id",
            "updated_at",
        )
        self.lines = {
            (row["order_id"], row["line_no"]): row
            for row in self._rows("order_items")
            if row["product_id"] and row["quantity"].isdigit() and int(row["quantity"]) > 0
        }
        self.sold = [row for row in self.lines.values() if row["order_id"] in self.completed]
        products = [
            row
            for path in sorted((landing / "products").rglob("*.parquet"))
            for row in pq.read_table(path).to_pylist()
        ]
        self.category = {
            key: row["category"] or "Unknown"
            for key, row in _latest(products, "product_id", "updated_at").items()
        }

    def _texts(self, feed: str) -> Iterator[str]:
        for path in sorted((self.landing / feed).rglob("part-*")):
            data = path.read_bytes()
            yield (gzip.decompress(data) if path.suffix == ".gz" else data).decode()

    def _objects(self, feed: str) -> Iterator[Row]:
        for line in itertools.chain.from_iterable(t.splitlines() for t in self._texts(feed)):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def _arrays(self, feed: str) -> Iterator[Row]:
        for text in self._texts(feed):
            yield from json.loads(text)

    def _rows(self, feed: str) -> Iterator[dict[str, str]]:
        for text in self._texts(feed):
            yield from csv.DictReader(io.StringIO(text))


def _good_order(one: Row) -> bool:
    return (
        isinstance(one["order_amount"], int | float)
        and one["order_amount"] > 0
        and one["customer_id"] is not None
        and one["created_at"] != "0000-00-00"
    )


def _latest(rows: Iterator[Row] | list[Row], key: str, moment: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        have = found.get(row[key])
        if have is None or row[moment] > have[moment]:
            found[row[key]] = row
    return found


def _day(text: str) -> date:
    return datetime.fromisoformat(text).date()


def _cents(value: float | str) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _amount(row: Row) -> Decimal:
    return int(row["quantity"]) * _cents(row["unit_price"])


# --- Nothing lost ---


def test_every_step_of_the_first_run_succeeds(first_day: Shop) -> None:
    failed = {str(s.table): s.error for s in first_day.report.steps if s.status != "succeeded"}
    assert failed == {}
    assert first_day.report.status == "succeeded"


def test_every_row_read_is_written_quarantined_or_superseded(first_day: Shop) -> None:
    steps = [s for s in first_day.report.steps if s.table.database in {"bronze", "silver"}]
    assert len(steps) == 21
    for step in steps:
        accounted = step.rows_written + step.rows_quarantined + step.rows_superseded
        assert step.rows_read == accounted, str(step.table)


def test_every_generated_row_is_in_bronze_or_in_quarantine(first_day: Shop) -> None:
    for feed, rows in first_day.rows.items():
        step = first_day.report.step(f"bronze.{feed}")
        assert step.rows_read == rows, feed
        assert first_day.count(f"bronze.{feed}") == step.rows_written, feed
    torn = first_day.ask(
        "select count(*) as n from quarantine.bronze_orders where rule = 'parse'"
    )
    assert torn[0]["n"] == first_day.report.step("bronze.orders").rows_quarantined > 0


def test_quarantine_holds_as_many_rows_as_the_steps_say(first_day: Shop) -> None:
    for step in first_day.report.steps:
        if step.rows_quarantined:
            name = f"quarantine.{step.table.database}_{step.table.table}"
            assert first_day.count(name) == step.rows_quarantined, name


def test_each_flaw_is_quarantined_for_its_own_reason(first_day: Shop) -> None:
    found = {
        row["rule"]: row["n"]
        for row in first_day.ask(
            "select rule, count(*) as n from quarantine.silver_orders group by rule"
        )
    }
    assert set(found) == {
        'IsComplete "customer_id"',
        'IsComplete "order_amount"',
        'IsComplete "created_at"',
        'ColumnValues "order_amount" > 0',
    }


def test_a_second_run_finds_nothing_to_do(first_day: Shop) -> None:
    assert first_day.lake.pipeline.run().status == "nothing to do"


# --- Silver and gold, against the files ---


def test_silver_holds_the_latest_good_version_of_each_order(
    first_day: Shop, truth: Truth
) -> None:
    rows = first_day.ask(
        "select order_id, order_status, order_amount, customer_email, "
        "cast(order_date as varchar) as day, ship_zip from silver.orders"
    )
    got = {
        row["order_id"]: (
            row["order_status"], _cents(row["order_amount"]), row["customer_email"], row["day"],
            row["ship_zip"],
        )
        for row in rows
    }  # fmt: skip
    assert got == {
        key: (
            one["order_status"].lower(), _cents(one["order_amount"]),
            one["customer_email"].strip().lower(), one["created_at"][:10],
            one["shipping_address"]["zip"],
        )
        for key, one in truth.orders.items()
    }  # fmt: skip


def test_daily_sales_are_the_completed_lines_by_category(first_day: Shop, truth: Truth) -> None:
    expected: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [set(), 0, Decimal(0)])
    for row in truth.sold:
        day = truth.completed[row["order_id"]]["created_at"][:10]
        cell = expected[day, truth.category.get(row["product_id"], "Unknown")]
        cell[0].add(row["order_id"])
        cell[1] += int(row["quantity"])
        cell[2] += _amount(row)
    rows = first_day.ask(
        "select *, cast(sales_date as varchar) as day from gold.daily_sales order by sales_date"
    )
    got = {
        (r["day"], r["category"]): (r["orders"], r["units"], _cents(r["revenue"])) for r in rows
    }
    assert got == {key: (len(ids), units, sum_) for key, (ids, units, sum_) in expected.items()}
    running: dict[str, Decimal] = defaultdict(Decimal)
    monthly: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for r in rows:
        running[r["category"]] += _cents(r["revenue"])
        monthly[r["category"], r["day"][:7]] += _cents(r["revenue"])
        assert _cents(r["running_revenue"]) == running[r["category"]]
        assert _cents(r["month_to_date_revenue"]) == monthly[r["category"], r["day"][:7]]


def test_lifetime_value_is_what_completed_orders_sum_to(first_day: Shop, truth: Truth) -> None:
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for one in truth.completed.values():
        spent[one["customer_id"]] += _cents(one["order_amount"])
    rows = first_day.ask("select * from gold.customer_lifetime_value")
    assert {row["customer_id"]: _cents(row["lifetime_value"]) for row in rows} == spent
    assert {row["customer_id"]: row["segment"] for row in rows} == {
        customer: _segment(value) for customer, value in spent.items()
    }


def _segment(value: Decimal) -> str:
    for name, over in (("VIP", 10_000), ("High", 5_000), ("Medium", 1_000)):
        if value > over:
            return name
    return "Low"


def test_customer_360_follows_its_formulas(first_day: Shop, truth: Truth) -> None:
    bought, spent, came, scores = _by_customer(truth)
    days = [_day(one["created_at"]) for one in truth.orders.values()]
    today = max(days + [_day(one["event_time"]) for one in truth.events.values()])
    rows = {row["customer_id"]: row for row in first_day.ask("select * from gold.customer_360")}
    assert set(rows) == set(truth.customers)
    levels = set()
    for customer, row in rows.items():
        signup = _day(truth.customers[customer]["signup_at"])
        since_bought = (today - max(bought.get(customer, [signup]))).days
        since_came = (today - max(came.get(customer, [signup]))).days
        mean = statistics.fmean(scores[customer]) if customer in scores else 50.0
        risk = 0.4 * since_bought + 0.3 * since_came + 0.3 * (100 - mean)
        assert row["churn_risk"] == pytest.approx(risk), customer
        level = "High" if risk > 70 else "Medium" if risk > 40 else "Low"
        if min(abs(risk - 70), abs(risk - 40)) > 1e-6:
            assert row["churn_level"] == level, customer
        assert row["transactions"] == len(bought.get(customer, []))
        assert _cents(row["lifetime_value"]) == spent.get(customer, Decimal(0))
        assert row["segment"] == _segment(spent.get(customer, Decimal(0)))
        levels.add(level)
    assert levels == {"High", "Medium", "Low"}


def _by_customer(truth: Truth) -> tuple[Any, Any, Any, Any]:
    bought, came = defaultdict(list), defaultdict(list)
    spent: dict[str, Decimal] = defaultdict(Decimal)
    scores = defaultdict(list)
    for one in truth.completed.values():
        bought[one["customer_id"]].append(_day(one["created_at"]))
        spent[one["customer_id"]] += _cents(one["order_amount"])
    for one in truth.events.values():
        if one["customer_id"]:
            came[one["customer_id"]].append(_day(one["event_time"]))
    for one in truth.tickets.values():
        if (one["satisfaction"] or "none").isdigit():
            scores[one["customer_id"]].append(int(one["satisfaction"]))
    return bought, spent, came, scores


def test_product_performance_sums_the_completed_lines(first_day: Shop, truth: Truth) -> None:
    expected: dict[str, list[Any]] = defaultdict(lambda: [set(), 0, Decimal(0)])
    for row in truth.sold:
        cell = expected[row["product_id"]]
        cell[0].add(row["order_id"])
        cell[1] += int(row["quantity"])
        cell[2] += _amount(row)
    rows = first_day.ask("select * from gold.product_performance")
    got = {r["product_id"]: (r["orders"], r["units"], _cents(r["revenue"])) for r in rows}
    assert got == {key: (len(ids), units, sum_) for key, (ids, units, sum_) in expected.items()}
    assert {r["product_id"]: r["category"] for r in rows} == {
        product: truth.category.get(product, "Unknown") for product in expected
    }


def test_product_affinity_counts_pairs_in_completed_orders(
    first_day: Shop, truth: Truth
) -> None:
    baskets: dict[str, set[str]] = defaultdict(set)
    for row in truth.sold:
        baskets[row["order_id"]].add(row["product_id"])
    together: dict[tuple[str, str], int] = defaultdict(int)
    alone: dict[str, int] = defaultdict(int)
    for products in baskets.values():
        for pair in itertools.combinations(sorted(products), 2):
            together[pair] += 1
        for product in products:
            alone[product] += 1
    rows = first_day.ask("select * from gold.product_affinity")
    got = {(r["product_a"], r["product_b"]): r for r in rows}
    assert {pair: r["orders_together"] for pair, r in got.items()} == {
        pair: n for pair, n in together.items() if n >= 5
    }
    for (a, b), row in got.items():
        n = together[a, b]
        assert row["support"] == pytest.approx(n / len(baskets))
        assert row["confidence"] == pytest.approx(n / alone[a])
        assert row["lift"] == pytest.approx(n * len(baskets) / alone[a] / alone[b])


def test_cohorts_count_who_came_back(first_day: Shop, truth: Truth) -> None:
    months: dict[str, set[str]] = defaultdict(set)
    for one in truth.completed.values():
        months[one["customer_id"]].add(one["created_at"][:7])
    expected: dict[tuple[str, int], int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    for active in months.values():
        first = min(active)
        sizes[first] += 1
        for month in active:
            expected[first, _months(month) - _months(first)] += 1
    rows = first_day.ask(
        "select *, cast(cohort_month as varchar) as cohort from gold.monthly_cohorts"
    )
    got = {(r["cohort"][:7], r["months_since"]): r["customers"] for r in rows}
    assert got == expected
    for r in rows:
        assert r["cohort_size"] == sizes[r["cohort"][:7]]
        assert r["retention"] == pytest.approx(r["customers"] / r["cohort_size"])


def _months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:7])


def test_the_daily_series_is_smoothed_and_scored(first_day: Shop, truth: Truth) -> None:
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for one in truth.completed.values():
        revenue[one["created_at"][:10]] += _cents(one["order_amount"])
    rows = first_day.ask(
        "select *, cast(day as varchar) as on_day from gold.daily_series order by day"
    )
    days = [date.fromisoformat(r["on_day"]) for r in rows]
    assert [(b - a).days for a, b in itertools.pairwise(days)] == [1] * (len(days) - 1)
    series = [float(revenue.get(r["on_day"], 0)) for r in rows]
    assert sum(series) == pytest.approx(float(sum(revenue.values())))
    for i, row in enumerate(rows):
        month = series[max(0, i - 29) : i + 1]
        assert float(row["revenue"]) == pytest.approx(series[i])
        assert row["revenue_7d"] == pytest.approx(
            statistics.fmean(series[max(0, i - 6) : i + 1])
        )
        assert row["revenue_30d"] == pytest.approx(statistics.fmean(month))
        if len(month) > 1 and statistics.stdev(month) > 0:
            expected = (series[i] - statistics.fmean(month)) / statistics.stdev(month)
            assert row["z_score"] == pytest.approx(expected, abs=1e-9)


def test_a_customer_that_moved_has_a_closed_and_a_current_address(first_day: Shop) -> None:
    rows = first_day.ask(
        "select customer_id, count(*) as versions, sum(case when is_current then 1 else 0 end) "
        "as current_versions from silver.customers_history group by customer_id"
    )
    assert {int(row["current_versions"]) for row in rows} == {1}
    assert max(row["versions"] for row in rows) > 1


# --- Day by day equals all at once ---


@pytest.mark.slow
def test_two_days_in_two_runs_equal_two_days_in_one(tmp_path: Path) -> None:
    tables = {}
    for name, days in (("by day", [(1,), (2,), (3,)]), ("at once", [(1, 2, 3)])):
        project = tmp_path / name.replace(" ", "_")
        write_template(project, "shop")
        for together in days:
            for day in together:
                generate_shop(project / "landing", orders=1_500, seed=SEED, day=day)
            with Lake.open(project) as lake:
                report = lake.pipeline.run()
                assert {s.error for s in report.steps} == {None}
        with Lake.open(project) as lake:
            tables[name] = {
                str(table): _content(lake, str(table))
                for table in (*lake.project.sources, *lake.project.models)
            }
    assert tables["by day"].keys() == tables["at once"].keys()
    for table, rows in tables["by day"].items():
        assert rows == tables["at once"][table], table


def _content(lake: Lake, table: str) -> list[str]:
    """Return the rows as sorted text, floats to nine digits: sums differ in their last bit."""
    rows = lake.query.sql(f"select * from {table}").rows()
    return sorted(
        json.dumps(
            {
                key: float(f"{value:.9g}") if isinstance(value, float) else value
                for key, value in row.items()
                if key not in SYSTEM
            },
            default=str,
            sort_keys=True,
        )
        for row in rows
    )
