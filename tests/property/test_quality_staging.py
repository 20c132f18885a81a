"""A rule says the same whether the engine rejects its rows or the whole table is counted."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.protocol import StageRequest
from lakeworks.engines.registry import open_engine
from lakeworks.quality import compile_ruleset, parse
from lakeworks.quality.outcomes.metrics import query
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.protocol import Engine, RowCheck

SCHEMA = Schema((Field("a", Scalar("int")), Field("b", Scalar("string"))))
ROWS = st.lists(
    st.tuples(st.none() | st.integers(0, 2), st.none() | st.sampled_from(["x", "y"])),
    max_size=6,
)
RULES = [
    'IsUnique "a"',
    'IsUnique "a" "b"',
    'IsPrimaryKey "a"',
    'IsPrimaryKey "a" "b"',
    'IsComplete "b"',
    'ColumnValues "a" < 2 where "b = \'x\'"',
    'ColumnValues "b" not in ["y"]',
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as scratch:
        opened = open_engine("duckdb", temp_directory=scratch, threads=1)
        yield opened
        opened.close()


def values(rows: list[tuple[int | None, str | None]]) -> str:
    told = [
        f"({'null' if a is None else a}, {'null' if b is None else repr(b)})" for a, b in rows
    ]
    source = f"(values {', '.join(told)}) t(a, b)" if told else "(select null, null) t(a, b)"
    where = "" if told else " where false"
    return f"select cast(a as int) as a, cast(b as varchar) as b from {source}{where}"


def request_of(sql: str, root: str, checks: tuple[RowCheck, ...]) -> StageRequest:
    return StageRequest(
        sql=sql,
        table="silver.t",
        root=f"{root}/t",
        rejects_root=f"{root}/q",
        load="append",
        run_id="r",
        moment="2026-11-22 00:00:00",
        checks=checks,
    )


@pytest.mark.parametrize("rule", RULES)
@given(rows=ROWS)
@settings(max_examples=15)
def test_rejecting_rows_and_counting_the_table_agree(
    engine: Engine, rule: str, rows: list[tuple[int | None, str | None]]
) -> None:
    ruleset = compile_ruleset(parse(f"Rules = [ {rule} ]"), SCHEMA)
    sql = values(rows)
    with tempfile.TemporaryDirectory() as root, engine.session() as session:
        staged = session.stage(request_of(sql, root, ruleset.row_checks))
        (figures,) = (
            session.query(query(ruleset.wanted().items(), f"({sql})")).read_all().to_pylist()
        )
        whole = ruleset.judge(figures).outcomes[0]
        by_rows = ruleset.judge({}, rejected_by=staged.rejected_by, rows_read=staged.read)
        assert by_rows.outcomes[0].outcome == whole.outcome

        # What is left of the table satisfies the rule.
        session.bind("staged.data", TableSource(f"{root}/t", staged.schema, staged.added))
        (left,) = (
            session.query(query(ruleset.wanted().items(), "staged.data")).read_all().to_pylist()
        )
        assert ruleset.judge(left).outcomes[0].outcome == "Passed"


PAIRS = [(first, second) for first in RULES for second in RULES if first != second]


@given(rules=st.sampled_from(PAIRS), rows=ROWS)
@settings(max_examples=60)
def test_a_rule_is_judged_alike_whatever_rule_rejects_its_rows_first(
    engine: Engine, rules: tuple[str, str], rows: list[tuple[int | None, str | None]]
) -> None:
    ruleset = compile_ruleset(parse(f"Rules = [ {', '.join(rules)} ]"), SCHEMA)
    sql = values(rows)
    with tempfile.TemporaryDirectory() as root, engine.session() as session:
        staged = session.stage(request_of(sql, root, ruleset.row_checks))
        (figures,) = (
            session.query(query(ruleset.wanted().items(), f"({sql})")).read_all().to_pylist()
        )
        whole = ruleset.judge(figures)
        by_rows = ruleset.judge({}, rejected_by=staged.rejected_by, rows_read=staged.read)
        assert [o.outcome for o in by_rows.outcomes] == [o.outcome for o in whole.outcomes]
