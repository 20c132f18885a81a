"""Statements are read word by word; the query within stays the text that it was."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.query.errors import StatementSyntaxError
from lakeworks.query.statements.words import Words


def test_a_statement_is_read_up_to_its_query() -> None:
    words = Words(
        "/* why */ Create TABLE `gold`.\"t\" WITH (format = 'parquet', 'keys' = ARRAY['a', 'b'], "
        "n = -1.5) AS -- here\n select 'it''s'  -- kept"
    )
    words.expect("CREATE", "TABLE")
    assert words.table() == TableName("gold", "t")
    words.expect("WITH")
    assert words.properties() == {"format": "parquet", "keys": ["a", "b"], "n": -1.5}
    words.expect("AS")
    assert words.rest() == "select 'it''s'  -- kept"
    words.end()


def test_what_stands_in_parentheses_is_a_text_with_its_own_parentheses() -> None:
    words = Words("unload (select ')', (1)) to 's3://bucket/prefix';")
    words.expect("UNLOAD")
    assert words.parenthesised() == "select ')', (1)"
    words.expect("TO")
    assert words.literal() == "s3://bucket/prefix"
    words.end()


def test_words_in_quotes_are_names_and_no_words() -> None:
    words = Words('"table" x')
    assert not words.take("TABLE")
    assert words.identifier() == "table"


@pytest.mark.parametrize(
    ("text", "read", "told"),
    [
        ("", "table", "a name is expected"),
        ("x", "table", "write 'x' with its database"),
        ("'x'", "identifier", "a name is expected"),
        ("(a b)", "names", ") is expected"),
        ("(select 1", "parenthesised", "does not close"),
        ("(a = 1, A = 2)", "properties", "a stands there twice"),
        ("(a = b)", "properties", "a text or a number is expected"),
        ("", "rest", "a query is expected"),
        ("; select 1", "end", "'select' is not expected here"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, read: str, told: str) -> None:
    words = Words(text)
    with pytest.raises(StatementSyntaxError, match="line 1, column") as refused:
        getattr(words, read)()
    assert told in refused.value.problem


def test_a_quote_without_an_end_is_told() -> None:
    with pytest.raises(StatementSyntaxError, match="a quote has no end"):
        Words("unload 'x")


@given(st.text(alphabet="abt.,()='\"`; -*/[]\n1", max_size=30))
def test_no_text_gives_anything_but_a_reading_or_a_placed_error(text: str) -> None:
    for read in ("table", "names", "properties", "parenthesised", "rest", "literal"):
        with suppress(StatementSyntaxError):  # anything else fails the test
            words = Words(text)
            getattr(words, read)()
            words.end()
