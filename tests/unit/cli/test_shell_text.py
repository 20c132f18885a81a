"""What is typed into the shell: where statements end, and what a word may become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.cli.shell_text import is_whole, parts, place, word_before


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select 1;", ["select 1"]),
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select ';' as a, \";\" from t; ", ["select ';' as a, \";\" from t"]),
        ("select 1 -- no; end\n;", ["select 1 -- no; end"]),
        ("select /* ; /* ; */ ; */ 1;", ["select /* ; /* ; */ ; */ 1"]),
        ("select $$;$$, $a$;$$;$a$;", ["select $$;$$, $a$;$$;$a$"]),
        (r"select e'\';';", [r"select e'\';'"]),
        ("select 'it''s;';", ["select 'it''s;'"]),
        ("select 1; -- done", ["select 1"]),
        ("\\dt\nselect 1;\n\\q", ["\\dt", "select 1", "\\q"]),
        ("select 1", ["select 1"]),
        (";;  ;", []),
        ("exit", ["exit"]),
        ("", []),
    ],
)
def test_input_is_parted_at_the_semicolons_that_end_statements(
    text: str, found: list[str]
) -> None:
    assert parts(text) == found


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("select 1", False), ("select 1;", True), ("select ';", False), ("select ';'", False),
        ("select 1; select", False), ("select 1; -- then\n", True), ("/* ;", False),
        ("$$ ; ", False), ("\\d silver.orders", True), ("quit", True), ("", True),
        ('select ";', False),
    ],
)  # fmt: skip
def test_more_is_asked_for_until_a_statement_has_its_end(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


@given(st.lists(st.text("ab'\"$-/*\n; ", max_size=12), max_size=4).map("".join))
def test_no_input_is_lost_or_parted_within_quotes(text: str) -> None:
    found = parts(text)
    assert all(one in text for one in found)
    at = 0
    for one in found:
        at = text.index(one, at) + len(one)
    if is_whole(text) and found:
        assert ";" in text


def test_a_place_knows_the_tables_of_the_whole_statement_and_their_aliases() -> None:
    whole = (
        "select o. from silver.orders as o join gold.days d using (day) where silver.x.y = 1"
    )
    found = place("select o.", whole)
    assert found.word == "o."
    assert found.aliases["o"] == "silver.orders"
    assert found.aliases["d"] == "gold.days"
    assert found.aliases["orders"] == "silver.orders"
    assert not found.wants_table
    assert place("select * from si", "").wants_table
    assert "where" not in place("", "from silver.orders where a").aliases


def test_the_word_before_the_cursor_has_its_dots_and_a_command_its_backslash() -> None:
    assert word_before("select silver.or") == "silver.or"
    assert word_before("  \\ti") == "\\ti"
    assert word_before("\\d sil") == "sil"
    assert word_before("select ") == ""
