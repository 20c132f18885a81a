"""The types of a SELECT's parts, as the embedded engine tells them.

How an operator is carried over to Spark depends on what it is applied to: a cast of text, of a
double and of a decimal each round in their own way. Only the engine whose dialect it is knows the
types for certain, so each SELECT is described once more with the parts in question as columns.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct
from lakeworks.engines.spark.lake_sql import LakeSql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from lakeworks.core.types import Schema, Type

KIND = "lakeworks_kind"
_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})
_ASKED = (
    exp.Binary, exp.Cast, exp.TryCast, exp.Neg, exp.Round, exp.Floor, exp.Ceil, exp.Trunc,
    exp.TimestampTrunc, exp.DateTrunc, exp.Bracket, exp.Length, exp.Concat, exp.ConcatWs,
    exp.Sum, exp.Avg, exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.DateAdd,
    exp.DateSub, exp.DateDiff, exp.Extract, exp.TimeToStr, exp.TimeToUnix, exp.ArrayAgg,
    exp.GroupConcat, exp.Reverse, exp.Contains, exp.Max, exp.Min, exp.Abs, exp.Pow,
    exp.Anonymous, exp.Case, exp.If, exp.Coalesce, exp.Greatest, exp.Least, exp.In, exp.Between,
    exp.Nullif, exp.UnixToTime, exp.Explode, exp.GenerateSeries, exp.Unnest, exp.ArrayDistinct,
    exp.Sign, exp.AtTimeZone, exp.Ordered, exp.Stddev, exp.StddevPop,
    exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, exp.ArrayContains, exp.ArgMax, exp.ArgMin,
)  # fmt: skip


def annotate(tree: exp.Expression, describe: Callable[[str], Schema]) -> None:
    """Note at every part whose type matters what the embedded engine says it is."""
    for select in list(tree.find_all(exp.Select)):
        _annotate(select, describe)


def kind(node: exp.Expression | None) -> Type | None:
    """Return the type that was noted at a part, or that a literal has."""
    node = bare(node)
    if node is None:
        return None
    return cast("Type | None", node.meta.get(KIND)) or _literal(node)


def bare(node: exp.Expression | None) -> exp.Expression | None:
    """Return a part without the brackets around it."""
    while isinstance(node, exp.Paren):
        node = cast("exp.Expression", node.this)
    return node


def line_of(node: exp.Expression) -> int | None:
    """Return the line of the SQL where a part, or else what it belongs to, stands."""
    around: exp.Expression | None = node
    while around is not None:
        for one in around.walk():
            if "line" in one.meta:
                return int(one.meta["line"])
        around = cast("exp.Expression | None", around.parent)
    return None


def is_whole(found: Type | None) -> bool:
    """Whether a type is one of the integers."""
    return isinstance(found, Scalar) and found.name in _WHOLE


def is_scalar(found: Type | None, *names: str) -> bool:
    """Whether a type is one of the plain types named."""
    return isinstance(found, Scalar) and found.name in names


def is_float(found: Type | None) -> bool:
    """Whether a type is a binary floating-point number."""
    return is_scalar(found, "float", "double")


def spark_name(found: Type) -> str:
    """Return a type as Spark's SQL writes it."""
    match found:
        case Scalar(name):
            return {"timestamp": "TIMESTAMP_LTZ", "int": "INT"}.get(name, name.upper())
        case Decimal(precision, scale):
            return f"DECIMAL({precision}, {scale})"
        case Array(element):
            return f"ARRAY<{spark_name(element)}>"
        case Map(key, value):
            return f"MAP<{spark_name(key)}, {spark_name(value)}>"
        case Struct(fields):
            inner = ", ".join(
                f"`{f.name.replace('`', '``')}`: {spark_name(f.type)}" for f in fields
            )
            return f"STRUCT<{inner}>"


def _literal(node: exp.Expression) -> Type | None:
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return Scalar("string")
    text = str(node.this)
    if text.isdigit():
        return Scalar("int" if int(text) < 2**31 else "bigint")
    if "e" in text.lower():
        return Scalar("double")
    whole, _, part = text.partition(".")
    return Decimal(max(1, len(whole)) + len(part), len(part))


def _annotate(select: exp.Select, describe: Callable[[str], Schema]) -> None:
    wanted = []
    for node in _own(select):
        for part in _asked(node) if isinstance(node, _ASKED) else ():
            if isinstance(part, (exp.And, exp.Or)):
                # Known, and asked for each part of a long chain they would take its square.
                part.meta[KIND] = Scalar("boolean")
            elif not isinstance(part, (exp.Literal, exp.Star)) and not _of_lambda(part):
                wanted.append(part)
    note(select, wanted, KIND, lambda sql: [field.type for field in describe(sql)])


def note(
    select: exp.Select,
    wanted: Iterable[exp.Expression],
    key: str,
    describe: Callable[[str], Sequence[Any]],
) -> None:
    """Note under a key at parts of a SELECT what is told of them as columns, where it can be."""
    asked = list({id(part): part for part in wanted}.values())
    for probe in (_plain, _with_columns, _grouped):
        waiting = [part for part in asked if key not in part.meta]
        _describe(waiting, partial(probe, select), key, describe)


def _describe(
    parts: list[exp.Expression],
    probe: Callable[[list[exp.Expression]], exp.Select],
    key: str,
    describe: Callable[[str], Sequence[Any]],
) -> None:
    """Describe parts in one SELECT; halves of them where the engine does not take it."""
    if not parts:
        return
    with suppress(LakeError):
        found = describe(probe(parts).sql(dialect=LakeSql))
        for part, told in zip(parts, found[-len(parts) :], strict=True):
            part.meta[key] = told
        return
    middle = len(parts) // 2
    for half in (parts[:middle], parts[middle:]) if middle else ():
        _describe(half, probe, key, describe)


def _of_lambda(part: exp.Expression) -> bool:
    """Whether a part hangs on a parameter of a lambda around it, which has no type outside."""
    around: exp.Expression | None = part
    names: set[str] = set()
    while around is not None:
        if isinstance(around, exp.Lambda):
            names |= {one.name for one in around.expressions}
        around = cast("exp.Expression | None", around.parent)
    return bool(names) and any(
        one.name in names and not isinstance(one.parent, exp.Column)
        for one in part.find_all(exp.Identifier)
    )


def _own(select: exp.Select) -> Iterable[exp.Expression]:
    """Return the parts of one SELECT, without those of SELECTs inside it."""
    for node in select.walk(prune=lambda n: isinstance(n, exp.Query) and n is not select):
        if node is select or not isinstance(node, exp.Query):
            yield cast("exp.Expression", node)


def _asked(node: exp.Expression) -> list[exp.Expression]:
    # What is sorted by is no value itself, nor is a branch of a CASE.
    branch = isinstance(node, exp.If) and isinstance(node.parent, exp.Case)
    if branch or isinstance(node, exp.Ordered):
        return _parts(node)
    return [node, *_parts(node)]


def _parts(node: exp.Expression) -> list[exp.Expression]:
    """Return what an operator or function is applied to."""
    found = []
    for value in node.args.values():
        for each in value if isinstance(value, list) else [value]:
            one = each.this if isinstance(each, exp.Order) else each
            if isinstance(one, exp.Distinct):
                found += one.expressions
            elif isinstance(one, exp.If) and isinstance(node, exp.Case):
                continue
            elif isinstance(one, exp.Expression) and not isinstance(
                one,
                (exp.DataType, exp.Var, exp.Identifier, exp.Interval, exp.Lambda, exp.Query),
            ):
                found.append(one)
    return [one for part in found if (one := bare(part)) is not None]


def _plain(select: exp.Select, parts: list[exp.Expression]) -> exp.Select:
    """The parts as columns of the SELECT's own tables."""
    probe = exp.Select(expressions=_columns(parts))
    for name in ("from_", "joins", "laterals", "windows"):
        _take(probe, select, name)
    if probe.args.get("from_") is None:
        _take_before(probe, select)
    return with_common(probe, select)


def _with_columns(select: exp.Select, parts: list[exp.Expression]) -> exp.Select:
    """The same beside the SELECT's columns, which a part may name by their aliases."""
    probe = _plain(select, parts)
    probe.set("expressions", [e.copy() for e in select.expressions] + probe.expressions)
    return probe


def _grouped(select: exp.Select, parts: list[exp.Expression]) -> exp.Select:
    """The same over groups, for what is computed of aggregates."""
    probe = _with_columns(select, parts)
    _take(probe, select, "group")
    return probe


def _columns(parts: list[exp.Expression]) -> list[exp.Expression]:
    return [
        exp.Alias(this=part.copy(), alias=exp.to_identifier(f"__lakeworks_{i}"))
        for i, part in enumerate(parts)
    ]


def _take(probe: exp.Select, select: exp.Select, name: str) -> None:
    value = select.args.get(name)
    if isinstance(value, list):
        probe.set(name, [one.copy() for one in value])
    elif value is not None:
        probe.set(name, value.copy())


def _take_before(probe: exp.Select, select: exp.Select) -> None:
    """Let a SELECT without tables, which is joined to some, see those before it."""
    join = select.parent.parent if isinstance(select.parent, exp.Subquery) else None
    if not isinstance(join, exp.Join) or not isinstance(join.parent, exp.Select):
        return
    _take(probe, join.parent, "from_")
    before = itertools.takewhile(lambda one: one is not join, join.parent.args["joins"])
    probe.set("joins", [one.copy() for one in before])


def with_common(probe: exp.Select, select: exp.Expression) -> exp.Select:
    """Let the probe see every common table that a query sees."""
    common: list[exp.Expression] = []
    recursive = False
    node: exp.Expression | None = select
    while node is not None:
        held = node.args.get("with_")
        if isinstance(held, exp.With):
            visible = list(held.expressions)
            common = [
                one.copy() for one in visible if not any(n is select for n in one.walk())
            ] + common
            recursive = recursive or bool(held.args.get("recursive"))
        node = cast("exp.Expression | None", node.parent)
    if common:
        probe.set("with_", exp.With(expressions=common, recursive=recursive))
    return probe
