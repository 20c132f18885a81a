"""Read tests of single columns out of DuckDB's parse tree, typed as their columns are. Pure.

A constant counts only where it is of its column's kind without a doubt: another system that compares
the two can then not judge more strictly than the engine does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakeworks.engines.remote_conditions import ColumnTest, all_of, any_of

if TYPE_CHECKING:
    from lakeworks.engines.remote_conditions import Condition, Operator, Value

Node = dict[str, Any]
# Names the column, in lower case, and its type that a reference stands for; None: another's.
Column = Callable[[Node], tuple[str, str] | None]

MOST_VALUES = 1_000
_OPERATORS: dict[str, Operator] = {
    "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}  # fmt: skip
_MIRRORED: dict[Operator, Operator] = {
    "=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip
_INTEGERS = {"tinyint", "smallint", "int", "bigint"}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "INTEGER_LITERAL"}
_MOMENTS = {"timestamp", "timestamp_ntz"}
_PREFIXES = {"starts_with", "prefix", "^@"}
_TRUTHS = {"t": True, "true": True, "f": False, "false": False}
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,6})?"
)
_EXACT_DIGITS = 15


def condition_of(node: Node, column: Column, *, nulls: bool) -> Condition | None:
    """Return what a condition says of one table's columns; None: nothing that is understood.

    Args:
        nulls: Whether a test that a null passes counts.
    """
    match node:
        case {"type": "CONJUNCTION_AND", "children": children}:
            return all_of(condition_of(one, column, nulls=nulls) for one in children)
        case {"type": "CONJUNCTION_OR", "children": children}:
            return any_of(condition_of(one, column, nulls=nulls) for one in children)
        case {"type": "OPERATOR_IS_NULL", "children": [held]}:
            return _nullness(held, "is null", column) if nulls else None
        case {"type": "OPERATOR_IS_NOT_NULL", "children": [held]}:
            return _nullness(held, "is not null", column)
        case {"class": "COLUMN_REF"}:
            return _truth(node, column, value=True)
        case {"type": "OPERATOR_NOT", "children": [held]}:
            return _truth(held, column, value=False)
        case _:
            return _compared(node, column)


def _compared(node: Node, column: Column) -> Condition | None:
    match node:
        case {"class": "COMPARISON", "type": kind, "left": left, "right": right}:
            operator = _OPERATORS.get(kind)
            if operator is None:
                return None
            return _test(left, operator, [right], column) or _test(
                right, _MIRRORED[operator], [left], column
            )
        case {"class": "BETWEEN", "type": "COMPARE_BETWEEN", "input": held}:
            return all_of([
                _test(held, ">=", [node["lower"]], column),
                _test(held, "<=", [node["upper"]], column),
            ])  # fmt: skip
        case {"class": "OPERATOR", "type": "COMPARE_IN", "children": [held, *values]}:
            return _test(held, "in", values, column) if len(values) <= MOST_VALUES else None
        case {"class": "FUNCTION", "function_name": name, "children": [held, told]}:
            return _prefix(str(name).lower(), held, told, column)
        case _:
            return None


def _nullness(held: Node, operator: Operator, column: Column) -> ColumnTest | None:
    found = column(held) if held.get("class") == "COLUMN_REF" else None
    return ColumnTest(found[0], operator) if found else None


def _truth(held: Node, column: Column, *, value: bool) -> ColumnTest | None:
    found = column(held) if held.get("class") == "COLUMN_REF" else None
    return ColumnTest(found[0], "=", (value,)) if found and found[1] == "boolean" else None


def _prefix(name: str, held: Node, told: Node, column: Column) -> ColumnTest | None:
    """Return the test of a text's beginning: of LIKE, what stands before its first mark."""
    found = column(held) if held.get("class") == "COLUMN_REF" else None
    text = _constant(told, {"VARCHAR"})
    if not found or found[1] != "string" or not isinstance(text, str):
        return None
    if name == "~~":
        text = re.split(r"[%_\\]", text, maxsplit=1)[0]
    elif name not in _PREFIXES:
        return None
    return ColumnTest(found[0], "prefix", (text,)) if _sound(text) and text else None


def _test(
    held: Node, operator: Operator, values: list[Node], column: Column
) -> ColumnTest | None:
    found = column(held) if held.get("class") == "COLUMN_REF" else None
    if found is None:
        return None
    read = [_value(value, found[1]) for value in values]
    known = tuple(value for value in read if value is not None)
    if len(known) != len(read) or not known:
        return None
    if found[1] == "boolean" and operator not in {"=", "in"}:
        return None
    return ColumnTest(found[0], operator, known)


def _value(node: Node, kind: str) -> Value | None:
    """Return a constant of a column's kind; None for anything else."""
    if kind in _INTEGERS or kind.startswith("decimal"):
        return _exact(node, kind)
    match kind:
        case "double":
            return _float(node)
        case "string":
            text = _constant(node, {"VARCHAR"})
            return text if isinstance(text, str) and _sound(text) else None
        case "boolean":
            return _TRUTHS.get(str(_cast(node, {"BOOLEAN"})))
        case "date":
            return _day(_cast(node, {"DATE"}) or _constant(node, {"VARCHAR"}))
        case _ if kind in _MOMENTS:
            return _moment(_cast(node, {"TIMESTAMP", "DATE"}) or _constant(node, {"VARCHAR"}))
        case _:
            return None


def _exact(node: Node, kind: str) -> int | Decimal | None:
    number = _constant(node, _WHOLE)
    if isinstance(number, int):
        return number
    text = _constant(node, {"VARCHAR"}) if kind in _INTEGERS else None
    if isinstance(text, str) and _DIGITS.fullmatch(text):
        return int(text)
    return _decimal(node)


def _decimal(node: Node) -> Decimal | None:
    scaled = _constant(node, {"DECIMAL"})
    if not isinstance(scaled, int):
        return None
    info = node["value"]["type"]["type_info"]
    if info["width"] > _EXACT_DIGITS:
        return None
    return Decimal(scaled).scaleb(-info["scale"])


def _float(node: Node) -> float | None:
    number = _constant(node, _WHOLE | {"DOUBLE"})
    found = _decimal(node) if number is None else number
    if not isinstance(found, int | float | Decimal) or abs(found) > 10**_EXACT_DIGITS:
        return None
    return float(found) if math.isfinite(found) else None


def _cast(node: Node, kinds: set[str]) -> Any:  # noqa: ANN401 - as JSON has it
    if (
        node.get("class") == "CAST"
        and node["cast_type"]["id"] in kinds
        and not node["try_cast"]
    ):
        return _constant(node["child"], {"VARCHAR"})
    return None


def _constant(node: Node, kinds: set[str]) -> Any:  # noqa: ANN401 - as JSON has it
    value = node.get("value") if node.get("class") == "CONSTANT" else None
    if not value or value["is_null"] or value["type"]["id"] not in kinds:
        return None
    return value["value"]


def _sound(text: str) -> bool:
    """Whether every system can hold a text: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    try:
        return "\x00" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _day(text: Any) -> date | None:  # noqa: ANN401 - as JSON has it
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: Any) -> datetime | None:  # noqa: ANN401 - as JSON has it
    """Return a moment in UTC: the sessions' zone, in which a text without one is read."""
    if not isinstance(text, str):
        return None
    found = _MOMENT.fullmatch(text)
    day = _day(found[1] if found else text)
    if day is None:
        return None
    if found is None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    fraction = (found[4] or ".0")[1:].ljust(6, "0")
    try:
        told = f"{found[1]}T{found[2]}{found[3] or ':00'}.{fraction}+00:00"
        return datetime.fromisoformat(told)
    except ValueError:
        return None
