"""Translate one query from Athena's SQL into the lake's.

Pure. The result is text like any other: whoever runs it judges it as if a caller had written it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeworks.project.athena.calls import place_of
from lakeworks.project.athena.errors import AthenaSyntaxError, AthenaUnsupportedError
from lakeworks.project.athena.expressions import Expressions
from lakeworks.project.athena.grammar import Written, parsed, written
from lakeworks.project.athena.kinds import UNKNOWN, Kind, common
from lakeworks.project.athena.scopes import Columns, Scope, renamed
from lakeworks.project.athena.unnesting import Unnesting

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECTS = frozenset({"athena", "trino"})
# The clauses of a SELECT, in the order in which names become known.
_CLAUSES = (
    "where",
    "group",
    "having",
    "windows",
    "expressions",
    "distinct",
    "order",
    "limit",
    "offset",
)
_SELECT = frozenset(
    {*_CLAUSES, "with_", "from_", "joins", "kind", "hint", "operation_modifiers"}
)
_JOIN = frozenset({"this", "side", "kind", "on", "using", "method"})
_SIDES = frozenset({"", "CROSS", "INNER", "OUTER"})
_CATALOGS = frozenset({"awsdatacatalog"})
_NAMED = (exp.Column, exp.Dot, exp.Alias, exp.Star)
_EXPLAIN = re.compile(
    r"\s*(explain|describe|desc)\s+(?=select|with|values|table|\()", re.IGNORECASE
)


def translate(sql: str, columns_of: Callable[[str], Columns] | None = None) -> str:
    """Return a query of Athena's in the lake's SQL.

    Args:
        sql: One SELECT in any of its forms, or EXPLAIN of one.
        columns_of: Gives what is known of a table's columns, by its name in lower case; where
            nothing is, what hangs on their types is told apart when it runs, or refused.

    Raises:
        AthenaSyntaxError: it does not parse.
        AthenaUnsupportedError: something in it does not work here.
    """
    found = _EXPLAIN.match(sql)
    if found is not None:
        word = "EXPLAIN" if found[1].upper() == "EXPLAIN" else "DESCRIBE"
        return f"{word} {translate(sql[found.end() :], columns_of)}"
    try:
        return _translated(parsed(sql), columns_of or (lambda _: {}))
    except RecursionError:
        raise AthenaSyntaxError.at(
            "the SQL is nested too deep to be read", None, None
        ) from None
    except SqlglotError as error:
        told = f"what was read cannot be written ({type(error).__name__})"
        raise AthenaSyntaxError.at(told, None, None) from None


def kinds(sql: str, columns_of: Callable[[str], Columns] | None = None) -> Columns:
    """Return what is known of the columns that a query gives; raises as `translate` does."""
    return _Queries(columns_of or (lambda _: {})).query(parsed(sql), Scope())


def _translated(tree: exp.Expression, columns_of: Callable[[str], Columns]) -> str:
    if not isinstance(tree, exp.Query | exp.Values) or isinstance(tree, exp.Table):
        raise AthenaUnsupportedError.part(
            "this statement", *place_of(tree), "one query is read"
        )
    queries = _Queries(columns_of)
    queries.query(tree, Scope())
    return written(tree)


class _Queries(Expressions):
    """Rewrites queries: what they read from, then what they compute."""

    def __init__(self, columns_of: Callable[[str], Columns]) -> None:
        super().__init__()
        self._columns_of = columns_of
        self._unnesting = Unnesting(self)
        self._ways.update({
            exp.Select: self._value, exp.Union: self._value, exp.Except: self._value,
            exp.Intersect: self._value, exp.Subquery: self._value, exp.Fetch: self._fetch,
            exp.Values: self._value,
        })  # fmt: skip

    def _value(self, node: exp.Expression, scope: Scope) -> tuple[exp.Expression, Kind]:
        columns = self.query(node, scope.inner())
        kinds = list(columns.values())
        return node, kinds[0] if len(kinds) == 1 else UNKNOWN

    def _fetch(self, node: exp.Fetch, _: Scope) -> tuple[exp.Expression, Kind]:
        options = node.args.get("limit_options")
        if options is not None and (
            options.args.get("with_ties") or options.args.get("percent")
        ):
            raise AthenaUnsupportedError.part("FETCH FIRST … WITH TIES", *place_of(node))
        count = node.args.get("count")
        return exp.Limit(expression=count or exp.Literal.number(1)), UNKNOWN

    def query(self, node: exp.Expression, scope: Scope) -> Columns:
        """Rewrite a query in place; return its columns."""
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Values):
            return self._values(node, scope)
        if isinstance(node, exp.Subquery):
            return self._subquery(node, scope)
        raise AthenaUnsupportedError.part(type(node).__name__.upper(), *place_of(node))

    def _subquery(self, node: exp.Subquery, scope: Scope) -> Columns:
        self._with(node, scope)
        if isinstance(node.this, exp.Table | exp.Unnest):
            self._source(node.this, scope)
            node.set("joins", [self._join(one, scope) for one in node.args.get("joins") or []])
            return {}
        columns = self.query(node.this, scope.inner())
        outer = scope.inner()
        outer.tables[""] = columns
        for key in ("order", "limit", "offset"):
            if node.args.get(key) is not None:
                node.set(key, self.visit(node.args[key], outer)[0])
        return columns

    def _select(self, node: exp.Select, scope: Scope) -> Columns:
        _check_select(node)
        self._with(node, scope)
        if node.args.get("from_") is not None:
            node.args["from_"].set("this", self._source(node.args["from_"].this, scope))
        node.set("joins", [self._join(one, scope) for one in node.args.get("joins") or []])
        for window in node.args.get("windows") or []:
            self.window(window, scope)
        columns: Columns = {}
        for key in _CLAUSES:
            value = node.args.get(key)
            if key == "expressions":
                columns = self._selected(node, scope)
            elif key == "order" and value is not None:
                # A name of the result comes before one of the tables.
                self._ordered_by(value, scope, columns)
            elif key != "windows" and isinstance(value, exp.Expression):
                node.set(
                    "limit" if isinstance(value, exp.Fetch) else key,
                    self._clause(key, value, scope),
                )
        return columns

    def _clause(self, key: str, value: exp.Expression, scope: Scope) -> exp.Expression:
        if key == "distinct" and value.args.get("on"):
            raise AthenaUnsupportedError.part("DISTINCT ON", *place_of(value))
        if key == "group" and (value.args.get("all") or value.args.get("totals")):
            raise AthenaUnsupportedError.part("GROUP BY ALL", *place_of(value))
        return self.visit(value, scope)[0]

    def _ordered_by(self, order: exp.Expression, scope: Scope, columns: Columns) -> None:
        named = Scope(
            scope.around, {"": columns, **scope.tables}, scope.common, scope.parameters
        )
        for one in order.expressions:
            self.visit(one, named)

    def _selected(self, node: exp.Select, scope: Scope) -> Columns:
        if not node.expressions:
            raise AthenaSyntaxError.at("nothing stands behind SELECT", *place_of(node))
        columns: Columns = {}
        made: list[exp.Expression] = []
        for number, one in enumerate(node.expressions):
            if isinstance(one, exp.Star) or (
                isinstance(one, exp.Column) and isinstance(one.this, exp.Star)
            ):
                if any(one.args.get(key) for key in ("except_", "replace", "rename", "ilike")):
                    raise AthenaUnsupportedError.part(
                        "* with EXCEPT or REPLACE", *place_of(one)
                    )
                made.append(one)
                columns.update(_starred(one, scope))
                continue
            name = one.alias_or_name or f"_col{number}"
            seen, kind = self.inner(one, scope)
            if not isinstance(one, _NAMED):
                seen = exp.Alias(this=seen, alias=exp.to_identifier(f"_col{number}"))
                name = f"_col{number}"
            made.append(seen)
            columns[name.lower()] = kind
        node.set("expressions", made)
        return columns

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Columns:
        if any(node.args.get(key) for key in ("by_name", "side", "kind", "on")):
            raise AthenaUnsupportedError.part("CORRESPONDING", *place_of(node))
        self._with(node, scope)
        left = self.query(node.this, scope.inner())
        right = self.query(node.expression, scope.inner())
        columns = {
            name: common((kind, other))
            for (name, kind), other in zip(left.items(), right.values(), strict=False)
        } if len(left) == len(right) else dict.fromkeys(left, UNKNOWN)  # fmt: skip
        outer = scope.inner()
        outer.tables[""] = columns
        for key in ("order", "limit", "offset"):
            value = node.args.get(key)
            if value is not None:
                made = self.visit(value, outer)[0]
                node.set(key, made)
        return columns

    def _values(self, node: exp.Values, scope: Scope) -> Columns:
        rows = []
        for one in node.expressions:
            row = one if isinstance(one, exp.Tuple) else exp.Tuple(expressions=[one])
            seen = [self.inner(value, scope) for value in row.expressions]
            rows.append([kind for _, kind in seen])
            row.set("expressions", [value for value, _ in seen])
        widest = max((len(row) for row in rows), default=0)
        kinds = [common(row[n] for row in rows if n < len(row)) for n in range(widest)]
        return {f"_col{n}": kind for n, kind in enumerate(kinds)}

    def _with(self, node: exp.Expression, scope: Scope) -> None:
        with_ = node.args.get("with_")
        if with_ is None:
            return
        for one in with_.expressions:
            if one.args.get("materialized") is not None or one.args.get("key_expressions"):
                raise AthenaUnsupportedError.part("MATERIALIZED", *place_of(one))
            names = [column.name for column in one.args["alias"].args.get("columns") or []]
            if with_.args.get("recursive"):
                scope.common[one.alias.lower()] = dict.fromkeys(
                    (n.lower() for n in names), UNKNOWN
                )
            columns = self.query(one.this, scope.inner())
            scope.common[one.alias.lower()] = renamed(columns, names)

    def _join(self, node: exp.Join, scope: Scope) -> exp.Expression:
        odd = [key for key, value in node.args.items() if value and key not in _JOIN]
        if odd or str(node.args.get("kind") or "").upper() not in _SIDES:
            told = f"{(odd or [str(node.args.get('kind'))])[0].upper()} JOIN"
            raise AthenaUnsupportedError.part(told, *place_of(node))
        if str(node.args.get("method") or "").upper() not in {"", "NATURAL"}:
            raise AthenaUnsupportedError.part(f"{node.args['method']} JOIN", *place_of(node))
        node.set("this", self._source(node.this, scope))
        if node.args.get("on") is not None:
            node.set("on", self.inner(node.args["on"], scope)[0])
        return node

    def _source(self, node: exp.Expression, scope: Scope) -> exp.Expression:
        """Rewrite what rows come from, and let its columns be known."""
        alias = node.args.get("alias")
        names = (
            [one.name for one in alias.args.get("columns") or []] if alias is not None else []
        )
        if isinstance(node, exp.Table):
            columns = self._table(node, scope)
        elif isinstance(node, exp.Unnest):
            made, columns = self._unnesting.rewritten(node, scope)
            scope.put(made.alias, columns)
            return made
        elif isinstance(node, exp.Lateral):
            if node.args.get("view") or not isinstance(node.this, exp.Subquery):
                raise AthenaUnsupportedError.part("LATERAL VIEW", *place_of(node))
            columns = self.query(node.this.this, scope.inner())
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Unnest):
            self._subquery(node, scope)
            return node
        elif isinstance(node, exp.Subquery | exp.Values):
            columns = self.query(node, scope.inner())
        else:
            raise AthenaUnsupportedError.part(type(node).__name__.upper(), *place_of(node))
        scope.put(node.alias_or_name, renamed(columns, names))
        return node

    def _table(self, node: exp.Table, scope: Scope) -> Columns:
        allowed = {"this", "db", "catalog", "alias", "sample", "version"}
        odd = [key for key, value in node.args.items() if value and key not in allowed]
        if odd:
            raise AthenaUnsupportedError.part(f"{odd[0].upper()} of a table", *place_of(node))
        if not isinstance(node.this, exp.Identifier):
            name = (
                node.this.name
                if isinstance(node.this, exp.Anonymous)
                else type(node.this).__name__
            )
            raise AthenaUnsupportedError.part(f"the table function {name}", *place_of(node))
        if node.args.get("sample") is not None:
            self.visit(node.args["sample"], scope)
        if node.args.get("catalog") is not None and node.catalog.lower() in _CATALOGS:
            node.set("catalog", None)
        self._version(node)
        parts = [part.name for part in node.parts]
        if len(parts) == 1:
            declared = scope.declared(parts[0])
            return dict(declared) if declared is not None else {}
        return dict(self._columns_of(".".join(parts).lower()))

    def _version(self, node: exp.Table) -> None:
        version = node.args.get("version")
        if version is None:
            return
        number = version.expression
        whole = isinstance(number, exp.Literal) and not number.is_string
        if version.name.upper() != "VERSION" or not whole or not str(number.this).isdigit():
            hint = (
                "ask the whole query as of a moment: lake query --at, or the request's key `at`"
            )
            raise AthenaUnsupportedError.part("FOR TIMESTAMP AS OF", *place_of(node), hint)
        node.set("version", None)
        # The lake's own way to write it; the name keeps its quotes.
        marked = Written(template=f"{{0}}@v{number.this}", expressions=[node.this])
        if node.args.get("alias") is None:
            node.set("alias", exp.TableAlias(this=node.this.copy()))
        node.set("this", marked)


def _check_select(node: exp.Select) -> None:
    """Refuse clauses that Athena does not have, or that do not work here."""
    odd = [key for key, value in node.args.items() if value and key not in _SELECT]
    if odd:
        raise AthenaUnsupportedError.part(odd[0].strip("_").upper(), *place_of(node))
    if any(node.args.get(key) for key in ("kind", "hint", "operation_modifiers")):
        raise AthenaUnsupportedError.part("what follows SELECT", *place_of(node))


def _starred(node: exp.Expression, scope: Scope) -> Columns:
    """Return what a star stands for; none where it is not known, or would not be in order."""
    if isinstance(node, exp.Column):
        return dict(scope.tables.get(node.table.lower(), {}))
    return {name: kind for columns in scope.tables.values() for name, kind in columns.items()}
