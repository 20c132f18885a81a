"""How a model writes an identifier: lower-cased, trimmed, cast, hashed, but the same person.

Pure. Of a SELECT's column it finds the one input column that it is made of, and the expression,
where that keeps persons apart: `lower(trim(email))` does, `split_part(email, '@', 2)` does not,
and so is none. sqlglot's tree is walked through common table expressions, subqueries and the
texts of views.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECT = "duckdb"
GIVEN = "given"
"""Stands for the input column in `Made.expression`."""
_KEEPING = (
    exp.Lower, exp.Upper, exp.Trim, exp.Cast, exp.TryCast, exp.MD5, exp.SHA, exp.SHA2,
    exp.Paren, exp.Coalesce, exp.Nullif, exp.Concat, exp.DPipe,
)  # fmt: skip
_KEEPING_NAMES = frozenset({"sha256", "sha1", "md5", "ltrim", "rtrim", "trim", "concat"})


@dataclass(frozen=True, slots=True)
class Made:
    """How a column is made of one input column.

    Attributes:
        table, column: Of the input.
        expression: In the lake's dialect, with `given` in the input's place; `given` alone is
            the column as it is.
    """

    table: str
    column: str
    expression: str


def identifiers_of(
    sql: str, views: Mapping[str, str] | None = None
) -> dict[str, tuple[Made, ...]]:
    """Return for each column of a query how it may be made; columns of other shapes are left out.

    A union gives a column several ways, one for each of its sides.

    Args:
        sql: A query in the lake's dialect.
        views: The queries that names in it stand for, by `database.name`.
    """
    found: dict[str, list[Made]] = {}
    for name, table, node in _columns_of(sql, _Scope(views=views or {})):
        column = next(iter(node.find_all(exp.Column)), None)
        if column is None or name == _ALL:
            continue
        made = Made(table, column.name.lower(), _with_given(node))
        found.setdefault(name.lower(), []).append(made)
    return {name: tuple(dict.fromkeys(ways)) for name, ways in found.items()}


_Columns = list[tuple[str, str, exp.Expr]]
# The name of whatever columns a table has, where a query takes all of them.
_ALL = "*"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names stand for.

    Attributes:
        parts: Common table expressions, by name.
        within: The views whose texts are being read: one that reads itself is none.
    """

    parts: Mapping[str, _Columns] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    within: frozenset[str] = frozenset()

    def table(self, name: str) -> _Columns | str:
        """Return a table's name, or the columns of a view."""
        if name not in self.views or name in self.within:
            return name
        inner = replace(self, parts={}, within=self.within | {name})
        return _columns_of(self.views[name], inner)


def _columns_of(sql: str, scope: _Scope) -> _Columns:
    try:
        tree = sqlglot.parse_one(sql, read=DIALECT)
    except SqlglotError:
        return []
    return _columns(tree, scope)


def _columns(query: exp.Expr, scope: _Scope) -> _Columns:
    """Return the columns of a query that keep an identifier: name, table, expression."""
    with_ = query.args.get("with_") or query.args.get("with")
    for cte in with_.expressions if with_ else ():
        named = {cte.alias.lower(): _columns(cte.this, scope)}
        scope = replace(scope, parts={**scope.parts, **named})
    if isinstance(query, exp.SetOperation):
        left = _columns(query.left, scope)
        return [*left, *_columns(_named_as(query.right, _names(query.left)), scope)]
    if isinstance(query, exp.Subquery):
        return _columns(query.this, scope)
    if not isinstance(query, exp.Select):
        return []
    inputs = _inputs(query, scope)
    found: _Columns = []
    for one in query.expressions:
        found += _projected(one, inputs)
    return found


def _names(query: exp.Expr) -> list[str]:
    return [name.lower() for name in getattr(query, "named_selects", ())]


def _named_as(query: exp.Expr, names: list[str]) -> exp.Expr:
    """Return a side of a union with the names of the first side: columns go by position."""
    if not isinstance(query, exp.Select) or any(one.is_star for one in query.expressions):
        return query
    copy = query.copy()
    columns = [exp.alias_(one.unalias(), name, quoted=True) for one, name in
               zip(copy.expressions, names, strict=False)]  # fmt: skip
    copy.set("expressions", columns)
    return copy


def _inputs(query: exp.Select, scope: _Scope) -> dict[str, _Columns | str]:
    """Return what a SELECT reads: by alias, a table's name or the columns of a query."""
    found: dict[str, _Columns | str] = {}
    from_ = query.args.get("from_") or query.args.get("from")
    parts = [from_.this] if from_ else []
    parts += [join.this for join in query.args.get("joins") or ()]
    for part in parts:
        alias = part.alias_or_name.lower()
        if isinstance(part, exp.Table):
            plain = part.name.lower()
            if not part.db and plain in scope.parts:
                found[alias] = scope.parts[plain]
            elif part.db:
                found[alias] = scope.table(f"{part.db.lower()}.{plain}")
        elif isinstance(part, exp.Subquery):
            found[alias] = _columns(part.this, scope)
    return found


def _projected(one: exp.Expr, inputs: Mapping[str, _Columns | str]) -> _Columns:
    if isinstance(one, exp.Star) or (isinstance(one, exp.Column) and one.is_star):
        return [
            column
            for part in inputs.values()
            for column in ([(_ALL, part, exp.Star())] if isinstance(part, str) else part)
        ]
    name = one.alias_or_name
    node = one.this if isinstance(one, exp.Alias) else one
    columns = list(node.find_all(exp.Column))
    if not name or not columns or not _keeps(node):
        return []
    first = columns[0]
    if any(c.name.lower() != first.name.lower() or c.table != first.table for c in columns):
        return []
    return [(name, table, _replaced(node, made)) for table, made in _origins(first, inputs)]


def _origins(
    column: exp.Column, inputs: Mapping[str, _Columns | str]
) -> list[tuple[str, exp.Expr]]:
    """Return what a column of a SELECT is: an input's column, or what a query makes of one."""
    wanted = column.name.lower()
    if column.table and column.table.lower() not in inputs:
        wanted = f"{column.table.lower()}.{wanted}"  # a field of a struct
        parts = list(inputs.values())
    elif column.table:
        parts = [inputs[column.table.lower()]]
    else:
        parts = list(inputs.values())
    found: list[tuple[str, exp.Expr]] = []
    for part in parts:
        if isinstance(part, str):
            found.append((part, exp.column(wanted)))
        else:
            named = [(table, node) for name, table, node in part if name.lower() == wanted]
            rest = [(table, exp.column(wanted)) for name, table, _ in part if name == _ALL]
            found += named or rest
    return found


def _keeps(node: exp.Expr) -> bool:
    """Whether an expression keeps different values different, but for case and blanks."""
    if isinstance(node, exp.Column | exp.Literal | exp.Null | exp.DataType):
        return True
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _KEEPING_NAMES and all(
            _keeps(part) for part in node.expressions
        )
    if isinstance(node, exp.Cast | exp.TryCast):
        return node.to.this in _WHOLE and _keeps(node.this)
    if not isinstance(node, _KEEPING):
        return False
    return all(_keeps(part) for part in node.iter_expressions())


_WHOLE = frozenset({
    exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.BIGINT,
    exp.DataType.Type.INT, exp.DataType.Type.HUGEINT if hasattr(exp.DataType.Type, "HUGEINT")
    else exp.DataType.Type.INT128, exp.DataType.Type.UUID, exp.DataType.Type.UBIGINT,
})  # fmt: skip


def _replaced(node: exp.Expr, made: exp.Expr) -> exp.Expr:
    """Return an expression over a query's column as one over the input's."""
    copy = node.copy()
    if isinstance(copy, exp.Column):
        return made.copy()
    for column in list(copy.find_all(exp.Column)):
        column.replace(made.copy())
    return copy


def _with_given(node: exp.Expr) -> str:
    return _replaced(node, exp.column(GIVEN)).sql(dialect=DIALECT)
