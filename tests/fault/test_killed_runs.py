"""Kill real runs with SIGKILL at random moments; the next run makes good, row for row."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow]

KILLS = int(os.environ.get("LAKEWORKS_KILLS", "100"))
TABLES = (
    "bronze.orders",
    "silver.orders",
    "silver.orders_history",
    "silver.events",
    "gold.monthly",
    "gold.customers",
    "quarantine.bronze_orders",
    "quarantine.silver_orders",
)
_OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at", "_processed_at"}


def command(project: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "lakeworks", *words, "-C", str(project)]


def start_run(project: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(project, "run", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_to_the_end(project: Path) -> dict:
    process = start_run(project)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def contents(project: Path) -> dict[str, list[str]]:
    """Every table's rows without what differs from run to run, in a fixed order."""
    found: dict[str, list[str]] = {}
    with Lake.open(project) as lake:
        for table in TABLES:
            rows = lake.query.sql(f"select * from {table}").rows()
            kept = [{k: v for k, v in row.items() if k not in _OF_A_RUN} for row in rows]
            found[table] = sorted(json.dumps(row, default=str, sort_keys=True) for row in kept)
    return found


def undisturbed(project: Path, at: Path) -> dict[str, list[str]]:
    """The tables that one quiet run makes from the same files."""
    shutil.copytree(project, at, ignore=shutil.ignore_patterns(".lake"))
    run_to_the_end(at)
    return contents(at)


def batch_of_rows(number: int, chance: random.Random) -> list[dict[str, object] | str]:
    rows: list[dict[str, object] | str] = [
        {
            "order_id": f"o{chance.randrange(number * 3 + 5)}",
            "customer_id": f"c{chance.randrange(7)}",
            "amount": chance.choice([1.5, 20, "3.25", "bad", -4]),
            "updated_at": f"2026-{1 + number % 12:02d}-{1 + number // 12:02d}T10:{place:02d}:00",
        }
        for place in range(8)
    ]
    rows.append('{"order_id": "torn')
    return rows


def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    orders_project: Path, arrive: Callable[..., Path], tmp_path: Path
) -> None:
    chance = random.Random(20260101)
    arrive("first.json", *batch_of_rows(0, chance))
    begin = time.monotonic()
    run_to_the_end(orders_project)
    longest = time.monotonic() - begin
    killed = 0
    for number in range(1, KILLS + 1):
        arrive(f"{number:03d}.json", *batch_of_rows(number, chance))
        process = start_run(orders_project)
        time.sleep(chance.uniform(0.15, 1.0) * longest)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if number % 20 == 0:
            run_to_the_end(orders_project)
            expected = undisturbed(orders_project, tmp_path / f"quiet-{number}")
            assert contents(orders_project) == expected
    run_to_the_end(orders_project)
    assert run_to_the_end(orders_project)["status"] == "nothing to do"
    assert contents(orders_project) == undisturbed(orders_project, tmp_path / "quiet")
    assert killed >= KILLS // 2, "most runs had ended before they were killed"


def test_two_runs_at_once_read_every_file_once(
    orders_project: Path, arrive: Callable[..., Path], tmp_path: Path
) -> None:
    chance = random.Random(7)
    for number in range(6):
        arrive(f"{number}.json", *batch_of_rows(number, chance))

    processes = [start_run(orders_project) for _ in range(4)]
    reports = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        reports.append(json.loads(out))

    statuses = sorted(report["status"] for report in reports)
    assert statuses.count("succeeded") == 1, statuses
    assert statuses.count("nothing to do") == 3, statuses
    assert contents(orders_project) == undisturbed(orders_project, tmp_path / "quiet")


def test_a_run_that_will_not_wait_says_who_holds_the_table(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", *batch_of_rows(0, random.Random(1)))
    with Lake.open(orders_project) as holder:
        from lakeworks.core.names import TableName

        tables = [TableName.parse("bronze.orders")]
        with holder.catalog.locks.hold(
            tables, holder="the-other-run", wait_s=0, on_wait=lambda _: None
        ):
            refused = subprocess.run(
                command(orders_project, "run", "--wait", "0"),
                capture_output=True,
                text=True,
                check=False,
            )
    assert refused.returncode == 1
    assert "the-other-run" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_control_c_stops_cleanly_and_the_next_run_goes_on(
    orders_project: Path, arrive: Callable[..., Path], tmp_path: Path
) -> None:
    chance = random.Random(3)
    for number in range(12):
        arrive(f"{number}.json", *batch_of_rows(number, chance))
    process = start_run(orders_project)
    time.sleep(0.9)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert b"Traceback" not in err
    assert process.returncode in {0, 130}
    run_to_the_end(orders_project)
    assert contents(orders_project) == undisturbed(orders_project, tmp_path / "quiet")
