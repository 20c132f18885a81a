"""Translate the lake's SQL (DuckDB's dialect) into Spark's, over a session's views.

sqlglot parses; `sql_types` notes the types, as the embedded engine tells them; `sql_writer`
writes, by tables of rules. Whatever has no rule is refused by name, which `lake check` shows
before anything runs.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from lakeworks.core.errors import did_you_mean
from lakeworks.engines.errors import SqlError
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.lake_sql import LakeSql
from lakeworks.engines.spark.sql_carried import Carried, Carrier
from lakeworks.engines.spark.sql_estimates import EstimatingWriter
from lakeworks.engines.spark.sql_series import placed
from lakeworks.engines.spark.sql_sets import of_one_kind
from lakeworks.engines.spark.sql_totals import with_totals
from lakeworks.engines.spark.sql_types import annotate
from lakeworks.engines.spark.sql_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.duckdb.row_expressions import RowExpression

_ROWS = "__lakeworks_rows"
_QUERIES = (exp.Select, exp.SetOperation)


@dataclass(frozen=True, slots=True)
class Translated:
    """A SELECT or an expression in Spark's SQL.

    Attributes:
        tables: The bound names that it reads.
        functions: What the embedded engine computes within it, by the names of the functions
            that it calls for that.
    """

    sql: str
    tables: tuple[str, ...]
    functions: Mapping[str, RowExpression]


class Describing(Protocol):
    """What knows the names of a session, and types: the embedded engine."""

    def describe(self, sql: str) -> Schema:
        """Return the columns of a SELECT."""
        ...

    def query(self, sql: str) -> pa.RecordBatchReader:
        """Run what needs no rows, such as DESCRIBE."""
        ...


def spark_select(
    sql: str, names: Iterable[str], known: Describing, *, estimates: bool = False
) -> Translated:
    """Return a SELECT over bound names in Spark's SQL, over the views of `view_name`.

    Args:
        sql: One SELECT in the lake's dialect.
        names: The bound names.
        known: Gives the columns of a SELECT over these names, as the embedded engine does.
        estimates: Whether Spark's own estimates may stand where the SELECT asks for some.

    Raises:
        NotOnSparkError: a part cannot be carried over with equal results.
        SqlError: it cannot be parsed, or names a table that is not bound.
    """
    with _not_too_deep():
        tree = _parsed(sql)
        of_one_kind(tree, known.describe)
        annotate(tree, known.describe)
        writer = EstimatingWriter if estimates else Writer
        _carrier(known, writer).carry(tree)
        read = _rename_tables(tree, {name.casefold(): name for name in names})
        tree = with_totals(_without_qualify(tree))
        placed(tree)
        return Translated(_written(tree, writer), read, _functions(tree))


def spark_expression(text: str, known: Describing) -> Translated:
    """Return an expression in Spark's SQL.

    Args:
        text: An expression in the lake's dialect.
        known: Gives the columns of a SELECT over one relation `__lakeworks_rows`, whose
            columns the expression names.
    """
    with _not_too_deep():
        tree = _parsed(f"SELECT {text} AS __value FROM {_ROWS}")
        annotate(tree, known.describe)
        _carrier(known).carry(tree)
        value = cast("exp.Expression", cast("exp.Expression", tree.expressions[0]).this)
        return Translated(_written(value), (), _functions(value))


def view_name(name: str) -> str:
    """Return the temporary view that holds a bound name."""
    return name.casefold()


@contextmanager
def _not_too_deep() -> Iterator[None]:
    """Python follows a tree some hundred levels down: tell that as a limit of the translation."""
    try:
        yield
    except RecursionError:
        raise NotOnSparkError.too_deep() from None


def _parsed(sql: str) -> exp.Expression:
    try:
        tokens = sqlglot.tokenize(sql, read=LakeSql)
        if any(token.text in {"~", "!~", "~*", "!~*"} for token in tokens):
            raise NotOnSparkError.part("the operator ~", "write regexp_full_match(a, pattern)")
        trees = sqlglot.parse(sql, read=LakeSql)
    except (ParseError, TokenError) as error:
        details = getattr(error, "errors", None) or [{}]
        raise NotOnSparkError.at(
            f"the SQL cannot be read: {details[0].get('description') or error}",
            line=details[0].get("line"),
            column=details[0].get("col"),
            hint="DuckDB reads it, but its translation to Spark does not: write it plainer",
        ) from error
    found = [tree for tree in trees if tree is not None]
    if len(found) == 1 and isinstance(found[0], exp.Values):
        return _parsed(f"SELECT * FROM ({sql}\n)")
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise SqlError("only one SELECT can be run", "write a SELECT")
    tree = cast("exp.Expression", found[0])
    if _is_too_deep(tree):
        raise NotOnSparkError.too_deep()
    return tree


def _is_too_deep(tree: exp.Expression) -> bool:
    """Whether writing a tree would surely fail: better told before its parts are looked at.

    Each level takes some calls. Chains of AND, OR and set operations are written in a loop.
    """
    most = sys.getrecursionlimit() // 3
    waiting: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > most:
            return True
        deeper = depth + (not isinstance(node, (exp.Connector, exp.SetOperation)))
        waiting += [(child, deeper) for child in node.iter_expressions()]
    return False


def _carrier(known: Describing, writer: type[Writer] = Writer) -> Carrier:
    def exact(sql: str) -> list[str]:
        with known.query(f"DESCRIBE {sql}") as told:
            return [str(one) for one in told.read_all()["column_type"].to_pylist()]

    return Carrier(exact, partial(_is_writable, writer=writer))


def _functions(tree: exp.Expression) -> dict[str, RowExpression]:
    return {one.function: one.computed for one in tree.find_all(Carried)}


def _is_writable(node: exp.Expression, writer: type[Writer]) -> bool:
    """Whether a part has a counterpart; queries in it are asked for themselves."""
    tried = exp.Paren(this=node.copy())
    for one in list(tried.walk(prune=lambda n: isinstance(n, _QUERIES))):
        if isinstance(one, _QUERIES):
            one.replace(exp.select("1"))
    try:
        _written(tried, writer)
    except NotOnSparkError:
        return False
    return True


def _written(tree: exp.Expression, writer: type[Writer] = Writer) -> str:
    try:
        writing = writer(dialect="spark", unsupported_level=ErrorLevel.RAISE, comments=False)
        return writing.generate(tree, copy=False)
    except SqlglotError as error:
        raise NotOnSparkError.part(f"a part of the SQL ({error})") from error


def _without_qualify(tree: exp.Expression) -> exp.Expression:
    """Turn QUALIFY, which Spark lacks, into a condition on an outer SELECT."""
    keep = "__lakeworks_keep"
    for select in list(tree.find_all(exp.Select)):
        _first_of_each(select)
        condition = select.args.get("qualify")
        if condition is None:
            continue
        if select.args.get("distinct"):
            raise NotOnSparkError.part("DISTINCT with QUALIFY", "use a subquery")
        outer = exp.Select(
            expressions=[exp.Star(except_=[exp.column(keep, quoted=True)])],
            where=exp.Where(this=exp.column(keep, quoted=True)),
        )
        for name in ("order", "limit", "offset"):
            outer.set(name, select.args.get(name))
            select.set(name, None)
        order = outer.args.get("order")
        for column in list(order.find_all(exp.Column)) if order is not None else []:
            column.set("table", None)
        select.set("qualify", None)
        select.append("expressions", exp.alias_(exp.paren(condition.this), keep, quoted=True))
        if select is tree:
            tree = outer
        else:
            select.replace(outer)
        alias = exp.TableAlias(this=exp.to_identifier("__lakeworks_all", quoted=True))
        outer.set("from_", exp.From(this=exp.Subquery(this=select, alias=alias)))
    return tree


def _first_of_each(select: exp.Select) -> None:
    """Turn DISTINCT ON, which Spark lacks, into QUALIFY."""
    distinct = select.args.get("distinct")
    keys = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
    if keys is None:
        return
    if select.args.get("qualify") or select.args.get("group"):
        raise NotOnSparkError.part("DISTINCT ON with GROUP BY or QUALIFY", "use a subquery")
    order = select.args.get("order")
    window = exp.Window(
        this=exp.RowNumber(),
        partition_by=[key.copy() for key in keys.expressions],
        order=order.copy() if order is not None else None,
    )
    if order is None:
        window.set("order", exp.Order(expressions=[exp.Ordered(this=exp.Literal.number(1))]))
    select.set("distinct", None)
    select.set(
        "qualify", exp.Qualify(this=exp.EQ(this=window, expression=exp.Literal.number(1)))
    )


def _rename_tables(tree: exp.Expression, bound: dict[str, str]) -> tuple[str, ...]:
    """Let tables name views, and return those that are read."""
    read: dict[str, None] = {}
    whole: set[str] = set()
    for common in tree.find_all(exp.CTE):
        if "." in common.alias and common.alias.casefold() in bound:  # it would hide the view
            raise NotOnSparkError.part(f"a WITH named {common.alias!r}", "leave out the dot")
    for table in list(tree.find_all(exp.Table)):
        name = ".".join(part.name for part in table.parts)
        if _is_common(table) or _is_series(table):
            continue
        found = bound.get(name.casefold())
        if found is None or not isinstance(table.this, exp.Identifier):
            raise SqlError(
                f"table {name or table.sql(LakeSql)!r} is not there",
                did_you_mean(name, bound.values()),
            )
        read[found] = None
        if not table.alias:
            whole.add(found.casefold())
            alias = exp.to_identifier(table.name, quoted=True)
            table.set("alias", exp.TableAlias(this=alias))
        table.set("db", None)
        table.set("catalog", None)
        table.set("this", exp.to_identifier(view_name(found), quoted=True))
    for column in list(tree.find_all(exp.Column)):
        _without_database(column, whole)
    return tuple(read)


def _without_database(column: exp.Column, whole: set[str]) -> None:
    """Take away the database of a table that is named whole; `alias.struct.field` stays."""
    first, *others = column.parts
    if len(others) > 1 and f"{first.name}.{others[0].name}".casefold() in whole:
        column.set("catalog" if column.args.get("catalog") else "db", None)


def _is_series(table: exp.Table) -> bool:
    """Whether this is `from range(…)` or its like; it gets the names that the lake gives."""
    if not isinstance(table.this, exp.GenerateSeries):
        return False
    own = "range" if table.this.args.get("is_end_exclusive") else "generate_series"
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(own, quoted=True))
    if not alias.args.get("columns"):
        alias.set("columns", [exp.to_identifier(own, quoted=True)])
    table.set("alias", alias)
    return True


def _is_common(table: exp.Table) -> bool:
    """Whether a table's name is that of a common table expression in whose scope it stands."""
    if table.args.get("db"):
        return False
    node: exp.Expression | None = table
    while node is not None:
        common = node.args.get("with_")
        if isinstance(common, exp.With) and any(
            one.alias.casefold() == table.name.casefold() for one in common.expressions
        ):
            return True
        node = cast("exp.Expression | None", node.parent)
    return False
