"""FROM items and joins: what stands in a query for a table, and how rows are put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.lineage_facts import JOIN, TRANSFORMATION
from lakeworks.project.lineage_relations import EMPTY, Column, Flow, Relation, Scope, gap, union
from lakeworks.project.sql_lineage_pivot import pivoted, unpivoted
from lakeworks.project.sql_lineage_select import everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.sql_lineage_expressions import Analyse, Expressions

_JSON_TABLES = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")
_LEFT_ONLY = frozenset({"SEMI", "ANTI"})


class Sources:
    """Reads the FROM clause of a SELECT into a scope."""

    def __init__(
        self,
        expressions: Expressions,
        analyse: Analyse,
        table: Callable[[tuple[str, ...]], Relation],
    ) -> None:
        self.expressions = expressions
        self.analyse = analyse
        self.table = table

    def read(self, node: exp.Expr, scope: Scope) -> Flow:
        """Add the FROM items of a SELECT to its scope; return what decides the rows."""
        from_ = node.args.get("from_")
        rows = EMPTY
        if from_ is not None:
            rows |= self._add(from_.this, scope)
        for lateral in node.args.get("laterals") or ():
            rows |= self._add(lateral, scope)
        return rows | self._joins(node, scope)

    def _add(self, node: exp.Expr, scope: Scope) -> Flow:
        relation = self.item(node, scope)
        scope.sources.append((_names(node), relation))
        rows = relation.rows
        # `a join b` hangs below the first table where it stands in parentheses or after a comma.
        if isinstance(node, exp.Table | exp.Lateral | exp.Unnest) and node.args.get("joins"):
            rows |= self._joins(node, scope)
        return rows

    def _joins(self, node: exp.Expr, scope: Scope) -> Flow:
        rows = EMPTY
        for join in node.args.get("joins") or ():
            rows |= self._join(join, scope)
        return rows

    def _join(self, join: exp.Join, scope: Scope) -> Flow:
        before = len(scope.sources)
        rows = self._add(join.this, scope)
        kind = str(join.args.get("kind") or "").upper()
        right = [relation for _, relation in scope.sources[before:]]
        using = [one.name for one in join.args.get("using") or ()]
        if str(join.args.get("method") or "").upper() == "NATURAL":
            common, why = _common(scope, before)
            using += common
            rows |= why
        for name in using:
            rows |= self._merge(name, join, scope, before, kind)
        on = join.args.get("on")
        if on is not None:
            rows |= self.expressions.flow(on, scope).used(JOIN)
        condition = join.args.get("match_condition")
        if condition is not None:
            rows |= self.expressions.flow(condition, scope).used(JOIN)
        if kind in _LEFT_ONLY:
            del scope.sources[before:]
            rows |= union(relation.rows for relation in right)
        return rows

    def _merge(self, name: str, join: exp.Join, scope: Scope, before: int, kind: str) -> Flow:
        """Make one column of the two that USING names."""
        wanted = name.lower()
        left = Scope(scope.sources[:before], None, scope.merged).resolve([name])
        right = Scope(scope.sources[before:]).resolve([name])
        side = str(join.args.get("side") or "").upper()
        merged = left
        if side == "RIGHT":
            merged = right
        elif side == "FULL":
            merged = (left | right).used(TRANSFORMATION)
        if kind not in _LEFT_ONLY:
            scope.merged = {**scope.merged, wanted: merged}
        return (left | right).used(JOIN)

    def item(self, node: exp.Expr, scope: Scope) -> Relation:
        """Return what one FROM item gives; it may use the items before it."""
        relation = self._plain_item(node, scope)
        for pivot in node.args.get("pivots") or ():
            turn = unpivoted if pivot.args.get("unpivot") else pivoted
            relation = turn(pivot, relation, scope, self.expressions)
            alias = pivot.args.get("alias")
            if alias is not None:
                relation = relation.renamed([c.name for c in alias.columns])
        return relation

    def _plain_item(self, node: exp.Expr, scope: Scope) -> Relation:
        match node:
            case exp.Table() if isinstance(node.this, exp.Identifier):
                found = self.table(tuple(part.name.lower() for part in node.parts))
                return found.renamed(_column_names(node))
            case exp.Table():
                return self._function(node.this, node, scope)
            case exp.Unnest():
                return self._unnest(node, scope)
            case exp.Lateral():
                return self._lateral(node, scope)
            case exp.Values():
                return self.values(node, scope)
            case exp.Subquery() | exp.Paren():
                return self.subquery(node, scope.parent, scope)
            case exp.Query() | exp.Pivot():
                return self.analyse(node, scope)
            case _:
                return self._function(node, node, scope)

    def subquery(self, node: exp.Expr, parent: Scope | None, scope: Scope) -> Relation:
        """Return what stands in parentheses: a query, or tables joined."""
        inner = node.this
        if isinstance(inner, exp.Table | exp.Subquery) and (
            isinstance(inner, exp.Table) or inner.args.get("joins") or node.args.get("joins")
        ):
            own = Scope(parent=parent)
            rows = self._add(inner, own)
            found = everything(own)
            return replace(found, rows=rows).renamed(_column_names(node))
        # DuckDB lets a subquery in FROM see the items before it, LATERAL or not.
        around = Scope([*scope.sources], parent, scope.merged) if scope.sources else parent
        return self.analyse(inner, around).renamed(_column_names(node))  # type: ignore[arg-type]

    def values(self, node: exp.Values, scope: Scope) -> Relation:
        """Return the columns of VALUES."""
        rows = [
            one.expressions if isinstance(one, exp.Tuple) else [one] for one in node.expressions
        ]
        width = max((len(row) for row in rows), default=0)
        columns = [
            Column(
                f"col{i}",
                union(self.expressions.flow(row[i], scope) for row in rows if i < len(row)),
            )
            for i in range(width)
        ]
        return Relation(columns).renamed(_column_names(node))

    def pivot_statement(self, node: exp.Pivot, parent: Scope | None) -> Relation:
        """Return what `PIVOT t ON …` or `UNPIVOT t ON …` gives."""
        scope = Scope(parent=parent)
        rows = self._add(node.this, scope)
        relation = replace(everything(scope), rows=rows)
        turn = unpivoted if node.args.get("unpivot") else pivoted
        return turn(node, relation, scope, self.expressions)

    def _unnest(self, node: exp.Unnest, scope: Scope) -> Relation:
        names = _column_names(node)
        flows = [
            self.expressions.flow(one, scope).used(TRANSFORMATION) for one in node.expressions
        ]
        columns = [Column("unnest", flow) for flow in flows]
        offset = node.args.get("offset")
        if offset:
            name = offset.name if isinstance(offset, exp.Expr) else "ordinality"
            columns.append(Column(name, EMPTY))
        # How many elements a list has decides how many rows there are.
        rows = union(flows).used(JOIN)
        return Relation(columns, rows).renamed(names)

    def _lateral(self, node: exp.Lateral, scope: Scope) -> Relation:
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        if isinstance(inner, exp.Query):
            relation = self.analyse(inner, Scope([*scope.sources], scope.parent, scope.merged))
            return relation.renamed(_column_names(node))
        return self.item(inner, scope).renamed(_column_names(node))

    def _function(self, call: exp.Expr, node: exp.Expr, scope: Scope) -> Relation:
        given = self.expressions.flow(call, scope).used(TRANSFORMATION)
        given = Flow(given.origins, given.gaps)
        rows = given.used(JOIN)
        name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
        if name in {"json_each", "json_tree"}:
            columns = [Column(one, given) for one in _JSON_TABLES]
        elif isinstance(call, exp.GenerateSeries):
            one = "range" if call.args.get("is_end_exclusive") else "generate_series"
            columns = [Column(one, given)]
        elif name in {"range", "generate_series", "repeat", "unnest"}:
            columns = [Column(name, given)]
        else:
            shown = name or type(call).__name__.lower()
            why = f"the columns of the table function {shown} are not known"
            renames = _column_names(node)
            known = [Column(column, given) for column in renames]
            return Relation(known, rows, (lambda _: gap(why),), (why,), may_hide=False)
        return Relation(columns, rows).renamed(_column_names(node))


def _common(scope: Scope, before: int) -> tuple[list[str], Flow]:
    """Return the columns that both sides of a NATURAL join have."""
    left = [relation for _, relation in scope.sources[:before]]
    right = [relation for _, relation in scope.sources[before:]]
    if any(relation.is_open for relation in (*left, *right)):
        why = "; ".join(sorted({r for one in (*left, *right) for r in one.open_because}))
        return [], gap(f"which columns a NATURAL JOIN compares is not known: {why}")
    names = {column.name.lower() for one in left for column in one.columns}
    return [c.name for one in right for c in one.columns if c.name.lower() in names], EMPTY


def _names(node: exp.Expr) -> tuple[str, ...]:
    alias = node.args.get("alias")
    pivots = node.args.get("pivots") or ()
    if pivots and pivots[-1].args.get("alias") is not None:
        alias = pivots[-1].args["alias"]
    if alias is not None and alias.name:
        return (alias.name.lower(),)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return tuple(part.name.lower() for part in node.parts)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
        return (node.this.name.lower(),)
    return ("unnest",) if isinstance(node, exp.Unnest) else ("",)


def _column_names(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [one.name for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
