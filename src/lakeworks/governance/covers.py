"""Which cells of a table one grant shows: some columns, and of nested ones some fields, in some rows.

Pure. Covers are then united: a row is there if some cover shows it, a value if some cover that has
its column shows the row
(https://docs.aws.amazon.com/lake-formation/latest/dg/data-filters-about.html).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core.types import Struct
from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.policy_set import parsed_filter
from lakeworks.governance.resources import EVERY_TABLE
from lakeworks.governance.row_filters import FilterWriter, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema, Type
    from lakeworks.governance.policy_set import CellsFilter, Grant
    from lakeworks.governance.resources import TagExpression
    from lakeworks.governance.tags import ColumnTags, TagState

RESCUED = "_rescued"
Leaf = tuple[str, ...]
Leaves = frozenset[Leaf]


@dataclass(frozen=True, slots=True)
class Cover:
    """What one grant shows.

    Attributes:
        leaves: Columns, and fields of structs, by path, in the table's own spelling.
        condition: The rows, as SQL; None for all.
        judged_by: What the condition looks at, where a principal made it: rows that it lets
            through tell of these values.
    """

    leaves: Leaves
    condition: str | None = None
    judged_by: Leaves = frozenset()

    def within(self, other: Cover, known: Leaves = frozenset()) -> Cover:
        """Return what both show; nothing, where the condition looks at what is not shown.

        Args:
            other: The other.
            known: What is shown beside it, in every row.
        """
        if self.condition != other.condition and not self.judged_by <= other.leaves | known:
            return Cover(frozenset())
        conditions = [c for c in (self.condition, other.condition) if c is not None]
        both = " and ".join(dict.fromkeys(conditions))
        joined = f"({both})" if len(conditions) > 1 and both not in conditions else both
        judged_by = self.judged_by | other.judged_by
        return Cover(self.leaves & other.leaves, joined or None, judged_by)


@dataclass(frozen=True, slots=True)
class Place:
    """A table, as grants are measured against it.

    Attributes:
        leaves: Of each column, its own path, or those of its fields.
        everything: All of them.
        assigned_tags: Of a view, the LF-tags of its columns alone: what follows the data is
            heeded where the data are. None of a table.
        by_tags: What expressions of grants match, as far as it was looked for.
        session_tags: Those of whoever asks.
    """

    table: TableName
    schema: Schema
    leaves: Mapping[str, tuple[Leaf, ...]]
    tags: TagState
    column_tags: Mapping[str, ColumnTags]
    filters: Mapping[str, CellsFilter]
    session_tags: Mapping[str, str]
    everything: Leaves
    assigned_tags: Mapping[str, ColumnTags] | None = None
    by_tags: dict[TagExpression, Leaves] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        table: TableName,
        schema: Schema,
        tags: TagState,
        filters: Mapping[str, CellsFilter],
        session_tags: Mapping[str, str],
    ) -> Place:
        """Take a table's columns apart."""
        leaves = {f.name: tuple(leaves_of((f.name,), f.type)) for f in schema}
        of_columns = {name: tags.of_column(table, name) for name in leaves}
        everything = frozenset(leaf for own in leaves.values() for leaf in own)
        assigned = None
        if str(table) in tags.views:
            assigned = {
                name: tags.of_column(table, name, assigned_only=True) for name in leaves
            }
        return cls(
            table, schema, leaves, tags, of_columns, filters, session_tags, everything, assigned
        )

    def named(self, columns: Iterable[str]) -> Leaves:
        """Return what a list of columns names: `email`, `address`, `address.city`.

        A name that the table does not have names nothing.
        """
        found: set[Leaf] = set()
        for written in columns:
            found.update(self._named(written))
        return frozenset(found)

    def _named(self, written: str) -> Iterator[Leaf]:
        own = self.schema.get(written)
        if own is not None:
            yield from self.leaves[own.name]
            return
        path = tuple(part.casefold() for part in written.split("."))
        top = self.schema.get(path[0])
        for leaf in self.leaves[top.name] if top is not None else ():
            if tuple(part.casefold() for part in leaf[: len(path)]) == path:
                yield leaf


def leaves_of(path: Leaf, kind: Type) -> Iterator[Leaf]:
    """Yield the paths of a column's values: fields of structs, however deep."""
    if isinstance(kind, Struct) and kind.fields:
        for field in kind.fields:
            yield from leaves_of((*path, field.name), field.type)
    else:
        yield path


def cover_of(grant: Grant, place: Place) -> Cover | None:
    """Return what a grant of SELECT shows of a table; None for nothing."""
    found = _cover_of(grant, place)
    tree = parsed_filter(grant.resource.rows) if grant.resource.rows else None
    if found is None or tree is None or not grant.is_by_principal:
        return found
    return replace(
        found, judged_by=place.named(".".join(column.path) for column in columns_of(tree))
    )


def _cover_of(grant: Grant, place: Place) -> Cover | None:
    resource = grant.resource
    if resource.kind == "tags":
        if resource.of != "tables":
            return None
        return _shown(_tagged(grant, place), resource.rows, place)
    if not resource.names(place.table):
        return None
    if not resource.cells:
        alone = resource.table != EVERY_TABLE
        leaves = _listed(resource.columns, resource.excluded, place, alone=alone)
        return _shown(leaves, resource.rows, place)
    cells = place.filters.get(resource.cells)
    if cells is None or cells.table != str(place.table):
        return None
    return _shown(_listed(cells.columns, cells.excluded, place, alone=True), cells.rows, place)


def _tagged(grant: Grant, place: Place) -> Leaves:
    expression = grant.resource.tags
    known = place.by_tags.get(expression)
    if known is None:
        columns = place.column_tags
        known = frozenset(
            leaf
            for name, leaves in place.leaves.items()
            if columns[name].granted_by(expression)
            for leaf in leaves
        )
        place.by_tags[expression] = known
    return known


def _listed(
    columns: tuple[str, ...], excluded: tuple[str, ...], place: Place, *, alone: bool
) -> Leaves:
    """Return the columns of a list, or all but those of another.

    Args:
        columns: The columns listed; none for all.
        excluded: Those that are not shown.
        place: The table.
        alone: Whether the lists are for this table alone. Then a column to be left out that is
            not there is a mistake, and what was meant by it may be: nothing is shown.
    """
    if alone and not all(place.named((name,)) for name in excluded):
        return frozenset()
    shown = place.named(columns) if columns else place.everything
    # What did not fit a column is kept as text beside it: of a hidden one too.
    return shown - place.named((*excluded, RESCUED)) if excluded else shown


def _shown(leaves: Leaves, rows: str, place: Place) -> Cover | None:
    if not leaves:
        return None
    if not rows:
        return Cover(leaves)
    condition = written_filter(rows, place)
    return None if condition is None else Cover(leaves, condition)


def written_filter(rows: str, place: Place, *, matched: str | None = None) -> str | None:
    """Return a row filter as SQL; None where it does not fit the table or the session."""
    tree = parsed_filter(rows)
    if tree is None:
        return None
    try:
        return FilterWriter(place.schema, place.session_tags, matched).sql(tree)
    except ExpressionError:
        return None
