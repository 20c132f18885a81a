from __future__ import annotations

import duckdb
import pytest

from lakeworks.engines.duckdb.plain import is_plain


@pytest.mark.parametrize(
    "sql",
    [
        "select a, lower(b) as b from s.t where a > 1",
        "with c as (select * from s.t) select a from c",
        "select x.a from (select a from s.t) as x order by a",
        "from s.t",
        "select a, unnest(list) as u from s.t",
    ],
)
def test_a_select_over_one_table_is_plain(sql: str) -> None:
    with duckdb.connect() as con:
        assert is_plain(con, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select a, count(*) from s.t group by a",
        "select sum(a) from s.t",
        "select distinct a from s.t",
        "select a from s.t limit 3",
        "select a from s.t using sample 10%",
        "select a from s.t tablesample 10%",
        "select a from s.t join s.u using (a)",
        "select a from s.t, s.u",
        "select row_number() over () from s.t",
        "select a from s.t qualify row_number() over () = 1",
        "select a, (select max(b) from s.u) from s.t",
        "select a from s.t where a in (select a from s.u)",
        "select a from s.t union all select a from s.u",
        "select uuid() as id from s.t",
        "select a, now() as at from s.t",
        "select a, current_date as d from s.t",
        "select a from s.t where random() < 0.5",
        "with c as (select distinct a from s.t) select a from c",
        "select * from read_parquet('x')",
        "values (1)",
        "insert into s.t values (1)",
        "select 1; select 2",
        "not sql",
    ],
)
def test_what_costs_or_varies_is_not_plain(sql: str) -> None:
    with duckdb.connect() as con:
        assert not is_plain(con, sql)


def test_a_name_is_as_plain_as_the_frame_behind_it() -> None:
    with duckdb.connect() as con:
        assert is_plain(
            con, "select * from model.result", {"model.result": "select a from s.t"}
        )
        dear = {"model.result": "select a, count(*) from s.t group by a"}
        assert not is_plain(con, "select * from model.result", dear)
