"""What an expression derives from: which columns give its value, and which only influence it.

The condition of a CASE, the order of a window, what is counted: these influence. Each kind of
node that differs from "the value of all its parts" has a rule here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.lineage_facts import (
    AGGREGATION,
    CONDITION,
    COUNT,
    SORT,
    TRANSFORMATION,
    WINDOW,
)
from lakeworks.project.lineage_relations import EMPTY, Flow, Relation, Scope, gap, union
from lakeworks.project.sql_shape import AGGREGATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Analyse = Callable[[exp.Expr, Scope], Relation]

_COUNTING = frozenset({"count", "count_star", "count_if", "countif", "approx_count_distinct",
                       "regr_count"})  # fmt: skip
_BY_SECOND = frozenset({"arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by",
                        "arg_max_null", "arg_min_null", "arg_max_nulls_last",
                        "arg_min_nulls_last"})  # fmt: skip
_LISTS = frozenset({"list", "array_agg", "range", "generate_series", "string_split", "split",
                    "str_split", "regexp_split_to_array", "list_value", "regexp_extract_all",
                    "list_transform", "list_filter", "list_distinct", "list_sort", "map_keys",
                    "map_values", "map_entries"})  # fmt: skip
_LIST_NODES = (exp.Array, exp.ArrayAgg, exp.GenerateSeries, exp.Split, exp.Transform,
               exp.ArrayFilter, exp.RegexpSplit, exp.RegexpExtractAll)  # fmt: skip
_STRUCTS = (exp.Struct,)
_COUNT_NODES = (exp.Count, exp.CountIf, exp.ApproxDistinct)
_ARG_NODES = (exp.ArgMax, exp.ArgMin)


class Expressions:
    """Finds flows of expressions in scopes; knows queries only through `analyse`."""

    def __init__(self, analyse: Analyse) -> None:
        self.analyse = analyse

    def flow(self, node: object, scope: Scope) -> Flow:  # noqa: C901, PLR0911, PLR0912 - a match
        """Return what an expression derives from."""
        match node:
            case exp.Column():
                return self._column(node, scope)
            case exp.DataType():
                return EMPTY
            case exp.Identifier():
                return scope.resolve([node.name])
            case exp.Paren() | exp.Alias():
                return self.flow(node.this, scope)
            case exp.Subquery() | exp.Select() | exp.SetOperation() | exp.Values():
                return self._scalar(node, scope)
            case exp.Exists():
                return self._rows(node.this, scope)
            case exp.In():
                return self._in(node, scope)
            case exp.Any() | exp.All() if isinstance(node.this, exp.Query):
                return self._members(node.this, scope)
            case exp.Case():
                return self._case(node, scope)
            case exp.If():
                return self._choice(node, scope)
            case exp.Nullif():
                value = self.flow(node.this, scope).used(TRANSFORMATION)
                return value | self.flow(node.expression, scope).used(CONDITION)
            case exp.Filter():
                value = self.flow(node.this, scope)
                return value | self.flow(node.expression.this, scope).used(CONDITION)
            case exp.Window():
                return self._window(node, scope)
            case exp.WithinGroup():
                ordered = self._each(node.expression.expressions, scope)
                return (self.flow(node.this, scope) | ordered).used(AGGREGATION)
            case exp.Order():
                value = self.flow(node.this, scope)
                return value | self._each(node.expressions, scope).used(SORT)
            case exp.Lambda():
                return self._lambda(node, scope)
            case exp.Comprehension():
                return self._comprehension(node, scope)
            case exp.Dot():
                return self._chain(node, scope)
            case exp.PropertyEQ() | exp.Kwarg():
                return self._named(node, scope)
            case exp.Columns():
                return gap("COLUMNS(…) inside an expression is not followed")
            case exp.PositionalColumn():
                return gap("a column named by its position (#1) is not followed")
            case exp.Star():
                return EMPTY
            case exp.Expr():
                return self._call(node, scope)
            case _:
                return EMPTY

    def _call(self, node: exp.Expr, scope: Scope) -> Flow:
        name = _name(node)
        arguments = list(_children(node))
        if isinstance(node, _COUNT_NODES) or name in _COUNTING:
            return self._each(arguments, scope).used(COUNT)
        if isinstance(node, _ARG_NODES) or name in _BY_SECOND:
            first, *others = arguments
            value = self.flow(first, scope).used(AGGREGATION)
            return value | self._each(others, scope).used(CONDITION)
        if isinstance(node, exp.Transform | exp.ArrayFilter):
            return self._over_list(node, scope)
        if isinstance(node, exp.Anonymous) and any(
            isinstance(a, exp.Lambda) for a in arguments
        ):
            return self._over_list(node, scope)
        aggregates = isinstance(node, exp.AggFunc) or name in AGGREGATES
        flow = self._each(arguments, scope).used(AGGREGATION if aggregates else TRANSFORMATION)
        return replace(flow, is_list=name in _LISTS or isinstance(node, _LIST_NODES))

    def _chain(self, node: exp.Dot, scope: Scope) -> Flow:
        """Follow `a.b.c`, where later parts are fields, or calls: `email.lower().trim()`."""
        parts = list(node.flatten())
        named: list[str] = []
        while parts and isinstance(parts[0], exp.Identifier):
            named.append(parts.pop(0).name)
        flow = scope.resolve(named) if named else self.flow(parts.pop(0), scope)
        for part in parts:
            flow = flow.used(TRANSFORMATION)
            if not isinstance(part, exp.Identifier):
                flow = self._method(part, flow, scope)
        return flow

    def _method(self, call: exp.Expr, given: Flow, scope: Scope) -> Flow:
        """Follow a call whose first argument stands before it."""
        name = _name(call)
        flow = given
        for argument in _children(call):
            flow |= self._lambda(argument, scope, given) if isinstance(argument, exp.Lambda) else (
                self.flow(argument, scope))  # fmt: skip
        if isinstance(call, _COUNT_NODES) or name in _COUNTING:
            return flow.used(COUNT)
        aggregates = isinstance(call, exp.AggFunc) or name in AGGREGATES
        return flow.used(AGGREGATION if aggregates else TRANSFORMATION)

    def _named(self, node: exp.Expr, scope: Scope) -> Flow:
        """Follow `name := value`; in a map, what stands for the name is a value as well."""
        flow = self.flow(node.expression, scope)
        if not isinstance(node.this, exp.Identifier) and node.find_ancestor(exp.ToMap):
            flow |= self.flow(node.this, scope)
        return flow

    def _each(self, nodes: Iterable[object], scope: Scope) -> Flow:
        return union(self.flow(node, scope) for node in nodes)

    def _column(self, node: exp.Column, scope: Scope) -> Flow:
        parts = [part.name for part in node.parts if isinstance(part, exp.Identifier)]
        if isinstance(node.this, exp.Star):
            relation = scope.source(parts)
            return relation.whole() if relation else scope.resolve(parts)
        return scope.resolve(parts)

    def _scalar(self, node: exp.Expr, scope: Scope) -> Flow:
        found = self.analyse(node, scope)
        value = union(column.flow for column in found.columns).used(TRANSFORMATION)
        return replace(value | found.rows, gaps=value.gaps | found.rows.gaps | _why(found))

    def _rows(self, node: exp.Expr, scope: Scope) -> Flow:
        found = self.analyse(node, scope)
        # Which rows there are is all that counts; the list of an aggregate matters to none.
        return found.rows.used(CONDITION)

    def _members(self, node: exp.Expr, scope: Scope) -> Flow:
        return self._scalar(node, scope).used(CONDITION)

    def _in(self, node: exp.In, scope: Scope) -> Flow:
        flow = self.flow(node.this, scope).used(TRANSFORMATION)
        query = node.args.get("query")
        if query is not None:
            flow |= self._members(
                query.this if isinstance(query, exp.Subquery) else query, scope
            )
        others = [*node.expressions, node.args.get("unnest"), node.args.get("field")]
        return flow | self._each(others, scope).used(TRANSFORMATION)

    def _case(self, node: exp.Case, scope: Scope) -> Flow:
        flow = self.flow(node.this, scope).used(CONDITION)
        for branch in node.args["ifs"]:
            flow |= self.flow(branch.this, scope).used(CONDITION)
            flow |= self.flow(branch.args.get("true"), scope)
        return (flow | self.flow(node.args.get("default"), scope)).used(TRANSFORMATION)

    def _choice(self, node: exp.If, scope: Scope) -> Flow:
        value = self._each((node.args.get("true"), node.args.get("false")), scope)
        return value.used(TRANSFORMATION) | self.flow(node.this, scope).used(CONDITION)

    def _window(self, node: exp.Window, scope: Scope) -> Flow:
        flow = self.flow(node.this, scope).used(AGGREGATION)
        named = node.args.get("alias")
        if isinstance(named, exp.Identifier):
            flow |= self._named_window(named.name, node, scope)
        return flow | self._frame(node, scope).used(WINDOW)

    def _named_window(self, name: str, node: exp.Window, scope: Scope) -> Flow:
        select = node.parent_select
        windows = select.args.get("windows") or () if select is not None else ()
        found = [w for w in windows if w.this.name.lower() == name.lower()]
        flow = union(self._frame(window, scope) for window in found).used(WINDOW)
        return flow if found else gap(f"the window {name} is not known")

    def _frame(self, node: exp.Window, scope: Scope) -> Flow:
        spec = node.args.get("spec")
        order = node.args.get("order")
        parts: list[object] = [*(node.args.get("partition_by") or ())]
        parts += order.expressions if order is not None else []
        parts += [spec.args.get("start"), spec.args.get("end")] if spec is not None else []
        return self._each(parts, scope)

    def _over_list(self, node: exp.Expr, scope: Scope) -> Flow:
        """Follow a function over a list: what the lambda is given are the list's elements."""
        plain = [a for a in _children(node) if not isinstance(a, exp.Lambda)]
        given = self._each(plain, scope).used(TRANSFORMATION)
        flow = EMPTY
        for one in (a for a in _children(node) if isinstance(a, exp.Lambda)):
            flow |= self._lambda(one, scope, given)
        if "filter" in (_name(node) or type(node).__name__.lower()):
            flow = flow.used(CONDITION)
        return replace((given | flow).used(TRANSFORMATION), is_list=True)

    def _lambda(self, node: exp.Lambda, scope: Scope, given: Flow = EMPTY) -> Flow:
        names = {name.name.lower(): given for name in node.expressions}
        inner = replace(scope, bound={**scope.bound, **names})
        return self.flow(node.this, inner).used(TRANSFORMATION)

    def _comprehension(self, node: exp.Comprehension, scope: Scope) -> Flow:
        given = self.flow(node.args.get("iterator"), scope).used(TRANSFORMATION)
        inner = replace(scope, bound={**scope.bound, node.expression.name.lower(): given})
        flow = self.flow(node.this, inner).used(TRANSFORMATION)
        condition = self.flow(node.args.get("condition"), inner).used(CONDITION)
        return replace(flow | condition | given.used(CONDITION), is_list=True)


def may_give_columns(node: exp.Expr) -> bool:
    """Whether what `unnest` is given may be a struct, though its type is not known."""
    inner = node.unnest() if isinstance(node, exp.Paren) else node
    return isinstance(inner, (*_STRUCTS, exp.Column, exp.Dot, exp.Bracket))


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous | exp.CombinedAggFunc | exp.ParameterizedAgg):
        return node.name.lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""


def _why(relation: Relation) -> frozenset[str]:
    return frozenset(relation.open_because)


def _children(node: exp.Expr) -> Iterable[exp.Expr]:
    # A quoted name of a function is an identifier, and no column.
    named = isinstance(node, exp.Anonymous | exp.CombinedAggFunc | exp.ParameterizedAgg)
    for key, value in node.args.items():
        if named and key == "this":
            continue
        if isinstance(value, exp.Expr):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, exp.Expr))
