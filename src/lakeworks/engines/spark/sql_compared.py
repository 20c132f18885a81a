"""Comparisons and choices among values: what stands beside each other is made one type first.

The lake reads a text literal as the other side's type, and compares texts, numbers, times and
flags among themselves. Spark would convert more, and by other rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp
from sqlglot.generators.spark import SparkGenerator

from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_casts import from_text
from lakeworks.engines.spark.sql_types import bare, is_scalar, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Type
    from lakeworks.engines.spark.sql_writer import Writer

_MARKS: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "<=>",
}  # fmt: skip
_ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_NAMES = {exp.Coalesce: "COALESCE", exp.Greatest: "GREATEST", exp.Least: "LEAST"}


def compared(writer: Writer, node: exp.Expression) -> str:
    """`a = b`, `a < b`, `a is not distinct from b` and their like."""
    quantified = node.args["expression"]
    if isinstance(quantified, (exp.Any, exp.All)):
        return _quantified(writer, node, quantified)
    if isinstance(node, _ORDERED):
        _refuse_nested(writer, node, [node.this, node.args["expression"]])
    left, right = together(writer, node, [node.this, node.args["expression"]])
    if isinstance(node, exp.NullSafeNEQ):
        return f"(NOT ({left} <=> {right}))"
    return f"{left} {_MARKS[type(node)]} {right}"


def _quantified(writer: Writer, node: exp.Expression, other: exp.Expression) -> str:
    """`a = any (select …)` and `a <> all (select …)`, which Spark has under other names."""
    inner = bare(other.this)
    query = inner.this if isinstance(inner, exp.Subquery) else inner
    word = ""
    if isinstance(node, exp.EQ) and isinstance(other, exp.Any):
        word = "IN"
    elif isinstance(node, exp.NEQ) and isinstance(other, exp.All):
        word = "NOT IN"
    if isinstance(query, exp.Values):
        query = exp.select("*").from_(query.copy())
    if not word or not isinstance(query, (exp.Select, exp.SetOperation)):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: ANY or ALL", "compare with max(…) or min(…) of the query"
        )
    return _of_query(writer, node, query, word)


def _of_query(writer: Writer, node: exp.Expression, query: exp.Expression, word: str) -> str:
    """`a in (select …)`, and `a not in (select …)`, as a condition or as a value.

    Where it is a value, Spark says false instead of null for what nulls leave open.
    """
    value, rows = writer.sql(node.this), writer.sql(query)
    plain = f"{value} {word} ({rows})"
    if _is_condition(node) or isinstance(bare(node.this), exp.Tuple):
        return plain
    found = "FALSE" if word == "NOT IN" else "TRUE"
    absent = "TRUE" if word == "NOT IN" else "FALSE"
    name = "__lakeworks_among"
    return (
        f"CASE WHEN {value} IN ({rows}) THEN {found} "
        f"WHEN {value} IS NULL AND EXISTS ({rows}) THEN NULL "
        f"WHEN EXISTS (SELECT 1 FROM ({rows}) AS {name}(v) WHERE {name}.v IS NULL) THEN NULL "
        f"ELSE {absent} END"
    )


def _is_condition(node: exp.Expression) -> bool:
    """Whether no more is asked of a part than whether it is true."""
    one, parent = node, node.parent
    while isinstance(parent, exp.Paren):
        one, parent = parent, parent.parent
    if isinstance(parent, exp.Not):  # Spark knows `not in` by itself, wherever it stands
        one, parent = parent, parent.parent
    while isinstance(parent, (exp.And, exp.Or, exp.Paren)):
        one, parent = parent, parent.parent
    if isinstance(parent, exp.If):
        return parent.this is one
    if isinstance(parent, exp.Join):
        return parent.args.get("on") is one
    return isinstance(parent, (exp.Where, exp.Having, exp.Qualify))


def between(writer: Writer, node: exp.Between) -> str:
    """`a between b and c`."""
    if node.args.get("symmetric"):
        raise NotOnSparkError.part(writer.original(node), "write a between b and c")
    value, low, high = together(writer, node, [node.this, node.args["low"], node.args["high"]])
    return f"{value} BETWEEN {low} AND {high}"


def among(writer: Writer, node: exp.In) -> str:
    """`a in (b, …)`, or in what a SELECT gives."""
    query = node.args.get("query")
    if query is not None:
        return _of_query(writer, node, query.this, "IN")
    if not node.expressions:
        return SparkGenerator.in_sql(writer, node)
    value, *others = together(writer, node, [node.this, *node.expressions])
    return f"{value} IN ({', '.join(others)})"


def together(writer: Writer, node: exp.Expression, parts: list[exp.Expression]) -> list[str]:
    """Return parts in Spark's SQL, text literals as the type of the rest.

    Raises:
        NotOnSparkError: they are of kinds that each engine converts in its own way.
    """
    kinds = [_kind(part) for part in parts]
    families = {family(one) for one in kinds if one is not None}
    told = [writer.sql(part) for part in parts]
    if len(families) <= 1:
        return told
    others = families - {"text"}
    if len(others) == 1 and all(
        _is_text_literal(part) or family(one) != "text" or one is None
        for part, one in zip(parts, kinds, strict=True)
    ):
        to = next(one for one in kinds if one is not None and family(one) in others)
        if not isinstance(to, (Array, Map, Struct)) and others != {"number"}:
            to = _widest(kinds, to)
            return [
                from_text("CAST", text, to) if _is_text_literal(part) else text
                for part, text in zip(parts, told, strict=True)
            ]
    raise NotOnSparkError.part(
        f"{writer.original(node)}: {_told(kinds)} side by side", "cast them to one type"
    )


def _kind(node: exp.Expression) -> Type | None:
    inner = bare(node)
    if inner is None or isinstance(inner, exp.Null):
        return None
    if isinstance(inner, exp.Boolean):
        return Scalar("boolean")
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return Scalar("int")
    return kind(inner)


def _is_text_literal(node: exp.Expression) -> bool:
    inner = bare(node)
    return isinstance(inner, exp.Literal) and bool(inner.is_string)


def family(found: Type | None) -> str:
    """Return the kind of values that a type is of; both engines convert among one kind alike."""
    match found:
        case Scalar("string"):
            return "text"
        case Scalar("date" | "timestamp" | "timestamp_ntz"):
            return "time"
        case Scalar("boolean" | "binary" as name):
            return str(name)
        case Scalar() | Decimal():
            return "number"
        case _:
            return str(found)


def _widest(kinds: list[Type | None], first: Type) -> Type:
    for name in ("timestamp", "timestamp_ntz", "date"):
        for one in kinds:
            if is_scalar(one, name):
                return cast("Type", one)
    return first


def _told(kinds: list[Type | None]) -> str:
    return " and ".join(dict.fromkeys(str(one) for one in kinds if one is not None))


def chosen(writer: Writer, node: exp.Coalesce | exp.Greatest | exp.Least) -> str:
    """`coalesce(a, …)`, `greatest(a, …)` and `least(a, …)`."""
    if not isinstance(node, exp.Coalesce):
        _refuse_nested(writer, node, [node.this])
    told = together(writer, node, [node.this, *node.expressions])
    return f"{_NAMES[type(node)]}({', '.join(told)})"


def null_if(writer: Writer, node: exp.Nullif) -> str:
    """`nullif(a, b)`."""
    value, other = together(writer, node, [node.this, node.expression])
    return f"NULLIF({value}, {other})"


def case(writer: Writer, node: exp.Case) -> str:
    """`case when a then b … else c end` and `case a when b then c … end`."""
    branches = [each.args["true"] for each in node.args["ifs"]]
    last = node.args.get("default")
    results = together(writer, node, [*branches, last] if last is not None else branches)
    asked = [each.this for each in node.args["ifs"]]
    if node.this is not None:
        value, *conditions = together(writer, node, [node.this, *asked])
        parts = [f"CASE {value}"]
    else:
        parts, conditions = ["CASE"], [_condition(writer, one) for one in asked]
    parts += [
        f"WHEN {condition} THEN {result}"
        for condition, result in zip(conditions, results, strict=False)
    ]
    if last is not None:
        parts.append(f"ELSE {results[-1]}")
    return f"{' '.join(parts)} END"


def _condition(writer: Writer, node: exp.Expression) -> str:
    told = writer.sql(node)
    return f"CAST({told} AS BOOLEAN)" if isinstance(bare(node), exp.Null) else told


def if_else(writer: Writer, node: exp.If) -> str:
    """`if(a, b, c)`."""
    last = node.args.get("false")
    results = together(writer, node, [node.args["true"], *([last] if last else [])])
    return f"IF({_condition(writer, node.this)}, {', '.join(results if last else [*results, 'NULL'])})"


def _refuse_nested(writer: Writer, node: exp.Expression, parts: list[exp.Expression]) -> None:
    """Refuse to say which of two lists, structs or maps comes first."""
    if any(isinstance(kind(part), (Array, Map, Struct)) for part in parts):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: the order of lists or structs", "order by their parts"
        )


def grouping(writer: Writer, node: exp.Grouping) -> str:
    """`grouping(a, b, …)`: a bit for each, of which Spark takes one at a time."""
    bits = [f"CAST(GROUPING({writer.sql(one)}) AS BIGINT)" for one in node.expressions]
    told = [f"{bit} * {1 << place}" for place, bit in enumerate(reversed(bits))]
    return f"({' + '.join(reversed(told))})"


def extreme(writer: Writer, node: exp.Max | exp.Min) -> str:
    """`max(a)` and `min(a)`."""
    if node.expressions or node.args.get("count") is not None:
        raise NotOnSparkError.part(f"{writer.original(node)}: several at once")
    _refuse_nested(writer, node, [node.this])
    return f"{'MAX' if isinstance(node, exp.Max) else 'MIN'}({writer.sql(node.this)})"


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    **dict.fromkeys(_MARKS, compared),
    exp.NullSafeNEQ: compared,
    exp.Between: between,
    exp.In: among,
    exp.Coalesce: chosen,
    exp.Greatest: chosen,
    exp.Least: chosen,
    exp.Nullif: null_if,
    exp.Case: case,
    exp.If: if_else,
    exp.Grouping: grouping,
    exp.Max: extreme,
    exp.Min: extreme,
}
