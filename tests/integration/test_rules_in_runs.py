"""What rules do to a run, in each mode of `on_violation`: statuses, scores, outcomes, rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POSITIVE = 'ColumnValues "amount" > 0'
COMPLETE = 'IsComplete "customer_id"'
UNIQUE = 'IsUnique "customer_id"'
MODEL = """/*
load: {load}
key: [order_id]
quality: |
  Rules = [ {rules} ]
on_violation: {mode}
*/
select order_id, customer_id, amount from bronze.orders
"""


class Rules:
    """A project with one silver table and one gold table made of it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        for path in (root / "models").rglob("*.sql"):
            path.unlink()
        (root / "models/gold/total.sql").write_text(
            "select count(*) as orders, sum(amount) as revenue from silver.orders\n"
        )

    def given(self, *rules: str, mode: str = "quarantine", load: str = "merge") -> None:
        text = MODEL.format(rules=", ".join(rules), mode=mode, load=load)
        (self.root / "models/silver/orders.sql").write_text(text)

    def run(self) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the step of silver.orders."""
        code, report = self.report()
        return code, report["silver.orders"]

    def report(self) -> tuple[int, dict[str, Any]]:
        self._capsys.readouterr()
        code = main(["run", "-C", str(self.root), "--json"])
        printed = json.loads(self._capsys.readouterr().out)
        return code, {step["table"]: step for step in printed["steps"]}

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with Lake.open(self.root) as lake:
            return lake.query.sql(sql).rows()

    def orders(self) -> list[str]:
        return [row["order_id"] for row in self.rows("from silver.orders order by 1")]

    def quarantine(self) -> dict[str, tuple[str, str]]:
        """Return each rejected order with its rule and error."""
        return {
            json.loads(row["row"])["order_id"]: (row["rule"], row["error"])
            for row in self.rows("from quarantine.silver_orders")
        }


@pytest.fixture
def rules(orders_project: Path, capsys: pytest.CaptureFixture[str]) -> Rules:
    return Rules(orders_project, capsys)


def order(number: int, *, amount: float | None = 1.0, customer: str | None = "c") -> dict:
    return {"order_id": f"o{number}", "customer_id": customer, "amount": amount}


def outcomes(step: dict[str, Any]) -> dict[str, str]:
    return {outcome["rule"]: outcome["outcome"] for outcome in step["outcomes"]}


def reasons(step: dict[str, Any]) -> dict[str, str]:
    return {outcome["rule"]: outcome["failure_reason"] for outcome in step["outcomes"]}


def test_rules_that_hold_give_a_score_of_one(rules: Rules, arrive: Callable[..., Path]) -> None:
    rules.given(POSITIVE, COMPLETE, "RowCount > 1", 'ColumnExists "amount"')
    arrive("a.json", order(1), order(2))
    code, step = rules.run()
    assert (code, step["status"], step["score"]) == (0, "succeeded", 1.0)
    assert set(outcomes(step).values()) == {"Passed"}
    assert set(reasons(step).values()) == {""}


def test_quarantine_takes_the_rows_and_the_step_goes_on(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given(POSITIVE, COMPLETE, "RowCount > 0")
    arrive("a.json", order(1), order(2, amount=-1), order(3, customer=None), order(4))
    code, step = rules.run()
    assert (code, step["status"]) == (0, "succeeded")
    assert (step["rows_read"], step["rows_written"], step["rows_quarantined"]) == (4, 2, 2)
    assert step["score"] == pytest.approx(1 / 3)
    assert outcomes(step) == {POSITIVE: "Failed", COMPLETE: "Failed", "RowCount > 0": "Passed"}
    assert reasons(step)[POSITIVE] == "1 of 4 rows were rejected"
    assert rules.orders() == ["o1", "o4"]
    assert rules.quarantine() == {
        "o2": (POSITIVE, f"fails {POSITIVE}"),
        "o3": (COMPLETE, f"fails {COMPLETE}"),
    }


def test_a_row_that_breaks_two_rules_fails_both_of_them(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given(POSITIVE, COMPLETE)
    arrive("a.json", order(1), order(2, amount=-1, customer=None))
    _, step = rules.run()
    assert outcomes(step) == {POSITIVE: "Failed", COMPLETE: "Failed"}
    assert (step["score"], step["rows_quarantined"]) == (0.0, 1)
    assert rules.quarantine() == {"o2": (POSITIVE, f"fails {POSITIVE}; also {COMPLETE}")}


def test_a_row_rejected_for_another_reason_counts_among_repeated_ones(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    """What is left is unique, but the data that came was not: the report says so."""
    rules.given(POSITIVE, UNIQUE)
    arrive("a.json", order(1, customer="x"), order(2, customer="x", amount=-1))
    _, step = rules.run()
    assert outcomes(step) == {POSITIVE: "Failed", UNIQUE: "Failed"}
    assert rules.orders() == ["o1"]
    assert rules.quarantine() == {"o2": (POSITIVE, f"fails {POSITIVE}; also {UNIQUE}")}


@pytest.mark.parametrize("load", ["append", "merge", "replace"])
def test_warn_publishes_everything_and_reports_what_is_wrong(
    rules: Rules, arrive: Callable[..., Path], load: str
) -> None:
    whole = ["RowCount > 10", 'Completeness "customer_id" > 0.9', 'ColumnExists "nothing"']
    rules.given(POSITIVE, COMPLETE, *whole, "RowCount > 1", mode="warn", load=load)
    arrive("a.json", order(1), order(2, amount=-1), order(3, customer=None), order(4))
    code, report = rules.report()
    step = report["silver.orders"]
    assert (code, step["status"], step["error"]) == (0, "succeeded", None)
    assert report["gold.total"]["status"] == "succeeded"
    assert (step["rows_written"], step["rows_quarantined"]) == (4, 0)
    assert step["score"] == pytest.approx(1 / 6)
    assert outcomes(step) == dict.fromkeys([POSITIVE, COMPLETE, *whole], "Failed") | {
        "RowCount > 1": "Passed"
    }
    told = reasons(step)
    assert "1 of 4 rows" in told[POSITIVE]
    assert told["RowCount > 10"] == "RowCount is 4, not > 10"
    assert told[whole[1]].startswith("Completeness is 0.75")
    assert "'nothing' is no column" in told[whole[2]]
    assert rules.orders() == ["o1", "o2", "o3", "o4"]
    with Lake.open(rules.root) as lake:
        assert not [t for t in lake.catalog.heads() if t.database == "quarantine"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("RowCount > 10", "RowCount is 2, not > 10"),
        ('Completeness "customer_id" > 0.9', "Completeness is 0.5"),
        ('ColumnExists "custmer_id"', "did you mean customer_id?"),
        ("ColumnCount = 2", "ColumnCount is 3"),
        ('IsComplete "nothing"', "'nothing' is no column"),
        ('(RowCount > 10) and (IsComplete "customer_id")', "RowCount is 2"),
    ],
)
@pytest.mark.parametrize("mode", ["quarantine", "fail"])
def test_a_broken_rule_about_the_table_fails_the_step_and_what_is_made_of_it(
    rules: Rules, arrive: Callable[..., Path], rule: str, reason: str, mode: str
) -> None:
    rules.given(rule, mode=mode)
    arrive("a.json", order(1), order(2, customer=None))
    code, report = rules.report()
    step = report["silver.orders"]
    assert (code, step["status"], report["gold.total"]["status"]) == (1, "failed", "blocked")
    assert "LW702" in step["error"]
    assert rule in step["error"]
    assert reason in step["error"]
    with Lake.open(rules.root) as lake:
        assert lake.catalog.current_snapshot().tables == {}
        assert not [t for t in lake.catalog.heads() if t.database in {"silver", "quarantine"}]
    left = [
        p for p in (rules.root / ".lake/tables").rglob("*.parquet") if "bronze" not in str(p)
    ]
    assert left == []


def test_a_failed_step_tells_the_outcome_of_every_rule(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given("RowCount > 10", COMPLETE, POSITIVE)
    arrive("a.json", order(1), order(2, customer=None))
    _, step = rules.run()
    assert outcomes(step) == {
        "RowCount > 10": "Failed", COMPLETE: "Failed", POSITIVE: "Passed",
    }  # fmt: skip
    assert step["score"] == pytest.approx(1 / 3)


def test_fail_keeps_the_last_good_version_and_the_mended_rule_takes_all_in(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given(POSITIVE, mode="fail")
    arrive("a.json", order(1))
    assert rules.run()[0] == 0
    arrive("b.json", order(2), order(3, amount=-1))
    code, step = rules.run()
    assert (code, step["status"]) == (1, "failed")
    assert "1 of 2 rows" in step["error"]
    assert rules.orders() == ["o1"]

    rules.given('ColumnValues "amount" > -5', mode="fail")
    assert rules.run()[0] == 0
    assert rules.orders() == ["o1", "o2", "o3"]


def test_rules_about_the_table_count_the_rows_that_are_left(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given(POSITIVE, "RowCount = 1", 'Completeness "customer_id" = 1.0')
    arrive("a.json", order(1), order(2, amount=-1, customer=None))
    code, step = rules.run()
    assert (code, step["status"]) == (0, "succeeded")
    assert outcomes(step)["RowCount = 1"] == "Passed"


def test_warnings_are_printed_for_people(
    rules: Rules, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rules.given(POSITIVE, mode="warn")
    arrive("a.json", order(1, amount=-1))
    assert main(["run", "-C", str(rules.root)]) == 0
    out = capsys.readouterr().out
    assert f"rule not met in silver.orders: {POSITIVE}" in out


def test_the_reports_of_past_runs_keep_outcomes(
    rules: Rules, arrive: Callable[..., Path]
) -> None:
    rules.given(POSITIVE, mode="warn")
    arrive("a.json", order(1, amount=-1))
    rules.run()
    with Lake.open(rules.root) as lake:
        record = lake.catalog.runs(limit=1)[0]
    steps = {step["table"]: step for step in (record.report or {})["steps"]}
    assert outcomes(steps["silver.orders"]) == {POSITIVE: "Failed"}
