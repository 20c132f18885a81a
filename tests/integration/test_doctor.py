"""The doctor over real runs: silent while all is well, and right about a killed run."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN = "import sys; from lakeworks.lake import Lake; Lake.open(sys.argv[1]).pipeline.run()"


def orders(start: int, count: int = 60) -> list[dict[str, object]]:
    return [
        {"order_id": f"o{n}", "customer_id": f"c{n % 5}", "amount": n % 7,
         "updated_at": f"2026-0{n % 3 + 1}-01T00:00:00"}
        for n in range(start, start + count)
    ]  # fmt: skip


def said(lake: Lake) -> list[str]:
    return [f"{finding.kind}: {finding.what}" for finding in lake.doctor()]


def test_a_lake_that_is_used_as_intended_is_healthy_at_every_step(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    with Lake.open(orders_project) as lake:
        assert said(lake) == []
        for day in range(3):
            arrive(f"{day}.json", *orders(day * 40), "{torn")
            assert lake.pipeline.run().status == "succeeded"
            assert said(lake) == []
        assert lake.tables.optimize("silver.events").version is not None
        assert lake.tables.optimize("quarantine.silver_orders").version is not None
        assert said(lake) == []
        assert lake.pipeline.run().status == "nothing to do"
        lake.pipeline.rollback()
        assert said(lake) == []
        assert lake.pipeline.run().status == "succeeded"
        assert said(lake) == []
        before = lake.tables.show("silver.orders").rows
        assert any(done.paths for done in lake.tables.vacuum(retention=timedelta(0)))
        assert said(lake) == []
        assert lake.tables.show("silver.orders").rows == before


def test_after_a_kill_the_doctor_names_the_run_and_the_next_run_is_the_cure(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", *orders(0, 20_000))
    with Lake.open(orders_project) as lake:
        process = subprocess.Popen([sys.executable, "-c", RUN, str(orders_project)])
        deadline = time.monotonic() + 60
        while not lake.catalog.runs_under_way():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
        process.wait()
        findings = {finding.kind: finding for finding in lake.doctor()}
        assert {"killed run", "stale lock"} <= set(findings)
        assert not any(finding.serious for finding in findings.values())
        assert lake.pipeline.run().status == "succeeded"
        left = {finding.kind for finding in lake.doctor()}
        assert left <= {"orphan files", "scratch files"}
        assert lake.catalog.runs()[-1].status == "killed"
