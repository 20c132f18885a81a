"""Copies of a person's data that are not the lake's: counted or named, never written.

The files of a source's own folder are whoever's put them there. They are read where the lake
reads them; a changed one is taken in again as its source declares.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.ingest.discover import split_pattern
from lakeworks.pipeline.state import FILES
from lakeworks.privacy.outside import Outside
from lakeworks.storage.objects import ObjectStore

_MANY = 1_000_000

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.ledger import LedgerEntry
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.landing import Landings
    from lakeworks.privacy.report import Gathered
    from lakeworks.privacy.trace import Trace


def copies_elsewhere(services: Services, landings: Landings, held: set[str]) -> list[str]:
    """Return the files of sources outside the lake that hold the person.

    Args:
        services: Of the lake.
        landings: Reads files as they arrived.
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
    return [one for one in dict.fromkeys(found) if one]


def look_outside(
    services: Services, trace: Trace, gathered: Gathered, *, key: str
) -> list[str]:
    """Count the rows that are not the lake's and name the person; return what was not reached."""
    outside = Outside(services)
    for one in outside.tables():
        columns = outside.columns(one, trace)
        rows = outside.count(one, columns) if columns else 0
        if not rows:
            continue
        readers = [str(t) for t, m in services.project.models.items() if one.table in m.inputs]
        told = (
            f"by {', '.join(sorted(columns))}; not the lake's ({one.place}): delete them there"
        )
        if readers:
            told += (
                f", or the next run brings the person back into {', '.join(sorted(readers))}"
            )
        gathered.note("outside", str(one.table), **{key: rows}, note=told, kept=True)
    return [
        f"{what} was not searched: {why}" for what, why in sorted(outside.unreached.items())
    ]


def unloaded(services: Services, trace: Trace) -> list[str]:
    """Return where UNLOAD wrote rows of tables that have the person, if files are still there."""
    found: dict[str, str] = {}
    for entry in services.catalog.audit_trail.entries(kind="export", limit=_MANY):
        target = str(entry.body.get("target", ""))
        if entry.body.get("statement") != "UNLOAD" or target in found:
            continue
        read = [str(one.get("table", "")) for one in entry.body.get("tables", ())]
        concerned = sorted(name for name in read if trace.concerns(name))
        if concerned and _has_files(services, target):
            found[target] = (
                f"{target}: UNLOAD wrote rows of {', '.join(concerned)} there on "
                f"{entry.at:%Y-%m-%d}; not searched"
            )
    return list(found.values())


def not_reached(services: Services) -> list[str]:
    """Return what is beyond every erasure, as far as this lake may have it."""
    environment = services.project.environment
    found = []
    if environment.storage.startswith("s3://"):
        found.append(
            f"earlier versions of objects, if the bucket of {environment.storage} keeps any: a "
            "lifecycle rule for noncurrent versions deletes them"
        )
    if not environment.catalog.startswith("sqlite:"):
        found.append("write-ahead logs of the catalog's database")
    logs = [one.name for one in services.project.catalogs.values() if one.type != "parquet"]
    if logs:
        found.append(f"logs of other systems: {', '.join(sorted(logs))}")
    if environment.openlineage is not None:
        found.append("OpenLineage events that were sent: they quote SQL as it was written")
    return [
        *found,
        "backups, and exports made earlier: lake subject export, lake query --output",
    ]


def _has_files(services: Services, place: str) -> bool:
    remote = place.startswith("s3://")
    if not remote and not Path(place).is_dir():
        return False
    try:
        store = ObjectStore.open(
            place, services.project.environment.options if remote else None
        )
        return next(iter(store.list()), None) is not None
    except LakeError:
        return True  # whatever is there, nobody said that it went


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
