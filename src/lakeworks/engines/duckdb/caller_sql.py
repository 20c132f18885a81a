"""What a caller's SQL reads, found by DuckDB's own parser before anything is bound or run.

`json_serialize_sql` serialises SELECT statements only, so whatever changes something is refused
by the parser itself and not by a list of ours.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_literal
from lakeworks.core.sql_text import begin_of
from lakeworks.engines.caller import CallerQuery, QueryNames
from lakeworks.engines.duckdb.allowed_functions import (
    AGGREGATES,
    ALLOWED,
    CHANGING,
    NAMING_AN_AGGREGATE,
    NEVER_FAILING,
)
from lakeworks.engines.duckdb.column_words import words_of
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.errors import SqlError, StatementRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

# Expressions that give a value, or refer to one, and cannot fail on what they find.
_STEADY = frozenset({
    "BETWEEN", "CASE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "STAR", "SUBQUERY",
    "WINDOW",
})  # fmt: skip
_STEADY_OPERATORS = frozenset({
    "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE", "OPERATOR_IS_NOT_NULL",
    "OPERATOR_IS_NULL", "OPERATOR_NOT", "OPERATOR_TRY",
})  # fmt: skip
# All kinds of expressions there are, but for those that stand for something outside the query.
_EXPRESSIONS = _STEADY | {
    "CAST", "COLLATE", "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER",
    "POSITIONAL_REFERENCE", "TYPE",
}  # fmt: skip
# Kinds of relations: a kind that a later DuckDB brings is refused until it stands here.
_RELATIONS = frozenset({
    "BASE_TABLE", "COLUMN_DATA", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF",
    "SUBQUERY", "TABLE_FUNCTION",
})  # fmt: skip

# At each comment DuckDB's lexer reads to the end of the marks that stand there in a row, and goes
# back: the time of `/**//**/…` is the square of its length.
_MARKS = re.compile(r"[~!@#^&|`?+\-*/%<>=]{200,}")
_MOST_COMMENTS_IN_A_ROW = 50
# Table functions that compute and read no file, table or setting.
TABLE_FUNCTIONS = frozenset({
    "unnest", "range", "generate_series", "json_each", "json_tree", "repeat", "repeat_row",
})  # fmt: skip
_EXPLAIN = re.compile(
    # Words end where they end: what two ways could read alike would be tried in all ways.
    r"explain(?=[\s(/]|--)(?:\s+analyze(?=\s))?"
    r"(?:\s*\((?:analyze\b|format\s+\w+\b|[\s,])*\))?",
    re.IGNORECASE,
)
_ANALYZE = re.compile(r"\banalyze\b", re.IGNORECASE)
_BEGINNING = re.compile(r"(?:\A|;)\s*(\w+)")
_QUERIES = frozenset({"SELECT", "FROM", "WITH", "VALUES", "TABLE", "DESCRIBE", "SUMMARIZE"})


def names_read(con: duckdb.DuckDBPyConnection, sql: str) -> QueryNames:
    """Return what a query names: tables with dots between their parts, in lower case.

    Args:
        con: Used to parse; nothing is bound or run.
        sql: One SELECT, in any of its forms: WITH, FROM first, VALUES, DESCRIBE, SUMMARIZE,
            PIVOT … IN, or EXPLAIN of one of them.

    Raises:
        SqlError: it cannot be parsed.
        StatementRefusedError: it is another statement, several, or reads something else than
            tables.
    """
    nodes = list(_nodes(_one(con, _without_explain(sql))))
    return QueryNames(_named(nodes), words_of(nodes))


def gate(con: duckdb.DuckDBPyConnection, sql: str) -> CallerQuery:
    """Examine the query of a caller who may not see everything; see the protocol.

    Raises:
        SqlError: it cannot be parsed.
        StatementRefusedError: it is another statement, several, reads something else than
            tables, or calls a function that is not known to compute from its arguments alone.
    """
    inner = _without_explain(sql)
    explains = inner != sql
    if explains and _ANALYZE.search(sql[: len(sql) - len(inner)]):
        # Its figures count rows that the caller may not see.
        raise StatementRefusedError.kind("EXPLAIN ANALYZE under permissions")
    nodes = list(_nodes(_one(con, inner)))
    # Every node must pass: `all` would stop at the first that can fail.
    failing = sum(not _passes(node) for node in nodes)
    return CallerQuery(
        _named(nodes),
        words_of(nodes),
        explains=explains,
        can_fail=failing > 0,
        changes=any(_changes(node) for node in nodes),
    )


def _named_aggregate(node: dict[str, Any]) -> str:
    """Return the aggregate that a function is told by name; nothing where it is computed."""
    told = (node.get("children") or [{}, {}])[1:2]
    value = told[0].get("value") if told else None
    return str(value.get("value") or "").lower() if isinstance(value, dict) else ""


def _changes(node: dict[str, Any]) -> bool:
    """Return whether a part asks the clock or chance."""
    if node.get("sample") is not None:
        return True
    names = [str(node.get("function_name") or "").lower()]
    if node.get("class") == "COLUMN_REF":
        # current_date and its like are written as columns are.
        names = [str(name).lower() for name in node.get("column_names") or ()][-1:]
    return not CHANGING.isdisjoint(names)


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    statements = _parsed(con, sql)
    if len(statements) != 1:
        raise StatementRefusedError.number_of(len(statements))
    found: dict[str, Any] = statements[0]
    return found


def _named(nodes: Iterable[dict[str, Any]]) -> frozenset[str]:
    named: set[str] = set()
    alone: set[str] = set()
    common: set[str] = set()
    for node in nodes:
        common.update(entry["key"].lower() for entry in _common_tables(node))
        name = _table(node)
        if name is not None:
            # A name with a schema is never that of WITH, whatever dots that has in it.
            own = node["schema_name"] or node["catalog_name"]
            (named if own else alone).add(name)
    return frozenset(named | (alone - common))


def _passes(node: dict[str, Any]) -> bool:
    """Refuse what may not be; return whether an expression can not fail on any value."""
    if "class" in node and "type" in node:
        return _expression_passes(str(node["class"]), str(node["type"]), node)
    if "sample" in node and "alias" in node and node.get("type") not in _RELATIONS:
        raise StatementRefusedError.part(str(node.get("type")))
    return True


def _expression_passes(class_: str, kind: str, node: dict[str, Any]) -> bool:
    if class_ not in _EXPRESSIONS:
        raise StatementRefusedError.part(class_)
    name = str(node.get("function_name") or "").lower()
    if name and name not in ALLOWED and name not in TABLE_FUNCTIONS:
        raise StatementRefusedError.uncalled(name)
    if name in NAMING_AN_AGGREGATE and _named_aggregate(node) not in AGGREGATES:
        raise StatementRefusedError.uncalled(f"{name}(…, {_named_aggregate(node) or '…'})")
    if class_ in {"FUNCTION", "WINDOW"}:
        # The parser itself writes `main` before what stands for its own syntax, such as row().
        if node.get("catalog") or node.get("schema") not in {"", "main", None}:
            raise StatementRefusedError.uncalled(f"{node.get('schema')}.{name}")
        return name in NEVER_FAILING
    return kind in _STEADY_OPERATORS if class_ == "OPERATOR" else class_ in _STEADY


def _parsed(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    if any(run[0].count("/*") > _MOST_COMMENTS_IN_A_ROW for run in _MARKS.finditer(sql)):
        raise SqlError("too many comments stand in a row, without a blank between them")
    with translated(con):
        # A literal: a bound parameter makes duckdb import pandas, which takes 0.3 s.
        row = con.execute(f"SELECT json_serialize_sql({quote_literal(sql)})").fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if not found["error"]:
        return list(found["statements"])
    # DuckDB's own way to say where a mistake is would open the files of an IMPORT DATABASE.
    if found.get("error_type") == "parser":
        raise _misread(sql, str(found["error_message"]), found.get("position"))
    raise StatementRefusedError.kind(_kind(sql))


def _misread(sql: str, problem: str, position: str | None) -> SqlError:
    if position is None:
        return SqlError(problem)
    before = sql.encode()[: int(position)].decode(errors="ignore")
    line = before.count("\n") + 1
    return SqlError.at(problem, line=line, column=len(before) - (before.rfind("\n") + 1) + 1)


def _kind(sql: str) -> str:
    """Name the statement that is no query, by its first word: for the message alone."""
    words = [found[1].upper() for found in _BEGINNING.finditer(sql[begin_of(sql) :])]
    others = [word for word in words if word not in _QUERIES]
    if others and others[0] != "PIVOT":
        return others[0]
    return "PIVOT without IN" if "pivot" in sql.lower() else "several statements"


def _without_explain(sql: str) -> str:
    # The rest is parsed on its own, since EXPLAIN ANALYZE runs whatever follows it.
    found = _EXPLAIN.match(sql, begin_of(sql))
    return sql[found.end() :] if found else sql


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    # Not recursive: the depth of a caller's SQL must not exhaust Python's stack.
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _common_tables(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = node.get("cte_map")
    return list(found["map"]) if isinstance(found, dict) else []


def _table(node: dict[str, Any]) -> str | None:
    """Return the name in a table reference; refuse references to anything else."""
    kind = node.get("type")
    if kind == "BASE_TABLE":
        parts = (node["catalog_name"], node["schema_name"], node["table_name"])
        return ".".join(part for part in parts if part).lower()
    if kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise StatementRefusedError.function(name, TABLE_FUNCTIONS)
    if kind == "SHOW_REF" and node.get("table_name"):
        raise StatementRefusedError.kind("SHOW")
    return None
