"""What UNION, EXCEPT and INTERSECT put under each other, made one kind of value first.

The lake makes texts of numbers, dates and flags where the other query gives texts. Spark would read the
texts as numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.spark.lake_sql import LakeSql
from lakeworks.engines.spark.sql_compared import family
from lakeworks.engines.spark.sql_types import with_common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.core.types import Schema, Type

_ARM = "__lakeworks_arm"


def of_one_kind(tree: exp.Expression, describe: Callable[[str], Schema]) -> None:
    """Cast columns of both sides of each set operation to what the embedded engine makes of them.

    Args:
        describe: Gives the columns of a SELECT in the lake's dialect.
    """
    alike: set[int] = set()
    for both in list(tree.find_all(exp.SetOperation)):
        if id(both) in alike or both.args.get("by_name") or _is_recursive(both):
            continue
        chain = list(_chain(both))
        if len(chain) > 1 and _all_alike(chain, describe):
            alike |= {id(one) for one in chain}
            continue
        wanted = _described(both, both, describe)
        for arm in (both.this, both.expression):
            given = _described(arm, both, describe)
            if wanted is not None and given is not None and len(given) == len(wanted):
                _cast(arm, given, wanted)


def _chain(both: exp.SetOperation) -> Iterator[exp.SetOperation]:
    """Return a set operation and those that are its sides, theirs and so on."""
    waiting = [both]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [
            arm for arm in (one.this, one.expression) if isinstance(arm, exp.SetOperation)
        ]


def _all_alike(chain: list[exp.SetOperation], describe: Callable[[str], Schema]) -> bool:
    """Whether each query of a chain gives what the whole of it does: then so do its parts.

    Looked at part by part, a long chain would take the square of its length.
    """
    if any(one.args.get("by_name") for one in chain):
        return False
    wanted = _described(chain[0], chain[0], describe)
    for both in chain:
        for arm in (both.this, both.expression):
            if isinstance(arm, exp.SetOperation):
                continue
            given = _described(arm, both, describe)
            if wanted is None or given is None or len(given) != len(wanted):
                return False
            if any(_differ(a.type, b.type) for a, b in zip(given, wanted, strict=True)):
                return False
    return True


def _is_recursive(both: exp.Expression) -> bool:
    """Whether it is the body of a table that reads itself: its first query gives the types."""
    held = both.parent.parent if isinstance(both.parent, exp.CTE) else None
    return isinstance(held, exp.With) and bool(held.args.get("recursive"))


def _described(
    part: exp.Expression, scope: exp.Expression, describe: Callable[[str], Schema]
) -> Schema | None:
    """Return the columns of a query; None of one that hangs on another around it."""
    if not isinstance(part, exp.Query):
        return None
    inner = part.copy()
    inner.set("with_", None)
    probe = exp.Select(expressions=[exp.Star()], from_=exp.From(this=_named(inner, ())))
    try:
        return describe(with_common(probe, scope).sql(dialect=LakeSql))
    except LakeError:
        return None


def _cast(arm: exp.Expression, given: Schema, wanted: Schema) -> None:
    columns = zip(_shown(arm, len(given)), given, wanted, strict=True)
    apart = [not isinstance(one, exp.Null) and _differ(a.type, b.type) for one, a, b in columns]
    if not any(apart):
        return
    names = [f"__{place}" for place in range(len(given))]
    shown: list[exp.Expr] = []
    for name, column, other, differs in zip(names, given, wanted, apart, strict=True):
        value: exp.Expr = exp.column(name, quoted=True)
        if differs:
            value = exp.cast(value, to_duckdb(other.type), dialect="duckdb")
        shown.append(exp.alias_(value, column.name, quoted=True))
    whole = exp.Select(
        expressions=shown,
        from_=exp.From(this=_named(arm.copy(), names)),
    )
    arm.replace(whole)


def _differ(given: Type, wanted: Type) -> bool:
    """Whether Spark would convert otherwise; a number among moments is no value but null."""
    kinds = family(given), family(wanted)
    return kinds[0] != kinds[1] and (kinds[1] == "text" or kinds == ("boolean", "number"))


def _shown(arm: exp.Expression, count: int) -> list[exp.Expression | None]:
    """Return what a query shows in each column, as far as it is written there."""
    inner = arm.unnest() if isinstance(arm, exp.Subquery) else arm
    if not isinstance(inner, exp.Select) or len(inner.expressions) != count:
        return [None] * count
    return [one.unalias() for one in inner.expressions]


def _named(query: exp.Expression, columns: list[str] | tuple[str, ...]) -> exp.Subquery:
    alias = exp.TableAlias(
        this=exp.to_identifier(_ARM, quoted=True),
        columns=[exp.to_identifier(name, quoted=True) for name in columns],
    )
    return exp.Subquery(this=query, alias=alias)
