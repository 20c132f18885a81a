"""Expressions of the lake's SQL, at random, by a grammar of typed templates.

A template names the kinds of its parts in braces: `{whole} + {whole}` makes a whole number of two.
Columns are those of `tests/property/test_engines_expressions.py`.
"""

# ruff: noqa: E501 - lists of SQL read best as they are

from __future__ import annotations

import re
from functools import cache

from hypothesis import strategies as st

LEAVES = {
    "whole": "i; id; tiny; 0; 1; -1; 2; 3; 7; 100; null",
    "float": "n; f; 0.5::double; cast(-2.5 as double); 1e3; cast(i as double)",
    "decimal": "p; q; 1.5; -0.25; cast(3 as decimal(4, 1)); 100.125",
    "text": "t; u; 'abc'; ''; 'a,b,c'; 'É x'; '12'; '2024-02-29'; 'a%b'; null::varchar",
    "flag": "y; true; false; i > 0; t is null; null::boolean",
    "date": "d; date '2024-02-29'; date '1999-12-31'; date '1970-01-01'",
    "moment": "ts; timestamp '2024-01-31 23:59:59.999999'; timestamp '1969-07-20 20:17:40'",
    "zoned": "z; timestamptz '2024-03-31 01:30:00+00'; timestamptz '2024-07-01 12:00:00-05:30'",
    "list": "l; [1, 2, 3]; [i, null, 2]; [id]",
    "texts": "string_split(t, ','); [t, u, 'x']; ['b', 'a', null]",
    "struct": "s; {'a': i, 'b': t}; {'a': 1, 'b': 'x'}",
    "map": "m; map {'k': i, 'j': 2}",
    "few": "0; 1; 2; 3; -1; -2; 5",
    "digits": "0; 1; 2; 3; -1",
    "unit": "'year'; 'quarter'; 'month'; 'week'; 'day'; 'hour'; 'minute'; 'second'",
    "dayunit": "'year'; 'quarter'; 'month'; 'week'; 'day'",
    "pattern": r"'a'; 'B'; '^a'; 'c$'; '[a-c]+'; '\d+'; '\s'; '\w+'; '(a)(b)?'; '.'; '^$'; '[^a]'; 'a|b'; 'É'; '\.'; '(?i)ABC'; '[[:alpha:]]+'; '\bx'; 'a{2}'; 'b*'; '^.*$'; '\pL'; '[\d,]+'; 'x??'",
    "like": r"'a%'; '%b%'; '_b_'; ''; '%'; 'A%'; 'a\%b'; '%É%'; 'a_c'",
    "format": "'%Y-%m-%d'; '%d.%m.%Y %H:%M:%S'; '%Y%m%d'; '%y %b %-d'; '%j'; '%I:%M %p'; '%A %B'; '%f'; '%H%M'; 'day %d'; '%%'; '%Y-W%V'; '%u'; '%w'; '%-I'; '%x'; '%c'; '%S.%g'",
    "mark": "','; 'a'; '.'; ' '; 'ab'; '|'",
    "wholetype": "tinyint; smallint; int; bigint",
    "decimaltype": "decimal(10, 2); decimal(5, 0); decimal(38, 10); decimal(18, 3); decimal(4, 1)",
    "floattype": "double; float",
}  # fmt: skip
GROWN = {
    "whole": """{whole} + {whole}; {whole} - {whole}; {whole} * {whole}; {whole} // {whole}; {whole} % {whole};
-{whole}; abs({whole}); sign({whole}); length({text}); strpos({text}, {text}); ascii({text}); len({list});
cast({flag} as {wholetype}); cast({whole} as {wholetype}); try_cast({whole} as {wholetype}); try_cast({text} as {wholetype});
try_cast({float} as {wholetype}); cast({decimal} as {wholetype}); try_cast({decimal} as {wholetype});
year({date}); month({moment}); day({zoned}); quarter({date}); week({date}); dayofweek({date}); isodow({moment}); dayofyear({date});
hour({moment}); minute({zoned}); second({moment}); extract(year from {moment}); extract(isoyear from {date}); date_part({unit}, {moment});
date_part({dayunit}, {date}); date_diff({unit}, {moment}, {moment}); date_diff({dayunit}, {date}, {date}); date_diff({unit}, {zoned}, {zoned});
{date} - {date}; epoch_ms({moment}); extract(millisecond from {moment}); extract(microsecond from {moment});
{list}[{few}]; {struct}.a; ({struct})['a']; {map}['k']; list_position({list}, {whole}); case when {flag} then {whole} else {whole} end;
case {whole} when {whole} then {whole} when 1 then {whole} end; coalesce({whole}, {whole}); nullif({whole}, {whole}); ifnull({whole}, {whole});
greatest({whole}, {whole}); least({whole}, {whole}, {whole}); if({flag}, {whole}, {whole}); round({whole}, {digits}); floor({whole}); ceil({whole});
{whole} & {whole}; {whole} | {whole}; {whole} << 2; {whole} >> 1; bit_count({whole}); list_sum({list}); list_max({list}); levenshtein({text}, {text});
date_sub({unit}, {moment}, {moment}); instr({text}, {text}); position({text} in {text}); unicode({text}); cardinality({map}); century({date});
mod({whole}, {whole}); divide({whole}, {whole}); date_trunc({unit}, {moment}) - date_trunc({unit}, {moment}); datediff({dayunit}, {date}, {date});
octet_length({text}::blob); bit_length({text}); factorial(3); gcd({whole}, {whole}); xor({whole}, {whole}); sum({whole}) over ()""",
    "float": """{float} + {float}; {float} - {float}; {float} * {float}; {float} / {float}; {whole} / {whole}; {decimal} / {decimal};
{float} % {float}; -{float}; abs({float}); sqrt({float}); sqrt(abs({whole})); ln({float}); log10({float}); log2({float}); exp({whole}); {whole} ** {few}; {float} ** 2; pow({float}, {float});
floor({float}); ceil({float}); round({float}); round({float}, {digits}); trunc({float}); sin({float}); atan({float}); cos({whole}); pi();
cast({whole} as {floattype}); cast({decimal} as {floattype}); cast({float} as {floattype}); try_cast({text} as {floattype});
{whole} + {float}; {float} * {decimal}; {float} - {whole}; {decimal} / {whole}; {whole} / {float}; epoch({moment}); epoch({date}); epoch({zoned});
case when {flag} then {float} else {whole} end; coalesce({float}, {whole}); nullif({float}, {float}); greatest({float}, {float}); least({float}, {float});
if({flag}, {float}, {decimal}); list_avg({list}); cbrt({float}); degrees({float}); radians({whole}); sign({float}); even({float}); fmod({float}, {float}); atan2({float}, {float}); log({float}); log({whole}, {float})""",
    "decimal": """{decimal} + {decimal}; {decimal} - {decimal}; {decimal} * {decimal}; {decimal} % {decimal}; -{decimal}; abs({decimal});
{decimal} + {whole}; {whole} * {decimal}; {whole} - {decimal}; {decimal} % {whole}; floor({decimal}); ceil({decimal}); round({decimal}); round({decimal}, {digits});
cast({whole} as {decimaltype}); cast({decimal} as {decimaltype}); try_cast({decimal} as {decimaltype}); try_cast({text} as {decimaltype}); try_cast({float} as {decimaltype}); try_cast({whole} as {decimaltype});
case when {flag} then {decimal} else {decimal} end; case when {flag} then {decimal} else {whole} end; coalesce({decimal}, {decimal}); coalesce({decimal}, {whole}); nullif({decimal}, {decimal});
greatest({decimal}, {decimal}); least({decimal}, {whole}); if({flag}, {decimal}, {decimal}); trunc({decimal}); {decimal} // {decimal}; {decimal} // {whole}; sign({decimal}); cast({text} as {decimaltype})""",
    "text": """{text} || {text}; {text} || {whole}; {text} || {date}; concat({text}, {text}); concat({text}, {whole}, {decimal}); concat_ws({mark}, {text}, {text}, {whole}); lower({text}); upper({text});
substr({text}, {few}); substr({text}, {few}, {few}); substring({text} from 2 for 3); {text}[{few}]; {text}[1:2]; left({text}, {few}); right({text}, {few}); trim({text}); ltrim({text}); rtrim({text}); trim({text}, {mark}); ltrim({text}, 'ab');
replace({text}, {text}, {text}); reverse({text}); repeat({text}, 2); repeat({text}, {few}); lpad({text}, 5, {mark}); rpad({text}, 3, 'xy'); lpad({text}, {few}, '0'); split_part({text}, {mark}, {few});
regexp_replace({text}, {pattern}, 'x'); regexp_replace({text}, {pattern}, '<\\0>', 'g'); regexp_replace({text}, {pattern}, '', 'g'); regexp_extract({text}, {pattern}); regexp_extract({text}, '(a)(b)?', 2); regexp_extract({text}, {pattern}, 0);
cast({whole} as varchar); cast({decimal} as varchar); cast({flag} as varchar); cast({date} as varchar); cast({moment} as varchar); cast({zoned} as varchar); cast({float} as varchar); cast({list} as varchar); cast({struct} as varchar);
strftime({moment}, {format}); strftime({date}, {format}); strftime({zoned}, {format}); monthname({date}); dayname({moment}); md5({text}); sha256({text}); chr(65); translate({text}, 'abc', 'xy'); initcap({text}); nullif({text}, {text});
case when {flag} then {text} else {text} end; case {text} when {text} then {text} else 'z' end; coalesce({text}, {text}); if({flag}, {text}, {text}); greatest({text}, {text}); least({text}, {text}); {texts}[{few}]; {struct}.b; list_aggregate({texts}, 'string_agg', ','); array_to_string({texts}, ',');
hex({whole}); to_base({whole}, 16); format('{}', {whole}); printf('%d', {whole}); strip_accents({text}); base64({text}::blob); to_json({struct}); json_extract_string({text}, '$.a'); url_encode({text}); string_agg({text}, ',') over (order by id)""",
    "flag": """{whole} = {whole}; {whole} < {whole}; {whole} >= {decimal}; {float} > {float}; {float} = {float}; {float} <> {whole}; {decimal} <= {decimal}; {decimal} = {float}; {text} = {text}; {text} < {text}; {text} >= {text}; {date} < {date}; {date} = {moment};
{moment} > {moment}; {zoned} <= {zoned}; {moment} < {zoned}; {zoned} = {date}; {flag} and {flag}; {flag} or {flag}; not {flag}; {flag} = {flag}; {flag} < {flag}; {whole} is null; {float} is not null; {struct} is null; {list} is not null; {whole} is distinct from {whole}; {float} is not distinct from {float}; {flag} is true; {flag} is not false;
{whole} in (1, 7, {whole}); {text} in ('abc', {text}); {whole} not in (1, null); {float} in ({float}, 1.5); {decimal} in (1, {decimal}); {whole} between {whole} and {whole}; {float} between 0 and {float}; {text} between 'a' and {text}; {date} between {date} and {moment}; {text} like {like}; {text} not like {like}; {text} ilike {like}; {text} like 'a!%%' escape '!';
regexp_matches({text}, {pattern}); regexp_matches({text}, {pattern}, 'i'); regexp_matches({text}, {pattern}, 's'); regexp_full_match({text}, {pattern}); {text} similar to {pattern}; contains({text}, {text}); starts_with({text}, {text}); ends_with({text}, {text}); suffix({text}, 'c'); prefix({text}, {text}); {text} ^@ {text};
list_contains({list}, {whole}); list_contains({texts}, {text}); isnan({float}); isinf({float}); isfinite({float}); cast({whole} as boolean); try_cast({text} as boolean); cast({float} as boolean); {list} = {list}; {struct} = {struct}; {list} < {list}; {texts} = {texts}; case when {flag} then {flag} end; coalesce({flag}, {flag}); if({flag}, {flag}, {flag}); list_has_any({list}, {list}); greatest({flag}, {flag});
{text} = {whole}; {date} = '2024-02-29'; {whole} = '7'; {float} < {decimal}; {date} > '2000-01-01'; {moment} < '2024-01-01'; {flag} = 1; {decimal} > {whole}; ({whole}, {text}) = (1, 'abc'); map_contains({map}, 'k'); isfinite({date}); {text} glob 'a*'""",
    "date": """{date} + {few}; {date} - {few}; {few} + {date}; cast({moment} as date); cast({zoned} as date); try_cast({text} as date); {moment}::date; last_day({date}); last_day({moment}); make_date({few} + 2020, 2, 3); make_date(2024, {few}, 1); greatest({date}, {date}); least({date}, {date}); coalesce({date}, {date}); nullif({date}, {date});
case when {flag} then {date} else {date} end; if({flag}, {date}, {date}); try_strptime({text}, '%Y-%m-%d')::date; cast(date_trunc({dayunit}, {date}) as date); cast({date} + interval 1 month as date); date_trunc({dayunit}, {date}); date({moment}); to_date({text}, '%Y')""",
    "moment": """{moment} + interval 1 month; {moment} - interval 36 hours; {date} + interval 1 day; {date} - interval 1 year; {moment} + interval '2' week; {moment} + interval '1.5' hour; {moment} + to_days({few}); {moment} + interval ({few}) day; {moment} + {few} * interval 1 day; date_add({date}, interval 1 month); {date} + interval 3 quarters;
date_trunc({unit}, {moment}); cast({date} as timestamp); cast({zoned} as timestamp); try_cast({text} as timestamp); try_strptime({text}, '%Y-%m-%d'); try_strptime({text}, {format}); strptime('2024-02-03 04:05:06', '%Y-%m-%d %H:%M:%S'); strptime(strftime({moment}, '%Y-%m-%d %H:%M:%S'), '%Y-%m-%d %H:%M:%S'); greatest({moment}, {moment}); least({moment}, {date}); coalesce({moment}, {moment}); coalesce({moment}, {date});
case when {flag} then {moment} else {date} end; make_timestamp(2024, 2, 3, 4, 5, 6.5); time_bucket(interval 1 day, {moment}); timezone('UTC', {zoned}); {zoned} at time zone 'Europe/Berlin'; {zoned} at time zone 'UTC'; to_timestamp({whole})::timestamp; epoch_ms({whole}); make_timestamp({whole}); nullif({moment}, {moment}); if({flag}, {moment}, {moment}); date_trunc({unit}, {date})""",
    "zoned": """{zoned} + interval 1 day; {zoned} - interval 90 minutes; {zoned} + interval 1 month; date_trunc({unit}, {zoned}); cast({moment} as timestamptz); cast({date} as timestamptz); try_cast({text} as timestamptz); greatest({zoned}, {zoned}); coalesce({zoned}, {zoned}); case when {flag} then {zoned} else {zoned} end; coalesce({zoned}, {moment}); to_timestamp({whole}); to_timestamp({float}); {moment} at time zone 'UTC'; {moment} at time zone 'America/New_York'; if({flag}, {zoned}, {date}); strptime('2024-02-03 +0200', '%Y-%m-%d %z')""",
    "list": """[{whole}, {whole}]; {list} || {list}; list_concat({list}, {list}); list_transform({list}, x -> x + 1); list_filter({list}, x -> x > 1); list_distinct({list}); list_sort({list}); list_reverse({list}); flatten([{list}, {list}]); list_append({list}, {whole}); coalesce({list}, {list}); case when {flag} then {list} else [1] end; [x * 2 for x in {list}]; {list}[1:2]; range(3); cast({list} as bigint[]); list_slice({list}, 1, 2); array_sort({list})""",
    "texts": """string_split({text}, {mark}); [{text}, {text}]; regexp_extract_all({text}, {pattern}); regexp_split_to_array({text}, {pattern}); list_transform({texts}, x -> upper(x)); list_filter({texts}, x -> x is not null); map_keys({map}); list_transform({list}, x -> cast(x as varchar)); list_distinct({texts}); cast({list} as varchar[]); str_split({text}, {mark}); list_reverse({texts})""",
    "struct": """{'a': {whole}, 'b': {text}}; struct_pack(a := {whole}, b := {text}); case when {flag} then {struct} else null end; coalesce({struct}, {struct}); row({whole}, {text}); struct_insert({struct}, c := 1); cast({struct} as struct(a bigint, b varchar))""",
    "map": """map {'k': {whole}}; map {{text}: {whole}}; map(['a', 'k'], [{whole}, {whole}]); coalesce({map}, {map}); map_concat({map}, {map})""",
}  # fmt: skip
AGGREGATES = """count(*); count({any}); count(distinct {any}); sum({whole}); sum({decimal}); sum({float}); avg({whole}); avg({decimal}); avg({float}); min({any}); max({any}); sum(distinct {whole}); avg(distinct {decimal}); min({text}); max({float}); min({float}); max({list}); min({struct}); bool_and({flag}); bool_or({flag});
count(*) filter (where {flag}); sum({whole}) filter (where {flag}); avg({decimal}) filter (where {flag}); count_if({flag}); sum({flag}::int); sum({flag}); stddev({whole}); stddev_pop({float}); variance({whole}); var_pop({decimal}); stddev_samp({decimal}); median({whole}); median({float}); median({decimal}); quantile_cont({whole}, 0.25); quantile_cont({float}, 0.9); quantile_disc({whole}, 0.5); quantile_disc({text}, 0.5); mode({whole}); arg_max({text}, id); arg_min({whole}, {whole} + id * 1000);
max_by({date}, id); string_agg({text}, ',' order by id); string_agg({text}, '|' order by id desc); string_agg(distinct {text}, ',' order by {text}); any_value(y); corr({whole}, {float}); covar_pop({float}, {float}); covar_samp({whole}, {whole}); first({text} order by id); last({whole} order by id); list({whole} order by id); count(distinct {flag}); sum({whole}) / count(*); coalesce(sum({whole}), 0); round(avg({decimal}), 2); sum({whole} * {decimal}); max({date}) - min({date}); median({date}); avg({moment}); approx_count_distinct({whole}); bit_and({whole}); product({whole}); entropy({text}); kurtosis({float}); skewness({float}); regr_slope({float}, {float}); histogram({whole}); count(distinct {float}); min({decimal}); max({zoned}); max({moment}); sum({float}) / sum({whole}); case when count(*) > 2 then max({text}) else min({text}) end; sum(case when {flag} then {decimal} else 0 end); max({whole}) filter (where {flag}) + 1; length(max({text})); geomean({float}); mad({float}); fsum({float}); arg_max({whole}, {float}); list({whole})[99]; listagg({text}, ',' order by id)"""  # fmt: skip
WINDOWS = """row_number() over {win}; rank() over (order by {any}); dense_rank() over (partition by y order by {any}); percent_rank() over (order by {whole}); cume_dist() over (order by {float}); ntile(3) over {win}; lag({any}) over {win}; lag({whole}, 2, 0) over {win}; lead({text}, 1, 'none') over {win}; first_value({any}) over {win}; last_value({any}) over {win}; nth_value({text}, 2) over {win}; sum({whole}) over {win}; sum({decimal}) over {win}; count({any}) over {win}; avg({whole}) over {win}; min({any}) over {win}; max({float}) over {win};
sum({whole}) over (order by id rows between 1 preceding and 1 following); sum({whole}) over (order by id rows between unbounded preceding and current row); max({text}) over (partition by y order by id rows between 2 preceding and 1 preceding); count(*) over (order by i range between 1 preceding and current row); sum({whole}) over (partition by {flag}); count(*) over (order by {any}); lag({text} ignore nulls) over {win}; last_value({whole} ignore nulls) over {win}; sum({decimal}) over () / 2; {whole} - lag({whole}) over {win}; row_number() over (partition by {any} order by id); row_number() over (order by {any}, id); row_number() over (order by {any} desc, id); row_number() over (order by {any} desc nulls first, id); row_number() over (order by {any} nulls last, id); bool_or({flag}) over {win}; string_agg({text}, ',') over {win}; count(distinct {whole}) over (); sum({float}) over (order by id) ; median({whole}) over (partition by y); count(*) filter (where {flag}) over {win}; avg({decimal}) over {win}; sum({whole}) over (order by id groups between 1 preceding and current row); sum({whole}) over (order by d range between interval 30 days preceding and current row); sum({whole}) over (order by id rows between 1 preceding and 1 following exclude current row); first_value({text}) over (partition by y order by id desc); rank() over (partition by {flag} order by {decimal} desc)"""  # fmt: skip
_WIN = "(order by id); (partition by y order by id); (partition by y order by id desc); (partition by tiny order by id)"
_VALUES = ("whole", "float", "decimal", "text", "flag", "date", "moment", "zoned", "list", "texts", "struct", "map")  # fmt: skip
_SORTABLE = ("whole", "float", "decimal", "text", "flag", "date", "moment", "zoned")
_HOLE = re.compile(r"\{([a-z]+)\}")
_GROW = 0.75


def expressions(depth: int = 3) -> st.SearchStrategy[str]:
    """Expressions over one row, of every kind."""
    return st.sampled_from(_VALUES).flatmap(lambda kind: _kind(kind, depth, grown=True))


def aggregates(depth: int = 2) -> st.SearchStrategy[str]:
    """Aggregates of such expressions."""
    return st.sampled_from(_lines(AGGREGATES)).flatmap(lambda line: _filled(line, depth - 1))


def windows(depth: int = 2) -> st.SearchStrategy[str]:
    """Functions over windows whose order tells every row from every other where it matters."""
    return st.sampled_from(_lines(WINDOWS)).flatmap(lambda line: _filled(line, depth - 1))


@cache
def _kind(kind: str, depth: int, *, grown: bool = False) -> st.SearchStrategy[str]:
    if kind == "any":
        return st.sampled_from(_SORTABLE).flatmap(lambda one: _kind(one, depth))
    if kind == "win":
        return st.sampled_from(_lines(_WIN))
    leaves = st.sampled_from(_lines(LEAVES[kind]))
    if kind not in GROWN or depth <= 0:
        return leaves
    more = st.sampled_from(_lines(GROWN[kind])).flatmap(lambda line: _filled(line, depth - 1))
    return more if grown else st.one_of(leaves, more)


def _filled(line: str, depth: int) -> st.SearchStrategy[str]:
    """Fill a template's holes."""
    pieces = _HOLE.split(line)
    holes = [_kind(name, depth) for name in pieces[1::2]]

    def joined(found: tuple[str, ...]) -> str:
        out = [pieces[0]]
        for name, value, rest in zip(pieces[1::2], found, pieces[2::2], strict=True):
            bare = name in _BARE or re.fullmatch(r"\w+|'[^']*'", value)
            out += [value if bare else f"({value})", rest]
        return "".join(out)

    return st.tuples(*holes).map(joined)


_BARE = {"win", "pattern", "like", "format", "mark", "unit", "dayunit", "digits", "few",
         "wholetype", "decimaltype", "floattype"}  # fmt: skip


@cache
def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\n", " ").split(";") if line.strip()]
