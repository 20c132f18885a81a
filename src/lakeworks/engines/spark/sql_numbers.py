"""Numbers from the lake's SQL to Spark's: division, remainders, rounding, overflow.

The lake's `/` divides doubles and gives infinity for a divisor of zero; `//` and `%` give null.
Spark, in ANSI mode, fails on each. Sums and products of decimals keep the digits that the lake's
dialect gives them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.types import Decimal
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_types import (
    is_float,
    is_scalar,
    is_whole,
    kind,
    spark_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer

_MOST_SUMMED = 28
_DEVIATIONS: dict[type[exp.Expression], str] = {
    exp.Stddev: "STDDEV_SAMP", exp.StddevSamp: "STDDEV_SAMP", exp.StddevPop: "STDDEV_POP",
    exp.Variance: "VAR_SAMP", exp.VariancePop: "VAR_POP",
}  # fmt: skip


def division(writer: Writer, node: exp.Div) -> str:
    """`a / b` of doubles; a zero divisor gives infinity or, under zero, not-a-number."""
    left, right = _double(writer, node.this), _double(writer, node.expression)
    if isinstance(node.expression, exp.Literal) and float(node.expression.this):
        return f"({left} / {right})"
    endless = f"IF(CAST({right} AS STRING) = '-0.0', DOUBLE('-Infinity'), DOUBLE('Infinity'))"
    return f"(CASE WHEN {right} = 0 THEN {left} * {endless} ELSE {left} / {right} END)"


def whole_division(writer: Writer, node: exp.IntDiv) -> str:
    """`a // b` of whole numbers, cut off towards zero; null where b is zero."""
    if not (is_whole(kind(node.this)) and is_whole(kind(node.expression))):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: // of anything but whole numbers", "write floor(a / b)"
        )
    told = f"({writer.sql(node.this)} DIV NULLIF({writer.sql(node.expression)}, 0))"
    return f"CAST({told} AS {_held(writer, node)})"


def remainder(writer: Writer, node: exp.Mod) -> str:
    """`a % b`; null, or not-a-number of doubles, where b is zero."""
    left, right = writer.sql(node.this), writer.sql(node.expression)
    if is_float(kind(node)):
        return f"(CASE WHEN {right} = 0 THEN DOUBLE('NaN') ELSE {left} % {right} END)"
    return f"({left} % NULLIF({right}, 0))"


def product(writer: Writer, node: exp.Mul) -> str:
    """`a * b`."""
    return _of_decimals(node, f"({_both(writer, node, '*')})")


def negative(writer: Writer, node: exp.Neg) -> str:
    """`-a`."""
    return f"(-{writer.sql(node.this)})"


def sum_or_difference(writer: Writer, node: exp.Add | exp.Sub) -> str:
    """`a + b` and `a - b` of numbers; `sql_dates` takes those of dates."""
    from lakeworks.engines.spark.sql_dates import moved

    found = moved(writer, node)
    if found is not None:
        return found
    mark = "+" if isinstance(node, exp.Add) else "-"
    return _of_decimals(node, f"({_both(writer, node, mark)})")


def rounded(writer: Writer, node: exp.Round) -> str:
    """`round(a, n)`, halves away from zero."""
    held = kind(node.this)
    digits = node.args.get("decimals")
    if digits is not None and is_float(held):
        # The lake multiplies, rounds and divides doubles; Spark rounds their decimal text.
        places = _number(writer, node, digits)
        value = writer.sql(node.this)
        scale = f"1E{abs(places)}D"
        if places >= 0:
            return f"(ROUND({value} * {scale}, 0) / {scale})"
        return f"(ROUND({value} / {scale}, 0) * {scale})"
    places_sql = f", {_number(writer, node, digits)}" if digits is not None else ", 0"
    told = f"ROUND({writer.sql(node.this)}{places_sql})"
    return f"CAST({told} AS {_held(writer, node)})"


def cut(writer: Writer, node: exp.Floor | exp.Ceil) -> str:
    """`floor(a)` and `ceil(a)`, which give the type that they are given."""
    name = "FLOOR" if isinstance(node, exp.Floor) else "CEIL"
    value = writer.sql(node.this)
    if is_float(kind(node.this)):
        # Spark's give a bigint, which neither infinity nor 1e300 is.
        rounded_ = f"RINT({value})"
        if name == "FLOOR":
            return f"(CASE WHEN {rounded_} > {value} THEN {rounded_} - 1 ELSE {rounded_} END)"
        return f"(CASE WHEN {rounded_} < {value} THEN {rounded_} + 1 ELSE {rounded_} END)"
    return f"CAST({name}({value}) AS {_held(writer, node)})"


def power(writer: Writer, node: exp.Pow) -> str:
    """`a ** b`, always a double."""
    return f"POWER({_double(writer, node.this)}, {_double(writer, node.expression)})"


def root(writer: Writer, node: exp.Sqrt) -> str:
    """`sqrt(a)`; of a negative number it fails."""
    value = _double(writer, node.this)
    return f"(CASE WHEN {value} < 0 THEN {_fails('square root of a negative number')} ELSE SQRT({value}) END)"  # noqa: E501


def logarithm(writer: Writer, node: exp.Ln | exp.Log) -> str:
    """`ln(a)`, `log(a)` (to base ten) and `log(b, a)`; of zero or less it fails."""
    other = node.args.get("expression")
    value = _double(writer, other if other is not None else node.this)
    told = f"LN({value})" if isinstance(node, exp.Ln) else f"LOG10({value})"
    if other is not None:
        told = f"(LN({value}) / LN({_double(writer, node.this)}))"
    return (
        f"(CASE WHEN {value} <= 0 THEN {_fails('logarithm of zero or less')} ELSE {told} END)"
    )


def not_a_number(writer: Writer, node: exp.IsNan) -> str:
    """`isnan(a)`, null of null."""
    value = writer.sql(node.this)
    return f"IF({value} IS NULL, NULL, ISNAN({value}))"


def summed(writer: Writer, node: exp.Sum) -> str:
    """`sum(a)`; of decimals with all the digits that a sum can have."""
    distinct, inner = _distinct(node.this)
    held = kind(inner)
    value = writer.sql(inner)
    if is_scalar(held, "boolean"):
        value = f"CAST({value} AS BIGINT)"
    if isinstance(held, Decimal) and held.precision < _MOST_SUMMED:
        value = f"CAST({value} AS DECIMAL({_MOST_SUMMED}, {held.scale}))"
    return f"SUM({distinct}{value})"


def correlated(writer: Writer, node: exp.Corr) -> str:
    """`corr(a, b)`: not-a-number where either does not vary, null without pairs."""
    left, right = writer.sql(node.this), writer.sql(node.expression)
    paired = f"IF({right} IS NULL, NULL, {left})"
    # Some releases of Spark let CORR fail where a side does not vary; a quotient can be tried.
    spread = writer.over(
        node, f"STDDEV_POP({paired})", f"STDDEV_POP(IF({left} IS NULL, NULL, {right}))",
        lambda one, other: f"{one} * {other}",
    )  # fmt: skip
    return writer.over(
        node, f"COVAR_POP({left}, {right})", f"COUNT({paired})",
        lambda found, count: (
            f"COALESCE({_finite(f'TRY_DIVIDE({found}, {spread})', 'corr')}, "
            f"IF({count} > 0, DOUBLE('NaN'), NULL))"
        ),
    )  # fmt: skip


def deviation(writer: Writer, node: exp.Expression) -> str:
    """`stddev(a)`, `variance(a)` and their like; they fail where the result is not finite."""
    name = _DEVIATIONS[type(node)]
    told = f"{name}({_double(writer, node.this)})"
    return writer.over(node, told, "", lambda found, _: _finite(found, name.lower()))


def counted_if(writer: Writer, node: exp.CountIf) -> str:
    """`count_if(a)`: null where there is nothing but nulls."""
    return f"SUM(CAST({writer.sql(node.this)} AS BIGINT))"


def averaged(writer: Writer, node: exp.Avg) -> str:
    """`avg(a)`, always a double."""
    distinct, inner = _distinct(node.this)
    held = kind(inner)
    if is_scalar(held, "date", "timestamp", "timestamp_ntz"):
        raise NotOnSparkError.part(f"{writer.original(node)}: an average of times")
    if isinstance(held, Decimal):
        # Exact sums first: doubles added up would depend on their order.
        wide = f"CAST({writer.sql(inner)} AS DECIMAL({max(_MOST_SUMMED, held.precision)}, {held.scale}))"  # noqa: E501
        if distinct:
            return f"AVG(DISTINCT CAST({writer.sql(inner)} AS DOUBLE))"
        return writer.over(
            node, f"SUM({wide})", f"COUNT({writer.sql(inner)})",
            lambda total, count: f"(CAST({total} AS DOUBLE) / NULLIF({count}, 0))",
        )  # fmt: skip
    return f"AVG({distinct}{_double(writer, inner)})"


def _both(writer: Writer, node: exp.Binary, mark: str) -> str:
    return f"{writer.sql(node.this)} {mark} {writer.sql(node.expression)}"


def _of_decimals(node: exp.Expression, told: str) -> str:
    held = kind(node)
    # Spark computes small whole numbers with a literal as int; the lake as they are.
    exact = isinstance(held, Decimal) or is_scalar(held, "tinyint", "smallint")
    return f"CAST({told} AS {spark_name(held)})" if exact and held is not None else told


def _double(writer: Writer, node: exp.Expression) -> str:
    told = writer.sql(node)
    return told if is_scalar(kind(node), "double") else f"CAST({told} AS DOUBLE)"


def _held(writer: Writer, node: exp.Expression) -> str:
    return spark_name(writer.kind_of(node))


def _number(writer: Writer, node: exp.Expression, digits: exp.Expression) -> int:
    negative_ = isinstance(digits, exp.Neg)
    literal = digits.this if negative_ else digits
    if not isinstance(literal, exp.Literal) or literal.is_string:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: digits that are no plain number", "write the number"
        )
    return -int(literal.this) if negative_ else int(literal.this)


def _distinct(node: exp.Expression) -> tuple[str, exp.Expression]:
    if isinstance(node, exp.Distinct):
        return "DISTINCT ", node.expressions[0]
    return "", node


def _finite(told: str, name: str) -> str:
    """Let a figure that is not finite fail, as it does in the lake."""
    endless = f"ISNAN({told}) OR ABS({told}) = DOUBLE('Infinity')"
    return f"(CASE WHEN {endless} THEN {_fails(name + ' is out of range')} ELSE {told} END)"


def _fails(reason: str) -> str:
    return f"CAST(RAISE_ERROR('{reason}') AS DOUBLE)"


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.Div: division,
    exp.IntDiv: whole_division,
    exp.Mod: remainder,
    exp.Mul: product,
    exp.Neg: negative,
    exp.Add: sum_or_difference,
    exp.Sub: sum_or_difference,
    exp.Round: rounded,
    exp.Floor: cut,
    exp.Ceil: cut,
    exp.Pow: power,
    exp.Sqrt: root,
    exp.IsNan: not_a_number,
    exp.Ln: logarithm,
    exp.Log: logarithm,
    exp.Sum: summed,
    exp.Avg: averaged,
    exp.Corr: correlated,
    exp.CountIf: counted_if,
    **dict.fromkeys(_DEVIATIONS, deviation),
}
