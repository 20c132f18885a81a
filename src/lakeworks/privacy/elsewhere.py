"""Copies of a person's data that are not the lake's: named, never written.

The files of a source's own folder are whoever's put them there. They are read where the lake
reads them; a changed one is taken in again as its source declares.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.ingest.discover import split_pattern
from lakeworks.pipeline.state import FILES
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.ledger import LedgerEntry
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.landing import Landings
    from lakeworks.privacy.tracing import Trace


def copies_elsewhere(
    services: Services, landings: Landings, trace: Trace, held: set[str]
) -> list[str]:
    """Return the files and tables outside the lake that hold the person, or may.

    Args:
        services: Of the lake.
        landings: Reads files as they arrived.
        trace: What the person is known by.
        held: The landed files that hold, or held, the person: their originals do, too.
    """
    found: list[str] = []
    for table, entries in _ledgers(services):
        source = services.project.sources[table]
        for entry in entries:
            if entry.landed_uri in held:
                found.append(_in_source(source.path, entry.source_file))
            elif not entry.landed_uri.startswith(f"{services.storage.landing.root}/"):
                found += _in_place(services, landings, str(table), entry)
    for name in sorted(map(str, services.project.tables)):
        if trace.columns.get(name):
            columns = ", ".join(sorted(trace.columns[name]))
            found.append(f"external table {name} ({columns}): its files were not searched")
    return [one for one in dict.fromkeys(found) if one]


def _ledgers(services: Services) -> Iterator[tuple[TableName, list[LedgerEntry]]]:
    for table in sorted(services.project.sources):
        head = services.catalog.head(table)
        batch = head.transactions.get(FILES, 0) if head else 0
        if batch > 0:
            yield table, list(services.catalog.ledger.entries(table, up_to=batch).values())


def _in_source(path: str, source_file: str) -> str:
    """Return where a source has a file of which a copy landed; empty where it is gone."""
    base, _ = split_pattern(path)
    if base.startswith("s3://"):
        return f"{base}/{source_file}"
    place = Path(base)
    place = place if place.is_file() else place / source_file
    return str(place) if place.is_file() else ""


def _in_place(
    services: Services, landings: Landings, table: str, entry: LedgerEntry
) -> Iterator[str]:
    """Yield a file that is read where it lies, when the person is in it."""
    uri = entry.landed_uri
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        store = ObjectStore.open(f"s3://{bucket}", services.project.environment.options)
        if not store.exists(key):
            return
        opened = partial(store.open_read, key)
    else:
        if not Path(uri).is_file():
            return
        opened = partial(open, uri, "rb")
    one = landings.judged(opened, uri, entry.source_file, table)
    if one is not None:
        yield uri
