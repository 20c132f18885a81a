"""Processor time and size of the site about a lake. Budgets: beside each figure.

Run it as `python benchmarks/bench_site.py [MODELS] [TABLES]`: a project of so many models, from its
files and catalog to the written site; then as many tables of twenty columns each, from facts to files,
and the size of their search index.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from lakeworks.catalog.lineage.graph import LineageGraph, Node
from lakeworks.core import clock
from lakeworks.lake import Lake
from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage
from lakeworks.site.facts import (
    ColumnFacts,
    DatabaseFacts,
    SiteFacts,
    StateFacts,
    TableFacts,
)
from lakeworks.site.index import search_script
from lakeworks.site.service import pages
from lakeworks.site.writing import write_site

COLUMNS = 20
WORDS = (
    "customer", "order", "amount", "status", "created", "updated", "city", "country", "price",
    "margin", "share",
)  # fmt: skip


def write_project(root: Path, models: int) -> None:
    """Write a project whose models each read two earlier ones, and a source of three rows."""
    for folder in ("sources", "models/silver", "models/gold", "landing"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text("name: bench\n")
    (root / "landing/s.csv").write_text("id,a,b,c\n1,2,3,4\n2,3,4,5\n3,4,5,6\n")
    (root / "sources/s.yml").write_text(
        "table: bronze.s\npath: landing\nformat: csv\nowner: intake\ncolumns: {a: {tags: {pii: id}}}\n"
    )
    names = ["bronze.s"]
    for i in range(models):
        layer = "silver" if i < models // 2 else "gold"
        one, two = names[i // 2], names[max(0, i - 7)]
        (root / f"models/{layer}/m{i}.sql").write_text(
            f"/*\ndescription: What {one} and {two} say together.\nowner: team_{i % 9}\n"
            'quality: |\n  Rules = [ IsComplete "id" ]\n*/\n'
            f"select x.id, x.a, y.b, x.c from {one} as x join {two} as y on x.id = y.id\n"
        )
        names.append(f"{layer}.m{i}")


def whole_lake(models: int) -> None:
    """Measure `lake.site.build` over a project that has run once."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "bench"
        write_project(root, models)
        with Lake.open(root) as lake:
            report = lake.pipeline.run()
            assert report.status == "succeeded", report
        for turn in ("first", "second"):
            begun = time.process_time()
            with Lake.open(root) as lake:
                built = lake.site.build(root / "site")
            took = time.process_time() - begun
            print(
                f"{models} models, {turn} build: {took:.1f} s (budget 5), {built.files} files, "
                f"{built.size_bytes / 1e6:.1f} MB"
            )
            assert built.tables == models + 1


def many_facts(tables: int) -> SiteFacts:
    """Return facts of a lake of many wide tables, each made from one before."""
    graph = LineageGraph()
    facts: dict[str, TableFacts] = {}
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for i in range(tables):
        name = f"{'gold' if i % 3 == 0 else 'silver'}.{WORDS[i % 11]}_{WORDS[i % 7]}_{i}"
        columns = tuple(
            ColumnFacts(
                f"{WORDS[(i + c) % 11]}_{WORDS[c % 9]}_{c}", "string", f"The {WORDS[c % 11]}."
            )
            for c in range(COLUMNS)
        )
        before = [*facts][i // 2 : i // 2 + 1] if i else []
        graph.add(Node(name, "model", tuple(c.name for c in columns)), before)
        graph.derive(name, QueryLineage(tuple(
            DerivedColumn(column.name, frozenset(
                (source, facts[source].columns[c].name, "identity") for source in before))
            for c, column in enumerate(columns))))  # fmt: skip
        state = StateFacts(1_000, 10_000, 1, 3, None, True, at)
        facts[name] = TableFacts(
            name, "model", f"All {WORDS[i % 11]} of {i}.", columns=columns, state=state
        )
    facts = dict(sorted(facts.items()))
    databases = tuple(
        DatabaseFacts(one, "", tuple(n for n in facts if n.startswith(one)))
        for one in ("silver", "gold")
    )
    return SiteFacts("bench", "dev", "duckdb", 1, at, databases, facts, (), graph)


def many_tables(tables: int) -> None:
    """Measure drawing and writing, and the search index."""
    facts = many_facts(tables)
    begun = time.process_time()
    script = search_script(facts.tables)
    indexed = time.process_time() - begun
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        files, size = write_site(Path(folder) / "site", pages(facts))
        took = time.process_time() - begun
    assert files > tables
    print(
        f"{tables} tables, {tables * COLUMNS} columns: {took:.1f} s (budget 60), {size / 1e6:.0f} MB; "
        f"search index {len(script) / 1e6:.1f} MB (budget 10), made in {indexed:.1f} s"
    )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    with clock.fixed(datetime(2026, 11, 22, tzinfo=UTC)):
        whole_lake(numbers[0] if numbers else 500)
        many_tables(numbers[1] if len(numbers) > 1 else 10_000)
