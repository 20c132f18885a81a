"""Every function of Athena's that works here, and what to use in place of some that do not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lakeworks.project.athena import aggregates, documents, moments, nested, numbers, texts
from lakeworks.project.athena.rules import ANY, Rule, kind_of, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_CONDITIONS = plain(
    "Conditions",
    """
coalesce/* * coalesce({*})
nullif/2 0 nullif({0}, {1})
try/1 0 TRY({0})
""",
)
# What chance decides is never equal on two engines: Spark computes none of it.
NOT_ON_SPARK = frozenset({"rand", "random", "uuid"})
INSTEAD = {
    "all": "ALL (SELECT …)",
    "approx_most_frequent": "count(*) with GROUP BY, ORDER BY and LIMIT",
    "approx_set": "approx_distinct over the rows themselves",
    "char2hexint": "to_hex(to_utf8(…))",
    "checksum": "compare the rows themselves with EXCEPT",
    "combinations": "CROSS JOIN UNNEST of both sides",
    "crc32": "md5 or sha256",
    "date_sub": "date_add with a negative number",
    "entropy": "sum of p * log2(p) over the counts",
    "ifnull": "coalesce",
    "isnull": "IS NULL",
    "kurtosis": "stddev and variance",
    "len": "length",
    "median": "approx_percentile(x, 0.5)",
    "merge": "approx_distinct over the rows themselves",
    "nvl": "coalesce",
    "reduce_agg": "reduce over array_agg",
    "set_agg": "array_distinct(array_agg(x))",
    "sha512": "sha256",
    "shuffle": "ORDER BY random()",
    "skewness": "stddev and variance",
    "soundex": "levenshtein_distance",
    "string_agg": "listagg or array_join(array_agg(x), ',')",
    "typeof": "DESCRIBE",
    "xxhash64": "md5 or sha256",
}


def _null_if_any(call: Call) -> Made:
    """A null among the values makes the whole null, where the lake's own passes over it."""
    nulls = " OR ".join(f"{{{n}}} IS NULL" for n in range(len(call.args)))
    return (
        f"CASE WHEN {nulls} THEN NULL ELSE {call.name}({{*}}) END",
        kind_of("*", call.kinds),
    )


@cache
def rules() -> Mapping[str, Rule]:
    """Return all rules by name, in lower case."""
    extremes = Rule({ANY: ""}, writer=_null_if_any, group="Conditions")
    return {
        **numbers.RULES, **texts.RULES, **moments.RULES, **nested.RULES, **documents.RULES,
        **aggregates.RULES, **_CONDITIONS, "greatest": extremes, "least": extremes,
    }  # fmt: skip
