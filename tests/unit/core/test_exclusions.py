"""Globs of what a crawl leaves out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.exclusions import Exclusions, PatternError, literal, pattern_regex


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "x/a.csv", False),
        ("**.csv", "x/y/a.csv", True),
        ("*.*", "a.b", True),
        ("*.*", "ab", False),
        ("*.{csv,avro}", "a.avro", True),
        ("*.{csv,avro}", "a.json", False),
        ("foo.?", "foo.b", True),
        ("foo.?", "foo.bc", False),
        ("myfolder/*", "myfolder/a", True),
        ("myfolder/*", "myfolder/sub/a", False),
        ("myfolder/*/*", "myfolder/sub/a", True),
        ("myfolder/**", "myfolder/sub/deep/a", True),
        ("myfolder**", "myfolder.txt", True),
        ("department/{market,sales}*/**", "department/sales2/a/b", True),
        ("[A-Z]*", "Ab", True),
        ("[A-Z]*", "ab", False),
        ("[!a]b", "cb", True),
        ("[!a]b", "ab", False),
        ("[!a]b", "/b", False),
        (r"\{a\}", "{a}", True),
        ("[*?]x", "*x", True),
        ("[*?]x", "ax", False),
        ("[-a]x", "-x", True),
        ("a+b(c)", "a+b(c)", True),
    ],
)
def test_a_pattern_leaves_out_what_glue_leaves_out(
    pattern: str, path: str, left_out: bool
) -> None:
    assert Exclusions((pattern,)).match(path) is left_out


def test_without_patterns_nothing_is_left_out() -> None:
    assert not Exclusions(()).match("")
    assert not Exclusions(()).match("a")


def test_any_of_several_patterns_leaves_a_path_out() -> None:
    both = Exclusions(("a*", "**.tmp"))
    assert [path for path in ("ab", "x/y.tmp", "b") if both.match(path)] == ["ab", "x/y.tmp"]


@pytest.mark.parametrize("pattern", ["[a", "{a,b", "{a{b}}", "a\\", "[z-a]", "x" * 3000])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="is not a pattern"):
        pattern_regex(pattern)


@given(st.text(alphabet="ab/*?[]{},!\\-^", max_size=12), st.text(alphabet="ab/-^", max_size=8))
def test_any_text_is_either_refused_or_a_pattern_that_answers(pattern: str, path: str) -> None:
    try:
        exclusions = Exclusions((pattern,))
    except PatternError:
        return
    assert exclusions.match(path) in {True, False}


@given(st.text(alphabet="abc/._ é", min_size=1, max_size=12))
def test_a_path_without_marks_leaves_out_exactly_itself(path: str) -> None:
    assert Exclusions((path,)).match(path)
    assert not Exclusions((path,)).match(f"{path}x")


@given(
    st.text(alphabet="ab/*?[]{},!\\-^", max_size=12), st.text(alphabet="ab*?[]{}\\", max_size=8)
)
def test_a_text_made_literal_matches_itself_and_nothing_else(text: str, other: str) -> None:
    exclusions = Exclusions((literal(text),))
    assert exclusions.match(text)
    assert exclusions.match(other) is (other == text)
