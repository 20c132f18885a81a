"""With and without pruning of partitions, a query gives the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    Column,
    PartitionEntry,
    SerDe,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.formats import OPEN_CSV_SERDE
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.engines.registry import open_engine
from lakeworks.ingest.external_tables import ExternalTables
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.protocol import Engine

NAME = TableName("raw", "t")
NULL = "__HIVE_DEFAULT_PARTITION__"
PARTITIONS = [
    ("2023", "eu", "2023-01-31"), ("2024", "eu", "2024-02-29"), ("2024", "us", "2024-12-31"),
    ("02025", "EU", "2025-06-01"), ("2025", NULL, NULL), ("2024", "uk", "2024-2-29"),
    (NULL, "us", "2026-11-22"), ("-1", "", "1969-12-31"), ("2026", "ü%_", "2026-11-23"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExternalTables, Engine]]:
    folder = tmp_path_factory.mktemp("pruned")
    catalog = Catalog.open(f"sqlite:///{folder}/catalog.db")
    engine = open_engine("duckdb", temp_directory=str(folder / "spill"), threads=1)
    entry = TableEntry(
        NAME,
        storage=StorageDescriptor(
            columns=(Column("a", "int"), Column("b", "string")),
            location=str(folder / "t"),
            serde=SerDe(library=OPEN_CSV_SERDE),
        ),
        partition_keys=(
            Column("year", "int"),
            Column("region", "string"),
            Column("day", "date"),
        ),
    )
    partitions = []
    for number, values in enumerate(PARTITIONS):
        place = folder / "t" / str(number)
        place.mkdir(parents=True)
        (place / "rows.csv").write_text(f"{number},x\n{number % 3},y\n")
        partitions.append(PartitionEntry(values, StorageDescriptor(location=str(place))))
    catalog.data_catalog.put_table(entry)
    catalog.data_catalog.put_partitions(NAME, partitions)
    yield (
        ExternalTables(catalog.data_catalog, ObjectStore.open, lambda: engine.external),
        engine,
    )
    engine.close()
    catalog.close()


COLUMNS = {
    "year": ["2024", "'2024'", "2025", "-1", "2024.5", "null", "a", "2023 + 1", "'02025'"],
    "region": ["'eu'", "'us'", "''", "null", "b", "upper('eu')", "'ü%_'", "'2024'"],
    "day": ["date '2024-02-29'", "'2024-12-31'", "date '2025-06-01'", "null", "current_date",
            "current_date - 365", "timestamp '2024-02-29 00:00:00'", "'2024-2-29'"],
}  # fmt: skip
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"]


def compared(prefix: str) -> st.SearchStrategy[str]:
    def of(column: str) -> st.SearchStrategy[str]:
        name = f"{prefix}{column}"
        value = st.sampled_from(COLUMNS[column])
        return st.one_of(
            st.builds(lambda o, v: f"{name} {o} {v}", st.sampled_from(OPERATORS), value),
            st.builds(lambda o, v: f"{v} {o} {name}", st.sampled_from(OPERATORS), value),
            st.builds(
                lambda vs: f"{name} in ({', '.join(vs)})",
                st.lists(value, min_size=1, max_size=3),
            ),
            st.builds(lambda x, y: f"{name} between {x} and {y}", value, value),
            st.sampled_from(
                [
                    f"{name} is null",
                    f"{name} is not null",
                    f"{name} not in (null, {COLUMNS[column][0]})",
                ]
            ),
        )

    texts = [
        f"{prefix}region like 'e%'", f"lower({prefix}region) = 'eu'", f"{prefix}region || 'x' = 'eux'",
        f"length({prefix}region) > 1", f"{prefix}year % 2 = 0", f"month({prefix}day) = 2",
        f"coalesce({prefix}region, 'none') = 'none'", f"case when {prefix}year > 2023 then true end",
        f"try_cast({prefix}region as int) is null", f"cast({prefix}region as int) = 1", "a = 1",
        f"{prefix}year = a + 2023", f"strftime({prefix}day, '%Y') = '2024'", "random() < 2",
        f"{prefix}year in (select 2024)", f"exists (select 1 from raw.t i where i.year = {prefix}year)",
    ]  # fmt: skip
    return st.one_of(st.sampled_from(list(COLUMNS)).flatmap(of), st.sampled_from(texts))


def conditions(prefix: str) -> st.SearchStrategy[str]:
    return st.recursive(
        compared(prefix),
        lambda inner: st.one_of(
            st.builds(lambda x, y: f"({x} and {y})", inner, inner),
            st.builds(lambda x, y: f"({x} or {y})", inner, inner),
            st.builds(lambda x: f"not ({x})", inner),
        ),
        max_leaves=4,
    )


PLAIN = conditions("").map(lambda c: f"select * from raw.t where {c}")
JOINED = st.builds(
    lambda kind, c: (
        f"select u.k, t.* from (values (0), (1), (7), (null)) u(k) {kind} join raw.t t "
        f"on u.k = t.a where {c.replace(' a ', ' t.a ').replace('a = 1', 't.a = 1')}"
    ),
    st.sampled_from(["inner", "left", "right", "full", "semi", "anti"]),
    conditions("t."),
)
TWICE = st.builds(
    lambda x, y: (
        f"select a, region from raw.t where {x} union all select a, region from raw.t t where {y}"
    ),
    conditions(""),
    conditions("t."),
)
WITHIN = st.builds(
    lambda x, y: f"with w as (select * from raw.t where {x}) select * from w where {y}",
    conditions(""),
    conditions(""),
)
ALIASED = conditions("").map(
    lambda c: f"select year + 1 as region, region as year, a from raw.t where {c}"
)


def answer(engine: Engine, sql: str, source: object) -> object:
    with engine.session() as session:
        session.bind("raw.t", source)  # type: ignore[arg-type]
        try:
            return sorted(map(repr, session.query(sql).read_all().to_pylist()))
        except LakeError as error:
            return type(error)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sql=st.one_of(PLAIN, JOINED, TWICE, WITHIN, ALIASED))
def test_pruning_changes_no_answer(sql: str, tables: tuple[ExternalTables, Engine]) -> None:
    external, engine = tables
    entry = external.find(NAME)
    assert entry is not None
    whole = answer(engine, sql, external.whole(entry))
    if isinstance(whole, type):
        return  # it fails, on rows that need not be read
    pruned = external.needed(sql, {"raw.t": entry})["raw.t"]
    assert answer(engine, sql, pruned) == whole


@pytest.mark.parametrize(
    ("where", "files"),
    [
        ("year = 2024", 3),
        ("year = 2025 and region = 'EU'", 1),
        ("day >= date '2026-01-01'", 2),
        ("region is null", 1),
        ("day = date '2024-02-29'", 2),
        ("year = 2024 or year = 2023", 4),
        ("upper(region) = 'EU'", 3),
        ("a = 1", 9),
        ("year = 1999", 0),
    ],
)
def test_only_needed_partitions_are_listed(
    where: str, files: int, tables: tuple[ExternalTables, Engine]
) -> None:
    external, _ = tables
    entry = external.find(NAME)
    assert entry is not None
    sql = f"select * from raw.t where {where}"
    assert len(external.needed(sql, {"raw.t": entry})["raw.t"].files) == files
