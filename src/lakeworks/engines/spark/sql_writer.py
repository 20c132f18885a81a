"""Write a tree of the lake's SQL as Spark's: by a rule, unchanged, or not at all.

A function is carried over only if it stands in a rule's table or among those that both engines
compute alike. What is added to the lake's dialect later is therefore refused, never guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, cast

from sqlglot import exp, transforms
from sqlglot.generators.spark import SparkGenerator

from lakeworks.core.types import Array, Map, Struct
from lakeworks.engines.spark import (
    sql_casts,
    sql_compared,
    sql_dates,
    sql_letters,
    sql_nested,
    sql_numbers,
    sql_series,
    sql_texts,
)
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_carried import Carried, carried, source
from lakeworks.engines.spark.sql_types import kind, line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Type

_RULES: dict[type[exp.Expression], Callable[..., str]] = {
    **sql_numbers.RULES,
    **sql_casts.RULES,
    **sql_texts.RULES,
    **sql_letters.RULES,
    **sql_dates.RULES,
    **sql_nested.RULES,
    **sql_series.RULES,
    **sql_compared.RULES,
    Carried: carried,
}
_NAMED = sql_dates.NAMED
# Functions of the same name, arguments and results; the generator writes them as Spark does.
_ALIKE: frozenset[type[exp.Expression]] = frozenset({
    exp.Abs, exp.And, exp.ArrayFilter, exp.ArraySize, exp.Ascii, exp.Cos, exp.Count,
    exp.CovarPop, exp.CovarSamp, exp.CumeDist, exp.CurrentDate,
    exp.CurrentTimestamp, exp.DateFromParts, exp.DenseRank, exp.EndsWith, exp.Exists, exp.Exp,
    exp.FirstValue, exp.Lag, exp.LastDay, exp.LastValue, exp.Lead,
    exp.LogicalAnd, exp.LogicalOr, exp.MapKeys, exp.MD5, exp.NthValue, exp.Ntile,
    exp.Or, exp.PercentRank, exp.Pi, exp.Rank, exp.Repeat, exp.Replace, exp.RowNumber,
    exp.SHA2, exp.Sign, exp.Sin, exp.StartsWith, exp.Tan, exp.Transform, exp.Translate,
})  # fmt: skip
_ALIKE_NAMED = {
    "now": "CURRENT_TIMESTAMP", "suffix": "ENDSWITH", "prefix": "STARTSWITH",
    "ends_with": "ENDSWITH", "cardinality": "SIZE", "list_reverse": "REVERSE",
    "unicode": "ASCII",
}  # fmt: skip
_REFUSED: dict[type[exp.Expression], str] = {
    exp.Pivot: "PIVOT", exp.TableSample: "a sample", exp.Lateral: "LATERAL",
    exp.Columns: "COLUMNS(…)", exp.Glob: "GLOB", exp.Parameter: "a parameter",
    exp.Placeholder: "a parameter", exp.Slice: "a slice", exp.Comprehension: "a list comprehension",
    exp.BitwiseXor: "xor", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
    exp.JSONExtract: "->",
}  # fmt: skip
# Aggregates that may be written as several, each with its FILTER and OVER.
_TWO_PARTS = (exp.Avg, exp.ArrayAgg, exp.Median, exp.PercentileCont, exp.Corr,
              exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_HINTS = {
    "hash": "write md5(…) or sha256(…)",
    "approx_count_distinct": "write count(distinct …)",
    "approx_distinct": "write count(distinct …)",
    "approx_quantile": "write quantile_cont(…)",
}


class Writer(SparkGenerator):
    """Writes one tree; the types that rules ask for were noted by `sql_types.annotate`."""

    TRANSFORMS = {  # noqa: RUF012 - as the class above declares it
        **SparkGenerator.TRANSFORMS,
        exp.Select: transforms.preprocess([transforms.any_to_exists]),
        exp.Table: lambda self, one: self.table_sql(one),
        **{
            node: (lambda self, one, rule=rule: rule(self, one))
            for node, rule in _RULES.items()
        },
    }
    KNOWN: ClassVar[frozenset[type[exp.Expression]]] = _ALIKE | frozenset(_RULES)

    def sql(
        self,
        expression: str | exp.Expr | None,
        key: str | None = None,
        comment: bool = True,  # noqa: FBT001, FBT002 - as the class above declares it
    ) -> str:
        """Return a part as Spark's SQL."""
        if not isinstance(expression, exp.Expression) or key is not None:
            return super().sql(expression, key, comment)
        try:
            self._allow(expression)
            return super().sql(expression, key, comment)
        except NotOnSparkError as error:
            raise error.on_line(line_of(expression)) from None

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """Return a function that sqlglot knows by name only."""
        name = expression.name.lower()
        rule = _NAMED.get(name)
        if rule is not None:
            return rule(self, expression)
        told = ", ".join(self.sql(one) for one in expression.expressions)
        return f"{_ALIKE_NAMED[name]}({told})"

    def identifier_sql(self, expression: exp.Identifier) -> str:
        """Return a name; one of other than plain letters has to be quoted in Spark alone."""
        if not expression.quoted and not _PLAIN.fullmatch(expression.name):
            expression = exp.to_identifier(expression.name, quoted=True)
        return super().identifier_sql(expression)

    def original(self, node: exp.Expression) -> str:
        """Return a part as the user could have written it."""
        told = source(node)
        return told if len(told) <= 60 else f"{told[:57]}…"  # noqa: PLR2004

    def kind_of(self, node: exp.Expression) -> Type:
        """Return the type of a part, which has to be known."""
        found = kind(node)
        if found is None:
            raise NotOnSparkError.part(
                f"{self.original(node)}: its type is not plain", "compute it in a subquery"
            )
        return found

    def over(
        self,
        node: exp.Expression,
        first: str,
        second: str,
        combine: Callable[[str, str], str],
    ) -> str:
        """Return what is computed of two aggregates, each with the FILTER and OVER of `node`."""
        suffix = self._suffixes.get(id(node), "")
        return combine(first + suffix, second + suffix)

    def filter_sql(self, expression: exp.Filter) -> str:
        """Return an aggregate with its FILTER; those of two parts hold it already."""
        suffix = f" FILTER({self.sql(expression, 'expression').strip()})"
        return self._with_suffix(expression.this, suffix)

    def window_sql(self, expression: exp.Window) -> str:
        """Return a function over a window; aggregates of two parts hold it already."""
        called = expression.this
        inner = called.this if isinstance(called, (exp.Filter, exp.IgnoreNulls)) else called
        self._allow_window(expression, inner)
        expression.set("this", exp.Var(this=""))
        try:
            suffix = super().window_sql(expression)
        finally:
            expression.set("this", called)
        if isinstance(called, exp.Filter):
            condition = self.sql(called, "expression").strip()
            suffix = f" FILTER({condition}){suffix}"
            called = inner
        return self._with_suffix(called, suffix)

    def ordered_sql(self, expression: exp.Ordered) -> str:
        """Return a part of an order, of what both engines order alike."""
        if isinstance(kind(expression.this), (Array, Map, Struct)):
            raise NotOnSparkError.part(
                f"{self.original(expression)}: the order of lists or structs",
                "order by their parts",
            )
        return super().ordered_sql(expression)

    def star_sql(self, expression: exp.Star) -> str:
        """Return a star; Spark leaves columns out, and replaces none."""
        if expression.args.get("replace") or expression.args.get("rename"):
            raise NotOnSparkError.part("* REPLACE", "name the columns")
        left_out = expression.args.get("except_") or expression.args.get("except")
        if not left_out:
            return "*"
        names = ", ".join(
            self.sql(exp.to_identifier(one.name, quoted=True)) for one in left_out
        )
        return f"* EXCEPT ({names})"

    def table_sql(self, expression: exp.Table, sep: str = " AS ") -> str:
        """Return a table, or a series that stands for one."""
        if not isinstance(expression.this, exp.GenerateSeries):
            return super().table_sql(expression, sep)
        alias = expression.args["alias"]
        columns = ", ".join(self.sql(one) for one in alias.args["columns"])
        return f"{self.sql(expression, 'this')} AS {self.sql(alias, 'this')}({columns})"

    def join_sql(self, expression: exp.Join, join_op: str | None = None) -> str:
        """Return a join; those by nearest match or by position have no counterpart."""
        method = str(expression.args.get("method") or "").upper()
        if method in {"ASOF", "POSITIONAL"} or expression.args.get("kind") == "POSITIONAL":
            raise NotOnSparkError.part(f"a join that is {method or 'POSITIONAL'}")
        return super().join_sql(expression, join_op)

    def subquery_sql(self, expression: exp.Subquery, sep: str = " AS ") -> str:
        """Return a query in brackets; one of lists only is a table function."""
        if sql_series.is_lists(cast("exp.Expression", expression.this)):
            return sql_series.from_lists(self, expression)
        return super().subquery_sql(expression, sep)

    def values_sql(self, expression: exp.Values, values_as_table: bool = True) -> str:  # noqa: FBT001, FBT002
        """Return rows as written; where a function is called in them, as queries of one row."""
        if expression.find(Carried) is None:
            return super().values_sql(expression, values_as_table)
        rows = [
            f"SELECT {', '.join(self.sql(cell) for cell in row.expressions)}"
            for row in expression.expressions
        ]
        alias = self.sql(expression, "alias")
        return f"({' UNION ALL '.join(rows)})" + (f" AS {alias}" if alias else "")

    @property
    def _suffixes(self) -> dict[int, str]:
        """What follows an aggregate of two parts, by its node."""
        return cast("dict[int, str]", self.__dict__.setdefault("_lake_suffixes", {}))

    def _with_suffix(self, node: exp.Expression, suffix: str) -> str:
        if not isinstance(node, _TWO_PARTS):
            return self.sql(node) + suffix
        self._suffixes[id(node)] = suffix
        told = self.sql(node)
        return told if suffix in told else told + suffix

    def _allow_window(self, window: exp.Window, called: exp.Expression) -> None:
        spec = window.args.get("spec")
        kind_ = str(spec.args.get("kind") or "") if isinstance(spec, exp.WindowSpec) else ""
        told = self.original(window)
        if kind_.upper() == "GROUPS":
            raise NotOnSparkError.part(f"{told}: a frame of groups", "write rows or range")
        if called.find(exp.Distinct) is not None:
            raise NotOnSparkError.part(f"{told}: distinct over a window", "use a subquery")
        if isinstance(called, exp.GroupConcat):
            raise NotOnSparkError.part(f"{told}: string_agg over a window", "use a subquery")

    def _allow(self, node: exp.Expression) -> None:
        refused = _REFUSED.get(type(node))
        if refused is not None and not node.args.get("view"):
            raise NotOnSparkError.part(self.original(node), _HINTS.get(refused, ""))
        if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
            raise NotOnSparkError.part("UNION BY NAME", "name the columns in one order")
        if isinstance(node, exp.Limit) and node.args.get("limit_options"):
            raise NotOnSparkError.part("LIMIT with a percentage")
        if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
            name = node.name.lower()
            if name not in _NAMED and name not in _ALIKE_NAMED:
                raise NotOnSparkError.part(f"{name}()", _HINTS.get(name, ""))
        elif isinstance(node, exp.Func) and type(node) not in self.KNOWN:
            name = node.sql_name().lower()
            raise NotOnSparkError.part(self.original(node), _HINTS.get(name, ""))
