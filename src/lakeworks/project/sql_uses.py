"""Which columns a query filters, joins, groups and sorts by, and with which values it compares.

Estimates for the care of tables, so whatever cannot be resolved is left out. Loads sqlglot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeworks.project.lineage_facts import FILTER, GROUP, JOIN, SORT
from lakeworks.project.sql_facts import ENGINE_DIALECT
from lakeworks.project.sql_lineage import query_lineage
from lakeworks.project.sql_silence import silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.types import Schema

_KINDS = (FILTER, JOIN, GROUP, SORT)
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MOST_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class TableUses:
    """How a query uses one table.

    Attributes:
        columns: `filter`, `join`, `group`, `sort` to names of columns.
        comparisons: Column, operator and values that every row must meet; empty where the
            table is read more than once.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    comparisons: tuple[tuple[str, str, tuple[Any, ...]], ...] = ()


def query_uses(sql: str, schemas: Mapping[str, Schema]) -> dict[str, TableUses]:
    """Return how a query uses each of its tables; none where it cannot be followed.

    Args:
        sql: One SELECT in the lake's dialect.
        schemas: The columns of the tables that it reads.
    """
    found = query_lineage(sql, schemas)
    uses: dict[str, dict[str, set[str]]] = {}
    origins = set(found.rows).union(*(column.origins for column in found.columns))
    for table, column, kind in origins:
        if kind in _KINDS:
            uses.setdefault(table.lower(), {}).setdefault(kind, set()).add(column)
    compared = _comparisons(sql, schemas)
    return {
        table: TableUses(
            {kind: tuple(sorted(names)) for kind, names in uses.get(table, {}).items()},
            tuple(compared.get(table, ())),
        )
        for table in {*uses, *compared}
    }


def _comparisons(
    sql: str, schemas: Mapping[str, Schema]
) -> dict[str, list[tuple[str, str, tuple[Any, ...]]]]:
    try:
        with silent():  # a history holds other statements, too
            tree = sqlglot.parse_one(sql, read=ENGINE_DIALECT)
    except (SqlglotError, RecursionError):
        return {}
    named = [_name(table) for table in tree.find_all(exp.Table)]
    found: dict[str, list[tuple[str, str, tuple[Any, ...]]]] = {}
    for select in tree.find_all(exp.Select):
        where = select.args.get("where")
        tables = dict(_from(select, schemas))
        if where is None or not tables:
            continue
        for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
            for column, operator, values in _compared(part.unnest()):
                owner = _owner(column, tables, schemas)
                if owner is not None and named.count(owner[0]) == 1:
                    found.setdefault(owner[0], []).append((owner[1], operator, values))
    return found


def _from(select: exp.Select, schemas: Mapping[str, Schema]) -> Iterator[tuple[str, str]]:
    """Yield alias and name of the tables of a SELECT that its WHERE is about."""
    source = select.args.get("from") or select.args.get("from_")
    parts: list[Any] = [source.this] if source is not None else []
    for join in select.args.get("joins") or ():
        # Behind an outer join a filter is about the joined rows, nulls included.
        if not join.side:
            parts.append(join.this)
        elif join.side.upper() != "LEFT":
            return
    for part in parts:
        if isinstance(part, exp.Table) and _name(part) in schemas:
            yield (part.alias or part.name).lower(), _name(part)


def _compared(part: exp.Expr) -> Iterator[tuple[exp.Column, str, tuple[Any, ...]]]:
    operator = _OPERATORS.get(type(part))
    if operator is not None:
        left, right = part.this.unnest(), part.expression.unnest()
        if isinstance(left, exp.Column) and (value := _literal(right)) is not None:
            yield left, operator, (value,)
        elif isinstance(right, exp.Column) and (value := _literal(left)) is not None:
            yield right, _MIRRORED[operator], (value,)
    elif isinstance(part, exp.Between) and isinstance(part.this, exp.Column):
        low, high = _literal(part.args["low"]), _literal(part.args["high"])
        if low is not None and high is not None:
            yield part.this, ">=", (low,)
            yield part.this, "<=", (high,)
    elif isinstance(part, exp.In) and isinstance(part.this, exp.Column):
        values = [_literal(one) for one in part.expressions]
        if values and None not in values and len(values) <= _MOST_VALUES:
            yield part.this, "=", tuple(values)


def _literal(node: exp.Expr) -> Any:  # noqa: ANN401 - a JSON scalar, None where it is none
    if isinstance(node, exp.Cast):
        return _literal(node.this)
    if isinstance(node, exp.Neg):
        value = _literal(node.this)
        return -value if isinstance(value, int | float) else None
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return str(node.this)
    try:
        return float(node.this) if not str(node.this).isdigit() else int(node.this)
    except ValueError:
        return None


def _owner(
    column: exp.Column, tables: Mapping[str, str], schemas: Mapping[str, Schema]
) -> tuple[str, str] | None:
    """Return the table and the column's name as the table has it."""
    if column.table:
        named = tables.get(column.table.lower())
        candidates: Iterable[str] = [named] if named else []
    else:
        candidates = tables.values()
    found = [
        (table, field.name)
        for table in candidates
        for field in schemas[table]
        if field.name.lower() == column.name.lower()
    ]
    return found[0] if len(found) == 1 else None


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}".lower() if table.db else table.name.lower()
