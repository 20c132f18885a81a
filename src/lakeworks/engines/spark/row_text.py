"""Values as text, byte for byte as the embedded engine writes them.

Pure. Rejected rows are told as JSON, rows are hashed as text, and rows that tie are put in order
by their JSON: in all three both engines must agree. Spark's own `to_json` writes decimals, doubles
and timestamps otherwise. All expressions are Spark's own functions, so nothing leaves the JVM.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct
from lakeworks.engines.spark.casting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import Column

    from lakeworks.core.types import Field, Schema, Type

_UNIT = "\x1f"
_AS_DOUBLE_DIGITS = 15
# Decimals of so many digits are all told apart: by a double, by a float.
_SURE_DIGITS = (15, 6)
_TINY = (1e-300, 1e-37)
_WHOLE = (1e16, 9e18)  # without fraction, and as a bigint without error
_ESCAPED = r'["\\\x00-\x1f]'


def row_json(schema: Schema, names: Sequence[str]) -> Column:
    """Return columns as the text of one JSON object, in the order of `names`."""
    from pyspark.sql import functions as f

    fields = [found for name in names if (found := schema.get(name)) is not None]
    if not fields:
        return f.lit("{}")
    return _object([(field, f.col(quoted(field.name))) for field in fields], names)


def row_text(schema: Schema) -> Column:
    """Return a row as the text that is hashed; see `engines/duckdb/columns.py`."""
    from pyspark.sql import functions as f

    fields = [(f.col(quoted(field.name)), field.type) for field in schema]
    parts = [_hashed(value, kind) for value, kind in fields]
    parts += [
        f.octet_length(_hashed(value, kind)).cast("string")
        for value, kind in fields
        if _is_text(kind)
    ]
    return f.concat_ws(_UNIT, *(f.coalesce(part, f.lit("")) for part in parts))


def record_hash(schema: Schema) -> Column:
    """Return the SHA-256 of a row's text, in lower-case hex."""
    from pyspark.sql import functions as f

    return f.sha2(row_text(schema), 256)


def _is_text(kind: Type) -> bool:
    nested = isinstance(kind, Array | Map | Struct)
    return nested or kind in {Scalar("string"), Scalar("binary")}


def _hashed(value: Column, kind: Type) -> Column:
    from pyspark.sql import functions as f

    match kind:
        case Array() | Map() | Struct():
            return f.when(value.isNotNull(), _json(value, kind))
        case Scalar("timestamp"):
            return f.unix_micros(value).cast("string")
        case Scalar("timestamp_ntz"):
            return f.unix_micros(value.cast("timestamp")).cast("string")
        case Scalar("binary"):
            return f.hex(value)
        case _:
            return _varchar(value, kind)


def _varchar(value: Column, kind: Type) -> Column:
    """Return a value as its cast to text gives it; null stays null."""
    from pyspark.sql import functions as f

    match kind:
        case Scalar("string"):
            return value
        case Scalar("double") | Scalar("float"):
            return _number(value, kind, json_style=False)
        case Scalar("date") | Scalar("timestamp_ntz"):
            return _unsigned(value)
        case Scalar("timestamp"):
            return f.concat(_unsigned(value), f.lit("+00"))
        case Scalar("binary"):
            return _blob(value)
        case Scalar() | Decimal():  # with all digits, by ANSI rules
            return value.cast("string")
        case _:
            return _json(value, kind)


def _json(value: Column, kind: Type) -> Column:
    """Return a value as JSON; null is `null`."""
    from pyspark.sql import functions as f

    match kind:
        case Struct(fields):
            text = _object([(one, value.getField(one.name)) for one in fields])
        case Array(element):
            items = f.transform(value, lambda item: _json(item, element))
            text = f.concat(f.lit("["), f.array_join(items, ","), f.lit("]"))
        case Map(key, held):
            pairs = f.transform(
                f.map_entries(value),
                lambda pair: f.concat(
                    _string(_varchar(pair.getField("key"), key)),
                    f.lit(":"),
                    _json(pair.getField("value"), held),
                ),
            )
            text = f.concat(f.lit("{"), f.array_join(pairs, ","), f.lit("}"))
        case Scalar("double") | Scalar("float"):
            text = _number(value.cast("double"), Scalar("double"), json_style=True)
        case Decimal(precision, _) if precision <= _AS_DOUBLE_DIGITS:
            text = _number(value.cast("double"), Scalar("double"), json_style=True)
        case Decimal() | Scalar("boolean" | "tinyint" | "smallint" | "int" | "bigint"):
            text = value.cast("string")
        case _:
            text = _string(_varchar(value, kind))
    return f.when(value.isNull(), f.lit("null")).otherwise(text)


def _object(parts: Sequence[tuple[Field, Column]], names: Sequence[str] = ()) -> Column:
    from pyspark.sql import functions as f

    told = names or [field.name for field, _ in parts]
    pieces: list[Column] = []
    before = "{"
    for (field, value), name in zip(parts, told, strict=True):
        label = json.dumps(name, ensure_ascii=False)
        pieces += [f.lit(f"{before}{label}:"), _json(value, field.type)]
        before = ","
    return f.concat(*pieces, f.lit("}"))


def _string(text: Column) -> Column:
    """Return a text as a JSON string."""
    from pyspark.sql import functions as f

    # Few texts hold a mark that must be escaped: only these go through Spark's JSON writer.
    listed = f.to_json(f.array(text))
    escaped = f.substring(listed, f.lit(2), f.length(listed) - 2)
    plain = f.concat(f.lit('"'), text, f.lit('"'))
    return f.when(text.rlike(_ESCAPED), escaped).otherwise(plain)


def _unsigned(value: Column) -> Column:
    """Return a date or moment; Spark puts a plus before years of five digits."""
    from pyspark.sql import functions as f

    return f.ltrim(value.cast("string"), f.lit("+"))


def _blob(value: Column) -> Column:
    """Return bytes: printable ones as they are, others by their hex digits."""
    from pyspark.sql import functions as f

    def one(at: Column) -> Column:
        byte = f.substring(value, at, f.lit(1))
        text = byte.cast("string")
        shown = f.hex(byte).between("20", "7E") & ~text.isin("\\", "'", '"')
        return f.when(shown, text).otherwise(f.concat(f.lit("\\x"), f.hex(byte)))

    places = f.sequence(f.lit(1), f.octet_length(value))
    text = f.array_join(f.transform(places, one), "")
    return f.when(f.octet_length(value) == 0, f.lit("")).otherwise(text)


def _number(value: Column, kind: Type, *, json_style: bool) -> Column:
    """Return a float by its shortest digits, as the embedded engine's text or JSON shows it."""
    from pyspark.sql import functions as f

    text = value.cast("string")
    # The common case needs no more than Java's own text, which then is the shortest.
    short = ~text.contains("E") & (f.length(text) <= _plain_length(kind))
    nan, inf = ("NaN", "Infinity") if json_style else ("nan", "inf")
    sign = f.when(text.startswith("-"), f.lit("-")).otherwise(f.lit(""))
    found = _let(_digits(_exact(value)), lambda parts: _shortest(parts, value, kind))
    laid_out = _let(
        found,
        lambda parts: _laid_out(parts["digits"], parts["point"], json_style=json_style),
    )
    return (
        f.when(value.isNull(), None)
        .when(f.isnan(value), f.lit(nan))
        .when(value == float("inf"), f.lit(inf))
        .when(value == float("-inf"), f.lit(f"-{inf}"))
        .when(short, text)
        .otherwise(f.concat(sign, laid_out))
    )


def _let(value: Column, use: Callable[[Column], Column]) -> Column:
    """Return what `use` makes of a value that is computed once, however often it is used."""
    from pyspark.sql import functions as f

    return f.element_at(f.transform(f.array(value), use), 1)


def _plain_length(kind: Type) -> int:
    return _SURE_DIGITS[kind == Scalar("float")] + 1


def _exact(value: Column) -> Column:
    """Return a float's digits, so many that rounding them once more is no second rounding."""
    from pyspark.sql import functions as f

    double = f.abs(value).cast("double")
    whole = f.concat(double.try_cast("bigint").cast("string"), f.lit(".0"))
    return f.when(double.between(*_WHOLE), whole).otherwise(double.cast("string"))


def _digits(text: Column) -> Column:
    """Return a number's digits, and where its point is: 0.digits times ten to it."""
    from pyspark.sql import functions as f

    mantissa = f.substring_index(text, "E", 1)
    power = f.when(
        text.contains("E"), f.substring_index(text, "E", -1).try_cast("int")
    ).otherwise(f.lit(0))
    whole = f.substring_index(mantissa, ".", 1)
    every = f.concat(whole, f.substring_index(mantissa, ".", -1))
    cut = f.ltrim(every, f.lit("0"))
    point = f.length(whole) - (f.length(every) - f.length(cut)) + power
    return f.struct(f.rtrim(cut, f.lit("0")).alias("digits"), point.alias("point"))


def _shortest(parts: Column, value: Column, kind: Type) -> Column:
    """Return the least digits that read back as the value: Java before 19 may give more."""
    from pyspark.sql import functions as f

    digits, point = parts["digits"], parts["point"]
    single = kind == Scalar("float")
    least = _SURE_DIGITS[single]
    # The smallest numbers of all have fewer digits than others.
    tiny = f.abs(value) < f.lit(_TINY[single]).cast(str(kind))
    sizes = f.sequence(f.when(tiny, f.lit(1)).otherwise(f.lit(least)), f.lit(least + 3))

    def rounded(size: Column) -> Column:
        head = f.substring(digits, f.lit(1), size).try_cast("bigint")
        rest = f.substring(digits, size + 1, f.lit(20))
        up = (rest > "5") | ((rest == "5") & (head % 2 == 1))  # a half goes to the even digit
        text = f.when(up, head + 1).otherwise(head).cast("string")
        moved = point + f.length(text) - size
        near = f.concat(f.lit("0."), text, f.lit("e"), moved.cast("string"))
        return f.when(
            near.try_cast(str(kind)) == f.abs(value),
            f.struct(f.rtrim(text, f.lit("0")).alias("digits"), moved.alias("point")),
        )

    found = f.filter(f.transform(sizes, rounded), lambda one: one.isNotNull())
    kept = f.when(f.length(digits) <= f.when(tiny, f.lit(1)).otherwise(f.lit(least)), parts)
    return f.coalesce(kept, f.get(found, f.lit(0)), parts)


def _laid_out(digits: Column, point: Column, *, json_style: bool) -> Column:
    from pyspark.sql import functions as f

    exponent = point - 1
    least, most = (-6, 20) if json_style else (-4, 15)
    length = f.length(digits)
    below = f.concat(f.lit("0."), f.repeat(f.lit("0"), -point), digits)
    whole = f.concat(f.rpad(digits, point, "0"), f.lit(".0"))
    between = f.concat(
        f.substring(digits, f.lit(1), point), f.lit("."), f.substring(digits, point + 1, length)
    )
    fixed = f.when(point <= 0, below).when(length <= point, whole).otherwise(between)
    rest = f.substring(digits, f.lit(2), length)
    fraction = f.when(length > 1, f.concat(f.lit("."), rest)).otherwise(f.lit(""))
    power = exponent.cast("string")
    if not json_style:
        mark = f.when(exponent < 0, f.lit("-")).otherwise(f.lit("+"))
        size = f.abs(exponent).cast("string")
        power = f.concat(mark, f.lpad(size, f.greatest(f.length(size), f.lit(2)), "0"))
    science = f.concat(f.substring(digits, 1, 1), fraction, f.lit("e"), power)
    return f.when(exponent.between(least, most), fixed).otherwise(science)
