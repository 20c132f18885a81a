"""Lineage of generated queries against the data itself.

The oracle changes the values of one source column and looks which columns of the result change:
each of them must have that column among its values or influences. Nothing is asked of the other
direction, as a change may happen to change nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.project.lineage_facts import QueryLineage, values_of
from lakeworks.project.sql_lineage import query_lineage

INT = Scalar("int")
COLUMNS = {"x.t": ("a", "b", "c"), "x.u": ("a", "d", "e")}
SCHEMAS = {name: Schema(tuple(Field(c, INT) for c in names)) for name, names in COLUMNS.items()}
Query = tuple[str, tuple[str, ...]]  # a SELECT, and the columns that it gives
VALUES = st.integers(0, 4)
CHANGES = st.lists(VALUES, min_size=6, max_size=6)


def _expression(draw: st.DrawFn, names: list[str]) -> str:
    one, other, third = (draw(st.sampled_from(names)) for _ in range(3))
    return draw(
        st.sampled_from(
            [
                one,
                f"{one} + {other}",
                f"coalesce({one}, {other})",
                f"nullif({one}, {other})",
                f"case when {one} > 1 then {other} else {third} end",
                f"if({one} < {other}, {third}, 0)",
                f"({one} in ({other}, 3))::int",
                f"least({one}, {other})",
                f"{one}.greatest({other})",
                f"coalesce({one}, {other}).least({third}).abs()",
                f"map {{coalesce({one}, 0): {other}}}[{third}]",
                f"map([coalesce({one}, 0)], [{other}])[{third}]",
                f"row({one}, {other})[1]",
                f"[{one}, {other}].list_transform(v -> v + {third})[1]",
                f"list_sum([v + {other} for v in [{one}, {third}] if v > 1])",
                f"{{'p': {one}, 'q': {other}}}.q",
                f"(select max(i.d) from x.u as i where i.e = {one})",
                f"exists (select 1 from x.t as i where i.b = {one} and i.c > {other})::int",
                f"({one} in (select i.d from x.u as i where i.a > {other}))::int",
            ]
        )
    )


def _aggregate(draw: st.DrawFn, names: list[str]) -> str:
    one, other = (draw(st.sampled_from(names)) for _ in range(2))
    return draw(
        st.sampled_from(
            [
                f"sum({one})",
                "count(*)",
                f"count({one})",
                f"count(distinct {one})",
                f"max({one} + {other})",
                f"sum({one}) filter (where {other} > 1)",
                f"max(case when {one} > 2 then {other} end)",
                f"list_sort(list({one}))::varchar",
            ]
        )
    )


def _condition(draw: st.DrawFn, names: list[str]) -> str:
    one, other = (draw(st.sampled_from(names)) for _ in range(2))
    return draw(
        st.sampled_from(
            [
                f"{one} > {other}",
                f"{one} in (select i.d from x.u as i)",
                f"exists (select 1 from x.u as i where i.a = {one})",
                f"{one} is not null and {other} < 3",
            ]
        )
    )


@st.composite
def queries(draw: st.DrawFn, depth: int = 2) -> Query:
    source, names = _source(draw, depth)
    kind = draw(st.sampled_from(["plain", "grouped", "window", "distinct", "union", "except"]))
    where = f" where {_condition(draw, names)}" if draw(st.booleans()) else ""
    if kind in {"union", "except"} and depth > 0:
        return _set_operation(draw, depth, kind)
    if kind == "grouped":
        key = draw(st.sampled_from(names))
        items = [f"{key} as k0", f"{_aggregate(draw, names)} as k1"]
        test = draw(st.sampled_from([_aggregate_test(draw, names), "k1::varchar > '1'"]))
        having = f" having {test}" if draw(st.booleans()) else ""
        by = draw(st.sampled_from(["all", "1", key, f"rollup ({key})"]))
        return f"select {', '.join(items)} from {source}{where} group by {by}{having}", (
            "k0",
            "k1",
        )
    if kind == "window":
        one, other = (draw(st.sampled_from(names)) for _ in range(2))
        over = f"(partition by {one} order by {other})"
        call = draw(st.sampled_from([f"sum({one})", "rank()", "count(*)", f"max({other})"]))
        tail = f" qualify dense_rank() over {over} <= 2" if draw(st.booleans()) else ""
        return f"select {other} as k0, {call} over {over} as k1 from {source}{where}{tail}", (
            "k0", "k1")  # fmt: skip
    count = draw(st.integers(1, 3))
    given_names = tuple(f"k{i}" for i in range(count))
    items = [f"{_expression(draw, names)} as {name}" for name in given_names]
    word = "select distinct" if kind == "distinct" else "select"
    return f"{word} {', '.join(items)} from {source}{where}", given_names


def _aggregate_test(draw: st.DrawFn, names: list[str]) -> str:
    return f"coalesce(try_cast({_aggregate(draw, names)} as bigint), 0) > 1"


def _set_operation(draw: st.DrawFn, depth: int, kind: str) -> Query:
    left, names = draw(queries(depth - 1))
    right, others = draw(queries(depth - 1))
    width = min(len(names), len(others))
    word = draw(st.sampled_from(["union all", "union"])) if kind == "union" else (
        draw(st.sampled_from(["except", "intersect"])))  # fmt: skip
    first = ", ".join(f"{n}::varchar as {n}" for n in names[:width])
    second = ", ".join(f"{n}::varchar as {n}" for n in others[:width])
    sql = f"select {first} from ({left}) as p {word} select {second} from ({right}) as q"
    # Numbers again, so that what is made of it may compute.
    back = ", ".join(f"try_cast({n} as int) as {n}" for n in names[:width])
    return f"select {back} from ({sql}) as r", names[:width]


def _source(draw: st.DrawFn, depth: int) -> tuple[str, list[str]]:
    kind = draw(st.sampled_from(["table", "query", "star", "cte", "join", "using", "lateral"]))
    if depth == 0 or kind == "table":
        table = draw(st.sampled_from(sorted(COLUMNS)))
        return table, [f"{table.removeprefix('x.')}.{c}" for c in COLUMNS[table]]
    inner, names = draw(queries(depth - 1))
    plain = ", ".join(f"try_cast({n}::varchar as int) as {n}" for n in names)
    numbers = f"(select {plain} from ({inner}) as z)"
    if kind == "star":
        return f"(select *, {names[0]} as more from {numbers} as y) as q", [
            *(f"q.{n}" for n in names), "q.more"]  # fmt: skip
    if kind == "cte":
        sql = f"(with w as materialized {numbers} select * from w) as q"
        return sql, [f"q.{n}" for n in names]
    if kind == "query":
        return f"{numbers} as q", [f"q.{n}" for n in names]
    if kind == "using":
        renamed = f"(select {names[0]} as a, * from {numbers} as y)"
        side = draw(st.sampled_from(["", "left ", "right ", "full "]))
        return f"{renamed} as q {side}join x.t using (a)", ["a", "t.b", f"q.{names[0]}"]
    if kind == "lateral":
        body = f"select q.{names[0]} + i.d as v from x.u as i where i.a = q.{names[0]}"
        return f"{numbers} as q, lateral ({body}) as m", ["m.v", f"q.{names[0]}"]
    side = draw(st.sampled_from(["", "left ", "right ", "full "]))
    on = f"q.{names[0]} = t.{draw(st.sampled_from(COLUMNS['x.t']))}"
    return f"{numbers} as q {side}join x.t on {on}", [*(f"q.{n}" for n in names), "t.a", "t.c"]


@cache
def _lake() -> duckdb.DuckDBPyConnection:
    """Return tables with a number for each row, and views that show them without it."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("create schema x")
    for name, columns in COLUMNS.items():
        con.execute(
            f"create table {name}_rows ({', '.join(f'{c} int' for c in columns)}, _row int)"
        )
        con.execute(f"create view {name} as select {', '.join(columns)} from {name}_rows")
    return con


def _fill(con: duckdb.DuckDBPyConnection, rows: list[list[int]]) -> None:
    for name, first in (("x.t", 0), ("x.u", 3)):
        listed = ", ".join(
            f"({', '.join(map(str, values[first : first + 3]))}, {i})"
            for i, values in enumerate(rows)
        )
        con.execute(f"delete from {name}_rows; insert into {name}_rows values {listed}")


def _result(con: duckdb.DuckDBPyConnection, sql: str, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        rows = con.sql(sql).fetchall()
    except duckdb.InvalidInputException:
        reject()  # these rows have no answer: a map's key is null
    return {name: sorted(repr(row[i]) for row in rows) for i, name in enumerate(names)}


@settings(max_examples=120, deadline=None)
@given(
    query=queries(),
    rows=st.lists(st.lists(VALUES, min_size=6, max_size=6), min_size=6, max_size=6),
    table=st.sampled_from(sorted(COLUMNS)),
    position=st.integers(0, 2),
    change=CHANGES,
)
def test_a_column_that_changes_with_a_source_column_has_it_in_its_lineage(
    query: Query, rows: list[list[int]], table: str, position: int, change: list[int]
) -> None:
    sql, names = query
    found = query_lineage(sql, SCHEMAS)
    assert found.complete
    assert not found.unresolved
    changed = COLUMNS[table][position]
    con = _lake()
    _fill(con, rows)
    before = _result(con, sql, names)
    for row, value in enumerate(change):
        con.execute(f"update {table}_rows set {changed} = {value} where _row = {row}")
    after = _result(con, sql, names)
    for column in found.columns:
        assert not column.unresolved
        origins = {(t, c) for t, c, _ in column.origins | found.rows}
        if before[column.name] != after[column.name]:
            assert (table, changed) in origins, f"{column.name} of {sql}"


def _plain(found: QueryLineage) -> list[tuple[Any, ...]]:
    return [(column.origins, column.unresolved) for column in found.columns]


@settings(max_examples=100, deadline=None)
@given(query=queries())
def test_wrapping_and_renaming_change_no_lineage(query: Query) -> None:
    sql, names = query
    plain = query_lineage(sql, SCHEMAS)
    renames = ", ".join(f"{name} as n_{name}" for name in names)
    listed = ", ".join(f"m_{i}" for i in range(len(names)))
    for wrapped in (
        f"with q as ({sql}) select * from q",
        f"with q({listed}) as ({sql}) select {listed} from q",
        f"select {renames} from ({sql}) as q",
        f"select q.* from ({sql}) as q",
        f"with q as (select 1 as one), r as ({sql}) from r",
    ):
        found = query_lineage(wrapped, SCHEMAS)
        assert _plain(found) == _plain(plain), wrapped
        assert found.rows == plain.rows, wrapped


@settings(max_examples=60, deadline=None)
@given(query=queries())
def test_without_schemas_what_is_resolved_is_the_same(query: Query) -> None:
    sql, _ = query
    known, blind = query_lineage(sql, SCHEMAS), query_lineage(sql, {})
    for column in blind.columns:
        there = known.column(column.name)
        if not column.unresolved and there is not None:
            assert values_of(column.origins) == values_of(there.origins)
