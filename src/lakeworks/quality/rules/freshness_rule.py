"""DataFreshness: how long ago the moments of a column are.

Pure. Ages are whole seconds, made into hours of two decimals before they are compared, as
awslabs/deequ's `DataFreshnessRule` has it: `= 24 hours` is true within 18 seconds. Null, and
text that is no moment, is not fresh.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-DataFreshness.html
"""

from __future__ import annotations

from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Scalar
from lakeworks.quality.comparison.literals import is_text
from lakeworks.quality.language.ruleset import Quantity
from lakeworks.quality.outcomes.evaluation import ShareTest
from lakeworks.quality.rules.context import Compiled, IncomparableError, RowLevel

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Condition, Operand, Rule
    from lakeworks.quality.rules.context import Context

_MINUTES = {"minutes": 1, "hours": 60, "days": 1440}
_TICKS_AN_HOUR = 10_000


def _data_freshness(rule: Rule, context: Context) -> Compiled:
    """Every row's moment is as long ago as is asked (page DataFreshness)."""
    column = context.column(rule.parameters[0])
    if rule.condition is None:
        raise IncomparableError("DataFreshness needs a condition, such as <= 24 hours")
    condition = _compared(_age(column, context.moment), rule.condition)
    where = context.where(rule)
    metric = f"Column.{rule.parameters[0]}.DataFreshness.Compliance"
    test = ShareTest(
        metric,
        context.rows(condition, where),
        context.rows("", where),
        None,
        f"have an age that is not {rule.condition}",
    )
    return Compiled(test, RowLevel(condition, where=where), share=metric)


def _age(column: Field, moment: datetime) -> str:
    """Return SQL of the age in hundredths of an hour, rounded half away from 0."""
    name = quote_identifier(column.name)
    if is_text(column.type):
        name = f"try_cast({name} as timestamp)"
    elif column.type in {Scalar("timestamp"), Scalar("date")}:
        name = f"cast({name} as timestamp)"
    elif column.type != Scalar("timestamp_ntz"):
        raise IncomparableError(f"{column.name} is {column.type}, which is no moment")
    now = f"cast('{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}' as timestamp)"
    seconds = f"date_diff('second', date_trunc('second', {name}), {now})"
    rounded = f"cast(floor((2 * abs({seconds}) + 36) / 72) as bigint)"
    return f"(case when {seconds} < 0 then -{rounded} else {rounded} end)"


def _compared(age: str, condition: Condition) -> str:
    """Compare in ticks of a ten-thousandth of an hour: deequ's four decimals of minutes."""
    bounds = [str(_ticks(operand)) for operand in condition.operands]
    age = f"(100 * {age})"
    match condition.operator:
        case "between":
            return f"({age} > {bounds[0]} and {age} < {bounds[1]})"
        case "not between":
            return f"({age} <= {bounds[0]} or {age} >= {bounds[1]})"
        case "in" | "not in":
            return f"{age} {condition.operator} ({', '.join(bounds)})"
        case "matches" | "not matches":
            raise IncomparableError(f"an age is not compared by {condition.operator}")
        case operator:
            return f"{age} {'<>' if operator == '!=' else operator} {bounds[0]}"


def _ticks(operand: Operand) -> int:
    if not isinstance(operand, Quantity) or operand.unit not in _MINUTES:
        raise IncomparableError(f"{operand} is no duration such as 24 hours or 3 days")
    exact = Decimal(operand.amount * _MINUTES[operand.unit] * _TICKS_AN_HOUR) / 60
    return int(exact.to_integral_value(ROUND_HALF_UP))


COMPILERS = {"DataFreshness": _data_freshness}
