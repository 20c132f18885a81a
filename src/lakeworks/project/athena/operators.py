"""Division and remainder as Athena computes them: by the kinds of their sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.athena.kinds import Kind, arithmetic
from lakeworks.project.athena.rules import failing

if TYPE_CHECKING:
    from lakeworks.project.athena.rules import Made

_ZERO = failing("Division by zero")
_UNTOLD = failing(
    "the scale of a decimal that is divided is not known: CAST it AS DECIMAL(p, s)"
)
_DOUBLES = "('DOUBLE', 'FLOAT')"


def quotient(left: Kind, right: Kind, divisor: exp.Expression) -> Made:
    """Return `{0} / {1}`: whole numbers are cut towards zero, decimals keep a scale."""
    kind = arithmetic("/", left, right)
    if kind.name == "double":
        return "(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE))", kind
    if kind.name == "decimal":
        return _exact(left, right, kind), kind
    if kind.name == "interval" or left.name == "interval":
        return "(({0}) / {1})", kind
    if _is_whole_constant(divisor) and kind.name == "int":
        return "(({0}) // {1})", kind
    cases = f"WHEN {{1}} = 0 THEN {_ZERO}"
    if kind.name == "unknown":
        cases += (
            " WHEN (starts_with(typeof({0}), 'DECIMAL') OR starts_with(typeof({1}), 'DECIMAL')) "
            f"AND typeof({{0}}) NOT IN {_DOUBLES} AND typeof({{1}}) NOT IN {_DOUBLES} THEN {_UNTOLD}"
        )
    return f"(({{0}}) // CASE {cases} ELSE {{1}} END)", kind


def remainder(left: Kind, right: Kind, divisor: exp.Expression) -> Made:
    """Return `{0} % {1}`, which fails where a whole number or decimal is divided by zero."""
    kind = arithmetic("%", left, right)
    if kind.name == "double":
        return "(({0}) % ({1}))", kind
    if _is_whole_constant(divisor):
        return "(({0}) % {1})", kind
    sure = kind.name in {"int", "decimal"}
    also = (
        ""
        if sure
        else f" AND typeof({{0}}) NOT IN {_DOUBLES} AND typeof({{1}}) NOT IN {_DOUBLES}"
    )
    return f"(({{0}}) % CASE WHEN {{1}} = 0{also} THEN {_ZERO} ELSE {{1}} END)", kind


def _is_whole_constant(node: exp.Expression) -> bool:
    return (
        isinstance(node, exp.Literal) and not node.is_string
        and str(node.this).isdigit() and int(node.this) != 0
    )  # fmt: skip


def _exact(left: Kind, right: Kind, kind: Kind) -> str:
    """Divide decimals as whole numbers, rounded half up, so that no digit is lost."""
    precision, scale = kind.digits
    s1 = left.digits[1] if left.name == "decimal" else 0
    s2 = right.digits[1] if right.name == "decimal" else 0
    one = f"abs(CAST(CAST({{0}} AS DECIMAL(38, {s1})) * {10**s1} AS HUGEINT)) * {10 ** (scale - s1 + s2)}"
    two = f"abs(CAST(CAST({{1}} AS DECIMAL(38, {s2})) * {10**s2} AS HUGEINT))"
    other = f"CASE WHEN {{1}} = 0 THEN {_ZERO} ELSE {two} END"
    sign = "CASE WHEN ({0} < 0) <> ({1} < 0) THEN -1 ELSE 1 END"
    signed = f"{sign} * (({one} + {two} // 2) // {other})"
    unit = "1" if scale == 0 else f"0.{'0' * (scale - 1)}1"
    return f"CAST(CAST({signed} AS DECIMAL(38, 0)) * {unit} AS DECIMAL({precision}, {scale}))"
