"""A session for SQL that a caller wrote: it sees the tables it is given and no other file.

DuckDB's switch that shuts off all files is one for a whole instance and cannot be turned back,
so such a session has an instance of its own. Its views read exactly the files of its tables,
which stay open by name; globs, other files, COPY, ATTACH and settings are shut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.reading import paths_list, uri
from lakeworks.engines.duckdb.session import DuckSession
from lakeworks.storage.fetched import FetchedSource
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb

    from lakeworks.storage.external import AnySource


@dataclass(frozen=True, slots=True)
class Instance:
    """Where a session is to live, all by itself.

    Attributes:
        root: With memory limit, zone and S3 access set.
        spill: Its temporary directory, for rows that do not fit into memory.
        shut: Whether it is one that was shut already, and is empty since.
        leave: Called instead of closing it when the session was closed.
    """

    root: duckdb.DuckDBPyConnection
    spill: str
    shut: bool = False
    leave: Callable[[DuckSession], None] | None = None


def query_session(
    instance: Instance,
    sources: Mapping[str, AnySource],
    *,
    s3: Mapping[str, str | bool] | None = None,
    on_close: Callable[[DuckSession], None] | None = None,
    settings: Sequence[str] = (),
) -> DuckSession:
    """Return a session that can read `sources` and nothing else.

    Args:
        instance: Nobody else's.
        sources: Dotted name to table; rows that were fetched alone, where the instance was shut.
        s3: How `s3://` is reached.
        on_close: Called when the session was closed.
        settings: Statements that are run before settings are shut too.
    """
    root, is_shut = instance.root, False

    def close(session: DuckSession) -> None:
        # One whose tables could not be bound was never shut: nobody may have it.
        if is_shut and instance.leave is not None:
            instance.leave(session)
        else:
            root.close()
        if on_close is not None:
            on_close(session)

    # No database of a lake may have the catalog's name: names would be ambiguous.
    session = DuckSession(
        root.cursor(), catalog="__lakeworks", s3=s3, on_close=close, shut=instance.shut
    )
    try:
        with translated(root):
            for setting in settings:
                root.execute(setting)
        for name, source in sources.items():
            session.bind(name, source)
        if not instance.shut:
            _shut(root, sources, instance.spill)
        is_shut = True
    except BaseException:
        session.close()
        raise
    return session


def _shut(
    root: duckdb.DuckDBPyConnection, sources: Mapping[str, AnySource], spill: str
) -> None:
    paths = {path for source in sources.values() for path in _paths(source)}
    with translated(root):
        # Rows come in the order of the table's files: a LIMIT shows the same ones each time.
        root.execute("SET GLOBAL preserve_insertion_order = true")
        root.execute(f"SET GLOBAL allowed_directories = {paths_list([spill])}")
        root.execute(f"SET GLOBAL allowed_paths = {paths_list(sorted(paths))}")
        root.execute("SET GLOBAL enable_external_access = false")
        root.execute("SET GLOBAL lock_configuration = true")


def _paths(source: AnySource) -> Iterable[str]:
    if isinstance(source, TableSource):
        return [uri(source.root, file.path) for file in source.files]
    if isinstance(source, FetchedSource):
        return []
    from lakeworks.engines.duckdb.external import opened_paths

    return opened_paths(source)
