"""Casts from the lake's SQL to Spark's: what each rounds to, and which texts it can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.lake_sql import LakeSql
from lakeworks.engines.spark.sql_types import is_float, is_scalar, is_whole, kind, spark_name
from lakeworks.engines.spark.translation import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.types import Type
    from lakeworks.engines.spark.sql_writer import Writer

_DAY = r"^\\s*(\\d{4,6})([-/ ])(\\d{1,2})\\2(\\d{1,2})"
_MOMENT = (
    _DAY + r"(?:(?:[ T]\\s*)(\\d{1,2}:\\d{1,2}(?::\\d{1,2}(?:\\.\\d*)?)?)\\s*"
    r"(Z|UTC|[+-]\\d{2}(?::?\\d{2})?)?)?\\s*$"
)
_NUMBER_LETTER = r"[0-9.][dDfF]\\s*$|[\\x00-\\x08\\x0E-\\x1F]"


_WITHOUT_COUNTERPART = frozenset({
    exp.DType.INT128, exp.DType.UINT128, exp.DType.UBIGINT, exp.DType.UINT, exp.DType.USMALLINT,
    exp.DType.UTINYINT,
})  # fmt: skip


def conversion(writer: Writer, node: exp.Cast | exp.TryCast) -> str:
    """`cast(a as t)` and `try_cast(a as t)`."""
    word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
    to = writer.kind_of(node)
    value = writer.sql(node.this)
    held = kind(node.this)
    refuse_unknown(writer, node, to)
    if isinstance(node.this, exp.Null) or (held is not None and held == to):
        return f"{word}({value} AS {spark_name(to)})"
    if held is None and not isinstance(node.this, exp.Literal):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a cast of something whose type is not plain",
            "cast it in a subquery",
        )
    return _by_type(writer, node, word, value, to)


def _by_type(
    writer: Writer, node: exp.Cast | exp.TryCast, word: str, value: str, to: Type
) -> str:
    held = kind(node.this)
    if is_scalar(held, "string"):
        return from_text(word, value, to)
    if is_scalar(to, "string"):
        return as_text(writer, node.this, value)
    if is_whole(to) and is_float(held):
        return f"{word}(RINT({value}) AS {spark_name(to)})"
    if is_whole(to) and isinstance(held, Decimal):
        return f"{word}(ROUND({value}, 0) AS {spark_name(to)})"
    if isinstance(to, Decimal) and is_float(held):
        return _float_to_decimal(word, value, to)
    if _same_shape(held, to):
        return f"{word}({value} AS {spark_name(to)})"
    raise NotOnSparkError.part(f"{writer.original(node)}: a cast from {held} to {to}")


def _float_to_decimal(word: str, value: str, to: Decimal) -> str:
    # As the lake rounds: the double is multiplied first, then rounded to a whole number.
    whole = f"{word}(ROUND(CAST({value} AS DOUBLE) * 1E{to.scale}D, 0) AS DECIMAL(38, 0))"
    if word == "CAST":
        # Spark casts what is not finite to null.
        failed = "CAST(RAISE_ERROR('a number that is not finite') AS DECIMAL(38, 0))"
        endless = f"ISNAN({value}) OR ABS({value}) = DOUBLE('Infinity')"
        whole = f"(CASE WHEN {endless} THEN {failed} ELSE {whole} END)"
    if to.scale == 0:
        return f"{word}({whole} AS {spark_name(to)})"
    unit = f"CAST('1E-{to.scale}' AS DECIMAL({to.scale}, {to.scale}))"
    return f"{word}({whole} * {unit} AS {spark_name(to)})"


def from_text(word: str, value: str, to: Type) -> str:
    """Read a text as another type; what the lake's dialect cannot read is bad here too."""
    name = spark_name(to)
    match to:
        case Scalar("tinyint" | "smallint" | "int" | "bigint"):
            # Reads 1.5 and 1e3 too, and rounds halves away from zero.
            told = f"{word}({_plain_number(value)} AS DECIMAL(38, 18))"
            return f"{word}(ROUND({told}, 0) AS {name})"
        case Scalar("float" | "double"):
            bad = f"{value} RLIKE '{_NUMBER_LETTER}'"
            return f"{word}(IF({bad}, CONCAT({value}, '{UNREADABLE}'), {value}) AS {name})"
        case Scalar("date"):
            pattern = _DAY + "(?![0-9])(?s:.*)$"
            return f"{word}({_read(value, pattern, '$1-$3-$4')} AS DATE)"
        case Scalar("timestamp" | "timestamp_ntz"):
            return f"{word}({_read(value, _MOMENT, '$1-$3-$4 $5$6')} AS {name})"
        case Scalar("boolean"):
            padded = f"{value} RLIKE '[^0-9a-zA-Z]'"
            return f"{word}(IF({padded}, CONCAT('{UNREADABLE}', {value}), {value}) AS BOOLEAN)"
        case Decimal():
            return f"{word}({_plain_number(value)} AS {name})"
        case Scalar("string" | "binary"):
            return f"{word}({value} AS {name})"
        case _:
            raise NotOnSparkError.part(f"a cast of text to {to}")


def _plain_number(value: str) -> str:
    """Return a text as it is, or one that no number is if it holds what no number does.

    Spark reads digits of all scripts, and passes over marks that do not print.
    """
    odd = r"[^0-9.eE+\\- \\t-\\r]"
    return f"IF({value} RLIKE '{odd}', CONCAT({value}, '{UNREADABLE}'), {value})"


def as_text(writer: Writer, node: exp.Expression, value: str) -> str:
    """Write a value as the lake's dialect does."""
    held = kind(node)
    match held:
        case Scalar("string"):
            return value
        case Scalar("timestamp"):
            return f"CONCAT(LTRIM('+', CAST({value} AS STRING)), '+00')"
        case Scalar("date" | "timestamp_ntz"):
            # Spark puts a plus before years of five digits.
            return f"LTRIM('+', CAST({value} AS STRING))"
        case Scalar("boolean" | "tinyint" | "smallint" | "int" | "bigint") | Decimal():
            return f"CAST({value} AS STRING)"
        case _:
            raise NotOnSparkError.part(
                f"{writer.original(node)}: {held or 'a value of unclear type'} as text",
                "cast it to decimal first: engines write doubles each in their own way",
            )


def refuse_unknown(writer: Writer, node: exp.Cast | exp.TryCast, to: Type) -> None:
    """Refuse types that tables have no name for, which `kind` tells as text."""
    said = node.to.this
    known = {exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR, exp.DType.NCHAR,
             exp.DType.NVARCHAR}  # fmt: skip
    if (is_scalar(to, "string") and said not in known) or said in _WITHOUT_COUNTERPART:
        raise NotOnSparkError.part(f"{writer.original(node)}: the type {node.to.sql(LakeSql)}")


def _read(value: str, pattern: str, parts: str) -> str:
    """Return a date or time as Spark reads it, or a text that nothing reads."""
    good = f"RTRIM(REGEXP_REPLACE({value}, '{pattern}', '{parts}'))"
    return f"IF({value} RLIKE '{pattern}', {good}, CONCAT('{UNREADABLE}', {value}))"


def _same_shape(held: Type | None, to: Type) -> bool:
    """Whether both engines cast these without rounding or reading of text."""
    match held, to:
        case Scalar(), Scalar():
            return _plain(held.name, to.name)
        case Scalar(name), Decimal():
            return is_whole(held) or name == "boolean"
        case Decimal(), Decimal() | Scalar("double" | "float"):
            return True
        case Array(a), Array(b):
            return a == b or _same_shape(a, b)
        case Map(a, b), Map(c, d):
            return (a == c or _same_shape(a, c)) and (b == d or _same_shape(b, d))
        case Struct(a), Struct(b):
            names = [f.name.casefold() for f in a] == [f.name.casefold() for f in b]
            return names and all(
                x.type == y.type or _same_shape(x.type, y.type)
                for x, y in zip(a, b, strict=True)
            )
        case _:
            return False


def _plain(held: str, to: str) -> bool:
    numbers = {"tinyint", "smallint", "int", "bigint", "float", "double", "boolean"}
    whole = {"tinyint", "smallint", "int", "bigint", "boolean"}
    times = {"date", "timestamp", "timestamp_ntz"}
    if held in times and to in times:
        return True
    if held in whole and to in numbers:
        return True
    return {held, to} <= {"float", "double"}


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.Cast: conversion,
    exp.TryCast: conversion,
}
