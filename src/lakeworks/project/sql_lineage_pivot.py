"""PIVOT and UNPIVOT, as statements and in FROM: what each column of the result derives from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.lineage_facts import AGGREGATION, CONDITION, GROUP, TRANSFORMATION
from lakeworks.project.lineage_relations import (
    EMPTY,
    Column,
    Flow,
    Relation,
    Rest,
    Scope,
    union,
)
from lakeworks.project.sql_lineage_select import select_columns

if TYPE_CHECKING:
    from lakeworks.project.sql_lineage_expressions import Expressions


def pivoted(
    node: exp.Pivot, relation: Relation, around: Scope, expressions: Expressions
) -> Relation:
    """Return a relation with values made columns.

    Which columns there are depends on data, unless they are listed; but each of them derives
    from what is aggregated, and is chosen by what is pivoted on.
    """
    scope = Scope([(("",), relation)], around.parent)
    statement = not node.args.get("fields")
    on = [*node.expressions] if statement else [*node.args["fields"]]
    using = [*(node.args.get("using") or ())] if statement else [*node.expressions]
    chosen = union(expressions.flow(_tested(one), scope) for one in on)
    value = union(expressions.flow(one, scope) for one in using).used(AGGREGATION)
    cell = value | chosen.used(CONDITION)
    group = node.args.get("group")
    if group is not None:
        kept = [
            Column(one.alias_or_name, expressions.flow(one, scope)) for one in group.expressions
        ]
        rest: tuple[Rest, ...] = ()
        because: tuple[str, ...] = ()
    else:
        taken = {c.name.lower() for one in (*on, *using) for c in one.find_all(exp.Column)}
        kept = [column for column in relation.columns if column.name.lower() not in taken]
        rest, because = relation.rest, relation.open_because
    rows = relation.rows | union(column.flow for column in kept).used(GROUP)
    rows |= chosen.used(GROUP)
    if rest:
        why = f"which columns PIVOT keeps is not known: {'; '.join(because)}"
        unclear = Flow(cell.origins, cell.gaps | {why})
        return Relation(kept, rows, (lambda _: unclear,), (why,))
    why = "the columns of PIVOT depend on the data"
    return Relation(kept, rows, (lambda _: cell,), (why,), may_hide=False)


def unpivoted(
    node: exp.Pivot, relation: Relation, around: Scope, expressions: Expressions
) -> Relation:
    """Return a relation with columns made rows: one column of names, one of values."""
    scope = Scope([(("",), relation)], around.parent)
    into, fields = node.args.get("into"), node.args.get("fields")
    if fields:
        name = fields[0].this.name
        values = [one.name for one in node.expressions]
        turned = list(fields[0].expressions)
    else:
        name = into.this.name if into is not None else "name"
        values = [one.name for one in into.expressions] if into is not None else ["value"]
        turned = list(node.expressions)
    listed = select_columns(exp.Select(expressions=_flat(turned)), scope, expressions)
    value = union(column.flow for column in listed.columns).used(TRANSFORMATION)
    value = Flow(value.origins, value.gaps | set(listed.open_because))
    taken = {column.name.lower() for column in listed.columns}
    kept = [column for column in relation.columns if column.name.lower() not in taken]
    rest = relation.rest if not listed.is_open else ()
    because = relation.open_because
    # A null makes no row, so what is turned decides which rows there are.
    rows = relation.rows | value.used(CONDITION)
    columns = [*kept, Column(name, EMPTY), *(Column(one, value) for one in values)]
    if not rest:
        return Relation(columns, rows)

    def further(column: str) -> Flow | None:
        return None if column.lower() in taken else Relation(rest=rest).find(column)

    return Relation(columns, rows, (further,), because)


def _tested(node: exp.Expr) -> exp.Expr:
    inner: exp.Expr = node.this if isinstance(node, exp.In) else node
    return inner


def _flat(nodes: list[exp.Expr]) -> list[exp.Expr]:
    flat: list[exp.Expr] = []
    for node in nodes:
        inner = node.this if isinstance(node, exp.PivotAlias | exp.Alias | exp.Paren) else node
        flat += _flat(inner.expressions) if isinstance(inner, exp.Tuple) else [inner]
    return flat
