"""What a caller may know of tables, views, external and federated tables: names and columns.

Knowing of a table takes DESCRIBE or SELECT on it, or on a column. What may not be known is not
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.types import Schema

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.names import TableName
    from lakeworks.query.reading import Reader
    from lakeworks.query.viewer import Viewer


def may_know(name: TableName, viewer: Viewer | None) -> bool:
    """Whether a caller may know that there is a table of this name."""
    return viewer is None or viewer.may_read(name) or viewer.may("DESCRIBE", name)


def known_names(reader: Reader, viewer: Viewer | None) -> list[TableName]:
    """Return the names of what a caller may know of, sorted."""
    from lakeworks.query.federation import outside_names

    names = {*reader.names(), *outside_names(reader.parts)}
    return sorted(name for name in names if may_know(name, viewer))


def known_schema(
    reader: Reader, name: TableName, snapshot: Snapshot, viewer: Viewer | None
) -> Schema:
    """Return the columns of a table that a caller may know of.

    Raises:
        UnknownTableError: there is no such table, or the caller may not know of it.
    """
    from lakeworks.catalog.errors import UnknownTableError

    whole = _whole(reader, name, snapshot, viewer) if may_know(name, viewer) else None
    if whole is not None and viewer is not None:
        seen = frozenset(viewer.described(name, whole))
        whole = Schema(tuple(field for field in whole if field.name in seen)) if seen else None
    if whole is None:
        known = [str(one) for one in known_names(reader, viewer)]
        raise UnknownTableError.named(str(name), known)
    return whole


def external_entry(reader: Reader, name: TableName) -> TableEntry | None:
    """Return the data catalog's entry of an external table; None for other names."""
    return reader.parts.external().find(name) if reader.parts.external is not None else None


def _whole(
    reader: Reader, name: TableName, snapshot: Snapshot, viewer: Viewer | None
) -> Schema | None:
    from lakeworks.query.federation import federated
    from lakeworks.query.same_table import check_same

    number = snapshot.tables.get(name)
    if number is not None:
        if viewer is not None:
            check_same(reader.parts, name, number)
        return reader.source(name, number, hidden=viewer is not None).schema
    view = reader.parts.catalog.data_catalog.find_view(name)
    if view is not None:
        return view.schema
    entry = external_entry(reader, name)
    if entry is not None:
        from lakeworks.ingest.external_tables import schema_of

        return schema_of(entry)[0]
    remote = federated(reader.parts)
    found = remote.find(name) if remote is not None and remote.covers(name) else None
    return found.schema if found is not None else None
