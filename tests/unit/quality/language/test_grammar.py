"""What the DQDL parser accepts, what it makes of it, and how it says no."""

from __future__ import annotations

import pickle

import pytest

from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.ruleset import (
    Composite,
    DataSources,
    Keyword,
    Now,
    Number,
    Quantity,
    Rule,
    Text,
)


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
        "RowCount between 0.9 * average(last(10)) and 1.1 * average(last(10)) - 1",
        "RowCount > (1 + 2 - 3) * 4 / (5 - (6 - 7))",
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
        ("Rules11 = [ A ]", "did you mean Rules?"),
        ("Rules = { A }", "[ is expected, not {"),
        ("Rules = [ A > now() + 1 hours ]", "write (now() + 3 days), in parentheses"),
        ("Rules = [ A > (now() - 1) ]", "minutes, hours or days is expected, not )"),
        ("Rules = [ A > (now() 3 days) ]", "- or + and a duration"),
        ("Rules = [ A > 1 + now() ]", "now() takes no part in arithmetic"),
        ("Rules = [ A > 1.5 KB ]", "1.5 is no whole number"),
        ("Rules = [ A > 1 KB 2 ]", "another entry"),
        ("Rules = [ A = 1 - 2 * 3 ]", "nothing says which goes first"),
        ("Rules = [ A = 1" + " + 1" * 200 + " ]", "more than 100 operators"),
        ("Rules = [ A = last ]", "text stands in double quotes"),
        ("Rules = [ A = 1 with threshold > 1 with threshold > 1 ]", "one threshold only"),
        ('Rules = [ A = 1 where "a" where "b" ]', "one where only"),
        ("Rules = [ A = 1 with x > 1 ]", "= and the value of the option"),
        ("Rules = [ A with x = 1 with x = 2 ]", "the option x is given twice"),
        ("Rules = [ A with x = [] ]", "a list of values is empty"),
        ("Rules = [ A ] x = 5", "put numbers in double quotes"),
        ('.x = "a" Rules = [ A ]', "the constant .x begins with ."),
        ('x = "a" x = "b" Rules = [ A ]', "the constant x is set twice"),
        ("x = [] Rules = [ A ]", "the constant x is an empty list"),
        ('y = "a $x" Rules = [ A ]', "the constant y names another one"),
        ("x = [5] Rules = [ A ]", "put numbers in double quotes"),
        ('names = ["a"] Rules = [ A in $name ]', "did you mean names?"),
        ('names = ["a"] Rules = [ A in names ]', "or $name for a constant"),
        ('x = "a" Rules = [ A = x ]', "write $x for the constant"),
        ('x = ["a"] Rules = [ A = $x ]', "compares with one value"),
        ('x = ["a"] Rules = [ A $x ]', "a parameter is one text"),
        ("Rules = [ A > $n ]", "$n names no constant that is set above"),
        ("Rules = [ A labels = [] ]", "there are no labels"),
        ('Rules = [ A labels = [k = "v"] ]', "a label in double quotes"),
        ('Rules = [ A labels = ["k" = ""] ]', "are not empty"),
        ('Rules = [ A labels = ["k" = "v", "k" = "w"] ]', "a label is given twice"),
        (f'Rules = [ A labels = ["{"k" * 129}" = "v"] ]', "more than 128 characters"),
        ('Rules = [ (A labels = ["k" = "v"]) labels = ["k" = "w"] ]', "labels twice"),
        (
            'DefaultLabels = ["a" = "b"] Rules = [ A labels = ['
            + ", ".join(f'"k{i}" = "v"' for i in range(10))
            + "] ]",
            "more than 10 labels",
        ),
        ('Metadata = {"Versions": "1.0"} Rules = [ A ]', "did you mean Version?"),
        ("Metadata = {} Rules = [ A ]", "{ } is empty"),
        ('DataSources = {"Primary" = "x"} Rules = [ A ]', ": is expected, not ="),
        ('DataSources = {"Primary": "x", "Primary": "y"} Rules = [ A ]', "given twice"),
        ('DataSources = {"AdditionalDataSources": "x"} Rules = [ A ]', 'such as ["reference"]'),
        ("Analyzers = [ Mean a > 1 ]", "an analyzer has no condition"),
        ("Rules = [ A\u00a0b ]", "write an ordinary blank"),
        ("Rules = [ A " + "x" * 5000 + " ( ]", "another entry is expected, not ("),
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


def test_constants_stand_where_they_are_named() -> None:
    written = parse(
        'column = "a b"\nknown = ["x", NULL]\n'
        'Rules = [ ColumnValues $column in $known, ColumnValues of $column in ["y", $known] ]'
    )
    plain = parse(
        'Rules = [ ColumnValues "a b" in ["x", NULL], ColumnValues "a b" in ["y", "x", NULL] ]'
    )
    assert written.rules == plain.rules
    assert [constant.name for constant in written.constants] == ["column", "known"]
    assert written.rules[0].text == "ColumnValues $column in $known"


def test_nothing_is_put_into_strings() -> None:
    found = parse('id = "Z"\nRules = [ CustomSql "select $id from primary" ]').rules[0]
    assert isinstance(found, Rule)
    assert found.parameters == ("select $id from primary",)


def test_labels_of_a_rule_go_over_the_default_ones() -> None:
    found = parse(
        'DefaultLabels = ["team" = "sales", "often" = "daily"]\n'
        'Rules = [ A "x", A "y" with threshold > 0.8 labels = ["often" = "hourly"] ]'
    )
    assert found.labels_of(found.rules[0]) == {"team": "sales", "often": "daily"}
    assert found.labels_of(found.rules[1]) == {"team": "sales", "often": "hourly"}
    assert found.rules[1].text == 'A "y" with threshold > 0.8'


def test_a_composite_rule_has_labels_and_its_parts_keep_theirs() -> None:
    found = parse('Rules = [ (A "x" labels = ["k" = "1"] or B "y" = 2) labels = ["k" = "2"] ]')
    whole = found.rules[0]
    assert isinstance(whole, Composite)
    assert found.labels_of(whole) == {"k": "2"}
    assert [found.labels_of(part) for part in whole.parts] == [{"k": "1"}, {}]


def test_and_binds_tighter_than_or_and_parentheses_may_be_left_out() -> None:
    spelt = parse('Rules = [ (A > 0) or ((B > 0) and (C "z")) ]')
    assert parse('Rules = [ (A > 0) OR (B > 0) AND (C "z") ]') == spelt
    assert parse('Rules = [ A > 0 or B > 0 and C "z" ]') == spelt


def test_options_are_texts_words_numbers_or_lists() -> None:
    found = rule(
        'FileFreshness "p" > "9:30 AM" with recentFiles = 1, failFast = true '
        'with filterOrder = ["uriRegex", "recentFiles"] with timeZone = "Asia/Tokyo"'
    )
    assert found.option("recentFiles") == "1"
    assert found.option("failFast") == "true"
    assert found.option("timeZone") == "Asia/Tokyo"
    assert found.option("other") is None
    assert [tag.name for tag in found.tags] == [
        "recentFiles", "failFast", "filterOrder", "timeZone",
    ]  # fmt: skip


def test_metadata_and_data_sources_are_read() -> None:
    text = (
        'Metadata = {\n  "Version": "1.0"\n}\n'
        'DataSources = {\n  "Primary": "orders",\n  "AdditionalDataSources": ["ref", "b"]\n}\n'
        'known = ["a", EMPTY]\n'
        'DefaultLabels = ["k" = "v"]\n'
        "Rules = [\n  RowCount > 0\n]\n"
        'Analyzers = [\n  Distribution "a" with bins = 10\n]'
    )
    found = parse(text)
    assert found.metadata == (("Version", "1.0"),)
    assert found.sources == DataSources("orders", ("ref", "b"))
    assert str(found) == text


def test_errors_survive_pickling_with_their_place() -> None:
    with pytest.raises(DqdlError) as caught:
        parse("Rules = [ ]", first_line=3, file="m.sql")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.line) == (str(caught.value), 3)
