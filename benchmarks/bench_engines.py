"""The main job on both engines, and Spark through Lakeworks against hand-written PySpark.

Budget: Spark through Lakeworks takes at most 1.15 times the hand-written job (`main_job_spark.py`) on
the same files, both on local[2]. Every run is a process of its own; its memory is that of the
process with all its children, the JVM included, added up twice a second. Medians are printed, as
rows for the table of docs/scale.md.

    python benchmarks/bench_engines.py [--orders 200000 2000000] [--rounds 3] [--engines duckdb spark]
                                       [--memory 4GB] [--no-reference]
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
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MIB = 1024**2
BUDGET = 1.15
_EVERY_S = 0.5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """One process with its children: how long it took, the most memory held at once, its output."""

    seconds: float
    peak_bytes: int
    out: str


def session_bytes(session: int) -> int:
    """Return the memory that all processes of a session hold, as /proc tells it."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # Behind the name, which may hold spaces: state, parent, group, session. Spark puts its
            # Python workers into groups of their own.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += int((entry / "statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
    return total


def measured(*words: str, **variables: str) -> Measured:
    """Run a command in a session of its own; its failure is this program's."""
    begin = time.monotonic()
    peak = 0
    ended = threading.Event()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            words, stdout=out, env={**os.environ, **variables}, start_new_session=True
        )

        def watch() -> None:
            nonlocal peak
            while not ended.wait(_EVERY_S):
                peak = max(peak, session_bytes(process.pid))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        code = process.wait()
        seconds = time.monotonic() - begin
        ended.set()
        watcher.join()
        out.seek(0)
        if code:
            raise SystemExit(f"{' '.join(words)} ended with {code}\n{out.read()[-4000:]}")
        return Measured(seconds, peak, out.read())


def project_for(folder: Path, engine: str, memory: str) -> Path:
    """Write the main job's project anew, on one engine."""
    project = folder / f"project-{engine}"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(HERE / "main_job", project)
    spark = "    spark: {master: 'local[2]'}\n" if engine == "spark" else ""
    (project / "lake.yml").write_text(
        f"name: main_job\nenvironments:\n  dev:\n    storage: .lake\n    engine: {engine}\n"
        f"    memory_limit: {memory}\n    threads: 2\n{spark}"
    )
    return project


def lake(*words: str, project: Path, landing: Path) -> Measured:
    """One command on the project."""
    return measured(
        sys.executable, "-m", "lakeworks", *words, "-C", str(project), LANDING=str(landing)
    )


def silver_of(project: Path, landing: Path) -> str:
    """Rows and revenue of the silver table: equal on both engines, and in the reference."""
    sql = "select count(*) as n, sum(order_amount) as revenue from silver.orders"
    found = lake("query", "--json", sql, project=project, landing=landing)
    row = json.loads(found.out)[0]
    return f"{row['n']} {row['revenue']}"


def landing_of(folder: Path, orders: int) -> Path:
    """The landing files, made once and kept."""
    landing = folder / f"orders-{orders}-1"
    if not (landing / "done").exists():
        from lakeworks.samples import generate_orders

        shutil.rmtree(landing, ignore_errors=True)
        generate_orders(landing / "files", orders=orders, seed=1)
        (landing / "done").touch()
    return landing / "files"


def engine_runs(args: argparse.Namespace, engine: str, landing: Path) -> list[Measured]:
    """Run the whole job several times, each time from nothing; print silver's figures once."""
    runs = []
    for _ in range(args.rounds):
        project = project_for(args.folder, engine, args.memory)
        runs.append(lake("run", "--json", project=project, landing=landing))
    steps = {step["table"]: step["seconds"] for step in json.loads(runs[-1].out)["steps"]}
    print(f"  {engine}: silver {silver_of(project, landing)}; last run {steps}")
    shutil.rmtree(project)
    return runs


def reference_runs(args: argparse.Namespace, landing: Path) -> list[Measured]:
    """Run the hand-written job as often."""
    out = args.folder / "reference"
    runs = []
    for _ in range(args.rounds):
        words = (str(HERE / "main_job_spark.py"), str(landing), str(out))
        runs.append(measured(sys.executable, *words))
        shutil.rmtree(out)
    print(f"  hand-written: silver {runs[-1].out.strip().splitlines()[-1]}")
    return runs


def row(name: str, orders: int, size_bytes: int, runs: list[Measured]) -> str:
    """One row of the table of docs/scale.md."""
    minutes = statistics.median(run.seconds for run in runs) / 60
    peak = max(run.peak_bytes for run in runs)
    return (
        f"| {orders:,} | {size_bytes / MIB:,.0f} | {name} | {minutes:.2f} | {peak / MIB:,.0f} |"
    )


def ratio(ours: list[Measured], theirs: list[Measured]) -> float:
    """The median of the pairs' ratios: what slows one round slows both."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))


def compare(args: argparse.Namespace, orders: int) -> list[str]:
    """Measure one size; return its rows and print its ratios."""
    landing = landing_of(args.folder, orders)
    size_bytes = sum(path.stat().st_size for path in landing.rglob("*") if path.is_file())
    print(f"{orders:,} orders, {size_bytes / MIB:,.0f} MiB")
    runs = {engine: engine_runs(args, engine, landing) for engine in args.engines}
    if args.reference and "spark" in runs:
        runs["hand-written PySpark"] = reference_runs(args, landing)
    if {"duckdb", "spark"} <= runs.keys():
        print(f"  Spark / DuckDB {ratio(runs['spark'], runs['duckdb']):.2f}")
    if "hand-written PySpark" in runs:
        found = ratio(runs["spark"], runs["hand-written PySpark"])
        print(f"  Spark through Lakeworks / hand-written {found:.2f} (budget {BUDGET})")
    return [row(name, orders, size_bytes, of) for name, of in runs.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=["duckdb", "spark"])
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--reference", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "lakeworks-bench"
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = [line for orders in args.orders for line in compare(args, orders)]
    print("\n| orders | MiB in | engine | minutes | peak MiB |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
