"""Dates and times from the lake's SQL to Spark's. Both sessions compute in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.patterns import java_format
from lakeworks.engines.spark.sql_texts import literal_text, text_literal
from lakeworks.engines.spark.sql_types import is_scalar, is_whole, kind, spark_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer

_TIMES = ("date", "timestamp", "timestamp_ntz")
_UNITS = frozenset({
    "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND",
})  # fmt: skip
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600}
_PARTS = {
    "YEAR": "YEAR({0})", "QUARTER": "QUARTER({0})", "MONTH": "MONTH({0})", "DAY": "DAY({0})",
    "WEEK": "WEEKOFYEAR({0})", "DOY": "DAYOFYEAR({0})", "DAYOFYEAR": "DAYOFYEAR({0})",
    "DOW": "(DAYOFWEEK({0}) - 1)", "DAYOFWEEK": "(DAYOFWEEK({0}) - 1)",
    "WEEKDAY": "(DAYOFWEEK({0}) - 1)", "ISODOW": "(WEEKDAY({0}) + 1)",
    "HOUR": "HOUR({0})", "MINUTE": "MINUTE({0})", "SECOND": "SECOND({0})",
    "ISOYEAR": "EXTRACT(YEAROFWEEK FROM {0})",
}  # fmt: skip
_PART_CLASSES: dict[type[exp.Expression], str] = {
    exp.Year: "YEAR", exp.Quarter: "QUARTER", exp.Month: "MONTH", exp.Day: "DAY",
    exp.DayOfMonth: "DAY", exp.Week: "WEEK", exp.WeekOfYear: "WEEK", exp.DayOfYear: "DOY",
    exp.DayOfWeek: "DOW", exp.DayOfWeekIso: "ISODOW", exp.Hour: "HOUR", exp.Minute: "MINUTE",
    exp.Second: "SECOND",
}  # fmt: skip


def moved(writer: Writer, node: exp.Add | exp.Sub) -> str | None:
    """Return a date or time plus or minus something, or None if this is of numbers."""
    left, right = kind(node.this), kind(node.expression)
    span = _interval(node.expression) or _interval(node.this)
    if span is None and not (is_scalar(left, *_TIMES) or is_scalar(right, *_TIMES)):
        return None
    add = isinstance(node, exp.Add)
    if span is not None:
        base = node.this if _interval(node.expression) else node.expression
        return _shifted(writer, node, base, span, add=add)
    if is_scalar(left, "date") and is_whole(right):
        name = "DATE_ADD" if add else "DATE_SUB"
        return f"{name}({writer.sql(node.this)}, CAST({writer.sql(node.expression)} AS INT))"
    if is_scalar(right, "date") and is_whole(left) and add:
        return f"DATE_ADD({writer.sql(node.expression)}, CAST({writer.sql(node.this)} AS INT))"
    if is_scalar(left, "date") and is_scalar(right, "date") and not add:
        return f"DATEDIFF({writer.sql(node.this)}, {writer.sql(node.expression)})"
    raise NotOnSparkError.part(
        f"{writer.original(node)}: {left} and {right}", "write date_diff('second', a, b)"
    )


def added(writer: Writer, node: exp.DateAdd | exp.DateSub) -> str:
    """`date_add(a, interval)`."""
    span = _interval(node.expression)
    if span is None:
        raise NotOnSparkError.part(f"{writer.original(node)}", "write a + interval 1 day")
    return _shifted(writer, node, node.this, span, add=isinstance(node, exp.DateAdd))


def truncated(writer: Writer, node: exp.TimestampTrunc | exp.DateTrunc) -> str:
    """`date_trunc(unit, a)`."""
    unit = _unit(writer, node)
    told = f"DATE_TRUNC('{unit}', {writer.sql(node.this)})"
    return f"CAST({told} AS {spark_name(writer.kind_of(node))})"


def difference(writer: Writer, node: exp.DateDiff) -> str:
    """`date_diff(unit, a, b)`: how many boundaries of the unit lie between a and b."""
    unit = _unit(writer, node)
    end, start = writer.sql(node.this), writer.sql(node.expression)
    match unit:
        case "DAY":
            return f"DATEDIFF({end}, {start})"
        case "WEEK":
            raise NotOnSparkError.part(
                f"{writer.original(node)}: a difference in weeks",
                "write date_diff('day', date_trunc('week', a), date_trunc('week', b)) // 7",
            )
        case "YEAR":
            return f"(YEAR({end}) - YEAR({start}))"
        case "MONTH":
            return f"(12 * (YEAR({end}) - YEAR({start})) + MONTH({end}) - MONTH({start}))"
        case "QUARTER":
            return f"(4 * (YEAR({end}) - YEAR({start})) + QUARTER({end}) - QUARTER({start}))"
        case _:
            seconds = [
                f"UNIX_SECONDS(CAST(DATE_TRUNC('{unit}', {one}) AS TIMESTAMP_LTZ))"
                for one in (end, start)
            ]
            return f"(({seconds[0]} - {seconds[1]}) DIV {_SECONDS[unit]})"


def part(writer: Writer, node: exp.Expression) -> str:
    """`year(a)`, `extract(year from a)` and their like."""
    if isinstance(node, exp.Extract):
        name, value = node.this.name.upper(), node.expression
    else:
        name, value = _PART_CLASSES[type(node)], node.this
    name = name.removesuffix("S") if name.removesuffix("S") in _PARTS else name
    if name == "EPOCH":
        return _epoch(writer, value)
    if name not in _PARTS:
        raise NotOnSparkError.part(f"{writer.original(node)}")
    return f"CAST({_PARTS[name].format(writer.sql(value))} AS BIGINT)"


def epoch(writer: Writer, node: exp.TimeToUnix) -> str:
    """`epoch(a)`: seconds since 1970, with their fraction."""
    return _epoch(writer, node.this)


def from_epoch(writer: Writer, node: exp.UnixToTime) -> str:
    """`to_timestamp(seconds)`; and `epoch_ms(time)`, which sqlglot reads as its inverse."""
    scale = node.args.get("scale")
    held = kind(node.this)
    value = writer.sql(node.this)
    if scale is None:
        return f"TIMESTAMP_MICROS(CAST(RINT(CAST({value} AS DOUBLE) * 1E6D) AS BIGINT))"
    units = {"3": "MILLIS", "6": "MICROS"}.get(scale.name)
    if units is None:
        raise NotOnSparkError.part(f"{writer.original(node)}")
    if is_scalar(held, *_TIMES):
        return f"UNIX_{units}(CAST({value} AS TIMESTAMP_LTZ))"
    return f"CAST(TIMESTAMP_{units}({value}) AS {spark_name(writer.kind_of(node))})"


def in_zone(writer: Writer, node: exp.AtTimeZone) -> str:
    """`a at time zone 'z'`: the wall clock there of a moment; of a wall clock in UTC, the moment."""
    zone = literal_text(writer, node.args["zone"], node)
    value = writer.sql(node.this)
    if is_scalar(kind(node.this), "timestamp"):
        return f"CAST(FROM_UTC_TIMESTAMP({value}, {text_literal(zone)}) AS TIMESTAMP_NTZ)"
    if is_scalar(kind(node.this), "timestamp_ntz", "date") and zone.upper() in {"UTC", "GMT"}:
        return f"CAST({value} AS TIMESTAMP_LTZ)"
    raise NotOnSparkError.part(
        f"{writer.original(node)}: the moment of a wall clock, which may be none or two",
    )


def zone_named(writer: Writer, node: exp.Anonymous) -> str:
    """`timezone('z', a)`."""
    zone, value = node.expressions
    told = exp.AtTimeZone(this=value, zone=zone)
    told.parent = node.parent
    return in_zone(writer, told)


def written(writer: Writer, node: exp.TimeToStr) -> str:
    """`strftime(a, format)`."""
    told = java_format(literal_text(writer, node.args["format"], node))
    return f"DATE_FORMAT({writer.sql(node.this)}, {text_literal(told)})"


def read(writer: Writer, node: exp.StrToTime) -> str:
    """`strptime(a, format)`."""
    return _read(writer, node, node.this, node.args["format"], "TO_TIMESTAMP")


def read_or_null(writer: Writer, node: exp.Anonymous) -> str:
    """`try_strptime(a, format)`."""
    return _read(writer, node, node.expressions[0], node.expressions[1], "TRY_TO_TIMESTAMP")


def named(writer: Writer, node: exp.Monthname | exp.Dayname) -> str:
    """`monthname(a)` and `dayname(a)`, in English."""
    letters = "MMMM" if isinstance(node, exp.Monthname) else "EEEE"
    return f"DATE_FORMAT({writer.sql(node.this)}, '{letters}')"


def date_part(writer: Writer, node: exp.Anonymous) -> str:
    """`date_part(name, a)`."""
    name = literal_text(writer, node.expressions[0], node)
    return part(writer, exp.Extract(this=exp.var(name), expression=node.expressions[1]))


def _shifted(
    writer: Writer, node: exp.Expression, base: exp.Expression, span: exp.Interval, *, add: bool
) -> str:
    unit = (
        str(span.args["unit"].name if span.args.get("unit") else "").upper().removesuffix("S")
    )
    amount = span.this
    if unit not in _UNITS or not isinstance(amount, exp.Literal):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: an interval that is not a number of one unit"
        )
    text = str(amount.this).strip()
    if not text.removeprefix("-").isdigit():
        raise NotOnSparkError.part(
            f"{writer.original(node)}: an interval that is no whole number of one unit"
        )
    if unit == "QUARTER":
        unit, text = "MONTH", str(3 * int(text))
    to = spark_name(writer.kind_of(node))
    mark = "+" if add else "-"
    return f"(CAST({writer.sql(base)} AS {to}) {mark} INTERVAL '{text}' {unit})"


def _interval(node: exp.Expression) -> exp.Interval | None:
    inner = node.this if isinstance(node, exp.Paren) else node
    return inner if isinstance(inner, exp.Interval) else None


def _epoch(writer: Writer, value: exp.Expression) -> str:
    return f"(UNIX_MICROS(CAST({writer.sql(value)} AS TIMESTAMP_LTZ)) / 1E6D)"


def _read(
    writer: Writer, node: exp.Expression, value: exp.Expression, form: exp.Expression, name: str
) -> str:
    given = literal_text(writer, form, node)
    if "%z" in given or "%Z" in given:
        raise NotOnSparkError.part(f"{writer.original(node)}: a format with a zone")
    told = text_literal(java_format(given, reading=True))
    return f"CAST({name}({writer.sql(value)}, {told}) AS TIMESTAMP_NTZ)"


def _unit(writer: Writer, node: exp.Expression) -> str:
    given = node.args.get("unit")
    unit = str(given.name if isinstance(given, exp.Expression) else "").upper()
    unit = unit.removesuffix("S")
    if unit not in _UNITS:
        raise NotOnSparkError.part(f"{writer.original(node)}: the unit {unit.lower()!r}")
    return unit


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.TimestampTrunc: truncated,
    exp.DateTrunc: truncated,
    exp.DateDiff: difference,
    exp.DateAdd: added,
    exp.DateSub: added,
    exp.Extract: part,
    exp.TimeToUnix: epoch,
    exp.UnixToTime: from_epoch,
    exp.TimeToStr: written,
    exp.StrToTime: read,
    exp.Monthname: named,
    exp.Dayname: named,
    exp.AtTimeZone: in_zone,
    **dict.fromkeys(_PART_CLASSES, part),
}
NAMED = {
    "try_strptime": read_or_null,
    "date_part": date_part,
    "datepart": date_part,
    "timezone": zone_named,
}
