"""List the files of partitions, in folders and in buckets; find partitions in folders."""

from __future__ import annotations

import os
import posixpath
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakeworks.catalog.data_catalog.errors import UnreadableTableError
from lakeworks.catalog.data_catalog.model import HIVE_NULL
from lakeworks.storage.external import ExternalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.engines.partition_conditions import PartitionCondition
    from lakeworks.storage.objects import ObjectStore

Values = tuple[str | None, ...]
# So many folders cost less to list in one go with all that lies around them.
_MANY_FOLDERS = 500
_REQUESTS_AT_ONCE = 16


class Files:
    """Lists files. Hidden ones, whose name begins with a dot or `_`, are no data, as in Athena."""

    def __init__(self, store: Callable[[str], ObjectStore]) -> None:
        self._open = store
        self._stores: dict[str, ObjectStore] = {}

    def below(
        self, partitions: Iterable[tuple[Values, str]], around: str = ""
    ) -> Iterator[ExternalFile]:
        """Yield the files in the folders of partitions, in order; a folder may be one file.

        Args:
            partitions: Values and folder of each.
            around: A folder that most of them lie in.
        """
        found = list(partitions)
        if len(found) > _MANY_FOLDERS and around:
            yield from self._in_one_go(found, around)
            return
        remote = [folder for _, folder in found if folder.startswith("s3://")]
        if len(remote) > 1:
            with ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="external") as pool:
                listed = pool.map(lambda one: list(self._of(*one)), found)
                for files in listed:
                    yield from files
            return
        for values, folder in found:
            yield from self._of(values, folder)

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder, without hidden ones."""
        store, prefix = self._opened(folder)
        return [name for name in store.folders(prefix) if not name.startswith((".", "_"))]

    def _of(self, values: Values, folder: str) -> Iterator[ExternalFile]:
        if not folder.startswith("s3://"):
            yield from (ExternalFile(uri, size, values) for uri, size in _on_disk(folder))
            return
        store, prefix = self._opened(folder)
        below = len(prefix) + 1 if prefix else 0
        found = False
        for info in store.list(prefix):
            found = True
            if not _is_hidden(info.path[below:]):
                yield ExternalFile(f"{store.root}/{info.path}", info.size_bytes, values)
        if not found and prefix:
            info_of_file = store.info(prefix)
            if info_of_file is not None:
                yield ExternalFile(folder, info_of_file.size_bytes, values)

    def _in_one_go(
        self, partitions: Sequence[tuple[Values, str]], around: str
    ) -> Iterator[ExternalFile]:
        """List all that lies around many folders, and divide it among these."""
        inside = {f: v for v, f in partitions if f.startswith(f"{around}/")}
        for values, folder in partitions:
            if folder not in inside:
                yield from self._of(values, folder)
        for file in self._of((), around):
            folder = posixpath.dirname(file.uri)
            while folder not in inside and len(folder) > len(around):
                folder = posixpath.dirname(folder)
            if folder in inside:
                yield ExternalFile(file.uri, file.size_bytes, inside[folder])

    def _store(self, root: str) -> ObjectStore:
        found = self._stores.get(root)
        if found is None:
            found = self._stores[root] = self._open(root)
        return found

    def _opened(self, folder: str) -> tuple[ObjectStore, str]:
        if not folder.startswith("s3://"):
            return self._store(posixpath.dirname(folder) or "/"), posixpath.basename(folder)
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        return self._store(f"s3://{bucket}"), prefix


def discovered(
    files: Files, entry: TableEntry, condition: PartitionCondition
) -> Iterator[tuple[Values, str]]:
    """Yield the partitions that a table's folders tell, of those that a query can need.

    Args:
        files: Lists folders.
        entry: The table; its folders are named `column=value`, or by values alone.
        condition: A folder whose value is not among those asked for is not entered.

    Raises:
        UnreadableTableError: a folder is named after another column.
    """
    level: list[tuple[Values, str]] = [((), entry.storage.location.rstrip("/"))]
    for column in entry.partition_keys:
        key, is_text = column.name, column.type.lower() == "string"
        asked = condition.equal_to(key)
        wanted = None if asked is None else {str(value) for value in asked}
        inner = []
        for values, folder in level:
            for name in files.folders(folder):
                value = _value(entry, key, name, folder)
                if _may_be(value, wanted, is_text=is_text):
                    inner.append(((*values, value), f"{folder}/{name}"))
        level = inner
    yield from level


def _value(entry: TableEntry, key: str, name: str, folder: str) -> str | None:
    column, mark, value = name.partition("=")
    if not mark:
        return name
    if column.casefold() != key.casefold():
        reason = f"{folder} holds the folder {name}, where one of {key}=… is expected"
        raise UnreadableTableError.column(str(entry.name), key, reason)
    return None if value == HIVE_NULL else unquote(value)


def _may_be(value: str | None, wanted: set[str] | None, *, is_text: bool) -> bool:
    """Whether a folder may hold a wanted value; `01` may be the number 1, `2026-1-2` a day."""
    if wanted is None or value is None:
        return wanted is None
    if value in wanted or is_text:
        return value in wanted
    return not value.isdecimal() or str(int(value)) in wanted


def _on_disk(folder: str, above: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """Yield path and size of each file below a folder, in order; of a file, its own.

    Args:
        above: Folders that a link was followed from: none is entered a second time.
    """
    if os.path.isfile(folder):  # noqa: PTH113 - millions of paths: no objects for them
        yield folder, os.stat(folder).st_size  # noqa: PTH116
        return
    try:
        with os.scandir(folder) as entries:
            held = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in held:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _entered(entry, folder, above)
        elif entry.is_file():
            yield entry.path, entry.stat().st_size


def _entered(
    entry: os.DirEntry[str], folder: str, above: frozenset[str]
) -> Iterator[tuple[str, int]]:
    if not entry.is_symlink():
        yield from _on_disk(entry.path, above)
        return
    place = os.path.realpath(entry.path)
    if place not in above and not folder.startswith(place):
        yield from _on_disk(entry.path, above | {place})


def strays(files: Iterable[ExternalFile], own: str, *, linked: bool) -> bool:
    """Whether some file really lies where no external table may lead.

    Args:
        files: As they were listed; those in buckets lie where they seem to.
        own: The lake's own folder, which no link may lead to; empty for none.
        linked: Whether a link may lead to any other place.
    """
    folders: dict[str, str] = {}
    for file in files:
        if file.uri.startswith("s3://"):
            continue
        folder, name = os.path.split(file.uri)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        real = f"{folders[folder]}/{name}"
        if os.path.islink(file.uri):  # noqa: PTH114 - millions of paths: no objects for them
            real = os.path.realpath(real)
        if (own and real.startswith(f"{own}/")) or not (linked or real == file.uri):
            return True
    return False


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))
