"""External tables in a caller's query: found by name, read as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.query.errors import ExternalVersionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.query.viewer import Viewer
    from lakeworks.storage.external import ExternalSource

# Stands for the version of a table that has none.
NO_VERSION = -1


def is_external(
    tables: Callable[[], ExternalTables] | None, name: TableName, *, version: str = ""
) -> bool:
    """Whether the data catalog has an external table of that name.

    Args:
        version: How the query asks for an earlier state of it, if it does.

    Raises:
        ExternalVersionError: it has, and the query asks for an earlier state.
    """
    if tables is None or tables().find(name) is None:
        return False
    if version:
        raise ExternalVersionError.asked(str(name), version)
    return True


def external_sources(
    tables: Callable[[], ExternalTables] | None,
    sql: str,
    named: Mapping[str, tuple[TableName, int]],
    viewer: Viewer | None = None,
) -> dict[str, ExternalSource]:
    """Return the external tables of a query, each with the files that it can need.

    A principal's conditions are on what it sees: those on a masked column choose no partition.
    """
    if tables is None or all(number != NO_VERSION for _, number in named.values()):
        return {}
    entries, known = {}, tables()
    for written, (name, number) in named.items():
        entry = known.find(name) if number == NO_VERSION else None
        if entry is not None:
            entries[written] = entry
    if not entries:
        return {}
    return known.needed(sql, entries, plain=None if viewer is None else viewer.plain_columns)
