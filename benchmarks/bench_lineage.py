"""Time of loading a project and of asking for its lineage. Budgets: beside each figure.

Run it as `python benchmarks/bench_lineage.py [MODELS]`; each figure is the median of five, in a
process of its own where an import counts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lakeworks.catalog.lineage.graph import LineageGraph, Node
from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage

ROUNDS = 5
COLUMNS = 12
LOAD = """
import time; begin = time.perf_counter()
from pathlib import Path
from lakeworks.project.loader import load_project
project = load_project(Path({root!r}))
loaded = time.perf_counter()
if {lineage!r}:
    from lakeworks.catalog.lineage import build_graph
    from lakeworks.core.types import Field, Scalar, Schema
    names = [f"c{{i}}" for i in range({columns})]
    schema = Schema(tuple(Field(name, Scalar("int")) for name in names))
    graph = build_graph(project, dict.fromkeys(project.sources, schema))
    assert len(graph.nodes) == {nodes}, len(graph.nodes)
    assert graph.column_steps(("gold.m{last}", "c0"), "up")
print(loaded - begin, time.perf_counter() - loaded)
"""


def write_project(root: Path, models: int) -> None:
    """Write a chain-like project: each model reads the source and the one before it."""
    (root / "lake.yml").write_text("name: bench\n")
    for folder in ("sources", "models/silver", "models/gold", "landing"):
        (root / folder).mkdir(parents=True)
    (root / "sources/s.yml").write_text("table: bronze.s\npath: landing\nformat: json\n")
    for i in range(models):
        before = f"gold.m{i - 1}" if i else "bronze.s"
        columns = ", ".join(f"t.c{c} + 1 as c{c}" for c in range(COLUMNS - 1))
        (root / f"models/gold/m{i}.sql").write_text(
            f"with picked as (select * from {before} where c1 > 0)\n"
            f"select {columns}, sum(t.c{COLUMNS - 1}) over (partition by t.c2) as c{COLUMNS - 1}\n"
            "from picked as t join bronze.s as s on s.c0 = t.c0\n"
        )


def in_a_process(root: Path, models: int, *, lineage: bool) -> tuple[float, float]:
    """Return seconds of loading, and of making the graph."""
    nodes = models + 2
    code = LOAD.format(
        root=str(root), lineage=lineage, nodes=nodes, last=models - 1, columns=COLUMNS
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded, asked = done.stdout.split()
    return float(loaded), float(asked)


def wide_graph(columns: int) -> LineageGraph:
    """Return a graph of 100 tables in ten layers, with that many columns in all."""
    graph = LineageGraph()
    each = columns // 100
    for table in range(100):
        name = f"t{table}"
        names = tuple(f"c{i}" for i in range(each))
        reads = [f"t{table - 10}"] if table >= 10 else []
        graph.add(Node(name, "model", names), reads)
        graph.derive(name, QueryLineage(tuple(
            DerivedColumn(c, frozenset((r, c, "transformation") for r in reads)) for c in names
        )))  # fmt: skip
    return graph


def median_ms(work: list[float]) -> float:
    """Return the median in milliseconds."""
    return 1000 * statistics.median(work)


def main(models: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, models)
        cold_load, cold_graph = in_a_process(root, models, lineage=True)
        print(f"{models} models, cold: load {cold_load:.2f} s, lineage {cold_graph:.2f} s")
        warm = [in_a_process(root, models, lineage=True) for _ in range(ROUNDS)]
        print(
            f"{models} models, warm: load {median_ms([one for one, _ in warm]):.0f} ms"
            f" (budget 350), lineage {median_ms([two for _, two in warm]):.0f} ms (budget 500)"
        )
    graph = wide_graph(10_000)
    figures = {"up": [], "down": [], "impact": []}
    for _ in range(ROUNDS):
        for name, start in (("up", ("t99", "c0")), ("down", ("t0", "c0"))):
            begin = time.perf_counter()
            assert len(graph.column_steps(start, name)) == 9
            figures[name].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        assert len(graph.impact("t0", graph.nodes["t0"].columns)) == 9
        figures["impact"].append(time.perf_counter() - begin)
    told = ", ".join(f"{name} {median_ms(work):.2f} ms" for name, work in figures.items())
    print(f"10,000 columns: {told} (budget 10 ms each)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
