"""Kill runs on Spark as their files appear; the next run makes good, row for row."""

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

pytestmark = [
    pytest.mark.fault, pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1800),
    pytest.mark.usefixtures("spark_engine"),  # skips where no Spark can start
]  # fmt: skip

KILLS = int(os.environ.get("LAKEWORKS_SPARK_KILLS", "3"))
# A run of the project writes about this many files: data, and a log entry a table.
FILES_OF_A_RUN = 24
ENVIRONMENTS = """name: tiny
environments:
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 1GB
    spark: {settings: {spark.sql.shuffle.partitions: 2}}
  embedded: {storage: .lake}
"""
_OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at", "_processed_at"}


def start_run(project: Path, environment: str) -> subprocess.Popen[bytes]:
    words = ["run", "--json", "--env", environment, "-C", str(project)]
    return subprocess.Popen(
        [sys.executable, "-m", "lakeworks", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_to_the_end(project: Path, environment: str) -> None:
    process = start_run(project, environment)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err.decode()


def contents(project: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with Lake.open(project, environment="embedded") as lake:
        for table in lake.storage.tables():
            rows = lake.query.sql(f"select * from {table}").rows()
            kept = [{k: v for k, v in row.items() if k not in _OF_A_RUN} for row in rows]
            found[str(table)] = sorted(json.dumps(row, default=str) for row in kept)
    return found


def files(project: Path) -> set[str]:
    # os.walk passes over folders that Spark removes meanwhile.
    return {
        os.path.join(folder, name)  # noqa: PTH118
        for folder, _, names in os.walk(project / ".lake/tables")
        for name in names
        if name.endswith((".json", ".parquet")) and not name.startswith((".", "_"))
    }


def kill_after(project: Path, new_files: int) -> bool:
    """Start a run and kill it once so many files are there; say whether it was still alive."""
    before = files(project)
    process = start_run(project, "cluster")
    while process.poll() is None:
        if len(files(project) - before) >= new_files:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return process.returncode == -signal.SIGKILL
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 0, (out + err).decode()
    return False


def test_killed_runs_on_spark_lose_and_double_nothing(
    orders_project: Path, arrive: Callable[..., Path], tmp_path: Path
) -> None:
    (orders_project / "lake.yml").write_text(ENVIRONMENTS)
    chance = random.Random(20261122)
    killed = 0
    for number in range(KILLS):
        rows = [
            {"order_id": f"o{chance.randrange(number * 3 + 5)}", "customer_id": f"c{place % 3}",
             "amount": chance.choice([1.5, 20, "3.25", "bad", -4]),
             "updated_at": f"2026-{1 + number % 12:02d}-01T10:{place:02d}:00"}
            for place in range(8)
        ]  # fmt: skip
        arrive(f"{number}.json", *rows, '{"order_id": "torn')
        share = (number + chance.random()) / KILLS
        killed += kill_after(orders_project, 1 + int(share * FILES_OF_A_RUN))
    assert killed, "no run was killed before its end"

    run_to_the_end(orders_project, "cluster")

    quiet = tmp_path / "quiet"
    shutil.copytree(orders_project, quiet, ignore=shutil.ignore_patterns(".lake"))
    run_to_the_end(quiet, "embedded")
    assert contents(orders_project) == contents(quiet)
    with Lake.open(orders_project, environment="embedded") as lake:
        assert not [found.what for found in lake.doctor() if found.serious]
