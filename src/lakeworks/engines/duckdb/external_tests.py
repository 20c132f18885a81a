"""Read plain tests of one partition column out of DuckDB's parse tree. Pure.

A test counts only where value and column are of one kind, so that a catalog which compares them by
its own means cannot judge otherwise than the engine does.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from lakeworks.engines.partition_conditions import KeyTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Node = dict[str, Any]
Value = int | str | date
_OPERATORS = {
    "COMPARE_EQUAL": "=", "COMPARE_LESSTHAN": "<", "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">", "COMPARE_GREATERTHANOREQUALTO": ">=",
}  # fmt: skip
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGERS = {"tinyint", "smallint", "int", "bigint"}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "INTEGER_LITERAL"}
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def key_tests(part: Node, types: Mapping[str, str]) -> Iterator[KeyTest]:
    """Yield the tests that must hold where a part of a WHERE clause does.

    Args:
        part: With partition columns named plainly, in lower case.
        types: Of the partition columns.
    """
    match part:
        case {"class": "COMPARISON", "type": kind, "left": left, "right": right}:
            operator = _OPERATORS.get(kind)
            for one, other, said in ((left, right, operator),
                                     (right, left, _MIRRORED.get(operator or ""))):  # fmt: skip
                if said is not None:
                    yield from _test(one, said, [other], types)
        case {"class": "BETWEEN", "type": "COMPARE_BETWEEN", "input": held}:
            yield from _test(held, ">=", [part["lower"]], types)
            yield from _test(held, "<=", [part["upper"]], types)
        case {"class": "OPERATOR", "type": "COMPARE_IN", "children": [held, *values]}:
            yield from _test(held, "in", values, types)
        case {"type": "CONJUNCTION_OR", "children": children}:
            yield from _either(children, types)
        case _:
            pass


def _either(children: list[Node], types: Mapping[str, str]) -> Iterator[KeyTest]:
    """Yield the test of `a = 1 OR a = 2`."""
    values: dict[Value, None] = {}
    columns = set()
    for child in children:
        tests = list(key_tests(child, types))
        if len(tests) != 1 or tests[0].operator not in {"=", "in"}:
            return
        columns.add(tests[0].column)
        values.update(dict.fromkeys(tests[0].values))
    if len(columns) == 1:
        yield KeyTest(columns.pop(), "in", tuple(values))


def _test(
    held: Node, operator: str, values: list[Node], types: Mapping[str, str]
) -> Iterator[KeyTest]:
    if held.get("class") != "COLUMN_REF" or held["column_names"][0] not in types:
        return
    [column] = held["column_names"]
    read = [_value(value, types[column]) for value in values]
    if any(value is None for value in read):
        return
    known = cast("tuple[Value, ...]", tuple(read))
    yield KeyTest(column, operator, known)  # type: ignore[arg-type]


def _value(node: Node, kind: str) -> Value | None:
    """Return a constant of a column's kind; None for anything else."""
    if node.get("class") == "CAST" and node["cast_type"]["id"] == "DATE" and kind == "date":
        return _day(_constant(node["child"], {"VARCHAR"}))
    if kind in _INTEGERS:
        number = _constant(node, _WHOLE)
        text = _constant(node, {"VARCHAR"})
        if isinstance(text, str) and _DIGITS.fullmatch(text):
            return int(text)
        return number if isinstance(number, int) else None
    text = _constant(node, {"VARCHAR"})
    if kind == "date":
        return _day(text)
    return text if kind == "string" and isinstance(text, str) else None


def _constant(node: Node, kinds: set[str]) -> Any:  # noqa: ANN401 - as JSON has it
    value = node.get("value") if node.get("class") == "CONSTANT" else None
    if not value or value["is_null"] or value["type"]["id"] not in kinds:
        return None
    return value["value"]


def _day(text: Any) -> date | None:  # noqa: ANN401 - as JSON has it
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
