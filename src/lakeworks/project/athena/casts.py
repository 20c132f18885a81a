"""Athena's casts: where the lake's own would give another value, or none where it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.athena.calls import place_of
from lakeworks.project.athena.errors import AthenaUnsupportedError
from lakeworks.project.athena.kinds import PARSED, Kind, array_of

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = {
    "FLOAT": "REAL", "INT": "INTEGER", "TEXT": "VARCHAR", "VARBINARY": "BLOB",
    "TIMESTAMPTZ": "TIMESTAMPTZ",
}  # fmt: skip
_DOUBLE_TYPES = "('DOUBLE', 'FLOAT')"
_STAMP = "%Y-%m-%d %H:%M:%S.%g"
_TEXT = "CAST({0} AS VARCHAR)"
_DIGITS = "trim(replace(_t, '.', ''), '0')"
_MANTISSA = f"substr({_DIGITS}, 1, 1) || '.' || CASE WHEN length({_DIGITS}) > 1 THEN substr({_DIGITS}, 2) ELSE '0' END"
_EXPONENT = (
    "CASE WHEN starts_with(_t, '0.') THEN length(ltrim(substr(_t, 3), '0')) - length(_t) + 1 "
    "ELSE strpos(_t, '.') - 2 END"
)
_SCIENTIFIC = (
    "CASE WHEN contains(_t, 'e') THEN CASE WHEN contains(split_part(_t, 'e', 1), '.') "
    "THEN split_part(_t, 'e', 1) ELSE split_part(_t, 'e', 1) || '.0' END || 'E' || "
    "CAST(CAST(split_part(_t, 'e', 2) AS INTEGER) AS VARCHAR) "
    f"ELSE {_MANTISSA} || 'E' || CAST({_EXPONENT} AS VARCHAR) END"
)
# As Java writes a number: with an exponent below a thousandth and from ten million on.
_DOUBLE_TEXT = (
    "list_transform([{0}], lambda _d: CASE WHEN isnan(_d) THEN 'NaN' WHEN isinf(_d) THEN "
    "CASE WHEN _d > 0 THEN 'Infinity' ELSE '-Infinity' END "
    "WHEN _d = 0 OR abs(_d) >= 0.001 AND abs(_d) < 10000000 THEN CAST(_d AS VARCHAR) "
    "ELSE CASE WHEN _d < 0 THEN '-' ELSE '' END || list_transform([CAST(abs(_d) AS VARCHAR)], "
    f"lambda _t: {_SCIENTIFIC})[1] END)[1]"
)
# What may stand in a text that is cast.
READABLE = {
    "int": re.compile(r"[+-]?[0-9]+"),
    "date": re.compile(r"\s*-?[0-9]+-[0-9]{1,2}-[0-9]{1,2}\s*"),
    "bool": re.compile(r"t|true|1|f|false|0", re.IGNORECASE),
}


def type_of(node: exp.DataType) -> tuple[str, Kind]:
    """Return a type of Athena's in the lake's words, and its kind.

    Raises:
        AthenaUnsupportedError: it is none that works here.
    """
    name = node.this.name if hasattr(node.this, "name") else str(node.this)
    given = [one for one in node.expressions if isinstance(one, exp.DataTypeParam)]
    digits = [int(str(one.this.this)) for one in given if isinstance(one.this, exp.Literal)]
    if name == "DECIMAL":
        precision, scale = (*digits, 0, 0)[:2] if digits else (38, 0)
        return f"DECIMAL({precision}, {scale})", Kind("decimal", digits=(precision, scale))
    if name == "ARRAY":
        inner, kind = type_of(node.expressions[0])
        return f"{inner}[]", array_of(kind)
    if name == "MAP":
        inner_types = [type_of(one) for one in node.expressions]
        told = ", ".join(one for one, _ in inner_types)
        return f"MAP({told})", Kind("map", tuple(kind for _, kind in inner_types))
    if name == "STRUCT":
        return _row(node)
    if name not in PARSED:
        told = "the type CHAR(n)" if name == "CHAR" else f"the type {name}"
        hint = "VARCHAR keeps the text as it is" if name == "CHAR" else ""
        raise AthenaUnsupportedError.part(told, *place_of(node), hint)
    return _NAMES.get(name, name), Kind(PARSED[name])


def _row(node: exp.DataType) -> tuple[str, Kind]:
    fields, kinds, names = [], [], []
    for number, one in enumerate(node.expressions):
        named = isinstance(one, exp.ColumnDef)
        told, kind = type_of(one.args["kind"] if named else one)
        name = one.name if named else f"field{number}"
        quoted = '"' + name.replace('"', '""') + '"'
        fields.append(f"{quoted} {told}")
        kinds.append(kind)
        names.append(name)
    return f"STRUCT({', '.join(fields)})", Kind("row", tuple(kinds), tuple(names))


def cast(
    source: Kind, node: exp.DataType, *, tries: bool, literal: str | None = None
) -> tuple[str, Kind]:
    """Return the template of a cast to a type, and the kind that it gives.

    Args:
        literal: The text that is cast, where it is a constant.

    Raises:
        AthenaUnsupportedError: the type, or the way from the source to it, does not work here.
    """
    target, kind = type_of(node)
    word = "TRY_CAST" if tries else "CAST"
    if kind.name == "text":
        return _cut(_to_text(source, node), node), kind
    if kind.name == "json":
        return _to_json(source, node), kind
    if kind.name == "binary" and source.name in {"text", "unknown"}:
        return "encode({0})", kind
    if kind.name == "row" and source.name == "row" and _differ(source, kind):
        told = "a cast of a row to one with other names"
        raise AthenaUnsupportedError.part(told, *place_of(node))
    if source.name == "json" and kind.name not in {"array", "map", "row"}:
        return f"{word}(json_extract_string({{0}}, '$') AS {target})", kind
    known = READABLE.get(kind.name)
    if literal is not None and known is not None and known.fullmatch(literal):
        return f"{word}({{0}} AS {target})", kind
    reading = _READ.get(kind.name)
    value = reading(source) if reading is not None else "{0}"
    return f"{word}({value} AS {target})", kind


def _differ(source: Kind, target: Kind) -> bool:
    """Rows are cast by position in Athena; the lake goes by name where both have names."""
    return bool(source.names) and [n.lower() for n in source.names] != [
        n.lower() for n in target.names
    ]


def _cut(template: str, node: exp.DataType) -> str:
    given = [one for one in node.expressions if isinstance(one, exp.DataTypeParam)]
    return f"left({template}, {given[0].this.this})" if given else template


def _to_text(source: Kind, node: exp.DataType) -> str:
    match source.name:
        case "double":
            return _DOUBLE_TEXT
        case "timestamp":
            return f"strftime({{0}}, '{_STAMP}')"
        case "timestamptz":
            return f"strftime({{0}}, '{_STAMP} UTC')"
        case "json":
            return "json_extract_string({0}, '$')"
        case "array" | "map" | "row" | "binary":
            told = f"a cast of {source.name} to varchar"
            hint = "json_format(CAST(… AS JSON)) or array_join write it as text"
            raise AthenaUnsupportedError.part(told, *place_of(node), hint)
        case "unknown":
            double = _DOUBLE_TEXT.replace("{0}", "TRY_CAST({0} AS DOUBLE)")
            return (
                f"CASE WHEN typeof({{0}}) IN {_DOUBLE_TYPES} THEN {double} "
                "WHEN typeof({0}) = 'TIMESTAMP' THEN "
                f"strftime(TRY_CAST({{0}} AS TIMESTAMP), '{_STAMP}') "
                "WHEN typeof({0}) = 'TIMESTAMP WITH TIME ZONE' THEN "
                f"strftime(TRY_CAST({{0}} AS TIMESTAMP), '{_STAMP} UTC') ELSE {_TEXT} END"
            )
        case _:
            return _TEXT


def _to_json(source: Kind, node: exp.DataType) -> str:
    if source.name in {"timestamp", "timestamptz", "binary"}:
        told = f"a cast of {source.name} to JSON"
        raise AthenaUnsupportedError.part(told, *place_of(node), "CAST it AS VARCHAR first")
    return "to_json({0})"


def _whole(source: Kind) -> str:
    """Doubles are rounded half up; a text with a fraction is no whole number."""
    checked = "CASE WHEN regexp_full_match({0}, '[+-]?[0-9]+') THEN {0} ELSE 'not a whole number: ' || {0} END"
    match source.name:
        case "double":
            return "round({0})"
        case "text":
            return checked
        case "unknown":
            text = "CAST({0} AS VARCHAR)"
            return (
                f"CASE WHEN typeof({{0}}) IN {_DOUBLE_TYPES} THEN CAST(round(TRY_CAST({{0}} AS DOUBLE)) AS VARCHAR) "
                f"WHEN typeof({{0}}) = 'VARCHAR' THEN {checked.replace('{0}', text)} ELSE {text} END"
            ).replace("AS DOUBLE)) AS VARCHAR)", "AS DOUBLE)) AS DECIMAL(38, 0))::VARCHAR")
        case _:
            return "{0}"


def _day(source: Kind) -> str:
    if source.name != "text":
        return "{0}"
    return "CASE WHEN regexp_full_match({0}, '\\s*-?[0-9]+-[0-9]{{1,2}}-[0-9]{{1,2}}\\s*') THEN {0} ELSE 'not a date: ' || {0} END"


def _truth(source: Kind) -> str:
    if source.name != "text":
        return "{0}"
    return "CASE WHEN lower({0}) IN ('t', 'true', '1', 'f', 'false', '0') THEN {0} ELSE 'not true or false: ' || {0} END"


_READ: dict[str, Callable[[Kind], str]] = {"int": _whole, "date": _day, "bool": _truth}
