"""Every function that works gives what Athena's documentation says that it gives."""

from __future__ import annotations

import importlib.util
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lakeworks.engines.duckdb.caller_sql import gate
from lakeworks.project.athena.functions import rules
from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.translation import kinds, translate

_FILE = Path(__file__).with_name("athena_facts.py")
_SPEC = importlib.util.spec_from_file_location("athena_facts", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
facts = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(facts)

_NAMES = {"D": Decimal, "date": date, "datetime": datetime, "bytes": bytes}


def _told(text: str) -> list[tuple[str, Any]]:
    found = []
    for line in text.strip().splitlines():
        expression, _, value = line.rpartition(" => ")
        found.append((expression, eval(value, {"__builtins__": {}}, _NAMES)))
    return found


def _query(expression: str) -> str:
    over = re.search(r" over ((?:[-\w.]+,?)+)$", expression)
    if over is None:
        return f"SELECT {expression} AS v"
    return f"SELECT {expression[: over.start()]} AS v FROM (VALUES {over[1]}) AS t(x)"


FACTS = [
    (_query(expression), value)
    for group in (
        facts.NUMBERS, facts.TEXTS, facts.MOMENTS, facts.NESTED, facts.DOCUMENTS, facts.CASTS,
        facts.CONDITIONS, facts.AGGREGATES,
    )
    for expression, value in _told(group)
]  # fmt: skip


@cache
def _connection() -> Any:
    import duckdb

    found = duckdb.connect()
    found.execute("SET TimeZone = 'UTC'")
    return found


@pytest.mark.parametrize(("sql", "value"), FACTS, ids=[sql[7:70] for sql, _ in FACTS])
def test_an_expression_gives_what_athena_gives(sql: str, value: Any) -> None:
    translated = translate(sql)
    gate(_connection().cursor(), translated)  # what a principal's query may call, too
    row = _connection().cursor().execute(translated).to_arrow_table().to_pylist()[0]
    assert row["v"] == value
    if not isinstance(value, bool):
        assert type(row["v"]) is type(value)


KINDS: dict[type, set[str]] = {
    int: {"int"}, float: {"double"}, Decimal: {"decimal"}, str: {"text", "json", "uuid"},
    bool: {"bool"}, date: {"date"}, datetime: {"timestamp", "timestamptz"},
    bytes: {"binary"}, list: {"array", "map"}, dict: {"row"},
}  # fmt: skip


def _fits(kind: Kind, value: Any) -> bool:
    if value is None or kind.name in {"unknown", "null"}:
        return True
    if kind.name not in KINDS[type(value)]:
        return False
    if isinstance(value, Decimal):
        return kind.digits[1] == -int(value.as_tuple().exponent)
    if kind.name == "array":
        return all(_fits(kind.element, one) for one in value)
    if kind.name == "map" and kind.of:
        return all(_fits(kind.of[0], k) and _fits(kind.of[1], v) for k, v in value)
    return True


@pytest.mark.parametrize(("sql", "value"), FACTS, ids=[sql[7:70] for sql, _ in FACTS])
def test_what_is_known_of_a_value_before_it_is_computed_is_true(sql: str, value: Any) -> None:
    assert _fits(kinds(sql)["v"], value)


def test_every_function_that_works_has_an_example() -> None:
    told = " ".join(sql.lower() for sql, _ in FACTS)
    windows = {"rank", "dense_rank", "row_number", "ntile", "lag", "lead", "first_value",
               "last_value", "nth_value", "cume_dist", "percent_rank", "grouping"}  # fmt: skip
    elsewhere = {"current_timestamp", "localtimestamp", "current_date"}
    missing = [
        name for name in rules()
        if not re.search(rf"\b{name}\(", told) and name not in windows | elsewhere
    ]  # fmt: skip
    assert missing == []
