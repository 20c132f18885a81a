"""Find what a query needs of tables elsewhere, in DuckDB's own parse tree.

Columns are found generously: whatever text stands anywhere in the tree may be a column's name, and
where a query may read whole rows (`*`, a table's name as a value, NATURAL, PIVOT), all are needed.
Conditions are found sparingly: see `external_conditions.py` for where one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lakeworks.engines.duckdb.caller_sql import _ANALYZE, _without_explain
from lakeworks.engines.duckdb.external_conditions import named, parsed
from lakeworks.engines.duckdb.remote_joins import join_keys
from lakeworks.engines.duckdb.remote_places import places
from lakeworks.engines.remote_conditions import EVERYTHING, RemoteNeeds, any_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from lakeworks.engines.duckdb.remote_places import Place
    from lakeworks.engines.remote_conditions import Condition, RemoteColumns

Node = dict[str, Any]
_WHOLE_ROWS = {"STAR", "POSITIONAL_REFERENCE"}
_PLAIN = {"COLUMN_REF", "CONSTANT", "STAR"}
_ABOVE_ROWS = ("where_clause", "having", "qualify", "sample", "group_expressions", "group_sets")


def remote_needs(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    tables: Mapping[str, RemoteColumns],
    partners: Mapping[str, RemoteColumns] | None = None,
) -> dict[str, RemoteNeeds]:
    """Return for each table what a query needs of it.

    Args:
        con: Used to parse; nothing is bound or run.
        sql: A query that `names_read` accepts.
        tables: By dotted name in lower case.
        partners: So, too: tables of the lake whose keys may be looked up.
    """
    tree = parsed(con, sql)
    if tree is None:
        return dict.fromkeys(tables, EVERYTHING)
    found = {name: _Mentions() for name in tables}
    names = _Names()
    _walk(tree, tables, found, names)
    explained = _only_explained(sql)
    columns = None if names.whole or names.relations & names.values else frozenset(names.texts)
    needs = {
        name: mentions.needs(columns, _limit(tree, name), explained=explained)
        for name, mentions in found.items()
    }
    for name, mentions in found.items():
        place = mentions.only_place()
        if partners and place is not None and needs[name].needs_rows:
            joins = join_keys(con, place, tables[name], partners)
            needs[name] = replace(needs[name], joins=joins)
    return needs


def _only_explained(sql: str) -> bool:
    """Whether a statement shows the plan of a query without running it."""
    inner = _without_explain(sql)
    return inner != sql and not _ANALYZE.search(sql[: len(sql) - len(inner)])


@dataclass(slots=True)
class _Names:
    """All texts of a tree, and what of them stands for relations and for values."""

    texts: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    whole: bool = False

    def take(self, node: Node) -> None:
        """Take note of what a node names."""
        for value in node.values():
            if isinstance(value, str):
                self.texts.add(value.lower())
            elif isinstance(value, list):
                self.texts.update(one.lower() for one in value if isinstance(one, str))
        kind, class_ = str(node.get("type")), node.get("class")
        if class_ in _WHOLE_ROWS or kind == "PIVOT" or node.get("column_name_alias"):
            self.whole = True
        if node.get("ref_type") in {"NATURAL", "POSITIONAL"} or kind == "SHOW_REF":
            self.whole = True
        if class_ == "COLUMN_REF":
            self.values.add(str(node["column_names"][-1]).lower())
        elif class_ is None:
            held = (node.get("alias"), node.get("table_name"), node.get("key"))
            self.relations.update(one.lower() for one in held if isinstance(one, str) and one)


@dataclass(slots=True)
class _Mentions:
    """Where a query names one table."""

    count: int = 0
    described: int = 0
    conditions: list[Condition | None] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def only_place(self) -> Place | None:
        """Return where the table stands, if it does so once and nowhere else."""
        return self.places[0] if self.count == len(self.places) == 1 else None

    def needs(
        self, columns: frozenset[str] | None, limit: int | None, *, explained: bool
    ) -> RemoteNeeds:
        read = self.count - self.described
        if explained or read == 0:
            return RemoteNeeds(columns, needs_rows=False)
        known = read == len(self.conditions)
        return RemoteNeeds(
            columns,
            any_of(self.conditions) if known else None,
            limit=limit if self.count == 1 else None,
        )


def _walk(
    tree: Node, tables: Mapping[str, RemoteColumns], found: dict[str, _Mentions], names: _Names
) -> None:
    # Not recursive: the depth of a caller's SQL must not exhaust Python's stack.
    waiting: list[tuple[Any, bool]] = [(tree, False)]
    while waiting:
        node, within = waiting.pop()
        if isinstance(node, list):
            waiting.extend((one, within) for one in node)
        if not isinstance(node, dict):
            continue
        names.take(node)
        within = within or (node.get("type") == "SHOW_REF" and node["show_type"] == "DESCRIBE")
        name = named(node)
        if name in found:
            found[name].count += 1
            found[name].described += within
        if node.get("type") == "SELECT_NODE" and not within:
            for place in places(node):
                if named(place.reference) in found:
                    name = named(place.reference)
                    found[name].conditions.append(place.condition(tables[name]))
                    found[name].places.append(place)
        waiting.extend((one, within) for one in node.values())


def _limit(tree: Node, name: str) -> int | None:
    """Return how many rows of a table a query takes that does nothing but take some."""
    node = tree["node"]
    if node.get("type") != "SELECT_NODE" or len(node["modifiers"]) != 1:
        return None
    [modifier] = node["modifiers"]
    reference = node["from_table"]
    if modifier["type"] != "LIMIT_MODIFIER" or named(reference) != name:
        return None
    if any(node.get(part) for part in _ABOVE_ROWS) or reference.get("sample"):
        return None
    if node.get("aggregate_handling") == "FORCE_AGGREGATES":
        return None
    plain = all(one["class"] in _PLAIN and not one.get("expr") for one in node["select_list"])
    counts = [_count(modifier.get(part)) for part in ("limit", "offset")]
    if not plain or counts[0] is None or (modifier.get("offset") and counts[1] is None):
        return None
    return counts[0] + (counts[1] or 0)


def _count(node: Node | None) -> int | None:
    value = (node or {}).get("value") if (node or {}).get("class") == "CONSTANT" else None
    if not isinstance(value, dict) or value.get("is_null"):
        return None
    count = value.get("value")
    return count if isinstance(count, int) and count >= 0 else None
