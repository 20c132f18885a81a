"""Row filters keep to Lake Formation's grammar; masks keep the type, tell nothing more, never fail."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.sql_types import sql_type
from lakeworks.core.types import Field, Schema, Type, parse_type
from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.expressions import MAX_DEPTH, parse
from lakeworks.governance.mask_functions import FUNCTIONS
from lakeworks.governance.mask_salt import SALT_VARIABLE
from lakeworks.governance.masks import Mask, check_expression
from lakeworks.governance.row_filters import FilterWriter, MissingSessionTagError, parse_filter

TYPES = {
    "text": "string", "number": "int", "big": "bigint", "ratio": "double", "money": "decimal(10,2)",
    "flag": "boolean", "day": "date", "instant": "timestamp", "wall": "timestamp_ntz",
    "bytes": "binary", "tiny": "tinyint", "list": "array<int>", "map": "map<string,int>",
    "odd name": "string", "nested": "struct<a:int,b:struct<c:string>>",
}  # fmt: skip
SCHEMA = Schema(tuple(Field(name, parse_type(kind)) for name, kind in TYPES.items()))
ROW = (
    "select 'DE' as text, 5 as number, 9000000000 as big, 1.5::double as ratio, 9.99::decimal(10,2) "
    "as money, true as flag, date '2026-02-03' as day, timestamptz '2026-02-03 10:00:00+00' as "
    "instant, timestamp '2026-02-03 10:00:00' as wall, 'x'::blob as bytes, 1::tinyint as tiny, "
    "[1] as list, map {'a': 1} as map, 'o''x' as \"odd name\", "
    "{'a': 1, 'b': {'c': 'deep'}} as nested"
)
CONNECTION = duckdb.connect()
CONNECTION.execute("set timezone = 'UTC'")


def holds(rows: str, **tags: str) -> Any:
    condition = FilterWriter(SCHEMA, tags).sql(parse_filter(rows))
    found = CONNECTION.sql(f"select {condition} from ({ROW})").fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    "rows",
    [
        "text = 'DE'", "TEXT != 'FR'", "text <> 'x' and number >= 5", "number between 5 and 6",
        "number in (4, 5)", "not number in (6)", "number not in (6, 7)", "text like 'D_'",
        "text not like '%x'", "text is not null", "not (text is null)", "flag", "flag = true",
        "money = 9.99", "ratio > 1", "ratio < 1.5e3", "number > -3", "big = 9000000000",
        "day = '2026-02-03'", "day >= date '2026-01-01'", "instant = '2026-02-03T11:00:00+01:00'",
        "instant > '2026-02-03'", "wall = timestamp '2026-02-03 10:00:00'",
        "nested.a = 1", "nested.B.c = 'deep'", '"odd name" = \'o\'\'x\'', "`odd name` like 'o%'",
        "(text = 'x' or number = 5) and not (flag = false)", "tiny in (1)",
    ],
)  # fmt: skip
def test_a_filter_of_the_grammar_holds_for_the_row_that_it_describes(rows: str) -> None:
    assert holds(rows) is True


@pytest.mark.parametrize(
    "rows",
    [
        "", "text", "number", "text =", "= 1", "text = 'a", "text = number", "1 = 1", "'a' = text",
        "lower(text) = 'de'", "text = lower('DE')", "number + 1 = 2", "text || 'a' = 'b'",
        "number = (select 1)", "text = 'a'; drop table x", "text = 'a' -- comment", "exists (x)",
        "text in ()", "text in (select 1)", "text between 'a'", "text = null", "case when 1 end",
        "number::text = '5'", "cast(number as text) = '5'", "text = $1", "text = ?", "a.b.c",
        "not", "()", "text like", "text = 'a' or", "number = 1e", "true", "session_tag('x')",
        "text ~ 'x'", "text ilike 'x'", "list[1] = 1", "number = 0x10", "text = e'x'", "*",
    ],
)  # fmt: skip
def test_what_is_not_in_the_grammar_is_refused(rows: str) -> None:
    with pytest.raises(ExpressionError):
        holds(rows)


@pytest.mark.parametrize(
    "rows",
    [
        "number = '5'", "number = 1.5", "text = 5", "flag = 1", "bytes = 'x'", "list = 1",
        "day = 'soon'", "day = '2026-13-01'", "day = timestamp '2026-01-01 00:00:00'", "map = 'x'",
        "wall = '2026-02-03T10:00:00+01:00'", "nested = 1", "nested.z = 1", "text.a = 'x'",
        "number = 99999999999999999999", "number like '5'", "money = 1e3", "ratio = 'NaN'",
    ],
)  # fmt: skip
def test_a_constant_has_the_type_of_its_column(rows: str) -> None:
    with pytest.raises(ExpressionError):
        holds(rows)


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(ExpressionError):
        parse_filter("text = '" + "x" * 2050 + "'")
    parse_filter("(" * MAX_DEPTH + "flag" + ")" * MAX_DEPTH)
    for deep in ("(" * 900 + "flag" + ")" * 900, "not " * 500 + "flag"):
        with pytest.raises(ExpressionError):
            parse_filter(deep)


def test_a_session_tag_takes_the_type_of_its_column() -> None:
    assert holds("text = session_tag('c')", c="DE") is True
    assert holds("number = session_tag('n')", n="5") is True
    assert holds("day in (session_tag('d'))", d="2026-02-03") is True
    with pytest.raises(MissingSessionTagError):
        holds("text = session_tag('c')")
    for bad in ("5 or 1 = 1", "5)", "'5'", ""):
        with pytest.raises(ExpressionError):
            holds("number = session_tag('n')", n=bad)


def test_null_is_neither_true_nor_false_whatever_not_says() -> None:
    condition = FilterWriter(SCHEMA, {}).sql(parse_filter("not (text = 'DE')"))
    assert CONNECTION.sql(
        f"select {condition} from (select null::varchar as text)"
    ).fetchone() == (None,)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab'\"`()=<>.,-/*;| \n\\0123456789%_é", max_size=40))
def test_no_text_gets_past_the_parser_as_anything_but_a_condition_on_columns(text: str) -> None:
    schema = Schema((Field("a", parse_type("string")), Field("b", parse_type("int"))))
    try:
        condition = FilterWriter(schema, {}).sql(parse_filter(text))
    except ExpressionError:
        return
    found = CONNECTION.sql(f"select {condition} from (select 'x' as a, 1 as b)")
    assert [str(kind) for kind in found.types] == ["BOOLEAN"]


# Masks --------------------------------------------------------------------------------


def shown(mask: Mask, value: str, kind: str) -> Any:
    parsed: Type = parse_type(kind)
    sql = f"select {mask.sql('v', parsed)} as v from (select cast({value} as {sql_type(parsed)}) as v)"
    result = CONNECTION.sql(sql)
    declared = CONNECTION.sql(f"select cast(null as {sql_type(parsed)})").types[0]
    assert result.types[0] == declared
    found = result.fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("kind", ["null", "redact", "last4", "hash", "year", "email_domain"])
@pytest.mark.parametrize("column", TYPES.values())
def test_every_mask_keeps_every_type(
    kind: Any, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SALT_VARIABLE, "a long salt")
    for mask in (Mask(kind), Mask("sql", "value"), Mask("sql", "'x' || upper(value)")):
        shown(mask, "null", column)


@pytest.mark.parametrize(
    ("mask", "value", "kind", "expected"),
    [
        ("last4", "'4111111111111111'", "string", "************1111"),
        ("last4", "'1234567'", "string", "*******"),
        ("last4", "null", "string", None),
        ("last4", "12345678", "int", None),
        ("redact", "null", "string", "[redacted]"),
        ("redact", "5", "int", None),
        ("email_domain", "'ana@example.com'", "string", "***@example.com"),
        ("email_domain", "'a@b@c'", "string", "***"),
        ("email_domain", "'no address'", "string", "***"),
        ("email_domain", "''", "string", "***"),
        ("year", "'1984-05-06'", "string", "1984"),
        ("year", "'soon'", "string", None),
        ("null", "'x'", "string", None),
    ],
)
def test_masks_show_what_they_say(mask: Any, value: str, kind: str, expected: object) -> None:
    assert shown(Mask(mask), value, kind) == expected


def test_the_year_of_a_date_is_its_first_day() -> None:
    assert str(shown(Mask("year"), "'1984-05-06'", "date")) == "1984-01-01"
    assert (
        str(shown(Mask("year"), "'1984-05-06 10:00:00'", "timestamp_ntz"))
        == "1984-01-01 00:00:00"
    )


def test_a_hash_needs_a_salt_joins_equal_values_and_differs_by_salt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SALT_VARIABLE, raising=False)
    assert shown(Mask("hash"), "'ana'", "string") is None
    monkeypatch.setenv(SALT_VARIABLE, "short")
    assert shown(Mask("hash"), "'ana'", "string") is None
    monkeypatch.setenv(SALT_VARIABLE, "one long salt")
    one = shown(Mask("hash"), "'ana'", "string")
    assert one == shown(Mask("hash"), "'ana'", "string")
    assert (len(one), shown(Mask("hash"), "'bea'", "string") == one) == (64, False)
    assert 0 <= shown(Mask("hash"), "5", "int") < 10**9
    assert shown(Mask("hash"), "null", "bigint") is None
    monkeypatch.setenv(SALT_VARIABLE, "another salt")
    assert shown(Mask("hash"), "'ana'", "string") != one


@pytest.mark.parametrize(
    ("expression", "value", "kind", "expected"),
    [
        ("left(value, 1) || '.'", "'ana'", "string", "a."),
        ("floor(value / 10) * 10", "57", "int", 50),
        ("case when value > 100 then 100 else value end", "500", "int", 100),
        ("case when value like 'a%' then 'A' else '?' end", "'ana'", "string", "A"),
        ("year(value)", "'1984-05-06'", "string", "1984"),
        ("value", "9.99", "decimal(4,2)", 9.99),
        ("'text'", "5", "int", None),
        ("value / 0", "5", "int", None),
        ("value * 1e300 * 1e300", "5", "bigint", None),
        ("coalesce(nullif(value, 'x'), 'none')", "'x'", "string", "none"),
        ("concat(upper(left(value, 2)), '…', length(value))", "'anna'", "string", "AN…4"),
        ("value is null", "null", "boolean", True),
        ("not value", "true", "boolean", False),
    ],
)
def test_an_expression_is_of_the_columns_type_or_null(
    expression: str, value: str, kind: str, expected: object
) -> None:
    found = shown(Mask("sql", expression), value, kind)
    assert (float(found) if isinstance(expected, float) else found) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "", "other", "value.a", "(select 1)", "getenv('HOME')", "read_text('/etc/passwd')",
        "current_setting('x')", "repeat(value, 1000000)", "left(value, value)", "value::int",
        "cast(value as int)", "session_tag('x')", "upper()", "upper(value, value)", "random()",
        "value; select 1", "substr(value, 99999999)", "lower(value", "case end", "version()",
        "hash(value)", "regexp_replace(value, 'a', 'b')", "value[1]", "left(value, 1 + 1)",
    ],
)  # fmt: skip
def test_an_expression_outside_the_language_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        check_expression(expression)
    assert shown(Mask("sql", expression), "'secret'", "string") is None


leaves = st.sampled_from(
    ["value", "'a'", "''", "5", "-1", "null", "true", "0", "1e308", "'2024-02-30'"]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def call(name: str) -> st.SearchStrategy[str]:
        takes = FUNCTIONS[name].takes
        parts = [st.sampled_from(["0", "-3", "2"]) if t == "count" else inner for t in takes]
        return st.tuples(*parts).map(lambda found: f"{name}({', '.join(found)})")

    pair = st.tuples(inner, inner)
    operators = st.sampled_from(["+", "-", "*", "/", "||", "=", "<", "and", "or", "like"])
    return (
        st.sampled_from(sorted(FUNCTIONS)).flatmap(call)
        | st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | pair.map(lambda t: f"case when {t[0]} then {t[1]} else value end")
        | inner.map(lambda one: f"({one} is null)")
        | inner.map(lambda one: f"(not {one})")
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} between {t[1]} and {t[2]})")
        | st.tuples(inner, inner).map(lambda t: f"({t[0]} in ({t[1]}, 'x'))")
    )


@settings(max_examples=1_000, deadline=None)
@given(
    st.recursive(leaves, _grown, max_leaves=6),
    st.sampled_from(["string", "int", "decimal(10,2)", "date", "boolean", "timestamp"]),
)
def test_no_expression_makes_a_query_fail_whatever_the_value_is(
    expression: str, kind: str
) -> None:
    check_expression(expression)
    values = {
        "string": ["'ana'", "''", "'nan'", "'9999999999999999999999'", "'%_'"],
        "int": ["2147483647", "-2147483648", "0"], "decimal(10,2)": ["-99999999.99"],
        "date": ["'0001-01-01'", "'9999-12-31'"], "boolean": ["true"],
        "timestamp": ["'1969-12-31 23:59:59+00'"],
    }[kind]  # fmt: skip
    parsed = parse_type(kind)
    masked = Mask("sql", expression).sql("v", parsed)
    for value in [*values, "null"]:
        source = f"(select cast({value} as {sql_type(parsed)}) as v)"
        assert CONNECTION.sql(f"select cast({masked} as varchar) from {source}").fetchone()


def test_parse_without_functions_knows_none() -> None:
    with pytest.raises(ExpressionError, match="upper"):
        parse("upper(a) = 'x'")
