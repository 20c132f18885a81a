"""Athena's dialect gives on Spark what it gives on the embedded engine, or Spark refuses it by name."""

# ruff: noqa: E501 - SQL reads best as it is

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.engines.registry import open_engine
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.project.athena.functions import NOT_ON_SPARK
from lakeworks.project.athena.kinds import of_type
from lakeworks.project.athena.translation import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.protocol import Engine, Session

pytestmark = pytest.mark.spark

_HERE = Path(__file__).parents[1] / "unit/project/athena/test_documented_examples.py"
_SPEC = importlib.util.spec_from_file_location("athena_examples", _HERE)
assert _SPEC is not None
assert _SPEC.loader is not None
examples = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(examples)

# The second is a comparison with all rows of a query.
REFUSED = re.compile(rf"\b(?:{'|'.join(sorted(NOT_ON_SPARK))})\(|> all \(")
CLAUSES = (
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < 4) select * from r",
    "values (1, reverse('ab')), (2, null)",
    "select b, a, sum(d) as n, grouping(b, a) as g from x.t group by cube (b, a)",
    "select a, sum(a) over w as s, first_value(b) ignore nulls over w as f from x.t window w as (partition by b order by a rows between unbounded preceding and current row)",
    "select t.a, u.e, m.k, m.v from x.t left join unnest(l) with ordinality as u(e, o) on true cross join unnest(m) as m(k, v)",
    "select a, json_extract_scalar(j, '$.k') as k from (select *, json_parse(b) as j from (select a, '{\"k\": ' || cast(a as varchar) || '}' as b from x.t)) offset 0 limit 9",
)
REFUSED_CLAUSES = (
    "select t.a, q.n from x.t cross join lateral (select t.a + 1 as n) q",
    "select a from x.t tablesample bernoulli (100)",
    "select t.a, u.k from x.t left join unnest(m) as u(k, v) on true",
    "select max_by(b, a) over (order by a) as v from x.t",
    "select count(distinct b) over () as v from x.t",
    "select a from x.t where a > any (select 1)",
    "select timestamp '2026-01-01 00:00:00' - timestamp '2025-01-01 00:00:00' as v from x.t",
)
ROWS = pa.table({
    "a": [1, 2, 3, None], "b": ["x", "y", None, "x"], "d": [1.5, 2.5, None, 0.0],
    "l": pa.array([[1, 2], [], None, [3]], pa.list_(pa.int64())),
    "m": pa.array([[("k", 1)], [], None, [("k", 2), ("j", 3)]], pa.map_(pa.string(), pa.int64())),
})  # fmt: skip
AT_ONCE = 40
ALL = [fact for fact in examples.FACTS if not REFUSED.search(fact[0])]
PLAIN = [fact for fact in ALL if " FROM (VALUES" not in fact[0]]
OVER = [fact for fact in ALL if " FROM (VALUES" in fact[0]]


@pytest.fixture(scope="module")
def sessions(
    tmp_path_factory: pytest.TempPathFactory, spark_engine: Engine
) -> Iterator[list[Session]]:
    scratch = str(tmp_path_factory.mktemp("duck"))
    duck = open_engine("duckdb", temp_directory=scratch, threads=1)
    opened = [duck.session(), spark_engine.session()]
    for session in opened:
        session.bind_arrow("x.t", ROWS)
    yield opened
    for session in opened:
        session.__exit__(None, None, None)
    duck.close()


def together(some: list[tuple[str, Any]]) -> str:
    """Ask many examples at once: one job of Spark's costs as much as all of them."""
    told = ", ".join(
        f"{sql.removeprefix('SELECT ').removesuffix(' AS v')} AS c{n}"
        for n, (sql, _) in enumerate(some)
    )
    return f"SELECT {told}"


def beside(some: list[tuple[str, Any]]) -> str:
    """The same for examples that have rows of their own."""
    told = ", ".join(f"({sql}) AS t{n}" for n, (sql, _) in enumerate(some))
    names = ", ".join(f"t{n}.v AS c{n}" for n in range(len(some)))
    return f"SELECT {names} FROM {told}"


def in_lake_sql(session: Session, sql: str) -> str:
    columns = {f.name: of_type(f.type) for f in session.describe("select * from x.t")}
    return translate(sql, lambda _: columns)


def answers(session: Session, sql: str) -> pa.Table:
    return session.query(in_lake_sql(session, sql)).read_all()


def unequal(sessions: list[Session], some: list[tuple[str, Any]], sql: str) -> list[str]:
    duck, spark = sessions
    try:
        found = answers(spark, sql)
    except LakeError as error:
        if len(some) == 1:
            return [f"{sql}: {error}"]
        alone = [unequal(sessions, [one], one[0]) for one in some]
        return [one for each in alone for one in each] or [f"only together: {error}"]
    wanted = answers(duck, sql)
    return [
        f"{example}: {mine} instead of {theirs}"
        for (example, value), mine, theirs in zip(
            some, found.columns, wanted.columns, strict=True
        )
        if not same(mine, theirs, value)
    ]


def same(mine: pa.ChunkedArray, theirs: pa.ChunkedArray, value: Any) -> bool:
    [found] = mine.to_pylist()
    told = [value] if mine.type == theirs.type else []
    if isinstance(value, float):
        return bool(told) and found == pytest.approx(value, rel=1e-14)
    return told == [found]


@pytest.mark.parametrize("first", range(0, len(PLAIN), AT_ONCE))
def test_an_example_gives_on_spark_what_athena_gives(
    sessions: list[Session], first: int
) -> None:
    some = PLAIN[first : first + AT_ONCE]
    assert unequal(sessions, some, together(some)) == []


@pytest.mark.parametrize("first", range(0, len(OVER), AT_ONCE // 2))
def test_an_example_over_rows_gives_on_spark_what_athena_gives(
    sessions: list[Session], first: int
) -> None:
    some = OVER[first : first + AT_ONCE // 2]
    assert unequal(sessions, some, beside(some)) == []


def test_a_clause_gives_on_spark_what_it_gives_here(sessions: list[Session]) -> None:
    for sql in CLAUSES:
        duck, spark = (answers(session, sql) for session in sessions)
        assert spark.schema.types == duck.schema.types, sql
        assert sorted(map(repr, spark.to_pylist())) == sorted(map(repr, duck.to_pylist())), sql


def test_a_clause_that_cannot_be_equal_is_refused_by_name(sessions: list[Session]) -> None:
    duck, spark = sessions
    for sql in REFUSED_CLAUSES:
        assert duck.describe(in_lake_sql(duck, sql))
        with pytest.raises(NotOnSparkError):
            spark.describe(in_lake_sql(duck, sql))


def test_what_cannot_be_equal_is_refused_by_name(sessions: list[Session]) -> None:
    for sql, _ in examples.FACTS:
        if REFUSED.search(sql):
            with pytest.raises(NotOnSparkError):
                sessions[1].describe(translate(sql))
