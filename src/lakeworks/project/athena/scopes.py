"""Which columns a part of a query can name, and of which kinds they are. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import UNKNOWN, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Columns = dict[str, Kind]


@dataclass(slots=True)
class Scope:
    """One query's names.

    Attributes:
        around: The query that it stands in.
        tables: By the name that they go under, their columns; nothing known of them: none.
        common: The tables that WITH declares.
        parameters: Those of functions that are arguments.
    """

    around: Scope | None = None
    tables: dict[str, Columns] = field(default_factory=dict)
    common: dict[str, Columns] = field(default_factory=dict)
    parameters: dict[str, Kind] = field(default_factory=dict)

    def within(self, parameters: Mapping[str, Kind]) -> Scope:
        """Return the scope of a function's body."""
        return Scope(self.around, self.tables, self.common, {**self.parameters, **parameters})

    def inner(self) -> Scope:
        """Return the scope of a query within this one."""
        return Scope(self)

    def put(self, name: str, columns: Columns) -> None:
        """Take note of a table; two without a name, or of one name, stay two."""
        key = name.lower()
        while key in self.tables:
            key += "'"
        self.tables[key] = columns

    def declared(self, name: str) -> Columns | None:
        """Return the columns of a table that WITH declares."""
        at: Scope | None = self
        while at is not None:
            if name.lower() in at.common:
                return at.common[name.lower()]
            at = at.around
        return None

    def kind(self, parts: Sequence[str]) -> Kind:
        """Return the kind of `column`, `table.column`, `column.field` and longer names."""
        names = [part.lower() for part in parts]
        if names[0] in self.parameters:
            return _fields(self.parameters[names[0]], names[1:])
        at: Scope | None = self
        while at is not None:
            if len(names) > 1 and names[0] in at.tables:
                return _fields(at.tables[names[0]].get(names[1], UNKNOWN), names[2:])
            for columns in at.tables.values():
                if names[0] in columns:
                    return _fields(columns[names[0]], names[1:])
            if any(not columns for columns in at.tables.values()):
                return UNKNOWN
            at = at.around
        return UNKNOWN


def _fields(kind: Kind, names: Sequence[str]) -> Kind:
    for name in names:
        kind = kind.field(name)
    return kind


def renamed(columns: Columns, names: Sequence[str]) -> Columns:
    """Return columns under other names, as `AS t(a, b)` gives them."""
    if not names:
        return columns
    kinds = list(columns.values())
    return {
        name.lower(): kinds[n] if n < len(kinds) and len(kinds) == len(names) else UNKNOWN
        for n, name in enumerate(names)
    }
