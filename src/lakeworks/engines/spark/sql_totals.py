"""The total that ROLLUP, CUBE and GROUPING SETS give over no rows at all, which Spark leaves out.

A SELECT that has such a total gets a second one beside it, whose one row there is only if there is
nothing to group: of the two, never more than one gives rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_carried import Carried, source
from lakeworks.engines.spark.sql_parts import is_aggregate
from lakeworks.engines.spark.sql_types import bare, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_VALUES = (exp.Literal, exp.Ordered, exp.Identifier)
_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def with_totals(tree: exp.Expression) -> exp.Expression:
    """Return a tree whose SELECTs give the total of nothing, too.

    Raises:
        NotOnSparkError: one is a value, or shows what is no key.
    """
    for select in reversed(list(tree.find_all(exp.Select))):
        if not _has_total(select):
            continue
        total = _of_nothing(select) if _is_table(select) else None
        if total is None:
            raise NotOnSparkError.part(
                "a total by ROLLUP, CUBE or GROUPING SETS here", "compute it in a WITH"
            ).on_line(line_of(select))
        common = select.args.get("with_")
        select.set("with_", None)
        both = exp.Union(
            this=exp.Subquery(this=select.copy()),
            expression=exp.Subquery(this=total),
            distinct=False,
            with_=common,
        )
        if select is tree:
            return both
        inside = isinstance(select.parent, (exp.Subquery, exp.CTE))
        select.replace(both if inside else exp.Subquery(this=both))
    return tree


def _has_total(select: exp.Select) -> bool:
    """Whether all rows together are one of the groups, beside others."""
    group = select.args.get("group")
    sets = group.expressions if group is not None else []
    return bool(sets) and all(_holds_all(one) for one in sets)


def _holds_all(one: exp.Expression) -> bool:
    if isinstance(one, exp.GroupingSets):
        return any(_holds_all(inner) for inner in one.expressions)
    if isinstance(one, exp.Tuple):
        return not one.expressions
    return isinstance(one, (exp.Rollup, exp.Cube))


def _is_table(select: exp.Select) -> bool:
    """Whether a SELECT stands where nothing around it can be named in it."""
    node = select.parent
    while node is not None:
        if isinstance(node, exp.Subquery) and not isinstance(
            node.parent, (exp.From, exp.Join, exp.SetOperation, exp.Subquery, type(None))
        ):
            return False
        if isinstance(node, (exp.In, exp.Exists, exp.Any, exp.All, exp.Lateral)):
            return False
        node = node.parent
    return True


def _of_nothing(select: exp.Select) -> exp.Select | None:
    """Return the SELECT of the total over no rows; None where it cannot be told what that is."""
    shown = {one.alias.casefold(): one.this for one in select.expressions if one.alias}
    keys = {_told(key) for key in _keys(select.args["group"], select)}
    # A name means a column of the tables first, and what is shown under it only then.
    named = {_told(shown[key]) if key in shown else key for key in keys}
    total = _with_keys_null(select, keys, set(shown)) or _with_keys_null(
        select, named, set(shown)
    )
    if total is None:
        return None
    some = exp.Select(expressions=[exp.Literal.number(1)])
    for name in ("from_", "joins", "laterals", "where"):
        value = select.args.get(name)
        if value:
            copies = [one.copy() for one in value] if isinstance(value, list) else value.copy()
            some.set(name, copies)
    total.set("where", exp.Where(this=exp.false()))
    return exp.Select(
        expressions=[exp.Star()],
        from_=exp.From(this=exp.Subquery(this=total)),
        where=exp.Where(this=exp.Not(this=exp.Exists(this=some))),
    )


def _with_keys_null(select: exp.Select, keys: set[str], names: set[str]) -> exp.Select | None:
    """Return a SELECT of the one group of all rows; None if it shows more than keys of it."""
    total = select.copy()
    total.set("group", None)
    total.set("order", None)
    parts = [*total.expressions]
    if total.args.get("having") is not None:
        parts.append(total.args["having"])
    return total if all(_without_keys(part, keys, names) for part in parts) else None


def _keys(group: exp.Expression, select: exp.Select) -> Iterator[exp.Expression]:
    for one in group.expressions:
        if isinstance(one, (*_SETS, exp.Tuple)):
            yield from _keys(one, select)
        elif isinstance(one, exp.Literal) and one.is_int:
            yield select.expressions[int(one.name) - 1].unalias()
        else:
            yield cast("exp.Expression", bare(one))


def _told(node: exp.Expression) -> str:
    """Return a key as it is compared: a column by its own name."""
    return node.name.casefold() if isinstance(node, exp.Column) else source(node).casefold()


def _without_keys(part: exp.Expression, keys: set[str], names: set[str]) -> bool:
    """Let keys be what they are over no rows, null; return whether all columns were keys."""
    if isinstance(part, exp.Grouping):
        bits = exp.Literal.number((1 << len(part.expressions)) - 1)
        bits.meta.update(part.meta)
        part.replace(bits)
        return True
    if not isinstance(part, _NO_VALUES) and _told(part) in keys:
        nothing = exp.AnyValue(this=part.copy())
        nothing.meta.update(part.meta)
        part.replace(nothing)
        return True
    if isinstance(part, exp.Column):
        return part.name.casefold() in names
    return all(_without_keys(one, keys, names) for one in _of_groups(part))


def _of_groups(part: exp.Expression) -> list[exp.Expression]:
    """Return the parts of a part that are computed of groups, not of their rows."""
    if isinstance(part, Carried):
        rows = len(part.args.get("keys") or []) if part.computed.columns else None
        parts = part.expressions
        return list(parts if rows is None else parts[len(parts) - rows :])
    if isinstance(part, exp.Window):
        called = part.this
        rest = [one for one in part.iter_expressions() if one is not called]
        return [*called.iter_expressions(), *rest]
    if is_aggregate(part) or isinstance(part, exp.Query):
        return []
    return list(part.iter_expressions())
