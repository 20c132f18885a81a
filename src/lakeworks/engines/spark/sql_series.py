"""`unnest`, `generate_series` and `range` from the lake's SQL to Spark's.

The lake takes `unnest` wherever a value may stand; Spark has it as a column by itself, as a table
function, or in a LATERAL VIEW.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from lakeworks.core.types import Array, Map, Type
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.sql_carried import EXACT, source
from lakeworks.engines.spark.sql_types import is_scalar, is_whole, kind, line_of, spark_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer

_ITEM = "__lakeworks_item"
_STEPS = frozenset({"DAY", "WEEK", "HOUR", "MINUTE", "SECOND"})


def placed(tree: exp.Expression) -> None:
    """Give every `unnest` of a SELECT's columns a place where Spark takes one."""
    for select in list(tree.find_all(exp.Select)):
        if is_lists(select):
            continue
        found = [
            node
            for column in select.expressions
            for node in column.walk(prune=lambda one: isinstance(one, exp.Query))
            if isinstance(node, exp.Explode)
        ]
        for node in found:
            try:
                _place(select, node, alone=len(found) == 1)
            except NotOnSparkError as error:
                raise error.on_line(line_of(node)) from None


def is_lists(select: exp.Expression) -> bool:
    """Whether a SELECT is a table of lists side by side, and stands where tables do."""
    source = select.parent
    if not isinstance(source, exp.Subquery) or not isinstance(
        source.parent, (exp.Join, exp.From)
    ):
        return False
    others = [name for name, value in select.args.items() if value and name != "expressions"]
    return not others and all(
        isinstance(one, exp.Alias) and isinstance(one.this, exp.Explode)
        for one in select.expressions
    )


def from_lists(writer: Writer, node: exp.Subquery) -> str:
    """`from t, (select unnest(t.a) as x, unnest(t.b) as y) as u`: shorter ones end in nulls."""
    lists = [one.this.this for one in node.this.expressions]
    if (
        isinstance(node.parent, exp.Join)
        and node.parent.side
        and any(_of_map(o) for o in lists)
    ):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a map unnested in a LEFT JOIN",
            "CROSS JOIN it, and join the result to the table again",
        )
    alias = node.args.get("alias")
    columns = alias.args.get("columns") if alias is not None else None
    names = [
        writer.sql(one) for one in columns or [e.args["alias"] for e in node.this.expressions]
    ]
    told = []
    for one in lists:
        held = kind(one)
        if not isinstance(held, Array):
            raise NotOnSparkError.part(
                f"{writer.original(node)}: unnest of what is no plain list"
            )
        told.append(f"COALESCE({writer.sql(one)}, CAST(ARRAY() AS {spark_name(held)}))")
    name = writer.sql(alias, "this") if alias is not None else "`unnest`"
    rows = f"EXPLODE({told[0]})" if len(told) == 1 else f"INLINE(ARRAYS_ZIP({', '.join(told)}))"
    word = "LATERAL " if isinstance(node.parent, exp.Join) else ""
    return f"{word}{rows} AS {name}({', '.join(names)})"


def _of_map(node: exp.Expression) -> bool:
    """Whether a list is made of a map: Spark takes none out of an outer query there."""
    return any(
        isinstance(one, exp.MapKeys)
        or isinstance(kind(cast("exp.Expression", one)), Map)
        or str(one.meta.get(EXACT, "")).startswith("MAP(")
        or (isinstance(one, exp.Anonymous) and one.name.lower().startswith("map_"))
        for one in node.walk()
    )


def exploded(writer: Writer, node: exp.Explode) -> str:
    """`unnest(list)`, where Spark takes it: no rows for null and for an empty list."""
    return f"EXPLODE({writer.sql(node.this)})"


def from_list(writer: Writer, node: exp.Unnest) -> str:
    """`from unnest(list) as t(x)`, also of a list of the tables before it."""
    alias = node.args.get("alias")
    join = node.parent
    crossed = isinstance(join, exp.Join) and not (join.side or join.args.get("on"))
    plain = len(node.expressions) == 1 and not node.args.get("offset")
    if not plain or not (crossed or isinstance(join, exp.From)):
        raise NotOnSparkError.part(
            writer.original(node), "unnest one list, in from or a cross join"
        )
    if not isinstance(kind(node.expressions[0]), Array):
        raise NotOnSparkError.part(f"{writer.original(node)}: unnest of what is no plain list")
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    name = writer.sql(alias, "this") if isinstance(alias, exp.TableAlias) else "`unnest`"
    column = writer.sql(columns[0]) if columns else "`unnest`"
    told = f"EXPLODE({writer.sql(node.expressions[0])}) AS {name}({column})"
    return f"LATERAL {told}" if crossed else told


def series(writer: Writer, node: exp.GenerateSeries) -> str:
    """`generate_series(a, b, step)` and `range(a, b, step)`, as a list or a table."""
    if isinstance(node.parent, exp.Table):
        return _table(writer, node)
    found = writer.kind_of(node)
    inner = found.element if isinstance(found, Array) else found
    start, end = (f"CAST({writer.sql(node.args[one])} AS {spark_name(inner)})"
                  for one in ("start", "end"))  # fmt: skip
    step, back = _step(writer, node, inner)
    whole = is_whole(inner)
    last = end
    if node.args.get("is_end_exclusive"):
        near = "1" if whole else "INTERVAL '0.000001' SECOND"
        last = f"({end} {'+' if back else '-'} {near})"
    mark = ">=" if back else "<="
    empty = f"CAST(ARRAY() AS {spark_name(found)})"
    beyond = f"{start} {mark} {end}" if last == end else f"{start} {mark[0]} {end}"
    return (
        f"(CASE WHEN {beyond} THEN SEQUENCE({start}, {last}, {step}) "
        f"WHEN NOT ({beyond}) THEN {empty} END)"
    )


def _place(select: exp.Select, node: exp.Explode, *, alone: bool) -> None:
    """Leave an `unnest` that is a column by itself; put another into a LATERAL VIEW."""
    told = source(node)
    if not isinstance(kind(cast("exp.Expression", node.this)), Array):
        raise NotOnSparkError.part(f"{told}: unnest of what is no plain list")
    if not alone:
        raise NotOnSparkError.part(f"{told} beside another unnest", "unnest them one by one")
    if any(column.find(exp.Window) for column in select.expressions):
        raise NotOnSparkError.part(f"{told} beside a window", "unnest in a subquery")
    parent = node.parent
    if parent is select or (isinstance(parent, exp.Alias) and parent.parent is select):
        return
    if any(one.is_star for one in select.expressions):
        raise NotOnSparkError.part(f"{told} in an expression beside *", "name the columns")
    if select.args.get("from_") is None:
        raise NotOnSparkError.part(f"{told} in an expression without a table")
    view = exp.Lateral(
        this=node.copy(),
        view=True,
        alias=exp.TableAlias(
            this=exp.to_identifier(f"{_ITEM}s"), columns=[exp.to_identifier(_ITEM)]
        ),
    )
    _keep_kinds(node, cast("exp.Expression", view.this))
    select.append("laterals", view)
    column = exp.column(_ITEM)
    column.meta.update(node.meta)
    node.replace(column)


def _keep_kinds(node: exp.Expression, copy: exp.Expression) -> None:
    for one, other in zip(node.walk(), copy.walk(), strict=True):
        other.meta.update(one.meta)


def _table(writer: Writer, node: exp.GenerateSeries) -> str:
    ends = [node.args["start"], node.args["end"]]
    step = node.args.get("step") or exp.Literal.number(1)
    numbers = [_number(one) for one in (*ends, step)]
    if any(one is None for one in numbers) or not numbers[2]:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a series that is no plain numbers",
            "write select unnest(generate_series(…)) as …",
        )
    first, last, by = cast("list[int]", numbers)
    if not node.args.get("is_end_exclusive"):
        last += 1 if by > 0 else -1
    return f"RANGE({first}, {last}, {by})"


def _step(writer: Writer, node: exp.GenerateSeries, inner: Type) -> tuple[str, bool]:
    """Return a step in Spark's SQL, and whether it goes backwards."""
    step = node.args.get("step")
    if is_whole(inner):
        by = 1 if step is None else _number(step)
        if by:
            return str(by), by < 0
    elif isinstance(step, exp.Interval) and is_scalar(inner, "timestamp", "timestamp_ntz"):
        unit = str(step.args["unit"].name if step.args.get("unit") else "").upper()
        amount = str(step.this.this) if isinstance(step.this, exp.Literal) else ""
        if unit.removesuffix("S") in _STEPS and amount.isdigit() and int(amount):
            return f"INTERVAL '{amount}' {unit.removesuffix('S')}", False
    raise NotOnSparkError.part(
        f"{writer.original(node)}: a step that is no plain number, or an interval of days or less"
    )


def _number(node: exp.Expression) -> int | None:
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or not str(inner.this).isdigit() or inner.is_string:
        return None
    return -int(inner.this) if isinstance(node, exp.Neg) else int(inner.this)


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.Explode: exploded,
    exp.Unnest: from_list,
    exp.GenerateSeries: series,
}
