"""One SELECT gives one result, whichever engine runs it: types, values and nulls."""

# ruff: noqa: E501 - lists of SQL read best as they are

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import ValueConversionError
from lakeworks.engines.registry import open_engine
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Engine, Session

pytestmark = pytest.mark.spark

COLUMNS = {
    "id": "bigint", "i": "int", "n": "double", "t": "string", "d": "date", "ts": "timestamp_ntz",
    "z": "timestamp", "p": "decimal(10,2)", "l": "array<int>", "s": "struct<a:int,b:string>",
    "m": "map<string,int>", "y": "boolean",
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"id": 1, "i": 7, "n": 1.5, "t": "abc", "d": date(2024, 1, 31), "p": Decimal("2.50"),
     "ts": datetime(2024, 1, 31, 23, 59, 58, 500000), "y": True,  # noqa: DTZ001
     "z": datetime(2024, 1, 31, 23, 59, 58, tzinfo=UTC),
     "l": [3, None, 1], "s": {"a": 1, "b": "x"}, "m": [("k", 1)]},
    {"id": 2, "i": -7, "n": -2.5, "t": "a,b,,c", "d": date(2023, 12, 31), "p": Decimal("-0.05"),
     "ts": datetime(2023, 12, 31), "y": False,  # noqa: DTZ001
     "z": datetime(2024, 7, 1, 12, tzinfo=UTC),
     "l": [], "s": {"a": None, "b": None}, "m": []},
    {"id": 3, "i": 0, "n": 0.0, "t": "", "d": date(1969, 12, 31), "p": Decimal("0.00"),
     "ts": datetime(1969, 12, 31, 23, 0, 1), "y": None,  # noqa: DTZ001
     "z": datetime(1900, 1, 1, tzinfo=UTC), "l": [2], "s": {"a": 5, "b": "Ä"}, "m": [("k", None)]},
    {"id": 4, "i": 3, "n": math.nan, "t": "Äpfel\nund 12", "d": date(2024, 2, 29),
     "p": Decimal("99999999.99"), "ts": None, "y": True, "z": None, "l": None, "s": None, "m": None},
    {"id": 5, "i": None, "n": None, "t": None, "d": None, "p": None, "ts": None, "y": None,
     "z": None, "l": None, "s": None, "m": None},
    {"id": 6, "i": 3, "n": math.inf, "t": " 12 ", "d": date(2024, 2, 29), "p": Decimal("2.50"),
     "ts": datetime(2024, 2, 29, 1, 2, 3), "y": False, "z": None, "l": [1], "s": None, "m": None},  # noqa: DTZ001
]  # fmt: skip
TEXTS = [
    "1", "1.5", "2.5", "-2.5", "1e3", "1d", " 1 ", "+1", ".5", "5.", "", "-", "1,000", "inf", "nan",
    "t", "yes", "true", "FALSE", "0", "2024-01-02", "2024-1-2", "2024/1/2", "2024-01", "2024",
    "2024-02-30", "2024-01-02 03:04:05", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05+02",
    "2024-01-02 03:04:05+02:30", "2024-01-02 03:04:05.123456", "2024-01-02 03:04",
    "2024-01-02  03:04:05", "2024-01-02T03:04:05.1Z", "2024-01-02 03:04:60", "abc", "99999999999",
    "x2024-01-02", "2024-01-02 03", "1.005", "0.49999999999999999", "-0.5",
]  # fmt: skip
NUMBERS = """id / 2;i / 0;n / 0;i // 2;i // 0;i % 2;i % 0;-i % 3;p % 2;n % 2;p * i;p + 1;p - p;
p * 2;p / 3;n * 2;i * 2.5;i + n;-p;abs(i);round(p);round(p, 1);round(n, 1);floor(n);ceil(n);
floor(p);ceil(p);i ** 2;sign(i);try_cast(n as decimal(10, 2));cast(p as int);cast(i as double);
cast(p as decimal(12, 1));cast(i as decimal(12, 2));greatest(i, 1, null);least(i, n);i between 0 and 3;
i in (3, 7);n > 1;n = n;n > 1e300;coalesce(i, 0);nullif(i, 3);ifnull(i, 9);if(i > 1, 'x', 'y');
case when i > 1 then 1 else 2.5 end;case i when 7 then p end;i is distinct from 3;cast(i as varchar);
cast(p as varchar);cast(y as varchar);cast(y as int);y and i > 0;y or i > 0;not y;i > p;isnan(n);
d = '2024-01-31';ts > '2024-01-01';d in ('2024-02-29', '2023-12-31');z at time zone 'Europe/Berlin';
ts at time zone 'UTC';timezone('Asia/Tokyo', z);(0.5::double)::int;1e10 * i;try_cast(n as int);id + 9000000000""".replace(
    "\n", ""
)
STRINGS = """lower(t);upper(t);lower('ΑΣ' || t);upper('ßﬁ' || t);length(t);t || 'x';t || i;concat(t, '-', i);concat_ws('-', t, i, 'z');
substr(t, 2);substr(t, 2, 2);substr(t, -2);substr(t, 0, 2);substr(t, -9, 8);
substr(t, 3, -2);substr(t, -1, -2);substr(t, 0, -2);substr(t, 2, i - 3);substr(t, -2, id - 9);
substr(t, 0, i - 3);substr(t, -9, i - 5);substr(t, 4, length(t) - 3);left(t, 2);right(t, 2);
trim(t);ltrim(t);rtrim(t);trim(t, 'ac');replace(t, 'a', 'z');list_reverse(l);repeat(t, 2);lpad(t, 5, '*');
rpad(t, 2, '*');strpos(t, 'b');position('b' in t);contains(t, 'b');starts_with(t, 'a');ends_with(t, 'c');
suffix(t, 'c');prefix(t, 'a');split_part(t, ',', 2);split_part(t, ',', -1);string_split(t, ',');
regexp_matches(t, '^a.c$');regexp_matches(t, '\\d+$');regexp_matches(t, 'ABC', 'i');
regexp_full_match(t, '[a-z]+');regexp_replace(t, '[a-c]', 'x');regexp_replace(t, '([a-c])', '<\\1>', 'g');
regexp_replace(t, 'b', '$1');regexp_replace(t, '\\s', '\\0\\0', 'g');regexp_extract(t, 'a(.)', 1);
regexp_extract(t, '[0-9]+');regexp_extract(t, 'l.u');t like 'a%';t like '%\\_%' escape '\\';t ilike 'ABC';t in ('abc', 'x');
t < 'b';md5(t);sha256(t);ascii(t);chr(65);translate(t, 'ab', 'xy');t is null;t = ''""".replace(
    "\n", ""
)
TIMES = """date_trunc('month', ts);date_trunc('week', d);date_trunc('day', z);date_trunc('hour', ts);
date_trunc('quarter', d);date_trunc('year', ts);d + 1;d - 1;d + interval 1 month;d - interval 2 days;
ts + interval 36 hours;ts - interval 1 year;z + interval 1 day;d - date '2024-01-01';year(d);month(ts);day(z);
quarter(d);week(d);dayofweek(d);isodow(d);dayofyear(d);hour(ts);minute(ts);second(ts);
extract(year from ts);extract(dow from d);date_part('month', d);epoch(ts);epoch_ms(ts);
date_diff('day', d, ts);date_diff('month', d, ts);date_diff('day', date_trunc('week', d), date_trunc('week', ts)) // 7;date_diff('year', d, ts);
date_diff('hour', ts, z);date_diff('quarter', d, ts);strftime(ts, '%Y-%m-%dT%H:%M:%S');strftime(d, '%d.%m.%y');
strftime(ts, '%b %B %a %A %j %p %I');last_day(d);monthname(d);dayname(d);make_date(2024, 2, 3);cast(d as timestamp);
cast(ts as date);cast(z as timestamp);cast(ts as timestamptz);cast(d as varchar);cast(ts as varchar);
cast(z as varchar);d < ts;d = date '2024-01-31';ts between timestamp '2024-01-01' and timestamp '2024-12-31';
greatest(d, date '2024-01-01');strptime('03/02/2024', '%d/%m/%Y');strptime('2024-2-3 4:05', '%Y-%m-%d %H:%M');
try_strptime(t, '%Y-%m-%d')""".replace("\n", "")
NESTED = """l[1];l[-1];l[0];l[9];l[i];l[cast(i as int)];l[case when i > 0 then 1 else 2 end];l[coalesce(null, 1)];
l[length(t)];[7, 8][length(t)];map {1: 'x'}[cast(i as int)];map {1: 'x'}[1];l[nullif(1, 0)];len(l);list_contains(l, 1);s.a;s.b;s['a'];s;l;m['k'];m['x'];[i, 1];{'a': i, 'b': t};
map {'k': i};[1, 2] || l;list_transform(l, x -> x + 1);l is null;s is null;s.a + 1;flatten([l, [i]])""".replace(
    "\n", ""
)
SELECTS = [
    "select y, count(*), count(i), sum(i), sum(id), sum(p), avg(p), avg(i), min(t), max(d) from x.r group by y",
    "select sum(i) filter (where y), count(*) filter (where i > 0), count(distinct i), bool_and(y) from x.r",
    "select avg(p) filter (where i > 0) as a, list(i) filter (where id = 1) as b from x.r",
    "select sum(n) from x.r where id < 4", "select stddev(i), variance(i), median(i), quantile_cont(i, 0.25) from x.r",
    "select string_agg(t, '|' order by id) from x.r", "select arg_max(t, p), arg_min(t, id), any_value(d) from x.r where id < 3",
    "select count_if(i > 0), bool_or(y), sum(i * 2.5), sum(y::int) from x.r",
    "select id, row_number() over (order by i, id) as r, rank() over (order by i) as k from x.r",
    "select id, sum(i) over (partition by y order by id) as s, lag(t) over (order by id) as g from x.r",
    "select id, first_value(t) over (order by id) as f, ntile(2) over (order by id) as q from x.r",
    "select * from x.r qualify row_number() over (partition by i order by id desc) = 1",
    "select id, i, row_number() over (partition by i order by id) as rn from x.r qualify rn = 1 order by id",
    "select * exclude (n, s, m, l) from x.r", "select i, count(*) as c from x.r group by all order by all",
    "select id from x.r order by i, id", "select id from x.r order by i desc, id", "select id from x.r order by n desc, id limit 3",
    "select distinct i from x.r", "select distinct on (i) i, id from x.r order by i, id",
    "with a as (select id, i from x.r where i > 0), b as (select * from a) select a.id, b.i from a join b using (id)",
    "select a.id, b.t from x.r a left join x.r b on a.id = b.i", "select a.id from x.r a semi join x.r b on a.id = b.i",
    "select id from x.r where exists (select 1 from x.r r2 where r2.i = r.id)",
    "select id, (select max(i) from x.r) as m from x.r", "select i from x.r union select 3", "select i from x.r union all select id from x.r",
    "select i from x.r except select 3", "select id from x.r where id in (select i from x.r)",
    "select id + 1 as a, a * 2 as b from x.r", "select i as k, count(*) as c from x.r group by k having c > 1",
    "from x.r select id", "select count(*) from (values (1), (2), (null)) v(a) where a is not null",
    "select x.r.id from x.r", "select r.id, x.r.t from x.r where r.i > 0", "select grouping(i), i, count(*) from x.r group by rollup (i)",
    "select id, p / i as q, sum(p) over () / 2 as h from x.r", "select sum(p) / count(*) as c from x.r", "select round(avg(p), 2) from x.r",
    "select id, unnest(l) as x from x.r", "select r.id, u.x from x.r, unnest(r.l) as u(x)", "select unnest(l) + 1 as x, id from x.r",
    "select cast(unnest(generate_series(d, d + 3, interval 1 day)) as date) as day from x.r", "select i from range(3) as t(i)",
    "select * from generate_series(1, 7, 3)", "select id, range(i), generate_series(1, 3), range(5, 1, -2) from x.r",
    "select range(timestamp '2024-01-01', timestamp '2024-01-03', interval 12 hours) as x",
    "select id, avg(p) over (partition by y order by id) as a, median(i) over (partition by y) as m from x.r",
    "select corr(i, id), corr(i, 1), corr(i, n) filter (where id > 9) from x.r",
    "select list(i order by id desc), first(t order by id), max(l), max(id, 2), histogram(i) from x.r",
    "select y, list(t order by id), bit_xor(id), sum(length(reverse(t))), count(distinct reverse(t)) from x.r group by y",
    "select reverse(t) as k, count(*), max(reverse(t)) || reverse(t) as m from x.r group by reverse(t)",
    "select reverse(t) as k, count(*) from x.r group by 1 having max(reverse(t)) > 'b' or count(*) > 1 order by reverse(t) nulls first",
    "select list(i order by id) as l, count(*) as n, coalesce(bit_xor(i), -1) as b from x.r where id > 99",
    "select id from x.r where reverse(t) > 'b' and id < 6 and y", "select a.id, b.id as o from x.r a join x.r b on reverse(a.t) = b.t",
    "select a.id, b.id as o from x.r a left join x.r b on reverse(a.t) = reverse(b.t) and a.id > 1",
    "select id, row_number() over (partition by reverse(t) order by hash(t), id) as n, max(reverse(t)) over (order by id) as m from x.r",
    "select id from x.r qualify reverse(max(t) over (order by id)) > 'b'", "select unnest(list_sort(l)) as x, id from x.r",
    "select r.id, u.x, u.n from x.r, (select unnest(list_sort(r.l)) as x, unnest(range(len(r.l))) as n) as u",
    "select r.id, u.x from x.r left join (select unnest(r.l) as x) as u on true",
    "with a as (select id, reverse(t) as t from x.r), b as (select id, reverse(t) as t from a) select a.t as x, b.t as y from a join b using (id)",
    "select id, (select max(reverse(t)) from x.r) as m from x.r where reverse(t) in (select reverse(t) from x.r where i > 0)",
    "select id from x.r where i = any (select 3) and i <> all (select 7)", "select reverse(v) as v from (values (reverse('ab')), (null)) as t(v)",
    "select a.id, a.s.b as x, b.s.b as y, x.r.s.a as z from x.r a join x.r b on a.id < b.id join x.r on r.id = b.id",
    "select id, (select count(*) from x.r b where a.s.b = 'x' and b.s.b is null) as n from x.r a",
    "select größe, t.größe + 1 as \"Straße\", a$b from (select id as größe, i as a$b from x.r) t order by größe",
    "select id, i in (select null::int) as a, i in (select i from x.r b where b.id > r.id) as b, i not in (select 7) as c from x.r",
    "select id, i = any (select i from x.r) as a, (i <> all (select i from x.r)) is null as b, i in (select i from x.r where id > 9) as c from x.r",
    "select id from x.r where not (i in (select i from x.r b where b.id > r.id) and id > 0)",
    "select id, case when i in (select i from x.r b where b.id > 4) then 'in' else 'out' end as a from x.r where id = 1 or i not in (select 3)",
    "select i, grouping(i) as g, count(*) as n, upper(max(t)) as m from x.r where id > 9 group by rollup (i) having count(i) < 3 order by i limit 2",
    "with a as (select t || 'x' as k, coalesce(k, '-') as c, sum(count(*)) over () as n from x.r where id > 9 group by cube (k)) select * from a",
    "select 7 as n union all select count(*) from x.r where id > 9 group by grouping sets ((r.t, r.i), ()) union all select 8",
    "select coalesce(t, '-') as k, reverse(t) as r, list(i order by id) as l from x.r where id > 9 group by rollup (t) qualify row_number() over (order by t) = 1",
    "select id, upper((select max(t) from x.r)) as a, lower(t) in (select lower(t) from x.r) as b from x.r",
    "select i as v from x.r union select t from x.r union select '07' order by v", "select y as v, null as w from x.r union all select t, ts from x.r",
    "with a as (select id as k, d from x.r) select k, d, 1 as n from a where k in (select 1 union select 2) union all (select t, 'x', null from x.r order by id limit 2)",
    "select id, i, count(*) as n from x.r group by cube (id, i) order by n desc, i, id desc",
    "select * from (select t, i, id from x.r) a join (select id, d from x.r) b using (id)", "select * from (select t, i from x.r) a semi join (select i from x.r where id > 1) b using (i)",
    "select y as v from x.r except select i from x.r", "select i from x.r intersect select p + 0.5 from x.r",
    "select y, count(*) as n from x.r where id > 9 group by y, rollup (i)", "select y, i, count(*) as n from x.r group by grouping sets ((y), (i), ())",
    "select null as a, 'x' as b, 1 as c, 2.5 as d, true as e, date '2024-01-01' as f",
]  # fmt: skip


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory, spark_engine: Engine
) -> Iterator[list[Engine]]:
    scratch = tmp_path_factory.mktemp("duck")
    duck = open_engine("duckdb", temp_directory=str(scratch), threads=1)
    yield [duck, spark_engine]
    duck.close()


@pytest.fixture(scope="module")
def sessions(
    engines: list[Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Session]]:
    folder = tmp_path_factory.mktemp("rows")
    opened = [engine.session() for engine in engines]
    source = _table(folder)
    texts = pa.table({"t": pa.array([*TEXTS, None])})
    pq.write_table(texts, folder / "texts.parquet")
    written = TableSource(
        str(folder),
        Schema((Field("t", parse_type("string")),)),
        (DataFile("texts.parquet", 1, 1),),
    )
    for session in opened:
        session.bind("x.r", source)
        session.bind("x.texts", written)
    yield opened
    for session in opened:
        session.__exit__(None, None, None)


def _table(folder: Path) -> TableSource:
    kinds = {
        "id": pa.int64(), "i": pa.int32(), "n": pa.float64(), "t": pa.string(), "d": pa.date32(),
        "ts": pa.timestamp("us"), "z": pa.timestamp("us", tz="UTC"), "p": pa.decimal128(10, 2),
        "l": pa.list_(pa.int32()), "s": pa.struct({"a": pa.int32(), "b": pa.string()}),
        "m": pa.map_(pa.string(), pa.int32()), "y": pa.bool_(),
    }  # fmt: skip
    rows = pa.table({k: pa.array([row[k] for row in ROWS], v) for k, v in kinds.items()})
    pq.write_table(rows, folder / "rows.parquet")
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in COLUMNS.items()))
    return TableSource(str(folder), schema, (DataFile("rows.parquet", 1, len(ROWS)),))


def _same(sessions: list[Session], sql: str) -> None:
    duck, spark = sessions
    expected = duck.query(sql).read_all()
    assert spark.describe(sql) == duck.describe(sql)
    found = spark.query(sql).read_all()
    assert found.schema.types == expected.schema.types
    ordered = "order by" in sql.rpartition(")")[2]
    mine, theirs = (_rows(t) for t in (found, expected))
    assert (mine if ordered else sorted(mine, key=repr)) == (
        theirs if ordered else sorted(theirs, key=repr)
    )


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(_values(column) for column in table.columns), strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    return [_plain(value) for value in column.to_pylist()]


def _plain(value: Any) -> Any:
    """Not-a-number equals itself here, and sums of doubles may differ in their last digit."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.14g}")
    return repr(value)


# What Spark lacks, or computes otherwise: the embedded engine does it within Spark's tasks.
CARRIED = """hash(t);cast(n as varchar);substr(t, i);regexp_matches(t, t);strftime(ts, '%U');l[1:2];reverse(t);
chr(abs(i) + 65);id << 1;date_diff('week', d, ts);list_distinct(l);t = i::varchar or y = 1;try(json_extract(t, '$.a'));
cast(ts as timestamp) at time zone 'Europe/Rome';try_cast(t as time) is null;ts - ts > interval 1 day;list_sort(l);
case when l is null then 'none' else printf('%05d', i) end;{'a': reverse(t), 'b': [cast(n as varchar)]};
map_from_entries([row(coalesce(reverse(t), '-'), i)]);t like '%\\_%';t ilike '%B%';cast(i as hugeint) * 2""".replace(
    "\n", ""
)
EXPRESSIONS = ";".join([NUMBERS, STRINGS, TIMES, NESTED, CARRIED]).split(";")


@pytest.mark.parametrize("first", range(0, len(EXPRESSIONS), 20))
def test_expressions_give_one_value(sessions: list[Session], first: int) -> None:
    some = EXPRESSIONS[first : first + 20]
    told = ", ".join(f"{expression} as c{i}" for i, expression in enumerate(some))
    sql = f"select {told} from x.r order by id"
    duck, spark = (session.query(sql).read_all() for session in sessions)
    assert sessions[1].describe(sql) == sessions[0].describe(sql)
    for i, expression in enumerate(some):
        mine, theirs = spark.column(i), duck.column(i)
        assert mine.type == theirs.type, expression
        assert _values(mine) == _values(theirs), expression


@pytest.mark.parametrize("sql", SELECTS)
def test_select_gives_one_result(sessions: list[Session], sql: str) -> None:
    _same(sessions, sql)


@pytest.mark.parametrize(
    "kind",
    ["tinyint", "int", "bigint", "double", "decimal(10,2)", "boolean", "date", "timestamp",
     "timestamptz"],
)  # fmt: skip
def test_text_is_read_alike(sessions: list[Session], kind: str) -> None:
    _same(sessions, f"select t, try_cast(t as {kind}) as x from x.texts where t <> 'inf'")


@pytest.mark.parametrize(
    "expression",
    ["cast(t as int)", "json_extract(t, '$.a')", "cast(reverse(t) as date)", "cast(t as date)", "cast(i as tinyint) * cast(1000 as bigint) * 9223372036854775807",
     "sqrt(i - 100)", "p * p", "cast(n as decimal(10, 2))", "cast(p as decimal(3, 2))"],
)  # fmt: skip
def test_bad_value_fails_on_both(sessions: list[Session], expression: str) -> None:
    for session in sessions:
        with pytest.raises((ValueConversionError, LakeError)):
            session.query(f"select {expression} as x from x.r").read_all()


@pytest.mark.parametrize(
    "kind", ["int", "double", "decimal(10,2)", "boolean", "date", "timestamp"]
)
@pytest.mark.parametrize("text", ["1२", "٣x", "2026-1-1-", "true ", "1d"])
def test_a_text_that_cannot_be_read_is_named_as_it_is(
    sessions: list[Session], kind: str, text: str
) -> None:
    texts = f"(select '{text}' || lower(t) as t from x.texts where t = '') as texts"
    sql = f"select cast(t as {kind}) as x from {texts}"
    if sessions[0].query(sql.replace("cast(", "try_cast(")).read_all()["x"].null_count == 0:
        return  # it is such a value
    with pytest.raises(ValueConversionError) as failed:
        sessions[1].query(sql).read_all()
    assert f"'{text}'" in failed.value.problem


@pytest.mark.parametrize(
    "expression",
    ["approx_count_distinct(i)", "unnest(s)", "ts - ts", "uuid()", "random()", "t ~ 'a'",
     "cast(t as time)", "count(distinct i) over ()", "max(l) over ()", "hash(random())",
     "id > all (select 1)", "(select count(*) from x.r b where b.id = r.id group by rollup (t) limit 1)"],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(
    sessions: list[Session], expression: str
) -> None:
    with pytest.raises(NotOnSparkError) as refused:
        sessions[1].query(f"select {expression} as x from x.r").read_all()
    assert "Spark" in str(refused.value)


@pytest.mark.parametrize(
    "sql", ['with "x.r" as (select 1 as id) select id from x.r', "select columns(*) from x.r"]
)
def test_what_spark_would_take_for_something_else_is_refused_by_name(
    sessions: list[Session], sql: str
) -> None:
    with pytest.raises(NotOnSparkError):
        sessions[1].query(sql).read_all()


def test_a_condition_of_two_tables_decides_no_outer_join(sessions: list[Session]) -> None:
    sql = "select a.id from x.r a {} join x.r b on reverse(a.t || b.t) = 'x'"
    assert sessions[1].describe(sql.format("inner"))
    with pytest.raises(NotOnSparkError):
        sessions[1].describe(sql.format("left"))
