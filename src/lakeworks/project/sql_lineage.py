"""Find what every column of a SELECT derives from, through CTEs, joins, unions and subqueries.

Nothing is guessed: where a name cannot be resolved, the result says so and why. Loaded only
when a query's lineage is asked for and not kept (see `catalog.lineage`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeworks.project.lineage_facts import (
    FILTER,
    GROUP,
    SORT,
    TRANSFORMATION,
    DerivedColumn,
    Origins,
    QueryLineage,
    unknown_lineage,
)
from lakeworks.project.lineage_relations import (
    EMPTY,
    Column,
    Flow,
    Relation,
    Scope,
    base_table,
    gap,
    union,
)
from lakeworks.project.sql_facts import ENGINE_DIALECT
from lakeworks.project.sql_lineage_expressions import Expressions
from lakeworks.project.sql_lineage_from import Sources
from lakeworks.project.sql_lineage_select import multiplied, select_columns
from lakeworks.project.sql_shape import AGGREGATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.types import Schema

_MOST_ROUNDS = 50


def query_lineage(
    sql: str, schemas: Mapping[str, Schema | None], *, names: Sequence[str] = ()
) -> QueryLineage:
    """Return what each column of a SELECT derives from, by value and by influence.

    Args:
        sql: One SELECT in the lake's dialect.
        schemas: The columns of the tables that it reads; None, or no entry, where they are
            not known.
        names: The columns that the query is known to give, in order: used where its text does
            not tell a name (`select count(*)`, `PIVOT`).
    """
    try:
        tree = sqlglot.parse_one(sql, read=ENGINE_DIALECT)
        return _Queries(schemas).lineage(tree, names)
    except RecursionError:
        return unknown_lineage((), "the SQL is nested too deep to be followed")
    except SqlglotError as error:
        told = str(error).split("<Token", 1)[0].split(" but got", 1)[0].splitlines()[0]
        return unknown_lineage((), f"the SQL does not parse: {told}")


class _Queries:
    """Analyses queries; one instance reads one text."""

    def __init__(self, schemas: Mapping[str, Schema | None]) -> None:
        self.schemas = {name.lower(): schema for name, schema in schemas.items()}
        self.tables: dict[str, None] = {}
        self.expressions = Expressions(self.query)
        self.sources = Sources(self.expressions, self.query, self.table)
        self.ctes: list[dict[str, Relation]] = [{}]

    def lineage(self, tree: exp.Expr, names: Sequence[str]) -> QueryLineage:
        found = self.query(tree, None)
        columns = [_derived(column) for column in found.columns]
        complete = not found.is_open
        if complete and _agree(columns, names):
            columns = [
                replace(one, name=name) for one, name in zip(columns, names, strict=True)
            ]
        elif not complete and names:
            columns = [_named(name, found) for name in names]
            complete = True
        unnamed = sum(not column.name for column in columns)
        reasons = {*found.rows.gaps, *(() if complete else found.open_because)}
        if unnamed:
            reasons.add(f"{unnamed} of its columns have no name of their own: write `as name`")
        return QueryLineage(
            tuple(columns),
            _influences(found.rows),
            tuple(self.tables),
            tuple(sorted(reasons)),
            complete=complete and not unnamed,
        )

    def table(self, parts: tuple[str, ...]) -> Relation:
        """Return a CTE that is visible here, or a table of the lake, by the parts of its name."""
        name = ".".join(parts)
        # With its database it is never a CTE's, though one may have a name with a dot in it.
        for known in reversed(self.ctes if len(parts) == 1 else ()):
            if name in known:
                return known[name]
        self.tables.setdefault(name)
        return base_table(name, self.schemas.get(name))

    def query(self, node: exp.Expr, parent: Scope | None) -> Relation:
        """Return what a query gives; `parent` holds the names around it."""
        with_ = node.args.get("with_")
        if isinstance(with_, exp.With):
            self.ctes.append({})
            try:
                self._define(with_, parent)
                return self._body(node, parent)
            finally:
                self.ctes.pop()
        return self._body(node, parent)

    def _define(self, with_: exp.With, parent: Scope | None) -> None:
        for cte in with_.expressions:
            name, renames = cte.alias.lower(), [c.name for c in cte.args["alias"].columns]
            query = cte.this
            if with_.recursive and isinstance(query, exp.SetOperation):
                found = self._recursive(name, query, renames, parent)
            else:
                found = self.query(query, parent).renamed(renames)
            self.ctes[-1][name] = found

    def _recursive(
        self, name: str, query: exp.SetOperation, renames: list[str], parent: Scope | None
    ) -> Relation:
        """Start with the anchor and add what a round brings until nothing more comes."""
        known = self.query(query.this, parent).renamed(renames)
        for _ in range(_MOST_ROUNDS):
            self.ctes[-1][name] = known
            step = self.query(query, parent).renamed(renames)
            if _same(step, known):
                return known
            known = step
        known.rows = known.rows | gap(f"{name} calls itself in a way that is not followed")
        return known

    def _body(self, node: exp.Expr, parent: Scope | None) -> Relation:
        match node:
            case exp.Select():
                return self._select(node, parent)
            case exp.SetOperation():
                return self._set_operation(node, parent)
            case exp.Subquery() | exp.Paren():
                found = self.sources.subquery(node, parent, Scope(parent=parent))
                return self._limited(found, node, Scope(parent=parent))
            case exp.Values():
                return self.sources.values(node, Scope(parent=parent))
            case exp.Pivot():
                return self.sources.pivot_statement(node, parent)
            case exp.Table():
                return self.sources.item(node, Scope(parent=parent))
            case _:
                reason = f"{type(node).__name__.upper()} is not followed"
                return Relation(rest=(lambda _: gap(reason),), open_because=(reason,))

    def _select(self, node: exp.Select, parent: Scope | None) -> Relation:
        scope = Scope(parent=parent)
        rows = self.sources.read(node, scope)
        rows |= self._tested(node, "where", scope)
        found = select_columns(node, scope, self.expressions)
        rows |= multiplied(node, scope, self.expressions)
        named = {c.name.lower(): c.flow for c in found.columns if c.name}
        scope.aliases = {**named, **scope.aliases}
        rows |= self._grouped(node, scope, found)
        loose = replace(scope, either=True)
        rows |= self._tested(node, "having", loose) | self._tested(node, "qualify", loose)
        rows |= self._distinct(node, loose, found)
        found.rows = rows
        return self._limited(found, node, scope)

    def _tested(self, node: exp.Expr, part: str, scope: Scope) -> Flow:
        clause = node.args.get(part)
        return self.expressions.flow(clause.this, scope).used(FILTER) if clause else EMPTY

    def _grouped(self, node: exp.Select, scope: Scope, found: Relation) -> Flow:
        group = node.args.get("group")
        if group is None:
            return EMPTY
        parts = list(_leaves(group))
        if group.args.get("all"):
            parts += [one for one in node.expressions if not _folds(one)]
        return union(self._listed(part, scope, found) for part in parts).used(GROUP)

    def _distinct(self, node: exp.Select, scope: Scope, found: Relation) -> Flow:
        distinct = node.args.get("distinct")
        if distinct is None:
            return EMPTY
        on = distinct.args.get("on")
        if on is None:
            return found.whole().used(GROUP)
        parts = on.expressions if isinstance(on, exp.Tuple) else [on]
        return union(self._listed(part, scope, found) for part in parts).used(GROUP)

    def _limited(self, found: Relation, node: exp.Expr, scope: Scope) -> Relation:
        """Add what ORDER BY, LIMIT and OFFSET decide."""
        rows = found.rows
        named = {c.name.lower(): c.flow for c in found.columns if c.name}
        inner = replace(scope, aliases={**scope.aliases, **named}, aliases_first=True)
        order = node.args.get("order")
        for part in order.expressions if order is not None else ():
            rows |= self._listed(part.this, inner, found).used(SORT)
        for name in ("limit", "offset"):
            part = node.args.get(name)
            if part is not None:
                rows |= self.expressions.flow(part.expression, scope).used(FILTER)
        return replace(found, rows=rows)

    def _listed(self, node: exp.Expr, scope: Scope, found: Relation) -> Flow:
        """Return an item of GROUP BY or ORDER BY: an expression, a position, or ALL."""
        if isinstance(node, exp.Literal) and node.name.isdecimal():
            position = int(node.name) - 1
            if position < len(found.columns) and not found.is_open:
                return found.columns[position].flow
            return gap(f"position {node.name} stands for a column that is not known")
        if isinstance(node, exp.Var) and node.name.upper() == "ALL":
            return found.whole()
        if scope.aliases_first and not isinstance(node, exp.Column):
            # Inside an expression, a column goes before an alias of its name.
            return self.expressions.flow(node, replace(scope, aliases_first=False))
        return self.expressions.flow(node, scope)

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None) -> Relation:
        left, right = self.query(node.this, parent), self.query(node.expression, parent)
        found = _by_name(left, right) if node.args.get("by_name") else (
            _by_position(left, right, node))  # fmt: skip
        rows = left.rows | right.rows
        if node.args.get("distinct") or not isinstance(node, exp.Union):
            rows |= left.whole().used(GROUP)
        if node.args.get("distinct") and isinstance(node, exp.Union):
            rows |= right.whole().used(GROUP)
        if not isinstance(node, exp.Union):
            rows |= right.whole().used(FILTER)
        found.rows = rows
        scope = Scope([(("",), found)], parent)
        return self._limited(found, node, scope)


def _by_position(left: Relation, right: Relation, node: exp.SetOperation) -> Relation:
    if not isinstance(node, exp.Union):
        # Rows of EXCEPT and INTERSECT are rows of the left side; the right one chooses.
        return Relation(left.columns, EMPTY, left.rest, left.open_because)
    if left.is_open or right.is_open or len(left.columns) != len(right.columns):
        reasons = {*left.open_because, *right.open_because} or {"its sides differ in columns"}
        why = f"which columns of a UNION belong together is not known: {'; '.join(sorted(reasons))}"
        return Relation(rest=(lambda _: gap(why),), open_because=(why,))
    pairs = zip(left.columns, right.columns, strict=True)
    return Relation([Column(one.name, _either(one.flow, other.flow)) for one, other in pairs])


def _by_name(left: Relation, right: Relation) -> Relation:
    columns = [
        Column(one.name, _either(one.flow, right.find(one.name))) for one in left.columns
    ]
    names = {column.name.lower() for column in columns}
    columns += [
        Column(one.name, _either(one.flow, left.find(one.name)))
        for one in right.columns
        if one.name.lower() not in names
    ]

    def further(name: str) -> Flow | None:
        offers = [flow for flow in (left.find(name), right.find(name)) if flow is not None]
        return union(offers) if offers else None

    is_open = left.is_open or right.is_open
    because = (*left.open_because, *right.open_because)
    return Relation(columns, rest=(further,) if is_open else (), open_because=because)


def _either(one: Flow, other: Flow | None) -> Flow:
    if other is None:
        return one
    kept = one.type if one.type == other.type else None
    return replace(one | other, type=kept, is_list=one.is_list or other.is_list)


def _leaves(node: exp.Expr) -> list[exp.Expr]:
    """Return what is grouped by, inside ROLLUP, CUBE and GROUPING SETS too."""
    leaves: list[exp.Expr] = []
    for part in (*node.expressions, *(node.args.get("grouping_sets") or ()),
                 *(node.args.get("cube") or ()), *(node.args.get("rollup") or ())):  # fmt: skip
        if isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            leaves += _leaves(part)
        else:
            leaves.append(part)
    return leaves


def _folds(node: exp.Expr) -> bool:
    """Whether an item of the SELECT list aggregates, and so is not grouped by under ALL."""
    for part in node.walk(prune=lambda n: isinstance(n, exp.Query | exp.Window)):
        if isinstance(part, exp.AggFunc):
            return True
        if isinstance(part, exp.Anonymous) and part.name.lower() in AGGREGATES:
            return True
    return False


def _same(one: Relation, other: Relation) -> bool:
    return (
        [(c.name, c.flow.origins, c.flow.gaps) for c in one.columns]
        == [(c.name, c.flow.origins, c.flow.gaps) for c in other.columns]
        and one.rows == other.rows
        and one.open_because == other.open_because
    )


def _agree(columns: Sequence[DerivedColumn], names: Sequence[str]) -> bool:
    """Whether the names known from elsewhere may be those of the columns without one."""
    return len(columns) == len(names) and all(
        not column.name or column.name.lower() == name.lower()
        for column, name in zip(columns, names, strict=True)
    )


def _derived(column: Column) -> DerivedColumn:
    flow = column.flow
    kept = str(flow.type) if flow.type is not None else ""
    return DerivedColumn(column.name, flow.origins, tuple(sorted(flow.gaps)), kept)


def _named(name: str, found: Relation) -> DerivedColumn:
    """Return a column that the query is known to give though its text does not list it."""
    flow = found.find(name)
    return _derived(Column(name, flow if flow is not None else gap(f"{name} is not found")))


def _influences(rows: Flow) -> Origins:
    return frozenset(o for o in rows.used(TRANSFORMATION).used(FILTER).origins)
