"""Decide whether a SELECT may be run twice: cheap to repeat, and the same rows each time.

DuckDB's own parser gives the tree; nothing is guessed from text. Whatever is not known to be
plain is not plain, and is then run once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

_RELATIONS = frozenset({"BASE_TABLE", "SUBQUERY", "EMPTY"})
# The parser takes these, written without parentheses, for columns.
_CLOCKS = frozenset({
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
})  # fmt: skip
_NOT_PLAIN = ("group_expressions", "having", "qualify", "sample")


def is_plain(
    con: duckdb.DuckDBPyConnection, sql: str, frames: Mapping[str, str] | None = None
) -> bool:
    """Whether `sql` only picks, computes and filters rows of one table.

    Args:
        con: Used to parse, and for the list of functions that vary from call to call.
        sql: One SELECT.
        frames: The SQL behind names that are not tables, by name.
    """
    row = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error") or len(tree["statements"]) != 1:
        return False
    unfit = _unfit_functions(con)
    behind = dict(frames or {})
    for node in _dicts(tree["statements"][0]["node"]):
        if not _plain_node(node, unfit):
            return False
        if node.get("type") == "BASE_TABLE":
            name = ".".join(filter(None, (node.get("schema_name"), node.get("table_name"))))
            inner = behind.pop(name, None)
            if inner is not None and not is_plain(con, inner, behind):
                return False
    return True


def _plain_node(node: Mapping[str, Any], unfit: frozenset[str]) -> bool:
    kind = node.get("type", "")
    if node.get("class") in {"WINDOW", "SUBQUERY"}:
        return False
    if node.get("class") == "FUNCTION":
        return node.get("function_name", "").lower() not in unfit
    if node.get("class") == "COLUMN_REF":
        return node["column_names"][-1].lower() not in _CLOCKS
    if "from_table" in node or str(kind).endswith("_NODE"):
        modifiers = node.get("modifiers", ())
        return (
            kind == "SELECT_NODE"
            and all(m.get("type") == "ORDER_MODIFIER" for m in modifiers)
            and not any(node.get(name) for name in _NOT_PLAIN)
            and node["from_table"].get("type") in _RELATIONS
            and not node["from_table"].get("sample")
        )
    return True


def _unfit_functions(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return aggregates, and functions whose value may differ from one run to the next."""
    found = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type = 'aggregate' OR stability <> 'CONSISTENT'"
    ).fetchall()
    return frozenset(row[0].lower() for row in found)


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            yield current
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
