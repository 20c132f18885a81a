"""The columns of a SELECT list: stars written out, aliases, and what `unnest` makes many of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.types import Array, Struct
from lakeworks.project.lineage_facts import JOIN, TRANSFORMATION
from lakeworks.project.lineage_relations import EMPTY, Column, Flow, Relation, gap, union
from lakeworks.project.sql_lineage_expressions import Expressions, may_give_columns

if TYPE_CHECKING:
    from lakeworks.project.lineage_relations import Scope

_CHOOSING = (exp.Like, exp.ILike, exp.SimilarTo, exp.Glob, exp.Not)


def select_columns(node: exp.Select, scope: Scope, expressions: Expressions) -> Relation:
    """Return the columns that a SELECT list gives; later items see the aliases of earlier."""
    found = Relation()
    for item in node.expressions:
        star = _star_of(item)
        if star is not None:
            _add(found, _starred(item, star, scope, expressions))
            continue
        spread = _spread(item, scope, expressions)
        if spread is not None:
            _add(found, spread)
            continue
        flow = expressions.flow(item, scope)
        name = _name(item)
        found.columns.append(Column(name, flow))
        if isinstance(item, exp.Alias):
            scope.aliases.setdefault(name.lower(), flow)
    return found


def multiplied(node: exp.Select, scope: Scope, expressions: Expressions) -> Flow:
    """Return what decides how many rows an UNNEST in the SELECT list makes of one."""
    flow = EMPTY
    for item in node.expressions:
        for part in item.walk(prune=lambda n: isinstance(n, exp.Query)):
            if isinstance(part, exp.Explode | exp.Unnest) and not isinstance(part, exp.Query):
                flow |= union(expressions.flow(one, scope) for one in _arguments(part))
    return flow.used(JOIN)


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return [node.this] if isinstance(node, exp.Explode) else list(node.expressions)


def _add(found: Relation, more: Relation) -> None:
    found.columns += more.columns
    found.rest += more.rest
    found.open_because += more.open_because


def _star_of(item: exp.Expr) -> exp.Star | None:
    inner = item.this if isinstance(item, exp.Column | exp.Columns) else item
    return inner if isinstance(inner, exp.Star) else None


def _starred(
    item: exp.Expr, star: exp.Star, scope: Scope, expressions: Expressions
) -> Relation:
    """Write out `*`, `t.*`, or `s.*` of a struct, with EXCLUDE, REPLACE and RENAME."""
    parts = [p.name for p in item.parts if isinstance(p, exp.Identifier)] if isinstance(
        item, exp.Column) else []  # fmt: skip
    if parts:
        relation = scope.source(parts)
        if relation is None:
            relation = _fields(scope.resolve(parts), ".".join(parts))
    else:
        relation = everything(scope)
    excluded = {one.name.lower() for one in star.args.get("except_") or ()}
    replaced = {
        one.alias.lower(): expressions.flow(one.this, scope)
        for one in star.args.get("replace") or ()
    }
    renamed = {one.this.name.lower(): one.alias for one in star.args.get("rename") or ()}
    columns = [
        Column(
            renamed.get(column.name.lower(), column.name),
            replaced.get(column.name.lower(), column.flow),
        )
        for column in relation.columns
        if column.name.lower() not in excluded
    ]
    if not relation.is_open:
        return Relation(columns)

    def further(name: str) -> Flow | None:
        wanted = name.lower()
        for old, new in renamed.items():
            if new.lower() == wanted:
                return relation.find(old)
        if wanted in excluded or wanted in renamed:
            return None
        return replaced.get(wanted) or relation.find(name)

    return Relation(columns, rest=(further,), open_because=relation.open_because)


def everything(scope: Scope) -> Relation:
    """Return the columns of all FROM items, those of USING once."""
    found = Relation()
    seen: set[str] = set()
    for _, relation in scope.sources:
        for column in relation.columns:
            wanted = column.name.lower()
            if wanted not in scope.merged:
                found.columns.append(column)
            elif wanted not in seen:
                seen.add(wanted)
                found.columns.append(Column(column.name, scope.merged[wanted]))
        found.rest += relation.rest
        found.open_because += relation.open_because
    if found.rest and scope.merged:
        rest = found.rest

        def further(name: str) -> Flow | None:
            if name.lower() in scope.merged:
                return scope.merged[name.lower()]
            return Relation(rest=rest, open_because=found.open_because).find(name)

        return replace(found, rest=(further,))
    return found


def _fields(flow: Flow, name: str) -> Relation:
    """Return the fields of a struct column as columns."""
    if isinstance(flow.type, Struct):
        inner = replace(flow.used(TRANSFORMATION))
        return Relation([Column(f.name, replace(inner, type=f.type)) for f in flow.type.fields])
    why = f"the fields of {name} are not known"
    if flow.gaps:
        return Relation(rest=(lambda _: flow,), open_because=(why,))
    whole = flow.used(TRANSFORMATION)
    return Relation(rest=(lambda _: whole,), open_because=(why,))


def _spread(item: exp.Expr, scope: Scope, expressions: Expressions) -> Relation | None:
    """Return what gives any number of columns: UNNEST of a struct, COLUMNS(…), `* LIKE`."""
    inner = item.this if isinstance(item, exp.Alias) else item
    if isinstance(inner, exp.Explode | exp.Unnest):
        return _unnested(item, inner, scope, expressions)
    chosen = isinstance(inner, _CHOOSING) and isinstance(inner.this, exp.Star)
    if chosen or inner.find(exp.Columns) is not None:
        why = f"which columns {inner.sql('duckdb')} stands for is not followed"
        return Relation(rest=(lambda _: gap(why),), open_because=(why,))
    return None


def _unnested(
    item: exp.Expr, node: exp.Expr, scope: Scope, expressions: Expressions
) -> Relation | None:
    argument = node.this if isinstance(node, exp.Explode) else (node.expressions or [None])[0]
    flow = expressions.flow(argument, scope)
    if isinstance(flow.type, Struct):
        return _fields(flow, "unnest")
    if isinstance(flow.type, Array):
        if _is_recursive(node) and isinstance(flow.type.element, Struct):
            return _fields(replace(flow, type=flow.type.element), "unnest")
        kept = replace(flow.used(TRANSFORMATION), type=flow.type.element)
        return Relation([Column(_name(item), kept)])
    if flow.is_list or argument is None or not may_give_columns(argument):
        return None if not _is_recursive(node) else _fields(flow, "unnest")
    return _fields(flow, argument.sql("duckdb"))


def _is_recursive(node: exp.Expr) -> bool:
    return any(isinstance(part, exp.PropertyEQ | exp.Kwarg) for part in node.expressions)


def _name(item: exp.Expr) -> str:
    """Return the name that SQL gives an item of its own accord, or nothing."""
    if isinstance(item, exp.Alias | exp.Column):
        return item.alias_or_name
    if isinstance(item, exp.Count) and isinstance(item.this, exp.Star):
        return "count_star()"
    return ""
