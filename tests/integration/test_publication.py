"""What readers see while runs go on, after they failed, and when they look back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.cli.main import main
from lakeworks.core import clock, events
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNTS = """
select (select count(*) from bronze.orders) as bronze,
       (select count(*) from silver.events) as events,
       (select sum(orders) from gold.monthly) as monthly,
       (select sum(orders) from gold.customers) as customers
"""


def order(number: int, *, day: int = 1, amount: object = 10.5) -> dict[str, Any]:
    return {
        "order_id": f"o{number}",
        "customer_id": "c",
        "amount": amount,
        "updated_at": f"2026-01-{day:02d}T10:00:00",
    }


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rows(lake: Lake, sql: str, **more: Any) -> list[dict[str, Any]]:
    return lake.query.sql(sql, **more).rows()


def count(lake: Lake, table: str) -> int | None:
    try:
        return rows(lake, f"select count(*) as n from {table}")[0]["n"]
    except UnknownTableError:
        return None


def fails(root: Path, table: str) -> None:
    """Give a gold model a rule that no data meets."""
    path = root / f"models/gold/{table}.sql"
    text = path.read_text()
    if text.startswith("/*"):
        text = text.replace("/*\n", "/*\nquality: 'Rules = [ RowCount > 99 ]'\n", 1)
    else:
        text = f"/*\nquality: 'Rules = [ RowCount > 99 ]'\n*/\n{text}"
    path.write_text(text)


def test_readers_see_the_old_snapshot_until_the_run_ends(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), order(2))
    with Lake.open(orders_project) as lake, Lake.open(orders_project) as reader:
        lake.pipeline.run()
        arrive("b.json", order(3), order(4), order(5))
        seen: list[tuple[str, dict[str, Any]]] = []

        def look(event: events.Event) -> None:
            if event.name in {"step.started", "step.ended"}:
                seen.append((event.name, rows(reader, COUNTS)[0]))

        with events.listening(look):
            lake.pipeline.run()

        assert len(seen) == 12
        old = {"bronze": 2, "events": 2, "monthly": 2, "customers": 2}
        assert [counts for _, counts in seen] == [old] * 12
        assert rows(reader, COUNTS) == [dict.fromkeys(old, 5)]


def test_a_failed_run_shows_readers_nothing_of_what_it_made(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), order(2))
    with Lake.open(orders_project) as lake:
        first = lake.pipeline.run()
    fails(orders_project, "customers")
    arrive("b.json", order(3), "torn")
    with Lake.open(orders_project) as lake:
        failed = lake.pipeline.run()
        assert (failed.status, failed.snapshot) == ("failed", first.snapshot)
        assert failed.step("gold.monthly").status == "succeeded"
        assert rows(lake, COUNTS) == [
            dict.fromkeys(["bronze", "events", "monthly", "customers"], 2)
        ]
        assert count(lake, "quarantine.bronze_orders") is None


def test_a_first_run_that_fails_leaves_readers_an_empty_lake(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    fails(orders_project, "customers")
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        assert lake.pipeline.run().status == "failed"
        assert count(lake, "bronze.orders") is None
        assert lake.catalog.current_snapshot().tables == {}


def test_publish_table_shows_each_table_as_soon_as_its_step_succeeds(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    change(orders_project, "lake.yml", "name: tiny\n", "name: tiny\npublish: table\n")
    arrive("a.json", order(1), order(2), "torn")
    seen: dict[str, dict[str, int | None]] = {}
    with Lake.open(orders_project) as lake, Lake.open(orders_project) as reader:

        def look(event: events.Event) -> None:
            if event.name == "step.started":
                tables = ("bronze.orders", "quarantine.bronze_orders", "silver.orders")
                seen[event.data["table"]] = {table: count(reader, table) for table in tables}

        with events.listening(look):
            lake.pipeline.run()

    assert set(seen["bronze.orders"].values()) == {None}
    assert seen["silver.orders"] == {
        "bronze.orders": 2, "quarantine.bronze_orders": 1, "silver.orders": None,
    }  # fmt: skip
    assert seen["gold.customers"] == {
        "bronze.orders": 2, "quarantine.bronze_orders": 1, "silver.orders": 2,
    }  # fmt: skip


def test_publish_table_keeps_what_succeeded_when_a_later_step_fails(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    change(orders_project, "lake.yml", "name: tiny\n", "name: tiny\npublish: table\n")
    arrive("a.json", order(1), order(2))
    with Lake.open(orders_project) as lake:
        first = lake.pipeline.run()
    good = (orders_project / "models/gold/customers.sql").read_text()
    fails(orders_project, "customers")
    arrive("b.json", order(3))
    with Lake.open(orders_project) as lake:
        failed = lake.pipeline.run()
        assert failed.status == "failed"
        assert failed.snapshot > first.snapshot
        assert failed.snapshot == lake.catalog.current_snapshot().id
        assert rows(lake, COUNTS) == [{"bronze": 3, "events": 3, "monthly": 3, "customers": 2}]
        assert lake.pipeline.plan().to_publish == ()

    (orders_project / "models/gold/customers.sql").write_text(good)
    with Lake.open(orders_project) as lake:
        assert lake.pipeline.run().status == "succeeded"
        assert rows(lake, COUNTS)[0]["customers"] == 3


def test_a_version_is_read_by_its_number_whether_published_or_not(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    fails(orders_project, "customers")
    arrive("b.json", order(2), order(3))
    with Lake.open(orders_project) as lake:
        assert lake.pipeline.run().status == "failed"
        counted = [count(lake, f"silver.orders{v}") for v in ("@v0", "@v1", "")]
        assert counted == [1, 3, 1]
        assert rows(
            lake,
            "select n.order_id from silver.orders@v1 n anti join silver.orders@v0 o "
            "using (order_id) order by 1",
        ) == [{"order_id": "o2"}, {"order_id": "o3"}]


def test_at_reads_what_readers_saw_at_a_moment_or_in_a_snapshot(
    orders_project: Path, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    snapshots = []
    for day in range(3):
        arrive(f"{day}.json", order(day))
        with clock.fixed(start + timedelta(days=day)), Lake.open(orders_project) as lake:
            snapshots.append(lake.pipeline.run().snapshot)

    def asked(at: str) -> list[dict[str, Any]]:
        words = ["query", "-C", str(orders_project), COUNTS, "--at", at, "--json"]
        assert main(words) == 0
        return json.loads(capsys.readouterr().out)

    columns = ["bronze", "events", "monthly", "customers"]
    for day, snapshot in enumerate(snapshots):
        seen = [dict.fromkeys(columns, day + 1)]
        assert [{k: int(v) for k, v in r.items()} for r in asked(str(snapshot))] == seen
        for moment in (start + timedelta(days=day), start + timedelta(days=day, hours=23)):
            told = asked(moment.isoformat())
            assert [{k: int(v) for k, v in r.items()} for r in told] == seen
    assert main(["query", "-C", str(orders_project), COUNTS, "--at", "2026-04-30"]) != 0
    assert "error[LW3" in capsys.readouterr().err


def test_an_earlier_look_shows_columns_as_they_were(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1))
    with Lake.open(orders_project) as lake:
        first = lake.pipeline.run()
    change(
        orders_project, "models/silver/orders.sql", "  customer_id,", "  customer_id, 1 as one,"
    )
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
        assert "one" in rows(lake, "from silver.orders")[0]
        assert "one" not in rows(lake, "from silver.orders", at=first.snapshot)[0]
        assert "one" not in rows(lake, "from silver.orders@v0")[0]


AUDITED = """/*
load: merge
key: [order_id]
latest_by: updated_at
audit: true
*/
select
  order_id,
  note,
  cast(amount as decimal(10, 2)) as amount,
  cast(updated_at as timestamp)  as updated_at,
  cast(updated_at as date)       as day,
  lines,
  _run_id
from bronze.orders
"""


def record_hash(row: dict[str, Any]) -> str:
    """Return the hash as the documentation tells it, made without the engine."""
    lines = (
        json.dumps(row["lines"], separators=(",", ":")) if row["lines"] is not None else None
    )
    micros = (
        row["updated_at"] - datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    ) // timedelta(microseconds=1)
    values = [
        row["order_id"], row["note"], row["amount"], micros, row["day"].isoformat(), lines,
    ]  # fmt: skip
    lengths = [len(text.encode()) if text is not None else None for text in
               (row["order_id"], row["note"], lines)]  # fmt: skip
    text = "\x1f".join("" if part is None else str(part) for part in [*values, *lengths])
    return hashlib.sha256(text.encode()).hexdigest()


def test_record_hashes_are_of_the_documented_text_and_outlive_a_full_refresh(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    (orders_project / "models/silver/orders.sql").write_text(AUDITED)
    (orders_project / "models/gold/monthly.sql").unlink()
    (orders_project / "models/gold/customers.sql").unlink()
    arrive(
        "a.json",
        order(1) | {"note": "schön\x1f", "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]},
        order(2, amount=7) | {"note": "", "lines": []},
        order(3) | {"note": None, "lines": None},
    )
    with Lake.open(orders_project) as lake:
        first = lake.pipeline.run()
        before = rows(lake, "from silver.orders order by order_id")
        assert list(before[0])[-3:] == ["_processed_at", "_run_id", "_record_hash"]
        assert before[0]["amount"] == Decimal("10.50")
        assert [row["_record_hash"] for row in before] == [record_hash(row) for row in before]
        assert len({row["_record_hash"] for row in before}) == 3
        assert {row["_run_id"] for row in before} == {first.run_id}

        arrive("b.json", order(2, amount=8, day=2) | {"note": "", "lines": []})
        second = lake.pipeline.run()
        merged = rows(lake, "from silver.orders order by order_id")
        assert [row["_run_id"] for row in merged] == [
            first.run_id, second.run_id, first.run_id,
        ]  # fmt: skip
        changed = [
            a["_record_hash"] != b["_record_hash"] for a, b in zip(before, merged, strict=True)
        ]
        assert changed == [False, True, False]

        third = lake.pipeline.run("silver.orders", full_refresh=True)
        refreshed = rows(lake, "from silver.orders order by order_id")
        assert {row["_run_id"] for row in refreshed} == {third.run_id}
        assert min(r["_processed_at"] for r in refreshed) > max(
            r["_processed_at"] for r in merged
        )
        hashes = [row["_record_hash"] for row in refreshed]
        assert hashes == [row["_record_hash"] for row in merged]
        assert hashes == [record_hash(row) for row in refreshed]
