from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.cli import render

NOW = datetime(2026, 11, 22, 4, 42, 30, tzinfo=UTC)


def test_table_puts_numbers_right_and_text_left() -> None:
    drawn = render.table(["name", "rows"], [["a", 5], ["bcdef", 12345]])
    assert drawn.splitlines() == [
        "name     rows",
        "-----  ------",
        "a           5",
        "bcdef  12,345",
    ]


def test_table_shows_null_as_asked_and_false_as_false() -> None:
    drawn = render.table(["x", "y"], [[None, False]], null="null")
    assert drawn.splitlines()[-1] == "null  false"


def test_table_is_narrowed_to_the_terminal_and_says_so() -> None:
    drawn = render.table(["a", "b"], [["x" * 40, "y" * 10]], width=30)
    assert max(len(line) for line in drawn.splitlines()) <= 30
    assert "x…" in drawn
    assert "y" * 10 in drawn


def test_table_without_rows_has_headers() -> None:
    assert render.table(["a", "b"], []).splitlines() == ["a  b", "-  -"]


def test_wide_characters_take_two_places() -> None:
    lines = render.table(["n", "x"], [["日本", "1"], ["ab", "2"]]).splitlines()
    assert lines[2] == "日本  1"
    assert lines[3] == "ab    2"


def test_data_cannot_steer_the_terminal() -> None:
    drawn = render.table(["x"], [["\x1b[2J\nowned"]])
    assert "\x1b" not in drawn
    assert r"\x1b[2J\nowned" in drawn


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_any_rows_give_one_line_each(rows: list[list[str]]) -> None:
    assert len(render.table(["a", "b"], rows).split("\n")) == len(rows) + 2


def test_decimals_keep_their_digits() -> None:
    assert "10.50" in render.table(["x"], [[Decimal("10.50")]])


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (1_234_567, "1.2 MB")],
)
def test_sizes(size_bytes: int, shown: str) -> None:
    assert render.size(size_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4212, "0.42 s"), (12.34, "12.3 s"), (185, "3 min 05 s")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=400), "1 year ago"),
    ],
)
def test_ages(passed: timedelta, shown: str) -> None:
    assert render.age(NOW - passed, NOW) == shown


def test_moments_are_in_utc() -> None:
    assert render.moment(NOW) == "2026-11-22 04:42:30Z"


def test_a_plan_and_a_text_that_stands_alone_are_never_cut() -> None:
    plan = render.answer(["explain_key", "explain_value"], [["physical_plan", "┌─┐\n│ a"]])
    assert plan == "┌─┐\n│ a"
    long = "x" * 200
    assert render.answer(["statement"], [[long]], width=80).splitlines() == [
        "statement", "-" * 80, long,
    ]  # fmt: skip
    assert "…" in render.answer(["a", "b"], [[long, long]], width=80)
