"""Whatever stands in a project's files, the loader answers with a project or with mistakes."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.project.declaration import Location, Project
from lakeworks.project.errors import Mistakes, ProjectError
from lakeworks.project.loader import load_project
from lakeworks.project.references import Reference, check_cycles

KEYS = st.sampled_from([
    "table", "from", "path", "format", "schema", "on_change", "landing", "csv", "pattern", "partitions",
    "types", "name", "environments", "dev", "storage", "catalog", "engine", "threads", "s3",
    "load", "key", "latest_by", "partition_by", "quality", "columns", "dialect",
    "incremental_on", "tags", "zzz",
])  # fmt: skip
SCALARS = st.sampled_from([
    "", "~", "null", "bronze.orders", "silver.orders", "merge", "infer", "${A}", "${", "&a x",
    "*a", "!!int 3", "|\n  a\n  b", "'", '"', "../x", "s3://", "s3://b", "sqlite:///x", "1",
    "-1", "1e999", "yes", "[", "{", "- x", "\t", "\x00", "é", "😀", "duckdb", "spark", "3GB",
    "(?P<a>", "decimal(²)", "[a, a]", "{a: b}", "{a: {b: c}}", "? [x]", "<<: *a", "%TAG",
    "---", "...", "# x", "a: b: c",
])  # fmt: skip
WORDS = st.sampled_from([
    "select", "from", "where", "with", "as", "(", ")", ",", ";", "*", "a", "b.c",
    "bronze.orders", "silver.orders", "join", "using", "union", "all", "group by", "order by",
    "limit", "1", "'x'", "'", '"', "/*", "*/", "--", "\n", "$x", "?", "over", "recursive",
    "pivot", "on", "lateral", "unnest", "insert into", "update", "set", "values", "case",
    "when", "end", "[", "]", "{", "}", "::", "->", ".", "read_csv('x')", "\x00", "😀", "$$",
    "cast", "interval", "not", "distinct", "describe", "explain", "copy", "attach", "pragma",
    "begin", "create table", "from from", "at",
])  # fmt: skip
YAML = st.one_of(
    st.lists(
        st.tuples(st.sampled_from(["", "  ", "    ", "- "]), KEYS, SCALARS), max_size=8
    ).map(lambda lines: "".join(f"{indent}{key}: {value}\n" for indent, key, value in lines)),
    st.text(alphabet=string.printable + "é\x00\x85\u2028", max_size=60),
)
SQL = st.one_of(
    st.lists(WORDS, max_size=25).map(" ".join),
    st.text(alphabet=string.printable + "é\x00", max_size=60),
)


def _loaded(files: dict[str, bytes]) -> Project | ProjectError:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        outcomes: list[Project | ProjectError] = []
        for _ in range(2):  # The second time what was right comes from the cache.
            try:
                outcomes.append(load_project(root, variables={"A": "a"}))
            except ProjectError as error:
                outcomes.append(error)
        first, second = outcomes
        assert type(first) is type(second)
        if isinstance(first, ProjectError) and isinstance(second, ProjectError):
            assert first.mistakes == second.mistakes
            assert first.mistakes
            for mistake in first.mistakes:
                assert mistake.at.file in files
                lines = len(files[mistake.at.file].splitlines()) + 1
                assert 1 <= mistake.at.line <= lines + 1
        return first


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=150)
@given(YAML, YAML, YAML)
def test_any_yaml_gives_a_project_or_mistakes(lake: str, source: str, header: str) -> None:
    _loaded(
        {
            "lake.yml": _encoded(lake),
            "sources/orders.yml": _encoded(source),
            "models/silver/orders.sql": _encoded(
                f"/*\n{header}\n*/\nselect * from bronze.orders"
            ),
        }
    )


@settings(max_examples=200)
@given(SQL)
def test_any_sql_gives_a_project_or_mistakes(sql: str) -> None:
    _loaded(
        {
            "lake.yml": b"name: shop\n",
            "sources/orders.yml": b"table: bronze.orders\npath: x\n",
            "models/silver/orders.sql": _encoded(sql),
        }
    )


@settings(max_examples=100)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_give_a_project_or_mistakes(one: bytes, other: bytes) -> None:
    _loaded({"lake.yml": b"name: x\n", "sources/a.yml": one, "models/gold/b.sql": other})


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=4), max_size=8))
def test_a_circle_is_told_exactly_when_there_is_one(graph: dict[int, set[int]]) -> None:
    references = {
        str(reader): [
            Reference(str(reader), str(table), Location("x.sql", 1)) for table in sorted(tables)
        ]
        for reader, tables in graph.items()
    }
    mistakes = Mistakes()
    check_cycles(references, mistakes)
    left = {reader: tables & graph.keys() for reader, tables in graph.items()}
    while free := [reader for reader, tables in left.items() if not tables & left.keys()]:
        for reader in free:
            del left[reader]
    assert bool(mistakes.found) is bool(left)
