"""External tables in a caller's query: found by name, read as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.query.errors import ExternalVersionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    texts: Sequence[tuple[str, frozenset[str]]],
    named: Mapping[str, tuple[TableName, int]],
    viewer: Viewer | None = None,
) -> dict[str, ExternalSource]:
    """Return the external tables of a query, each with the files that it can need.

    A principal's conditions are on what it sees: those on a masked column choose no partition.

    Args:
        texts: The query's SQL and that of the views that it reads, each with what it names. A
            table that several name is read whole: what one can need says nothing of the others.
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
    plain = None if viewer is None else viewer.plain_columns
    found: dict[str, ExternalSource] = {}
    for sql, names in texts:
        alone = {
            name: entry
            for name, entry in entries.items()
            if name in names and sum(name in others for _, others in texts) == 1
        }
        found |= known.needed(sql, alone, plain=plain) if alone else {}
    return found | {
        name: known.whole(entry) for name, entry in entries.items() if name not in found
    }
