"""What the DQDL parser accepts, what it makes of it, and how it says no."""

from __future__ import annotations

import pickle

import pytest

from lakeworks.quality.errors import DqdlError, NotEvaluatedError
from lakeworks.quality.grammar import parse
from lakeworks.quality.ruleset import Composite, Keyword, Now, Number, Quantity, Rule, Text


def rule(text: str) -> Rule:
    found = parse(f"Rules = [ {text} ]").rules[0]
    assert isinstance(found, Rule)
    return found


@pytest.mark.parametrize(
    "text",
    [
        'IsPrimaryKey "colA" "col B"',
        "RowCount = -100",
        'RowCount != 100 where "colA > 100"',
        "RowCount between (0.9 * average(last(10))) and (1.1 * average(last(10)))",
        'Completeness "col_1" not between 0.5 and 0.8',
        'ColumnValues "order-id" in [1, 2, NULL]',
        'ColumnValues "col-A" not in ["a", NULL, EMPTY, WHITESPACES_ONLY]',
        'ColumnValues "col-A" between (now() - 3 hours) and now()',
        'ColumnValues "col-A" < (now() + 4 minutes)',
        'ColumnValues "load_dt" in [now(), (now() - 3 hours)]',
        r'ColumnValues "col-A" not matches "[a-z]*\d\\" with threshold <= 0.4',
        'ColumnValues "col-A" = "a" with threshold not between 0.4 and 0.8',
        'DataFreshness "col-A" between 2 days and 4 days',
        "FileSize not in [500 KB, 150 GB]",
        'FileFreshness "S3://P" > "21:45" with timeZone = "America/New_York"',
        r'CustomSql "select \"a\" from primary" > 0',
        '(RowCount > 0) or ((IsComplete "a") and (IsUnique "a"))',
    ],
)
def test_a_rule_in_normal_form_prints_as_it_was_written(text: str) -> None:
    assert str(parse(f"Rules = [ {text} ]").rules[0]) == text


def test_parameters_may_be_bare_words_joined_by_of_and_and() -> None:
    assert rule('ColumnCorrelation of col_1 and "col abc" > 0.4').parameters == (
        "col_1",
        "col abc",
    )


def test_where_and_threshold_come_in_either_order() -> None:
    one = rule('ColumnValues "a" > 0 with threshold > 0.9 where "b"')
    assert one == rule('ColumnValues "a" > 0 where "b" with threshold > 0.9')


def test_keywords_in_capitals_and_small_letters_are_the_same() -> None:
    small = parse('Rules = [ (A "x" in [null, empty, whitespaces_only]) and (B "y") ]')
    large = parse('Rules = [ (A "x" in [NULL, EMPTY, WHITESPACES_ONLY]) AND (B "y") ]')
    assert small == large


def test_values_keep_their_kind() -> None:
    condition = rule('ColumnValues "a" in [1.50, "1.50", NULL, (now() - 3 days)]').condition
    assert condition is not None
    number, text, keyword, moment = condition.operands
    assert isinstance(number, Number)
    assert str(number) == "1.50"
    assert (text, keyword) == (Text("1.50"), Keyword("NULL"))
    assert moment == Now("-", Quantity(3, "days"))


def test_the_text_of_a_rule_is_as_written_on_one_line_without_comments() -> None:
    found = parse('Rules = [\n  ColumnValues   "a"  # why\n     in [1,2]\n]').rules[0]
    assert found.text == 'ColumnValues "a" in [1,2]'


def test_rules_know_their_place_in_the_file() -> None:
    text = 'Rules = [\n  IsComplete "a",\n  "b"\n]'
    with pytest.raises(DqdlError) as caught:
        parse(text, first_line=12, file="models/silver/orders.sql", indent=2)
    assert caught.value.line == 14
    assert str(caught.value).startswith("models/silver/orders.sql:14:5: a rule is expected")


def test_parts_of_a_composite_rule_nest() -> None:
    found = parse('Rules = [ (A "x") or ((B "y") and (C "z")) ]').rules[0]
    assert isinstance(found, Composite)
    assert [leaf.type for leaf in found.leaves()] == ["A", "B", "C"]


def test_analyzers_are_read_beside_rules() -> None:
    found = parse('Rules = [ A "x" ]\nAnalyzers = [ Mean "y", Sum of z ]')
    assert [a.parameters for a in found.analyzers] == [("y",), ("z",)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the ruleset is empty"),
        ("Rules = []", "the ruleset is empty"),
        ("Rules = [] Analyzers = []", "the ruleset is empty"),
        ("rules = [ A ]", "did you mean Rules?"),
        ("Rules = [ A ] Rules = [ B ]", "occurs twice"),
        ("Rules = [ A", "] or a comma and another entry is expected, not the end"),
        ("Rules = [ IsComplete 'a' ]", "strings stand in double quotes"),
        ('Rules = [ IsComplete "a ]', "a string has no end"),
        ('Rules = [ ColumnValues "a" > ]', "a value: a number"),
        ('Rules = [ ColumnValues "a" not 5 ]', "between, in or matches after not"),
        ('Rules = [ ColumnValues "a" in [] ]', "a list of values is empty"),
        ('Rules = [ ColumnValues "a" between 1 or 2 ]', "and, then the upper bound"),
        ('Rules = [ (A "x") and (B "y") or (C "z") ]', "put parentheses around"),
        ('Rules = [ A "x" where ]', "a SQL condition in double quotes"),
        ("Rules = [ A = 5 days 6 ]", "another entry"),
        ("Rules = [ A = 99999999999 days ]", "out of range"),
        ("Rules = [" + "(" * 5000, "nested more than"),
        ("Rules = [ A = " + "(" * 5000, "nested more than"),
    ],
)
def test_text_that_is_not_dqdl_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(DqdlError) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        'Rules = [ A "x" labels = ["k"="v"] ]',
        'Rules = [ A "x" in $names ]',
        "Rules = [ A $column = 3 ]",
        'DataSources = {"Primary": "x"} Rules = [ A ]',
    ],
)
def test_parts_of_the_language_that_are_not_evaluated_are_refused_by_name(text: str) -> None:
    with pytest.raises(NotEvaluatedError, match="is not evaluated in this version"):
        parse(text)


def test_errors_survive_pickling_with_their_place() -> None:
    with pytest.raises(DqdlError) as caught:
        parse("Rules = [ ]", first_line=3, file="m.sql")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.line) == (str(caught.value), 3)
