"""A value is found as a word, under its key, and in no longer one."""

from __future__ import annotations

import pytest

from lakeworks.privacy.text_search import Keys, Words, candidates, is_telling, needles


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C-17", True), ("see C-17.", True), ("C-17, C-18", True), ('{"a":"C-17"}', True),
        ("(C-17)", True), ("C-170", False), ("XC-17", False), ("C-17-B", False),
        ("AC-17", False), ("C-17@x", False), ("c-17", False),
    ],
)  # fmt: skip
def test_a_word_is_found_where_it_stands_alone(text: str, expected: bool) -> None:
    assert Words(frozenset({"C-17"})).within(text) is expected


def test_an_address_is_no_part_of_a_longer_one() -> None:
    words = Words(frozenset({"ana@x.org"}))
    assert words.within("mail to ana@x.org.")
    assert words.within("<ana@x.org>")
    assert not words.within("diana@x.org")
    assert not words.within("lady.ana@x.org")
    assert not words.within("ana@x.org.uk")


@pytest.mark.parametrize("value", ["Zoë", 'a"b\\c', "O'Neill-1"])
def test_values_are_found_as_json_and_sql_write_them(value: str) -> None:
    import json

    words = Words(frozenset({value}))
    assert words.within(json.dumps({"a": value}))
    assert words.within(json.dumps({"a": value}, ensure_ascii=False))
    assert words.within(json.dumps({"a": json.dumps({"b": value})}))
    assert words.within("where name = '" + value.replace("'", "''") + "'")
    assert not words.within(words.out_of(json.dumps({"a": value})))


def test_a_short_number_is_no_word() -> None:
    assert [is_telling(v) for v in ("17", "12345", "1.5", "ab", "a", "")] == [False] * 6
    assert [is_telling(v) for v in ("123456", "C-17", "ana", "+43 660 12")] == [True] * 4
    assert not Words(frozenset({"17"})).within("17 apples")


def test_keys_count_however_deep_and_in_json_within_json() -> None:
    keys = Keys({"id": frozenset({"17"})}, Words(frozenset()))
    assert keys.owns_text('{"id": 17}')
    assert keys.owns_text('{"a": [{"ID": "17"}]}')
    assert keys.owns_text('{"a": "{\\"id\\": 17}"}')
    assert not keys.owns_text('{"count": 17}')
    assert not keys.owns_text('{"id": 170}')
    assert keys.owns_text('{"id": [17]}')
    assert not keys.owns_text('{"id": [17, 18]}')
    assert not keys.owns_text("17")


def test_a_value_without_letters_can_be_anywhere() -> None:
    assert needles(["C-17", "--"]) == ("",)
    assert needles(["C-17", "ana@x.org"]) == ("17", "ana")


def test_every_value_that_stands_in_a_text_as_a_word_is_a_candidate() -> None:
    text = '"C-17";Ana Maria,ana@x.org +43 660 1234567 (O\'Neil) 4711'
    found = set(candidates(text))
    for value in ("C-17", "Ana Maria", "ana@x.org", "+43 660 1234567", "O'Neil"):
        assert Words(frozenset({value})).within(text)
        assert value in found
    assert not {"17", "4711", "C", "x.org", "660"} & found
