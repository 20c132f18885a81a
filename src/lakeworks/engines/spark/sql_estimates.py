"""What stands for estimates and for chance in Spark's SQL, where the lake itself asks for a guess.

No two engines estimate alike, so SQL of models and callers may not hold such a function. Whoever
shows figures as estimates may (`Session.query(…, estimates=True)`): each engine gives its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.engines.spark.sql_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

# The standard deviation of a count's error, as a share of the count.
_DISTINCT_ERROR = "0.02"


def distinct(writer: Writer, node: exp.ApproxDistinct) -> str:
    """`approx_count_distinct(a)`."""
    return f"APPROX_COUNT_DISTINCT({writer.sql(node.this)}, {_DISTINCT_ERROR})"


def quantile(writer: Writer, node: exp.ApproxQuantile) -> str:
    """`approx_quantile(a, share)`, or `[share, …]`, of doubles."""
    return f"PERCENTILE_APPROX({writer.sql(node.this)}, {writer.sql(node, 'quantile')})"


def chance(writer: Writer, node: exp.Rand) -> str:  # noqa: ARG001 - as every rule has it
    """`random()`."""
    return "RAND()"


_RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.ApproxDistinct: distinct,
    exp.ApproxQuantile: quantile,
    exp.Rand: chance,
}


class EstimatingWriter(Writer):
    """Writes what a `Writer` does, and estimates."""

    TRANSFORMS = {  # noqa: RUF012 - as the class above declares it
        **Writer.TRANSFORMS,
        **{
            node: (lambda self, one, rule=rule: rule(self, one))
            for node, rule in _RULES.items()
        },
    }
    KNOWN = Writer.KNOWN | frozenset(_RULES)
