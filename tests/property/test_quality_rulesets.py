"""Laws of rules: SQL agrees with a slow, obvious evaluator written in Python."""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any, get_args

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.quality.evaluation.compile import compile_ruleset
from lakeworks.quality.language.ruleset import (
    Condition,
    Keyword,
    Number,
    Operand,
    Operator,
    Pattern,
    Rule,
    Ruleset,
    Text,
)
from lakeworks.quality.outcomes.metrics import query

SCHEMA = Schema(
    (
        Field("n", parse_type("int")),
        Field("s", parse_type("string")),
        Field("d", parse_type("double")),
        Field("e", parse_type("decimal(9,2)")),
    )
)
# Few different values, so that rules and rows meet.
CENTS = st.sampled_from([Decimal(text) for text in ("-1", "0", "0.5", "1", "2.25", "7.12")])
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-1, 2),
        st.none() | st.sampled_from(["", " ", "\t ", "a", "ab", "1", "2.5", "'", "x\ny"]),
        st.none() | st.sampled_from([-1.5, 0.0, 0.1, 2.0, math.inf]),
        st.none() | CENTS,
    ),
    max_size=8,
)
OPERATORS: tuple[Operator, ...] = get_args(Operator)
VALUES = {
    "n": st.integers(-1, 2).map(Decimal) | CENTS,
    "s": st.sampled_from(["", "a", "ab", "1", "'"]),
    "d": st.sampled_from([Decimal("-1.5"), Decimal(0), Decimal("0.1"), Decimal(2)]),
    "e": CENTS,
}
PICKED = ["a", "a|ab", "[a-z]+", ".*", r"\s*", r"\d\.?\d?", "^a", "b$"]


@st.composite
def value_rules(draw: st.DrawFn, operator: Operator) -> Rule:
    columns = {"matches": "s", "not matches": "s"}.get(operator, "nde")
    columns = "nsde" if operator in {"=", "!=", "in", "not in"} else columns
    column = draw(st.sampled_from(columns))
    wrap = Text if column == "s" else Number
    value = VALUES[column].map(wrap)
    special = st.sampled_from(["NULL", "EMPTY", "WHITESPACES_ONLY"]).map(Keyword)
    operands: list[Any]
    if operator in {"in", "not in"}:
        operands = draw(st.lists(value | special, min_size=1, max_size=4))
    elif operator in {"=", "!="}:
        operands = [draw(value | special)]
    elif "between" in operator:
        low, high = draw(value), draw(value)
        operands = sorted([low, high], key=lambda bound: bound.value)
    elif "matches" in operator:
        operands = [Pattern(draw(st.sampled_from(PICKED)))]
    else:
        operands = [draw(value)]
    where = draw(st.none() | st.just("n > 0"))
    return Rule("ColumnValues", (column,), Condition(operator, tuple(operands)), where)


def is_one_of(value: Any, operands: tuple[Operand, ...]) -> bool:
    for operand in operands:
        if isinstance(operand, Keyword):
            if operand.name == "EMPTY" and value == "":
                return True
            blank = isinstance(value, str) and value != "" and not value.strip()
            if operand.name == "WHITESPACES_ONLY" and blank:
                return True
        elif isinstance(operand, Text):
            if value == operand.value:
                return True
        elif isinstance(operand, Number) and same(value, operand.value):
            return True
    return False


def same(value: Any, number: Decimal) -> bool:
    return value == (float(number) if isinstance(value, float) else number)


def passes(value: Any, condition: Condition) -> bool:
    """What DQDL says of one value, spelt out."""
    operator, operands = condition.operator, condition.operands
    names_null = Keyword("NULL") in operands
    if operator in {"=", "in"}:
        return names_null if value is None else is_one_of(value, operands)
    if operator in {"!=", "not in"}:
        return not names_null if value is None else not is_one_of(value, operands)
    if value is None:
        return False
    if "matches" in operator:
        found = re.fullmatch(operands[0].value, value) is not None  # type: ignore[union-attr]
        return found == (operator == "matches")
    bounds = [float(o.value) if isinstance(value, float) else o.value for o in operands]  # type: ignore[union-attr,arg-type]
    if "between" in operator:
        return (bounds[0] < value < bounds[1]) == (operator == "between")
    first = bounds[0]
    return {">": value > first, ">=": value >= first, "<": value < first, "<=": value <= first}[
        operator
    ]


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table seen (i int, n int, s varchar, d double, e decimal(9, 2))")
    return connection


def fill(con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    con.execute("delete from seen")
    if rows:
        con.executemany(
            "insert into seen values (?, ?, ?, ?, ?)",
            [(i, *row) for i, row in enumerate(rows)],
        )


def figures(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    cursor = con.execute(sql)
    (row,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


@pytest.mark.parametrize("operator", OPERATORS)
@given(rows=ROWS, data=st.data())
@settings(max_examples=40)
def test_row_checks_and_aggregates_agree_with_an_evaluator_in_python(
    con: duckdb.DuckDBPyConnection,
    operator: Operator,
    rows: list[tuple[Any, ...]],
    data: st.DataObject,
) -> None:
    rule = data.draw(value_rules(operator))
    fill(con, rows)
    compiled = compile_ruleset(Ruleset((rule,)), SCHEMA)
    (row_check,) = compiled.row_checks
    assert rule.condition is not None
    place = "nsde".index(rule.parameters[0])
    looked_at = {
        i
        for i, row in enumerate(rows)
        if rule.where is None or (row[0] is not None and row[0] > 0)
    }
    good = {i for i in looked_at if passes(rows[i][place], rule.condition)}
    expected = good | (set(range(len(rows))) - looked_at)

    found = con.execute(f"select i from seen where {row_check.condition}").fetchall()
    assert {i for (i,) in found} == expected

    outcome = compiled.judge(figures(con, query(compiled.wanted().items(), "seen"))).outcomes[0]
    assert (outcome.outcome == "Passed") == (good == looked_at)
    if looked_at:
        share = f"Column.{rule.parameters[0]}.ColumnValues.Compliance"
        assert outcome.evaluated_metrics[share] == len(good) / len(looked_at)

    rejected = {row_check.rule: len(rows) - len(expected)}
    by_rows = compiled.judge({}, rejected_by=rejected, rows_read=len(rows)).outcomes[0]
    assert by_rows.outcome == outcome.outcome


@given(
    rows=ROWS, columns=st.lists(st.sampled_from("nsde"), min_size=1, max_size=3, unique=True)
)
@settings(max_examples=100)
def test_keys_and_uniqueness_agree_with_counting(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], columns: list[str]
) -> None:
    fill(con, rows)
    names = tuple(columns)
    ruleset = Ruleset((Rule("IsPrimaryKey", names), Rule("IsUnique", names)))
    compiled = compile_ruleset(ruleset, SCHEMA)
    values = [tuple(row["nsde".index(column)] for column in columns) for row in rows]
    seen = [value for value in values if any(part is not None for part in value)]
    once = sum(count == 1 for count in Counter(seen).values())
    whole = all(part is not None for value in values for part in value)

    key, unique = compiled.judge(
        figures(con, query(compiled.wanted().items(), "seen"))
    ).outcomes
    assert (unique.outcome == "Passed") == (once == len(seen))
    assert (key.outcome == "Passed") == (whole and once == len(seen))
    if seen:
        subject = "Column" if len(columns) == 1 else "Multicolumn"
        metric = f"{subject}.{','.join(columns)}.Uniqueness"
        assert unique.evaluated_metrics[metric] == once / len(seen)


@given(rows=ROWS, rule=st.sampled_from(OPERATORS).flatmap(value_rules))
@settings(max_examples=60)
def test_no_rule_on_text_fails_at_run_time(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], rule: Rule
) -> None:
    """Every condition is tried on the text column too, whose values are no numbers or dates."""
    fill(con, rows)
    text_rule = Rule("ColumnValues", ("s",), rule.condition)
    compiled = compile_ruleset(Ruleset((text_rule,)), SCHEMA)
    sql = query(compiled.wanted().items(), "seen")
    compiled.judge(figures(con, sql) if sql else {})
