"""Random small tables and random rules: the engine judges them as the plain evaluator does."""

from __future__ import annotations

import importlib.util
import math
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.quality import evaluate, parse

_spec = importlib.util.spec_from_file_location(
    "reference_dqdl", Path(__file__).parents[1] / "reference_dqdl.py"
)
assert _spec is not None
assert _spec.loader is not None
plain = importlib.util.module_from_spec(_spec)
sys.modules["reference_dqdl"] = plain
_spec.loader.exec_module(plain)

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
TYPES = {
    "n": "bigint",
    "i": "bigint",
    "f": "double",
    "m": "decimal(10,2)",
    "s": "string",
    "d": "date",
    "t": "timestamp_ntz",
    "b": "boolean",
}
ARROW = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(10,2)": pa.decimal128(10, 2),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp_ntz": pa.timestamp("us"),
    "boolean": pa.bool_(),
}
POOLS: dict[str, list[Any]] = {
    "i": [0, 1, 2, 3, -7, 1_000_000_007],
    "f": [0.0, 0.5, 1.0, 2.0, -3.25, 1e9, math.nan],
    "m": [Decimal(x) for x in ("0.00", "1.00", "1.50", "-2.25", "99999999.99")],
    "s": ["", " ", "a", "b", "Ä", "日本", "👍🏽", "1", "2.5", "2026-11-20", "a b", "it's"],
    "d": [date(2026, 11, 20), date(2026, 11, 22), date(1999, 12, 31)],
    "t": [
        datetime.fromisoformat(x)
        for x in ("2026-11-20T10:00", "2026-11-22T12:29:59", "2026-11-22T00:00")
    ],
    "b": [True, False],
}
FILTERS = {
    "n > 2": lambda row: row["n"] > 2,
    "s = 'a'": lambda row: None if row["s"] is None else row["s"] == "a",
    "i is null or b": lambda row: True if row["i"] is None else row["b"],
    "n < 0": lambda row: row["n"] < 0,
}


def row_strategy() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {name: st.one_of(st.none(), st.sampled_from(pool)) for name, pool in POOLS.items()}
    )


@st.composite
def tables(draw: st.DrawFn, most: int = 7) -> Any:
    rows = draw(st.lists(row_strategy(), max_size=most))
    return plain.Table(TYPES, [{"n": at, **row} for at, row in enumerate(rows)])


def arrow(table: Any) -> pa.Table:
    schema = pa.schema([(name, ARROW[type_]) for name, type_ in table.types.items()])
    return pa.Table.from_pylist(table.rows, schema=schema)


def optional(draw: st.DrawFn, text: str, chance: int = 4) -> str:
    return text if draw(st.integers(1, chance)) == 1 else ""


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def numbers_asked(
    draw: st.DrawFn, values: tuple[str, ...] = ("0", "0.5", "1", "2", "3")
) -> str:
    one = st.sampled_from(values)
    operator = draw(
        st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "between", "not in", "in"])
    )
    if operator == "between":
        return f"{optional(draw, 'not ', 2)}between {draw(one)} and {draw(one)}"
    if operator in {"in", "not in"}:
        return f"{operator} [{', '.join(draw(st.lists(one, min_size=1, max_size=3)))}]"
    return f"{operator} {draw(one)}"


@st.composite
def values_asked(draw: st.DrawFn, column: str) -> str:
    one = st.sampled_from(OPERANDS[column])
    operators = ["=", "!=", "in", "not in"]
    ordered = ["<", ">", "<=", ">=", "between", "not between"]
    if column == "s":
        operators += ["matches", "not matches"]
    operator = draw(st.sampled_from(operators + (ordered if column != "b" else [])))
    if operator in {"matches", "not matches"}:
        return f"{operator} {draw(st.sampled_from(PATTERNS))}"
    if operator in {"in", "not in"}:
        kind = draw(st.sampled_from(LISTS[column]))
        chosen = draw(st.lists(st.sampled_from(kind), min_size=1, max_size=3))
        return f"{operator} [{', '.join(chosen)}]"
    if operator in ordered:
        one = st.sampled_from(ORDERED[column])
        if "between" in operator:
            return f"{operator} {draw(one)} and {draw(one)}"
    return f"{operator} {draw(one)}"


NUMBERS = ["0", "1", "1.5", "-2.25", "1000000007", "99999999.99"]
DAYS = ['"2026-11-20"', '"2026-11-22"', '"1999-12-31"']
MOMENTS = ["now()", "(now() - 1 days)", "(now() + 3 hours)"]
TEXTS = [quoted(text) for text in POOLS["s"]]
PATTERNS = ['"[a-z]+"', '"[0-9.]*"', '"a.*"', '".+"']
ORDERED = {
    "i": NUMBERS, "f": NUMBERS, "m": NUMBERS, "s": [*NUMBERS[:3]],
    "d": DAYS, "t": [*DAYS], "b": [],
}  # fmt: skip
OPERANDS = {
    "i": [*NUMBERS, "NULL"], "f": [*NUMBERS, "NULL"], "m": [*NUMBERS, "NULL"],
    "s": [*TEXTS, "NULL", "EMPTY", "WHITESPACES_ONLY"], "d": [*DAYS, "NULL"],
    "t": [*DAYS, "NULL"], "b": ['"true"', '"false"', "NULL"],
}  # fmt: skip
LISTS = {
    "i": [NUMBERS], "f": [NUMBERS], "m": [NUMBERS],
    "s": [[*TEXTS, "NULL", "EMPTY", "WHITESPACES_ONLY"]],
    "d": [DAYS], "t": [DAYS], "b": [['"true"', '"false"', "NULL"]],
}  # fmt: skip
SHARES = ("0", "0.25", "0.5", "0.75", "1")
HISTORY = {
    "Dataset.*.RowCount": [1.0, 4.0, 3.0],
    "Column.i.Mean": [0.5, 1.5],
    "Column.i.Completeness": [0.5, 0.75, 1.0],
}
DYNAMIC = [
    "> last()", ">= avg(last(3))", "< max(last(10)) + 1", "<= sum(last(2)) * 0.5",
    "between min(last(3)) - 1 and max(last(3)) + 1", "> index(last(3), 2)", "> std(last(3))",
    ">= median(last(2))", "!= abs(0 - last())", "= index(last(3), 5)",
]  # fmt: skip


@st.composite
def column_rules(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from(list(POOLS)))
    pair = draw(st.lists(st.sampled_from(list(POOLS)), min_size=1, max_size=2, unique=True))
    several = " ".join(quoted(name) for name in pair)
    shares, asked = draw(numbers_asked(SHARES)), draw(numbers_asked())
    threshold = optional(draw, f" with threshold {draw(numbers_asked(SHARES))}")
    where = optional(draw, f" where {quoted(draw(st.sampled_from(list(FILTERS))))}", 3)
    values = draw(values_asked(column))
    text = draw(st.sampled_from(["s", "s", "s", "i"]))
    return draw(
        st.sampled_from(
            [
                f'IsComplete "{column}"{where}',
                f'Completeness "{column}" {shares}{where}',
                f"IsUnique {several}{where}",
                f"Uniqueness {several} {shares}{where}",
                f"IsPrimaryKey {several}{where}",
                f'UniqueValueRatio "{column}" {shares}{where}',
                f'DistinctValuesCount "{column}" {asked}{where}',
                f'Entropy "{column}" {asked}{where}',
                f'Mean "{column}" {asked}{where}',
                f'Sum "{column}" {asked}{where}',
                f'StandardDeviation "{column}" {asked}{where}',
                f'Variance "{column}" {asked}{where}',
                f'Range "{column}" {asked}{where}',
                f'InterquartileRange "{column}" {asked}{where}',
                # (Bounds that no rounding of a moment can reach.)
                f'Skewness "{column}" {draw(numbers_asked(("-0.77", "0.31", "1.13")))}{where}',
                f'Kurtosis "{column}" {draw(numbers_asked(("-1.23", "0.31", "1.13")))}{where}',
                f'ZerosCount "{column}" {asked}{where}',
                f"DuplicateRowCount {optional(draw, several, 2)} {asked}{where}",
                f'ColumnValues "s" {draw(texts_asked())}{where}{threshold}',
                f'ColumnValues "{column}" {values}{where}{threshold}',
                f'ColumnValues "{column}" {values}{where}{threshold}',
                f'ColumnValues "{column}" {values}{where}',
                f'ColumnLength "{text}" {asked}{where}',
                f'ColumnExists "{draw(st.sampled_from(["i", "nope"]))}"',
                f"RowCount {asked}{where}",
                f"ColumnCount {draw(numbers_asked(('7', '8', '9')))}",
                (
                    f'DataFreshness "{draw(st.sampled_from(["s", "d", "t", "i"]))}" '
                    f"{draw(durations_asked())}{where}"
                ),
                f"RowCount {draw(st.sampled_from(DYNAMIC))}",
                f'Mean "i" {draw(st.sampled_from(DYNAMIC))}',
                f'Completeness "i" {draw(st.sampled_from(DYNAMIC))}',
            ]
        )
    )


@st.composite
def texts_asked(draw: st.DrawFn) -> str:
    one = st.sampled_from(['"A"', '"a"', '"ä"', '"IT\'s"', '"x"'])
    listed = draw(st.lists(st.one_of(one, st.just("NULL")), min_size=1, max_size=3))
    operator = draw(st.sampled_from(["in", "not in", "=", "!="]))
    asked = f"[{', '.join(listed)}]" if "in" in operator else draw(one)
    return f'{operator} {asked} with ignoreCase = "{draw(st.sampled_from(["true", "false"]))}"'


@st.composite
def durations_asked(draw: st.DrawFn) -> str:
    one = st.sampled_from(
        ["1 minutes", "12 hours", "1 days", "50 hours", "0 hours", "3000 days"]
    )
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", "=", "!=", "between", "in"]))
    if operator == "between":
        return f"between {draw(one)} and {draw(one)}"
    return f"in [{draw(one)}, {draw(one)}]" if operator == "in" else f"{operator} {draw(one)}"


@st.composite
def reference_rules(draw: st.DrawFn) -> str:
    shares = draw(numbers_asked(SHARES))
    one = draw(st.sampled_from(list(POOLS)))
    two = draw(st.lists(st.sampled_from(list(POOLS)), min_size=2, max_size=2, unique=True))
    number = st.sampled_from(["i", "m", "n"])
    function = st.sampled_from(["sum", "avg"])
    statement = draw(st.sampled_from(list(STATEMENTS)))
    scalar = draw(st.sampled_from(list(SCALARS)))
    return draw(
        st.sampled_from(
            [
                f'ReferentialIntegrity "{one}" "ref.{one}" {shares}',
                f'ReferentialIntegrity "{",".join(two)}" "ref.{{{",".join(two)}}}" {shares}',
                f'RowCountMatch "ref" {draw(numbers_asked())}',
                f'SchemaMatch "ref" {shares}',
                f'SchemaMatch "less" {shares}',
                (
                    f'AggregateMatch "{draw(function)}({draw(number)})" '
                    f'"{draw(function)}(ref.{draw(number)})" {draw(numbers_asked())}'
                ),
                f'DatasetMatch "ref" "n" {shares}',
                f'DatasetMatch "ref" "n" "{one}" {shares}',
                f'DatasetMatch "ref" "{one}" "{",".join(two)}" {shares}',
                f'DatasetMatch "less" "n" {shares}',
                f"CustomSql {quoted(scalar)} {draw(numbers_asked())}",
                f"CustomSql {quoted(statement)}",
                f"CustomSql {quoted(statement)} with threshold {shares}",
            ]
        )
    )


SCALARS = {
    "select count(*) from primary": lambda table: len(table.rows),
    "select sum(i) from primary where n > 1": lambda table: (
        sum(known) if (known := [r["i"] for r in table.rows if r["n"] > 1 and r["i"] is not None])
        else None
    ),
}  # fmt: skip
STATEMENTS = {
    "select n from primary where s = 'a'": lambda table: [
        {"n": row["n"]} for row in table.rows if row["s"] == "a"
    ],
    "select s, b from primary where n > 1": lambda table: [
        {"s": row["s"], "b": row["b"]} for row in table.rows if row["n"] > 1
    ],
    "select f from primary": lambda table: [{"f": row["f"]} for row in table.rows],
}


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    one = st.one_of(column_rules(), column_rules(), reference_rules())
    rules = draw(st.lists(one, min_size=1, max_size=6, unique=True))
    if len(rules) > 2 and draw(st.booleans()):
        joiner = draw(st.sampled_from(["and", "or"]))
        rules.append(f"({rules[0]}) {joiner} ({rules[1]})")
    return f"Rules = [ {', '.join(dict.fromkeys(rules))} ]"


def close(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), tables(), rulesets())
def test_outcomes_metrics_and_flags_are_those_of_the_plain_evaluator(
    data: Any,
    other: Any,
    text: str,
) -> None:
    less = plain.Table({"n": "bigint"}, [{"n": row["n"]} for row in other.rows])
    references = {"ref": other, "less": less}
    world = plain.World(data, NOW, references, HISTORY, FILTERS, {**SCALARS, **STATEMENTS})
    found = evaluate(
        arrow(data), text, now=NOW, history=HISTORY,
        reference={alias: arrow(table) for alias, table in references.items()},
    )  # fmt: skip
    rules = parse(text).rules
    expected = [plain.judge(rule, world) for rule in rules]
    for rule, outcome, right in zip(rules, found.outcomes, expected, strict=True):
        context = f"{rule.text}: {outcome}, and {right} is right, for {data.rows}"
        assert outcome.outcome == right.outcome, context
        assert set(outcome.evaluated_metrics) == set(right.metrics), context
        for name, value in right.metrics.items():
            assert close(outcome.evaluated_metrics[name], value), context
    passed = sum(right.outcome == "Passed" for right in expected)
    assert found.score == passed / len(expected)
    _same_flags(found.rows(), data, rules, expected)


def _same_flags(rows: Any, data: Any, rules: Any, expected: Any) -> None:
    table = rows.to_pylist()
    assert [row["n"] for row in table] == [row["n"] for row in data.rows]
    for at, row in enumerate(table):
        for rule, right in zip(rules, expected, strict=True):
            wanted = "DataQualityRulesSkip"
            if right.flags is not None and right.outcome != "Error":
                wanted = f"DataQualityRules{'Pass' if right.flags[at] else 'Fail'}"
            assert rule.text in row[wanted], (rule.text, right, row)
