"""Find the files that rules on files look at: in folders, and in buckets.

Files are listed by the object store, which tells size and time without reading them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.quality.rules.context import FileFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakeworks.storage.objects import ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Lists files by path.

    Attributes:
        data: The URIs of the files that the data came from, for rules that name no path.
        base: The folder that relative paths begin at; empty for the current one.
        options: How `s3://` is reached, as for `ObjectStore.open`.
    """

    data: Sequence[str] = ()
    base: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def files(self, path: str) -> list[FileFacts]:
        """Return the file at a path, or all below a folder; those of the data for no path.

        A path with nothing at it gives no files.
        """
        if not path:
            return [facts for uri in self.data for facts in self.files(uri)]
        return list(self._bucket(path) if path.startswith("s3://") else self._folder(path))

    def _bucket(self, path: str) -> Iterator[FileFacts]:
        from lakeworks.storage.objects import ObjectStore

        bucket, _, key = path.removeprefix("s3://").strip().partition("/")
        store = ObjectStore.open(f"s3://{bucket.strip()}", self.options)
        folder = key.rstrip("/")
        if key and not key.endswith("/"):
            found = store.info(key)
            if found is not None:
                yield _facts(store, found)
                return
        for info in store.list(folder):
            yield _facts(store, info)

    def _folder(self, path: str) -> Iterator[FileFacts]:
        from lakeworks.storage.objects import ObjectStore

        place = (Path(self.base) / path.removeprefix("file://")).absolute()
        if place.is_file():
            store = ObjectStore.open(str(place.parent))
            found = store.info(place.name)
            if found is not None:
                yield _facts(store, found)
            return
        if place.is_dir():
            store = ObjectStore.open(str(place))
            for info in store.list():
                yield _facts(store, info)


def _facts(store: ObjectStore, info: ObjectInfo) -> FileFacts:
    return FileFacts(
        store.uri(info.path),
        info.size_bytes,
        info.modified,
        partial(store.open_read, info.path),
    )
