"""Athena's dialect gives on Spark what it gives on the embedded engine, or Spark refuses it by name."""

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

# Chance decides what they give; and a comparison with all rows of a query.
REFUSED = re.compile(r"\b(?:random|rand|uuid)\(|> all \(")
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


def answers(session: Session, sql: str) -> pa.Table:
    return session.query(translate(sql)).read_all()


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


def test_what_cannot_be_equal_is_refused_by_name(sessions: list[Session]) -> None:
    for sql, _ in examples.FACTS:
        if REFUSED.search(sql):
            with pytest.raises(NotOnSparkError):
                sessions[1].describe(translate(sql))
