"""A query that was read and not yet run. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.names import TableName
    from lakeworks.engines.caller import CallerQuery
    from lakeworks.query.viewer import Viewer
    from lakeworks.query.views import BoundView


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that was read: what runs, over which tables, for whom.

    Attributes:
        tables: The name that the SQL reads a table under, to the table and its version.
        marks: The names of schemas that stand for a version, as `without_versions` made them.
        gated: What the gate found, where permissions hold; views stand in it as they are.
        names: The tables and views that the SQL itself names.
        views: The views that it reads by the names under which it does, each behind those that
            it reads in turn.
        words: What may be columns that it reads, its views' too; None for any.
    """

    sql: str
    tables: Mapping[str, tuple[TableName, int]]
    marks: Mapping[str, tuple[str, int]]
    snapshot: Snapshot | None
    viewer: Viewer | None
    gated: CallerQuery | None
    names: frozenset[str] = frozenset()
    views: Mapping[str, BoundView] = field(default_factory=dict)
    words: frozenset[str] | None = None

    @property
    def rests_on(self) -> set[tuple[str, int]]:
        """The tables that it reads, each with its version, and the views."""
        tables = {(str(name), number) for name, number in self.tables.values()}
        return tables | {view.mark for view in self.views.values()}
