"""What may be a column in a query: none that is read is left out, and few others are told."""

from __future__ import annotations

import duckdb
import pytest

from lakeworks.engines.duckdb.caller_sql import gate, names_read

ANY = None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select id from s.t", {"id"}),
        (
            "select t.Id as k from s.t t where lower(name) = 'x' order by age",
            {"t", "id", "name", "age"},
        ),
        ("select count(*) from s.t", set()),
        ("select sum(a) over (partition by b order by c) from s.t qualify d > 1", set("abcd")),
        ("select a from s.t join s.u using (k)", {"a", "k"}),
        ("with x(z) as (select a from s.t) select z from x", {"a", "z"}),
        ("select list_transform(a, e -> e + b) from s.t", {"a", "b", "e"}),
        ("select (select max(a) from s.u where u.k = t.k) from s.t", {"a", "u", "k", "t"}),
        ("select address.city from s.t", {"address", "city"}),
        ("select a from s.t group by cube (b, c)", {"a", "b", "c"}),
        ("select string_agg(a, ',' order by b) filter (c) from s.t", {"a", "b", "c"}),
        ("from s.t", ANY),
        ("select t.* from s.t", ANY),
        ("select * exclude (a) from s.t", ANY),
        ("select columns('a.*') from s.t", ANY),
        ("select t from s.t", ANY),
        ("select row_to_json(x) from s.t as x", ANY),
        ("select s.t from s.t", ANY),
        ("select #1 from s.t", ANY),
        ("select a from s.t as x(a, b)", ANY),
        ("select a from s.t natural join s.u", ANY),
        ("pivot s.t on a in (1) using sum(b)", ANY),
        ("summarize s.t", ANY),
        ("select 1 where exists (from s.t)", ANY),
    ],
)
def test_the_words_of_a_query_hold_every_column_that_it_reads(
    sql: str, words: set[str] | None
) -> None:
    con = duckdb.connect()
    found = names_read(con, sql).words
    assert (found if found is None else set(found)) == words
    if "row_to_json" not in sql:
        assert gate(con, sql).words == found
