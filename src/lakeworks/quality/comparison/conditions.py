"""What a rule on single values means as a SQL condition on a row.

Pure. Null never passes, except where the rule is `!=` or `not in` and does not name NULL.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-ColumnValues.html
https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-ColumnLength.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Decimal, Scalar
from lakeworks.quality.comparison.literals import (
    Comparison,
    IncomparableError,
    compared,
    is_text,
)
from lakeworks.quality.language.ruleset import Condition, Keyword, Number, Pattern

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core.types import Field

_WRITTEN_ALIKE = ("boolean", "tinyint", "smallint", "int", "bigint", "date", "string")


def complete(column: Field) -> str:
    """Return the condition that a column has a value."""
    return f"{quote_identifier(column.name)} is not null"


def values(
    column: Field, condition: Condition, moment: datetime, *, ignore_case: bool = False
) -> str:
    """Return what `ColumnValues` asks of a row.

    Args:
        ignore_case: Whether texts are equal that differ in case only.

    Raises:
        IncomparableError: the condition has no meaning for a column of that type.
    """
    match condition.operator:
        case "=" | "in":
            return _any_of(column, condition, _terms(column, condition, moment, ignore_case))
        case "!=" | "not in":
            return _none_of(column, condition, _terms(column, condition, moment, ignore_case))
        case "between" | "not between":
            return _between(column, condition, moment)
        case "matches" | "not matches":
            return _matches(column, condition)
        case operator:
            side = compared(column, condition.operands[0], ordered=True, moment=moment)
            return f"{side.subject} {operator} {side.literal}"


def length_of(column: Field) -> str:
    """Return the expression of a text's length; the length of null is 0.

    Raises:
        IncomparableError: the column holds no text.
    """
    if not is_text(column.type):
        raise IncomparableError(f"{column.name} is {column.type}, and only text has a length")
    return f"coalesce(length({quote_identifier(column.name)}), 0)"


def number_test(subject: str, condition: Condition) -> str:
    """Return a condition of numbers on a whole number given by a SQL expression."""
    bounds = [f"{o.value:f}" for o in condition.operands if isinstance(o, Number)]
    match condition.operator:
        case "in" | "not in":
            return f"{subject} {condition.operator} ({', '.join(bounds)})"
        case "between":
            return f"({subject} > {bounds[0]} and {subject} < {bounds[1]})"
        case "not between":
            return f"({subject} <= {bounds[0]} or {subject} >= {bounds[1]})"
        case operator:
            return f"{subject} {operator} {bounds[0]}"


def _any_of(column: Field, condition: Condition, terms: list[str]) -> str:
    if Keyword("NULL") in condition.operands:
        terms.append(f"{quote_identifier(column.name)} is null")
    return f"({' or '.join(terms)})" if terms else "false"


def _none_of(column: Field, condition: Condition, terms: list[str]) -> str:
    name = quote_identifier(column.name)
    # A text that is no number is surely not that number: null counts as "not one of them".
    different = f"not coalesce({' or '.join(terms)}, false)" if terms else "true"
    if Keyword("NULL") in condition.operands:
        return f"({name} is not null and {different})"
    return f"({name} is null or {different})"


def _terms(
    column: Field,
    condition: Condition,
    moment: datetime,
    ignore_case: bool,  # noqa: FBT001 - handed on
) -> list[str]:
    """Return conditions of which one holds if the value is one of the operands, save NULL."""
    name = quote_identifier(column.name)
    sets: dict[str, list[str]] = {}
    terms: list[str] = []
    for operand in condition.operands:
        if not isinstance(operand, Keyword):
            side = compared(column, operand, ordered=False, moment=moment)
            if ignore_case and side.subject == name and is_text(column.type):
                side = Comparison(f"lower({name})", f"lower({side.literal})")
            sets.setdefault(side.subject, []).append(side.literal)
        elif operand.name == "EMPTY" and is_text(column.type):
            terms.append(f"{name} = ''")
        elif operand.name == "WHITESPACES_ONLY" and is_text(column.type):
            terms.append(rf"regexp_full_match({name}, '\s+')")
    for subject, literals in sets.items():
        terms.append(_one_of(subject, literals, column))
    return terms


def _one_of(subject: str, literals: list[str], column: Field) -> str:
    if len(literals) == 1:
        return f"{subject} = {literals[0]}"
    listed = ", ".join(literals)
    name = quote_identifier(column.name)
    if is_text(column.type) and subject in {name, f"lower({name})"}:
        # Where a file holds each different text once, a function is asked once for each, and
        # `in` for every row.
        return f"list_contains([{listed}], {subject})"
    return f"{subject} in ({listed})"


def _between(column: Field, condition: Condition, moment: datetime) -> str:
    low, high = (
        compared(column, operand, ordered=True, moment=moment) for operand in condition.operands
    )
    if condition.operator == "between":
        return f"({low.subject} > {low.literal} and {high.subject} < {high.literal})"
    return f"({low.subject} <= {low.literal} or {high.subject} >= {high.literal})"


def _matches(column: Field, condition: Condition) -> str:
    name = quote_identifier(column.name)
    pattern = condition.operands[0]
    if not isinstance(pattern, Pattern):
        raise IncomparableError(f"{pattern} is no regular expression")
    alike = isinstance(column.type, Decimal) or (
        isinstance(column.type, Scalar) and column.type.name in _WRITTEN_ALIKE
    )
    if not alike:
        raise IncomparableError(f"{column.name} is {column.type}, which is not matched as text")
    subject = name if is_text(column.type) else f"cast({name} as string)"
    # Where a file holds each different text once, this function is asked once for it.
    found = f"regexp_full_match({subject}, {quote_literal(pattern.value)})"
    return found if condition.operator == "matches" else f"not {found}"
