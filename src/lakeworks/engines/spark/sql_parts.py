"""The parts of a SELECT: the values that it computes, and where other values come into them.

Pure. Queries within a value are looked at for themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from lakeworks.engines.duckdb.allowed_functions import AGGREGATES
from lakeworks.engines.spark.sql_types import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_CLOCK = (exp.CurrentDate, exp.CurrentTimestamp)
_BEHIND = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup, exp.Window)
# What stands around the arguments of an aggregate or a window, and is no value itself.
_STRUCTURE = (*_BEHIND, exp.Where, exp.Order, exp.Ordered, exp.Distinct, exp.WindowSpec)
_FROM_OUTSIDE = (
    *_BEHIND, *_CLOCK, exp.Explode, exp.Query, exp.Exists, exp.Any, exp.All,
)  # fmt: skip
_APPROXIMATE = (exp.ApproxDistinct, exp.ApproxQuantile, exp.ApproxTopK)


def walked(
    node: exp.Expression, prune: Callable[[exp.Expression], bool]
) -> Iterator[exp.Expression]:
    """Return a tree's nodes from its root, and nothing below those that `prune` is true of."""
    for one in node.walk(prune=lambda found: prune(cast("exp.Expression", found))):
        yield cast("exp.Expression", one)


def roots(select: exp.Expression) -> Iterator[exp.Expression]:
    """Return the values that a SELECT computes for itself, largest first."""
    for one in select.expressions:
        yield from _values(one.this if isinstance(one, exp.Alias) else one)
    for name in ("where", "having", "qualify"):
        if select.args.get(name) is not None:
            yield from _conditions(select.args[name].this)
    for name in ("group", "order"):
        for one in getattr(select.args.get(name), "expressions", None) or []:
            yield from _values(one.this if isinstance(one, exp.Ordered) else one)
    for one in (select.args.get("from_"), *(select.args.get("joins") or [])):
        if one is not None:
            yield from _of_source(one)


def _of_source(source: exp.Expression) -> Iterator[exp.Expression]:
    if source.args.get("on") is not None:
        yield from _conditions(source.args["on"])
    rows = source.this
    if isinstance(rows, exp.Unnest):
        yield from rows.expressions
    elif isinstance(rows, exp.Values):
        for row in rows.expressions:
            for cell in row.expressions:
                yield from _values(cell)


def decides_outer_join(root: exp.Expression) -> bool:
    """Whether a value stands in the condition of a join that keeps rows without a match."""
    node = root.parent
    while isinstance(node, (exp.Paren, exp.And)):
        node = node.parent
    return isinstance(node, exp.Join) and bool(node.side or node.kind in {"SEMI", "ANTI"})


def _values(node: exp.Expression) -> Iterator[exp.Expression]:
    if isinstance(node, exp.Explode):
        yield from _values(cast("exp.Expression", node.this))
    elif not isinstance(node, (exp.Star, exp.Literal, exp.Column)):
        yield node


def _conditions(node: exp.Expression) -> Iterator[exp.Expression]:
    """Return conditions that hold together; in which order they are asked counts nowhere."""
    inner = bare(node)
    if isinstance(inner, exp.And):
        yield from _conditions(inner.this)
        yield from _conditions(inner.expression)
    else:
        yield node


def column_of_result(root: exp.Expression) -> exp.Expression | None:
    """Return the name of a column of the result, where rows are ordered by what it is.

    Spark does not find it out where the rows are groups.
    """
    order = root.parent.parent if isinstance(root.parent, exp.Ordered) else None
    if not isinstance(order, exp.Order) or not isinstance(order.parent, exp.Select):
        return None
    for one in order.parent.expressions:
        if isinstance(one, exp.Alias) and one.this == root:
            return exp.column(one.args["alias"].copy())
    return None


def bordering(root: exp.Expression, keys: list[exp.Expression]) -> Iterator[exp.Expression]:
    """Return whatever of a root may come to stand at the border of two engines."""
    yield root
    inner = bare(root)
    if isinstance(inner, COMPARED):
        yield from (inner.this, inner.args["expression"])
    for one in walked(root, lambda n: isinstance(n, exp.Query)):
        if isinstance(one, exp.Column) or comes_from_outside(one, keys):
            yield one
            if not isinstance(one, exp.Query):
                yield from values_within(one)


def keys_of(select: exp.Expression) -> list[exp.Expression]:
    """Return what the rows of a SELECT are grouped by."""
    group = select.args.get("group")
    found = group.expressions if group is not None else []
    return [one for one in found if not isinstance(one, exp.Literal)]


def taken_by(node: exp.Expression, keys: list[exp.Expression]) -> Iterator[exp.Expression]:
    """Return the parts of a value that come into it from outside: columns, aggregates and so on."""

    def stops(one: exp.Expression) -> bool:
        if one is node:
            return isinstance(one, exp.Column) or is_aggregate(one)
        return isinstance(one, exp.Column) or comes_from_outside(one, keys)

    return (one for one in walked(node, stops) if stops(one))


def comes_from_outside(node: exp.Expression, keys: list[exp.Expression]) -> bool:
    """Whether a part is made of more than the values of one row, or of a group's keys."""
    if isinstance(node, _FROM_OUTSIDE):
        return True
    if isinstance(node, exp.In) and node.args.get("query") is not None:
        return True
    if isinstance(node, exp.Anonymous) and node.name.lower() in {"now", "today"}:
        return True
    return is_aggregate(node) or any(node == key for key in keys)


def is_aggregate(node: exp.Expression) -> bool:
    """Whether a part is an aggregate, with what stands behind it but OVER."""
    if isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        return is_aggregate(cast("exp.Expression", node.this))
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in AGGREGATES
    return isinstance(node, (exp.AggFunc, exp.AnonymousAggFunc))


def is_approximate(aggregate: exp.Expression) -> bool:
    """Whether it is made for more rows than one task should hold."""
    return any(
        isinstance(one, _APPROXIMATE)
        or (isinstance(one, exp.Anonymous) and "approx" in one.name.lower())
        for one in aggregate.walk()
    )


def values_within(boundary: exp.Expression) -> Iterator[exp.Expression]:
    """Return the values within an aggregate, a window or an unnest."""
    for child in boundary.iter_expressions():
        called = isinstance(boundary, _BEHIND) and child is boundary.this
        if called or isinstance(child, _STRUCTURE):
            yield from values_within(child)
        elif not isinstance(
            child, (exp.Literal, exp.Column, exp.Query, exp.Star, exp.Var, exp.Identifier)
        ):
            yield child
