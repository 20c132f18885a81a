"""Kill real erasures with SIGKILL at every kind of moment: the same command finishes the work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, make_project, names_of

from lakeworks import Lake

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = max(4, int(os.environ.get("LAKEWORKS_KILLS", "100")) // 12)
VALUES = (SUBJECT, "c-17", EMAIL, "Ana@Example.org", "Graz1")
# Between tables that runs make: one with her name, one with her town alone, one with a sum.
MADE = """
create view silver.v as select customer as who, amount from silver.orders
create materialized view gold.per as select who as person, sum(amount) as s from silver.v group by who
create materialized view gold.towns as select city, count(*) as n from silver.customers group by city
create materialized view gold.sums as select sum(s) as s from gold.per
create table gold.copied as select who as klient from silver.v
"""
SUMS = {"gold.totals", "gold.sums"}
# Dies at its n-th commit, landed file or forgotten past; without n it says how many there are.
WORK = """
import os, signal, sys
from lakeworks import Lake
from lakeworks.core import events

seen = 0
def tell(event):
    global seen
    if event.name.startswith(("table.commit", "landing.erased", "table.past_forgotten")):
        seen += 1
        if seen == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

with Lake.open(sys.argv[1]) as lake, events.listening(tell):
    lake.privacy.erase("customer=C-17")
print(seen)
"""


def erase(root: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORK, str(root), str(kill_at)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def put_back(pristine: Path, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(pristine, root)


def left(root: Path) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
    with Lake.open(root) as lake:
        found = contents(lake)
    with Lake.open(root) as lake:
        return names_of(lake, *VALUES), found


def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_same_command(
    tmp_path: Path,
) -> None:
    root, pristine = make_project(tmp_path / "shop"), tmp_path / "pristine"
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for statement in MADE.strip().splitlines():
            with lake.query.sql(statement) as done:
                done.rows()
        arrive(root, 2)
        lake.pipeline.run()
    shutil.copytree(root, pristine)
    whole = erase(root, 0)
    moments = int(whole.stdout)
    assert moments >= KILLS
    expected = left(root)
    assert expected[0] == []

    for number in range(KILLS):
        put_back(pristine, root)
        at = 1 + number * (moments - 1) // (KILLS - 1)
        assert erase(root, at).returncode == -signal.SIGKILL
        if number % 2:
            # Whoever runs the pipeline in between spoils nothing.
            with Lake.open(root) as lake:
                assert lake.pipeline.run().status in {"succeeded", "nothing to do"}
        again = erase(root, 0)
        assert again.returncode == 0, (at, again.stderr[-2000:])
        files, found = left(root)
        assert files == [], at
        found |= {table: expected[1][table] for table in SUMS}
        assert found == expected[1], at
        with Lake.open(root) as lake:
            assert [one.state for one in lake.privacy.erasures()] == ["done"]
            assert lake.pipeline.run().status in {"succeeded", "nothing to do"}
            made = contents(lake)
            assert made["gold.totals"] == [{"amount": 42, "orders": 6}]
            assert made["gold.sums"] == [{"s": 42}]
