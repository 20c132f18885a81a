r"""Whether a value could be of another type, as a SQL condition.

Pure. Which texts are of a type follows Spark's casts, as AWS's own executor does (awslabs/deequ,
`ColumnDataTypeRule`); it is spelt out with patterns, since engines differ in what they cast:
DuckDB reads `1e3` as an integer, Spark reads `12.5` as 12. Null is of no type.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-ColumnDataType.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Scalar
from lakeworks.quality.comparison.literals import (
    IncomparableError,
    RuleFailedError,
    is_number,
    is_text,
)

if TYPE_CHECKING:
    from lakeworks.core.types import Field

_SCALARS = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "INTEGER": "int",
    "LONG": "bigint",
    "DOUBLE": "double",
    "FLOAT": "float",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_WHOLE = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_EXACT = rf"{_WHOLE}(?:[eE][+-]?\d+)?"
_NUMBER = rf"{_EXACT}[dDfF]?"
_NO_NUMBER = r"[+-]?(?i:inf|infinity|nan)"
_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_MONTH = r"\d{4}-\d{1,2}"
_YEAR = r"\d{4}"
_CLOCK = r"(?:[01]?\d|2[0-3])(?::[0-5]?\d(?::[0-5]?\d(?:\.\d{0,9})?)?)?"
_ZONE = r"(?:\s*(?:Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?))?"
_TRUTHS = ("t", "true", "y", "yes", "1", "f", "false", "n", "no", "0")
_FORMATS = frozenset(
    sign.join(parts)
    for sign in "-/"
    for parts in (
        ("dd", "MM", "yyyy"), ("MM", "dd", "yyyy"), ("yyyy", "MM", "dd"),
        ("MM", "yyyy"), ("dd", "MM"), ("MM", "dd"), ("yyyy", "MM"),
    )
)  # fmt: skip
_TIMES = ("date", "timestamp", "timestamp_ntz")


def castable(column: Field, type_name: str, date_format: str | None) -> str:
    """Return the condition that a value could be of a type: true or false, never null.

    Args:
        type_name: As DQDL writes it, in any case.
        date_format: How texts write a date; for DATE only.

    Raises:
        RuleFailedError: there is no such type or format.
        IncomparableError: no value of the column can be of that type.
    """
    wanted = type_name.strip().upper()
    decimal = _DECIMAL.fullmatch(wanted)
    if decimal is None and wanted not in _SCALARS:
        known = ", ".join([*_SCALARS, "DECIMAL(p,s)"])
        raise RuleFailedError(f"Unrecognized data type: {type_name}; known are {known}")
    sql_type = f"decimal({decimal[1]}, {decimal[2]})" if decimal else _SCALARS[wanted]
    if decimal and not 0 < int(decimal[1]) <= 38 >= int(decimal[2]):  # noqa: PLR2004
        raise RuleFailedError(f"{type_name}: a decimal has 1 to 38 digits")
    if date_format and sql_type == "date" and date_format not in _FORMATS:
        known = ", ".join(sorted(_FORMATS))
        raise RuleFailedError(f"the date format {date_format!r} is unknown; known: {known}")
    name = quote_identifier(column.name)
    if is_text(column.type):
        return f"coalesce({_readable(name, sql_type, date_format)}, false)"
    return _converted(column, name, sql_type)


def _converted(column: Field, name: str, wanted: str) -> str:
    """Return the condition for a column that is no text."""
    type_ = column.type
    moment = isinstance(type_, Scalar) and type_.name in _TIMES
    truth = type_ == Scalar("boolean")
    if not (moment or truth or is_number(type_)):
        raise IncomparableError(f"{column.name} is {type_}, which is never read as {wanted}")
    if moment:
        if wanted not in {"date", "timestamp"}:
            raise IncomparableError(
                f"{column.name} is {type_}, which is never read as {wanted}"
            )
        return f"{name} is not null"
    if wanted == "date" or (wanted == "timestamp" and truth):
        raise IncomparableError(f"{column.name} is {type_}, which is never read as {wanted}")
    if truth or wanted in {"boolean", "double", "timestamp"}:
        return f"{name} is not null"
    return f"(try_cast({name} as {wanted}) is not null)"


def _readable(name: str, wanted: str, date_format: str | None) -> str:
    text = f"trim({name})"
    match wanted:
        case "boolean":
            return f"lower({text}) in ({', '.join(map(quote_literal, _TRUTHS))})"
        case "int" | "bigint":
            # Spark leaves the fraction out, so what counts is the part before it.
            whole = f"regexp_extract({text}, '^[+-]?[0-9]*', 0)"
            digits = f"case when {whole} in ('', '+', '-') then '0' else {whole} end"
            fits = f"try_cast({digits} as {wanted}) is not null"
            return f"({_matches(text, _WHOLE)} and {fits})"
        case "double" | "float":
            return _matches(text, f"(?:{_NUMBER}|{_NO_NUMBER})")
        case "date":
            return _formatted(name, date_format) if date_format else _date(text, r"(?:[ T].*)?")
        case "timestamp":
            return _date(text, rf"(?:[ T]{_CLOCK}{_ZONE})?")
        case _:
            return f"({_matches(text, _EXACT)} and try_cast({text} as {wanted}) is not null)"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {quote_literal(pattern)})"


def _date(text: str, rest: str) -> str:
    """Return the condition of a date: a year, a year and month, or a day with something after."""
    day = f"regexp_extract({text}, {quote_literal('^' + _DAY)}, 0)"
    whole = f"{_matches(text, _DAY + rest)} and try_cast({day} as date) is not null"
    first = f"try_cast(concat({text}, '-01') as date)"
    month = f"{_matches(text, _MONTH)} and {first} is not null"
    return f"(({whole}) or ({month}) or {_matches(text, _YEAR)})"


def _formatted(name: str, date_format: str) -> str:
    """Return the condition of a date in a format; a day or year it lacks is filled in."""
    pattern = re.sub(r"[dMy]", r"\\d", date_format)
    found = {
        part: f"substr({name}, {date_format.index(part) + 1}, {len(part)})"
        for part in ("yyyy", "MM", "dd")
        if part in date_format
    }
    year, month = found.get("yyyy", "'2000'"), found["MM"]
    day = found.get("dd", "'01'")
    built = f"try_cast(concat({year}, '-', {month}, '-', {day}) as date)"
    return f"({_matches(name, pattern)} and {built} is not null)"
