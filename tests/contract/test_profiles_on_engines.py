"""What a profile says of a table just above the size that it samples, on both engines.

Estimates are each engine's own, off by no more than three times what `ColumnProfile` says of them;
all else is what it is in Python.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.caller import CallerQuery
from lakeworks.engines.errors import SqlError
from lakeworks.engines.registry import open_engine
from lakeworks.engines.secured import SecuredColumn, SecuredTable
from lakeworks.governance.classifying import sample_of
from lakeworks.quality.profiling.profile import LONGEST_VALUE, SAMPLE_ROWS, profile
from lakeworks.query.table_quality import suggested
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.quality.profiling.profile import Profile

NAME = "silver.people"
MARK = "hidden"
KINDS = {
    "id": "int", "email": "string", "region": "string", "amount": "double",
    "paid": "decimal(9,2)", "note": "string",
}  # fmt: skip
SCHEMA = Schema(tuple(Field(name, parse_type(kind)) for name, kind in KINDS.items()))
SEEN = SAMPLE_ROWS + 500
# The standard deviation of estimates of different values, as shares of them.
ERRORS = {"duckdb": 0.13, "spark": 0.02}


def person(i: int) -> dict[str, Any]:
    """One of the EU, whom a principal sees, or one beside: these lie farther out."""
    ours = i % 2 == 0
    return {
        "id": i,
        "email": f"{'a' if ours else MARK}{i}@x.example",
        "region": "EU" if ours else None,
        "amount": math.inf if i == 2 else float(i % 1000) if ours else 1e9,
        "paid": Decimal(i % 500 if ours else -1),
        "note": "" if i % 4 == 0 else "x" * (i % 250),
    }


PEOPLE = [person(i) for i in range(2 * SEEN)]
EU = [one for one in PEOPLE if one["region"]]


@pytest.fixture(
    scope="module", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)]
)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    if request.param == "spark":
        yield request.getfixturevalue("spark_engine")
        return
    opened = open_engine(
        "duckdb", temp_directory=str(tmp_path_factory.mktemp("duck")), threads=1
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> TableSource:
    folder = tmp_path_factory.mktemp("people")
    kinds = [
        pa.int32(),
        pa.string(),
        pa.string(),
        pa.float64(),
        pa.decimal128(9, 2),
        pa.string(),
    ]
    schema = pa.schema(list(zip(KINDS, kinds, strict=True)))
    pq.write_table(pa.Table.from_pylist(PEOPLE, schema), folder / "a.parquet")
    return TableSource(str(folder), SCHEMA, (DataFile("a.parquet", 1, len(PEOPLE)),))


def as_principal(engine: Engine, source: TableSource) -> Session:
    masked = "(left(\"email\", 1) || '***')"
    columns = [
        SecuredColumn(name, masked if name == "email" else f'"{name}"') for name in KINDS
    ]
    table = SecuredTable(source, tuple(columns), "\"region\" = 'EU'")
    return engine.governed_session({NAME: table}, CallerQuery(frozenset([NAME])))


def as_owner(engine: Engine, source: TableSource) -> Session:
    session = engine.session()
    session.bind(NAME, source)
    return session


def assert_exact(found: Profile, rows: list[dict[str, Any]]) -> None:
    def held(name: str) -> list[Any]:
        return [row[name] for row in rows if row[name] is not None]

    assert found.rows == len(rows)
    for name in KINDS:
        assert found.column(name).nulls == len(rows) - len(held(name))
    for name in ("id", "paid", "amount"):
        values, column = held(name), found.column(name)
        finite = [float(value) for value in values if math.isfinite(value)]
        assert (column.minimum, column.maximum) == (min(values), max(values))
        assert column.mean == pytest.approx(math.fsum(map(float, values)) / len(values))
        assert column.standard_deviation == pytest.approx(statistics.pstdev(finite))
    lengths = [len(value) for value in held("note")]
    note = found.column("note")
    assert (note.shortest, note.longest) == (min(lengths), max(lengths))
    assert note.empty == lengths.count(0)
    assert note.maximum == max(held("note"))[:LONGEST_VALUE]


def assert_estimated(found: Profile, rows: list[dict[str, Any]], *, error: float) -> None:
    assert not found.exact
    # Six standard deviations of a sample's size.
    assert abs(found.sampled - SAMPLE_ROWS) <= 6 * math.sqrt(SAMPLE_ROWS)
    for name in ("id", "paid", "amount", "note"):
        different = len({row[name] for row in rows})
        assert found.column(name).distinct == pytest.approx(different, rel=3 * error)
    ids = sorted(row["id"] for row in rows)
    for share, value in found.column("id").quantiles.items():
        assert value == pytest.approx(share * ids[-1], abs=0.01 * ids[-1])
    (empty, share), *_ = found.column("note").top_values
    assert (empty, share) == (
        "",
        pytest.approx(found.column("note").empty / len(rows), abs=0.05),
    )


def test_the_owner_is_told_of_all_rows(engine: Engine, source: TableSource) -> None:
    with as_owner(engine, source) as session:
        found = profile(session, NAME, SCHEMA, rows=len(PEOPLE))
    assert_exact(found, PEOPLE)
    assert_estimated(found, PEOPLE, error=ERRORS[engine.name])


def test_a_principal_is_told_of_what_it_sees(engine: Engine, source: TableSource) -> None:
    with as_principal(engine, source) as session:
        found = profile(session, NAME, SCHEMA, rows=len(EU))
        rules = [one.rule for one in suggested(session, NAME, SCHEMA, rows=len(EU))]
    assert_exact(found, EU)
    assert_estimated(found, EU, error=ERRORS[engine.name])
    assert found.column("email").top_values == (("a***", 1.0),)
    assert found.column("email").distinct == 1
    assert MARK not in repr(found)
    # It is unique, whatever the estimate says.
    assert {'IsUnique "id"', 'ColumnValues "region" in ["EU"]'} <= set(rules)
    assert not [rule for rule in rules if "IsUnique" in rule and '"id"' not in rule]


def test_a_table_as_large_as_the_sample_is_counted(engine: Engine, source: TableSource) -> None:
    """Long texts that begin alike, and numbers that are none, are told apart all the same."""
    some = f"(SELECT * FROM {NAME} WHERE id < 3000)"
    with as_owner(engine, source) as session:
        found = profile(session, some, SCHEMA, rows=3000)
    rows = PEOPLE[:3000]
    assert_exact(found, rows)
    assert (found.exact, found.sampled) == (True, 3000)
    for name in KINDS:
        different = {row[name] for row in rows} - {None}
        assert found.column(name).distinct == len(different)
    assert found.column("id").quantiles[0.05] == pytest.approx(0.05 * 2999)


def test_a_sample_to_classify_is_of_the_whole_table_and_the_same_rows(
    engine: Engine, source: TableSource
) -> None:
    def digest(row: dict[str, Any]) -> str:
        told = [row[name] for name in ("id", "email", "region", "note")]
        text = "|".join(str(one) for one in told if one is not None)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    with as_owner(engine, source) as session:
        rows = session.query(sample_of(NAME, KINDS.items(), 500)).read_all().to_pylist()
    assert rows == sorted(PEOPLE, key=digest)[:500]


@pytest.mark.parametrize(
    "sql",
    [
        "approx_count_distinct(id)",
        "approx_quantile(amount, 0.5)",
        "count(*) FILTER (random() < 1)",
    ],
)
@pytest.mark.spark
def test_sql_that_asks_for_no_estimates_gets_none_on_spark(
    spark_engine: Engine, source: TableSource, sql: str
) -> None:
    with as_owner(spark_engine, source) as session:
        with pytest.raises(SqlError, match="cannot be carried over to Spark"):
            session.describe(f"SELECT {sql} AS a FROM {NAME}")
        with pytest.raises(SqlError, match="cannot be carried over to Spark"):
            session.query(f"SELECT {sql} AS a FROM {NAME}")
