"""Results of executions, kept as Arrow streams in folders or buckets; equal questions find them again.

A result is known by its execution. What makes two questions equal is in a key: the SQL's text,
whose permissions held, in which version, and the versions of all tables that it read. A change of
any of them is another key, so a result can not outlive what it was allowed or made from.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.query.executions.errors import ResultGoneError
from lakeworks.storage.errors import ObjectNotFoundError, StorageError
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from lakeworks.query.executions.records import QueryRequest
    from lakeworks.query.questions import Question

_ID = re.compile(r"[0-9a-f]{32}")
ENDING, PART = ".arrows", ".part"


class ResultStore:
    """One place that holds results.

    Args:
        place: An absolute folder, which only its owner can read, or `s3://bucket/prefix`.
        options: How `s3://` is reached, and how its objects are encrypted.
    """

    def __init__(self, place: str, options: Mapping[str, str] | None = None) -> None:
        self.place = place
        self._options = options

    @property
    def remote(self) -> bool:
        """Whether it is a bucket."""
        return self.place.startswith("s3://")

    def name(self, execution_id: str) -> str:
        """Return the name of an execution's result.

        Raises:
            ResultGoneError: that is no execution's identifier.
        """
        if _ID.fullmatch(execution_id) is None:
            raise ResultGoneError.of(execution_id)
        return f"{execution_id}{ENDING}"

    def path(self, execution_id: str) -> Path:
        """Return the file of an execution's result in a folder, which is made where it is missing."""
        name = self.name(execution_id)
        folder = Path(self.place)
        if not folder.is_dir():
            try:
                folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            except OSError as error:
                why = error.strerror or str(error)
                raise StorageError.failed("make", str(folder), why) from None
        return folder / name

    def has(self, execution_id: str) -> bool:
        """Whether the result of an execution is here."""
        try:
            return self._store.exists(self.name(execution_id))
        except StorageError:
            return False

    def open(self, execution_id: str) -> tuple[BinaryIO, int]:
        """Return the bytes of a result, and how many there are.

        Raises:
            ResultGoneError: it is not, or no longer, kept.
            StorageError: the place cannot be reached.
        """
        name = self.name(execution_id)
        found = self._store.info(name)
        if found is None:
            raise ResultGoneError.of(execution_id)
        try:
            return self._store.open_read(name), found.size_bytes
        except ObjectNotFoundError:
            raise ResultGoneError.of(execution_id) from None

    def drop(self, *execution_ids: str) -> None:
        """Delete results, and what killed processes left of them."""
        names = [self.name(one) for one in execution_ids]
        self._store.delete([*names, *(_part(name) for name in names)])

    def sweep(self, *, older_than_s: float) -> int:
        """Delete whatever is here for so long: what nobody knows of any more; return how many."""
        limit = clock.now() - timedelta(seconds=older_than_s)
        if not self.remote and not Path(self.place).is_dir():
            return 0
        old = [
            found.path
            for found in self._store.list(unfinished=True)
            if found.path.endswith((ENDING, PART)) and found.modified < limit
        ]
        self._store.delete(old)
        return len(old)

    @cached_property
    def _store(self) -> ObjectStore:
        return ObjectStore.open(self.place, self._options if self.remote else None)


class ResultPlaces:
    """Where the results of each workgroup go. Safe to use from several threads.

    Args:
        usual: The folder of workgroups that name none, and of what is on its way to a bucket.
        locations: The places of the others: absolute folders, or `s3://bucket/prefix`.
        options: How `s3://` is reached, and how its objects are encrypted.
    """

    def __init__(
        self,
        usual: Path,
        locations: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._usual = ResultStore(str(usual))
        self._options = options
        self._stores = {self._usual.place: self._usual}
        self._of = {name: self.at(place) for name, place in (locations or {}).items()}

    def of(self, workgroup: str) -> ResultStore:
        """Return where the results of a workgroup go."""
        return self._of.get(workgroup, self._usual)

    def at(self, place: str) -> ResultStore:
        """Return the store at a place, which may be a workgroup's of earlier days."""
        found = self._stores.get(place)
        if found is None:
            found = self._stores.setdefault(place, ResultStore(place, self._options))
        return found

    def written_to(self, workgroup: str, execution_id: str) -> tuple[Path, str]:
        """Return the file that takes a result, and the bucket that it is then brought to."""
        store = self.of(workgroup)
        if store.remote:
            return self._usual.path(execution_id), store.place
        return store.path(execution_id), ""

    def drop(self, workgroup: str, execution_id: str) -> None:
        """Delete what a query that failed has left."""
        self.written_to(workgroup, execution_id)[0].with_suffix(PART).unlink(missing_ok=True)
        self.written_to(workgroup, execution_id)[0].unlink(missing_ok=True)

    def ages(self, retention_s: Mapping[str, float]) -> dict[str, float]:
        """Return how long anything is kept in each place: as its longest workgroup says."""
        ages: dict[str, float] = {self._usual.place: 0.0}
        for name, age_s in retention_s.items():
            # What is on its way to a bucket passes through the usual folder.
            for place in (self.of(name).place, self._usual.place):
                ages[place] = max(ages.get(place, 0.0), age_s)
        return ages


def bring(out: Path, place: str, options: Mapping[str, str]) -> None:
    """Bring a finished result to a bucket; nothing of it stays here."""
    store = ObjectStore.open(place, options)
    try:
        store.write_stream(out.name, pieces(out))
    finally:
        out.unlink(missing_ok=True)


def pieces(path: Path) -> Iterable[bytes]:
    """Yield a file's bytes."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


_PIECE_BYTES = 1024 * 1024


def _part(name: str) -> str:
    return name.removesuffix(ENDING) + PART


def reuse_key(asked: QueryRequest, question: Question) -> str:
    """Return what an equal question has in common with this one, and no other has."""
    told = [
        asked.sql.strip(),
        asked.dialect,
        asked.principal,
        # Another workgroup keeps results elsewhere, and for another time.
        asked.workgroup,
        asked.limit,
        question.policy_version,
        sorted(question.versions),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
