"""Find what a query asks of the partitions of its tables, in DuckDB's own parse tree.

A part of a WHERE clause counts where it names nothing but partition columns of one table, and where
rows that fail it cannot change the result: the clause stands above the table itself, and no join
between them turns on rows that are missing (SEMI, ANTI, ASOF, POSITIONAL).
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_literal
from lakeworks.engines.duckdb.caller_sql import _without_explain
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.external_tests import key_tests
from lakeworks.engines.partition_conditions import EVERYWHERE, NOWHERE, PartitionCondition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from lakeworks.engines.partition_conditions import KeyColumns, KeyTest

Node = dict[str, Any]
TODAY = "__lakeworks_today"
KEPT_JOINS = {"INNER", "LEFT", "RIGHT", "OUTER"}
KEPT_REFERENCES = {"REGULAR", "CROSS", "NATURAL"}
_CLASSES = {
    "CONSTANT", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "CAST",
    "FUNCTION", "CASE",
}  # fmt: skip
# Computed alike whenever they are, from their arguments alone.
_FUNCTIONS = {
    "+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "~~~", "abs", "coalesce",
    "concat", "concat_ws", "contains", "date_add", "date_part", "date_sub", "date_trunc", "day",
    "dayofweek", "dayofyear", "ends_with", "floor", "format", "greatest", "hour", "ifnull",
    "ilike_escape", "in", "lcase", "least", "left", "len", "length", "like_escape", "lower", "lpad",
    "ltrim", "make_date", "make_timestamp", "minute", "mod", "month", "monthname", "not_like_escape",
    "nullif", "prefix", "printf", "quarter", "regexp_full_match", "regexp_matches", "replace",
    "right", "round", "rpad", "rtrim", "split_part", "starts_with", "strftime", "strptime",
    "substr", "substring", "suffix", "to_days", "to_hours", "to_minutes", "to_months", "to_weeks",
    "to_years", "trim", "trunc", "try_strptime", "ucase", "upper", "week", "weekofyear", "year",
    "yearweek",
}  # fmt: skip
_TODAY_NAMES = {"current_date", "today"}


def partition_conditions(
    con: duckdb.DuckDBPyConnection, sql: str, tables: Mapping[str, KeyColumns]
) -> dict[str, PartitionCondition]:
    """Return for each table which of its partitions a query can need.

    Args:
        con: Used to parse; nothing is bound or run.
        sql: A query that `names_read` accepts.
        tables: By dotted name in lower case.
    """
    tree = parsed(con, sql)
    if tree is None:
        return dict.fromkeys(tables, EVERYWHERE)
    found = {name: _Places() for name in tables}
    _walk(con, tree, tables, found, described=False)
    return {name: places.condition() for name, places in found.items()}


def parsed(con: duckdb.DuckDBPyConnection, sql: str) -> Node | None:
    """Return the tree of a query, or of what EXPLAIN explains; None where there is none."""
    with translated(con):
        text = quote_literal(_without_explain(sql))
        row = con.execute(f"SELECT json_serialize_sql({text})").fetchone()
    found: Node = json.loads(row[0]) if row else {"error": True}
    return None if found["error"] or len(found["statements"]) != 1 else found["statements"][0]


@dataclass(slots=True)
class _Places:
    """Where a query names one table."""

    mentions: int = 0
    tests: list[tuple[KeyTest, ...]] = field(default_factory=list)
    expressions: list[str] = field(default_factory=list)
    null_supplied: list[bool] = field(default_factory=list)
    described: int = 0

    def condition(self) -> PartitionCondition:
        read = self.mentions - self.described
        if read == 0:
            return NOWHERE
        if read != len(self.tests):
            return PartitionCondition()
        return PartitionCondition(
            tuple(self.tests), tuple(self.expressions), tuple(self.null_supplied)
        )


def _walk(
    con: duckdb.DuckDBPyConnection,
    tree: Any,  # noqa: ANN401 - any JSON
    tables: Mapping[str, KeyColumns],
    found: dict[str, _Places],
    *,
    described: bool,
) -> None:
    # Not recursive: the depth of a caller's SQL must not exhaust Python's stack.
    waiting: list[tuple[Any, bool]] = [(tree, described)]
    while waiting:
        node, within = waiting.pop()
        if isinstance(node, list):
            waiting.extend((one, within) for one in node)
        if not isinstance(node, dict):
            continue
        within = within or (node.get("type") == "SHOW_REF" and node["show_type"] == "DESCRIBE")
        name = named(node)
        if name in found:
            found[name].mentions += 1
            found[name].described += within
        if node.get("type") == "SELECT_NODE" and not within:
            for reference, null_supplied, alone in _references(node):
                if named(reference) in found:
                    name = named(reference)
                    place = KeyPlace(con, reference, tables[name], alone=alone)
                    tests, expression = place.of(node["where_clause"])
                    found[name].tests.append(tests)
                    found[name].expressions.append(expression)
                    found[name].null_supplied.append(null_supplied)
        waiting.extend((one, within) for one in node.values())


def named(node: Node) -> str:
    """Return the dotted name, in lower case, of a table that a node reads; or nothing."""
    if node.get("type") != "BASE_TABLE" or node.get("catalog_name"):
        return ""
    return f"{node['schema_name']}.{node['table_name']}".lower()


def _references(select: Node) -> Iterator[tuple[Node, bool, bool]]:
    """Yield the tables whose rows a WHERE clause sees.

    With each, whether joins may supply nulls for it, and whether it stands alone.
    """
    if select.get("sample"):
        return
    waiting: list[tuple[Any, bool]] = [(select["from_table"], False)]
    relations: list[tuple[Node, bool]] = []
    while waiting:
        node, supplied = waiting.pop()
        if not isinstance(node, dict) or node.get("sample"):
            return
        if node.get("type") != "JOIN":
            relations.append((node, supplied))
            continue
        kind = node["join_type"]
        if kind not in KEPT_JOINS or node["ref_type"] not in KEPT_REFERENCES:
            return
        waiting.append((node["left"], supplied or kind in {"RIGHT", "OUTER"}))
        waiting.append((node["right"], supplied or kind in {"LEFT", "OUTER"}))
    for node, supplied in relations:
        if not node.get("column_name_alias"):
            yield node, supplied, len(relations) == 1


class KeyPlace:
    """One mention of a table, and what the WHERE clause above it says of its partitions."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        reference: Node,
        columns: KeyColumns,
        *,
        alone: bool,
    ) -> None:
        self.con = con
        self.alone = alone
        self.columns = columns
        self.types = {name.lower(): kind for name, kind in columns.partition}
        self.others = {name.lower() for name in columns.others}
        alias = reference["alias"].lower()
        table = reference["table_name"].lower()
        schema = reference["schema_name"].lower()
        self.prefixes = [[alias]] if alias else [[table], [schema, table]]

    def of(self, where: Node | None) -> tuple[tuple[KeyTest, ...], str]:
        """Return the tests and the SQL of the parts that count."""
        kept: list[Node] = []
        tests: list[KeyTest] = []
        for part in conjuncts(where):
            told = deepcopy(part)
            names: set[str] = set()
            if self._counts(told, names) and names:
                kept.append(told)
                tests += key_tests(told, self.types)
        return tuple(tests), self._text(kept) if kept else ""

    def text(self, parts: list[Node]) -> str:
        """Return as SQL what parts of a condition say of the key columns, whatever the day is."""
        kept = []
        for part in parts:
            told = deepcopy(part)
            names: set[str] = set()
            if self._counts(told, names) and names and TODAY not in json.dumps(told):
                kept.append(told)
        return self._text(kept) if kept else ""

    def _counts(self, node: Any, names: set[str]) -> bool:  # noqa: ANN401 - any JSON
        """Whether an expression hangs on nothing but partition columns; names them plainly."""
        if isinstance(node, list):
            return all(self._counts(one, names) for one in node)
        if not isinstance(node, dict):
            return True
        kind = node.get("class")
        if kind == "COLUMN_REF":
            return self._is_key(node, names)
        if kind == "CONSTANT":
            return True
        if kind == "FUNCTION":
            return self._is_computed(node, names)
        if kind is not None and kind not in _CLASSES:
            return False
        return all(self._counts(one, names) for one in node.values())

    def _is_key(self, node: Node, names: set[str]) -> bool:
        parts = [part.lower() for part in node["column_names"]]
        if len(parts) == 1 and parts[0] in _TODAY_NAMES and not self._has(parts[0]):
            node["column_names"] = [TODAY]
            return self.alone
        plain = self.alone and len(parts) == 1
        if parts[-1] not in self.types or not (plain or parts[:-1] in self.prefixes):
            return False
        node["column_names"] = [parts[-1]]
        names.add(parts[-1])
        return True

    def _is_computed(self, node: Node, names: set[str]) -> bool:
        name = node["function_name"].lower()
        if name in _TODAY_NAMES and not node["children"]:
            location = node.get("query_location", 0)
            node.clear()
            node.update(_column(TODAY, location))
            return True
        known = name in _FUNCTIONS and not node["schema"] and not node["filter"]
        return known and self._counts(node["children"], names)

    def _has(self, name: str) -> bool:
        return name in self.types or name in self.others

    def _text(self, parts: list[Node]) -> str:
        """Return conditions as SQL, as the engine itself writes it."""
        where = parts[0]
        if len(parts) > 1:
            where = {"class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "",
                     "query_location": 0, "children": parts}  # fmt: skip
        tree = _statement(self.con)
        tree["statements"][0]["node"]["where_clause"] = where
        with translated(self.con):
            literal = quote_literal(json.dumps(tree))
            row = self.con.execute(f"SELECT json_deserialize_sql({literal})").fetchone()
        text = str(row[0]) if row else ""
        _, _, condition = text.partition(" WHERE ")
        return condition


def conjuncts(where: Node | None) -> Iterator[Node]:
    """Yield the parts of a condition that must all hold."""
    waiting = [where] if where else []
    while waiting:
        node = waiting.pop()
        if node.get("type") == "CONJUNCTION_AND":
            waiting.extend(node["children"])
        else:
            yield node


def _column(name: str, location: int) -> Node:
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": location,
            "column_names": [name]}  # fmt: skip


def _statement(con: duckdb.DuckDBPyConnection) -> Node:
    row = con.execute("SELECT json_serialize_sql('SELECT 1 FROM k WHERE true')").fetchone()
    found: Node = json.loads(row[0]) if row else {}
    return found


def today_or_tomorrow(today: date) -> tuple[date, date]:
    """Return the days on which a query may begin that is planned today."""
    return today, date.fromordinal(today.toordinal() + 1)
