"""The tables of a FROM clause in DuckDB's parse tree, and the conditions that their rows must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.engines.duckdb.external_conditions import (
    KEPT_JOINS,
    KEPT_REFERENCES,
    conjuncts,
)
from lakeworks.engines.duckdb.remote_tests import condition_of
from lakeworks.engines.remote_conditions import all_of

if TYPE_CHECKING:
    from lakeworks.engines.remote_conditions import Condition, RemoteColumns

Node = dict[str, Any]


@dataclass(slots=True)
class Place:
    """One mention of a table, and the conditions that its rows must pass.

    Attributes:
        supplied: Whether joins may supply nulls for it.
        alone: Whether it stands alone in its FROM.
        siblings: All tables of its FROM, itself included; none where they are not all known.
    """

    reference: Node
    conditions: tuple[Node, ...]
    supplied: bool
    alone: bool = False
    siblings: tuple[Place, ...] = ()

    @property
    def label(self) -> str:
        """By what columns are said to be its own, in lower case."""
        return str(
            self.reference.get("alias") or self.reference.get("table_name") or ""
        ).lower()

    @property
    def is_plain(self) -> bool:
        """Whether it is a table by name, with the names of columns that it has."""
        kind, renamed = self.reference.get("type"), self.reference.get("column_name_alias")
        return kind == "BASE_TABLE" and not renamed

    def parts(self) -> list[Node]:
        """Return the parts of its conditions: all must hold."""
        return [part for one in self.conditions for part in conjuncts(one)]

    def condition(self, columns: RemoteColumns) -> Condition | None:
        """Return what of the conditions is on the table's own columns."""
        types = dict(columns.plain)
        alias = self.reference["alias"].lower()
        table = self.reference["table_name"].lower()
        schema = self.reference["schema_name"].lower()
        prefixes = [[alias]] if alias else [[table], [schema, table]]

        def column(node: Node) -> tuple[str, str] | None:
            parts = [part.lower() for part in node["column_names"]]
            plain = self.alone and len(parts) == 1
            if parts[-1] not in types or not (plain or parts[:-1] in prefixes):
                return None
            return parts[-1], types[parts[-1]]

        held = (condition_of(one, column, nulls=not self.supplied) for one in self.parts())
        return all_of(held)


def places(select: Node) -> list[Place]:
    """Return the tables of a FROM clause that conditions of its SELECT hold for."""
    if select.get("sample"):
        return []
    where = select.get("where_clause")
    begin = (where,) if where else ()
    waiting: list[tuple[Any, bool, tuple[Node, ...]]] = [(select["from_table"], False, begin)]
    found: list[Place] = []
    while waiting:
        node, supplied, conditions = waiting.pop()
        if not isinstance(node, dict) or node.get("sample"):
            return []
        if node.get("type") != "JOIN":
            found.append(Place(node, conditions, supplied))
            continue
        kind = node["join_type"]
        if kind not in KEPT_JOINS or node["ref_type"] not in KEPT_REFERENCES:
            return []
        on = (node["condition"],) if node.get("condition") else _using(node)
        left = conditions + (on if kind in {"INNER", "RIGHT"} else ())
        right = conditions + (on if kind in {"INNER", "LEFT"} else ())
        waiting.append((node["left"], supplied or kind in {"RIGHT", "OUTER"}, left))
        waiting.append((node["right"], supplied or kind in {"LEFT", "OUTER"}, right))
    for place in found:
        place.alone = len(found) == 1
        place.siblings = tuple(found)
    return [one for one in found if not one.reference.get("column_name_alias")]


def _using(join: Node) -> tuple[Node, ...]:
    """Return what USING says of two tables, as a condition."""
    labels = []
    for side in (join["left"], join["right"]):
        place = Place(side, (), supplied=False) if isinstance(side, dict) else None
        if place is None or not place.is_plain:
            return ()
        labels.append(place.label)
    return tuple(
        {
            "class": "COMPARISON",
            "type": "COMPARE_EQUAL",
            "left": {"class": "COLUMN_REF", "column_names": [labels[0], column]},
            "right": {"class": "COLUMN_REF", "column_names": [labels[1], column]},
        }
        for column in join.get("using_columns") or ()
    )
