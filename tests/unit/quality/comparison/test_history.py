"""Functions over earlier runs: what they stand for, and when they stand for nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lakeworks.quality.comparison.history import (
    HistoryError,
    is_dynamic,
    known_values,
    problem,
    resolved,
)
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.ruleset import Condition, Number, Rule


def asked(text: str) -> Condition:
    rule = parse(f"Rules = [ RowCount {text} ]").rules[0]
    assert isinstance(rule, Rule)
    assert rule.condition is not None
    return rule.condition


def bounds(text: str, past: list[float | None]) -> list[float]:
    found = resolved(asked(text), past)
    return [float(operand.value) for operand in found.operands if isinstance(operand, Number)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> last()", 14),
        ("> last(1)", 14),
        ("> avg(last(3))", 12),
        ("> avg(last(2))", 13),
        ("> max(last(3))", 14),
        ("> min(last(3))", 10),
        ("> sum(last(3))", 36),
        ("> median(last(2))", 13),
        ("> std(last(2))", 1),
        ("> index(last(3), 0)", 14),
        ("> index(last(3), 2)", 10),
        ("> percentile(last(3), 50)", 12),
        ("> percentile(last(3), 0.5)", 12),
        ("> percentile(last(3), 75)", 13),
        ("> abs(min(last(3)) - 30)", 20),
        ("> max(avg(last(3)))", 12),
        ("> avg(last(3)) * 2 + 1", 25),
        ("> 0.9 * avg(last(3))", 10.8),
        ("> (max(last(3)) - min(last(3))) / 8", 0.5),
        ("> 2 + (3 * 4)", 14),
    ],
)
def test_functions_look_at_the_latest_values(text: str, expected: float) -> None:
    assert bounds(text, [8, 10, 12, 14]) == pytest.approx([expected])


def test_both_bounds_may_look_back() -> None:
    assert bounds("between min(last(10)) - 1 and max(last(10)) + 1", [10, 12]) == [9, 13]


def test_fewer_values_than_asked_for_are_all_looked_at() -> None:
    assert bounds("> avg(last(10))", [4, 6]) == [5]


def test_with_no_earlier_value_last_is_zero() -> None:
    assert bounds("> last()", []) == [0]
    assert bounds("> avg(last(10)) + 1", []) == [1]
    assert bounds("> std(last(5))", [None]) == [0]


def test_values_that_are_no_number_are_left_out() -> None:
    assert known_values([1, None, float("nan"), float("inf"), 2]) == (1, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("> last(5)", "one is compared"),
        ("> index(last(3), 3)", "no value 3"),
        ("> index(last(3), 0.5)", "whole number from 0"),
        ("> last(0)", "whole number from 1"),
        ("> last(1.5)", "whole number from 1"),
        ("> percentile(last(3), 101)", "between 0 and 100"),
        ("> 1 / (last() - last())", "divided by 0"),
        ("> mean(last(3))", "no function"),
        ("> last(3) + 1", "one is compared"),
    ],
)
def test_what_gives_no_single_number_says_why(text: str, says: str) -> None:
    with pytest.raises(HistoryError, match=says):
        resolved(asked(text), [1, 2, 3])


def test_an_index_beyond_what_is_known_says_how_much_is_known() -> None:
    with pytest.raises(HistoryError, match="with only one known"):
        resolved(asked("> index(last(3), 1)"), [7])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("> avg()", "0 arguments"),
        ("> index(last(3))", "1 arguments"),
        ("> mean(last(3))", "no function"),
    ],
)
def test_a_wrong_form_is_told_without_a_history(text: str, says: str) -> None:
    assert says in problem(asked(text).operands[0])


@pytest.mark.parametrize(
    "text",
    ["> last()", "> avg(last(10))", "> last(5)", "> 1 / (last() - 1)", "> 1 + 2"],
)
def test_a_right_form_is_no_problem(text: str) -> None:
    assert problem(asked(text).operands[0]) == ""


def test_a_condition_of_plain_numbers_stays_as_it_is() -> None:
    plain = asked("between 1 and 2.50")
    assert resolved(plain, [1]) is plain
    assert not is_dynamic(plain)
    assert not is_dynamic(None)


def test_a_number_reads_back_as_the_same_double() -> None:
    found = resolved(asked("> avg(last(3))"), [0.1, 0.2, 0.4]).operands[0]
    assert isinstance(found, Number)
    assert found.value == Decimal(repr((0.1 + 0.2 + 0.4) / 3))
