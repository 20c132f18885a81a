"""Whole runs over a small project that uses every load."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake
from lakeworks.pipeline.errors import NoSnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Arrive = "Callable[..., Path]"


def order(number: int, *, day: int = 1, amount: object = 10.5, customer: str = "c1") -> dict:
    return {
        "order_id": f"o{number}",
        "customer_id": customer,
        "amount": amount,
        "updated_at": f"2026-01-{day:02d}T10:00:00",
    }


@pytest.fixture
def lake(orders_project: Path) -> Iterator[Lake]:
    with Lake.open(orders_project) as opened:
        yield opened


def rows(lake: Lake, sql: str) -> list[dict]:
    return lake.query.sql(sql).rows()


def test_a_first_run_makes_every_table(lake: Lake, arrive: Callable[..., Path]) -> None:
    arrive("a.json", order(1), order(2, customer="c2"), order(1, day=2, amount=11))

    report = lake.pipeline.run()

    assert report.status == "succeeded"
    assert {str(s.table): s.status for s in report.steps} == dict.fromkeys(
        ["bronze.orders", "silver.orders", "silver.orders_history", "silver.events",
         "gold.monthly", "gold.customers"], "succeeded",
    )  # fmt: skip
    silver = report.step("silver.orders")
    assert (silver.rows_read, silver.rows_written, silver.rows_superseded) == (3, 2, 1)
    assert [str(r["amount"]) for r in rows(lake, "select * from silver.orders order by 1")] == [
        "11.00",
        "10.50",
    ]
    history = rows(
        lake, "select * from silver.orders_history where order_id = 'o1' order by valid_from"
    )
    assert [r["is_current"] for r in history] == [False, True]
    assert history[0]["valid_to"] == history[1]["valid_from"]


def test_a_second_run_without_news_does_nothing(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    first = lake.pipeline.run()

    again = lake.pipeline.run()

    assert again.status == "nothing to do"
    assert again.snapshot == first.snapshot

    assert lake.pipeline.plan().is_empty


def test_bad_rows_are_kept_with_their_reason(lake: Lake, arrive: Callable[..., Path]) -> None:
    arrive(
        "a.json", order(1), '{"order_id": "o2", "amo', order(3, amount=-1), order(4, amount="x")
    )

    report = lake.pipeline.run()

    bronze, silver = report.step("bronze.orders"), report.step("silver.orders")
    assert (bronze.rows_read, bronze.rows_written, bronze.rows_quarantined) == (4, 3, 1)
    assert (silver.rows_read, silver.rows_written, silver.rows_quarantined) == (3, 1, 2)
    torn = rows(lake, "select * from quarantine.bronze_orders")
    assert [(r["row"], r["rule"], r["source_file"], r["source_row"]) for r in torn] == [
        ('{"order_id": "o2", "amo', "parse", "a.json", 2)
    ]
    failed = rows(lake, "select rule from quarantine.silver_orders")
    assert {r["rule"] for r in failed} == {'ColumnValues "amount" > 0'}


def test_new_files_are_added_to_what_is_there(lake: Lake, arrive: Callable[..., Path]) -> None:
    arrive("a.json", order(1), order(2))
    lake.pipeline.run()
    arrive("b.json", order(2, day=3, amount=99), order(3, day=4))

    report = lake.pipeline.run()

    assert report.step("bronze.orders").rows_read == 2
    assert report.step("silver.orders").rows_read == 2
    assert len(rows(lake, "select * from bronze.orders")) == 4
    amounts = rows(lake, "select amount from silver.orders order by order_id")
    assert [str(r["amount"]) for r in amounts] == ["10.50", "99.00", "10.50"]
    assert len(rows(lake, "select * from silver.events")) == 4
    assert rows(lake, "select sum(orders) as n from gold.monthly")[0]["n"] == 3


def test_changed_code_rebuilds_the_model_and_what_reads_it(
    lake: Lake, orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), order(2))
    lake.pipeline.run()
    model = orders_project / "models/gold/customers.sql"
    model.write_text(model.read_text().replace("sum(amount)", "max(amount)"))

    with Lake.open(orders_project) as changed:
        plan = changed.pipeline.plan()
        assert [(str(s.table), s.action) for s in plan.work] == [("gold.customers", "rebuild")]
        assert "code changed" in plan.work[0].reasons[0]
        report = changed.pipeline.run()
        assert report.step("gold.customers").status == "succeeded"
        assert [
            str(r["revenue"]) for r in rows(changed, "select revenue from gold.customers")
        ] == ["10.50"]


def test_rollback_publishes_the_earlier_snapshot_and_the_next_run_goes_on_from_it(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    first = lake.pipeline.run()
    arrive("b.json", order(2), "torn")
    lake.pipeline.run()

    lake.pipeline.rollback(first.run_id)

    assert len(rows(lake, "select * from bronze.orders")) == 1
    assert len(rows(lake, "select * from silver.orders")) == 1
    report = lake.pipeline.run()
    assert report.step("bronze.orders").rows_read == 2
    assert len(rows(lake, "select * from bronze.orders")) == 2
    assert len(rows(lake, "select * from silver.orders")) == 2
    assert len(rows(lake, "select * from silver.events")) == 2
    assert len(rows(lake, "select * from quarantine.bronze_orders")) == 1


def test_a_failed_rule_publishes_nothing_and_blocks_only_what_depends_on_it(
    lake: Lake, orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    first = lake.pipeline.run()
    model = orders_project / "models/silver/orders.sql"
    model.write_text(model.read_text().replace("quality: |", "on_violation: fail\nquality: |"))
    arrive("b.json", order(2, amount=-5))

    with Lake.open(orders_project) as changed:
        report = changed.pipeline.run()

    assert report.status == "failed"
    assert {str(s.table): s.status for s in report.steps} == {
        "bronze.orders": "succeeded",
        "silver.orders": "failed",
        "silver.orders_history": "succeeded",
        "silver.events": "succeeded",
        "gold.monthly": "blocked",
        "gold.customers": "blocked",
    }
    assert 'ColumnValues "amount" > 0' in (report.step("silver.orders").error or "")
    assert report.snapshot == first.snapshot
    assert len(rows(lake, "select * from bronze.orders")) == 1


def test_a_changed_file_replaces_its_rows(lake: Lake, arrive: Callable[..., Path]) -> None:
    arrive("a.json", order(1), "torn")
    arrive("b.json", order(2))
    lake.pipeline.run()
    arrive("a.json", order(1, amount=20), order(7))

    report = lake.pipeline.run()

    assert report.status == "succeeded"
    assert len(rows(lake, "select * from bronze.orders")) == 3
    assert rows(lake, "select * from quarantine.bronze_orders") == []
    assert [r["order_id"] for r in rows(lake, "select * from silver.orders order by 1")] == [
        "o1",
        "o2",
        "o7",
    ]
    assert len(rows(lake, "select * from silver.events")) == 3


def test_replay_takes_in_rows_that_pass_the_mended_rule(
    lake: Lake, orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), order(2, amount=-1), order(3, amount="x"))
    lake.pipeline.run()
    model = orders_project / "models/silver/orders.sql"
    model.write_text(model.read_text().replace('"amount" > 0', '"amount" > -5'))

    with Lake.open(orders_project) as mended:
        report = mended.pipeline.replay("silver.orders")
        step = report.step("silver.orders")
        assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 1, 1)
        assert [
            r["order_id"] for r in rows(mended, "select * from silver.orders order by 1")
        ] == ["o1", "o2"]
        assert len(rows(mended, "select * from quarantine.silver_orders")) == 1


def test_replay_of_a_source_reads_its_torn_files_again(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), "torn")
    arrive("b.json", order(2))
    lake.pipeline.run()

    report = lake.pipeline.replay("bronze.orders")

    step = report.step("bronze.orders")
    assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 1, 1)
    assert len(rows(lake, "select * from bronze.orders")) == 2
    assert len(rows(lake, "select * from quarantine.bronze_orders")) == 1


def test_each_rollback_without_a_run_goes_one_state_of_the_data_further_back(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    for number in range(1, 4):
        for part in "ab":  # two files a run, so that there is something to merge
            arrive(f"{number}{part}.json", order(10 * number + ord(part)))
        lake.pipeline.run()
    lake.tables.optimize("bronze.orders")

    def seen() -> int:
        return len(rows(lake, "select * from bronze.orders"))

    assert seen() == 6
    lake.pipeline.rollback()
    assert seen() == 4
    lake.pipeline.rollback()
    assert seen() == 2
    with pytest.raises(NoSnapshotError):
        lake.pipeline.rollback()

    lake.pipeline.run()
    assert seen() == 6
    lake.pipeline.rollback()
    assert seen() == 2


def test_a_rollback_to_a_rollback_counts_as_going_where_that_one_went(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    for number in range(1, 4):
        arrive(f"{number}.json", order(number))
        lake.pipeline.run()
    back = lake.pipeline.rollback()
    lake.pipeline.run()
    lake.pipeline.rollback(back.run_id)
    assert len(rows(lake, "select * from bronze.orders")) == 2

    lake.pipeline.rollback()

    assert len(rows(lake, "select * from bronze.orders")) == 1


def test_a_touched_file_is_opened_once_to_see_that_it_is_the_same(
    lake: Lake, arrive: Callable[..., Path]
) -> None:
    path = arrive("a.json", order(1))
    lake.pipeline.run()
    os.utime(path, (1, 1))
    assert lake.pipeline.run().status == "nothing to do"

    # Whoever opened the file now would see other rows.
    arrive("a.json", order(2))
    os.utime(path, (1, 1))

    assert lake.pipeline.run().status == "nothing to do"
    os.utime(path, (2, 2))
    assert lake.pipeline.run().step("bronze.orders").rows_written == 1


def test_a_plan_of_touched_files_writes_nothing(
    lake: Lake, arrive: Callable[..., Path], orders_project: Path
) -> None:
    path = arrive("a.json", order(1))
    lake.pipeline.run()
    os.utime(path, (1, 1))

    assert lake.pipeline.plan().is_empty
    with sqlite3.connect(orders_project / ".lake" / "catalog.db") as catalog:
        [(noted,)] = catalog.execute("select modified_ns from ledger").fetchall()
    catalog.close()
    assert noted != path.stat().st_mtime_ns


def test_replay_reads_files_of_no_recognisable_format_once_it_is_declared(
    lake: Lake, orders_project: Path, arrive: Callable[..., Path]
) -> None:
    source = orders_project / "sources/orders.yml"
    declared = source.read_text()
    source.write_text(declared.replace("format: json\n", ""))
    arrive("a.json", order(1))
    arrive("words", "order_id", "o8", "o9")
    with Lake.open(orders_project) as guessing:
        step = guessing.pipeline.run().step("bronze.orders")
        assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 1, 1)
        again = guessing.pipeline.run().step("bronze.orders")
        assert again.status == "up to date"

    source.write_text(declared.replace("format: json", "format: csv"))
    with Lake.open(orders_project) as mended:
        step = mended.pipeline.replay("bronze.orders").step("bronze.orders")

        assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 2, 0)
        found = rows(mended, "select order_id from bronze.orders order by 1")
        assert [r["order_id"] for r in found] == ["o1", "o8", "o9"]
        assert rows(mended, "select * from quarantine.bronze_orders") == []


def test_when_no_file_has_a_recognisable_format_all_are_accounted_for(
    lake: Lake, orders_project: Path, arrive: Callable[..., Path]
) -> None:
    source = orders_project / "sources/orders.yml"
    source.write_text(source.read_text().replace("format: json\n", ""))
    arrive("one", "words")
    arrive("two", "words")
    with Lake.open(orders_project) as guessing:
        step = guessing.pipeline.run("bronze.orders").step("bronze.orders")

        assert step.status == "succeeded"
        assert (step.rows_read, step.rows_written, step.rows_quarantined) == (2, 0, 2)


def test_a_source_without_files_blocks_quietly(lake: Lake) -> None:
    report = lake.pipeline.run()

    assert report.status == "nothing to do"
