"""SQL models: header, inputs, driving table, what is row by row, and the fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from lakeworks.core.names import TableName
from lakeworks.project.errors import Mistakes
from lakeworks.project.sql_facts import SqlFacts, sql_facts
from lakeworks.project.sql_shape import AGGREGATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

ORDERS = TableName("silver", "orders")


def _facts(sql: str, dialect: str = "duckdb") -> SqlFacts:
    mistakes = Mistakes()
    facts = sql_facts(sql, "m.sql", dialect, mistakes)
    assert mistakes.found == []
    assert facts is not None
    return facts


def _told(sql: str) -> tuple[int, str, str]:
    mistakes = Mistakes()
    assert sql_facts(sql, "m.sql", "duckdb", mistakes) is None
    assert len(mistakes.found) == 1, [str(one) for one in mistakes.found]
    return mistakes.found[0].at.line, mistakes.found[0].problem, mistakes.found[0].hint


def _inputs(sql: str) -> list[str]:
    return [name for name, _ in _facts(sql).tables]


def test_header_becomes_the_model(load: Callable[..., Project]) -> None:
    model = load(
        {
            "models/silver/orders.sql": """\
-- a remark before the header
/*
description: One row per order, typed.
load: merge
key: [order_id]
latest_by: created_at
partition_by: [year, month]
quality: |
  Rules = [
    IsComplete "order_id"
  ]
on_violation: fail
audit: true
columns:
  customer_email: {description: "Lower-cased, trimmed.", tags: {pii: email}}
  note:
tags: {team: sales}
*/

-- and one after it
select order_id, lower(email) as customer_email
from bronze.orders
; -- the end
"""
        }
    ).models[ORDERS]
    assert (model.load, model.key, model.latest_by) == ("merge", ("order_id",), "created_at")
    assert model.partition_by == ("year", "month")
    assert model.quality is not None
    assert model.quality.text == 'Rules = [\n  IsComplete "order_id"\n]\n'
    assert (model.quality.at.line, model.quality.on_violation) == (9, "fail")
    assert model.audit
    assert model.columns["customer_email"].description == "Lower-cased, trimmed."
    assert model.columns["customer_email"].tags == {"pii": "email"}
    assert model.tags == {"team": "sales"}
    assert model.sql == "select order_id, lower(email) as customer_email\nfrom bronze.orders"
    assert model.sql_line == 21
    assert model.inputs == (TableName("bronze", "orders"),)
    assert model.driving == TableName("bronze", "orders")
    assert model.row_wise


def test_model_without_a_header_replaces(load: Callable[..., Project]) -> None:
    model = load({"models/silver/orders.sql": "select 1 as id"}).models[ORDERS]
    assert (model.load, model.inputs, model.driving) == ("replace", (), None)


@pytest.mark.parametrize("header", ["/*load: append*/", "/* load: append\n   audit: no */"])
def test_header_may_begin_beside_its_comment_mark(
    load: Callable[..., Project], header: str
) -> None:
    model = load({"models/silver/orders.sql": f"{header} select * from bronze.orders"})
    assert model.models[ORDERS].load == "append"


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        ("load: merge", 2, "load: merge needs a key"),
        ("load: scd2", 2, "load: scd2 needs a key"),
        ("load: partitions", 2, "needs partition_by"),
        ("audit: no\nlatest_by: x", 3, "latest_by needs a key"),
        ("load: append\nincremental_on: silver.x", 3, "does not read silver.x"),
        ("incremental_on: bronze.orders", 2, "no effect"),
        ("key:\n  - a\n  - A", 4, "named twice"),
        ("key: ['']", 2, "not a column name"),
        ("partition_by: ['../x']", 2, "cannot name partitions"),
        ("columns:\n  a: {}\n  b: [x]", 4, "a mapping of keys"),
        ("columns:\n  a: {descr: x}", 3, "unknown key 'descr'"),
        ("columns:\n  a: {description: one, two}", 3, "unknown key 'two'"),
        ("lod: merge", 2, "unknown key 'lod'"),
        ("max_refused: 1", 2, "unknown key 'max_refused'"),
        ("on_violation: ignore", 2, "not one of quarantine, fail, warn"),
        ("dialect: duckbd", 2, "'duckbd' is not known"),
        ("audit: perhaps", 2, "true or false"),
        ("quality: ' '", 2, "holds no rules"),
        ("load: append\nload: append", 3, "given twice"),
        ("this is prose", 2, "not a header"),
    ],
)
def test_mistake_in_a_header_is_placed(
    mistake: Callable[..., Mistake], header: str, line: int, said: str
) -> None:
    found = mistake(
        {"models/silver/orders.sql": f"/*\n{header}\n*/\nselect * from bronze.orders"}
    )
    assert str(found.at) == f"models/silver/orders.sql:{line}"
    assert said in found.problem


def test_header_without_an_end_is_told(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/silver/orders.sql": "\n/*\nload: append\nselect 1"})
    assert (found.at.line, found.hint) == (2, "close it with */")


def test_incremental_load_of_no_input_is_refused(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/silver/orders.sql": "/*\nload: append\n*/\nselect 1 as id"})
    assert "reads no table" in found.problem


def test_mistakes_of_header_and_sql_are_told_together(
    mistakes: Callable[..., tuple[Mistake, ...]],
) -> None:
    found = mistakes({"models/silver/orders.sql": "/*\nlod: x\n*/\n\nselect a b c from x.y"})
    assert [one.at.line for one in found] == [2, 5]


def test_incremental_on_names_the_driving_input(load: Callable[..., Project]) -> None:
    header = "incremental_on: bronze.more"
    sql = "select * from bronze.orders join bronze.more using (id)"
    model = load(
        {
            "sources/more.yml": "table: bronze.more\npath: x\n",
            "models/silver/orders.sql": f"/*\nload: append\n{header}\n*/\n{sql}",
        }
    ).models[ORDERS]
    assert model.driving == TableName("bronze", "more")
    assert model.inputs == (TableName("bronze", "more"), TableName("bronze", "orders"))
    assert model.incremental_on_declared
    assert not model.row_wise


@pytest.mark.parametrize(
    ("sql", "line", "said"),
    [
        ("select a from", 1, "where the statement ends: expected table name"),
        ("select *\nfrom b.c\nwhere (x = 1", 3, "expected )"),
        ("selec a from b.c", 1, "not expected here"),
        ("select 1,\n  'abc", 2, "a ' is opened and never closed"),
        ("select 1 /* x", 1, "never closed"),
        ("select a from b.c;\nselect d from e.f", 1, "a second statement"),
        ("\n\nupdate b.c set x = 1", 3, "begins with 'update'"),
        ("delete from b.c", 1, "a model is a SELECT"),
        ("drop table b.c", 1, "a model is a SELECT"),
        ("create table x as select 1", 1, "a model is a SELECT"),
        ("copy b.c to 'x'", 1, "a model is a SELECT"),
        ("values (1)", 1, "a model is a SELECT"),
        ("summarize b.c", 1, "a model is a SELECT"),
        ("with x as (delete from b.c returning *) select * from x", 1, "DELETE"),
        ("select * from b.c where x = $y", 1, "no parameters"),
        ("", 1, "no SQL"),
        ("-- nothing", 1, "no SQL"),
        (";", 1, "no SQL"),
        ("select * from b.c,\n read_csv('/etc/passwd')", 2, "read_csv(…) reads"),
        ("select * from\n glob('*')", 1, "glob(…) reads"),
        ("select * from query_table('b.c')", 1, "query_table(…) reads"),
        ("select *\nfrom a.b.c", 2, "a.b.c is not a table"),
        ("select * from b.c at (version => 1)", 1, "older version"),
        ("select " + "(" * 3000 + "1" + ")" * 3000, 1, "nested too deep"),
    ],
)
def test_sql_that_is_no_model_is_refused_with_its_line(sql: str, line: int, said: str) -> None:
    found, problem, _ = _told(sql)
    assert said in problem
    assert found == line or "read" in said


def test_statement_that_the_parser_does_not_model_is_refused_without_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "begins with 'explain'" in _told("explain select * from b.c")[1]
    assert caplog.records == []


def test_misspelt_first_word_gets_a_hint() -> None:
    assert _told("selec a from b.c")[2] == "did you mean select?"


def test_line_of_a_parse_error_counts_the_header(mistake: Callable[..., Mistake]) -> None:
    text = "/*\nload: append\n*/\n-- remark\nselect *\nfrom bronze.orders\nwhere (a = 1\n"
    found = mistake({"models/silver/orders.sql": text})
    assert found.at.line == 7


@pytest.mark.parametrize(
    ("sql", "inputs"),
    [
        ("select * from b.one", ["b.one"]),
        ('select * from "B"."One" join b.TWO using (id)', ["b.one", "b.two"]),
        ("with x as (select 1 from b.one) select * from x join b.two on true", ["b.one", "b.two"]),
        ("with b as (select 1) select * from b.one, b", ["b.one"]),
        ("select * from b.one union all select * from b.two", ["b.one", "b.two"]),
        ("select (select max(x) from b.two) from b.one", ["b.two", "b.one"]),
        ("select * from b.one where id in (select id from b.two)", ["b.one", "b.two"]),
        ("select * from b.one semi join b.two using (id)", ["b.one", "b.two"]),
        ("select * from (select * from (select * from b.one))", ["b.one"]),
        ("with x as (with y as (from b.one) select * from y) select * from x", ["b.one"]),
        ("select * from b.one, lateral (select * from b.two)", ["b.one", "b.two"]),
        ("from b.one", ["b.one"]),
        ("from b.one select x where y", ["b.one"]),
        ("select * from (b.one join b.two using (id))", ["b.one", "b.two"]),
        ("select * from (pivot b.one on x using sum(y))", ["b.one"]),
        ("select * from b.one, unnest(one.l) as u(v), range(3), generate_series(1, 2)", ["b.one"]),
        (("with recursive r as (select 1 as n from b.one union all select n + 1 from r) "
         "select * from r"), ["b.one"]),
        ("select * from b.one order by (select 1 from b.two)", ["b.one", "b.two"]),
        ("select 1 as x", []),
    ],
)  # fmt: skip
def test_inputs_are_the_tables_that_are_no_ctes(sql: str, inputs: list[str]) -> None:
    assert _inputs(sql) == inputs


def test_cte_is_not_seen_outside_its_query() -> None:
    sql = "select * from (with x as (select 1 as a) select * from x) join x on true"
    assert _inputs(sql) == ["x"]


def test_cte_may_hide_a_name_that_its_own_query_reads() -> None:
    assert _inputs("with orders as (select * from orders) select * from orders") == ["orders"]


@pytest.mark.parametrize(
    ("sql", "driving"),
    [
        (
            "with x as (select * from b.two), y as (select * from b.one) select * from y, x",
            "b.one",
        ),
        ("select * from (select * from b.one join b.two using (id)) q", "b.one"),
        ("(select * from b.one) union select * from b.two", "b.one"),
        ("select (select 1 from b.two) from b.one", "b.one"),
        ("select * from range(3) join b.one on true", "b.one"),
        ("select 1 as x", None),
    ],
)
def test_driving_input_is_the_first_table_down_the_chain_of_froms(
    sql: str, driving: str | None
) -> None:
    assert _facts(sql).driving == driving


@pytest.mark.parametrize(
    "sql",
    [
        "select a, lower(b) from b.one where c > 1 order by a",
        "select * from b.one join b.two using (id) left join b.three using (id)",
        "select * from b.one semi join b.two using (id)",
        "select * from b.one asof join b.two on one.t >= two.t",
        "with x as (select * from b.one) select * from x where a",
        "select * from (select * from b.one) q",
        "select *, (select max(v) from b.two where two.id = one.id) from b.one",
        "select * from b.one join (select id, count(*) as n from b.two group by id) using (id)",
        (
            "with n as (select id, sum(v) as v from b.two group by all) "
            "select * from b.one left join n using (id)"
        ),
        "select id, unnest(items) as item from b.one",
        "select * from b.one, unnest(one.items) as u(v)",
        "select list_sum(l), greatest(a, b), list_transform(l, x -> x + 1) from b.one",
        "select * from (unpivot b.one on a, b into name n value v)",
        "with unused as (select count(*) from b.one) select * from b.one",
        "select coalesce((select list(x) from unnest(one.l) as t(x)), []) from b.one",
    ],
)
def test_row_by_row(sql: str) -> None:
    assert _facts(sql).row_wise


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from b.one",
        "select a from b.one group by a",
        "select a from b.one group by all having true",
        "select distinct a from b.one",
        "select distinct on (a) b from b.one",
        "select a from b.one limit 3",
        "select a from b.one offset 3",
        "select row_number() over (order by a) from b.one",
        "select a from b.one qualify row_number() over (partition by a) = 1",
        "select lag(a) over w from b.one window w as (order by b)",
        "select a from b.one union all select a from b.two",
        "select a from b.one except select a from b.two",
        "select a from b.one intersect select a from b.two",
        "select a from b.one join b.one as other using (id)",
        "select a from b.one where id in (select parent from b.one)",
        "with x as (select * from b.one) select * from x join x as y using (id)",
        "with x as (select distinct a from b.one) select * from x",
        "select * from (select * from b.one limit 3)",
        "select * from b.one using sample 10",
        "select * from b.one tablesample 10%",
        "select * from b.one full join b.two using (id)",
        "select * from b.one right join b.two using (id)",
        "select * from b.one positional join b.two",
        "select * from (pivot b.one on x using sum(y))",
        "select * from b.one pivot (sum(a) for b in (1, 2))",
        "select product(x) from b.one",
        "select histogram(x), geomean(x), entropy(x) from b.one",
        "select max(a) filter (where b) from b.one",
        "select (select sum(one.x)) from b.one",
        (
            "with recursive r as (select n from b.one union all select n + 1 from r) "
            "select * from r"
        ),
        "select * from range(3) join b.one on true",
        "select 1 as x",
    ],
)
def test_not_row_by_row(sql: str) -> None:
    assert not _facts(sql).row_wise


def test_every_aggregate_of_the_engine_is_known() -> None:
    import duckdb

    rows = duckdb.sql(
        "select function_name from duckdb_functions() where function_type = 'aggregate'"
    ).fetchall()
    assert {name for (name,) in rows} - AGGREGATES == set()


@pytest.mark.parametrize(
    "other",
    [
        "SELECT a, LOWER(b) FROM x.y WHERE c = 'K'",
        "select a,\n\n  lower(b) -- why\nfrom x.y /* here */ where c='K' ;",
    ],
)
def test_normal_form_ignores_space_comments_and_case_of_keywords(other: str) -> None:
    assert _facts(other).normal == _facts("select a, lower(b) from x.y where c = 'K'").normal


@pytest.mark.parametrize(
    "other",
    [
        "select a, lower(b) from x.y where c = 'k'",
        "select A, lower(b) from x.y where c = 'K'",
        "select \"a\", lower(b) from x.y where c = 'K'",
        "select a, upper(b) from x.y where c = 'K'",
        "select a, lower(b) from x.z where c = 'K'",
        "select a, lower(b) from x.y where c = $$K $$",
    ],
)
def test_normal_form_sees_every_other_change(other: str) -> None:
    assert _facts(other).normal != _facts("select a, lower(b) from x.y where c = 'K'").normal


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("load: append", "load: append\ndescription: more", True),
        ("load: append", "load: append\ntags: {a: b}", True),
        ("load: append", "load: append # note", True),
        ("load: append", "load: replace", False),
        ("load: append", "load: append\naudit: yes", False),
        ("load: append", "load: append\npartition_by: a", False),
        ("load: append", "load: append\nquality: 'Rules = [ IsComplete \"a\" ]'", False),
        ("load: append", "load: append\nincremental_on: bronze.orders", False),
        (
            "quality: 'Rules = [ IsComplete \"a\", RowCount>1 ]'",
            'quality: |\n  # all of them\n  Rules = [\n    IsComplete "a",\n    RowCount > 1\n  ]',
            True,
        ),
        (
            'quality: \'Rules = [ ColumnValues "a" = "b  c" ]\'',
            'quality: \'Rules = [ ColumnValues "a" = "b c" ]\'',
            False,
        ),
    ],
)
def test_fingerprint_covers_what_decides_the_rows(
    load: Callable[..., Project], before: str, after: str, same: bool
) -> None:
    prints = [
        load({
            "models/silver/orders.sql": f"/*\n{header}\n*/\nselect * from bronze.orders"
        }).models[ORDERS].fingerprint
        for header in (before, after)
    ]  # fmt: skip
    assert (prints[0] == prints[1]) is same


def test_other_dialect_is_translated(load: Callable[..., Project]) -> None:
    sql = "select date_add(d, interval 1 day) as x, `odd name` from bronze.orders"
    model = load({"models/silver/orders.sql": f"/*\ndialect: spark\n*/\n\n{sql}"}).models[
        ORDERS
    ]
    assert model.sql is not None
    assert '"odd name"' in model.sql
    assert model.sql_line == 5
    assert model.inputs == (TableName("bronze", "orders"),)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("athena", "select date_format(timestamp '2026-01-02 00:00:00', '%Y')"),
        ("spark", "select date_format(timestamp '2026-01-02 00:00:00', 'yyyy')"),
        ("redshift", "select nvl(null, '2026')"),
        ("bigquery", "select format_date('%Y', date '2026-01-02')"),
        ("spark", "select array('2025', '2026')[1]"),
        ("spark", "select array('2025', '2026')[length('a')]"),
    ],
)
def test_translated_sql_gives_the_same(
    load: Callable[..., Project], dialect: str, sql: str
) -> None:
    text = f"/*\ndialect: {dialect}\n*/\n{sql} as y"
    model = load({"models/silver/orders.sql": text}).models[ORDERS]
    assert model.sql is not None
    with duckdb.connect() as con:
        assert con.execute(model.sql).fetchone() == ("2026",)


@pytest.mark.parametrize("dialect", ["spark", "snowflake", "bigquery"])
def test_a_place_that_may_be_a_key_is_not_guessed_to_count_from_zero(dialect: str) -> None:
    mistakes = Mistakes()
    assert sql_facts("select tags[i] as t from silver.x", "m.sql", dialect, mistakes) is None
    (found,) = mistakes.found
    assert f"{dialect} counts places from 0" in found.problem
    assert "CAST" in found.hint


def test_what_athena_has_and_the_lake_has_not_is_told_with_its_line() -> None:
    mistakes = Mistakes()
    text = "\n\n\nselect id,\n  soundex(name) as s\nfrom bronze.x"
    assert sql_facts(text, "m.sql", "athena", mistakes) is None
    (found,) = mistakes.found
    assert found.at.line == 5
    assert "Athena's function soundex does not work here" in found.problem


@pytest.mark.parametrize("text", ["select '😀ü' as a, b from x.y", '/**/ select 1 as "é" '])
def test_places_in_the_text_count_characters(text: str) -> None:
    facts = _facts(text)
    assert text[facts.start : facts.end] == text.removeprefix("/**/").strip()
