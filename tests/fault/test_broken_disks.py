"""Full disks, read-only folders and corrupt logs: a clear error, nothing lost, then recovery."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def lake(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lakeworks", *words, "-C", str(project)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def plain_orders(count: int, *, start: int = 0) -> list[dict[str, object]]:
    return [
        {
            "order_id": f"o{number}",
            "customer_id": f"c{number % 50}",
            "amount": number % 97 + 1,
            "updated_at": "2026-01-01T00:00:00",
            "note": os.urandom(150).hex(),
        }
        for number in range(start, start + count)
    ]


def rows_of(project: Path, table: str) -> int:
    with Lake.open(project) as opened:
        return int(opened.query.sql(f"select count(*) as n from {table}").rows()[0]["n"])


@pytest.fixture
def small_disk(
    orders_project: Path, unavailable: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """Put `.lake` on a file system of its own; the value remounts it with other options."""
    disk = orders_project / ".lake"
    disk.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and shutil.which("sudo") is None:
        unavailable("the right to mount a small file system")
    mounted = subprocess.run(
        [*as_root, "mount", "-t", "tmpfs", "-o", "size=6m,mode=1777", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        unavailable("the right to mount a small file system")

    def remount(options: str) -> None:
        subprocess.run(
            [*as_root, "mount", "-o", f"remount,{options}", str(disk)],
            check=True,
        )

    yield remount
    subprocess.run([*as_root, "umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_said_plainly_and_the_next_run_recovers(
    orders_project: Path, arrive: Callable[..., Path], small_disk: Callable[[str], None]
) -> None:
    arrive("a.json", *plain_orders(500))
    assert lake(orders_project, "run").returncode == 0
    arrive("b.json", *plain_orders(30_000, start=500))

    full = lake(orders_project, "run")

    assert full.returncode == 1
    assert "space" in full.stderr + full.stdout
    assert "Traceback" not in full.stderr
    small_disk("size=200m")
    assert rows_of(orders_project, "silver.orders") == 500
    again = lake(orders_project, "run", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["status"] == "succeeded"
    assert rows_of(orders_project, "bronze.orders") == 30_500
    assert rows_of(orders_project, "silver.orders") == 30_500


def test_a_read_only_folder_is_said_plainly_and_loses_nothing(
    orders_project: Path, arrive: Callable[..., Path], small_disk: Callable[[str], None]
) -> None:
    small_disk("size=100m")
    arrive("a.json", *plain_orders(50))
    assert lake(orders_project, "run").returncode == 0
    arrive("b.json", *plain_orders(10, start=50))
    small_disk("ro")

    refused = lake(orders_project, "run")

    assert refused.returncode in {1, 2}
    assert "read-only" in (refused.stderr + refused.stdout).lower()
    assert "Traceback" not in refused.stderr
    small_disk("rw")
    assert lake(orders_project, "run").returncode == 0
    assert rows_of(orders_project, "bronze.orders") == 60


def test_a_corrupt_log_names_its_file_and_spares_the_other_tables(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", *plain_orders(20))
    assert lake(orders_project, "run").returncode == 0
    logs = orders_project / ".lake/tables/silver/orders/_delta_log"
    newest = max(logs.glob("*.json"))
    kept = newest.read_bytes()
    newest.write_bytes(kept[: len(kept) // 2])
    shutil.rmtree(orders_project / ".lake/cache", ignore_errors=True)
    arrive("b.json", *plain_orders(5, start=20))

    broken = lake(orders_project, "run")

    assert broken.returncode == 1
    assert newest.name in broken.stderr + broken.stdout
    assert "Traceback" not in broken.stderr
    newest.write_bytes(kept)
    assert lake(orders_project, "run").returncode == 0
    assert rows_of(orders_project, "silver.orders") == 25
