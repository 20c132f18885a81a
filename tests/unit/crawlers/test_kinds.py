"""Types of values, and what holds two of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.types import parse_type
from lakeworks.crawlers.kinds import (
    VOID,
    Record,
    alike,
    combined,
    hive_text,
    merged,
    of_value,
    settled,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abC", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "int"),
        (2**31, "bigint"),
        (-(2**31), "int"),
        (2**63, "decimal(38,0)"),
        (10**38, "string"),
        (1.5, "double"),
        (True, "boolean"),
        ("2024-01-01", "string"),
        (None, "string"),
        ([], "array<string>"),
        ([1, 2.5, None], "array<double>"),
        ([1, "a"], "array<string>"),
        ([{"a": 1}, {"b": [True]}], "array<struct<a:int,b:array<boolean>>>"),
        ({"a": {}}, "struct<a:string>"),
        ({"a": 1, "A": 2.5}, "struct<a:double>"),
        ({"a b": 1}, "struct<`a b`:int>"),
        ({str(n): n for n in range(1001)}, "map<string,int>"),
    ],
)
def test_a_json_value_has_the_type_that_glue_gives_it(value: Any, kind: str) -> None:
    assert hive_text(of_value(value)) == kind


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("int", "bigint", "bigint"),
        ("int", "double", "double"),
        ("bigint", "double", "double"),
        ("int", "string", "string"),
        ("boolean", "int", "string"),
        ("date", "string", "string"),
        ("decimal(10,2)", "decimal(12,4)", "decimal(12,4)"),
        ("struct<a:int>", "struct<b:string,a:double>", "struct<a:double,b:string>"),
        ("struct<a:int>", "struct<a:struct<x:int>>", "struct<a:string>"),
        ("struct<a:int>", "string", "string"),
        ("array<int>", "array<string>", "array<string>"),
        ("array<int>", "int", "string"),
        ("map<string,int>", "struct<a:double>", "map<string,double>"),
    ],
)
def test_two_types_are_held_by_the_smallest_that_loses_nothing(
    one: str, other: str, both: str
) -> None:
    assert hive_text(combined(parse_type(one), parse_type(other))) == both


@given(JSON, JSON)
def test_what_holds_two_values_does_not_hang_on_their_order_but_for_fields(
    one: Any, other: Any
) -> None:
    def plain(kind: Any) -> object:
        """A type without the order of its fields."""
        if hasattr(kind, "fields"):
            return frozenset((f.name.lower(), plain(f.type)) for f in kind.fields)
        if hasattr(kind, "element"):
            return ("array", plain(kind.element))
        return kind

    first, second = of_value(one), of_value(other)
    assert plain(combined(first, second)) == plain(combined(second, first))


@given(JSON, JSON)
def test_a_type_that_holds_both_holds_each_again(one: Any, other: Any) -> None:
    both = combined(of_value(one), of_value(other))
    assert combined(both, of_value(one)) == both
    assert combined(both, of_value(other)) == both


@given(JSON)
def test_every_type_can_be_read_again_as_it_is_written(value: Any) -> None:
    text = hive_text(of_value(value))
    assert str(parse_type(text)) == text


def test_deep_values_end_in_text() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    assert hive_text(of_value(value)).count("array<") == 40


def test_names_that_differ_in_case_only_are_one_column() -> None:
    record = Record()
    record.add({"Id": 1, "x": None})
    record.add({"id": 2.5})
    assert [(n, hive_text(k)) for n, k in record.found()] == [("Id", "double"), ("x", "string")]
    assert record.rows == 2


def test_columns_are_merged_with_the_first_ones_first() -> None:
    one = (("a", parse_type("int")), ("b", VOID))
    other = (("B", parse_type("string")), ("c", parse_type("date")))
    assert merged(one, other) == (
        ("a", parse_type("int")), ("b", parse_type("string")), ("c", parse_type("date")),
    )  # fmt: skip


def test_types_are_alike_unless_only_text_holds_both() -> None:
    assert alike(parse_type("int"), parse_type("double"))
    assert alike(VOID, parse_type("date"))
    assert alike(parse_type("struct<a:int>"), parse_type("struct<b:int>"))
    assert not alike(parse_type("int"), parse_type("string"))
    assert not alike(parse_type("array<int>"), parse_type("array<string>"))


def test_wall_clock_times_are_timestamps_to_hive() -> None:
    assert str(settled(parse_type("map<string,timestamp_ntz>"))) == "map<string,timestamp>"
