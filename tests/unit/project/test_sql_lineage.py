"""What queries derive from, case by case.

An expected text lists the columns in order: `k: ~t.a t.b/condition` means that k takes a value
from t.a by a transformation, and that t.b decides which. Aggregations are marked +, values passed
on by nothing; `!` means that something is unresolved. `rows` influence every column; `...` stands
for columns that are not known.
"""

from __future__ import annotations

import pytest

from lakeworks.core.types import Array, Field, Scalar, Schema, Struct
from lakeworks.project.lineage_facts import QueryLineage, influences_of, values_of
from lakeworks.project.sql_lineage import query_lineage

INT = Scalar("int")
T = Schema((
    Field("a", INT), Field("b", INT), Field("c", INT), Field("st", Scalar("string")),
    Field("s", Struct((Field("f", INT), Field("g", INT)))), Field("l", Array(INT)),
))  # fmt: skip
U = Schema((Field("a", INT), Field("d", INT), Field("e", INT)))
SCHEMAS = {"x.t": T, "x.u": U}
MARKS = {"identity": "", "transformation": "~", "aggregation": "+"}

CASES = [
    # plain columns
    (
        "select a from x.t",
        "a: t.a",
    ),
    (
        "select a, b as c2 from x.t",
        "a: t.a; c2: t.b",
    ),
    (
        "select t.a, x.t.b from x.t",
        "a: t.a; b: t.b",
    ),
    (
        "select a + b as s from x.t",
        "s: ~t.a ~t.b",
    ),
    (
        "select cast(a as varchar) as s from x.t",
        "s: ~t.a",
    ),
    (
        "select 1 as one, 'x' as y from x.t",
        "one: -; y: -",
    ),
    (
        "select A as b from x.t",
        "b: t.a",
    ),
    (
        "select k: a + 1 from x.t",
        "k: ~t.a",
    ),
    (
        "select a as p, p * 2 as q from x.t",
        "p: t.a; q: ~t.a",
    ),
    (
        "select a + 1 as b, b * 10 as k from x.t",
        "b: ~t.a; k: ~t.b",
    ),
    (
        "from x.t select a",
        "a: t.a",
    ),
    (
        "select coalesce(a, b) as k, nullif(a, b) as n from x.t",
        "k: ~t.a ~t.b; n: ~t.a t.b/condition",
    ),
    (
        "select a = b as same, a is null as none from x.t",
        "same: ~t.a ~t.b; none: ~t.a",
    ),
    (
        "select a between b and c as within from x.t",
        "within: ~t.a ~t.b ~t.c",
    ),
    (
        "select * from x.u",
        "a: u.a; d: u.d; e: u.e",
    ),
    (
        "select u.* from x.u",
        "a: u.a; d: u.d; e: u.e",
    ),
    (
        "from x.u",
        "a: u.a; d: u.d; e: u.e",
    ),
    # stars
    (
        "select * exclude (e) from x.u",
        "a: u.a; d: u.d",
    ),
    (
        "select u.* exclude (e) from x.u",
        "a: u.a; d: u.d",
    ),
    (
        "select * replace (d + e as d) from x.u",
        "a: u.a; d: ~u.d ~u.e; e: u.e",
    ),
    (
        "select * rename (d as dd) from x.u",
        "a: u.a; dd: u.d; e: u.e",
    ),
    (
        "select * exclude (a) replace (e * 2 as e) from x.u",
        "d: u.d; e: ~u.e",
    ),
    (
        "select *, a + d as k from x.u",
        "a: u.a; d: u.d; e: u.e; k: ~u.a ~u.d",
    ),
    (
        "select columns(*) from x.u",
        "a: u.a; d: u.d; e: u.e",
    ),
    (
        "select columns(* exclude (a)) from x.u",
        "d: u.d; e: u.e",
    ),
    (
        "select * from (select a, b from x.t)",
        "a: t.a; b: t.b",
    ),
    (
        "select q.* from x.u as p, (select a as z from x.t) as q",
        "z: t.a",
    ),
    (
        "select * from x.u as p join x.u as q on p.a = q.d",
        "a: u.a; d: u.d; e: u.e; a: u.a; d: u.d; e: u.e; rows: u.a/join u.d/join",
    ),
    (
        "select t from (select a, b from x.t) as t",
        "t: ~t.a ~t.b",
    ),
    # conditions
    (
        "select case when a > 0 then b else c end as k from x.t",
        "k: ~t.b ~t.c t.a/condition",
    ),
    (
        "select case a when 1 then b end as k from x.t",
        "k: ~t.b t.a/condition",
    ),
    (
        "select if(a > 0, b, c) as k from x.t",
        "k: ~t.b ~t.c t.a/condition",
    ),
    (
        "select a from x.t where b > 0 and c < 3",
        "a: t.a; rows: t.b/filter t.c/filter",
    ),
    (
        "select a from x.t where b in (1, 2)",
        "a: t.a; rows: t.b/filter",
    ),
    (
        "select a in (b, c) as k from x.t",
        "k: ~t.a ~t.b ~t.c",
    ),
    # aggregates
    (
        "select sum(a) as s from x.t",
        "s: +t.a",
    ),
    (
        "select b, sum(a) as s from x.t group by b",
        "b: t.b; s: +t.a; rows: t.b/group",
    ),
    (
        "select count(*) as n from x.t where b > 1",
        "n: -; rows: t.b/filter",
    ),
    (
        "select count(a) as n, count(distinct b) as m from x.t",
        "n: t.a/count; m: t.b/count",
    ),
    (
        "select approx_count_distinct(a) as n from x.t",
        "n: t.a/count",
    ),
    (
        "select a, b + 1 as k, count(*) as n from x.t group by all",
        "a: t.a; k: ~t.b; n: -; rows: t.a/group t.b/group",
    ),
    (
        "select b as k, max(a) as m from x.t group by 1",
        "k: t.b; m: +t.a; rows: t.b/group",
    ),
    (
        "select b + 1 as k, min(a) as m from x.t group by k",
        "k: ~t.b; m: +t.a; rows: t.b/group",
    ),
    (
        "select a, sum(b) as s from x.t group by a having sum(c) > 3",
        "a: t.a; s: +t.b; rows: t.a/group t.c/filter",
    ),
    (
        "select sum(a) filter (where b > 0) as s from x.t",
        "s: +t.a t.b/condition",
    ),
    (
        "select arg_max(a, b) as k, max_by(c, b) as m from x.t",
        "k: +t.a t.b/condition; m: +t.c t.b/condition",
    ),
    (
        "select first(a order by b) as f, list(a order by c) as l2 from x.t",
        "f: +t.a t.b/sort; l2: +t.a t.c/sort",
    ),
    (
        "select percentile_cont(0.5) within group (order by a) as m from x.t",
        "m: +t.a",
    ),
    (
        "select quantile_cont(a, 0.5) as m, mode(b) as o from x.t",
        "m: +t.a; o: +t.b",
    ),
    (
        "select string_agg(st, ',' order by a) as k from x.t",
        "k: +t.st t.a/sort",
    ),
    (
        "select a, b, sum(c) as s from x.t group by rollup (a, b)",
        "a: t.a; b: t.b; s: +t.c; rows: t.a/group t.b/group",
    ),
    (
        "select a, b, sum(c) as s from x.t group by grouping sets ((a), (b))",
        "a: t.a; b: t.b; s: +t.c; rows: t.a/group t.b/group",
    ),
    (
        "select a, b, sum(c) as s from x.t group by cube (a, b)",
        "a: t.a; b: t.b; s: +t.c; rows: t.a/group t.b/group",
    ),
    (
        "select sum(a + b) as s, avg(case when c > 0 then a end) as m from x.t",
        "s: +t.a +t.b; m: +t.a t.c/condition",
    ),
    (
        "select distinct a, b from x.t",
        "a: t.a; b: t.b; rows: t.a/group t.b/group",
    ),
    (
        "select distinct on (a) a, b from x.t order by c",
        "a: t.a; b: t.b; rows: t.a/group t.c/sort",
    ),
    # windows
    (
        "select row_number() over (partition by a order by b) as n from x.t",
        "n: t.a/window t.b/window",
    ),
    (
        "select sum(a) over (partition by b order by c) as s from x.t",
        "s: +t.a t.b/window t.c/window",
    ),
    (
        "select lag(a, 1, b) over (order by c) as k from x.t",
        "k: +t.a +t.b t.c/window",
    ),
    (
        "select sum(a) over w as s from x.t window w as (partition by b order by c)",
        "s: +t.a t.b/window t.c/window",
    ),
    (
        "select rank() over w as r, first_value(a) over w as f from x.t window w as (order by b)",
        "r: t.b/window; f: +t.a t.b/window",
    ),
    (
        "select a from x.t qualify row_number() over (partition by b order by c) = 1",
        "a: t.a; rows: t.b/window t.c/window",
    ),
    (
        "select a, row_number() over (order by b) as n from x.t qualify n = 1",
        "a: t.a; n: t.b/window; rows: t.b/window",
    ),
    (
        "select count(*) over (partition by a) as n from x.t",
        "n: t.a/window",
    ),
    (
        "select nth_value(a, 2) over (order by b rows 1 preceding) as k from x.t",
        "k: +t.a t.b/window",
    ),
    # order and limit
    (
        "select a from x.t order by b limit 3",
        "a: t.a; rows: t.b/sort",
    ),
    (
        "select a, b from x.t order by 2",
        "a: t.a; b: t.b; rows: t.b/sort",
    ),
    (
        "select -a as a from x.t order by a limit 1",
        "a: ~t.a; rows: t.a/sort",
    ),
    (
        "select a, b from x.t order by all",
        "a: t.a; b: t.b; rows: t.a/sort t.b/sort",
    ),
    (
        "select a from x.t limit 1 offset 2",
        "a: t.a",
    ),
    # joins
    (
        "select t.b, u.d from x.t join x.u on t.a = u.a",
        "b: t.b; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select b, d from x.t join x.u using (a)",
        "b: t.b; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select a, d from x.t join x.u using (a)",
        "a: t.a; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select a, d from x.t right join x.u using (a)",
        "a: u.a; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select a, d from x.t full join x.u using (a)",
        "a: ~t.a ~u.a; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select * from x.u join (select a, b from x.t) as q using (a)",
        "a: u.a; d: u.d; e: u.e; b: t.b; rows: t.a/join u.a/join",
    ),
    (
        "select a, d from x.u natural join (select a, b from x.t) as q",
        "a: u.a; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select t.a, u.d from x.t left join x.u on t.a = u.a and u.e > 1",
        "a: t.a; d: u.d; rows: t.a/join u.a/join u.e/join",
    ),
    (
        "select t.a, u.d from x.t cross join x.u",
        "a: t.a; d: u.d",
    ),
    (
        "select t.b, u.d from x.t, x.u where t.a = u.a",
        "b: t.b; d: u.d; rows: t.a/filter u.a/filter",
    ),
    (
        "select b from x.t semi join x.u on t.a = u.a",
        "b: t.b; rows: t.a/join u.a/join",
    ),
    (
        "select b from x.t anti join x.u using (a)",
        "b: t.b; rows: t.a/join u.a/join",
    ),
    (
        "select t.b, u.d from x.t asof join x.u on t.a = u.a and t.b >= u.e",
        "b: t.b; d: u.d; rows: t.a/join t.b/join u.a/join u.e/join",
    ),
    (
        "select t.b, u.d from x.t positional join x.u",
        "b: t.b; d: u.d",
    ),
    (
        "select p.d, q.e from x.u as p join x.u as q on p.a = q.a",
        "d: u.d; e: u.e; rows: u.a/join",
    ),
    (
        "select z.b, z.d from (x.t join x.u on t.a = u.a) as z",
        "b: t.b; d: u.d; rows: t.a/join u.a/join",
    ),
    (
        "select b, d, e2 from x.t join x.u using (a) join (select a, e as e2 from x.u) as w using (a)",
        "b: t.b; d: u.d; e2: u.e; rows: t.a/join u.a/join",
    ),
    # queries inside
    (
        "select k from (select a + b as k from x.t)",
        "k: ~t.a ~t.b",
    ),
    (
        "select k from (select a as k from x.t where b > 0) where k > 1",
        "k: t.a; rows: t.a/filter t.b/filter",
    ),
    (
        "with q as (select a, b from x.t) select a from q",
        "a: t.a",
    ),
    (
        "with q(m, n) as (select a, b from x.t) select n from q",
        "n: t.b",
    ),
    (
        "with q as (select a as k from x.t), r as (select k + 1 as k from q) select k from r",
        "k: ~t.a",
    ),
    (
        "with x2 as (select a from x.t), y2 as (select d from x.u) select x2.a, y2.d from x2, y2",
        "a: t.a; d: u.d",
    ),
    (
        'with "x.t" as (select 1 as a) select t.a, u.a as own from x.t, "x.t" as u',
        "a: t.a; own: -",
    ),
    (
        "with u as (select b as d from x.t) select d from u",
        "d: t.b",
    ),
    (
        "select a, (select max(d) from x.u) as m from x.t",
        "a: t.a; m: +u.d",
    ),
    (
        "select a, (select max(d) from x.u where u.a = t.b) as m from x.t",
        "a: t.a; m: +u.d t.b/filter u.a/filter",
    ),
    (
        "select a from x.t where exists (select 1 from x.u where u.a = t.b)",
        "a: t.a; rows: t.b/filter u.a/filter",
    ),
    (
        "select a from x.t where b in (select d from x.u where e > 1)",
        "a: t.a; rows: t.b/filter u.d/condition u.e/filter",
    ),
    (
        "select a, b in (select d from x.u) as k from x.t",
        "a: t.a; k: ~t.b u.d/condition",
    ),
    (
        "select a from x.t where b > all (select d from x.u)",
        "a: t.a; rows: t.b/filter u.d/condition",
    ),
    (
        "select a, exists (select 1 from x.u where u.a = t.a) as k from x.t",
        "a: t.a; k: t.a/filter u.a/filter",
    ),
    (
        "select q.k from x.t, lateral (select t.a + u.d as k from x.u where u.a = t.b) as q",
        "k: ~t.a ~u.d; rows: t.b/filter u.a/filter",
    ),
    (
        "select q.k from x.t join lateral (select max(d) as k from x.u where u.e = t.c) as q on true",
        "k: +u.d; rows: t.c/filter u.e/filter",
    ),
    (
        "select (select (select max(d) from x.u where u.a = t.a)) as k from x.t",
        "k: +u.d t.a/filter u.a/filter",
    ),
    (
        "with recursive r as (select a, 1 as n from x.t union all select d, n + 1 from r, x.u) from r",
        "a: t.a u.d; n: -",
    ),
    (
        "with recursive r(p, q) as (select a, b from x.t union all select d, p from r, x.u) from r",
        "p: t.a u.d; q: t.a t.b u.d",
    ),
    # set operations
    (
        "select a from x.t union all select d from x.u",
        "a: t.a u.d",
    ),
    (
        "select a from x.t union select d from x.u",
        "a: t.a u.d; rows: t.a/group u.d/group",
    ),
    (
        "select a, b from x.t union all by name select a, d from x.u",
        "a: t.a u.a; b: t.b; d: u.d",
    ),
    (
        "select a from x.t intersect select d from x.u",
        "a: t.a; rows: t.a/group u.d/filter",
    ),
    (
        "select a from x.t except select d from x.u",
        "a: t.a; rows: t.a/group u.d/filter",
    ),
    (
        "(select a from x.t) union all (select d from x.u order by e limit 1)",
        "a: t.a u.d; rows: u.e/sort",
    ),
    (
        "select k from (select a as k, b from x.t union all select d, e from x.u) where b > 0",
        "k: t.a u.d; rows: t.b/filter u.e/filter",
    ),
    # nested values
    (
        "select s.f from x.t",
        "f: ~t.s",
    ),
    (
        "select t.s.f as k, s['g'] as m from x.t",
        "k: ~t.s; m: ~t.s",
    ),
    (
        "select (s).f as k from x.t",
        "k: ~t.s",
    ),
    (
        "select s.* from x.t",
        "f: ~t.s; g: ~t.s",
    ),
    (
        "select unnest(s) from x.t",
        "f: ~t.s; g: ~t.s; rows: t.s/join",
    ),
    (
        "select {'p': a, 'q': b} as k from x.t",
        "k: ~t.a ~t.b",
    ),
    (
        "select struct_pack(p := a, q := b) as k from x.t",
        "k: ~t.a ~t.b",
    ),
    (
        "with q as (select {'p': a, 'q': b} as k from x.t) select k.p as m from q",
        "m: ~t.a ~t.b",
    ),
    (
        "select l[1] as k, l[a] as m from x.t",
        "k: ~t.l; m: ~t.a ~t.l",
    ),
    (
        "select unnest(l) as k from x.t",
        "k: ~t.l; rows: t.l/join",
    ),
    (
        "select a, k from x.t, unnest(t.l) as r(k)",
        "a: t.a; k: ~t.l; rows: t.l/join",
    ),
    (
        "select a, r.unnest as k from x.t cross join unnest(l) as r",
        "a: t.a; k: ~t.l; rows: t.l/join",
    ),
    (
        "select list_transform(l, v -> v + a) as k from x.t",
        "k: ~t.a ~t.l",
    ),
    (
        "select list_filter(l, v -> v > b) as k from x.t",
        "k: ~t.l t.b/condition t.l/condition",
    ),
    (
        "select [v + a for v in l if v > b] as k from x.t",
        "k: ~t.a ~t.l t.b/condition t.l/condition",
    ),
    (
        "select key, value from x.t, json_each(t.st)",
        "key: ~t.st; value: ~t.st; rows: t.st/join",
    ),
    (
        "select unnest(range(a)) as k from x.t",
        "k: ~t.a; rows: t.a/join",
    ),
    (
        "select i from x.t, generate_series(1, t.a) as g(i)",
        "i: ~t.a; rows: t.a/join",
    ),
    (
        "select array_agg(b) as k from x.t group by a",
        "k: +t.b; rows: t.a/group",
    ),
    (
        "with q as (select list(b) as bs from x.t) select unnest(bs) as k from q",
        "k: +t.b; rows: t.b/join",
    ),
    # calls
    (
        "select st.lower().trim() as k from x.t",
        "k: ~t.st",
    ),
    (
        "select t.st.lower() as k from x.t",
        "k: ~t.st",
    ),
    (
        "select l.list_transform(v -> v + b) as k from x.t",
        "k: ~t.b ~t.l",
    ),
    (
        "select a.sum() as k, a.count() as n from x.t",
        "k: +t.a; n: t.a/count",
    ),
    (
        "select map {a: b}['k'] as k from x.t",
        "k: ~t.a ~t.b",
    ),
    (
        "select map([a], [b]) as k from x.t",
        "k: ~t.a ~t.b",
    ),
    (
        "select {p: a, 'q': b} as k from x.t",
        "k: ~t.a ~t.b",
    ),
    (
        "select cast({'x': a} as struct(x int)) as k from x.t",
        "k: ~t.a",
    ),
    (
        "select st->>'x' as k from x.t",
        "k: ~t.st",
    ),
    (
        'select "add"(count(distinct a), "max"(b)) as k from x.t',
        "k: +t.b t.a/count",
    ),
    (
        "select list_transform(l, v -> {'a': v, 'b': a}) as k from x.t",
        "k: ~t.a ~t.l",
    ),
    (
        "select extract(epoch from a) as e, trim(both st from st) as k from x.t",
        "e: ~t.a; k: ~t.st",
    ),
    # one name twice
    (
        "select k from (select a as k, b as k from x.t)",
        "k: t.a",
    ),
    (
        "select sum(a) as b from x.t group by c having b > 1",
        "b: +t.a; rows: t.a/filter t.b/filter t.c/group",
    ),
    (
        "select -b as b from x.t order by b + 0 limit 1",
        "b: ~t.b; rows: t.b/sort",
    ),
    (
        "select a as b from x.t where b > 1",
        "b: t.a; rows: t.b/filter",
    ),
    (
        "select max(a) as b, c from x.t group by b, c",
        "b: +t.a; c: t.c; rows: t.b/group t.c/group",
    ),
    # pivots
    (
        "from (select a, b, c from x.t) pivot (sum(b) for a in (1, 2))",
        "c: t.c; rows: t.a/group t.c/group; ...",
    ),
    (
        "pivot (select a, b, c from x.t) on a using sum(b)",
        "c: t.c; rows: t.a/group t.c/group; ...",
    ),
    (
        "pivot x.t on a using sum(b), max(c) group by st",
        "st: t.st; rows: t.a/group t.st/group; ...",
    ),
    (
        "unpivot (select a, b, c from x.t) on a, b into name n value v",
        "c: t.c; n: -; v: ~t.a ~t.b; rows: t.a/condition t.b/condition",
    ),
    (
        "select n, v from (select a, b, c from x.t) unpivot (v for n in (a, b))",
        "n: -; v: ~t.a ~t.b; rows: t.a/condition t.b/condition",
    ),
    (
        "unpivot x.u on columns(* exclude (a)) into name n value v",
        "a: u.a; n: -; v: ~u.d ~u.e; rows: u.d/condition u.e/condition",
    ),
    # values
    (
        "select col0 as k from (values (1, 2))",
        "k: -",
    ),
    (
        "select p from (values (1, 2), (3, 4)) as w(p, q)",
        "p: -",
    ),
    (
        "select t.a, w.q from x.t join (values (1, 2)) as w(p, q) on w.p = t.b",
        "a: t.a; q: -; rows: t.b/join",
    ),
    (
        "values (1, 'x')",
        "col0: -; col1: -",
    ),
    # what is not known
    (
        "select k from x.v",
        "k: v.k",
    ),
    (
        "select k + m as s from x.v where n > 1",
        "s: ~v.k ~v.m; rows: v.n/filter",
    ),
    (
        "select v.k, t.a from x.v join x.t on t.a = v.id",
        "k: v.k; a: t.a; rows: t.a/join v.id/join",
    ),
    (
        "select * from x.v",
        "...",
    ),
    (
        "select k from (select * from x.v)",
        "k: v.k",
    ),
    (
        "select k from (select *, p + 1 as k from x.v)",
        "k: ~v.p !",
    ),
    (
        "with q as (select * exclude (p) from x.v) select m from q",
        "m: v.m",
    ),
    (
        "select k, a from x.v join x.t on t.b = v.id",
        "k: v.k; a: t.a; rows: t.b/join v.id/join",
    ),
    (
        "select k from x.v, x.w",
        "k: - !",
    ),
    (
        "select a + 1 from x.t",
        "?: ~t.a; ...",
    ),
    (
        "select nope from x.t",
        "nope: - !",
    ),
    (
        "select columns('a|b') from x.t",
        "...",
    ),
    (
        "select min(columns(*)) from x.t",
        "...",
    ),
    (
        "select * from read_something('file')",
        "...",
    ),
    (
        "select unnest(m) as k from x.v",
        "rows: v.m/join; ...",
    ),
    (
        "select a from x.t union all select * from x.v",
        "...",
    ),
    (
        "select k from x.v natural join x.t",
        "k: v.k",
    ),
    (
        "pivot x.v on y using sum(z)",
        "rows: v.y/group; ...",
    ),
]


def _shown(origin: tuple[str, str, str]) -> str:
    table, column, kind = origin
    name = f"{table.removeprefix('x.')}.{column}"
    return f"{MARKS[kind]}{name}" if kind in MARKS else f"{name}/{kind}"


def _listed(origins: frozenset[tuple[str, str, str]]) -> str:
    ordered = sorted(origins, key=lambda origin: (origin[2] not in MARKS, origin))
    return " ".join(_shown(origin) for origin in ordered)


def shown(found: QueryLineage) -> str:
    parts = [
        f"{c.name or '?'}: {_listed(c.origins) or '-'}{' !' if c.unresolved else ''}"
        for c in found.columns
    ]
    parts += [f"rows: {_listed(found.rows)}"] if found.rows else []
    parts += [] if found.complete else ["..."]
    return "; ".join(parts)


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=[sql for sql, _ in CASES])
def test_a_query_derives_from(sql: str, expected: str) -> None:
    assert shown(query_lineage(sql, SCHEMAS)) == expected


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select * from x.v", "the columns of x.v are not known"),
        ("select k from x.v, x.w", "it is not known where k comes from"),
        (
            "select k from (select *, p + 1 as k from x.v)",
            "k may be another column of that name",
        ),
        ("select a + 1 from x.t", "write `as name`"),
        ("select nope from x.t", "nope names no column that is known here"),
        ("select min(columns(*)) from x.t", "MIN(COLUMNS(*)) stands for is not followed"),
        ("select * from read_it('f')", "table function read_it"),
        ("select a from x.t union all select * from x.v", "belong together is not known"),
        ("select k from x.v natural join x.t", "NATURAL JOIN"),
        ("select from", "does not parse"),
    ],
)
def test_what_cannot_be_resolved_is_said_with_its_reason(sql: str, reason: str) -> None:
    found = query_lineage(sql, SCHEMAS)
    told = [*found.unresolved, *(gap for column in found.columns for gap in column.unresolved)]
    assert any(reason in one for one in told)


def test_columns_that_only_data_tells_are_found_by_the_names_that_the_table_has() -> None:
    sql = "pivot (select a, b, c from x.t) on a using sum(b)"
    found = query_lineage(sql, SCHEMAS, names=["c", "1", "2"])
    assert shown(found) == (
        "c: t.c; 1: +t.b t.a/condition; 2: +t.b t.a/condition; rows: t.a/group t.c/group"
    )


def test_a_column_without_a_name_takes_the_one_that_the_table_has() -> None:
    found = query_lineage("select a, b + 1 from x.t", SCHEMAS, names=["a", "(b + 1)"])
    assert shown(found) == "a: t.a; (b + 1): ~t.b"


def test_names_of_another_query_are_not_taken_over() -> None:
    found = query_lineage("select a, b from x.t", SCHEMAS, names=["a", "c"])
    assert [column.name for column in found.columns] == ["a", "b"]


def test_types_of_columns_passed_on_are_kept() -> None:
    found = query_lineage("select l, l[1] as k from (select * from x.t)", SCHEMAS)
    assert [column.type for column in found.columns] == ["array<int>", ""]


def test_every_table_is_named_even_where_no_column_of_it_is_used() -> None:
    found = query_lineage("select count(*) as n from x.t, x.u", SCHEMAS)
    assert found.tables == ("x.t", "x.u")


def test_lineage_survives_being_kept_as_json() -> None:
    for sql, _ in CASES:
        found = query_lineage(sql, SCHEMAS)
        assert QueryLineage.from_json(found.to_json()) == found


def test_values_and_influences_are_told_apart_with_their_kinds() -> None:
    sql = "select case when b > 0 then a end + sum(a) over (order by b) as k from x.t"
    (column,) = query_lineage(sql, SCHEMAS).columns
    assert values_of(column.origins) == {("x.t", "a"): "aggregation"}
    assert influences_of(column.origins) == {("x.t", "b"): ("condition", "window")}


def test_sql_nested_too_deep_is_said_and_harms_nothing() -> None:
    found = query_lineage(f"select {'(' * 3000}a{')' * 3000} as k from x.t", SCHEMAS)
    assert found.unresolved == ("the SQL is nested too deep to be followed",)
