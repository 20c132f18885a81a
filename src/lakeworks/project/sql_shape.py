"""How a query hangs together: which names are tables, which path leads to its driving table.

Pure functions over sqlglot's tree. The driving path runs from the outermost SELECT through
first FROMs, CTEs and subqueries to the first real table; a query works row by row when nothing
on that path folds rows and the table is met only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# DuckDB's aggregates and window functions: sqlglot does not know each of them as one.
AGGREGATES = frozenset({
    "any_value", "approx_count_distinct", "approx_quantile", "approx_top_k", "arbitrary",
    "arg_max", "arg_max_null", "arg_max_nulls_last", "arg_min", "arg_min_null",
    "arg_min_nulls_last", "argmax", "argmin", "array_agg", "avg", "bit_and", "bit_or",
    "bit_xor", "bitstring_agg", "bool_and", "bool_or", "corr", "count", "count_if",
    "count_star", "countif",
    "covar_pop", "covar_samp", "cume_dist", "dense_rank", "entropy", "favg", "fill", "first",
    "first_value", "fsum", "group_concat", "histogram", "histogram_exact", "kahan_sum",
    "kurtosis", "kurtosis_pop", "lag", "last", "last_value", "lead", "list", "listagg", "mad",
    "max", "max_by", "mean", "median", "min", "min_by", "mode", "nth_value", "ntile",
    "percent_rank", "product", "quantile", "quantile_cont", "quantile_disc", "rank",
    "rank_dense", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
    "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "reservoir_quantile", "row_number", "sem",
    "skewness", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum", "sum_no_overflow",
    "sumkahan", "var_pop", "var_samp", "variance",
})  # fmt: skip
_FOLDING = ("group", "having", "qualify", "distinct", "limit", "offset", "sample", "fetch",
            "connect", "match", "windows")  # fmt: skip
_MANY = 2


@dataclass(eq=False, slots=True)
class Cte:
    """A common table expression; `recursive` when it may read itself."""

    query: exp.Expr
    recursive: bool


@dataclass(slots=True)
class Bindings:
    """What each table node of a query stands for: a CTE, or a table of the lake."""

    nodes: list[exp.Expr] = field(default_factory=list)
    ctes: dict[int, Cte] = field(default_factory=dict)

    def is_cte(self, node: exp.Table) -> bool:
        """Whether the node names a CTE."""
        return id(node) in self.ctes

    def name(self, node: exp.Table) -> str:
        """Return the node's name as written, in lower case."""
        return ".".join(part.name.lower() for part in node.parts)

    def line(self, node: exp.Expr) -> int:
        """Return the line on which the node stands."""
        for part in node.walk():
            line = part.meta.get("line") if part._meta else None  # noqa: SLF001 - `meta` allocates
            if line:
                return int(line)
        return 1

    def tables(self) -> tuple[tuple[str, int], ...]:
        """Return the lake's tables in order of the text, each with its first mention's line."""
        found: dict[str, tuple[int, int]] = {}
        for node in self.nodes:
            if not _is_lake_table(node) or self.is_cte(node):
                continue
            place = (self.line(node), int(node.this.meta.get("col", 0)))
            name = self.name(node)
            found[name] = min(place, found.get(name, place))
        ordered = sorted(found.items(), key=lambda item: item[1])
        return tuple((name, place[0]) for name, place in ordered)


@dataclass(frozen=True, slots=True)
class DrivingPath:
    """The nodes from the outermost query to its driving table, and that table's name."""

    query: exp.Expr
    nodes: tuple[exp.Expr, ...]
    table: str | None


def bind(query: exp.Expr) -> Bindings:
    """Walk every node and tell the names of CTEs from those of tables, by SQL's scopes."""
    bindings = Bindings()
    todo: list[tuple[exp.Expr, Mapping[str, Cte]]] = [(query, {})]
    while todo:
        node, known = todo.pop()
        bindings.nodes.append(node)
        with_ = node.args.get("with_")
        if isinstance(with_, exp.With):
            known = dict(known)
            for cte in with_.expressions:
                definition = Cte(cte.this, recursive=bool(with_.recursive))
                inner = {**known, cte.alias.lower(): definition} if with_.recursive else known
                todo.append((cte.this, dict(inner)))
                known[cte.alias.lower()] = definition
        if _is_lake_table(node) and len(node.parts) == 1:
            found = known.get(node.name.lower())
            if found is not None:
                bindings.ctes[id(node)] = found
        todo.extend((child, known) for child in _children(node, skip="with_"))
    return bindings


def driving_path(query: exp.Expr, bindings: Bindings) -> DrivingPath:
    """Follow first FROMs from the outermost query down to a table of the lake."""
    nodes: list[exp.Expr] = []
    seen: set[int] = set()
    node: object = query
    while isinstance(node, exp.Expr) and id(node) not in seen:
        seen.add(id(node))
        nodes.append(node)
        if isinstance(node, exp.Select):
            source = node.args.get("from_")
            node = source.this if source is not None else None
        elif isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier):
                break
            if not bindings.is_cte(node):
                return DrivingPath(query, tuple(nodes), bindings.name(node))
            node = bindings.ctes[id(node)].query
        elif isinstance(node, exp.SetOperation | exp.Subquery | exp.Paren | exp.Pivot):
            node = node.this
        else:
            break
    return DrivingPath(query, tuple(nodes), None)


def is_row_wise(path: DrivingPath, bindings: Bindings) -> bool:
    """Whether each row of the query derives from one row of its driving table."""
    if any(_folds(node) for node in path.nodes):
        return False
    on_path = (bindings.ctes.get(id(node)) for node in path.nodes)
    if any(cte is not None and _reads_itself(cte, bindings) for cte in on_path):
        return False
    return path.table is not None and _mentions(path.query, path.table, bindings, {}) == 1


def _folds(node: exp.Expr) -> bool:
    """Whether a node on the driving path makes, drops or joins rows other than one by one."""
    if isinstance(node, exp.SetOperation):
        return True
    if isinstance(node, exp.Pivot) and not node.args.get("unpivot"):
        return True
    if any(node.args.get(part) for part in _FOLDING):
        return True
    if any(not pivot.args.get("unpivot") for pivot in node.args.get("pivots") or ()):
        return True
    if any(_keeps_others(join) for join in node.args.get("joins") or ()):
        return True
    return isinstance(node, exp.Select) and _aggregates(node)


def _keeps_others(join: exp.Expr) -> bool:
    """Whether a join gives rows that no row on its left made, or pairs rows by position."""
    side, method = str(join.args.get("side") or ""), str(join.args.get("method") or "")
    return side.upper() in {"RIGHT", "FULL"} or method.upper() == "POSITIONAL"


def _aggregates(select: exp.Select) -> bool:
    todo = list(_children(select, skip="with_"))
    while todo:
        node = todo.pop()
        if isinstance(node, exp.From | exp.Join):
            continue
        # An aggregate inside a subquery is the subquery's, unless that has no rows of its own.
        if (
            isinstance(node, exp.Query)
            and not isinstance(node, exp.Subquery)
            and (not isinstance(node, exp.Select) or node.args.get("from_") is not None)
        ):
            continue
        if isinstance(node, exp.AggFunc | exp.Window):
            return True
        if isinstance(node, exp.Anonymous | exp.CombinedAggFunc | exp.ParameterizedAgg) and (
            node.name.lower() in AGGREGATES
        ):
            return True
        todo.extend(_children(node))
    return False


def _reads_itself(cte: Cte, bindings: Bindings) -> bool:
    return cte.recursive and any(
        bindings.ctes.get(id(node)) is cte for node in cte.query.walk()
    )


def _mentions(query: exp.Expr, table: str, bindings: Bindings, known: dict[int, int]) -> int:
    """Count how often `table` is read when every CTE is written out, 2 standing for more."""
    total = 0
    todo = [query]
    while todo and total < _MANY:
        node = todo.pop()
        if isinstance(node, exp.Table):
            cte = bindings.ctes.get(id(node))
            if cte is not None:
                if id(cte) not in known:
                    known[id(cte)] = 0  # A recursive CTE meets itself here.
                    known[id(cte)] = _mentions(cte.query, table, bindings, known)
                total += known[id(cte)]
            elif _is_lake_table(node) and bindings.name(node) == table:
                total += 1
        todo.extend(_children(node, skip="with_"))
    return min(total, _MANY)


def _is_lake_table(node: exp.Expr) -> TypeGuard[exp.Table]:
    return isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)


def _children(node: exp.Expr, *, skip: str = "") -> Iterator[exp.Expr]:
    for key, value in node.args.items():
        if key == skip:
            continue
        if isinstance(value, exp.Expr):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, exp.Expr))
