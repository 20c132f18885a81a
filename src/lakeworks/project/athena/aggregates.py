"""Athena's functions of many rows: aggregates, and those of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import Kind, array_of
from lakeworks.project.athena.rules import Rule, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "Aggregates"
_WINDOWS = "Windows"

_PLAIN = plain(
    _GROUP,
    """
any_value/1 0 any_value({0})
arbitrary/1 0 any_value({0})
array_agg/1 [0] array_agg({0})
bitwise_and_agg/1 int bit_and({0})
bitwise_or_agg/1 int bit_or({0})
bitwise_xor_agg/1 int bit_xor({0})
bool_and/1 bool bool_and({0})
bool_or/1 bool bool_or({0})
every/1 bool bool_and({0})
corr/2 double corr({0}, {1})
count/0 int count(*)
count/1 int count({0})
count_if/1 int CAST(count_if({0}) AS BIGINT)
covar_pop/2 double covar_pop({0}, {1})
covar_samp/2 double covar_samp({0}, {1})
geometric_mean/1 double geomean({0})
histogram/1 map histogram({0})
map_agg/2 map map_from_entries(list(row({0}, {1})) FILTER (WHERE {0} IS NOT NULL))
max/1 0 max({0})
max/2 [0] max({0}, {1})
min/1 0 min({0})
min/2 [0] min({0}, {1})
max_by/2 0 arg_max_null({0}, {1})
max_by/3 [0] arg_max({0}, {1}, {2})
min_by/2 0 arg_min_null({0}, {1})
min_by/3 [0] arg_min({0}, {1}, {2})
multimap_agg/2 map MAP(list(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL), list_transform(list(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL), lambda _k: list_transform(list_filter(list(row({0}, {1})), lambda _e: _e[1] = _k), lambda _e: _e[2])))
regr_intercept/2 double regr_intercept({0}, {1})
regr_slope/2 double regr_slope({0}, {1})
stddev/1 double stddev_samp({0})
stddev_pop/1 double stddev_pop({0})
stddev_samp/1 double stddev_samp({0})
variance/1 double var_samp({0})
var_pop/1 double var_pop({0})
var_samp/1 double var_samp({0})
grouping/* int grouping({*})
""",
)
_OVER = plain(
    _WINDOWS,
    """
cume_dist/0 double cume_dist()
dense_rank/0 int dense_rank()
first_value/1 0 first_value({0})
lag/1 0 lag({0})
lag/2 0 lag({0}, {1})
lag/3 0 lag({0}, {1}, {2})
last_value/1 0 last_value({0})
lead/1 0 lead({0})
lead/2 0 lead({0}, {1})
lead/3 0 lead({0}, {1}, {2})
nth_value/2 0 nth_value({0}, {1})
ntile/1 int ntile({0})
percent_rank/0 double percent_rank()
rank/0 int rank()
row_number/0 int row_number()
""",
)


def _avg(call: Call) -> Made:
    """An average of decimals keeps their scale, rounded half up."""
    kind = call.kind(0)
    if kind.name == "decimal":
        precision, scale = kind.digits
        return f"CAST(round(avg({{0}}), {scale}) AS DECIMAL({precision}, {scale}))", kind
    if kind.name == "unknown":
        # Of decimals whose scale is not known, no average of that scale can be given.
        return "avg({0})", Kind("double")
    return "avg({0})", Kind("double")


def _sum(call: Call) -> Made:
    """A sum of whole numbers is one of 64 bits, and fails beyond them."""
    kind = call.kind(0)
    if kind.name == "decimal":
        return "sum({0})", Kind("decimal", digits=(38, kind.digits[1]))
    return ("CAST(sum({0}) AS BIGINT)" if kind.name == "int" else "sum({0})"), kind


def _approx_percentile(call: Call) -> Made:
    if call.kind(1).name == "array":
        return "quantile_disc({0}, {1})", array_of(call.kind(0))
    return "quantile_disc({0}, {1})", call.kind(0)


_COUNTED = "the exact number, which is within any error allowed"
RULES: dict[str, Rule] = {
    **{name: Rule(one.templates, kinds=one.kinds, aggregate=True, group=one.group)
       for name, one in (_PLAIN | _OVER).items()},
    "sum": Rule({1: ""}, writer=_sum, aggregate=True, group=_GROUP),
    "avg": Rule({1: ""}, writer=_avg, aggregate=True, group=_GROUP),
    "approx_distinct": Rule(
        {1: "count(DISTINCT {0})", 2: "count(DISTINCT {0})"}, "int", aggregate=True,
        group=_GROUP, note=_COUNTED,
    ),
    "approx_percentile": Rule(
        {2: ""}, writer=_approx_percentile, aggregate=True, group=_GROUP,
        note="the exact value that stands there in the order; no weights",
    ),
}  # fmt: skip
# Numbers that come from an aggregate as the lake has no such number.
WINDOWED = frozenset(_OVER)
