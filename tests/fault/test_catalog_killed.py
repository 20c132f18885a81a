"""Processes killed while they make or change the catalog: it is always whole for the next."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog import Catalog
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fault

A, B = TableName("silver", "a"), TableName("silver", "b")
OPEN = "import sys; from lakeworks.catalog import Catalog; Catalog.open(sys.argv[1])"
PUBLISH = """
import sys
from lakeworks.catalog import Catalog, LedgerEntry
from lakeworks.core.names import TableName
a, b = TableName("silver", "a"), TableName("silver", "b")
catalog = Catalog.open(sys.argv[1])
while True:
    n = catalog.current_snapshot().id + 1
    catalog.ledger.begin_batch(a, [LedgerEntry(f"{n}.{i}", 0, 1, 1, "", "", "") for i in range(50)])
    catalog.publish(f"r{n}", {a: n, b: n})
    print(n, flush=True)
"""


def test_a_catalog_whose_making_was_killed_is_made_by_the_next(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(12):
        url = f"sqlite:///{tmp_path}/{number}/catalog.db"
        process = subprocess.Popen([sys.executable, "-c", OPEN, url])
        time.sleep(chance.uniform(0.05, 0.6))
        process.kill()
        process.wait()
        with Catalog.open(url) as catalog:
            assert catalog.publish("r1", {A: 1}).tables == {A: 1}
            assert catalog.integrity() == []


def test_a_killed_publisher_leaves_whole_snapshots_and_loses_none_it_told_of(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    url = f"sqlite:///{tmp_path}/catalog.db"
    with Catalog.open(url) as catalog:
        for _ in range(8):
            process = subprocess.Popen(
                [sys.executable, "-c", PUBLISH, url], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            # How long Python takes to start is the machine's affair: its first snapshot is awaited.
            first = process.stdout.readline()
            time.sleep(chance.uniform(0, 0.3))
            process.kill()
            printed, _ = process.communicate()
            told = [int(line) for line in (first + printed).splitlines()]
            snapshot = catalog.current_snapshot()
            assert snapshot.id >= max(told)
            assert set(snapshot.tables.values()) <= {snapshot.id}
            batches = catalog.ledger.last_batch(A)
            assert len(catalog.ledger.entries(A, up_to=batches)) % 50 == 0
        assert catalog.current_snapshot().id >= 8
        assert catalog.integrity() == []
