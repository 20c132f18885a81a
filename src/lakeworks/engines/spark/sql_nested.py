"""Lists, structs, maps and what gathers them, from the lake's SQL to Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.types import Array, Decimal, Map, Struct
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_casts import as_text
from lakeworks.engines.spark.sql_texts import literal_text, text_literal
from lakeworks.engines.spark.sql_types import is_scalar, kind, spark_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer


def element(writer: Writer, node: exp.Bracket) -> str:
    """`list[n]` from one, or from the end below zero; `map[key]`; `struct['field']`."""
    held = kind(node.this)
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise NotOnSparkError.part(f"{writer.original(node)}: a slice")
    place = node.expressions[0]
    value = writer.sql(node.this)
    match held:
        case Struct() if isinstance(place, exp.Literal) and place.is_string:
            return f"{value}.`{str(place.this).replace('`', '``')}`"
        case Map():
            return f"TRY_ELEMENT_AT({value}, {writer.sql(place)})"
        case Array():
            return f"TRY_ELEMENT_AT({value}, NULLIF(CAST({writer.sql(place)} AS INT), 0))"
        case _:
            raise NotOnSparkError.part(f"{writer.original(node)}: an element of {held}")


def struct(writer: Writer, node: exp.Struct) -> str:
    """`{'a': 1}` and `struct_pack(a := 1)`."""
    parts = []
    for one in node.expressions:
        if not isinstance(one, exp.PropertyEQ):
            raise NotOnSparkError.part(f"{writer.original(node)}: a field without a name")
        parts += [text_literal(one.this.name), writer.sql(one.expression)]
    return f"NAMED_STRUCT({', '.join(parts)})"


def mapping(writer: Writer, node: exp.ToMap) -> str:
    """`map {key: value}`."""
    if not isinstance(node.this, exp.Struct):
        raise NotOnSparkError.part(f"{writer.original(node)}")
    parts = []
    for one in node.this.expressions:
        key = one.this
        literal = text_literal(key.name) if isinstance(key, exp.Identifier) else writer.sql(key)
        parts += [literal, writer.sql(one.expression)]
    return f"MAP({', '.join(parts)})"


def listed(writer: Writer, node: exp.Array) -> str:
    """`[a, b]`."""
    if any(isinstance(one, (exp.Comprehension, exp.Query)) for one in node.expressions):
        raise NotOnSparkError.part(f"{writer.original(node)}", "write list_transform(…)")
    return f"ARRAY({', '.join(writer.sql(one) for one in node.expressions)})"


def gathered(writer: Writer, node: exp.ArrayAgg) -> str:
    """`list(a)`: nulls are kept, and no rows give null."""
    inner = node.this
    if isinstance(inner, (exp.Order, exp.Distinct)):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a list with an order or without repeats",
            "write string_agg(a, ',' order by b), or sort where the list is used",
        )
    value = writer.sql(inner)
    return writer.over(
        node, f"COLLECT_LIST(STRUCT({value} AS held))", "COUNT(*)",
        lambda held, count: f"IF({count} = 0, NULL, TRANSFORM({held}, x -> x.held))",
    )  # fmt: skip


def gathered_text(writer: Writer, node: exp.GroupConcat) -> str:
    """`string_agg(a, separator order by b)`."""
    inner = node.this
    order = ""
    if isinstance(inner, exp.Order):
        told = ", ".join(writer.sql(one) for one in inner.expressions)
        order, inner = f" WITHIN GROUP (ORDER BY {told})", inner.this
    distinct = ""
    if isinstance(inner, exp.Distinct):
        distinct, inner = "DISTINCT ", inner.expressions[0]
    separator = node.args.get("separator")
    if distinct and order and told != writer.sql(exp.Ordered(this=inner)):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: without repeats, in an order of something else"
        )
    mark = "," if separator is None else literal_text(writer, separator, node)
    value = as_text(writer, inner, writer.sql(inner))
    return f"LISTAGG({distinct}{value}, {text_literal(mark)}){order}"


def first_or_last(writer: Writer, node: exp.First | exp.Last) -> str:
    """`first(a)` and `last(a)`, of rows in no order."""
    if isinstance(node.this, exp.Order):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a first of rows in an order",
            "write arg_min(a, b) or arg_max(a, b)",
        )
    return f"{'FIRST' if isinstance(node, exp.First) else 'LAST'}({writer.sql(node.this)})"


def at_extreme(writer: Writer, node: exp.ArgMax | exp.ArgMin) -> str:
    """`arg_max(a, b)`: of the rows where neither is null."""
    if node.args.get("count") is not None:
        raise NotOnSparkError.part(f"{writer.original(node)}: several at once")
    name = "MAX_BY" if isinstance(node, exp.ArgMax) else "MIN_BY"
    value, by = writer.sql(node.this), writer.sql(node.expression)
    return f"{name}({value}, IF({value} IS NULL, NULL, {by}))"


def quantile(writer: Writer, node: exp.PercentileCont | exp.Median) -> str:
    """`median(a)` and `quantile_cont(a, share)`, of numbers, as doubles."""
    held = kind(node.this)
    if is_scalar(held, "date", "timestamp", "timestamp_ntz", "string", "float"):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a quantile of {held}", "cast numbers to double first"
        )
    if isinstance(held, Decimal):
        return _decimal_quantile(writer, node, held)
    share = "0.5" if isinstance(node, exp.Median) else writer.sql(node.expression)
    told = f"PERCENTILE(CAST({writer.sql(node.this)} AS DOUBLE), {share})"
    to = spark_name(writer.kind_of(node))
    return writer.over(node, told, "", lambda found, _: f"CAST({found} AS {to})")


def _decimal_quantile(
    writer: Writer, node: exp.PercentileCont | exp.Median, held: Decimal
) -> str:
    """Between two decimals the lake cuts off digits beyond their own, downwards."""
    share = "0.5" if isinstance(node, exp.Median) else writer.sql(node.expression)
    if share not in {"0", "0.25", "0.5", "0.75", "1"}:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: this quantile of decimals", "cast them to double first"
        )
    value = writer.sql(node.this)
    to = spark_name(writer.kind_of(node))
    # As whole numbers of the last digit's unit, which doubles hold exactly up to a size.
    whole = f"PERCENTILE(CAST({value} * 1{'0' * held.scale}BD AS DOUBLE), {share})"
    unit = f"CAST('1E-{held.scale}' AS DECIMAL({max(1, held.scale)}, {held.scale}))"
    failed = "CAST(RAISE_ERROR('a quantile of decimals too large for doubles') AS DOUBLE)"
    return writer.over(
        node, whole, f"MAX(ABS({value}))",
        lambda found, most: (
            f"CAST(CAST(FLOOR(IF({most} > 9E15BD * {unit}, {failed}, {found})) AS "
            f"DECIMAL(18, 0)) * {unit} AS {to})"
        ),
    )  # fmt: skip


def any_value(writer: Writer, node: exp.AnyValue) -> str:
    """`any_value(a)`: of one row where it is not null."""
    return f"ANY_VALUE({writer.sql(node.this)}, TRUE)"


def not_nulls(writer: Writer, node: exp.IgnoreNulls) -> str:
    """`… ignore nulls`; sqlglot wraps `any_value` in it."""
    told = writer.sql(node.this)
    return told if isinstance(node.this, exp.AnyValue) else f"{told} IGNORE NULLS"


def has(writer: Writer, node: exp.ArrayContains) -> str:
    """`list_contains(a, b)`: false, never null, where the list holds none but nulls."""
    held, value = writer.sql(node.this), writer.sql(node.expression)
    told = f"COALESCE(ARRAY_CONTAINS({held}, {value}), FALSE)"
    return f"IF({held} IS NULL OR {value} IS NULL, NULL, {told})"


def flat(writer: Writer, node: exp.Flatten) -> str:
    """`flatten(a)`: lists that are null give nothing; on Spark one makes all null."""
    return f"FLATTEN(FILTER({writer.sql(node.this)}, each -> each IS NOT NULL))"


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.Bracket: element,
    exp.Struct: struct,
    exp.ToMap: mapping,
    exp.Array: listed,
    exp.ArrayAgg: gathered,
    exp.GroupConcat: gathered_text,
    exp.First: first_or_last,
    exp.Last: first_or_last,
    exp.ArgMax: at_extreme,
    exp.ArgMin: at_extreme,
    exp.PercentileCont: quantile,
    exp.Median: quantile,
    exp.AnyValue: any_value,
    exp.IgnoreNulls: not_nulls,
    exp.ArrayContains: has,
    exp.Flatten: flat,
}
