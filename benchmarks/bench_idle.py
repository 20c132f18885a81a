"""What it costs to have nothing to do, as whole processes from a cold start.

Budgets: a second `lake run` at most 0.5 s for the shop and 1 s for 500 models, `lake --help` at
most 0.25 s. The reference beside them is a bare `python -c pass`.

    python benchmarks/bench_idle.py [--rounds 9] [--models 500]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

LAKE = (sys.executable, "-m", "lakeworks")


def seconds(*words: str, rounds: int) -> float:
    """The median time of a command."""
    times = []
    for _ in range(rounds):
        begin = time.monotonic()
        subprocess.run(words, check=True, capture_output=True)
        times.append(time.monotonic() - begin)
    return statistics.median(times)


def shop(folder: Path) -> Path:
    """The shop with 5,000 orders, run once."""
    project = folder / "shop"
    write_template(project, "shop")
    generate_shop(project / "landing", orders=5_000, seed=1)
    subprocess.run([*LAKE, "run", "-C", str(project)], check=True, capture_output=True)
    return project


def chains(folder: Path, models: int) -> Path:
    """A project of one source and so many models, run once."""
    project = folder / "chains"
    for name in ("sources", "models/silver", "landing"):
        (project / name).mkdir(parents=True)
    (project / "lake.yml").write_text("name: chains\n")
    (project / "landing/a.json").write_text('{"id": 1, "v": 2}\n')
    (project / "sources/a.yml").write_text(
        "table: bronze.a\nfrom: files\npath: landing\nformat: json\n"
    )
    for number in range(models):
        above = "bronze.a" if number % 50 == 0 else f"silver.m{number - 1}"
        (project / f"models/silver/m{number}.sql").write_text(
            '/*\nload: merge\nkey: [id]\nquality: |\n  Rules = [ IsComplete "id" ]\n*/\n'
            f"select id, v + {number} as v from {above}\n"
        )
    subprocess.run([*LAKE, "run", "-C", str(project)], check=True, capture_output=True)
    return project


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--models", type=int, default=500)
    args = parser.parse_args()
    bare = seconds(sys.executable, "-c", "pass", rounds=args.rounds)
    print(f"bare python {bare:.3f} s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = [("lake --help", 0.25, seconds(*LAKE, "--help", rounds=args.rounds))]
        project = shop(folder)
        again = seconds(*LAKE, "run", "-C", str(project), rounds=args.rounds)
        figures.append(("lake run, shop, nothing new", 0.5, again))
        project = chains(folder, args.models)
        again = seconds(*LAKE, "run", "-C", str(project), rounds=args.rounds)
        figures.append((f"lake run, {args.models} models, nothing new", 1.0, again))
    for what, budget, took in figures:
        print(f"{what}: {took:.3f} s, {took / bare:.1f} times bare python (budget {budget} s)")


if __name__ == "__main__":
    main()
