"""What a query's columns derive from: plain values, so that JSON holds them.

Pure data; `sql_lineage.py` finds it in SQL, and a declaration may state it. An *origin* is a
column of an input table and how it takes part. The kinds in `VALUE` mean that its value goes
into the result; those in `INFLUENCE` that it only decides which rows there are, or which value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Origin = tuple[str, str, str]  # table, column, kind
Origins = frozenset[Origin]

IDENTITY, TRANSFORMATION, AGGREGATION = "identity", "transformation", "aggregation"
VALUE = (IDENTITY, TRANSFORMATION, AGGREGATION)
FILTER, JOIN, GROUP, SORT = "filter", "join", "group", "sort"
WINDOW, CONDITION, COUNT = "window", "condition", "count"
INFLUENCE = (FILTER, JOIN, GROUP, SORT, WINDOW, CONDITION, COUNT)
NOTHING: Origins = frozenset()
_RANK = {kind: rank for rank, kind in enumerate(VALUE)}


def as_kind(origins: Iterable[Origin], kind: str) -> Origins:
    """Return the origins after a use of the given kind.

    A value that is transformed stays one, of the stronger kind; a value that only influences
    becomes an influence of that kind. What influenced before goes on to.
    """
    if kind in _RANK:
        return frozenset(
            (t, c, max(k, kind, key=_RANK.__getitem__)) if k in _RANK else (t, c, k)
            for t, c, k in origins
        )
    return frozenset((t, c, kind) if k in _RANK else (t, c, k) for t, c, k in origins)


def values_of(origins: Iterable[Origin]) -> dict[tuple[str, str], str]:
    """Return the columns whose values go into the result, each with the strongest kind."""
    found: dict[tuple[str, str], str] = {}
    for table, column, kind in sorted(origins):
        if kind in _RANK:
            known = found.get((table, column), IDENTITY)
            found[table, column] = max(known, kind, key=_RANK.__getitem__)
    return found


def influences_of(origins: Iterable[Origin]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the columns that only influence the result, each with every kind."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for table, column, kind in sorted(origins):
        if kind not in _RANK:
            found[table, column] = (*found.get((table, column), ()), kind)
    return found


@dataclass(frozen=True, slots=True)
class DerivedColumn:
    """One column of a query's result.

    Attributes:
        name: Empty where the query gives it none of its own (`select a + 1`).
        unresolved: Why something that it derives from is not known; empty when all is.
        type: The type's text, where the column is a source column passed through.
    """

    name: str
    origins: Origins = NOTHING
    unresolved: tuple[str, ...] = ()
    type: str = ""


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """What a query's result derives from.

    Attributes:
        columns: In order; without those that a `*` stands for where they are not known.
        rows: What decides which rows there are: this influences every column.
        tables: Every table that is read, whether by a column or not.
        unresolved: What of the rows, or of the list of columns, is not known, and why.
        complete: Whether `columns` are all.
    """

    columns: tuple[DerivedColumn, ...]
    rows: Origins = NOTHING
    tables: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    complete: bool = True

    def column(self, name: str) -> DerivedColumn | None:
        """Return the column of that name, whatever its case, or None."""
        wanted = name.lower()
        return next((one for one in self.columns if one.name.lower() == wanted), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "columns": [
                [c.name, sorted(c.origins), list(c.unresolved), c.type] for c in self.columns
            ],
            "rows": sorted(self.rows),
            "tables": list(self.tables),
            "unresolved": list(self.unresolved),
            "complete": self.complete,
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> QueryLineage:
        """Read what `to_json` wrote."""
        return cls(
            tuple(
                DerivedColumn(
                    name, frozenset((t, c, k) for t, c, k in origins), tuple(gaps), kind
                )
                for name, origins, gaps, kind in plain["columns"]
            ),
            frozenset((t, c, k) for t, c, k in plain["rows"]),
            tuple(plain["tables"]),
            tuple(plain["unresolved"]),
            plain["complete"],
        )


def unknown_lineage(tables: Iterable[str], reason: str) -> QueryLineage:
    """Return the lineage of which only the tables are known, and why."""
    return QueryLineage((), NOTHING, tuple(tables), (reason,), complete=False)
