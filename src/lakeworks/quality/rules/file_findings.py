"""What files say of the rules on them: each test lists its files when it is judged.

Content is read only where it must be, in pieces.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Literal

from lakeworks.quality.comparison.numbers import satisfied
from lakeworks.quality.outcomes.evaluation import Finding, compared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.quality.language.ruleset import Condition
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import FileFacts, FileListing

COUNT = "Dataset.*.FileCount"
HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256"}
_CHUNK_BYTES = 1 << 20
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which files a rule looks at.

    Attributes:
        path: A file or a folder; empty for the files of the data themselves.
        recent: Only so many of the latest, or None for all.
        pattern: Only files whose URI has a part that matches.
        pattern_first: Whether the pattern is applied before the latest are taken.
    """

    listing: FileListing
    path: str
    recent: int | None = None
    pattern: str = ""
    pattern_first: bool = False

    def files(self, path: str | None = None) -> list[FileFacts]:
        """List them, the latest first."""
        found = self.listing.files(self.path if path is None else path)
        found = sorted(found, key=lambda file: (file.modified, file.uri), reverse=True)
        if self.pattern_first:
            return self._matching(found)[: self.recent]
        return self._matching(found[: self.recent])

    def _matching(self, files: list[FileFacts]) -> list[FileFacts]:
        return [file for file in files if re.search(self.pattern, file.uri)]


@dataclass(frozen=True, slots=True)
class FileShareTest:
    """How many files satisfy a test, against a threshold or all of them."""

    choice: FileChoice
    metric: str
    good: Callable[[FileFacts], bool]
    threshold: Condition | None
    bad: str
    kind: Literal["size", "time"]

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare the share; a path without files fails."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        others = [file for file in files if not self.good(file)]
        share = (len(files) - len(others)) / len(files)
        metrics = {self.metric: share, COUNT: float(len(files))}
        if self.kind == "size":
            sizes = [float(file.size_bytes) for file in files]
            metrics["Dataset.*.MaximumFileSize"] = max(sizes)
            metrics["Dataset.*.MinimumFileSize"] = min(sizes)
        passed = satisfied(share, self.threshold) if self.threshold else not others
        if passed:
            return Finding("Passed", metrics=metrics)
        asked = f", not {self.threshold}" if self.threshold else ""
        told = _told(others, self.kind)
        short = self.metric.removeprefix("Dataset.*.")
        reason = (
            f"{short} is {share:.6g}{asked}: {len(others)} of {len(files)} files {self.bad}"
        )
        return Finding("Failed", f"{reason}{told}", metrics)


@dataclass(frozen=True, slots=True)
class ChecksumTest:
    """Every file has one of the checksums that are given."""

    choice: FileChoice
    algorithm: str
    checksums: frozenset[str]

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Read every file; name those that have none of them."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        metrics = {COUNT: float(len(files))}
        others = [file for file in files if digest(file, self.algorithm) not in self.checksums]
        if not others:
            return Finding("Passed", metrics=metrics)
        reason = f"{len(others)} of {len(files)} files have none of the checksums"
        return Finding("Failed", f"{reason}{_told(others, '')}", metrics)


@dataclass(frozen=True, slots=True)
class SameFilesTest:
    """Two paths hold the same content, file by file."""

    choice: FileChoice
    other: str
    algorithm: str
    by_name: bool

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare what is at both paths."""
        ours, theirs = self.choice.files(), self.choice.files(self.other)
        if not ours:
            return _none_at(self.choice)
        metrics = {COUNT: float(len(ours))}
        first, second = self._keyed(ours), self._keyed(theirs)
        only_first = list((first - second).elements())
        only_second = list((second - first).elements())
        if not only_first and not only_second:
            return Finding("Passed", metrics=metrics)
        reason = (
            f"{len(only_first)} of {len(ours)} files are not at {self.other}, and "
            f"{len(only_second)} of {len(theirs)} are only there"
        )
        names = {self._key(file): file.uri for file in (*theirs, *ours)}
        told = _names([names[key] for key in (*only_first, *only_second)])
        return Finding("Failed", f"{reason}{told}", metrics)

    def _keyed(self, files: Sequence[FileFacts]) -> Counter[tuple[str, str]]:
        return Counter(self._key(file) for file in files)

    def _key(self, file: FileFacts) -> tuple[str, str]:
        return digest(file, self.algorithm), _name(file) if self.by_name else ""


@dataclass(frozen=True, slots=True)
class FileUniquenessTest:
    """The share of files whose content (or name, too) occurs once."""

    choice: FileChoice
    algorithm: str
    by_name: bool
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare the share; a path without files fails."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        contents = self._contents(files)
        names = Counter(map(_name, files))
        repeated = [
            file
            for file, content in zip(files, contents, strict=True)
            if contents.count(content) > 1 or (self.by_name and names[_name(file)] > 1)
        ]
        share = (len(files) - len(repeated)) / len(files)
        found = compared(
            "Dataset.*.FileUniquenessRatio", "FileUniqueness", share, self.condition
        )
        metrics = {**found.metrics, COUNT: float(len(files))}
        if found.outcome == "Passed":
            return Finding("Passed", metrics=metrics)
        reason = f"{found.reason}: {len(repeated)} of {len(files)} files are repeated"
        return Finding("Failed", f"{reason}{_told(repeated, '')}", metrics)

    def _contents(self, files: Sequence[FileFacts]) -> list[str]:
        """Read only files that have another's size: the others surely differ."""
        sizes = Counter(file.size_bytes for file in files)
        return [
            digest(file, self.algorithm)
            if sizes[file.size_bytes] > 1
            else f"size {file.size_bytes}"
            for file in files
        ]


def digest(file: FileFacts, algorithm: str) -> str:
    """Return a file's checksum in lower-case hexadecimal; it is read in pieces."""
    import hashlib

    found = hashlib.new(HASHES[algorithm], usedforsecurity=False)
    with file.open() as source:
        while piece := source.read(_CHUNK_BYTES):
            found.update(piece)
    return found.hexdigest()


def _none_at(choice: FileChoice) -> Finding:
    place = f"at {choice.path}" if choice.path else "behind the data"
    return Finding("Failed", f"there are no files {place}", {COUNT: 0.0})


def _name(file: FileFacts) -> str:
    return file.uri.rpartition("/")[2]


def _told(files: Sequence[FileFacts], kind: str) -> str:
    return _names([_described(file, kind) for file in files])


def _described(file: FileFacts, kind: str) -> str:
    if kind == "size":
        return f"{file.uri} ({file.size_bytes} B)"
    if kind == "time":
        return f"{file.uri} ({file.modified.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
    return file.uri


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f": {', '.join(names[:_SHOWN])}{more}" if names else ""
