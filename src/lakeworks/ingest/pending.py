"""Compare the files that are there with those that were read: what is new, changed or gone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.ingest.discover import FoundFile
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.ingest.ledger import LedgerEntry
    from lakeworks.project.declaration import Source

_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pending:
    """A source's files, by what there is to do about them.

    Attributes:
        changed: Files whose content is not what was read; `before` has what was.
        vanished: Paths that were read and are gone: their rows stay.
        touched: What the ledger should say of unchanged files that have another time now, so that
            their checksums need not be computed again.
    """

    new: tuple[FoundFile, ...] = ()
    changed: tuple[FoundFile, ...] = ()
    unchanged: tuple[FoundFile, ...] = ()
    vanished: tuple[str, ...] = ()
    before: Mapping[str, LedgerEntry] = field(default_factory=dict)
    touched: tuple[LedgerEntry, ...] = ()


def pending(
    source: Source,  # noqa: ARG001 - part of the contract: how files compare may be declared
    found: Sequence[FoundFile],
    known: Mapping[str, LedgerEntry],
) -> Pending:
    """Divide `found` by what the ledger says of each file.

    A file of the same size and time (or the same etag) is taken for unchanged without a look
    inside; one of the same size and another time is decided by its checksum.
    """
    new: list[FoundFile] = []
    changed: list[FoundFile] = []
    unchanged: list[FoundFile] = []
    touched: list[LedgerEntry] = []
    for file in found:
        have = known.get(file.path)
        if have is None:
            new.append(file)
        elif _same(file, have):
            unchanged.append(file)
            if not file.etag and file.modified_ns != have.modified_ns:
                touched.append(replace(have, modified_ns=file.modified_ns))
        else:
            changed.append(file)
    here = {file.path for file in found}
    return Pending(
        tuple(new),
        tuple(changed),
        tuple(unchanged),
        tuple(sorted(path for path in known if path not in here)),
        {file.path: known[file.path] for file in changed},
        tuple(touched),
    )


def reread(known: Mapping[str, LedgerEntry], found: Pending) -> Pending:
    """Return what is to be read when the table is made anew: every file, each once.

    Files read before come from the landing zone, where they are even if the source lost them.
    """
    changed = {file.path for file in found.changed}
    landed = tuple(
        FoundFile(
            entry.source_file,
            entry.landed_uri,
            entry.size_bytes,
            entry.modified_ns,
            entry.etag,
            landed_sha256=entry.sha256,
        )
        for entry in known.values()
        if entry.source_file not in changed
    )
    return Pending(new=(*landed, *found.new, *found.changed), vanished=found.vanished)


def reread_some(known: Mapping[str, LedgerEntry], members: Iterable[str]) -> Pending:
    """Return some landed files as if they had changed, so that their rows are replaced.

    Args:
        known: What the ledger says of every file.
        members: Values of `_source_file`: files, or members of archives.
    """
    wanted = {member.split("!", 1)[0] for member in members} | set(members)
    again = tuple(
        FoundFile(
            entry.source_file,
            entry.landed_uri,
            entry.size_bytes,
            entry.modified_ns,
            entry.etag,
            landed_sha256=entry.sha256,
        )
        for entry in known.values()
        if entry.source_file in wanted
    )
    return Pending(changed=again, before={file.path: known[file.path] for file in again})


def reached(found: Pending, landing: ObjectStore, options: Mapping[str, str]) -> Pending:
    """Return the same files, each able to be opened: also in buckets outside the landing zone.

    Args:
        found: As `reread` and `reread_some` return it.
        landing: The landing zone's root.
        options: The environment's `s3:` settings.
    """
    stores: dict[str, ObjectStore] = {}

    def with_store(file: FoundFile) -> FoundFile:
        elsewhere = file.uri.startswith("s3://") and not file.uri.startswith(f"{landing.root}/")
        if not elsewhere or file.store is not None:
            return file
        bucket = file.uri.removeprefix("s3://").partition("/")[0]
        if bucket not in stores:
            stores[bucket] = ObjectStore.open(f"s3://{bucket}", options)
        return replace(file, store=stores[bucket])

    return replace(
        found,
        new=tuple(with_store(file) for file in found.new),
        changed=tuple(with_store(file) for file in found.changed),
    )


def _same(file: FoundFile, have: LedgerEntry) -> bool:
    if file.size_bytes != have.size_bytes:
        return False
    if file.etag or have.etag:
        return file.etag == have.etag
    if file.modified_ns == have.modified_ns:
        return True
    return bool(have.sha256) and _sha256(file.uri) == have.sha256


def _sha256(uri: str) -> str:
    digest = hashlib.sha256()
    try:
        with Path(uri).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
