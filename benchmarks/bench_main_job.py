"""The main job: JSON lines to bronze, silver (typed, cleaned, deduplicated, checked, hashed) and gold.

Budgets: at most 1.25 times hand-written DuckDB (`main_job_duckdb.py`) in the same run, at least 5
times faster than hand-written PySpark local[2] (`main_job_spark.py`), peak memory at most 3 GB, 1 %
new files at most 10 % of the full run. Every run is a process of its own; medians are printed.

The hand-written job may use 16 GB: with 2 GB, which is what ours gets, its window over all orders
runs out of memory at 10 million.

    python benchmarks/bench_main_job.py [--orders 10000000] [--rounds 3] [--no-spark] [--memory 2GB]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
GIB = 1024**3


@dataclass(frozen=True)
class Measured:
    """One process: how long it took, the most memory it held, what it printed."""

    seconds: float
    peak_bytes: int
    out: str


def measured(*words: str, **variables: str) -> Measured:
    """Run a command; its own failure is this program's."""
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(words, stdout=out, env={**os.environ, **variables})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
        out.seek(0)
        return Measured(seconds, usage.ru_maxrss * 1024, out.read())


def lake_run(project: Path, landing: Path, memory: str) -> Measured:
    """One `lake run`."""
    return measured(
        sys.executable, "-m", "lakeworks", "run", "--json", "-C", str(project),
        LANDING=str(landing), MEMORY_LIMIT=memory,
    )  # fmt: skip


def silver_of(project: Path, landing: Path) -> str:
    """Rows and revenue of the silver table, to be compared with the references."""
    found = measured(
        sys.executable, "-m", "lakeworks", "query", "--json", "-C", str(project),
        "select count(*) as n, sum(order_amount) as revenue from silver.orders",
        LANDING=str(landing),
    )  # fmt: skip
    row = json.loads(found.out)[0]
    return f"{row['n']} {row['revenue']}"


def generated(folder: Path, orders: int, seed: int = 1) -> Path:
    """The landing files, made once and kept."""
    landing = folder / f"orders-{orders}-{seed}"
    if not (landing / "done").exists():
        from lakeworks.samples import generate_orders

        shutil.rmtree(landing, ignore_errors=True)
        generate_orders(landing / "files", orders=orders, seed=seed)
        (landing / "done").touch()
    return landing / "files"


def full_runs(args: argparse.Namespace, landing: Path) -> tuple[Path, float]:
    """Print the full job's figures; return a finished project and its median seconds."""
    ours: list[Measured] = []
    theirs: list[Measured] = []
    project = args.folder / "project"
    for _ in range(args.rounds):
        reference = args.folder / "reference"
        words = (str(HERE / "main_job_duckdb.py"), str(landing), str(reference), "16GB")
        theirs.append(measured(sys.executable, *words))
        shutil.rmtree(reference)
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(HERE / "main_job", project)
        ours.append(lake_run(project, landing, args.memory))
    mine = statistics.median(run.seconds for run in ours)
    theirs_s = statistics.median(run.seconds for run in theirs)
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))
    peak = max(run.peak_bytes for run in ours) / GIB
    steps = {s["table"]: s["seconds"] for s in json.loads(ours[-1].out)["steps"]}
    print(f"lakeworks {mine:.1f} s {steps}, peak {peak:.2f} GiB")
    print(
        f"hand-written DuckDB {theirs_s:.1f} s, peak {max(r.peak_bytes for r in theirs) / GIB:.2f} GiB"
    )
    print(f"ratio lakeworks / DuckDB {ratio:.2f} (budget 1.25)")
    print(
        f"silver: lakeworks {silver_of(project, landing)}, reference {theirs[-1].out.strip()}"
    )
    return project, mine


def spark_run(args: argparse.Namespace, landing: Path, mine: float) -> None:
    """Print PySpark's figure."""
    out = args.folder / "spark"
    spark = measured(sys.executable, str(HERE / "main_job_spark.py"), str(landing), str(out))
    shutil.rmtree(out)
    print(
        f"PySpark local[2] {spark.seconds:.1f} s; {spark.seconds / mine:.1f} times ours (budget 5)"
    )


def later_runs(args: argparse.Namespace, project: Path, landing: Path, full_s: float) -> None:
    """Print what a run costs with nothing new, and with 1 % new files."""
    from lakeworks.samples import generate_orders

    idle = statistics.median(lake_run(project, landing, args.memory).seconds for _ in range(5))
    print(f"nothing new {idle:.2f} s")
    extra = landing / "extra"
    try:
        generate_orders(
            extra, orders=max(args.orders // 100, 1), seed=2, files=1, compressed_share=0
        )
        one = lake_run(project, landing, args.memory)
    finally:
        shutil.rmtree(extra, ignore_errors=True)
    steps = {s["table"]: s["seconds"] for s in json.loads(one.out)["steps"]}
    print(
        f"1 % new files {one.seconds:.2f} s {steps}: {one.seconds / full_s:.1%} (budget 10 %)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--spark", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "lakeworks-bench"
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    landing = generated(args.folder, args.orders)
    project, full_s = full_runs(args, landing)
    later_runs(args, project, landing, full_s)
    if args.spark or (args.spark is None and find_spec("pyspark")):
        spark_run(args, landing, full_s)
    shutil.rmtree(project)


if __name__ == "__main__":
    main()
