"""List what lies below a target, in a folder or a bucket, whatever state it is in.

Nothing is opened. Hidden and unfinished files are passed over, as they are by readers; what
cannot be listed is named with its reason. Delta tables are found by their log and not entered.
"""

# os.scandir and plain strings throughout: a Path costs several times the call itself.
# ruff: noqa: PTH112, PTH113

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.crawlers.errors import TargetMissingError
from lakeworks.ingest.discover import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.core.exclusions import Exclusions

DELTA_LOG = "_delta_log"


@dataclass(slots=True)
class Listing:
    """What a target holds.

    Attributes:
        root: An absolute folder or `s3://bucket/prefix`, without a slash at its end.
        objects: Path below the root, and size in bytes, in order of path.
        delta: Folders that are Delta tables; empty text for the root itself.
        skipped: Path and reason of what could not be listed.
        excluded: How many objects the exclusions left out.
        hidden: How many hidden or unfinished files and folders were passed over.
    """

    root: str
    objects: list[tuple[str, int]] = field(default_factory=list)
    delta: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    excluded: int = 0
    hidden: int = 0


def list_target(root: str, exclusions: Exclusions, options: Mapping[str, str]) -> Listing:
    """List a folder, or a prefix of a bucket.

    Args:
        options: The environment's `s3:` settings.

    Raises:
        TargetMissingError: the folder does not exist, or is a file.
        StorageError: the bucket cannot be listed.
    """
    listing = Listing(root)
    if root.startswith("s3://"):
        _of_bucket(listing, exclusions, options)
    elif os.path.isdir(root):
        _Walk(listing, exclusions).run()
    elif os.path.isfile(root):
        raise TargetMissingError.file(root)
    else:
        raise TargetMissingError.folder(root)
    listing.objects.sort()
    listing.delta.sort()
    return listing


class _Walk:
    """Walks a folder without recursion: a tree may be deeper than Python's stack."""

    def __init__(self, listing: Listing, exclusions: Exclusions) -> None:
        self.listing = listing
        self.exclusions = exclusions
        self.inside = os.path.realpath(listing.root)
        self.linked: set[str] = set()
        self.waiting = [(listing.root, "")]

    def run(self) -> None:
        while self.waiting:
            folder, prefix = self.waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._skip(prefix.rstrip("/"), _reason(error, "listed"))
                continue
            if any(entry.name == DELTA_LOG and entry.is_dir() for entry in found):
                self.listing.delta.append(prefix.rstrip("/"))
                continue
            for entry in found:
                self._take(entry, prefix)

    def _take(self, entry: os.DirEntry[str], prefix: str) -> None:
        name = entry.name
        if passed_over(name):
            self.listing.hidden += 1
            return
        path = prefix + name
        if not name.isprintable():
            self._skip(path, "its name holds characters that are no text")
            return
        try:
            if entry.is_file():
                self._file(path, entry.stat().st_size)
            elif entry.is_dir():
                self._folder(entry, path)
            else:
                link = entry.is_symlink()
                why = "it is a link to nothing" if link else "it is no regular file"
                self._skip(path, why)
        except FileNotFoundError:
            self._skip(path, "it vanished")
        except OSError as error:
            self._skip(path, _reason(error, "looked at"))

    def _file(self, path: str, size_bytes: int) -> None:
        if self.exclusions.match(path):
            self.listing.excluded += 1
        else:
            self.listing.objects.append((path, size_bytes))

    def _folder(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_symlink():
            # Followed once, and only out of the target: so links can make neither a circle nor
            # more paths than there are folders.
            real = os.path.realpath(entry.path)
            within = f"{self.inside}/".startswith(f"{real}/") or f"{real}/".startswith(
                f"{self.inside}/"
            )
            if within or real in self.linked:
                self._skip(path, "it is a link to a folder that is crawled elsewhere")
                return
            self.linked.add(real)
        self.waiting.append((entry.path, f"{path}/"))

    def _skip(self, path: str, reason: str) -> None:
        self.listing.skipped.append((shown(path), reason))


def _of_bucket(listing: Listing, exclusions: Exclusions, options: Mapping[str, str]) -> None:
    from lakeworks.storage.objects import ObjectStore

    store = ObjectStore.open(listing.root, options)
    delta: set[str] = set()
    for info in store.list():
        parts = info.path.split("/")
        if DELTA_LOG in parts[:-1]:
            delta.add("/".join(parts[: parts.index(DELTA_LOG)]))
        elif not parts[-1] or any(passed_over(part) for part in parts):
            listing.hidden += 1  # a folder's mark, or a hidden file
        elif "" in parts or not info.path.isprintable():
            why = "its name is no path, or holds characters that are no text"
            listing.skipped.append((shown(info.path), why))
        elif exclusions.match(info.path):
            listing.excluded += 1
        else:
            listing.objects.append((info.path, info.size_bytes))
    listing.delta = list(delta)
    if delta:
        listing.objects = [one for one in listing.objects if not delta & set(_above(one[0]))]


def _above(path: str) -> Iterator[str]:
    """Give every folder that a path lies in, the root as empty text."""
    yield ""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def shown(path: str) -> str:
    r"""Return a path that can be stored and printed: what is no text is shown as `\xff`."""
    if path.isprintable():
        return path
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _reason(error: OSError, what: str) -> str:
    return f"it cannot be {what}: {error.strerror or type(error).__name__}"
