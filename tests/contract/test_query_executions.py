"""Executions, sums and alarms as the catalog keeps them, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakeworks.catalog import query_executions
from lakeworks.catalog.query_executions import KeptExecution
from lakeworks.catalog.query_usage import Usage
from lakeworks.catalog.store import Catalog
from lakeworks.core.redaction import hide

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def asked(number: int = 1, **more: object) -> KeptExecution:
    one = KeptExecution(
        f"{number:032x}", "s1", "ana", "primary", "select 1", "queued", NOW,
        told={"reason": "", "error": {}, "columns": [["a", "int64"]]},
    )  # fmt: skip
    return replace(one, **more)  # type: ignore[arg-type]


def ended(number: int = 1, **more: object) -> KeptExecution:
    done = asked(
        number, state="succeeded", completed_at=NOW + timedelta(seconds=2), queued_s=0.5,
        seconds=1.5, rows=3, scanned_bytes=100, cost_usd=0.25, result_place="/r",
        result_of=f"{number:032x}", reuse_key="k",
    )  # fmt: skip
    return replace(done, **more)  # type: ignore[arg-type]


def test_an_execution_is_found_as_it_began_and_as_it_ended(catalog: Catalog) -> None:
    records = catalog.query_executions
    assert records.get("1" * 32) is None
    records.begin(asked())
    assert records.get(asked().execution_id) == asked()
    records.end(ended())
    assert records.get(asked().execution_id) == ended()
    assert records.recent(principal="ana") == [ended()]
    assert records.recent(principal="bob") == []
    assert len(records.recent()) == 1
    assert records.recent(workgroup="primary", principal="ana") == [ended()]
    assert records.recent(workgroup="other") == []


def test_an_end_counts_once_whether_or_not_its_begin_was_kept(catalog: Catalog) -> None:
    records = catalog.query_executions
    records.begin(asked(1))
    for _ in range(3):
        records.end(ended(1))
        records.end(ended(2))
    records.end(ended(3, state="failed", cost_usd=0.0), ended(4, state="cancelled"))
    records.end(ended(5, reused=True, scanned_bytes=0, cost_usd=0.0))
    (used,) = catalog.query_usage.since("primary", [NOW])
    assert used == Usage(5, 1, 1, 1, 400, 0.75, 2.5, 7.5)
    assert catalog.query_usage.totals() == {"primary": used}
    assert catalog.query_usage.since("other", [NOW]) == [Usage()]


def test_periods_are_told_apart(catalog: Catalog) -> None:
    begins = [NOW.replace(minute=0), NOW.replace(hour=0, minute=0), NOW.replace(day=1)]
    for number, age in enumerate((0, 2, 24, 24 * 40)):
        at = NOW - timedelta(hours=age)
        catalog.query_executions.end(ended(number, submitted_at=at, completed_at=at))
    sums = catalog.query_usage.since("primary", begins)
    assert [one.queries for one in sums] == [1, 2, 3]


def test_secrets_stay_out_of_what_is_kept(catalog: Catalog) -> None:
    hide("a-planted-s3cret")
    error = {"problem": "no a-planted-s3cret", "code": "LW1"}
    told = {"reason": "no a-planted-s3cret", "error": error, "columns": []}
    catalog.query_executions.end(
        ended(sql="select 'a-planted-s3cret'\x00", told=told, state="failed")
    )
    (found,) = catalog.query_executions.recent()
    assert "planted" not in repr(found)
    assert found.sql == "select '***'"


def test_a_result_is_reused_while_it_is_young_and_there(catalog: Catalog) -> None:
    records = catalog.query_executions
    early = NOW - timedelta(hours=1)
    records.end(ended(1, completed_at=early), ended(2), ended(3, state="failed"))
    records.end(ended(4, reused=True, result_of=f"{2:032x}", completed_at=NOW + timedelta(9)))
    found = records.reusable("k", since=early)
    assert found is not None
    assert found.execution_id == f"{2:032x}"
    assert records.reusable("k", since=NOW + timedelta(hours=1)) is None
    assert records.reusable("other", since=early) is None
    records.without_results([f"{2:032x}"])
    found = records.reusable("k", since=early)
    assert found is not None
    assert found.execution_id == f"{1:032x}"


def test_results_expire_by_workgroup_and_executions_are_forgotten(catalog: Catalog) -> None:
    records = catalog.query_executions
    old = NOW - timedelta(days=9)
    records.end(ended(1, submitted_at=old, completed_at=old))
    records.end(ended(2, submitted_at=old, completed_at=old, workgroup="other"), ended(3))
    records.begin(asked(4, submitted_at=old))
    due = records.expired("primary", before=NOW - timedelta(days=7))
    assert [one.execution_id for one in due] == [f"{1:032x}"]
    assert records.forget("primary", before=NOW - timedelta(days=7)) == 1
    assert {one.execution_id for one in records.recent()} == {f"{n:032x}" for n in (2, 3, 4)}


def test_each_alarm_is_raised_once_by_one_of_many(url: str) -> None:
    raised: list[bool] = []
    with Catalog.open(url):
        pass

    def service() -> None:
        with Catalog.open(url) as catalog:
            raised.extend(
                catalog.query_usage.raise_alarm(
                    "primary", NOW.replace(day=1), share, spent_usd=9.0, budget_usd=10.0
                )
                for share in (0.8, 1.0)
            )

    threads = [threading.Thread(target=service) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(raised) == [False] * 6 + [True] * 2
    with Catalog.open(url) as catalog:
        alarms = catalog.query_usage.alarms("primary")
    assert [(one.share, one.spent_usd, one.budget_usd) for one in alarms] == [
        (1.0, 9.0, 10.0), (0.8, 9.0, 10.0),
    ]  # fmt: skip


DEAD = """
import sys
from lakeworks.catalog.store import Catalog
with Catalog.open(sys.argv[1]) as catalog:
    catalog.query_executions.register("dead")
"""


def test_what_a_dead_service_ran_has_failed_and_the_living_are_left_alone(
    url: str, catalog: Catalog
) -> None:
    subprocess.run([sys.executable, "-c", DEAD, url], check=True)
    records = catalog.query_executions
    records.register("alive")
    records.begin(asked(1, service_id="dead"))
    records.begin(asked(2, service_id="dead", state="running"))
    records.end(ended(3, service_id="dead"))
    records.begin(asked(4, service_id="alive"))
    assert records.end_lost() == 2
    assert records.end_lost() == 0
    states = {int(one.execution_id, 16): one.state for one in records.recent()}
    assert states == {1: "failed", 2: "failed", 3: "succeeded", 4: "queued"}
    found = records.get(f"{1:032x}")
    assert found is not None
    assert found.told["reason"] == "the service that ran it ended"
    assert found.told["error"]["code"] == "LW816"
    assert found.completed_at is not None


def test_a_service_elsewhere_is_dead_when_it_is_not_seen_for_long(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = catalog.query_executions
    records.register("elsewhere")
    records.begin(asked(1, service_id="elsewhere"))
    # This machine cannot know whether a process of another one lives.
    monkeypatch.setattr(query_executions, "is_alive", lambda _: None)
    assert records.end_lost() == 0
    monkeypatch.setattr(query_executions, "LOST_AFTER_S", -1.0)
    assert records.end_lost() == 1


def test_another_service_can_ask_for_an_end(catalog: Catalog) -> None:
    records = catalog.query_executions
    records.begin(asked(1))
    records.end(ended(2))
    for number in (1, 2, 3):
        records.ask_cancel(f"{number:032x}")
    assert records.to_cancel("s1") == [f"{1:032x}"]
    assert records.to_cancel("s2") == []


def test_sums_of_a_month_take_no_longer_for_a_hundred_thousand_queries(
    catalog: Catalog,
) -> None:
    """The rows that are read are those of the month's hours, however many queries there were."""
    records = catalog.query_executions
    month = NOW.replace(day=1, hour=0, minute=0)
    records.end(*(
        ended(n, submitted_at=month + timedelta(minutes=n), told={}) for n in range(2_000)
    ))  # fmt: skip
    (used,) = catalog.query_usage.since("primary", [month])
    assert used.queries == 2_000
    with catalog._database.reading() as session:
        row = session.first("SELECT count(*) FROM query_usage")
    assert row is not None
    assert row[0] == 34  # hours
