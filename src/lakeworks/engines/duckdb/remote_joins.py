"""Find by which columns a query joins a table elsewhere with tables of the lake.

A row elsewhere matters only if each equality that its place demands holds with some row of the other
table, one that passes the other's own conditions: see `remote_places.py` for which do so. So the
other's keys, looked up before, are all that has to be asked for. Equalities count between plain
columns of one kind alone, and where their names can mean nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.engines.duckdb.external_conditions import KeyPlace, named
from lakeworks.engines.partition_conditions import KeyColumns
from lakeworks.engines.remote_conditions import JoinKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from lakeworks.engines.duckdb.remote_places import Place
    from lakeworks.engines.remote_conditions import RemoteColumns

Node = dict[str, Any]
MOST_KEYS = 4
_KINDS = {
    "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer",
    "date": "date", "string": "string",
}  # fmt: skip


def join_keys(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    columns: RemoteColumns,
    partners: Mapping[str, RemoteColumns],
) -> tuple[JoinKey, ...]:
    """Return by which columns a table elsewhere is joined with others.

    Args:
        con: Used to write conditions; nothing is bound or run.
        place: The only place of the table in a query.
        columns: Those of the table.
        partners: By dotted name, the tables whose keys may be looked up.
    """
    known = {
        one.label: partners.get(named(one.reference))
        for one in place.siblings
        if one.is_plain and one is not place
    }
    labels = [one.label for one in place.siblings]
    seen = _Names(labels, {**known, place.label: columns})
    found = []
    for part in place.parts():
        if part.get("class") != "COMPARISON" or part["type"] != "COMPARE_EQUAL":
            continue
        sides = (seen.column(part["left"]), seen.column(part["right"]))
        for own, other in (sides, sides[::-1]):
            if own is None or other is None or own[0] != place.label or other[0] == own[0]:
                continue
            if _KINDS.get(own[2]) is not None and _KINDS.get(own[2]) == _KINDS.get(other[2]):
                partner = next(one for one in place.siblings if one.label == other[0])
                condition = _condition(con, partner, partners)
                name = named(partner.reference)
                found.append(JoinKey(own[1], name, other[1], condition))
    return tuple(dict.fromkeys(found))[:MOST_KEYS]


class _Names:
    """What names of columns mean in one FROM clause.

    Args:
        labels: Of all its tables.
        columns: Of those that are known, by label.
    """

    def __init__(self, labels: list[str], columns: Mapping[str, RemoteColumns | None]) -> None:
        self._columns = {
            label: one for label, one in columns.items() if one and labels.count(label) == 1
        }
        self._whole = len(self._columns) == len(labels)

    def column(self, node: Node) -> tuple[str, str, str] | None:
        """Return a column's table, name and type; None where it is another, or not a plain one."""
        parts = [one.lower() for one in node.get("column_names", ())]
        if node.get("class") != "COLUMN_REF" or len(parts) not in {1, 2}:
            return None
        label = parts[0] if len(parts) > 1 else self._only(parts[0])
        columns = self._columns.get(label)
        types = dict(columns.plain) if columns is not None else {}
        return (label, parts[-1], types[parts[-1]]) if parts[-1] in types else None

    def _only(self, column: str) -> str:
        """Return the only table that has a column; empty where that is not known."""
        held = [
            label
            for label, one in self._columns.items()
            if column in one.others or column in dict(one.plain)
        ]
        return held[0] if self._whole and len(held) == 1 else ""


def _condition(
    con: duckdb.DuckDBPyConnection, place: Place, partners: Mapping[str, RemoteColumns]
) -> str:
    """Return what a row of the other table must fulfil, as far as it hangs on that alone.

    Where joins may supply nulls for it, its rows count even if WHERE drops them: they keep nulls from
    being supplied, which WHERE might not drop.
    """
    if place.supplied:
        return ""
    held = partners[named(place.reference)]
    columns = KeyColumns(held.plain, held.others)
    return KeyPlace(con, place.reference, columns, alone=place.alone).text(place.parts())
