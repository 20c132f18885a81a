"""Where comments end and words begin."""

from __future__ import annotations

import pytest

from lakeworks.core.sql_text import begin_of, comment_end, first_word


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        (" grant select", "GRANT"),
        ("/* a /* nested */ one */ -- and a line\n create table x", "CREATE"),
        ("-- nothing else", ""),
        ("/* never closed: select 1", ""),
        ("(select 1)", ""),
        ("granted", "GRANTED"),
        ("", ""),
    ],
)
def test_the_first_word_stands_after_blanks_and_comments(sql: str, word: str) -> None:
    assert first_word(sql) == word


def test_a_comment_without_an_end_takes_the_rest() -> None:
    assert comment_end("/* /* */", 0) == len("/* /* */")
    assert begin_of("/* /* */ x */ y") == len("/* /* */ x */ ")
