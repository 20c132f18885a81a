"""Athena's functions of numbers, and of bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.rules import Rule, failing, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "Numbers"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

_PLAIN = plain(
    _GROUP,
    f"""
abs/1 0 abs({{0}})
acos/1 double CASE WHEN {{0}} NOT BETWEEN -1 AND 1 THEN CAST('nan' AS DOUBLE) ELSE acos({{0}}) END
asin/1 double CASE WHEN {{0}} NOT BETWEEN -1 AND 1 THEN CAST('nan' AS DOUBLE) ELSE asin({{0}}) END
atan/1 double atan({{0}})
atan2/2 double atan2({{0}}, {{1}})
cbrt/1 double CASE WHEN round(cbrt({{0}})) * round(cbrt({{0}})) * round(cbrt({{0}})) = {{0}} THEN round(cbrt({{0}})) ELSE cbrt({{0}}) END
cos/1 double cos({{0}})
cosh/1 double cosh({{0}})
degrees/1 double degrees({{0}})
e/0 double exp(CAST(1 AS DOUBLE))
exp/1 double exp({{0}})
ln/1 double CASE WHEN {{0}} = 0 THEN CAST('-inf' AS DOUBLE) WHEN {{0}} < 0 THEN CAST('nan' AS DOUBLE) ELSE ln({{0}}) END
log/2 double CASE WHEN {{1}} <= 0 THEN CAST('nan' AS DOUBLE) ELSE log({{0}}, {{1}}) END
log10/1 double CASE WHEN {{0}} = 0 THEN CAST('-inf' AS DOUBLE) WHEN {{0}} < 0 THEN CAST('nan' AS DOUBLE) ELSE log10({{0}}) END
log2/1 double CASE WHEN {{0}} = 0 THEN CAST('-inf' AS DOUBLE) WHEN {{0}} < 0 THEN CAST('nan' AS DOUBLE) ELSE log2({{0}}) END
pi/0 double pi()
pow/2 double pow(CAST({{0}} AS DOUBLE), CAST({{1}} AS DOUBLE))
power/2 double pow(CAST({{0}} AS DOUBLE), CAST({{1}} AS DOUBLE))
radians/1 double radians({{0}})
round/1 0 round({{0}})
round/2 0 round({{0}}, {{1}})
sin/1 double sin({{0}})
sinh/1 double sinh({{0}})
sqrt/1 double CASE WHEN {{0}} < 0 THEN CAST('nan' AS DOUBLE) ELSE sqrt({{0}}) END
tan/1 double tan({{0}})
tanh/1 double tanh({{0}})
truncate/1 0 trunc({{0}})
truncate/2 0 trunc({{0}}, {{1}})
nan/0 double CAST('nan' AS DOUBLE)
infinity/0 double CAST('inf' AS DOUBLE)
is_nan/1 bool isnan({{0}})
is_finite/1 bool isfinite({{0}})
is_infinite/1 bool isinf({{0}})
from_base/2 int CASE WHEN regexp_full_match(lower({{0}}), '-?[' || substr('{_DIGITS}', 1, CAST({{1}} AS BIGINT)) || ']+') THEN list_reduce(list_transform(split(ltrim(lower({{0}}), '-'), ''), lambda _c: CAST(strpos('{_DIGITS}', _c) - 1 AS BIGINT)), lambda _a, _b: _a * {{1}} + _b) * CASE WHEN starts_with({{0}}, '-') THEN -1 ELSE 1 END ELSE {failing("Not a valid base-n number", "BIGINT")} END
to_base/2 text CASE WHEN {{0}} < 0 THEN '-' ELSE '' END || lower(to_base(abs({{0}}), {{1}}))
rand/0 double random()
random/0 double random()
rand/1 int CAST(floor(random() * {{0}}) AS BIGINT)
random/1 int CAST(floor(random() * {{0}}) AS BIGINT)
rand/2 int CAST({{0}} + floor(random() * ({{1}} - {{0}})) AS BIGINT)
random/2 int CAST({{0}} + floor(random() * ({{1}} - {{0}})) AS BIGINT)
width_bucket/4 int CASE WHEN {{1}} <= {{2}} THEN CASE WHEN {{0}} < {{1}} THEN 0 WHEN {{0}} >= {{2}} THEN {{3}} + 1 ELSE CAST(floor(CAST({{0}} - {{1}} AS DOUBLE) * {{3}} / ({{2}} - {{1}})) AS BIGINT) + 1 END ELSE CASE WHEN {{0}} > {{1}} THEN 0 WHEN {{0}} <= {{2}} THEN {{3}} + 1 ELSE CAST(floor(CAST({{1}} - {{0}} AS DOUBLE) * {{3}} / ({{1}} - {{2}})) AS BIGINT) + 1 END END
bit_count/2 int CASE {{1}} WHEN 64 THEN bit_count(CAST({{0}} AS BIGINT)) WHEN 32 THEN bit_count(CAST({{0}} AS INTEGER)) WHEN 16 THEN bit_count(CAST({{0}} AS SMALLINT)) WHEN 8 THEN bit_count(CAST({{0}} AS TINYINT)) ELSE {failing("bit_count takes 8, 16, 32 or 64 bits")} END
bitwise_and/2 int (CAST({{0}} AS BIGINT) & CAST({{1}} AS BIGINT))
bitwise_or/2 int (CAST({{0}} AS BIGINT) | CAST({{1}} AS BIGINT))
bitwise_xor/2 int xor(CAST({{0}} AS BIGINT), CAST({{1}} AS BIGINT))
bitwise_not/1 int xor(CAST({{0}} AS BIGINT), CAST(-1 AS BIGINT))
bitwise_right_shift_arithmetic/2 int (CAST({{0}} AS BIGINT) >> CAST({{1}} AS BIGINT))
""",
)


def _whole(call: Call) -> Made:
    """`ceil` and `floor` give whole numbers as they are."""
    name = "floor" if call.name == "floor" else "ceil"
    if call.kind(0).name == "int":
        return "{0}", call.kind(0)
    return f"{name}({{0}})", call.kind(0)


def _sign(call: Call) -> Made:
    kind = call.kind(0)
    return ("CAST(sign({0}) AS DOUBLE)" if kind.name == "double" else "sign({0})"), kind


def _mod(call: Call) -> Made:
    from lakeworks.project.athena.operators import remainder

    return remainder(call.kind(0), call.kind(1), call.args[1])


def _shift(call: Call) -> Made:
    """Shift to the left: bits that fall off are gone, where the lake's own operator fails."""
    amount = call.literal(1)
    if amount is None or not amount.isdigit() or int(amount) >= 63:  # noqa: PLR2004 - bits
        raise call.wrong("the number of bits must be a constant from 0 to 62 here")
    factor = 1 << int(amount)
    keep = (1 << (64 - int(amount))) - 1
    unsigned = f"(CAST({{0}} AS HUGEINT) & {keep}::HUGEINT) * {factor}::HUGEINT"
    wrapped = (
        f"CAST(CASE WHEN {unsigned} >= 9223372036854775808::HUGEINT "
        f"THEN {unsigned} - 18446744073709551616::HUGEINT ELSE {unsigned} END AS BIGINT)"
    )
    return wrapped, Kind("int")


RULES: dict[str, Rule] = {
    **_PLAIN,
    "ceil": Rule({1: ""}, writer=_whole, group=_GROUP),
    "ceiling": Rule({1: ""}, writer=_whole, group=_GROUP),
    "floor": Rule({1: ""}, writer=_whole, group=_GROUP),
    "sign": Rule({1: ""}, writer=_sign, group=_GROUP),
    "mod": Rule({2: ""}, writer=_mod, group=_GROUP),
    "bitwise_left_shift": Rule({2: ""}, writer=_shift, group=_GROUP),
}
