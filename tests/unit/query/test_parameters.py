from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.query.errors import ParameterError
from lakeworks.query.parameters import literal, with_parameters

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.decimals(-(10**18), 10**18, places=6),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))),
    st.dates(),
    st.datetimes(),
    st.binary(),
)


@given(PLAIN)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    con = duckdb.connect()
    found = con.execute(f"select {literal(value)}").fetchall()[0][0]
    assert found == value


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)))))
def test_no_text_ends_its_literal(texts: list[str]) -> None:
    con = duckdb.connect()
    marks = ", ".join("?" for _ in texts)
    sql = with_parameters(f"select [{marks}]", texts) if texts else "select []"
    assert con.execute(sql).fetchall()[0][0] == texts


@pytest.mark.parametrize(
    ("sql", "values", "filled"),
    [
        ("select ?, ?", [1, "a'b"], "select 1, 'a''b'"),
        ("select $2, $1", [1, 2], "select 2, 1"),
        ("select $a, :b", {"a": 1, "b": None}, "select 1, NULL"),
        ("select '?', \"?\", $$?$$, ? -- ?", [1], "select '?', \"?\", $$?$$, 1 -- ?"),
        ("select /* ? /* ? */ ? */ ?", [1], "select /* ? /* ? */ ? */ 1"),
        ("select a::int, :b", {"b": 2}, "select a::int, 2"),
        ("select x[1:2], ?", [date(2026, 1, 2)], "select x[1:2], DATE '2026-01-02'"),
        ("select ?", [[1, "x"]], "select [1, 'x']"),
        ("select ?", [{"a": 1}], "select {\"a\": 1}"),
        ("select ?", [timedelta(seconds=2)], "select to_microseconds(2000000)"),
        ("select ?", [time(1, 2)], "select TIME '01:02:00'"),
        ("select ?", [Decimal("1E+3")], "select 1000"),
        ("select ?", [datetime(2026, 1, 2, tzinfo=UTC)],
         "select TIMESTAMPTZ '2026-01-02 00:00:00+00:00'"),
    ],
)  # fmt: skip
def test_values_take_their_places(sql: str, values: Any, filled: str) -> None:
    assert with_parameters(sql, values) == filled


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("select ?", [1, 2]),
        ("select ?, ?", [1]),
        ("select $x", {"y": 1}),
        ("select $3", [1]),
        ("select ?", [object()]),
        ("select ?", ["\x00"]),
        ("select '?'", [1]),
    ],
)
def test_what_does_not_fit_is_refused(sql: str, values: Any) -> None:
    with pytest.raises(ParameterError):
        with_parameters(sql, values)


@pytest.mark.parametrize(
    "number", ["1e999999999", "-1e-999999999", "1e401", "sNaN", "Infinity"]
)
def test_a_number_without_an_end_of_digits_is_refused(number: str) -> None:
    with pytest.raises(ParameterError, match="Decimal"):
        literal(Decimal(number))


def test_a_place_that_is_named_often_makes_no_statement_without_an_end() -> None:
    with pytest.raises(ParameterError, match="characters"):
        with_parameters("select " + "$a " * 1_000, {"a": "x" * 100_000})


def test_quotes_that_never_close_take_the_rest() -> None:
    # Each was looked for to the end of the text: this took the square of its length.
    sql = " ".join(f"$a{number}$" for number in range(50_000))
    assert with_parameters(f"{sql} ?", {}) == f"{sql} ?"
    with pytest.raises(ParameterError, match="no place"):
        with_parameters(f"select $a$ {sql} ?", [1])


def test_a_place_with_thousands_of_digits_is_none() -> None:
    with pytest.raises(ParameterError, match="no value"):
        with_parameters("select $" + "9" * 5_000, [1])
