"""Mistakes that are found without a schema, all of them at once."""

from __future__ import annotations

import pytest

from lakeworks.quality import check
from lakeworks.quality.errors import NotEvaluatedError, UnknownRuleError


def test_every_mistake_is_reported_with_its_line() -> None:
    found = check(
        'Rules = [\n  IsCompleet "a",\n  ColumnValues "b" matches "x" with ignoreCase = "true",\n'
        '  IsComplete "c"\n]',
        first_line=7,
    )
    assert [type(error) for error in found] == [UnknownRuleError, NotEvaluatedError]
    assert [error.line for error in found] == [8, 9]
    assert found[0].hint == "did you mean IsComplete?"
    assert (
        "the option ignoreCase of ColumnValues with matches is not evaluated"
        in found[1].problem
    )


def test_a_well_formed_ruleset_has_no_mistakes() -> None:
    assert (
        check('Rules = [ IsPrimaryKey "a" "b", RowCount between 1 and 9 where "a > 1" ]') == []
    )


def test_text_that_does_not_parse_is_one_mistake() -> None:
    assert len(check("Rules = [ oh no !")) == 1


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("IsComplete", "names no column"),
        ('IsComplete "a" "b"', "takes 1 column, not 2"),
        ('RowCount "a" > 1', "takes no column, not 1"),
        ('IsComplete "a" > 1', "takes no condition"),
        ('Completeness "a"', "needs a condition"),
        ('Completeness "a" = "1"', "compares with a number"),
        ('Completeness "a" matches "1"', "compares with a number"),
        ("RowCount > 3 days", "does not compare with 3 days"),
        ("RowCount > avg()", "0 arguments"),
        ('ColumnExists "a" where "b > 1"', "takes no where"),
        ('IsUnique "a" with threshold > 0.5', "takes no threshold"),
        ('ColumnValues "a" > NULL', "cannot compare with NULL"),
        ('ColumnValues "a" > (now() - 3 KB)', "minutes, hours or days is expected, not KB"),
        ('ColumnValues "a" > (now() - 999999999 days)', "out of range"),
        ('ColumnValues "a" = 1 with ignorCase = "true"', "did you mean ignoreCase?"),
        ('IsComplete "a" with ignoreCase = "true"', "IsComplete has no option ignoreCase"),
        ('ColumnValues "a" in [1, "2"]', "mixes numbers and texts"),
        ('ColumnValues "a" > 3 days', "write (now() - 3 days) for a date"),
        ('IsComplete ""', "a parameter of IsComplete is empty"),
        ('IsComplete "a" and IsUnique "b"', "put each rule in parentheses"),
        ('AllStatistics "a"', "AllStatistics is an analyzer, not a rule"),
        ('isComplete "a"', "did you mean IsComplete?"),
        ('ColumnValues "a" matches "(?=x)"', "which the engine cannot match"),
        ('ColumnValues "a" matches "[a]{2}+"', "which the engine cannot match"),
        (r'ColumnValues "a" matches "(a)\1"', "which the engine cannot match"),
        ('ColumnValues "a" matches "(a"', "is no regular expression"),
        ('IsComplete "a" where "b > (1"', "no single SQL condition"),
        ('IsComplete "a" where "b > 1) or (\'"', "no single SQL condition"),
        ('IsComplete "a" where "b > 1 -- c"', "no single SQL condition"),
        ('(IsComplete "a") and (RowCount)', "needs a condition"),
        ("RowCount > 1" + "0" * 400, "more than 300 digits"),
    ],
)
def test_a_rule_of_the_wrong_shape_is_refused(rule: str, said: str) -> None:
    assert any(said in str(error) for error in check(f"Rules = [ {rule} ]"))


@pytest.mark.parametrize(
    "pattern",
    [r"\d{3}-[a-z]+\.com", r"\p{L}+", "(?i)abc", "[[:alpha:]]+", r"^a\\1$", "[*+(?=]+", r"\++"],
)
def test_patterns_that_the_engine_knows_are_accepted(pattern: str) -> None:
    assert check(f'Rules = [ ColumnValues "a" matches "{pattern}" ]') == []
